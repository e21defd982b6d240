import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plan.plans import read, written
from tiledmap.codegen.python import PythonNotation
from tiledmap.plan.passes import simplify, simplify_parts
from tiledmap.testing import strategies
from tiledmap.testing.evaluate import RUN_TIME_ERRORS, evaluate
from tiledmap.testing.strategies.expressions import SETTINGS

DEFAULTS = {name: setting["default"] for name, setting in SETTINGS.items()}


@pytest.mark.parametrize(
    ("source", "simple"),
    [
        ("settings.limit", "3"),
        ("settings.limit + 2 * 5", "13"),
        ("settings.limit > 2", "True"),
        ("settings.limit > 2 and has(start.edge)", "has(start.edge)"),
        ("settings.limit > 9 and has(start.edge)", "False"),
        ("has(start.edge) or settings.dark", "has(start.edge) or True"),
        ("settings.dark or has(start.edge)", "True"),
        ("not settings.dark", "False"),
        ("start.uid if settings.dark else start.edge", "start.uid"),
        ("-settings.limit", "-3"),
        ("has(settings.hutch)", "True"),
        ("default(settings.limit, start.scan_id)", "3"),
        ("first(settings.limit, start.scan_id)", "3"),
        ("first(start.scan_id, settings.limit)", "first(start.scan_id, 3)"),
    ],
)
def test_what_no_document_changes_is_worked_out(source: str, simple: str) -> None:
    assert written(simplify(read(source), DEFAULTS)) == simple


@pytest.mark.parametrize("source", ["1e200 * 1e200", "1e308 + 1e308"])
def test_a_number_that_cannot_be_written_is_not_worked_out(source: str) -> None:
    assert simplify(read(source), {}) == read(source)


def test_what_fails_fails_when_it_runs() -> None:
    huge = "9223372036854775807 * " * 16 + "9223372036854775807 * 1.5"
    assert written(simplify(read(huge), {})).endswith(" * 1.5")


SCOPE = ("start", "descriptor")
STARTS = st.builds(
    lambda start: {
        "start": start,
        "descriptor": {"uid": "d-1", "time": 2.0, "name": "primary"},
    },
    strategies.starts(),
)


def outcome(expr: Any, scope: dict[str, Any]) -> Any:
    try:
        return repr(evaluate(expr, scope))
    except RUN_TIME_ERRORS as error:
        return type(error)


@given(strategies.texts(SCOPE) | strategies.numbers(SCOPE) | strategies.conditions(SCOPE), STARTS)
def test_a_simpler_expression_has_the_same_value(source: str, scope: dict[str, Any]) -> None:
    before = outcome(read(source), {**scope, "settings": DEFAULTS})
    after = outcome(simplify(read(source), DEFAULTS), scope)

    assert after == before


@given(strategies.texts(SCOPE) | strategies.numbers(SCOPE) | strategies.conditions(SCOPE))
def test_a_simpler_expression_is_python_without_a_warning(source: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compile(PythonNotation(set()).write(simplify(read(source), DEFAULTS)), "<test>", "eval")


def test_holes_that_became_literal_are_joined_with_the_text_around_them() -> None:
    parts = ("a_", read("settings.limit"), "_", read("start.uid"), "_", read("settings.hutch"))

    assert simplify_parts(parts, DEFAULTS) == ("a_3_", read("start.uid"), "_B'1\"")


def test_one_hole_keeps_the_type_of_its_value() -> None:
    (part,) = simplify_parts((read("settings.limit"),), DEFAULTS)

    assert part == read("3")
