"""Move out of a row's expression whatever no row changes, so that it is computed once."""

from dataclasses import replace

from tiledmap.language.expressions import (
    Call,
    Choice,
    Compare,
    Expr,
    ListOf,
    Literal,
    Logical,
    Path,
)
from tiledmap.plan.passes import paths_in, rebuild_children

PER_ROW = frozenset({"event", "value", "timestamp"})


def hoist(expr: Expr) -> tuple[Expr, dict[str, Expr]]:
    """Split an expression into what is left for each row, and named constants of the stream.

    Nothing is moved out of the arms of a condition, from behind ``and``, ``or`` or the first
    comparison of a chain, nor out of ``has``, ``default`` and ``first``: what is not reached must
    not fail, and what may be absent is not there to be named.
    """
    constants: dict[str, Expr] = {}
    return _hoist(expr, constants), constants


def _hoist(expr: Expr, constants: dict[str, Expr]) -> Expr:
    if isinstance(expr, Literal):
        return expr
    if not any(path.root in PER_ROW for path in paths_in(expr)):
        if isinstance(expr, ListOf) and not paths_in(expr):
            return expr
        return Path(_name(expr, constants), span=expr.span)
    match expr:
        case Choice(condition=condition):
            return replace(expr, condition=_hoist(condition, constants))
        case Logical(operands=(first, *others)):
            return replace(expr, operands=(_hoist(first, constants), *others))
        case Compare(first=first, rest=((sign, second), *others)):
            reached = (sign, _hoist(second, constants))
            return replace(expr, first=_hoist(first, constants), rest=(reached, *others))
        case Path() | Call(function="has" | "default" | "first"):
            return expr
        case _:
            return rebuild_children(expr, lambda inner: _hoist(inner, constants))


def _name(expr: Expr, constants: dict[str, Expr]) -> str:
    """A readable name for a constant: a path's last step, else ``constant``; numbered if taken."""
    stem = "constant"
    if isinstance(expr, Path) and expr.steps:
        step = str(expr.steps[-1])
        stem = f"its_{step}" if step.isascii() and step.isidentifier() else stem
    name, number = stem, 1
    while name in constants:
        number += 1
        name = f"{stem}_{number}"
    constants[name] = expr
    return name
