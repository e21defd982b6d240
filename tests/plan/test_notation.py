"""Expressions written out are the expressions that were read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reading import read_expression
from tiledmap.plan.notation import Notation, double_quoted, quote
from tiledmap.testing import strategies

SCOPE = ("start", "descriptor", "data_key", "event")


@given(
    strategies.texts(SCOPE) | strategies.numbers(SCOPE) | strategies.conditions(SCOPE),
)
def test_what_is_written_reads_as_the_same_expression(source: str) -> None:
    expression = read_expression(source)

    written = Notation().write(expression)

    assert read_expression(written) == expression


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("(start.a)", "start.a"),
        ("1 - (2 - 3)", "1 - (2 - 3)"),
        ("(1 - 2) - 3", "1 - 2 - 3"),
        ("-(1 + 2)", "-(1 + 2)"),
        ("not (a.b or a.c)", "not (a.b or a.c)"),
        ("(not a.b) or a.c", "not a.b or a.c"),
        ("(1 if a.b else 2) + 3", "(1 if a.b else 2) + 3"),
        ("(a.b == 1) == True", "(a.b == 1) == True"),
        ("start['odd name'].x[0]", "start['odd name'].x[0]"),
        ("split(a.b, '/')[-1]", 'split(a.b, "/")[-1]'),
    ],
)
def test_parentheses_stand_only_where_they_are_needed(source: str, written: str) -> None:
    assert Notation().write(read_expression(source)) == written


@given(st.text())
def test_quoted_text_is_the_text(text: str) -> None:
    assert eval(quote(text)) == text
    assert eval(double_quoted(text)) == text
