"""What expressions mean: the reference, by walking their trees.

Generated code is held to it. A well-typed expression raises only what `RUN_TIME_ERRORS` names.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from numbers import Number
from typing import Any

from tiledmap.language.expressions import (
    Binary,
    Call,
    Choice,
    Compare,
    Expr,
    Item,
    ListOf,
    Literal,
    Logical,
    Path,
    Unary,
)
from tiledmap.language.functions import Function, function_named
from tiledmap.runtime.functions import AbsentField, optional, required, take

RUN_TIME_ERRORS = (LookupError, ValueError, ArithmeticError)
"""What can go wrong with a well-typed expression: a field or item that is absent, a text that is no
number, a division by zero, a number out of range."""

Scope = Mapping[str, Any]

_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda item, items: item in items,
    "not in": lambda item, items: item not in items,
}
_UNARY: Mapping[str, Callable[[Any], Any]] = {
    "-": operator.neg,
    "+": operator.pos,
    "not": operator.not_,
}


def evaluate(expr: Expr, scope: Scope) -> Any:
    """Find the value of an expression.

    Parameters
    ----------
    expr
        An expression that the checks found nothing wrong with.
    scope
        The documents, settings and other values that it can name.
    """
    match expr:
        case Literal(value=value):
            return value
        case ListOf(items=items):
            return [evaluate(item, scope) for item in items]
        case Path(root=root, steps=steps):
            return required(scope, str(expr), root, *steps)
        case Item(base=base, key=key):
            return take(evaluate(base, scope), key)
        case Call():
            return _call(expr, scope)
        case Unary(operator=sign, operand=operand):
            return _UNARY[sign](evaluate(operand, scope))
        case Binary(operator=sign, left=left, right=right):
            return _calculate(sign, evaluate(left, scope), evaluate(right, scope))
        case Compare(first=first, rest=rest):
            return _compare(first, rest, scope)
        case Logical(operator=sign, operands=operands):
            decide = all if sign == "and" else any
            return decide(evaluate(operand, scope) for operand in operands)
        case Choice(condition=condition, then=then, otherwise=otherwise):
            return evaluate(then if evaluate(condition, scope) else otherwise, scope)
    raise TypeError(f"{type(expr).__name__} has no value")


def render(parts: Iterable[str | Expr], scope: Scope) -> Any:
    """Fill the holes of a text; exactly one hole keeps its value."""
    match tuple(parts):
        case (Expr() as only,):
            return evaluate(only, scope)
        case several:
            return "".join(
                part if isinstance(part, str) else str(evaluate(part, scope)) for part in several
            )


def _calculate(sign: str, left: Any, right: Any) -> Any:
    """Apply an operator to two numbers, or ``+`` to two texts or lists, and to nothing else."""
    numbers = isinstance(left, Number) and isinstance(right, Number)
    alike = any(isinstance(left, kind) and isinstance(right, kind) for kind in (str, list))
    if not (numbers or (sign == "+" and alike)):
        kinds = f"{type(left).__name__} and {type(right).__name__}"
        raise TypeError(f"'{sign}' does not take {kinds}")
    return _ARITHMETIC[sign](left, right)


def _compare(first: Expr, rest: tuple[tuple[str, Expr], ...], scope: Scope) -> bool:
    left = evaluate(first, scope)
    for sign, operand in rest:
        right = evaluate(operand, scope)
        if not _COMPARISONS[sign](left, right):
            return False
        left = right
    return True


def _call(call: Call, scope: Scope) -> Any:
    match call.function:
        case "has":
            return _if_present(call.arguments[0], scope) is not None
        case "default":
            value = _if_present(call.arguments[0], scope)
            return evaluate(call.arguments[1], scope) if value is None else value
        case "first":
            return _first(call, scope)
    function = function_named(call.function)
    if not isinstance(function, Function) or function.implementation is None:
        raise TypeError(f"no function '{call.function}'")
    return function.implementation(*(evaluate(argument, scope) for argument in call.arguments))


def _first(call: Call, scope: Scope) -> Any:
    for argument in call.arguments:
        value = _if_present(argument, scope)
        if value is not None:
            return value
    raise AbsentField(" and ".join(map(str, call.arguments)))


def _if_present(expr: Expr, scope: Scope) -> Any:
    """Find a value that may be absent, as None; only a path may be."""
    if isinstance(expr, Path):
        return optional(scope, expr.root, *expr.steps)
    return evaluate(expr, scope)
