"""Events that wait as rows are the events that came."""

import sys
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runtime.layouts import LAYOUT, descriptor, event, key, start, stop
from tests.runtime.test_event_check import CHANGES, REMOVED
from tests.runtime.test_writer import same_tree
from tiledmap.runtime.backlog import Backlog
from tiledmap.runtime.event_check import event_problem
from tiledmap.runtime.event_rows import EventRows, RowReader
from tiledmap.runtime.writer import Writer
from tiledmap.sinks.memory import MemorySink

KEYS = ("x", "y")
NUMBERS = {name: key() for name in KEYS}
READER = RowReader("desc-1", KEYS)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "text"]),
    st.just([1.0]),
)


@given(
    values=st.dictionaries(st.sampled_from([*KEYS, "z"]), VALUES), changes=CHANGES, removed=REMOVED
)
def test_a_row_is_all_of_its_event(
    values: dict[str, Any], changes: dict[Any, Any], removed: set[Any]
) -> None:
    came = {**event(1, values), **changes}
    came = {name: value for name, value in came.items() if name not in removed}
    row = READER.read(came)
    if row is None:
        return
    assert event_problem(came) is None
    [made] = EventRows("desc-1", KEYS, [row]).events()
    assert in_order(made) == in_order({**came, "descriptor": "desc-1"})


def in_order(event: dict[str, Any]) -> str:
    """An event as text, in which 1, 1.0 and True are not the same, and NaN is itself."""
    return repr(
        sorted(
            (name, sorted(value.items()) if isinstance(value, dict) else value)
            for name, value in event.items()
        )
    )


@pytest.mark.parametrize("values", [{"x": 1, "y": 2.5}, {"x": None, "y": True}])
def test_events_of_numbers_are_rows(values: dict[str, Any]) -> None:
    came = event(1, {**values})
    row = READER.read(came)
    came["data"]["x"] = "another"
    assert row is not None
    assert row[3:5] == tuple(values.values())


@pytest.mark.parametrize("value", ["text", [1.0], {"a": 1}])
def test_what_is_long_or_can_change_is_no_row(value: Any) -> None:
    assert READER.read(event(1, {"x": 1, "y": value})) is None


def test_an_event_without_a_field_is_no_row() -> None:
    """It could not be made of its row as it came, which a hook would see."""
    came = event(1, {"x": 1, "y": 2.5})
    assert READER.read(came) is not None
    del came["filled"]
    assert event_problem(came) is None
    assert READER.read(came) is None


def test_events_with_values_in_files_are_no_rows() -> None:
    keys = {**NUMBERS, "image": key("array", (2, 2), external="FILESTORE:")}
    assert RowReader.for_events_of(descriptor(keys)) is None
    assert RowReader.for_events_of(descriptor(NUMBERS)) is not None


def test_rows_and_payloads_keep_their_order() -> None:
    backlog = Backlog("run-1")
    other = RowReader("desc-2", KEYS)
    rows = [(number, float(number), f"uid-{number}", 1, 2, 3.0, 4.0) for number in range(4)]
    backlog.put(b"payload")
    backlog.put_row(READER, rows[0])
    backlog.put_row(READER, rows[1])
    backlog.put_row(other, rows[2])
    backlog.put(b"another")
    backlog.put_row(other, rows[3])
    assert backlog.waiting == 4 * READER.size + len(b"payloadanother")
    assert backlog.take() == [
        b"payload",
        EventRows("desc-1", KEYS, rows[:2]),
        EventRows("desc-2", KEYS, rows[2:3]),
        b"another",
        EventRows("desc-2", KEYS, rows[3:]),
    ]
    assert backlog.take() == []
    assert backlog.waiting == backlog.in_memory == 0


def test_rows_are_put_while_others_are_taken() -> None:
    """With a reader that has room for a few rows together, and for one alone."""
    backlog = Backlog("run-1")
    readers = [READER, RowReader("desc-2", tuple(f"key-{number}" for number in range(5000)))]
    put: list[bytes | tuple[Any, ...]] = []
    for number in range(20_000):
        kind = number // 7 % 5
        put.append(f"{number}".encode() if kind == 1 else (readers[kind == 3], (number,)))

    def bring() -> None:
        for each in put:
            backlog.put(each) if isinstance(each, bytes) else backlog.put_row(*each)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        thread = threading.Thread(target=bring)
        thread.start()
        taken: list[bytes | EventRows] = []
        while True:
            is_over = not thread.is_alive()
            some = backlog.take(1 << 30)  # up to the last, to which more is put
            taken += some
            if is_over and not some:
                break
        thread.join()
    finally:
        sys.setswitchinterval(interval)
    found: list[bytes | tuple[Any, ...]] = []
    for each in taken:
        if isinstance(each, bytes):
            found.append(each)
        else:
            assert each.rows
            found += [(each.descriptor, row) for row in each.rows]
    assert found == [
        each if isinstance(each, bytes) else (each[0].descriptor, each[1]) for each in put
    ]


EVENTS = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 2), st.sampled_from([1, 2.5, "s"]), st.booleans())
)


@given(events=EVENTS, flush_rows=st.integers(1, 5), ended=st.booleans())
@settings(deadline=None, max_examples=60)
def test_rows_are_stored_as_their_events(
    events: list[tuple[int, int, Any, bool]], flush_rows: int, ended: bool, tmp_path_factory: Any
) -> None:
    """Events come again, numbers go back, and not all are numbers; the run may have no end.

    They are of one of two descriptors, whose rows the same node takes.

    With a spool, no event is read as a row.
    """
    documents: list[tuple[str, Any]] = [("start", start()), ("descriptor", descriptor(NUMBERS))]
    documents.append(("descriptor", descriptor(NUMBERS, uid="desc-2")))
    for seq_num, uid, x, is_later in events:
        of = "desc-2" if is_later else "desc-1"
        came = event(seq_num, {"x": x, "y": seq_num}, of, uid=f"{seq_num}-{uid}")
        documents.append(("event", came))
    if ended:
        documents.append(("stop", stop()))
    ways: list[dict[str, Any]] = [
        {"delivery": "inline", "spool": tmp_path_factory.mktemp("spool")},
        {"delivery": "inline"},
        {"delivery": "background"},
    ]
    found = []
    for way in ways:
        sink = MemorySink()
        options: Any = {"flush_rows": flush_rows, "flush_seconds": 3600.0, "close_unfinished": True}
        with Writer(LAYOUT, sink, fallback=LAYOUT, **way, **options) as writer:
            for name, document in documents:
                writer(name, document)
        assert writer.status().written == writer.status().accepted >= len(documents)
        found.append(sink.tree)
    slowly, *shortly = found
    assert all(same_tree(slowly, tree) for tree in shortly)
