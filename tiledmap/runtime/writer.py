"""The callback that a RunEngine calls: documents in, ops out."""

import logging
import os
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import inf
from os import PathLike
from os.path import abspath
from types import TracebackType
from typing import Any, Literal, Self

from tiledmap.runtime.background import Background
from tiledmap.runtime.check_files import MODES
from tiledmap.runtime.courier import Courier
from tiledmap.runtime.delivery import Sink
from tiledmap.runtime.documents import schema_problem
from tiledmap.runtime.errors import (
    BusyRunError,
    DoubledRowsError,
    FailedWriteError,
    InvalidDocumentError,
    OrphanDocumentError,
    RefusedRunError,
    WriteError,
    in_words,
)
from tiledmap.runtime.journal import CorruptRecordError, RunJournal, Spool, decode
from tiledmap.runtime.journal.spool import without_credentials
from tiledmap.runtime.layout import Document, Layout
from tiledmap.runtime.metrics import watch
from tiledmap.runtime.report import RunReport
from tiledmap.runtime.routing import Routing
from tiledmap.runtime.run_writer import Writing, shipped_fallback
from tiledmap.runtime.status import Status
from tiledmap.runtime.upgrade import datums_of_bulk
from tiledmap.runtime.waiting import Waiting

logger = logging.getLogger("tiledmap")

_CLOSING_SECONDS = 60.0
_CLOSING_SECONDS_WITH_SPOOL = 10.0
_STATUS_SECONDS = 1.0
_RATE_SECONDS = 10.0
_WARNING_SECONDS = 60.0
_LOOKING_SECONDS = 1.0


class Writer:
    """A Bluesky callback that stores runs as a compiled mapping says.

    Runs may be nested and interleaved. Nothing that is given is changed.

    Parameters
    ----------
    layout
        The compiled mapping.
    sink
        Performs the ops: anything with a method ``perform(op)``.
    delivery
        ``background``: a document is kept when the call returns, and a thread of its own writes it;
        a server that is away or slow never holds the caller up. ``inline``: it is written.
    flush_rows
        How many rows wait before they are sent.
    flush_seconds
        How long a row waits; with ``inline``, at most until the next document comes.
    spool
        A directory where documents are kept until Tiled has all of their run, whatever becomes of
        this process, the server or the network. Several writers may share it. Runs that others left
        there are finished.
    fsync
        When documents in the spool are made safe against a loss of power: each ``record``, at each
        run's ``stop``, or every so many seconds. Against the death of this process they always are.
    queue_bytes
        How much may wait before `when_full` holds.
    when_full
        ``block``: the caller waits. ``divert``: documents wait in the spool, however many they are.
        None for ``divert`` where there is a spool, ``block`` otherwise.
    wait_at_stop
        True to return from a stop document when its run is written.
    close_unfinished
        True to make up a stop document for runs that have none when the writer is closed or finds
        them in the spool. None to do as the mapping says.
    on_error
        ``log``: problems are logged and kept in the run's notes, and everything else is stored.
        ``raise``: they are raised as well, once everything else of the document is stored; in the
        background, by the next call.
    clock
        Tells the time in seconds.
    fallback
        Stores documents that the mapping cannot; bluesky-v3 if None.
    reported
        Given the report of each run that has ended, by the thread that writes.
    check_files
        Whether files are looked at, at a run's end, and compared with what documents declare:
        ``warn`` notes differences, ``fix`` also puts the node right, ``error`` reports them.
    file_roots
        Directories below which files may be opened for that, beside those to which the mapping's
        repairs of roots lead.

    Raises
    ------
    SpoolError
        If the spool cannot be used.
    """

    def __init__(
        self,
        layout: Layout,
        sink: Sink,
        *,
        delivery: Literal["background", "inline"] = "background",
        flush_rows: int = 10_000,
        flush_seconds: float = 0.25,
        spool: str | PathLike[str] | None = None,
        fsync: Literal["record", "stop"] | float = 1.0,
        queue_bytes: int = 256 << 20,
        when_full: Literal["block", "divert"] | None = None,
        wait_at_stop: bool = False,
        close_unfinished: bool | None = None,
        on_error: Literal["log", "raise"] = "log",
        clock: Callable[[], float] = time.monotonic,
        fallback: Layout | None = None,
        reported: Callable[[RunReport], None] | None = None,
        check_files: Literal["off", "warn", "fix", "error"] = "off",
        file_roots: Iterable[str | PathLike[str]] = (),
    ) -> None:
        _check("delivery", delivery, ("background", "inline"))
        _check("when_full", when_full, (None, "block", "divert"))
        _check("on_error", on_error, ("log", "raise"))
        _check("check_files", check_files, MODES)
        if when_full == "divert" and spool is None:
            raise ValueError("when_full is 'divert', but there is no spool to divert to")
        self._sink = sink
        self._delivery = delivery
        self._raises = on_error == "raise"
        self._wait_at_stop = wait_at_stop
        self._clock = clock
        self._mapping = f"{layout.name} {layout.version}"
        self._fsync = fsync
        self._spool_directory = spool
        self._header = {
            "mapping": layout.name,
            "version": layout.version,
            "sha256": layout.sha256,
            "server": without_credentials(getattr(sink, "uri", "")),
        }
        blocks = (when_full or ("block" if spool is None else "divert")) == "block"
        self._queue_bytes = queue_bytes if delivery == "background" else inf
        self._queue_limit = queue_bytes if blocks and delivery == "background" else None
        close = layout.run.unfinished == "close" if close_unfinished is None else close_unfinished
        self._close_unfinished = close
        self._writing = Writing(
            layout=layout,
            fallback=fallback or shipped_fallback(),
            sink=sink,
            report=self._report,
            flush_rows=flush_rows,
            flush_seconds=flush_seconds,
            clock=clock,
            check_files=check_files,
            file_roots=tuple(map(abspath, file_roots)),
            reported=reported,
        )
        self._lock = threading.RLock()
        self._room = threading.Condition(self._lock)
        self._set_up(self._open_spool())
        _close_at_exit(self)
        watch(self)

    def _open_spool(self) -> Spool | None:
        if self._spool_directory is None:
            return None
        return Spool(self._spool_directory, fsync=self._fsync, header=self._header)

    def _set_up(self, spool: Spool | None) -> None:
        """Begin with nothing but what others have left in the spool."""
        self._errors: deque[WriteError] = deque()
        self._last_error: tuple[str, float | None] = ("", None)
        self._blocked_seconds = 0.0
        self._rates: deque[tuple[float, int]] = deque(maxlen=int(_RATE_SECONDS / _STATUS_SECONDS))
        self._next_status = self._next_warning = self._next_look = 0.0
        self._began = time.time()
        self._is_closed = self._is_closing = False
        self._was_sent = True
        self._headroom = self._queue_bytes
        self._routing = Routing(repeats=self._raises)
        self._spool = spool
        self._waiting = Waiting()
        self._background: Background | None = None
        in_background = self._delivery == "background"
        self._courier = Courier(
            replace(self._writing, patience=self._waiting if in_background else None),
            spool,
            at_once=not in_background and spool is None,
            closes_unfinished=self._close_unfinished,
            lock=self._lock,
        )
        if in_background:
            self._background = Background(
                self._courier,
                self._waiting,
                room=self._room,
                meanwhile=self._meanwhile,
                every=_STATUS_SECONDS if spool is None else min(_STATUS_SECONDS, spool.sync_every),
                let_go=partial(_let_go, self._courier, spool),
                clock=self._clock,
            )
        self._go_on_with_runs()

    def _leave_to_parent(self) -> None:
        """Begin with nothing in a process that was forked off: what was begun is its parent's."""
        self._lock = threading.RLock()  # another thread may have held it
        self._room = threading.Condition(self._lock)
        self._set_up(None)
        self._is_closed, self._headroom = True, 0

    def __call__(self, name: str, doc: Document) -> None:
        """Take a document."""
        with self._lock:
            if self._headroom <= 0:
                self._make_ready()
            self._take(name, doc)
            if self._background is None and self._spool is not None:
                self._deliver()
        if self._background is not None and (name == "stop" or self._background.is_asleep):
            try:
                self._background.wake()
            except RuntimeError as error:  # there can be no more threads
                self._report(_in_report(error))
            else:
                if self._wait_at_stop and name == "stop":
                    self._background.flush()
        if self._errors:
            self._raise()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        status = self.status()
        return f"<Writer {status.mapping}: {status.state}, {len(status.runs_open)} runs open>"

    def flush(self, timeout: float | None = None) -> bool:
        """Send every row that waits.

        Parameters
        ----------
        timeout
            For how many seconds, at most, with ``delivery="background"``.

        Returns
        -------
        bool
            Whether all is sent that was accepted.
        """
        if self._is_closed:
            is_sent = self._was_sent
        elif self._background is not None:
            is_sent = self._background.flush(timeout)
        else:
            with self._lock:
                self._deliver()
                self._courier.flush()
                is_sent = not self._courier.is_held_up
        self._raise()
        return is_sent

    def close(self, timeout: float | None = None) -> bool:
        """Send every row that waits, and let go of everything.

        Runs without a stop document stay open, unless they are to be closed.

        Parameters
        ----------
        timeout
            For how many seconds, at most, with ``delivery="background"``: 60 if None, and 10 where
            there is a spool, in which what is left waits for the next writer.

        Returns
        -------
        bool
            Whether all was sent. What was not is in the spool, or is lost, which is logged.
        """
        with self._lock:
            if self._is_closed:
                self._room.wait_for(lambda: not self._is_closing)
                return self._was_sent
            self._is_closed = self._is_closing = True
            self._headroom = 0
        self._was_sent = False
        try:
            self._was_sent = self._end(timeout)
        except BaseException:  # an interrupt, by whoever has waited long enough
            self._waiting.halt()
            self._tell_what_is_left()
            raise
        finally:
            with self._lock:
                self._is_closing = False
                self._room.notify_all()
        self._raise()
        return self._was_sent

    def _end(self, timeout: float | None) -> bool:
        if self._background is not None:
            seconds = _CLOSING_SECONDS if self._spool is None else _CLOSING_SECONDS_WITH_SPOOL
            is_sent = self._background.close(seconds if timeout is None else timeout)
        else:
            with self._lock:
                try:
                    self._deliver()
                    self._courier.end()
                    is_sent = not self._courier.is_held_up
                finally:
                    _let_go(self._courier, self._spool)
        if not is_sent:
            self._tell_what_is_left()
        if close := getattr(self._sink, "close", None):
            try:
                close()
            except Exception as error:  # a sink may raise anything
                self._report(_in_report(error))
        return is_sent

    def status(self) -> Status:
        """What the writer is doing."""
        courier = self._courier
        reason = self._waiting.reason
        state = "waiting for the server" if reason else "writing"
        if self._is_closed:
            state = "closed"
        elif not (reason or courier.has_runs):
            state = "idle"
        last_error, last_error_time = self._last_error
        return Status(
            delivery=self._delivery,
            state=state,
            mapping=self._mapping,
            server=self._header["server"],
            host=socket.gethostname(),
            pid=os.getpid(),
            began=self._began,
            time=time.time(),
            accepted=courier.accepted,
            written=courier.written,
            rate=self._rate(),
            queue_bytes=courier.queue_bytes,
            queue_limit=self._queue_limit,
            blocked_seconds=self._blocked_seconds,
            runs_open=courier.runs_open,
            runs_written=courier.runs_written,
            runs_failed=courier.runs_failed,
            failures=tuple(courier.failures),
            spool="" if self._spool is None else str(self._spool.directory),
            spool_bytes=courier.spool_bytes,
            waiting_for=reason,
            waiting_since=self._waiting.since if reason else None,
            last_error=last_error,
            last_error_time=last_error_time,
        )

    # Documents

    def _take(self, name: str, document: Document) -> None:
        """Keep a document for its run. What is wrong with it must not end a plan."""
        try:
            if name == "event" and (size := self._courier.accept_row(document)) is not None:
                self._headroom -= size
                return
            if name in _BULK:
                for each, part in _unpacked(name, document):
                    self._take(each, part)
                return
            try:
                route = self._routing.route(name, document)
            except OrphanDocumentError:
                if not self._finds_runs():
                    raise
                route = self._routing.route(name, document)
            if not route.runs and self._finds_runs():
                route = self._routing.route(name, document)
            for run in route.runs:
                self._headroom -= self._courier.accept(run, name, document, route.shared)
        except Exception as error:
            failure = _in_report(error)
            failure.document = failure.document or (name if isinstance(name, str) else "")
            self._report(failure)

    def _finds_runs(self) -> bool:
        """Whether another writer has left runs in the spool meanwhile, which are ours now."""
        now = time.monotonic()
        if self._spool is None or now < self._next_look:
            return False
        self._next_look = now + _LOOKING_SECONDS
        before = self._courier.runs_open
        self._go_on_with_runs()
        return self._courier.runs_open != before

    def _make_ready(self) -> None:
        """Wait until there is room for documents; begin anew if the writer was closed."""
        self._wait_for_room()
        self._room.wait_for(lambda: not self._is_closing)
        if not self._is_closed:
            return
        spool = None
        try:
            spool = self._open_spool()
        except OSError as error:
            logger.error(
                "%s: documents wait in memory, and are lost if this process ends before Tiled has "
                "them",
                error,
            )
        self._set_up(spool)

    def _wait_for_room(self) -> None:
        began = time.monotonic()
        while not self._is_closed:
            self._headroom = self._queue_bytes - self._needing_room
            if self._headroom > 0:
                break
            self._tell_that_it_is_full()
            assert self._background is not None
            self._background.callers_wait = True
            self._background.wake()
            self._room.wait(_STATUS_SECONDS)
            self._blocked_seconds += time.monotonic() - began
            began = time.monotonic()

    @property
    def _needing_room(self) -> int:
        """How much waits of what is bounded: with a spool to divert to, what it does not take."""
        courier = self._courier
        return courier.memory_bytes if self._queue_limit is None else courier.queue_bytes

    def _go_on_with_runs(self) -> None:
        """Take over the runs that others have left in the spool."""
        if self._spool is None:
            return
        try:
            for journal in self._spool.leftovers(again=False):  # else it is the next writer's
                self._go_on_with(journal)
        except OSError as error:
            logger.error(
                "the spool %s cannot be looked through: %s", self._spool.directory, in_words(error)
            )
        if self._background is None:
            self._deliver()
        elif self._courier.has_runs:
            self._background.wake()

    def _go_on_with(self, journal: RunJournal) -> None:
        try:
            if not journal.read(0, 1)[0]:  # its writer ended before it took a document
                journal.remove()
                return
            has_ended = False
            for payload in journal.landmarks():
                with suppress(CorruptRecordError):  # the delivery will say so
                    name, document, _ = decode(payload)
                    self._routing.learn(journal.run, name, document)
                    has_ended |= name == "stop"
            if has_ended:
                self._routing.forget(journal.run)
        except OSError as error:
            logger.error("the journal %s cannot be read: %s", journal.path, in_words(error))
            journal.close()
        else:
            self._courier.adopt(journal, has_ended=has_ended)

    def _deliver(self) -> None:
        """Write what is in the spool, here and now."""
        if self._spool is not None:
            while self._courier.deliver():
                pass
            self._meanwhile()

    # What is said of it

    def _meanwhile(self) -> None:
        """Do what is to be done once in a while, whatever the server does."""
        if self._is_closed and not self._is_closing:
            return
        if self._spool is not None:
            try:
                self._spool.sync_due()
            except OSError as error:
                logger.error(
                    "the spool %s may not outlast a loss of power: %s",
                    self._spool.directory,
                    in_words(error),
                )
        now = time.monotonic()
        if now < self._next_status:
            return
        self._next_status = now + _STATUS_SECONDS
        self._rates.append((now, self._courier.written))
        if self._spool is not None:
            self._spool.publish(self.status().as_json())

    def _rate(self) -> float:
        if len(self._rates) < 2:
            return 0.0
        (began, before), (now, written) = self._rates[0], self._rates[-1]
        return (written - before) / (now - began)

    def _report(self, error: WriteError) -> None:
        words = str(error)
        if isinstance(error, FailedWriteError | RefusedRunError):
            words = f"{words}; {self._what_next(error)}"
        logger.error("%s", words, exc_info=error.__cause__)
        self._last_error = words, time.time()
        if self._raises:
            self._errors.append(error)

    def _what_next(self, error: WriteError) -> str:
        if self._spool is None:
            return "the rest is written; what is not is lost, as the writer has no spool"
        if isinstance(error.__cause__, BusyRunError):
            return "it is tried again until that writer is done"
        if isinstance(error.__cause__, DoubledRowsError):
            return "it is deleted, and written again from the spool"
        return (
            f"the rest is written; the run stays in {self._spool.directory}, from where "
            "`tiledmap replay` writes it again"
        )

    def _tell_that_it_is_full(self) -> None:
        now = time.monotonic()
        if now < self._next_warning:
            return
        self._next_warning = now + _WARNING_SECONDS
        logger.warning(
            "%d bytes of documents wait to be written: callers wait, too%s",
            self._needing_room,
            f" ({self._waiting.reason})" if self._waiting.reason else "",
        )

    def _tell_what_is_left(self) -> None:
        courier = self._courier
        reason = self._waiting.reason or "it takes longer than the writer was given"
        if self._spool is None:
            left = courier.runs_left
            logger.error(
                "up to %d documents of %s are lost, as the writer has no spool=DIR: %s",
                sum(left.values()),
                ", ".join(left),
                reason,
            )
        else:
            logger.warning(
                "left in %s for the next writer, or `tiledmap replay`: %s: %s",
                self._spool.directory,
                "1 run" if len(courier.runs_left) == 1 else f"{len(courier.runs_left)} runs",
                reason,
            )

    def _raise(self) -> None:
        with self._lock:
            errors = [self._errors.popleft() for _ in range(len(self._errors))]
        if errors:
            first, *others = errors
            for other in others:
                first.add_note(f"also: {other}")
            raise first


_BULK = frozenset({"bulk_events", "bulk_datum"})


def _unpacked(name: str, bulk: Any) -> Iterator[tuple[str, Any]]:
    """The documents in one of the bulk documents of old."""
    if name == "bulk_events":
        for events in bulk.values():
            for event in events:
                yield "event", event
        return
    if problem := schema_problem("bulk_datum", bulk):
        raise InvalidDocumentError(problem)
    for datum in datums_of_bulk(bulk):
        yield "datum", datum


def _in_report(error: Exception) -> WriteError:
    if isinstance(error, WriteError):
        return error
    failure = WriteError(in_words(error))
    failure.__cause__ = error
    return failure


def _check(option: str, value: Any, allowed: Iterable[Any]) -> None:
    if value not in allowed:
        listed = ", ".join(str(each) for each in allowed if each is not None)
        raise ValueError(f"{option} is {value!r}; it is one of {listed}")


def _let_go(courier: Courier, spool: Spool | None) -> None:
    courier.let_go_of_all()
    if spool is not None:
        spool.close()


_open_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def _close_at_exit(writer: Writer) -> None:
    """Write what is left when the interpreter ends, before what `writer` writes to is closed."""
    _open_writers.add(writer)
    with suppress(RuntimeError):  # it is ending
        # Unlike those of `atexit`, this is called while threads can still be started, as Tiled's
        # own is that closes a catalog in this process: what was registered last comes first.
        threading._register_atexit(_close_all)  # type: ignore[attr-defined]


def _close_all() -> None:
    for writer in tuple(_open_writers):
        try:
            writer.close()
        except Exception as error:  # the others are to be closed, too
            logger.error("%s", in_words(error))


def _leave_all_to_parent() -> None:
    for writer in tuple(_open_writers):
        writer._leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all_to_parent)
