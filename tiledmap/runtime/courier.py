"""Accepted documents on their way: each is kept until its run is stored."""

import logging
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from threading import RLock
from typing import Any, TypeAlias

from tiledmap.runtime.backlog import Backlog
from tiledmap.runtime.columns import NUMBERS, PLAIN
from tiledmap.runtime.errors import (
    BusyRunError,
    FailedWriteError,
    OrphanDocumentError,
    WriteError,
    in_words,
)
from tiledmap.runtime.event_rows import EventRows, RowReader
from tiledmap.runtime.journal import CorruptRecordError, RunJournal, Spool, decode, encode
from tiledmap.runtime.layout import Document
from tiledmap.runtime.run_writer import RunWriter, TakeRow, Writing
from tiledmap.runtime.status import FailedRun

logger = logging.getLogger("tiledmap")

Identity: TypeAlias = tuple[str, str, str]

_FAILED_RUNS_KEPT = 100
_MOST_JOURNEYS = 200
"""How many runs are under way: each has a file open. Others wait, closed, in the spool."""
_FIRST_DELAY = 2.0
_LONGEST_DELAY = 60.0
_MOST_BEGINNINGS = 5


@dataclass(slots=True, eq=False)
class _Journey:
    """A run on its way into Tiled."""

    backlog: Backlog
    writer: RunWriter | None = None
    """None before its first document is written."""
    beginnings: int = 0
    """How often it was begun."""
    written: int = 0
    """How many of its documents were written since it was begun."""
    most_written: int = 0
    """The same, whenever it was begun."""
    delay: float = 0.0
    """How long it was put off, when it was last."""
    not_before: float = 0.0
    """When it may go on, by the clock; 0 if it is not put off."""
    known: frozenset[Identity] | None = None
    """Its documents that another writer accepted; None before the first one after them."""
    was_found: bool = False
    """Whether another process began it."""
    former: "_Journey | None" = None
    """The same run, as far as it had come when it was begun once more."""
    is_superseded: bool = False
    """Whether it is such a former one, which has no end."""
    damage: str = ""
    """What of its documents cannot be read, or is lost."""

    accepted: int = 0
    """How many documents of it this process has taken."""

    @property
    def run(self) -> str:
        return self.backlog.run

    @property
    def is_idle(self) -> bool:
        """Whether another process began it, and no document of it waits."""
        return self.was_found and not self.backlog.waiting

    def knows(self, name: str, document: Mapping[str, Any]) -> bool:
        """Whether another writer accepted a document; its sender may not know, and send it again.

        A broker does so after a consumer has died.
        """
        if self.known is None:
            assert self.backlog.journal is not None
            self.known = frozenset(_identities(self.backlog.journal))
        return _identity(name, document) in self.known


class Courier:
    """Keeps documents, and has each run's writer write them.

    One thread calls `accept`, the same or another one all the rest.

    Parameters
    ----------
    writing
        How runs are written.
    spool
        Where documents are kept until Tiled has all of a run; None to keep them in memory until
        they are written.
    at_once
        True to write each document when it comes, and keep none.
    closes_unfinished
        True to make up a stop document for runs that end without one.
    lock
        Held by whoever calls `accept`.

    Attributes
    ----------
    accepted, written
        How many documents were accepted and written; one that belongs to two runs counts twice.
        Those that were found in the spool were not accepted here.
    runs_written
        How many runs are stored whole.
    runs_failed
        How many have ended and are not.
    failures
        The last of those.
    """

    def __init__(
        self,
        writing: Writing,
        spool: Spool | None,
        *,
        at_once: bool,
        closes_unfinished: bool,
        lock: AbstractContextManager[Any] | None = None,
    ) -> None:
        self.accepted = self.written = 0
        self.runs_written = self.runs_failed = 0
        self._let_go_of: dict[str, int] = {}
        self.failures: deque[FailedRun] = deque(maxlen=_FAILED_RUNS_KEPT)
        self._writing = writing
        self._clock = writing.clock
        self._spool = spool
        self._at_once = at_once
        self._closes_unfinished = closes_unfinished
        self._lock = lock or RLock()
        self._open: dict[str, _Journey] = {}
        self._readers: dict[str, tuple[_Journey, RowReader, TakeRow | None]] = {}
        """By descriptor, of runs that have no journal, where events may come as rows.

        With what takes them at once.
        """
        self._journeys: list[_Journey] = []
        self._parked: deque[tuple[str, int]] = deque()
        """Files of runs that have ended and not begun to be written, and their bytes."""
        self._look_again = -inf

    # For whoever brings documents

    def adopt(self, journal: RunJournal, *, has_ended: bool = False) -> None:
        """Go on with a run that another writer left in the spool."""
        if has_ended and self._is_full:
            self._park(journal)
            return
        self._add(_Journey(Backlog(journal.run, journal), was_found=True))
        if has_ended:
            del self._open[journal.run]

    def accept_row(self, event: Any) -> int | None:
        """Take an event of which a row is all that is needed, and whose run has no journal.

        Returns
        -------
        int or None
            How many bytes of it wait; None if it is no such event, and not taken.
        """
        try:
            known = self._readers.get(event["descriptor"])
        except (KeyError, TypeError, IndexError):
            return None
        if known is None:
            return None
        journey, reader, take = known
        row = reader.read(event)
        if row is None:
            return None
        self.accepted += 1
        journey.accepted += 1
        if take is not None:
            take(row)
            self.written += 1  # nothing becomes of a run by an event alone
            if len(self._journeys) > 1:
                self.flush_due()
            return 0
        journey.backlog.put_row(reader, row)
        return reader.size

    def accept(self, run: str, name: str, document: Any, shared: bool) -> int:
        """Take a document of a run; when this returns, it is kept, or written.

        Returns
        -------
        int
            How many bytes of it wait.

        Raises
        ------
        OrphanDocumentError
            If the run has ended.
        """
        journey = self._begin(run) if name == "start" else self._open.get(run)
        if journey is None:
            reason = "it comes after the end of its run, which found no stop document"
            raise OrphanDocumentError(reason, run=run, document=name)
        if journey.was_found and journey.knows(name, document):
            return 0
        self.accepted += 1
        journey.accepted += 1
        if self._at_once:
            # Not as it came: rows wait to be sent, and whoever brought it may change it meanwhile.
            self._write(journey, encode(name, document, shared))
            if len(self._journeys) > 1:
                self.flush_due()
            size = 0
        else:
            size = self._keep(journey, name, document, shared)
        if name == "descriptor":
            self._note_reader(journey, document)
        if name == "stop":
            self._open.pop(run, None)
            self._forget_readers(journey)
            if self._is_full:
                self._park_journey(journey)
        return size

    def _keep(self, journey: _Journey, name: str, document: Any, shared: bool) -> int:
        """Put a copy of a document into its run's backlog; its size."""
        payload = encode(name, document, shared)
        journey.backlog.put(payload)
        return len(payload)

    def _note_reader(self, journey: _Journey, descriptor: Document) -> None:
        """Let events of a descriptor come as rows, where they may."""
        if journey.backlog.journal is not None:
            return
        reader = RowReader.for_events_of(descriptor, PLAIN if self._at_once else NUMBERS)
        if reader is None:
            return
        writer = journey.writer if self._at_once else None
        take = None if writer is None else writer.row_taker(reader)
        if self._at_once and take is None:
            self._readers.pop(reader.descriptor, None)
        else:
            self._readers[reader.descriptor] = journey, reader, take

    def _forget_readers(self, journey: _Journey) -> None:
        for descriptor in [uid for uid, (of, *_) in self._readers.items() if of is journey]:
            del self._readers[descriptor]

    @property
    def _is_full(self) -> bool:
        """Whether as many runs are under way as may be; those that nothing is heard of are none."""
        journeys = tuple(self._journeys)
        return len(journeys) >= _MOST_JOURNEYS <= sum(not each.is_idle for each in journeys)

    def _park_journey(self, journey: _Journey) -> None:
        """Let a run that has ended wait in its file, if nothing of it is written yet."""
        journal = journey.backlog.journal
        is_alone = journey.former is None and not journey.is_superseded
        if journal is not None and journey.writer is None and journey.backlog.is_whole and is_alone:
            self._journeys.remove(journey)
            self._park(journal)

    def _park(self, journal: RunJournal) -> None:
        assert self._spool is not None
        self._parked.append((journal.path.name, journal.size))
        self._spool.put_away(journal)

    def _unpark(self) -> bool:
        """Go on with runs that wait in their files, as there is room for them."""
        spool, went_on = self._spool, False
        if spool is None or self._clock() < self._look_again:
            return False
        while self._parked and not self._is_full:
            name, _ = self._parked[0]
            journal = spool.take_over(name)  # without the lock: it is read
            if journal is None and spool.is_in_use(name):  # by someone who only looks, perhaps
                self._parked.rotate(-1)
                self._look_again = self._clock() + _FIRST_DELAY
                break
            with self._lock:
                self._parked.popleft()
                if journal is not None:  # and nobody else has finished it
                    self.adopt(journal, has_ended=True)
                    went_on = True
        return went_on

    def _begin(self, run: str) -> _Journey:
        journal = None
        if self._spool is not None:
            try:
                journal = self._spool.create(run)
            except OSError as error:
                logger.error(
                    "run %s: the spool %s takes no journal (%s): its documents wait in memory, and "
                    "are lost if this process ends before Tiled has them",
                    run,
                    self._spool.directory,
                    error.strerror or error,
                )
        journey = _Journey(Backlog(run, journal))
        if self._at_once:
            journey.writer = self._begin_writing(journey)
        self._add(journey)
        return journey

    def _add(self, journey: _Journey) -> None:
        journey.former = self._open.get(journey.run)
        if journey.former is not None:
            journey.former.is_superseded = True
            self._forget_readers(journey.former)
        self._open[journey.run] = journey
        self._journeys.append(journey)

    # For whoever writes

    @property
    def runs_open(self) -> tuple[str, ...]:
        """The runs that have begun and not ended."""
        return tuple(self._open)

    @property
    def has_runs(self) -> bool:
        """Whether there is a run that is not stored yet."""
        return bool(self._journeys or self._parked)

    @property
    def runs_left(self) -> dict[str, int]:
        """The runs that are not stored yet, or were not when they were let go.

        With how many documents of each were accepted here; those that wait closed, under the names
        of their files, with none.
        """
        left = {journey.run: journey.accepted for journey in tuple(self._journeys)}
        return left | dict.fromkeys((name for name, _ in tuple(self._parked)), 0) or self._let_go_of

    @property
    def queue_bytes(self) -> int:
        """Size of the documents that wait."""
        parked = sum(size for _, size in tuple(self._parked))
        return parked + sum(journey.backlog.waiting for journey in tuple(self._journeys))

    @property
    def memory_bytes(self) -> int:
        """Size of those among them that wait in memory."""
        return sum(journey.backlog.in_memory for journey in tuple(self._journeys))

    @property
    def spool_bytes(self) -> int:
        """Size of the journals of the runs that are not stored yet."""
        journals = (journey.backlog.journal for journey in tuple(self._journeys))
        parked = sum(size for _, size in tuple(self._parked))
        return parked + sum(journal.size for journal in journals if journal is not None)

    @property
    def next_due(self) -> float:
        """When something is to be done though no document comes, by the clock."""
        due, now = inf, self._clock()
        for journey in tuple(self._journeys):
            if journey.not_before > now:
                due = min(due, journey.not_before)
            if journey.writer is not None:
                due = min(due, journey.writer.next_flush)
        return due

    @property
    def is_held_up(self) -> bool:
        """Whether a run is put off until later."""
        return bool(self._parked) or any(each.not_before for each in tuple(self._journeys))

    def deliver(self) -> bool:
        """Write some of what waits of each run; say whether there was any."""
        delivered = False
        passed = set()
        for journey in tuple(self._journeys):
            if journey.run not in passed and self._clock() >= journey.not_before:
                delivered |= self._advance(journey)
            passed.add(journey.run)  # a run that comes twice is written in that order
        self.flush_due()
        return self._unpark() or delivered

    def flush_due(self) -> None:
        """Send the rows that have waited long enough."""
        now = self._clock()
        for journey in tuple(self._journeys):
            if journey.writer is not None and now >= journey.writer.next_flush:
                journey.writer.flush_due()

    def flush(self) -> None:
        """Send every row that waits."""
        for journey in tuple(self._journeys):
            if journey.writer is not None:
                journey.writer.flush()

    def end(self) -> None:
        """Write what is left of the runs without a stop document: no more of them will come."""
        for journey in tuple(self._journeys):
            if journey.writer is not None and journey.writer.is_open:
                if self._closes_unfinished:
                    self._make_up_stop(journey, journey.writer)
                else:
                    journey.writer.abandon()
        while self.deliver():
            pass

    def let_go_of_all(self) -> None:
        """Leave every run as it is, for another process to go on with."""
        self._let_go_of = self.runs_left
        self._parked.clear()
        for journey in tuple(self._journeys):
            if self._spool is not None and (lost := journey.backlog.in_memory):
                logger.error(
                    "run %s: %d bytes of documents that its journal does not have are lost",
                    journey.run,
                    lost,
                )
            self._let_go(journey)
        self._open.clear()
        self._readers.clear()

    def _let_go(self, journey: _Journey) -> None:
        if journey in self._journeys:
            self._journeys.remove(journey)
        journey.backlog.close()
        if journey.former is not None:
            self._let_go(journey.former)

    # One run

    def _advance(self, journey: _Journey) -> bool:
        journey.not_before = 0.0
        try:
            with self._lock:  # against its being parked
                if journey not in self._journeys:
                    return False
                if journey.writer is None and journey.backlog.waiting:
                    journey.writer = self._begin_writing(journey)
            taken = journey.backlog.take()
        except Exception as error:  # of a disk, say
            self._put_off(journey, in_words(error))
            return False
        if not taken:
            return self._has_no_more(journey)
        try:
            for each in taken:
                if journey.writer is None or journey.writer.ended:
                    break
                if isinstance(each, bytes):
                    self._write(journey, each)
                else:
                    self._write_rows(journey, journey.writer, each)
        except BaseException as error:  # a halt, or an exit: what was taken is not all written
            if journey.backlog.is_whole:
                self._rewind(journey)
            else:
                journey.damage = f"some of its documents are lost: {in_words(error)}"
            raise
        return True

    def _has_no_more(self, journey: _Journey) -> bool:
        """Whether a run that has no more documents for now is brought to an end."""
        writer = journey.writer
        if journey.is_superseded:
            self._journeys.remove(journey)
            if writer is not None:
                writer.abandon()
            return True
        if not journey.was_found or not self._closes_unfinished:
            return False
        return writer is not None and writer.is_open and self._make_up_stop(journey, writer)

    def _make_up_stop(self, journey: _Journey, writer: RunWriter) -> bool:
        """End a run whose RunEngine has died; a replay finds the same end in its journal."""
        with self._lock:
            if journey.backlog.waiting or self._open.get(journey.run) is not journey:
                return False
            self.accept(journey.run, "stop", writer.synthesised_stop(), False)
            return True

    def _begin_writing(self, journey: _Journey) -> RunWriter:
        journey.beginnings += 1
        journal = journey.backlog.journal
        claim = getattr(self._writing.sink, "claim", None)
        if claim is not None and journal is not None:
            claim(journey.run, journal.id)
        report = partial(self._report, journey)
        return RunWriter(journey.run, replace(self._writing, report=report))

    def _write(self, journey: _Journey, payload: bytes) -> None:
        writer = journey.writer
        assert writer is not None
        try:
            writer.take(*decode(payload))
            self._count(journey, writer, 1)
        except Exception as error:  # it is damaged, or a fault of ours: others must not suffer
            journey.damage = f"a document of it cannot be written: {in_words(error)}"
            failure = WriteError(journey.damage, run=journey.run)
            failure.__cause__ = error
            self._report(journey, failure)

    def _write_rows(self, journey: _Journey, writer: RunWriter, events: EventRows) -> None:
        writer.take_rows(events)
        self._count(journey, writer, len(events.rows))

    def _count(self, journey: _Journey, writer: RunWriter, documents: int) -> None:
        """Take note that documents were written, and of what has become of their run."""
        journey.written += documents
        if journey.written > journey.most_written:
            self.written += journey.written - journey.most_written
            journey.most_written = journey.written
        if writer.delivery.is_busy and journey.backlog.is_whole:
            self._rewind(journey)
            self._put_off(journey)
        elif writer.ended:
            self._finish(journey, writer)

    def _report(self, journey: _Journey, error: WriteError) -> None:
        """Report what is wrong with a run, unless that was said when it was begun before."""
        is_new = journey.written >= journey.most_written or isinstance(error, FailedWriteError)
        if is_new and not (journey.delay and isinstance(error.__cause__, BusyRunError)):
            self._writing.report(error)

    def _put_off(self, journey: _Journey, reason: str = "") -> None:
        """Leave a run for a while, a longer one each time."""
        if reason and not journey.delay:
            logger.error("run %s waits: %s", journey.run, reason)
        journey.delay = min(2 * journey.delay or _FIRST_DELAY, _LONGEST_DELAY)
        journey.not_before = self._clock() + journey.delay

    def _rewind(self, journey: _Journey) -> None:
        journey.backlog.rewind()
        journey.writer = None
        journey.written = 0

    def _finish(self, journey: _Journey, writer: RunWriter) -> None:
        """Forget a run that is stored; keep one that is not."""
        journal = journey.backlog.journal
        damage = "" if journal is None else journal.problem
        loss = "; ".join(filter(None, (writer.loss, journey.damage, damage)))
        if loss and self._begins_again(journey, writer):
            return
        self._journeys.remove(journey)
        with self._lock:
            if self._open.get(journey.run) is journey:  # it was found with its end
                del self._open[journey.run]
        if loss:
            writer.release()
            self.runs_failed += 1
            self.failures.append(FailedRun(journey.run, loss, kept=journey.backlog.is_whole))
            if journal is not None:
                with suppress(OSError):  # of a full disk
                    journal.remark(loss)
            self._let_go(journey)
            return
        self.runs_written += 1
        if writer.refused_documents and journal is not None and journey.backlog.is_whole:
            self._set_aside(journey, journal, writer.refused_documents)
        stored: _Journey | None = journey
        while stored is not None:
            stored.backlog.remove()
            stored = stored.former

    def _set_aside(self, journey: _Journey, journal: RunJournal, refused: int) -> None:
        """Keep the documents of a run that is stored but for some that nothing could take."""
        try:
            path = journal.set_aside()
        except OSError as error:
            logger.error(
                "run %s: its journal cannot be set aside: %s", journey.run, in_words(error)
            )
        else:
            journey.backlog.journal = None
            logger.warning(
                "run %s is stored but for %d documents that were refused; all of them are in %s",
                journey.run,
                refused,
                path,
            )

    def _begins_again(self, journey: _Journey, writer: RunWriter) -> bool:
        """Whether a run is written once more from its first document, which may mend it."""
        delivery = writer.delivery
        if delivery.doubled is None:
            return False
        if journey.backlog.is_whole and journey.beginnings < _MOST_BEGINNINGS:
            try:
                delivery.discard_doubled()
            except Exception as error:  # a sink may raise anything
                logger.error("run %s: %s", journey.run, in_words(error))
            else:
                self._rewind(journey)
                return True
        delivery.close_nevertheless()
        return False


def _identity(name: str, document: Mapping[str, Any]) -> Identity:
    """What tells a document of a run from all others: its kind, its uid and its time."""
    uid = document.get("datum_id" if name.startswith("datum") else "uid")
    time = document.get("time")
    if isinstance(uid, list) and isinstance(time, list):
        uid, time = ("".join(map(str, uid)), str(time))
    return name, str(uid), str(time)


def _identities(journal: RunJournal) -> Iterator[Identity]:
    """Of all documents in a journal."""
    offset = 0
    while True:
        payloads, offset = journal.read(offset)
        if not payloads:
            return
        for payload in payloads:
            with suppress(CorruptRecordError):  # the delivery will say so
                name, document, _ = decode(payload)
                yield _identity(name, document)
