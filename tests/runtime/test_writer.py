import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runtime.conftest import Store, frozen, write
from tests.runtime.layouts import (
    LAYOUT,
    RUN,
    TABLE,
    descriptor,
    event,
    key,
    page,
    start,
    stop,
    whole_run,
    with_run,
    with_stream,
    with_table,
)
from tiledmap.runtime.errors import (
    FailedWriteError,
    InvalidDocumentError,
    LossyValueError,
    OrphanDocumentError,
    RefusedRunError,
    RuleError,
)
from tiledmap.runtime.functions import AbsentField
from tiledmap.runtime.layout import (
    Column,
    Computed,
    DataKeyRepair,
    DocumentRepair,
    Dropped,
    EventField,
    Hook,
    KeyColumn,
    Repairs,
    Stored,
)
from tiledmap.runtime.ops import (
    AppendRows,
    CloseRun,
    CreateContainer,
    CreateTable,
    Op,
    PatchMetadata,
    Spec,
)
from tiledmap.runtime.writer import Writer
from tiledmap.sinks.memory import MemorySink, StoredNode

RUN_NODE = ("run-1",)
PRIMARY = ("run-1", "primary")
INTERNAL = ("run-1", "primary", "internal")
NUMBER = {"x": key()}


def rows(sink: MemorySink, path: tuple[str, ...] = INTERNAL) -> dict[str, list[Any]]:
    table = sink.tree[path].rows
    assert table is not None
    result: dict[str, list[Any]] = table.to_pydict()
    return result


def notes(sink: MemorySink, run: str = "run-1") -> str:
    return "\n".join(sink.tree[(run,)].metadata.get("notes", []))


# A run, whole


def test_a_run_becomes_a_tree(stored: Store) -> None:
    sink = stored(
        whole_run({"x": key(), "s": key("string")}, [{"x": 1, "s": "a"}, {"x": 2.5, "s": "b"}])
    )
    assert list(sink.tree) == [RUN_NODE, PRIMARY, INTERNAL]
    assert sink.tree[RUN_NODE].metadata == {"start": start(), "stop": stop()}
    assert sink.tree[RUN_NODE].specs == (Spec("BlueskyRun", "3.0"),)
    assert sink.tree[PRIMARY].metadata == {
        "uid": "desc-1",
        "time": 2.0,
        "data_keys": {
            "x": {**key(), "dtype_numpy": "<f8"},
            "s": {**key("string"), "dtype_numpy": "<U0"},
        },
    }
    assert sink.tree[INTERNAL].metadata == sink.tree[PRIMARY].metadata["data_keys"]
    assert rows(sink) == {
        "seq_num": [1, 2],
        "time": [4.0, 5.0],
        "x": [1.0, 2.5],
        "s": ["a", "b"],
        "ts_x": [3.125, 3.25],
        "ts_s": [3.125, 3.25],
    }
    assert sink.tree[RUN_NODE].closed


def test_every_op_knows_its_run_and_its_line(stored: Store) -> None:
    sink = stored(whole_run(NUMBER, [{"x": 1}]))
    assert [(type(op), op.path, op.at) for op in sink.ops] == [
        (CreateContainer, RUN_NODE, "m.yaml:10"),
        (CreateContainer, PRIMARY, "m.yaml:9"),
        (CreateTable, INTERNAL, "m.yaml:8"),
        (AppendRows, INTERNAL, "m.yaml:8"),
        (CloseRun, RUN_NODE, "m.yaml:10"),
    ]
    assert {op.run for op in sink.ops} == {"run-1"}


def test_tables_are_there_before_any_row(stored: Store) -> None:
    sink = stored(list(whole_run(NUMBER, []))[:2])
    assert sink.tree[INTERNAL].rows.num_rows == 0


def test_interleaved_and_nested_runs_are_kept_apart(stored: Store) -> None:
    sink = stored(
        [
            ("start", start("outer")),
            ("descriptor", descriptor(NUMBER, "outer", "d-outer")),
            ("start", start("inner")),
            ("event", event(1, {"x": 1}, "d-outer")),
            ("descriptor", descriptor(NUMBER, "inner", "d-inner")),
            ("event", event(1, {"x": 2}, "d-inner")),
            ("event", event(2, {"x": 3}, "d-outer")),
            ("stop", stop("inner")),
            ("event", event(3, {"x": 4}, "d-outer")),
            ("stop", stop("outer")),
        ]
    )
    assert rows(sink, ("outer", "primary", "internal"))["x"] == [1, 3, 4]
    assert rows(sink, ("inner", "primary", "internal"))["x"] == [2]


def test_metadata_is_stored_exactly(stored: Store) -> None:
    documents = [
        ("start", start(big=2**70, limits=[float("inf")])),
        (
            "descriptor",
            descriptor({"x": key(limits={"control": {"low": -np.inf, "high": np.inf}})}),
        ),
        ("stop", stop(reason="nul\0")),
    ]
    sink = stored(documents)
    run = sink.tree[RUN_NODE].metadata
    assert run["start"]["big"] is None
    assert run["_exact"] == [
        {"path": ["start", "big"], "integer": str(2**70)},
        {"path": ["start", "limits", 0], "float": "inf"},
        {"path": ["stop", "reason"], "text": "nul\\x00"},
    ]
    assert len(sink.tree[PRIMARY].metadata["_exact"]) == 2
    assert len(sink.tree[INTERNAL].metadata["_exact"]) == 2


def test_what_is_no_json_is_noted(stored: Store) -> None:
    class Thing:
        def __repr__(self) -> str:
            return "<thing>"

    sink = stored([("start", start(thing=Thing())), ("stop", stop())])
    assert "metadata start.thing: Thing is no JSON data" in notes(sink)
    assert sink.tree[RUN_NODE].metadata["_exact"] == [
        {"path": ["start", "thing"], "repr": "<thing>"}
    ]


def test_each_run_asks_for_the_shared_containers_above_it() -> None:
    layout = with_run(path=lambda start: ("2026", "smi", start["uid"]))
    sink = write(
        [("start", start()), ("stop", stop()), ("start", start("b")), ("stop", stop("b"))], layout
    )
    made = [(op.path, op.shared) for op in sink.ops if isinstance(op, CreateContainer)]
    assert made == [
        (("2026",), True),
        (("2026", "smi"), True),
        (("2026", "smi", "run-1"), False),
        (("2026",), True),
        (("2026", "smi"), True),
        (("2026", "smi", "b"), False),
    ]


def test_containers_above_streams_are_made_once_per_run() -> None:
    layout = with_stream(path=lambda s, d: ("streams", d["name"]))
    sink = write(
        [
            ("start", start()),
            ("descriptor", descriptor(NUMBER)),
            ("descriptor", descriptor(NUMBER, uid="d2", name="baseline")),
            ("stop", stop()),
        ],
        layout,
    )
    assert ("run-1", "streams", "primary", "internal") in sink.tree
    assert ("run-1", "streams", "baseline", "internal") in sink.tree
    assert sum(op.path == ("run-1", "streams") for op in sink.ops) == 1


def test_every_node_has_the_access_tags_of_its_run(stored: Store) -> None:
    keys = {"x": key(), "image": key("array", (2,))}
    documents = list(whole_run(keys, [{"x": 1, "image": [1, 2]}]))
    documents[0] = ("start", start(tiled_access_tags=["a", "b"]))
    sink = stored(documents)
    assert {node.access_tags for node in sink.tree.values()} == {("a", "b")}
    assert "tiled_access_tags" not in sink.tree[RUN_NODE].metadata["start"]


# Rows


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "x": st.none() | st.floats(allow_nan=False) | st.integers(-9, 9),
            "n": st.none() | st.integers(-(2**63), 2**63 - 1),
            "s": st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=3),
            "b": st.booleans(),
            "v": st.lists(st.integers(-9, 9), min_size=2, max_size=2),
            "r": st.lists(st.floats(allow_nan=False), max_size=3),
        }
    ),
    max_size=12,
)
KEYS = {
    "x": key("number"),
    "n": key("integer"),
    "s": key("string"),
    "b": key("boolean"),
    "v": key("array", (2,), dtype_numpy="<i8"),
    "r": key("array", (None,)),
}


def same_tree(one: dict[Any, StoredNode], other: dict[Any, StoredNode]) -> bool:
    assert one.keys() == other.keys()
    for path, node in one.items():
        twin = other[path]
        plain = {"rows": None, "data": None, "ragged": ()}
        assert replace(node, **plain) == replace(twin, **plain)
        assert node.rows == twin.rows
        assert np.array_equal(node.data, twin.data) if node.data is not None else twin.data is None
        assert [row.tolist() for row in node.ragged] == [row.tolist() for row in twin.ragged]
    return True


@settings(deadline=None)
@given(ROWS, st.integers(1, 12), st.data())
def test_batching_never_changes_the_tree(
    given_rows: list[Any], most: int, data: st.DataObject
) -> None:
    events = [event(number, row) for number, row in enumerate(given_rows, start=1)]
    opening = [("start", start()), ("descriptor", descriptor(KEYS))]
    plain = write([*opening, *(("event", e) for e in events), ("stop", stop())])
    mixed: list[tuple[str, Any]] = []
    rest = events
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        part, rest = rest[:size], rest[size:]
        as_page = data.draw(st.booleans())
        mixed += [("event_page", page(part))] if as_page else [("event", e) for e in part]
    other = write([*opening, *mixed, ("stop", stop())], flush_rows=most)
    assert same_tree(plain.tree, other.tree)


def test_pages_of_numpy_columns_are_stored_as_they_are(stored: Store) -> None:
    columns = {
        "x": np.array([0.5, np.nan]),
        "n": np.array([1, 2**62]),
        "s": np.array(["a", "b"]),
        "b": np.array([True, False]),
        "v": np.array([[1, 2], [3, 4]]),
        "r": [np.array([1.0]), np.array([])],
    }
    given_page = page([event(1, dict.fromkeys(KEYS)), event(2, dict.fromkeys(KEYS))])
    given_page["data"] = columns
    sink = stored(
        [
            ("start", start()),
            ("descriptor", descriptor(KEYS)),
            ("event_page", given_page),
            ("event", event(3, {"x": 1, "n": 2, "s": "c", "b": True, "v": [5, 6], "r": []})),
            ("stop", stop()),
        ]
    )
    table = rows(sink)
    assert table["n"] == [1, 2**62, 2]
    assert table["s"] == ["a", "b", "c"]
    assert sink.tree[*PRIMARY, "v"].data.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_rows_leave_by_count() -> None:
    sink = write(whole_run(NUMBER, [{"x": n} for n in range(5)]), flush_rows=2)
    appended = [(op.first, op.rows.num_rows) for op in sink.ops if isinstance(op, AppendRows)]
    assert appended == [(0, 2), (2, 2), (4, 1)]


def test_rows_leave_by_age() -> None:
    now = 0.0
    sink = MemorySink()
    writer = Writer(LAYOUT, sink, delivery="inline", flush_seconds=1.0, clock=lambda: now)
    writer("start", start())
    writer("descriptor", descriptor(NUMBER))
    writer("event", event(1, {"x": 1}))
    now = 0.9
    writer("event", event(2, {"x": 2}))
    assert rows(sink)["seq_num"] == []
    now = 1.1
    writer("start", start("another"))
    assert rows(sink)["seq_num"] == [1, 2]


def test_flush_sends_what_waits() -> None:
    sink = MemorySink()
    writer = Writer(LAYOUT, sink, delivery="inline")
    for name, document in list(whole_run(NUMBER, [{"x": 1}]))[:-1]:
        writer(name, document)
    writer.flush()
    assert rows(sink)["x"] == [1]


def test_arrays_arrive_before_the_rows_of_the_table(stored: Store) -> None:
    sink = stored(whole_run({"image": key("array", (2,))}, [{"image": [1, 2]}]))
    paths = [op.path for op in sink.ops]
    assert paths.index((*PRIMARY, "image")) < max(
        place for place, op in enumerate(sink.ops) if isinstance(op, AppendRows)
    )


def test_bulk_events_are_events(stored: Store) -> None:
    sink = stored(
        [
            ("start", start()),
            ("descriptor", descriptor(NUMBER)),
            ("bulk_events", {"primary": [event(1, {"x": 1}), event(2, {"x": 2})]}),
            ("stop", stop()),
        ]
    )
    assert rows(sink)["x"] == [1, 2]


def test_no_integer_column_mixes_nulls_and_large_integers(stored: Store) -> None:
    sink = stored(whole_run({"n": key("integer")}, [{"n": 2**60}, {"n": None}, {"n": 1}]))
    batches = [op.rows["n"].to_pylist() for op in sink.ops if isinstance(op, AppendRows)]
    assert batches == [[2**60], [None, 1]]


# What does not fit


def test_a_value_that_does_not_fit_becomes_null_and_is_kept_in_the_notes(
    stored: Store, caplog: pytest.LogCaptureFixture
) -> None:
    sink = stored(whole_run({"n": key("integer")}, [{"n": 1}, {"n": 0.5}, {"n": 2.0}]))
    assert rows(sink)["n"] == [1, None, 2]
    text = "event 2 of stream 'primary': 'n' is not stored: is no whole number; its value is 0.5"
    assert text in notes(sink)
    assert "run run-1, event 2 of stream 'primary'" in caplog.text
    assert "m.yaml:6" in caplog.text


def test_a_value_that_does_not_fit_can_be_raised_once_the_rest_is_stored() -> None:
    sink = MemorySink()
    writer = Writer(LAYOUT, sink, delivery="inline", on_error="raise", flush_rows=2)
    writer("start", start())
    writer("descriptor", descriptor({"n": key("integer")}))
    writer("event", event(1, {"n": "one"}))
    with pytest.raises(LossyValueError, match=r"event 1 of stream 'primary'.*'one'") as caught:
        writer("event", event(2, {"n": 2}))
    assert caught.value.__notes__ == ["asked for at m.yaml:6"]
    assert rows(sink)["n"] == [None, 2]


def test_notes_on_one_column_are_bounded(stored: Store) -> None:
    sink = stored(whole_run({"n": key("integer")}, [{"n": n + 0.5} for n in range(150)]))
    assert len(sink.tree[RUN_NODE].metadata["notes"]) == 101
    assert "50 more like these" in notes(sink)


def test_a_missing_key_is_null_and_noted(stored: Store) -> None:
    sink = stored(whole_run({"x": key(), "y": key()}, [{"x": 1, "y": 1}, {"x": 2}]))
    assert rows(sink)["y"] == [1, None]
    assert "stream 'primary': event 2 has no data['y']" in notes(sink)


def test_a_key_that_the_descriptor_does_not_have_is_noted_with_its_value(
    stored: Store, caplog: pytest.LogCaptureFixture
) -> None:
    sink = stored(whole_run(NUMBER, [{"x": 1, "extra": 7}]))
    assert rows(sink)["x"] == [1]
    assert "'extra' is not stored" in notes(sink)
    assert "its value is 7" in notes(sink)
    assert "'extra'" in caplog.text


def test_an_invalid_event_is_an_error_and_the_rest_is_stored(
    stored: Store, caplog: pytest.LogCaptureFixture
) -> None:
    documents = list(whole_run(NUMBER, [{"x": 1}, {"x": 2}]))
    documents[2] = ("event", {**documents[2][1], "seq_num": "one"})
    sink = stored(documents)
    assert rows(sink)["seq_num"] == [2]
    assert "seq_num is no integer" in caplog.text


def test_a_page_whose_numbers_cannot_be_compared_is_an_error_of_its_documents(
    stored: Store,
) -> None:
    first, last = event(1, {"x": 1}), event(2, {"x": 2})
    odd = ("event_page", {**page([first, last]), "seq_num": [1, "two"]})
    sink = stored([("start", start()), ("descriptor", descriptor(NUMBER)), odd, ("event", last)])
    assert rows(sink)["seq_num"] == [2]
    assert "seq_num is no array of integers" in notes(sink)


def test_values_of_a_stream_with_a_structured_type_become_json_text(stored: Store) -> None:
    keys = {"p": key("number", dtype_numpy=[["x", "<f8"]])}
    sink = stored(whole_run(keys, [{"p": {"x": 1.5}}]))
    assert rows(sink)["p"] == ['{"x": 1.5}']
    assert "stored as JSON text" in notes(sink)


# Names


def test_reserved_names_are_changed_everywhere(stored: Store) -> None:
    keys = {"time": key(), "x": key()}
    described = descriptor(
        keys, object_keys={"det": ["time", "x"]}, hints={"det": {"fields": ["time"]}}
    )
    sink = stored(
        [
            ("start", start()),
            ("descriptor", described),
            ("event", event(1, {"time": 7.5, "x": 1})),
            ("stop", stop()),
        ],
        with_stream(metadata=lambda s, d: dict(d)),
    )
    metadata = sink.tree[PRIMARY].metadata
    assert set(metadata["data_keys"]) == {"time_", "x"}
    assert metadata["data_keys"]["time_"]["object_name"] == "det"
    assert metadata["object_keys"] == {"det": ["time_", "x"]}
    assert metadata["hints"] == {"det": {"fields": ["time_"]}}
    assert rows(sink)["time"] == [4.0]
    assert rows(sink)["time_"] == [7.5]
    assert rows(sink)["ts_time_"] == [3.125]
    assert "Renamed data_key 'time' to 'time_' in stream primary" in notes(sink)


def test_keys_that_sql_would_confuse_are_all_stored(stored: Store) -> None:
    names = ["a", "ts_a", "Det", "det", "x (mm)", "1st", "internal"]
    keys = {name: key() for name in names} | {"internal": key("array", (2,))}
    row = {name: float(place) for place, name in enumerate(names)} | {"internal": [1, 2]}
    sink = stored(whole_run(keys, [row]))
    values = {name: values[0] for name, values in rows(sink).items()}
    assert values["a"] == 0
    assert values["key_ts_a"] == 1
    assert values["det_2"] == 3
    assert values["x _mm_"] == 4
    assert values["key_1st"] == 5
    assert sink.tree[*PRIMARY, "internal_"].data.tolist() == [[1, 2]]


def test_a_node_key_that_tiled_cannot_reach_is_refused_before_it_is_sent(
    stored: Store, caplog: pytest.LogCaptureFixture
) -> None:
    sink = stored([("start", start()), ("stop", stop())], with_run(path=lambda s: ("Ni/foil",)))
    assert list(sink.tree) == [RUN_NODE]
    assert "'Ni/foil' cannot be the key of a node" in notes(sink)


# Wide tables


def test_a_wide_table_is_split_and_each_part_has_its_rows() -> None:
    keys = {f"k{number}": key() for number in range(5)}
    row = dict.fromkeys(keys, 1.0)
    sink = write(whole_run(keys, [row]), with_table(max_columns=6))
    parts = [path for path in sink.tree if len(path) == 3]
    assert parts == [(*PRIMARY, f"internal_{number}") for number in range(3)]
    assert list(rows(sink, parts[0])) == ["seq_num", "time", "k0", "k1", "ts_k0", "ts_k1"]
    assert list(rows(sink, parts[2])) == ["seq_num", "time", "k4", "ts_k4"]
    assert set(sink.tree[parts[1]].metadata) == {"k2", "k3"}
    assert sink.tree[PRIMARY].specs == (Spec("BlueskyEventStream", "3.0"),)


# Several descriptors for one stream


def configured(value: int) -> dict[str, Any]:
    return {
        "det": {"data": {"gain": value}, "timestamps": {"gain": 1.0}, "data_keys": {"gain": key()}}
    }


def test_a_later_descriptor_updates_the_configuration(stored: Store) -> None:
    sink = stored(
        [
            ("start", start()),
            ("descriptor", descriptor(NUMBER, configuration=configured(1))),
            ("event", event(1, {"x": 1})),
            ("descriptor", descriptor(NUMBER, uid="d2", configuration=configured(2))),
            ("event", event(2, {"x": 2}, "d2")),
            ("descriptor", descriptor({"x": key(units="mm")}, uid="d3")),
            ("event", event(3, {"x": 3}, "d3")),
            ("stop", stop()),
        ]
    )
    updates = sink.tree[PRIMARY].metadata["_config_updates"]
    assert [update["uid"] for update in updates] == ["d2", "d3"]
    assert updates[0]["configuration"]["det"]["data"] == {"gain": 2}
    assert "data_keys" not in updates[0]
    assert updates[1]["data_keys"] == {"x": {**key(units="mm"), "dtype_numpy": "<f8"}}
    assert rows(sink)["x"] == [1, 2, 3]


@pytest.mark.parametrize("other", [{"x": key(), "y": key()}, {"x": key("string")}])
def test_a_descriptor_with_other_data_keys_opens_a_new_node(stored: Store, other: Any) -> None:
    sink = stored(
        [
            ("start", start()),
            ("descriptor", descriptor(NUMBER)),
            ("event", event(1, {"x": 1})),
            ("descriptor", descriptor(other, uid="d2")),
            ("event", event(2, dict.fromkeys(other), "d2")),
            ("event", event(3, {"x": 3})),
            ("stop", stop()),
        ]
    )
    assert rows(sink)["seq_num"] == [1, 3]
    assert rows(sink, ("run-1", "primary_2", "internal"))["seq_num"] == [2]
    assert sink.tree["run-1", "primary_2"].metadata["continues"] == "primary"
    assert "continues in run-1/primary_2" in notes(sink)


def test_a_descriptor_like_the_first_goes_back_to_the_first_node(stored: Store) -> None:
    sink = stored(
        [
            ("start", start()),
            ("descriptor", descriptor(NUMBER)),
            ("descriptor", descriptor({"y": key()}, uid="d2")),
            ("descriptor", descriptor(NUMBER, uid="d3")),
            ("event", event(1, {"x": 1}, "d3")),
            ("stop", stop()),
        ]
    )
    assert rows(sink)["x"] == [1]


# Dropped, external, computed


def test_a_dropped_stream_is_passed_over_quietly(
    stored: Store, caplog: pytest.LogCaptureFixture
) -> None:
    layout = replace(LAYOUT, select_stream=lambda s, d: Dropped("live plots only", "m.yaml:3"))
    sink = stored(whole_run(NUMBER, [{"x": 1}]), layout)
    assert list(sink.tree) == [RUN_NODE]
    assert caplog.records == []


def test_a_dropped_data_key_leaves_the_others(stored: Store) -> None:
    def rule(start: Any, descriptor: Any, data_key: Any) -> Stored | Dropped:
        if data_key["name"] == "y":
            return Dropped("never read", "m.yaml:3")
        return Stored("table", at="m.yaml:4", table="internal")

    sink = stored(whole_run({"x": key(), "y": key()}, [{"x": 1, "y": 2}]), with_stream(store=rule))
    assert "y" not in rows(sink)
    assert "data_key 'y' in stream 'primary' is not stored: never read" in notes(sink)


def test_an_invalid_document_about_files_is_an_error(
    stored: Store, caplog: pytest.LogCaptureFixture
) -> None:
    invalid = {"uid": "res", "run_start": "run-1"}
    stored([("start", start()), ("stream_resource", invalid), ("stop", stop())])
    assert "run run-1, stream_resource:" in caplog.text


def computed_columns(failing: bool = False) -> Any:
    def double(start: Any, descriptor: Any, data_key: Any) -> Any:
        factor = start["factor"]

        def cell(event: Any, value: Any, timestamp: Any) -> Any:
            if failing and event["seq_num"] == 2:
                raise AbsentField("event.data.y")
            return value * factor + event["seq_num"]

        return cell

    return with_table(
        columns=(
            *TABLE.columns,
            Column(lambda s, d: "uid", "string", EventField("uid"), "m.yaml:20"),
            Column(lambda s, d: "filled", None, EventField("filled"), "m.yaml:21"),
            KeyColumn(
                lambda s, d, k: f"double_{k['name']}",
                lambda k, stored: stored == "table",
                None,
                Computed(double),
                "m.yaml:22",
            ),
        )
    )


@pytest.mark.parametrize("as_page", [False, True])
def test_computed_columns_see_event_value_and_timestamp(stored: Store, as_page: bool) -> None:
    events = [event(n, {"x": float(n)}) for n in (1, 2)]
    documents = [("event_page", page(events))] if as_page else [("event", e) for e in events]
    sink = stored(
        [
            ("start", start(factor=10)),
            ("descriptor", descriptor(NUMBER)),
            *documents,
            ("stop", stop()),
        ],
        computed_columns(),
    )
    assert rows(sink)["double_x"] == [11.0, 22.0]
    assert rows(sink)["uid"] == ["desc-1-1", "desc-1-2"]
    assert rows(sink)["filled"] == ["{}", "{}"]


def test_an_expression_that_raises_gives_a_null_and_a_note(
    stored: Store, caplog: pytest.LogCaptureFixture
) -> None:
    documents = list(whole_run(NUMBER, [{"x": 1.0}, {"x": 2.0}]))
    documents[0] = ("start", start(factor=10))
    sink = stored(documents, computed_columns(failing=True))
    assert rows(sink)["double_x"] == [11.0, None]
    assert "'double_x' could not be stored: AbsentField" in notes(sink)
    assert "m.yaml:22" in caplog.text


# Repairs and hooks


def test_repairs_and_hooks_come_first_and_change_nothing_given(stored: Store) -> None:
    def add_sample(start: dict[str, Any]) -> dict[str, Any]:
        start["sample"] = "Ni"
        return start

    layout = replace(
        LAYOUT,
        hooks=(Hook("sample", "start", add_sample, "m.yaml:1"),),
        repairs=Repairs(
            start=(
                DocumentRepair(
                    "plan",
                    lambda s, d: d["sample"] == "Ni",
                    lambda s, d: {**d, "plan_name": "scan"},
                    "m.yaml:2",
                ),
                DocumentRepair(
                    "old", lambda s, d: True, lambda s, d: {}, "m.yaml:3", until="1969-12-31"
                ),
            ),
            stop=(
                DocumentRepair(
                    "reason", lambda s, d: True, lambda s, d: {**d, "reason": "fixed"}, "m.yaml:4"
                ),
            ),
            data_keys=(
                DataKeyRepair(
                    "integer",
                    lambda s, d, k: k["name"] == "x",
                    lambda s, d, k: {**k, "dtype_numpy": "int32"},
                    "m.yaml:5",
                    rename=lambda s, d, k: "renamed",
                ),
                DataKeyRepair(
                    "drop",
                    lambda s, d, k: k["name"] == "y",
                    lambda s, d, k: Dropped("broken", "m.yaml:6"),
                    "m.yaml:6",
                ),
            ),
        ),
    )
    sink = stored(whole_run({"x": key(), "y": key()}, [{"x": 1, "y": 2}]), layout)
    assert sink.tree[RUN_NODE].metadata["start"] == start(sample="Ni", plan_name="scan")
    assert sink.tree[RUN_NODE].metadata["stop"]["reason"] == "fixed"
    assert sink.tree[PRIMARY].metadata["data_keys"] == {"renamed": key(dtype_numpy="<i4")}
    table = sink.tree[INTERNAL].rows
    assert table.schema.field("renamed").type == pa.int64()
    assert table["renamed"].to_pylist() == [1]
    assert "'y'" in notes(sink)
    assert "not stored: broken" in notes(sink)


def test_a_hook_or_repair_that_raises_leaves_the_document_as_it_was(
    stored: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise ValueError("no such motor")

    layout = replace(
        LAYOUT,
        hooks=(Hook("h", "event", fail, "m.yaml:1"),),
        repairs=Repairs(start=(DocumentRepair("r", fail, fail, "m.yaml:2"),)),
    )
    sink = stored(whole_run(NUMBER, [{"x": 1}]), layout)
    assert rows(sink)["x"] == [1]
    assert "start: ValueError: no such motor (asked for at m.yaml:2)" in notes(sink)
    assert "m.yaml:1" in caplog.text


# When the mapping does not fit


def test_a_run_that_lacks_what_the_mapping_requires_is_stored_by_the_fallback(
    stored: Store, caplog: pytest.LogCaptureFixture
) -> None:
    layout = replace(
        with_run(path=lambda start: ("smi", start["data_session"])),
        additions={"start": {"required": ["data_session"]}},
    )
    sink = stored(whole_run(NUMBER, [{"x": 1}]), layout)
    assert rows(sink)["x"] == [1]
    assert "'data_session' is a required property" in notes(sink)
    assert "run run-1, start" in caplog.text
    good = stored([("start", start(data_session="p1")), ("stop", stop())], layout)
    assert ("smi", "p1") in good.tree


def test_a_rule_that_raises_leaves_the_run_to_the_fallback(stored: Store) -> None:
    def path(start: Any) -> Any:
        raise AbsentField("start.sample_name")

    sink = stored(whole_run(NUMBER, [{"x": 1}]), with_run(path=path))
    assert rows(sink)["x"] == [1]
    assert "'start.sample_name' is absent (asked for at m.yaml:10)" in notes(sink)


def test_a_stream_rule_that_raises_leaves_that_stream_to_the_fallback(stored: Store) -> None:
    def metadata(start: Any, descriptor: Any) -> Any:
        raise AbsentField("descriptor.hints")

    layout = replace(
        with_stream(metadata=metadata), run=replace(RUN, path=lambda s: ("here", s["uid"]))
    )
    sink = stored(whole_run(NUMBER, [{"x": 1}]), layout)
    assert rows(sink, ("here", "run-1", "primary", "internal"))["x"] == [1]


def test_what_goes_wrong_can_be_raised() -> None:
    def path(start: Any) -> Any:
        raise AbsentField("start.sample_name")

    sink = MemorySink()
    writer = Writer(with_run(path=path), sink, delivery="inline", on_error="raise", fallback=LAYOUT)
    with pytest.raises(RuleError, match=r"run run-1, start: .*'start.sample_name' is absent"):
        writer("start", start())
    assert RUN_NODE in sink.tree
    with pytest.raises(InvalidDocumentError, match="exit_status"):
        writer("stop", {"uid": "s", "time": 1.0, "run_start": "run-1"})
    assert sink.tree[RUN_NODE].closed


def test_an_invalid_start_is_stored_all_the_same(stored: Store) -> None:
    sink = stored([("start", {"uid": "run-1", "time": "noon"}), ("stop", stop())])
    assert sink.tree[RUN_NODE].metadata["start"]["time"] == "noon"
    assert "'noon' is not of type 'number'" in notes(sink)


@pytest.mark.parametrize("tags", [lambda start: (), lambda start: (start["session"],)])
def test_a_run_whose_tags_cannot_be_made_is_never_written(
    stored: Store, tags: Any, caplog: pytest.LogCaptureFixture
) -> None:
    layout = with_run(access_tags=tags, untagged="refuse")
    sink = stored(whole_run(NUMBER, [{"x": 1}, {"x": 2}]), layout)
    assert sink.tree == {}
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 2
    assert "run run-1, start: " in errors[0]
    assert errors[1] == "run run-1 was refused; 4 of its documents were not stored"
    with pytest.raises(RefusedRunError):
        Writer(layout, MemorySink(), delivery="inline", on_error="raise")("start", start())


def test_fallback_tags_stand_in_for_tags_that_cannot_be_made(stored: Store) -> None:
    layout = with_run(access_tags=lambda s: (s["session"],), fallback_tags=("staff",))
    sink = stored([("start", start()), ("stop", stop())], layout)
    assert sink.tree[RUN_NODE].access_tags == ("staff",)


@pytest.mark.parametrize(
    ("name", "document", "words"),
    [
        ("descriptor", descriptor(NUMBER, run="elsewhere"), "its start document was not seen"),
        ("stop", stop("elsewhere"), "its start document was not seen"),
        ("event", event(1, {"x": 1}, "elsewhere"), "its descriptor 'elsewhere' was not seen"),
        ("event", {}, "its descriptor None was not seen"),
        ("event_page", page([event(1, {}, "elsewhere")]), "'elsewhere' was not seen"),
    ],
)
def test_documents_that_belong_to_nothing_are_errors(name: str, document: Any, words: str) -> None:
    write([(name, document)])
    with pytest.raises(OrphanDocumentError, match=words):
        Writer(LAYOUT, MemorySink(), delivery="inline", on_error="raise")(name, document)


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("start", {}),
        ("start", {"uid": 3}),
        ("descriptor", {"run_start": "run-1", "uid": "d"}),
        ("descriptor", {"run_start": "run-1", "uid": "d", "data_keys": {"x": 3}}),
        ("event", None),
        ("stop", {}),
        ("nonsense", {}),
    ],
)
def test_no_document_ends_a_plan(
    name: str, document: Any, caplog: pytest.LogCaptureFixture
) -> None:
    sink = write([("start", start()), (name, document), ("stop", stop())])
    assert sink.tree[RUN_NODE].closed
    assert [record for record in caplog.records if record.levelno == logging.ERROR]


# When the sink does not perform


class Unwilling(MemorySink):
    """Refuses some ops."""

    def __init__(self, *refused: type[Op]) -> None:
        super().__init__()
        self.refused = refused

    def perform(self, op: Op) -> None:
        if isinstance(op, self.refused):
            raise OSError("no space left")
        super().perform(op)


def test_a_node_that_fails_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    sink = Unwilling(AppendRows)
    keys = {"image": key("array", (2,)), "x": key()}
    write(whole_run(keys, [{"image": [1, 2], "x": n} for n in range(3)]), sink=sink, flush_rows=1)
    assert len(sink.tree[*PRIMARY, "image"].data) == 3
    assert "run-1/primary/internal is not complete: no space left" in notes(sink)
    assert "2 more writes were left out" in notes(sink)
    assert sink.tree[RUN_NODE].closed
    assert [record.getMessage() for record in caplog.records] == [
        "run run-1, run-1/primary/internal: AppendRows: no space left (asked for at m.yaml:8); "
        "the rest is written; what is not is lost, as the writer has no spool"
    ]


def test_a_failed_write_can_be_raised() -> None:
    writer = Writer(LAYOUT, Unwilling(CreateTable), delivery="inline", on_error="raise")
    writer("start", start())
    with pytest.raises(FailedWriteError, match="CreateTable: no space left") as caught:
        writer("descriptor", descriptor(NUMBER))
    assert isinstance(caught.value.__cause__, OSError)
    writer("event", event(1, {"x": 1}))
    writer("stop", stop())


def test_a_run_whose_node_fails_is_skipped_and_the_next_is_stored() -> None:
    sink = MemorySink()
    sink.tree[RUN_NODE] = StoredNode("array", {}, (), None)
    write([*whole_run(NUMBER, [{"x": 1}]), ("start", start("b")), ("stop", stop("b"))], sink=sink)
    assert list(sink.tree) == [RUN_NODE, ("b",)]


# Ends


def test_a_run_without_a_stop_document_stays_open_with_its_notes(
    stored: Store, caplog: pytest.LogCaptureFixture
) -> None:
    sink = stored(list(whole_run({"n": key("integer")}, [{"n": 0.5}]))[:-1])
    assert rows(sink)["seq_num"] == [1]
    assert not sink.tree[RUN_NODE].closed
    assert "its value is 0.5" in notes(sink)
    assert isinstance(sink.ops[-1], PatchMetadata)
    assert "has no stop document; it stays open" in caplog.text


def test_a_run_that_is_replayed_gives_the_same_tree(stored: Store) -> None:
    documents = list(
        whole_run({"x": key(), "image": key("array", (2,))}, [{"x": 1, "image": [1, 2]}] * 4)
    )
    once = write(documents)
    broken = write(documents[:4], flush_rows=1)
    again = write(documents, sink=broken, flush_rows=3)
    assert same_tree(once.tree, again.tree)


def test_a_key_that_is_taken_gets_a_piece_of_the_uid() -> None:
    layout = with_run(path=lambda s: ("sample",), on_collision="suffix_uid")
    sink = write([("start", start("one")), ("stop", stop("one"))], layout)
    write(
        [
            ("start", start("twotwotwotwo")),
            ("descriptor", descriptor(NUMBER, "twotwotwotwo")),
            ("stop", stop("twotwotwotwo")),
        ],
        layout,
        sink,
    )
    assert ("sample_twotwotw", "primary") in sink.tree
    assert sink.tree[("sample_twotwotw",)].closed


def test_closing_the_writer_closes_the_sink() -> None:
    class Closing(MemorySink):
        closed = False

        def close(self) -> None:
            self.closed = True

    sink = Closing()
    Writer(LAYOUT, sink, delivery="inline").close()
    assert sink.closed


def test_documents_of_a_class_of_its_own_are_stored_as_any() -> None:
    keys = {"x": key(), "n": key("integer"), "s": key("string")}
    documents = list(whole_run(keys, [{"x": 0.5, "n": n, "s": f"{n}"} for n in range(3)]))
    own = [(name, frozen(document)) for name, document in documents]
    assert same_tree(write(own).tree, write(documents).tree)


def test_frozen_documents_do_complain() -> None:
    document = frozen({"a": {"b": [1]}})
    with pytest.raises(AssertionError):
        document["a"]["c"] = 1
    with pytest.raises(AssertionError):
        document["a"]["b"].append(2)
