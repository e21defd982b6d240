from typing import Any

import numpy as np
from event_model import DocumentNames, schema_validators
from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.layouts import event, page
from tiledmap.runtime.event_check import (
    EventReader,
    event_page_problem,
    event_problem,
    page_length_problem,
)

ODD = st.sampled_from(
    [
        None,
        True,
        1,
        1.0,
        1.5,
        float("nan"),
        float("inf"),
        "text",
        b"bytes",
        (),
        (1,),
        [],
        [1.0],
        [True],
        ["a"],
        {},
        {"a": 1},
        {"a": True},
        {"a": "datum"},
        {"a": [True, "x"]},
        {"a": [1]},
        {"a": []},
        {"a": np.array([True, True])},
        {"a": np.array(["x", "y"])},
        {1: 2},
        1 + 2j,
        np.float64(1),
        np.float64(1.5),
        np.float32(2),
        np.int64(3),
        np.bool_(True),
        np.str_("s"),
        np.array([1, 2]),
        np.array([1.0, 2.0]),
        np.array(["a", "b"]),
        np.array(3.0),
        np.zeros((2, 2)),
    ]
)
FIELDS = st.sampled_from(
    ["data", "time", "timestamps", "descriptor", "seq_num", "uid", "filled", "extra", "", 3]
)
CHANGES = st.dictionaries(FIELDS, ODD, max_size=2)
REMOVED = st.sets(FIELDS, max_size=1)

EVENT = event(1, {"a": 1.5, "b": "text"})
PAGE = page([EVENT, event(2, {"a": 2, "b": None})])


def changed(document: dict[str, Any], changes: dict[Any, Any], removed: set[Any]) -> dict[Any, Any]:
    new = {**document, **changes}
    return {name: value for name, value in new.items() if name not in removed}


def valid(name: DocumentNames, document: dict[Any, Any]) -> bool:
    if "seq_num" in document:  # the schema does not know numpy's integers
        document = {**document, "seq_num": as_python(document["seq_num"])}
    try:
        return bool(schema_validators[name].is_valid(document))
    except TypeError:  # the schema has no word for it: an array of no dimensions
        return False


def as_python(value: Any) -> Any:
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind == "i":
        return value.tolist()
    return value


@given(CHANGES, REMOVED)
def test_an_event_is_taken_just_where_the_schema_takes_it(
    changes: dict[Any, Any], removed: set[Any]
) -> None:
    document = changed(EVENT, changes, removed)
    assert (event_problem(document) is None) == valid(DocumentNames.event, document)


@given(CHANGES, REMOVED)
def test_a_page_is_taken_just_where_the_schema_takes_it(
    changes: dict[Any, Any], removed: set[Any]
) -> None:
    document = changed(PAGE, changes, removed)
    assert (event_page_problem(document) is None) == valid(DocumentNames.event_page, document)


@given(CHANGES, REMOVED, st.sampled_from(["", "a"]))
def test_the_short_way_takes_only_what_the_schema_takes(
    changes: dict[Any, Any], removed: set[Any], external: str
) -> None:
    document = changed(EVENT, changes, removed)
    row = EventReader(("a", "b"), external).read(document)
    if row is not None:
        assert valid(DocumentNames.event, document)
        assert row == (
            document["seq_num"],
            document["time"],
            document["uid"],
            *document["data"].values(),
            *document["timestamps"].values(),
        )


def test_an_ordinary_event_goes_the_short_way() -> None:
    assert EventReader(("a", "b")).read(EVENT) == (1, 4.0, "desc-1-1", 1.5, "text", 3.125, 3.125)


def test_events_without_data_keys_and_with_one_go_the_short_way() -> None:
    assert EventReader(()).read(event(1, {})) == (1, 4.0, "desc-1-1")
    assert EventReader(("a",)).read(event(1, {"a": 2})) == (1, 4.0, "desc-1-1", 2, 3.125)


def test_a_page_with_a_short_column_is_refused() -> None:
    short = {**PAGE, "data": {"a": [1.0], "b": ["x", "y"]}}
    assert event_page_problem(short) is None
    assert page_length_problem(short) == "data.a has 1 items, seq_num has 2"
