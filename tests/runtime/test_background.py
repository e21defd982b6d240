"""Documents that a thread of the writer's own writes."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

from tests.runtime.conftest import write
from tests.runtime.layouts import LAYOUT, descriptor, event, key, start, stop, whole_run, with_run
from tests.runtime.sinks import GUARD, Unready, away
from tests.runtime.test_writer import INTERNAL, NUMBER, RUN_NODE, notes, rows, same_tree
from tests.waiting import wait_for
from tiledmap.runtime.background import Background
from tiledmap.runtime.errors import FailedWriteError, InvalidDocumentError
from tiledmap.runtime.layout import Hook
from tiledmap.runtime.ops import AppendRows, CloseRun, CreateTable, Op
from tiledmap.runtime.writer import Writer
from tiledmap.sinks.memory import MemorySink

RUN = list(whole_run(NUMBER, [{"x": n} for n in range(3)]))


def make(sink: MemorySink, **options: Any) -> Writer:
    return Writer(LAYOUT, sink, **{"fallback": LAYOUT, **options})


def send(writer: Writer, documents: Any) -> None:
    for name, document in documents:
        writer(name, document)


def run_of(uid: str, values: list[Any]) -> Iterator[tuple[str, Any]]:
    yield "start", start(uid)
    yield "descriptor", descriptor(NUMBER, uid, f"{uid}-desc")
    for number, x in enumerate(values, start=1):
        yield "event", event(number, {"x": x}, f"{uid}-desc")
    yield "stop", stop(uid)


def interleaved(*runs: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    for documents in zip(*runs, strict=True):
        yield from documents


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before  # those of others may end meanwhile


# The caller


def test_a_call_returns_though_the_sink_does_not() -> None:
    sink = Unready()
    with make(sink) as writer:
        with sink.held():
            send(writer, RUN)
            assert sink.ops == []
            assert writer.status().accepted == len(RUN)
        assert writer.flush(GUARD)
        assert sink.tree[RUN_NODE].closed
    assert same_tree(sink.tree, write(RUN).tree)


MANY_KEYS = {**NUMBER, "text": key("string"), "image": key("array", (2,))}


@pytest.mark.parametrize("delivery", ["background", "inline"])
@pytest.mark.parametrize("names", [["x"], ["x", "text"], ["x", "text", "image"]])
def test_documents_may_change_after_the_call(delivery: Any, names: list[str]) -> None:
    def send_and_change(name: str, document: dict[str, Any]) -> None:
        writer(name, document)
        document.clear()

    sink, image = Unready(), np.zeros(2)
    with make(sink, delivery=delivery, flush_seconds=3600.0, close_unfinished=True) as writer:
        send_and_change("start", start())
        send_and_change("descriptor", descriptor({name: MANY_KEYS[name] for name in names}))
        for n in range(3):
            image[:] = n
            values = {"x": n, "text": f"{n}", "image": image}
            send_and_change("event", event(n + 1, {name: values[name] for name in names}))
    assert rows(sink)["x"] == [0, 1, 2]
    assert sink.tree[RUN_NODE].metadata["stop"]["num_events"] == {"primary": 3}
    if "image" in names:
        stored = sink.tree[(*RUN_NODE, "primary", "image")].data
        assert stored is not None
        assert stored.tolist() == [[0, 0], [1, 1], [2, 2]]


def test_rows_leave_by_age_though_no_document_comes() -> None:
    sink = Unready()
    with make(sink, flush_seconds=0.01) as writer:
        send(writer, RUN[:3])
        sink.wait_until(lambda: rows_of(sink) == 1)


def rows_of(sink: MemorySink) -> int:
    node = sink.tree.get(INTERNAL)
    return 0 if node is None or node.rows is None else node.rows.num_rows


def test_callers_in_several_threads_keep_the_order_of_each() -> None:
    sink = Unready()
    values = list(range(200))
    with make(sink, flush_rows=7, queue_bytes=5_000) as writer:
        threads = [
            threading.Thread(target=send, args=(writer, run_of(f"run-{n}", values)))
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(GUARD)
    for n in range(4):
        assert rows(sink, (f"run-{n}", "primary", "internal"))["x"] == values


def test_a_writer_may_be_used_while_an_event_loop_runs() -> None:
    async def scan() -> None:
        with make(sink) as writer:
            send(writer, RUN)

    sink = Unready()
    asyncio.run(scan())
    assert rows(sink)["x"] == [0, 1, 2]


def test_wait_at_stop_returns_when_the_run_is_written() -> None:
    sink = Unready()
    with make(sink, wait_at_stop=True) as writer:
        send(writer, RUN[:-1])
        assert not sink.tree.get(RUN_NODE) or not sink.tree[RUN_NODE].closed
        send(writer, RUN[-1:])
        assert sink.tree[RUN_NODE].closed


def test_a_thread_that_cannot_be_started_is_no_error_of_the_plans(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    sink = Unready()
    with make(sink) as writer:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", fail)
            send(writer, RUN[:2])
        assert "can't start new thread" in caplog.text
        send(writer, RUN[2:])
    assert rows(sink)["x"] == [0, 1, 2]


# What waits is bounded


def test_callers_wait_while_too_much_does(caplog: pytest.LogCaptureFixture) -> None:
    sink = Unready()
    done = threading.Event()

    def scan() -> None:
        send(writer, whole_run(NUMBER, [{"x": n} for n in range(100)]))
        done.set()

    with make(sink, queue_bytes=2_000, flush_rows=1) as writer:
        with sink.held():
            caller = threading.Thread(target=scan)
            caller.start()
            wait_for(lambda: writer.status().blocked_seconds > 0)
            assert not done.is_set()
            status = writer.status()
            assert status.queue_limit == 2_000
            assert 2_000 <= status.queue_bytes < 3_000
        caller.join(GUARD)
        assert done.is_set()
    assert rows(sink)["x"] == list(range(100))
    assert caplog.text.count("callers wait, too") == 1


def test_a_bulk_document_may_be_larger_than_what_may_wait() -> None:
    events = [event(n, {"x": n}) for n in range(1, 101)]
    sink = Unready()
    with make(sink, queue_bytes=1_000) as writer:
        send(writer, [*RUN[:2], ("bulk_events", {"primary": events}), RUN[-1]])
    assert len(rows(sink)["x"]) == 100


def test_a_caller_that_waits_goes_on_when_the_writer_is_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = Unready(away)
    with make(sink, queue_bytes=1) as writer:
        caller = threading.Thread(target=send, args=(writer, RUN))
        caller.start()
        wait_for(lambda: writer.status().blocked_seconds > 0)
        assert not writer.close(timeout=0)
        caller.join(GUARD)
        assert not caller.is_alive()
    assert "its start document was not seen" in caplog.text


# The end


def test_flush_says_whether_all_was_sent() -> None:
    sink = Unready()
    with make(sink) as writer:
        assert writer.flush()
        with sink.held():
            send(writer, RUN)
            assert not writer.flush(timeout=0.01)
        assert writer.flush(GUARD)
        assert rows(sink)["x"] == [0, 1, 2]
    assert writer.flush()


def test_closing_sends_what_waits_and_may_be_repeated() -> None:
    sink = Unready()
    writer = make(sink)
    send(writer, RUN)
    assert writer.close()
    assert writer.close()
    assert writer.status().state == "closed"
    assert same_tree(sink.tree, write(RUN).tree)


def test_a_writer_that_took_nothing_has_no_thread() -> None:
    before = set(threading.enumerate())
    with make(MemorySink()) as writer:
        assert writer.flush()
        assert set(threading.enumerate()) <= before


def test_a_writer_goes_on_after_it_was_closed() -> None:
    sink = Unready()
    writer = make(sink)
    for uid in ("a", "b"):
        send(writer, run_of(uid, [1, 2]))
        assert writer.close()
    assert rows(sink, ("b", "primary", "internal"))["x"] == [1, 2]


def test_a_run_without_a_stop_document_stays_open(caplog: pytest.LogCaptureFixture) -> None:
    sink = Unready()
    with make(sink) as writer:
        send(writer, RUN[:-1])
    assert rows(sink)["x"] == [0, 1, 2]
    assert not sink.tree[RUN_NODE].closed
    assert "has no stop document; it stays open" in caplog.text


@pytest.mark.parametrize(
    ("layout", "options"),
    [(LAYOUT, {"close_unfinished": True}), (with_run(unfinished="close"), {})],
)
@pytest.mark.parametrize("delivery", ["background", "inline"])
def test_a_run_without_a_stop_document_is_closed_where_that_is_said(
    layout: Any, options: dict[str, Any], delivery: Any
) -> None:
    sink = Unready()
    with Writer(layout, sink, fallback=layout, delivery=delivery, **options) as writer:
        send(writer, RUN[:-1])
    made = sink.tree[RUN_NODE].metadata["stop"]
    assert made["synthesised_by"] == "tiledmap"
    assert made["num_events"] == {"primary": 3}
    assert rows(sink)["x"] == [0, 1, 2]


def test_an_option_is_stronger_than_the_mapping() -> None:
    sink = Unready()
    layout = with_run(unfinished="close")
    with Writer(layout, sink, fallback=layout, close_unfinished=False) as writer:
        send(writer, RUN[:-1])
    assert not sink.tree[RUN_NODE].closed


# A server that is away


def test_what_a_server_misses_is_sent_when_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sink = Unready(away)
    with make(sink) as writer:
        send(writer, RUN)
        sink.wait_until(lambda: len(sink.tried) > 2)
        status = writer.status()
        assert status.state == "waiting for the server"
        assert status.waiting_for == "the server does not answer"
        sink.refuse = lambda op: None
    assert same_tree(sink.tree, write(RUN).tree)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "the server does not answer; documents are kept" in said[0]
    assert "writing goes on after" in said[1]


def test_a_wait_that_ends_in_a_refusal_is_over() -> None:
    sink = Unready(away)
    with make(sink) as writer:
        send(writer, RUN)
        sink.wait_until(lambda: len(sink.tried) > 1)
        sink.refuse = lambda op: OSError("no") if isinstance(op, CreateTable) else None
        assert writer.flush(GUARD)
        assert writer.status().waiting_for == ""
    assert sink.tree[RUN_NODE].closed


def test_closing_ends_the_wait_and_says_what_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    writer = make(Unready(away))
    send(writer, RUN)
    assert not writer.close(timeout=0.01)
    assert (
        f"up to {len(RUN)} documents of run-1 are lost, as the writer has no spool" in caplog.text
    )
    assert not writer.close()
    assert not writer.flush()


def test_who_interrupts_the_end_is_told_what_is_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def interrupt(background: Background, timeout: float) -> bool:
        raise KeyboardInterrupt

    before = set(threading.enumerate())
    writer = make(Unready(away))
    send(writer, RUN)
    monkeypatch.setattr(Background, "close", interrupt)
    with pytest.raises(KeyboardInterrupt):
        writer.close()
    assert f"up to {len(RUN)} documents of run-1 are lost" in caplog.text
    assert not writer.close()
    wait_for(lambda: set(threading.enumerate()) <= before)


def test_a_sink_that_never_answers_does_not_keep_a_writer_from_closing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tiledmap.runtime.background._LAST_REQUEST", 0.01)
    before = set(threading.enumerate())
    sink = Unready()
    writer = make(sink)
    with sink.held():
        send(writer, RUN)
        sink.wait_until(lambda: len(sink.tried) == 1)
        assert not writer.close(timeout=0.01)
    wait_for(lambda: set(threading.enumerate()) <= before)
    assert len(sink.ops) == 1  # the one that was under way


# What goes wrong


def test_a_node_that_fails_leaves_other_nodes_and_runs_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(op: Op) -> Exception | None:
        is_refused = isinstance(op, AppendRows) and op.run == "a"
        return OSError("no space left") if is_refused else None

    sink = Unready(refuse)
    with make(sink, flush_rows=1) as writer:
        send(
            writer,
            interleaved(run_of("a", [1, 2]), run_of("b", [1, 2])),
        )
        assert writer.flush(GUARD)
        status = writer.status()
        assert (status.runs_written, status.runs_failed) == (1, 1)
        assert status.failures[0].run == "a"
        assert not status.failures[0].kept
    assert rows(sink, ("b", "primary", "internal"))["x"] == [1, 2]
    assert "a/primary/internal is not complete: no space left" in notes(sink, "a")
    assert [record.getMessage() for record in caplog.records] == [
        "run a, a/primary/internal: AppendRows: no space left (asked for at m.yaml:8); "
        "the rest is written; what is not is lost, as the writer has no spool"
    ]


def test_an_error_is_raised_by_a_later_call_and_once() -> None:
    sink = Unready()
    with make(sink, on_error="raise") as writer:
        with sink.held():
            send(writer, RUN[:2])
            writer("event", {**event(1, {"x": 1}), "seq_num": "one"})
        with pytest.raises(InvalidDocumentError, match="seq_num is no integer"):
            writer.flush(GUARD)
        send(writer, RUN[2:])
    assert rows(sink)["x"] == [0, 1, 2]


def test_a_failed_write_is_raised_at_the_latest_when_the_writer_is_closed() -> None:
    sink = Unready(lambda op: OSError("no"))
    writer = make(sink, on_error="raise")
    with sink.held():
        send(writer, RUN)
    with pytest.raises(FailedWriteError, match="CreateContainer: no"):
        writer.close()
    assert writer.close()


def test_whatever_the_thread_meets_it_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    first = count()

    def reported(report: Any) -> None:
        if next(first) == 0:
            raise SystemExit("of a hook")

    sink = Unready()
    with make(sink, reported=reported) as writer:
        send(writer, run_of("a", [1]))
        send(writer, run_of("b", [1]))
    assert sink.tree["a",].closed
    assert sink.tree["b",].closed
    assert "there will be another" in caplog.text


def test_a_run_that_lost_documents_to_a_hook_is_no_run_that_is_stored() -> None:
    def leave(event: dict[str, Any]) -> dict[str, Any]:
        if event["seq_num"] == 2:
            raise SystemExit("of a hook")
        return event

    sink = Unready()
    layout = replace(LAYOUT, hooks=(Hook("h", "event", leave, "m.yaml:1"),))
    with Writer(layout, sink, fallback=LAYOUT) as writer:
        with sink.held():
            send(writer, RUN[:-1])
        assert writer.flush(GUARD)
        send(writer, RUN[-1:])
        assert writer.flush(GUARD)
        assert writer.status().runs_written == 0
        [failed] = writer.status().failures
    assert "some of its documents are lost: SystemExit: of a hook" in failed.reason


def test_a_report_that_fails_makes_no_run_fail() -> None:
    def reported(report: Any) -> None:
        raise OSError("no printer")

    with make(MemorySink(), reported=reported) as writer:
        send(writer, RUN)
        assert writer.flush(GUARD)
        assert writer.status().runs_written == 1


def test_a_run_whose_end_cannot_be_written_is_no_run_that_is_stored() -> None:
    sink = Unready(lambda op: OSError("no") if isinstance(op, CloseRun) else None)
    with make(sink) as writer:
        send(writer, RUN)
        assert writer.flush(GUARD)
        assert writer.status().runs_written == 0
        assert "no" in writer.status().failures[0].reason
