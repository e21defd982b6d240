"""The expression language: a small subset of Python's.

`parse_expression` and `parse_text` read; everything after them works on the trees.
"""

from tiledmap.language.expression_parser import Located, parse_expression, parse_text
from tiledmap.language.trees import (
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

__all__ = [
    "Binary",
    "Call",
    "Choice",
    "Compare",
    "Expr",
    "Item",
    "ListOf",
    "Literal",
    "Located",
    "Logical",
    "Path",
    "Unary",
    "parse_expression",
    "parse_text",
]
