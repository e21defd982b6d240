"""Passes over a plan's expressions: each gives a simpler expression of the same value.

`PASSES` lists them in the order in which they run. `simplify` applies them to one expression,
`simplify_parts` to a text.
"""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from tiledmap.language.expressions import (
    Binary,
    Call,
    Choice,
    Compare,
    Expr,
    Literal,
    Logical,
    Path,
    Unary,
)
from tiledmap.plan.steps import Parts


def rebuild_children(expr: Expr, visit: Callable[[Expr], Expr]) -> Expr:
    """Replace every expression directly inside `expr` by what `visit` makes of it."""
    changes: dict[str, Any] = {}
    for field in fields(expr):
        value = getattr(expr, field.name)
        if isinstance(value, Expr):
            changes[field.name] = visit(value)
        elif field.name in ("items", "arguments", "operands"):
            changes[field.name] = tuple(map(visit, value))
        elif field.name == "rest":
            changes[field.name] = tuple((sign, visit(right)) for sign, right in value)
    return replace(expr, **changes) if changes else expr


def rebuild(expr: Expr, visit: Callable[[Expr], Expr]) -> Expr:
    """Apply `visit` to every expression inside `expr`, innermost first, and then to itself."""
    return visit(rebuild_children(expr, lambda inner: rebuild(inner, visit)))


def put_in_settings(expr: Expr, settings: Mapping[str, Any]) -> Expr:
    """``settings.max_columns`` becomes its value: settings are known when a mapping is compiled."""

    def visit(inner: Expr) -> Expr:
        if isinstance(inner, Path) and inner.root == "settings":
            return Literal(settings[str(inner.steps[0])], span=inner.span)
        return inner

    return rebuild(expr, visit)


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def fold_constants(expr: Expr, settings: Mapping[str, Any]) -> Expr:
    """Work out what no document changes: comparisons, arithmetic and logic of literals."""
    return rebuild(expr, _fold)


def _fold(expr: Expr) -> Expr:
    match expr:
        case Compare(first=Literal(value=left), rest=((sign, Literal(value=right)),)) if (
            sign in _COMPARISONS
        ):
            return Literal(_COMPARISONS[sign](left, right), span=expr.span)
        case Binary(operator=sign, left=Literal(value=left), right=Literal(value=right)) if (
            sign in _ARITHMETIC
        ):
            return _calculated(expr, _ARITHMETIC[sign], left, right)
        case Unary(operator="not", operand=Literal(value=bool() as value)):
            return Literal(not value, span=expr.span)
        case Unary(operator="-", operand=Literal(value=int() | float() as value)):
            return Literal(-value, span=expr.span)
        case Choice(condition=Literal(value=bool() as value)):
            return expr.then if value else expr.otherwise
        case Call(function="has", arguments=(Literal(value=value),)):
            return Literal(value is not None, span=expr.span)
        case Call(function="default" | "first", arguments=(Literal(value=value) as sure, *_)) if (
            value is not None
        ):
            return sure
        case Logical():
            return _fold_logical(expr)
    return expr


def _calculated(expr: Binary, calculate: Callable[[Any, Any], Any], left: Any, right: Any) -> Expr:
    """The result as a literal; what no literal can say is left to fail, or not, when it runs."""
    try:
        value = calculate(left, right)
    except ArithmeticError:
        return expr
    if isinstance(value, float) and not math.isfinite(value):
        return expr
    return Literal(value, span=expr.span)


def _fold_logical(expr: Logical) -> Expr:
    """Leave out operands that decide nothing; stop at the first that decides all."""
    neutral = expr.operator == "and"
    operands: list[Expr] = []
    for operand in expr.operands:
        if isinstance(operand, Literal) and operand.value is neutral:
            continue
        operands.append(operand)
        if isinstance(operand, Literal) and operand.value is (not neutral):
            break
    if not operands:
        return Literal(neutral, span=expr.span)
    if len(operands) == 1 or isinstance(operands[0], Literal):
        return operands[0]
    return replace(expr, operands=tuple(operands))


PASSES: tuple[Callable[[Expr, Mapping[str, Any]], Expr], ...] = (put_in_settings, fold_constants)


def simplify(expr: Expr, settings: Mapping[str, Any]) -> Expr:
    """Apply all passes."""
    for apply in PASSES:
        expr = apply(expr, settings)
    return expr


def simplify_parts(parts: Parts, settings: Mapping[str, Any]) -> Parts:
    """Apply all passes to the holes of a text, and join what became literal."""
    simplified = [part if isinstance(part, str) else simplify(part, settings) for part in parts]
    match simplified:
        case [Literal(value=str() as word)]:
            return (word,)
        case [Expr() as only]:
            return (only,)
    joined: list[str | Expr] = []
    for part in simplified:
        shown = str(part.value) if isinstance(part, Literal) else part
        if isinstance(shown, str) and joined and isinstance(joined[-1], str):
            joined[-1] += shown
        else:
            joined.append(shown)
    return tuple(joined)


def paths_in(expr: Expr) -> list[Path]:
    """Every path inside an expression, in reading order."""
    found: list[Path] = []

    def visit(inner: Expr) -> Expr:
        if isinstance(inner, Path):
            found.append(inner)
        return inner

    rebuild(expr, visit)
    return found
