"""The checks of datums take just what event-model's schemas take."""

from collections.abc import Callable
from typing import Any

import pytest
from event_model import DocumentNames, schema_validators
from hypothesis import given
from hypothesis import strategies as st

from tiledmap.runtime.datum_check import (
    datum_page_problem,
    datum_problem,
    stream_datum_problem,
)

ODD = st.sampled_from(
    [None, True, 1, 1.0, 1.5, float("nan"), "text", (), [], ["a"], [1], {}, {"a": 1}, {"a": ["x"]}]
)
LIMIT = st.sampled_from([0, 5, 5.0, -1, 0.5, True, None, "1"])
RANGE = st.fixed_dictionaries({}, optional={"start": LIMIT, "stop": LIMIT, "step": LIMIT}) | ODD


def documents(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Documents with some of the fields, odd ones among them, and fields of no schema."""
    return st.fixed_dictionaries({}, optional={**fields, "more": ODD})


TEXT = st.just("text") | ODD
DATUM = documents(datum_id=TEXT, resource=TEXT, datum_kwargs=st.just({"point_number": 1}) | ODD)
PAGE = documents(
    datum_id=st.just(["a"]) | ODD,
    resource=TEXT,
    datum_kwargs=st.just({"point_number": [1]}) | ODD,
)
STREAM_DATUM = documents(
    uid=TEXT, stream_resource=TEXT, descriptor=TEXT, indices=RANGE, seq_nums=RANGE
)


@pytest.mark.parametrize(
    ("name", "strategy", "check"),
    [
        ("datum", DATUM, datum_problem),
        ("datum_page", PAGE, datum_page_problem),
        ("stream_datum", STREAM_DATUM, stream_datum_problem),
    ],
)
def test_they_take_what_the_schema_takes(
    name: str, strategy: st.SearchStrategy[Any], check: Callable[[Any], str | None]
) -> None:
    validator = schema_validators[DocumentNames[name]]

    @given(strategy | ODD)
    def agree(document: Any) -> None:
        problem = check(document)
        if problem is None or " items, " not in problem:  # the schema does not count
            assert (problem is None) == validator.is_valid(document)

    agree()


def test_a_page_has_columns_of_one_length() -> None:
    page = {"resource": "RES", "datum_id": ["a", "b"], "datum_kwargs": {"point_number": [1]}}

    assert datum_page_problem(page) == ("datum_kwargs['point_number'] has 1 items, datum_id has 2")
