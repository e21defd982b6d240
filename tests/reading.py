"""Read expressions and mappings from text, in tests."""

from dataclasses import dataclass

from tiledmap.language.expressions import Expr, parse_expression
from tiledmap.problems import Span


@dataclass(frozen=True)
class Words:
    """A scalar as the expression parser takes it, alone on a line."""

    value: str

    @property
    def span(self) -> Span:
        return self.span_of(0, len(self.value))

    def span_of(self, start: int, end: int) -> Span:
        return Span("<text>", 1, start + 1, 1, end + 1)


def read_expression(source: str) -> Expr:
    """Parse an expression that is right."""
    tree, problems = parse_expression(Words(source))
    assert not problems, problems
    assert tree is not None
    return tree
