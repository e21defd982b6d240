from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plan.plans import read, written
from tiledmap.plan.hoist import hoist
from tiledmap.plan.passes import simplify
from tiledmap.testing import strategies
from tiledmap.testing.evaluate import RUN_TIME_ERRORS, evaluate
from tiledmap.testing.strategies.expressions import SETTINGS

SETTLED = {name: setting["default"] for name, setting in SETTINGS.items()}


def hoisted(source: str) -> tuple[str, dict[str, str]]:
    left, constants = hoist(read(source))
    return written(left), {name: written(constant) for name, constant in constants.items()}


@pytest.mark.parametrize(
    ("source", "left", "constants"),
    [
        ("event.time - start.time", "event.time - its_time", {"its_time": "start.time"}),
        ("value * 2", "value * 2", {}),
        ("start.time", "its_time", {"its_time": "start.time"}),
        (
            "event.seq_num + int(start.uid) + start.time * 2",
            "event.seq_num + constant + constant_2",
            {"constant": "int(start.uid)", "constant_2": "start.time * 2"},
        ),
        ("event.uid in ['a', 'b']", 'event.uid in ["a", "b"]', {}),
    ],
)
def test_what_no_row_changes_is_moved_out(
    source: str, left: str, constants: dict[str, str]
) -> None:
    assert hoisted(source) == (left, constants)


@pytest.mark.parametrize(
    "source",
    [
        "int(start.uid) if event.seq_num > 3 else event.seq_num",
        "event.seq_num > 3 and int(start.uid) > 4",
        "event.seq_num > 3 or int(start.uid) > 4",
        "event.seq_num > 3 > int(start.uid)",
        "default(value, int(start.uid))",
        "first(start.edge, event.uid)",
        "has(value)",
    ],
)
def test_nothing_is_moved_from_where_it_may_not_be_reached(source: str) -> None:
    _, constants = hoisted(source)
    assert constants == {}


def test_the_condition_of_a_choice_is_always_reached() -> None:
    left, constants = hoisted("event.time if start.dark else value")
    assert left == "event.time if its_dark else value"
    assert constants == {"its_dark": "start.dark"}


SCOPE = ("start", "event", "timestamp")
ROWS = st.builds(
    lambda start, number: {
        "start": start,
        "event": {"uid": f"e-{number}", "seq_num": number, "time": 10.0 + number},
        "timestamp": 1.0,
    },
    strategies.starts(),
    st.integers(1, 100),
)


def value_or_error(source: Any, scope: dict[str, Any]) -> Any:
    try:
        return repr(evaluate(source, scope))
    except RUN_TIME_ERRORS:
        return "fails"


@given(strategies.texts(SCOPE) | strategies.numbers(SCOPE) | strategies.conditions(SCOPE), ROWS)
def test_what_is_left_with_its_constants_has_the_same_value(
    source: str, row: dict[str, Any]
) -> None:
    expr = simplify(read(source), SETTLED)
    left, constants = hoist(expr)
    values = {name: value_or_error(constant, row) for name, constant in constants.items()}
    if "fails" in values.values():
        assert value_or_error(expr, row) == "fails"
        return
    computed = {name: evaluate(constant, row) for name, constant in constants.items()}
    assert value_or_error(left, {**row, **computed}) == value_or_error(expr, row)
