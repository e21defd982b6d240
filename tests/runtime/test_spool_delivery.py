"""Documents that wait in a spool: what is there when, and what another writer makes of it."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.runtime.conftest import write
from tests.runtime.layouts import LAYOUT, descriptor, event, key, start, stop, with_run
from tests.runtime.sinks import GUARD, Unready, away
from tests.runtime.test_background import RUN, interleaved, run_of, send
from tests.runtime.test_writer import INTERNAL, RUN_NODE, notes, rows, same_tree
from tests.waiting import wait_for
from tiledmap.runtime.binding import Binding
from tiledmap.runtime.errors import BusyRunError, DoubledRowsError
from tiledmap.runtime.journal import RunJournal, Spool, SpoolError, survey
from tiledmap.runtime.layout import Layout
from tiledmap.runtime.ops import AppendRows, CloseRun, CreateContainer, CreateTable, Op
from tiledmap.runtime.writer import Writer
from tiledmap.sinks.memory import MemorySink

Delivery = Literal["background", "inline"]
CLEAN = write(RUN)


@pytest.fixture(params=["background", "inline"])
def delivery(request: pytest.FixtureRequest) -> Delivery:
    chosen: Delivery = request.param
    return chosen


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def make(sink: MemorySink, spool: Path, layout: Layout = LAYOUT, **options: Any) -> Writer:
    return Writer(layout, sink, **{"fallback": LAYOUT, "spool": spool, **options})


def leave(spool: Path, documents: Iterable[tuple[str, Any]], **options: Any) -> None:
    """Have a writer take documents while the server is away, until it ends."""
    writer = make(Unready(away), spool, **options)
    send(writer, documents)
    assert not writer.close(timeout=0)


def kept(spool: Path) -> list[tuple[str, int]]:
    """The runs in a spool, and how many documents of each."""
    return [(journal.run, journal.documents) for journal in survey(spool)]


# What is in the spool


def test_a_run_leaves_the_spool_when_it_is_stored(spool: Path, delivery: Delivery) -> None:
    sink = Unready()
    with make(sink, spool, delivery=delivery) as writer:
        send(writer, RUN[:-1])
        assert kept(spool) == [("run-1", len(RUN) - 1)]
        send(writer, RUN[-1:])
        assert writer.flush(GUARD)
        assert kept(spool) == []
        assert writer.status().spool == str(spool)
    assert same_tree(sink.tree, CLEAN.tree)


def test_a_document_is_in_the_spool_when_the_call_returns(spool: Path) -> None:
    sink = Unready()
    with make(sink, spool) as writer, sink.held():
        for number, (name, document) in enumerate(RUN, start=1):
            writer(name, document)
            assert kept(spool) == [("run-1", number)]


def test_no_caller_waits_where_there_is_a_spool(spool: Path) -> None:
    sink = Unready()
    with make(sink, spool, queue_bytes=1) as writer, sink.held():
        send(writer, RUN)
        assert writer.status().blocked_seconds == 0
        assert writer.status().queue_limit is None
        status = writer.status()
        assert status.spool_bytes >= status.queue_bytes > 1
        assert status.state == "writing"
    assert same_tree(sink.tree, CLEAN.tree)


def test_callers_wait_with_a_spool_where_that_is_asked(spool: Path) -> None:
    sink = Unready(away)
    writer = make(sink, spool, queue_bytes=100, when_full="block")
    caller = threading.Thread(target=send, args=(writer, RUN))
    caller.start()
    wait_for(lambda: writer.status().blocked_seconds > 0)
    assert writer.status().queue_limit == 100
    sink.refuse = lambda op: None
    caller.join(GUARD)
    assert writer.close()
    assert same_tree(sink.tree, CLEAN.tree)


def test_to_divert_needs_a_spool() -> None:
    with pytest.raises(ValueError, match="no spool to divert to"):
        Writer(LAYOUT, MemorySink(), when_full="divert")


def test_a_spool_that_cannot_be_used_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="cannot be used"):
        make(MemorySink(), tmp_path / "file")


def test_writers_share_a_spool(spool: Path) -> None:
    one, other = Unready(), Unready()
    with make(one, spool) as first, make(other, spool) as second, one.held(), other.held():
        send(first, run_of("a", [1]))
        send(second, run_of("b", [2]))
        assert sorted(run for run, _ in kept(spool)) == ["a", "b"]
    assert [{path[0] for path in sink.tree} for sink in (one, other)] == [{"a"}, {"b"}]
    assert kept(spool) == []


# The next writer


def test_what_is_left_is_written_by_the_next_writer(
    spool: Path, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    leave(spool, RUN)
    assert f"left in {spool} for the next writer, or `tiledmap replay`: 1 run:" in caplog.text
    assert kept(spool) == [("run-1", len(RUN))]
    sink = Unready()
    with make(sink, spool, delivery=delivery) as writer:
        assert writer.flush(GUARD)
        assert kept(spool) == []
        assert writer.status().runs_open == ()
        assert writer.status().state == "idle"
    assert same_tree(sink.tree, CLEAN.tree)


@pytest.mark.parametrize("taken", range(1, len(RUN)))
def test_a_run_goes_on_under_the_next_writer(spool: Path, delivery: Delivery, taken: int) -> None:
    leave(spool, RUN[:taken])
    sink = Unready()
    with make(sink, spool, delivery=delivery) as writer:
        assert writer.status().runs_open == ("run-1",)
        send(writer, RUN[taken:])
    assert same_tree(sink.tree, CLEAN.tree)
    assert kept(spool) == []


@pytest.mark.parametrize("delivery", ["background", "inline"])
def test_a_run_that_was_written_in_part_is_not_written_twice(
    spool: Path, delivery: Delivery
) -> None:
    sink = Unready()
    with make(sink, spool, delivery=delivery, flush_rows=1) as writer:
        send(writer, RUN[:4])
    assert rows(sink)["x"] == [0, 1]
    with make(sink, spool, delivery=delivery) as writer:
        send(writer, RUN[4:])
    assert same_tree(sink.tree, CLEAN.tree)


def test_a_writer_that_is_used_again_goes_on_with_its_runs(spool: Path, delivery: Delivery) -> None:
    sink = Unready()
    writer = make(sink, spool, delivery=delivery)
    for name, document in RUN:
        writer(name, document)
        assert writer.close()
    assert same_tree(sink.tree, CLEAN.tree)


def test_documents_that_name_no_run_belong_to_one_that_goes_on(spool: Path) -> None:
    keys = {"img": key("array", (4, 5), external="FILESTORE:", dtype_numpy="<u2")}
    resource = {
        "uid": "res",
        "spec": "AD_TIFF",
        "root": "/data",
        "resource_path": "a",
        "resource_kwargs": {},
    }
    datum = {"resource": "res", "datum_kwargs": {"point_number": 0}}
    documents: list[tuple[str, Any]] = [
        ("start", start()),
        ("descriptor", descriptor(keys)),
        ("resource", resource),
        ("datum", {**datum, "datum_id": "res/1"}),
        ("event", event(1, {"img": "res/1"}, filled={"img": False})),
        ("datum", {**datum, "datum_id": "res/2"}),
        ("resource", {**resource, "uid": "other"}),
        ("datum", {**datum, "resource": "other", "datum_id": "other/1"}),
        ("event", event(2, {"img": "other/1"}, filled={"img": False})),
        ("stop", stop()),
    ]
    for taken in range(1, len(documents)):
        shutil.rmtree(spool, ignore_errors=True)
        sink = Unready()
        leave(spool, documents[:taken])
        with make(sink, spool, delivery="inline") as writer:
            send(writer, documents[taken:])
        assert notes(sink) == notes(write(documents)), taken


def test_a_run_that_is_found_takes_no_documents_that_name_no_run(spool: Path) -> None:
    leave(spool, RUN[:2])
    resource = {"uid": "r", "spec": "S", "root": "", "resource_path": "", "resource_kwargs": {}}
    sink = Unready()
    with make(sink, spool, delivery="inline") as writer:
        send(writer, [("start", start("other")), ("resource", resource), ("stop", stop("other"))])
        assert dict(kept(spool)) == {"run-1": 2}
    assert "resource" in notes(sink, "other")


def test_a_run_that_is_sent_again_from_its_start_is_written_once(
    spool: Path, delivery: Delivery
) -> None:
    leave(spool, RUN[:4])
    sink = Unready()
    with make(sink, spool, delivery=delivery, close_unfinished=False) as writer:
        send(writer, RUN)
        assert writer.flush(GUARD)
        assert kept(spool) == []
    assert same_tree(sink.tree, CLEAN.tree)


def test_two_journals_of_one_run_are_written_in_their_order(
    spool: Path, delivery: Delivery
) -> None:
    leave(spool, RUN[:3])
    writer = make(Unready(away), spool)
    send(writer, RUN[:4])
    assert not writer.close(timeout=0)
    assert sorted(documents for _, documents in kept(spool)) == [3, 4]
    sink = Unready()
    with make(sink, spool, delivery=delivery) as writer:
        send(writer, RUN[4:])
        assert writer.flush(GUARD)
    assert same_tree(sink.tree, CLEAN.tree)
    assert kept(spool) == []


def test_a_run_that_is_sent_twice_is_written_twice_in_order(spool: Path) -> None:
    sink = Unready()
    with make(sink, spool) as writer, sink.held():
        send(writer, RUN)
        send(writer, RUN)
    assert [type(op) for op in sink.ops].count(CloseRun) == 2
    assert same_tree(sink.tree, CLEAN.tree)
    assert kept(spool) == []


def test_a_journal_without_a_document_is_removed(spool: Path, delivery: Delivery) -> None:
    maker = Spool(spool)
    maker.create("run-1").close()
    maker.close()
    with make(MemorySink(), spool, delivery=delivery) as writer:
        assert writer.status().runs_open == ()
    assert list(spool.glob("*.journal")) == []


def test_a_payload_that_is_no_document_is_said_and_the_rest_is_written(
    spool: Path, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    leave(spool, RUN[:3])
    maker = Spool(spool)
    (journal,) = maker.leftovers()
    journal.append(b"\xff")
    journal.close()
    maker.close()
    sink = Unready()
    with make(sink, spool, delivery=delivery) as writer:
        send(writer, RUN[3:])
        assert writer.flush(GUARD)
        assert "cannot be written" in writer.status().failures[0].reason
    assert same_tree(sink.tree, CLEAN.tree)
    said = [record.getMessage() for record in caplog.records]
    assert sum("it is no document's payload" in words for words in said) == 1
    (left,) = survey(spool)
    assert "cannot be written" in left.remark


# Runs without an end


@pytest.mark.parametrize(
    ("layout", "options"),
    [(LAYOUT, {"close_unfinished": True}), (with_run(unfinished="close"), {})],
)
def test_a_run_that_is_found_without_an_end_gets_one_where_that_is_said(
    spool: Path, delivery: Delivery, layout: Layout, options: dict[str, Any]
) -> None:
    leave(spool, RUN[:4])
    sink = Unready()
    with make(sink, spool, layout, delivery=delivery, **options) as writer:
        assert writer.flush(GUARD)
        assert sink.tree[RUN_NODE].metadata["stop"]["num_events"] == {"primary": 2}
        assert kept(spool) == []
        assert writer.status().runs_open == ()


def test_a_run_that_is_found_without_an_end_stays_open(spool: Path, delivery: Delivery) -> None:
    leave(spool, RUN[:4])
    sink = Unready()
    with make(sink, spool, delivery=delivery) as writer:
        assert writer.flush(GUARD)
        assert writer.status().runs_open == ("run-1",)
    assert rows(sink)["x"] == [0, 1]
    assert not sink.tree[RUN_NODE].closed
    assert kept(spool) == [("run-1", 4)]


def test_documents_after_an_end_that_was_made_up_are_refused_aloud(
    spool: Path, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    leave(spool, RUN[:4])
    sink = Unready()
    with make(sink, spool, delivery=delivery, close_unfinished=True) as writer:
        assert writer.flush(GUARD)
        send(writer, RUN[4:])
    assert caplog.text.count("it comes after the end of its run") == len(RUN) - 4
    assert rows(sink)["x"] == [0, 1]


def test_a_run_engines_end_takes_the_place_of_one_that_was_made_up(spool: Path) -> None:
    leave(spool, RUN[:4])
    sink = Unready()
    with make(sink, spool, close_unfinished=True) as writer:
        assert writer.flush(GUARD)
        send(writer, RUN)
    assert sink.tree[RUN_NODE].metadata["stop"] == stop()
    assert same_tree(sink.tree, CLEAN.tree)


def test_an_end_that_was_made_up_takes_the_place_of_no_other(spool: Path) -> None:
    leave(spool, RUN[:4])
    sink = Unready()
    write(RUN, sink=sink)
    with make(sink, spool, close_unfinished=True) as writer:
        assert writer.flush(GUARD)
        assert kept(spool) == []
    assert same_tree(sink.tree, CLEAN.tree)


# Runs that cannot be stored


def test_a_run_that_fails_stays_with_a_remark_and_is_written_next_time(
    spool: Path, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(op: Op) -> Exception | None:
        is_refused = isinstance(op, AppendRows) and op.run == "a"
        return OSError("no space left") if is_refused else None

    sink = Unready(refuse)
    with make(sink, spool, delivery=delivery) as writer:
        send(writer, interleaved(run_of("a", [1, 2]), run_of("b", [1, 2])))
        assert writer.flush(GUARD)
        assert writer.status().failures[0].kept
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "run a, a/primary/internal: AppendRows: no space left (asked for at m.yaml:8); "
        f"the rest is written; the run stays in {spool}, from where `tiledmap replay` writes it "
        "again"
    ]
    (left,) = survey(spool)
    assert left.run == "a"
    assert left.remark == "a/primary/internal is not complete: no space left"
    assert "no space left" in notes(sink, "a")
    sink.refuse = lambda op: None
    with make(sink, spool, delivery=delivery) as writer:
        assert writer.flush(GUARD)
    assert kept(spool) == []
    assert notes(sink, "a") == ""
    assert rows(sink, ("a", "primary", "internal"))["x"] == [1, 2]


def test_a_run_that_must_not_be_written_stays_in_the_spool(
    spool: Path, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    layout = with_run(untagged="refuse")
    sink = Unready()
    with make(sink, spool, layout, delivery=delivery) as writer:
        send(writer, RUN)
        assert writer.flush(GUARD)
        assert writer.status().runs_failed == 1
    (left,) = survey(spool)
    assert left.remark == "it has no access tags, so it is not written"
    assert left.documents == len(RUN)
    assert sink.tree == {}
    assert caplog.text.count("it has no access tags") == 1


def test_a_refused_run_that_has_no_end_stays_too(spool: Path, delivery: Delivery) -> None:
    with make(Unready(), spool, with_run(untagged="refuse"), delivery=delivery) as writer:
        send(writer, RUN[:-1])
    assert kept(spool) == [("run-1", len(RUN) - 1)]


def test_a_run_that_another_writer_writes_is_waited_for(
    spool: Path, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    tries = iter(range(100))

    def refuse(op: Op) -> Exception | None:
        if isinstance(op, CreateContainer) and op.path == RUN_NODE and next(tries) < 3:
            return BusyRunError("it is being written by process 7", op)
        return None

    sink = Unready(refuse)
    clock = fast_clock()
    with make(sink, spool, delivery=delivery, clock=clock) as writer:
        send(writer, RUN)
        until_flushed(writer)
        assert kept(spool) == []
    assert same_tree(sink.tree, CLEAN.tree)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert said[0].endswith("it is tried again until that writer is done")


def fast_clock() -> Callable[[], float]:
    began = time.monotonic()
    return lambda: began + 1000 * (time.monotonic() - began)


def until_flushed(writer: Writer) -> None:
    deadline = time.monotonic() + GUARD
    while not writer.flush(GUARD):
        assert time.monotonic() < deadline


def test_a_run_that_another_writer_writes_holds_up_no_other(spool: Path) -> None:
    def refuse(op: Op) -> Exception | None:
        return BusyRunError("it is being written", op) if op.run == "a" else None

    sink = Unready(refuse)
    with make(sink, spool) as writer:
        send(writer, run_of("a", [1]))
        send(writer, run_of("b", [1]))
        wait_for(lambda: kept(spool) == [("a", 4)])
        assert sink.tree["b",].closed
        assert not writer.flush(timeout=0.1)
        assert not writer.close(timeout=0)
    assert kept(spool) == [("a", 4)]


def test_a_plan_that_waits_for_its_run_waits_for_no_other(spool: Path) -> None:
    def refuse(op: Op) -> Exception | None:
        return BusyRunError("it is being written", op) if op.run == "a" else None

    sink = Unready(refuse)
    writer = make(sink, spool, wait_at_stop=True)
    send(writer, run_of("a", [1]))
    send(writer, run_of("b", [1]))
    assert sink.tree["b",].closed
    assert not writer.flush()
    assert not writer.close(timeout=0)
    assert kept(spool) == [("a", 4)]


# Documents that are refused


INVALID = ("event", {**event(4, {"x": 4}), "seq_num": "four"})


def test_a_run_with_a_refused_document_is_stored_and_its_documents_are_kept(
    spool: Path, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Unready()
    with make(sink, spool, delivery=delivery) as writer:
        send(writer, [*RUN[:-1], INVALID, RUN[-1]])
        until_flushed(writer)
        assert writer.status().runs_written == 1
    assert rows(sink)["x"] == [0, 1, 2]
    assert kept(spool) == []
    assert kept(spool / "refused") == [("run-1", len(RUN) + 1)]
    assert f"all of them are in {spool}/refused/run-1-" in caplog.text
    with make(Unready(), spool):
        assert len(kept(spool / "refused")) == 1


def test_what_was_refused_can_be_written_again_and_stays_where_it_is(
    spool: Path, delivery: Delivery
) -> None:
    leave(spool / "refused", [*RUN[:-1], INVALID, RUN[-1]])
    sink = Unready()
    with make(sink, spool / "refused", delivery=delivery) as writer:
        until_flushed(writer)
    assert rows(sink)["x"] == [0, 1, 2]
    assert kept(spool / "refused") == [("run-1", len(RUN) + 1)]
    assert not (spool / "refused" / "refused").exists()


def test_a_run_stays_in_the_spool_if_a_fault_of_ours_kept_a_document_out(
    spool: Path, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(binding: Any, document: Any) -> None:
        if document["seq_num"] == 2:
            raise KeyError("a fault")
        add(binding, document)

    with monkeypatch.context() as patch:
        add = Binding.add
        patch.setattr(Binding, "add", fail)
        with make(Unready(), spool, delivery=delivery) as writer:
            send(writer, RUN)
            until_flushed(writer)
            assert writer.status().runs_failed == 1
    assert kept(spool) == [("run-1", len(RUN))]
    sink = Unready()
    with make(sink, spool, delivery=delivery) as writer:
        until_flushed(writer)
    assert rows(sink)["x"] == [0, 1, 2]
    assert kept(spool) == []


def test_a_table_with_too_many_rows_is_written_again(
    spool: Path, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    class Doubling(Unready):
        discarded: list[Op]

        def discard(self, op: Op) -> None:
            self.discarded.append(op)
            del self.tree[op.path]

    tables: list[Op] = []

    def refuse(op: Op) -> Exception | None:
        if isinstance(op, CreateTable):
            tables.append(op)
        if isinstance(op, CloseRun) and len(tables) == 1:
            return DoubledRowsError("it has 4 rows", tables[0])
        return None

    sink = Doubling(refuse)
    sink.discarded = []
    with make(sink, spool, delivery=delivery) as writer:
        send(writer, RUN)
        assert writer.flush(GUARD)
        assert kept(spool) == []
        assert writer.status().written == writer.status().accepted
    assert [op.path for op in sink.discarded] == [INTERNAL]
    assert same_tree(sink.tree, CLEAN.tree)
    assert "it is deleted, and written again from the spool" in caplog.text


def test_a_run_whose_doubled_rows_must_stay_is_closed_with_a_note(delivery: Delivery) -> None:
    ends: list[Op] = []

    def refuse(op: Op) -> Exception | None:
        if isinstance(op, CloseRun):
            ends.append(op)
            return DoubledRowsError("it has 4 rows", op) if len(ends) == 1 else None
        return None

    sink = Unready(refuse)
    with Writer(LAYOUT, sink, fallback=LAYOUT, delivery=delivery) as writer:
        send(writer, RUN)
        assert writer.flush(GUARD)
        assert writer.status().runs_failed == 1
    assert sink.tree[RUN_NODE].closed
    assert "it has 4 rows" in notes(sink)


# Disks that fail


def no_space(*args: Any, **kwargs: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_run_that_gets_no_journal_is_written_all_the_same(
    spool: Path,
    delivery: Delivery,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = Unready()
    with make(sink, spool, delivery=delivery) as writer:
        monkeypatch.setattr(Spool, "create", no_space)
        send(writer, RUN)
    assert same_tree(sink.tree, CLEAN.tree)
    assert caplog.text.count("takes no journal (No space left on device)") == 1


@pytest.mark.parametrize("taken", range(1, len(RUN)))
def test_a_disk_that_fills_up_in_mid_run_is_said_once_and_loses_nothing(
    spool: Path,
    delivery: Delivery,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    taken: int,
) -> None:
    sink = Unready()
    with make(sink, spool, delivery=delivery) as writer:
        send(writer, RUN[:taken])
        monkeypatch.setattr(RunJournal, "append", no_space)
        send(writer, RUN[taken:])
        assert writer.flush(GUARD)
        assert kept(spool) == []
    assert same_tree(sink.tree, CLEAN.tree)
    assert caplog.text.count("takes no more documents (No space left on device)") == 1


def test_what_a_full_disk_does_not_take_is_said_to_be_lost(
    spool: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        writer = make(Unready(away), spool)
        send(writer, RUN[:2])
        patch.setattr(RunJournal, "append", no_space)
        send(writer, RUN[2:])
        assert not writer.close(timeout=0)
    assert "bytes of documents that its journal does not have are lost" in caplog.text
    assert kept(spool) == [("run-1", 2)]


def test_memory_is_bounded_where_the_disk_takes_nothing(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunJournal, "append", no_space)
    writer = make(Unready(away), spool, queue_bytes=1)
    send(writer, RUN[:1])
    assert writer._needing_room > 0
    assert not writer.close(timeout=0)


def test_a_journal_that_cannot_be_read_for_a_while_is_read_later(
    spool: Path, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = Unready()
    clock = fast_clock()
    with make(sink, spool, delivery=delivery, clock=clock) as writer:
        with monkeypatch.context() as patch:
            patch.setattr(RunJournal, "read", no_space)
            send(writer, RUN)
            assert not writer.flush(timeout=0.1)
            send(writer, run_of("b", [1]))
        until_flushed(writer)
    assert sink.tree["b",].closed
    assert rows(sink)["x"] == [0, 1, 2]
    assert kept(spool) == []


def test_a_journal_that_cannot_be_removed_is_said(
    spool: Path,
    delivery: Delivery,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = Unready()
    with monkeypatch.context() as patch, make(sink, spool, delivery=delivery) as writer:
        patch.setattr(RunJournal, "remove", no_space)
        send(writer, RUN)
        assert writer.flush(GUARD)
        assert writer.status().runs_written == 1
    assert "is stored, but its journal" in caplog.text
    with make(sink, spool, delivery=delivery):
        pass
    assert kept(spool) == []
    assert same_tree(sink.tree, CLEAN.tree)


def test_a_slow_disk_holds_no_caller_up(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_syncing, may_go_on = threading.Event(), threading.Event()
    sync = os.fsync

    def slow(fd: int) -> None:
        is_syncing.set()
        assert may_go_on.wait(GUARD)
        sync(fd)

    monkeypatch.setattr(os, "fsync", slow)
    with make(Unready(), spool, fsync=0.01) as writer:
        send(writer, RUN[:2])
        assert is_syncing.wait(GUARD)
        caller = threading.Thread(target=send, args=(writer, RUN[2:]))
        caller.start()
        caller.join(GUARD)
        assert not caller.is_alive()
        may_go_on.set()
        assert writer.flush(GUARD)


def test_documents_are_made_safe_however_long_a_request_takes(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = RunJournal.sync

    def count(journal: RunJournal) -> None:
        synced.append(journal.run)
        sync(journal)

    monkeypatch.setattr(RunJournal, "sync", count)
    sink = Unready()
    with make(sink, spool, fsync=0.01) as writer, sink.held():
        for number, (name, document) in enumerate(RUN, start=1):
            writer(name, document)
            wait_for(lambda number=number: len(synced) >= number)  # type: ignore[misc]


def test_a_disk_that_cannot_sync_ends_nothing(
    spool: Path, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", no_space)
    sink = Unready()
    with make(sink, spool, delivery=delivery, fsync=0.0) as writer:
        send(writer, RUN)
    assert same_tree(sink.tree, CLEAN.tree)


@pytest.mark.parametrize("fsync", ["record", "stop", 0.0])
def test_a_spool_serves_with_every_policy(spool: Path, delivery: Delivery, fsync: Any) -> None:
    sink = Unready()
    with make(sink, spool, delivery=delivery, fsync=fsync) as writer:
        send(writer, RUN)
    assert same_tree(sink.tree, CLEAN.tree)


def test_a_spool_that_went_away_is_no_error_of_the_plans(
    spool: Path, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Unready()
    writer = make(sink, spool, delivery=delivery)
    writer.close()
    spool.rmdir()
    spool.write_text("")
    send(writer, RUN)
    assert writer.close()
    assert "cannot be used" in caplog.text
    assert same_tree(sink.tree, CLEAN.tree)


def test_an_interrupt_loses_nothing(spool: Path) -> None:
    def refuse(op: Op) -> Exception | None:
        if isinstance(op, CreateTable) and sink.refuse is refuse:
            sink.refuse = lambda op: None
            raise KeyboardInterrupt
        return None

    sink = Unready()
    sink.refuse = refuse
    with make(sink, spool, delivery="inline") as writer:
        send(writer, RUN[:1])
        with pytest.raises(KeyboardInterrupt):
            send(writer, RUN[1:2])
        send(writer, RUN[2:])
    assert same_tree(sink.tree, CLEAN.tree)
    assert kept(spool) == []
