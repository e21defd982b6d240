"""Expressions as trees that know where they stand.

A tree holds no Python object but literals, and no attribute of a Python object is ever taken.
"""

from dataclasses import dataclass, field

from tiledmap.problems import NOWHERE, Span


@dataclass(frozen=True, slots=True)
class Expr:
    """Any expression."""

    span: Span = field(default=NOWHERE, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Literal(Expr):
    """A text, number, truth value or None."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class ListOf(Expr):
    """A list written out."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Path(Expr):
    """A name in scope and the fields below it: ``start.sample["my name"]``.

    `spans` has one span for the root and one for each step.
    """

    root: str
    steps: tuple[str | int, ...] = ()
    spans: tuple[Span, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        steps = [
            f".{step}" if isinstance(step, str) and step.isidentifier() else f"[{step!r}]"
            for step in self.steps
        ]
        return self.root + "".join(steps)


@dataclass(frozen=True, slots=True)
class Item(Expr):
    """An item, by a constant, of something that is not a path: ``split(start.a, '/')[0]``."""

    base: Expr
    key: str | int


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """A call of a listed function."""

    function: str
    arguments: tuple[Expr, ...]
    name_span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Unary(Expr):
    """``not x``, ``-x``, ``+x``."""

    operator: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """``+ - * / // %``."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Compare(Expr):
    """A chain of comparisons: ``a < b <= c``; operators ``== != < <= > >= in`` and ``not in``."""

    first: Expr
    rest: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class Logical(Expr):
    """``a and b and c`` or ``a or b or c``."""

    operator: str
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Choice(Expr):
    """``x if condition else y``."""

    condition: Expr
    then: Expr
    otherwise: Expr
