from math import nan
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.layouts import LAYOUT, descriptor, event, key, page, start, stop, whole_run
from tests.runtime.test_spool_delivery import no_space
from tests.runtime.test_writer import rows, same_tree
from tiledmap.runtime.journal import Spool, decode, encode
from tiledmap.runtime.writer import Writer
from tiledmap.sinks.memory import MemorySink

NUMBER = {"x": key()}
RUN = list(whole_run(NUMBER, [{"x": float(n)} for n in range(5)]))


def write(documents: list[tuple[str, Any]], sink: MemorySink, **options: Any) -> None:
    with Writer(LAYOUT, sink, fallback=LAYOUT, **options) as writer:
        for name, document in documents:
            writer(name, document)


@pytest.mark.parametrize("delivery", ["inline", "background"])
def test_a_writer_that_is_subscribed_twice_stores_each_row_once(delivery: str) -> None:
    sink = MemorySink()
    write([document for document in RUN for _ in range(2)], sink, delivery=delivery)
    assert rows(sink)["seq_num"] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("time", [4.0, nan])
@pytest.mark.parametrize("as_page", [False, True])
def test_what_a_broker_sends_twice_is_stored_once(time: float, as_page: bool) -> None:
    sink = MemorySink()
    events = [event(number, {"x": 1.0}, time=time) for number in (1, 2)]
    sent = [("event_page", page(events))] if as_page else [("event", each) for each in events]
    opening = [("start", start()), ("descriptor", descriptor(NUMBER))]
    # Each comes with a NaN of its own, as it was read from the broker.
    twice = [decode(encode(name, each, False))[:2] for name, each in [*sent, *sent]]
    write([*opening, *twice, ("stop", stop())], sink, delivery="inline")
    assert rows(sink)["seq_num"] == [1, 2]


def test_a_plan_that_goes_back_stores_both_events_of_one_number() -> None:
    sink = MemorySink()
    again = event(2, {"x": 7.0})
    documents = [*RUN[:4], ("event", {**again, "uid": "again", "time": 9.0}), *RUN[4:]]
    write(documents, sink, delivery="inline")
    assert rows(sink)["seq_num"] == [1, 2, 2, 3, 4, 5]


@pytest.mark.parametrize("delivery", ["inline", "background"])
@pytest.mark.parametrize("first", range(len(RUN)))
@pytest.mark.parametrize("last", [3, 5])
def test_a_broker_may_send_again_what_a_living_writer_has(
    delivery: str, first: int, last: int
) -> None:
    sink = MemorySink()
    write([*RUN[:last], *RUN[first:]], sink, delivery=delivery)
    missing = [number for number in (1, 2, 3, 4, 5) if last - 2 < number < first - 1]
    assert rows(sink)["seq_num"] == [each for each in (1, 2, 3, 4, 5) if each not in missing]


def test_datums_that_are_sent_again_are_registered_once() -> None:
    sink = MemorySink()
    opening = opening_of_two_files()
    datums = [
        ("stream_datum", stream_datum(name, first)) for first in range(0, 6, 2) for name in "ab"
    ]
    write([*opening, *datums, *datums[2:], ("stop", stop())], sink, delivery="inline")
    once = MemorySink()
    write([*opening, *datums, ("stop", stop())], once, delivery="inline")
    assert same_tree(sink.tree, once.tree)


def opening_of_two_files() -> list[tuple[str, Any]]:
    image = key("array", (1, 2), external="STREAM:", dtype_numpy="<f8")
    return [
        ("start", start()),
        ("descriptor", descriptor({"a": image, "b": image})),
        *(("stream_resource", stream_resource(name)) for name in "ab"),
    ]


def stream_resource(name: str) -> dict[str, Any]:
    return {
        "uid": f"file-{name}",
        "run_start": "run-1",
        "data_key": name,
        "mimetype": "application/x-hdf5",
        "uri": f"file://localhost/data/{name}.h5",
        "parameters": {"dataset": "d", "chunk_shape": [1, 2]},
    }


def stream_datum(name: str, first: int, count: int = 2) -> dict[str, Any]:
    return {
        "uid": f"file-{name}/{first}",
        "stream_resource": f"file-{name}",
        "descriptor": "desc-1",
        "indices": {"start": first, "stop": first + count},
        "seq_nums": {"start": first + 1, "stop": first + count + 1},
    }


@pytest.mark.parametrize("accepted", range(1, len(RUN)))
def test_a_broker_may_send_again_what_a_dead_writer_had_accepted(
    tmp_path: Path, accepted: int
) -> None:
    sink = MemorySink()
    write(RUN[:accepted], sink, spool=tmp_path)
    write(RUN[max(0, accepted - 3) :], sink, spool=tmp_path)
    assert rows(sink)["seq_num"] == [1, 2, 3, 4, 5]
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_a_writer_has_left_is_found_by_one_that_runs_already(tmp_path: Path) -> None:
    sink = MemorySink()
    with Writer(LAYOUT, sink, fallback=LAYOUT, spool=tmp_path) as other:
        write(RUN[:4], sink, spool=tmp_path)
        for name, document in RUN[4:]:
            other(name, document)
        other.flush()
        assert rows(sink)["seq_num"] == [1, 2, 3, 4, 5]
        assert sink.tree[("run-1",)].closed


def test_a_run_without_a_journal_goes_on_with_one_that_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = MemorySink()
    with Writer(LAYOUT, sink, fallback=LAYOUT, spool=tmp_path) as other:
        with monkeypatch.context() as disk:
            disk.setattr(Spool, "create", no_space)
            for name, document in RUN[:2]:
                other(name, document)
        write(RUN[:4], sink, spool=tmp_path)
        other("event", {**event(9, {"x": 0.0}), "descriptor": "unknown"})  # so it looks for runs
        other.flush()
        for name, document in RUN[2:]:
            other(name, document)
        other.flush()
        assert rows(sink)["seq_num"] == [1, 2, 3, 4, 5]
        assert sink.tree[("run-1",)].closed


def test_an_end_that_is_made_up_counts_the_furthest_of_several_files() -> None:
    sink = MemorySink()
    opening = opening_of_two_files()
    datums = [
        ("stream_datum", stream_datum(name, 0, count)) for name, count in (("a", 10), ("b", 7))
    ]
    write([*opening, *datums], sink, close_unfinished=True)
    assert sink.tree[("run-1",)].metadata["stop"]["num_events"] == {"primary": 10}
