import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.layouts import key
from tiledmap.runtime.columns import (
    FLOAT,
    INTEGER,
    JSON_TEXT,
    TEXT,
    batches_without_mixture,
    column_type,
    named_type,
    to_arrow,
)
from tiledmap.runtime.documents import describe

BOOLEAN = column_type(key("boolean"))


@pytest.mark.parametrize(
    ("data_key", "arrow"),
    [
        (key("number"), pa.float64()),
        (key("integer"), pa.int64()),
        (key("boolean"), pa.bool_()),
        (key("string"), pa.string()),
        (key("number", dtype_numpy="<f4"), pa.float64()),
        (key("number", dtype_numpy="<i2"), pa.int64()),
        (key("number", dtype_numpy="<u8"), pa.int64()),
        (key("string", dtype_numpy="|O8"), pa.string()),
        (key("array", (3,)), pa.list_(pa.float64())),
        (key("array", (3,), dtype_numpy="<i4"), pa.list_(pa.int64())),
        (key("array", (3, 2)), pa.list_(pa.list_(pa.float64()))),
        (key("array"), pa.list_(pa.float64())),
        (key("number", dtype_numpy="<c16"), pa.string()),
        (key("array", (3,), dtype_numpy=[["x", "<f8"]]), pa.string()),
    ],
)
def test_a_column_has_the_type_of_its_data_key(data_key: dict[str, Any], arrow: Any) -> None:
    assert column_type(describe("x", data_key)).arrow == arrow


@pytest.mark.parametrize(
    ("wanted", "values", "stored"),
    [
        (FLOAT, [0, 0.5, True, np.float32(0.5), np.int64(2), np.array(1.5), None], None),
        (FLOAT, [2**60, np.uint64(2**63), np.longdouble(0.5)], [2.0**60, 2.0**63, 0.5]),
        (INTEGER, [1, 2.0, True, np.int8(3), np.float64(4), np.uint64(5), None], None),
        (INTEGER, [float("nan")], [None]),
        (BOOLEAN, [True, 0, 1.0, np.bool_(False), None], None),
        (TEXT, ["a", np.str_("b"), b"c", None], ["a", "b", "c", None]),
        (JSON_TEXT, [{"a": 1}, np.array([1, 2]), None], ['{"a": 1}', "[1, 2]", None]),
    ],
)
def test_equal_values_are_stored(wanted: Any, values: list[Any], stored: list[Any] | None) -> None:
    array, losses = to_arrow(values, wanted)
    assert losses == []
    assert array.to_pylist() == (stored or values)


TEXTS = st.text(max_size=3) | st.sampled_from(["1", "2.5", "1e400", "nan", "inf", "true"])


@given(
    values=st.lists(st.none() | st.booleans() | st.integers() | st.floats() | TEXTS),
    wanted=st.sampled_from(
        [FLOAT, INTEGER, BOOLEAN, TEXT, JSON_TEXT, named_type("float32"), named_type("float64", 1)]
    ),
)
def test_what_is_known_of_values_changes_nothing(values: list[Any], wanted: Any) -> None:
    array, losses = to_arrow(values, wanted)
    known, known_losses = to_arrow(values, wanted, are_plain=True)
    assert known.type == array.type
    assert repr(known.to_pylist()) == repr(array.to_pylist())
    assert repr(known_losses) == repr(losses)


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        (INTEGER, 0.5),
        (INTEGER, 2**63),
        (INTEGER, np.uint64(2**63)),
        (INTEGER, "1"),
        (INTEGER, float("inf")),
        (FLOAT, 2**53 + 1),
        (FLOAT, np.uint64(2**64 - 1)),
        (FLOAT, "1.5"),
        (FLOAT, [1.5]),
        (FLOAT, 1j),
        (FLOAT, 10**400),
        (BOOLEAN, 2),
        (BOOLEAN, "yes"),
        (TEXT, 5),
        (TEXT, "nul\0"),
        (TEXT, "\ud800"),
        (TEXT, b"\xff"),
        (named_type("int8"), 300),
        (named_type("uint8"), -1),
        (named_type("float32"), 1e300),
        (column_type(key("array", (2,), dtype_numpy="<i8")), [1, 2.5]),
        (column_type(key("array", (2,))), 1.5),
    ],
)
def test_a_value_that_would_change_is_a_loss_and_a_null(wanted: Any, value: Any) -> None:
    array, losses = to_arrow([None, value], wanted)
    assert array.to_pylist() == [None, None]
    assert array.type == wanted.arrow
    assert [(loss.row, loss.value) for loss in losses] == [(1, value)]


NUMBERS = (
    st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.integers(0, 2**64 - 1).map(np.uint64)
    | st.integers(-(2**31), 2**31 - 1).map(np.int32)
    | st.floats(width=32).map(np.float32)
)


@given(st.sampled_from([INTEGER, FLOAT, BOOLEAN]), st.lists(NUMBERS, max_size=4))
def test_every_number_is_stored_exactly_or_is_a_loss(wanted: Any, values: list[Any]) -> None:
    array, losses = to_arrow(values, wanted)
    lost = {loss.row for loss in losses}
    for row, (value, stored) in enumerate(zip(values, array.to_pylist(), strict=True)):
        if row in lost:
            assert stored is None
        elif stored is None:
            assert math.isnan(value)
        else:
            given = value.item() if isinstance(value, np.generic) else value
            assert stored == given or (math.isnan(stored) and math.isnan(given))


def test_float32_is_rounded_where_the_mapping_asks_for_it() -> None:
    array, losses = to_arrow([1.1], named_type("float32"))
    assert array.to_pylist() == [float(np.float32(1.1))]
    assert losses == []


def test_lists_of_lists_and_arrays_are_stored_alike() -> None:
    wanted = column_type(key("array", (2,)))
    array, losses = to_arrow([[1, 2.5], np.array([1, 2]), (True, None), []], wanted)
    assert losses == []
    assert array.to_pylist() == [[1.0, 2.5], [1.0, 2.0], [1.0, None], []]


INTEGERS = st.lists(st.none() | st.integers(-3, 3) | st.sampled_from([2**53 + 1, -(2**60)]))


@given(INTEGERS, st.data())
def test_no_batch_has_a_null_beside_a_large_integer(values: list[Any], data: st.DataObject) -> None:
    others = data.draw(
        st.lists(st.none() | st.just(2**62), min_size=len(values), max_size=len(values))
    )
    schema = pa.schema([("a", pa.int64()), ("b", pa.int64())])
    rows = pa.record_batch([pa.array(values, pa.int64()), pa.array(others, pa.int64())], schema)
    parts = list(batches_without_mixture(rows))
    assert pa.Table.from_batches(parts, schema) == pa.Table.from_batches([rows])
    for part in parts:
        for column in part.columns:
            items = column.to_pylist()
            assert None not in items or all(abs(item or 0) <= 2**53 for item in items)
