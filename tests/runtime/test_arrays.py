from typing import Any

import numpy as np
import pytest

from tests.runtime.conftest import Store
from tests.runtime.layouts import key, whole_run, with_stream
from tests.runtime.layouts import store as store_rule
from tiledmap.runtime.arrays import DimensionNames, filler
from tiledmap.runtime.layout import Stored
from tiledmap.sinks.memory import MemorySink, StoredNode

X = ("run-1", "primary", "x")


def array_of(
    stored: Store, data_key: dict[str, Any], rows: list[Any], **options: Any
) -> StoredNode:
    given = [{} if row is ... else {"x": row} for row in rows]
    sink = stored(whole_run({"x": data_key}, given), **options)
    assert sink.tree["run-1", "primary", "internal"].rows.num_rows == len(rows)
    return sink.tree[X]


def notes(sink: MemorySink) -> str:
    return "\n".join(sink.tree[("run-1",)].metadata.get("notes", []))


def run_notes(stored: Store, data_key: dict[str, Any], rows: list[Any], **options: Any) -> str:
    return notes(stored(whole_run({"x": data_key}, [{"x": row} for row in rows]), **options))


@pytest.mark.parametrize("flush_rows", [1, 2, 10])
def test_rows_are_stacked(stored: Store, flush_rows: int) -> None:
    rows = [[1, 2, 3], (4, 5.5, 6), np.array([7, 8, 9])]
    node = array_of(stored, key("array", (3,)), rows, flush_rows=flush_rows)
    assert node.data.dtype == np.dtype("<f8")
    assert node.data.tolist() == [[1, 2, 3], [4, 5.5, 6], [7, 8, 9]]
    assert node.dims == ("time", "dim_int_1")


@pytest.mark.parametrize(
    ("declared", "rows", "dtype"),
    [
        ("<i8", [[1, 2**62 + 1]], "<i8"),
        ("<u8", [[1, 2**64 - 1]], "<u8"),
        ("<u8", [[1, 2]], "<u8"),
        ("|u1", [np.array([1, 255], "u1")], "|u1"),
        ("<i4", [[1.0, 2.0]], "<i4"),
        ("<i4", [[0.5, 2.0]], "<f8"),
        ("<f8", [["a", "bc"]], "<U64"),
        ("<U0", [["a", "bc"]], "<U64"),
        ("<U0", [["a" * 50, "b"]], "<U100"),
        ("<U4", [["a", "b"]], "<U4"),
        ("|b1", [[True, False]], "|b1"),
        ("|b1", [[1, 0]], "|b1"),
        ("<c16", [[1j, 2]], "<c16"),
        ("|O8", [["a", "b"]], "<U64"),
        ("<f4", [[1.5, 2.5]], "<f4"),
    ],
)
def test_the_declared_dtype_is_kept_where_it_holds_the_values(
    stored: Store, declared: str, rows: list[Any], dtype: str
) -> None:
    node = array_of(stored, key("array", (2,), dtype_numpy=declared), rows)
    assert node.data.dtype == np.dtype(dtype)
    assert node.data.tolist() == [list(row) for row in rows]


def test_a_missing_value_gives_a_filled_row_and_a_note(stored: Store) -> None:
    node = array_of(stored, key("array", (2,), dtype_numpy="<i8"), [..., [1, 2], None])
    assert node.data.tolist() == [[0, 0], [1, 2], [0, 0]]
    text = run_notes(stored, key("array", (2,)), [None, [1, 2]])
    assert "event 1 has no value; its row is filled" in text


def test_the_real_shape_wins_where_all_rows_agree(stored: Store) -> None:
    node = array_of(stored, key("array", (5, 2)), [[1.0, 2.0, 3.0]] * 2)
    assert node.data.shape == (2, 3)
    text = run_notes(stored, key("array", (5, 2)), [[1.0, 2.0, 3.0]] * 2)
    assert "declared with the shape (5, 2), stored as (3,)" in text


def test_shorter_rows_are_filled_up_and_noted(stored: Store) -> None:
    node = array_of(stored, key("array", (3,)), [[1, 2, 3], [4]])
    assert np.array_equal(node.data, [[1, 2, 3], [4, np.nan, np.nan]], equal_nan=True)
    text = run_notes(stored, key("array", (3,)), [[1, 2, 3], [4]])
    assert "event 2 has the shape (1,); its row is filled up to (3,) with nan" in text


def test_a_row_longer_than_the_array_is_kept_in_the_notes(stored: Store) -> None:
    rows = [[1.5], [2.5, 3.5]]
    node = array_of(stored, key("array", (1,)), rows, flush_rows=1)
    assert np.array_equal(node.data, [[1.5], [np.nan]], equal_nan=True)
    assert "its value is [2.5, 3.5]" in run_notes(stored, key("array", (1,)), rows, flush_rows=1)


def test_a_text_that_is_too_long_is_never_cut(stored: Store) -> None:
    rows = [["ab"], ["abcdef"]]
    data_key = key("array", (1,), dtype_numpy="<U2")
    assert array_of(stored, data_key, rows, flush_rows=1).data.tolist() == [["ab"], [""]]
    assert "'abcdef'" in run_notes(stored, data_key, rows, flush_rows=1)


@pytest.mark.parametrize("flush_rows", [1, 10])
def test_empty_arrays_wait_for_one_with_elements(stored: Store, flush_rows: int) -> None:
    node = array_of(stored, key("array", (2,)), [[], [1, 2]], flush_rows=flush_rows)
    assert np.array_equal(node.data, [[np.nan, np.nan], [1, 2]], equal_nan=True)


@pytest.mark.parametrize("flush_rows", [1, 10])
@pytest.mark.parametrize("texts", [["a", "b"], [b"a", b"b"]])
def test_an_empty_array_among_texts_loses_none(
    stored: Store, flush_rows: int, texts: list[Any]
) -> None:
    node = array_of(stored, key("array", (2,)), [texts, [], texts], flush_rows=flush_rows)
    assert node.data.tolist() == [texts, [texts[0][:0]] * 2, texts]


@pytest.mark.parametrize("flush_rows", [1, 10])
def test_arrays_that_are_always_empty_are_stored_empty(stored: Store, flush_rows: int) -> None:
    node = array_of(stored, key("array", (0,)), [[], []], flush_rows=flush_rows)
    assert node.data.shape == (2, 0)


def test_an_array_that_never_has_a_value_has_no_node(stored: Store) -> None:
    sink = stored(whole_run({"x": key("array", (2,))}, [{}, {}]))
    assert X not in sink.tree
    assert "none of 2 events has a value" in notes(sink)


def test_floats_are_rounded_to_the_declared_precision_and_that_is_noted(stored: Store) -> None:
    data_key = key("array", (1,), dtype_numpy="<f4")
    assert array_of(stored, data_key, [[1.1]]).data.tolist() == [[float(np.float32(1.1))]]
    assert "rounded to float32" in run_notes(stored, data_key, [[1.1]])


def test_values_that_are_no_array_become_json_text(stored: Store) -> None:
    data_key = key("array", (2,), dtype_numpy=[["x", "<f8"], ["y", "<i4"]])
    node = array_of(stored, data_key, [[{"x": 1.5, "y": 2}]])
    assert node.data.tolist() == ['[{"x": 1.5, "y": 2}]']


def test_the_metadata_says_which_dtype_was_stored(stored: Store) -> None:
    layout = with_stream(
        store=lambda s, d, k: Stored(
            "array", "m.yaml:1", (k["name"],), metadata={"dtype_numpy": "<U0"}
        )
    )
    node = array_of(stored, key("array", (1,), dtype_numpy="<U0"), [["a"]], layout=layout)
    assert node.metadata == {"dtype_numpy": "<U64"}


@pytest.mark.parametrize("flush_rows", [1, 10])
def test_ragged_rows_keep_their_lengths(stored: Store, flush_rows: int) -> None:
    rows = [[1, 2, 3], [], [4.5], None]
    node = array_of(stored, key("array", (None,)), rows, flush_rows=flush_rows)
    assert [row.tolist() for row in node.ragged] == [[1.0, 2.0, 3.0], [], [4.5], []]
    assert node.shape == (None,)
    assert node.dims == ("time", "dim_rgd_1")


def test_lists_within_a_ragged_row_may_differ_in_length(stored: Store) -> None:
    rows = [[[0.5, 1.5], [2.5], []], [[3.5], [], [4.5]], None]
    node = array_of(stored, key("array", (3, None)), rows)
    assert [[item.tolist() for item in row] for row in node.ragged] == [*rows[:2], [[], [], []]]


def test_a_ragged_row_of_another_fixed_length_is_lost(stored: Store) -> None:
    rows = [[[1.0], [2.0]], [[1.0, 2.0], [3.0], [4.0]]]
    node = array_of(stored, key("array", (2, None)), rows)
    assert [row.tolist() for row in node.ragged] == [[[1.0], [2.0]], [[], []]]


def test_equal_lengths_share_a_dimension(stored: Store) -> None:
    keys = {
        "x": key("array", (3,)),
        "y": key("array", (2, 3)),
        "z": key("array", (3,), dims=["energy"]),
    }
    row = {"x": [1, 2, 3], "y": [[1, 2, 3]] * 2, "z": [1, 2, 3]}
    sink = stored(whole_run(keys, [row]))
    dims = {name: sink.tree["run-1", "primary", name].dims for name in keys}
    assert dims == {
        "x": ("time", "dim_int_1"),
        "y": ("time", "dim_int_2", "dim_int_1"),
        "z": ("time", "energy"),
    }


def test_names_of_dimensions_can_stand_around_the_dots() -> None:
    names = DimensionNames()
    assert names.fill_in(("time", "...", "x"), (), (2, 3)) == ("time", "dim_int_1", "x")
    assert names.fill_in(("...",), (), (2,))[1:] == ("dim_int_1",)
    assert names.fill_in(None, ("a",), (2,)) is None
    assert names.fill_in(("time", "y"), ("a",), (2,)) == ("time", "y")


def test_a_wrong_number_of_names_is_noted_and_left_out(stored: Store) -> None:
    def rule(start: Any, descriptor: Any, data_key: Any) -> Stored:
        given = store_rule(start, descriptor, data_key)
        return Stored(given.store, given.at, given.path, dims=("time",))

    node = array_of(stored, key("array", (2,)), [[1, 2]], layout=with_stream(store=rule))
    assert node.dims is None


@pytest.mark.parametrize(
    ("declared", "value"),
    [("<u8", -1), ("<i8", 2**63), ("<f8", 2**63 - 1), ("<f8", 2**64 - 1), ("<i8", 2.0**63)],
)
def test_no_number_wraps_around(stored: Store, declared: str, value: Any) -> None:
    node = array_of(stored, key("array", (1,), dtype_numpy=declared), [[1], [value]], flush_rows=1)
    assert np.array_equal(node.data, [[1], [filler(node.data.dtype)]], equal_nan=True)


def test_no_two_dimensions_of_an_array_share_a_name() -> None:
    names = DimensionNames()
    assert names.of((4, 4, 2)) == ("dim_int_1", "dim_int_2", "dim_int_3")
    assert names.of((2, 4, 4)) == ("dim_int_3", "dim_int_1", "dim_int_2")


class Unfriendly:
    """A value that cannot even be looked at."""

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("no array")


def test_values_of_any_class_keep_rows_in_their_places(stored: Store) -> None:
    rows = [[1, 2], Unfriendly(), np.array(["2026-01-01"], "M8[s]"), [3, 4]]
    node = array_of(stored, key("array", (2,), dtype_numpy="<i8"), rows, flush_rows=1)
    assert node.data.tolist() == [[1, 2], [0, 0], [0, 0], [3, 4]]
