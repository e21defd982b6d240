"""One run's documents, each given to what stores it."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from math import inf
from typing import Any

from tiledmap.runtime.binding import Binding
from tiledmap.runtime.datum_check import (
    datum_page_problem,
    datum_problem,
    stream_datum_problem,
)
from tiledmap.runtime.delivery import Delivery, Patience, Sink
from tiledmap.runtime.documents import schema_problem
from tiledmap.runtime.errors import (
    InvalidDocumentError,
    OrphanDocumentError,
    WriteError,
    in_words,
)
from tiledmap.runtime.event_check import FIELDS, Row
from tiledmap.runtime.event_rows import EventRows, RowReader
from tiledmap.runtime.layout import Document, Layout
from tiledmap.runtime.repair import hooked
from tiledmap.runtime.report import RunReport
from tiledmap.runtime.run import Run
from tiledmap.runtime.succession import Succession
from tiledmap.runtime.unfinished import LastSeen, synthesised_stop
from tiledmap.runtime.upgrade import datums_of_page

logger = logging.getLogger("tiledmap")

Report = Callable[[WriteError], None]
TakeRow = Callable[[Row], None]

_FALLBACK = "tiledmap.runtime.fallback"


@dataclass(frozen=True, slots=True)
class Writing:
    """How runs are written.

    Parameters
    ----------
    layout
        The compiled mapping.
    fallback
        Stores documents that the mapping cannot; None if nothing does.
    sink
        Performs the ops.
    report
        Told of everything that goes wrong.
    patience
        Waits for a server that is away; None where an op that fails is not tried again.
    flush_rows, flush_seconds, clock, check_files, file_roots, reported
        As for `Writer`.
    """

    layout: Layout
    fallback: Layout | None
    sink: Sink
    report: Report
    patience: Patience | None = None
    flush_rows: int = 10_000
    flush_seconds: float = 0.25
    clock: Callable[[], float] = time.monotonic
    check_files: str = "off"
    file_roots: Iterable[str] = ()
    reported: Callable[[RunReport], None] | None = None


@dataclass(slots=True)
class _Gathered:
    """Rows of one descriptor that count as waiting, and are not looked at yet."""

    reader: RowReader
    rows: list[Row] = field(default_factory=list)


class RunWriter:
    """Writes one run. What is wrong with a document is reported, and the rest is written.

    Attributes
    ----------
    uid
        The run's uid.
    next_flush
        When rows must leave, by the clock.
    ended
        Whether its stop document was written.
    refused_documents
        How many of its documents could not be stored, for what is wrong with them.
    """

    def __init__(self, uid: str, writing: Writing) -> None:
        self.uid = uid
        self.next_flush = inf
        self.ended = False
        self.refused_documents = 0
        self._writing = writing
        self._clock = writing.clock
        self._flush_rows = writing.flush_rows
        self._delivery = Delivery(writing.sink, writing.report, writing.patience)
        self._run: Run | None = None
        self._refused: Exception | None = None
        self._faults: list[str] = []
        self._left_out = 0
        self._bindings: dict[str, Binding] = {}
        self._openings: list[tuple[str, Document]] = []
        self._successions: defaultdict[str, Succession] = defaultdict(Succession)
        self._gathered: dict[Binding, _Gathered] = {}
        self._hooked = {hook.document for hook in writing.layout.hooks}
        self._takers: Mapping[str, Callable[[Any, bool], None]] = {
            "start": self._start,
            "descriptor": self._descriptor,
            "event": self._event,
            "event_page": self._event_page,
            "resource": self._resource,
            "stream_resource": self._stream_resource,
            "datum": self._datum,
            "datum_page": self._datum_page,
            "stream_datum": self._stream_datum,
            "stop": self._stop,
        }

    @property
    def delivery(self) -> Delivery:
        """What became of the run's ops."""
        return self._delivery

    @property
    def loss(self) -> str:
        """Why the run is not stored whole, in words; nothing if it is, as far as it came."""
        if self._refused is not None:
            return in_words(self._refused)
        return "; ".join([*self._delivery.losses(), *self._faults])

    @property
    def is_open(self) -> bool:
        """Whether the run has a node and no stop document yet."""
        return self._run is not None and not self.ended

    def take(self, name: str, document: Any, shared: bool = False) -> None:
        """Take a document of the run; `shared` if it may belong to others, too."""
        self._settle()
        try:
            if name in self._hooked:
                layout = self._writing.layout
                document = hooked(layout.hooks, name, document, self._hook_failed(name))
            self._takers[name](document, shared)
        except Exception as error:
            self._report_document(error, name, shared)
            if name == "stop":
                self._faults.append(f"its end could not be written: {in_words(error)}")
            elif not isinstance(error, WriteError):  # a fault of ours: mended, it may be stored
                self._faults.append(f"a document could not be written: {in_words(error)}")
            elif not shared:
                self.refused_documents += 1
        if name == "stop":
            self.ended = True
        if self._clock() >= self.next_flush:
            self.flush_due()

    def takes_rows_of(self, rows: EventRows | RowReader) -> bool:
        """Whether nothing but its row is needed of an event."""
        binding = self._bindings.get(rows.descriptor)
        is_hooked = "event" in self._hooked
        return binding is not None and not is_hooked and binding.takes_rows_of(rows.keys)

    def row_taker(self, reader: RowReader) -> TakeRow | None:
        """What takes the row of an event, where nothing else is needed of one.

        Rows are gathered: to look at many together costs a fraction of what each alone would.
        """
        if not self.takes_rows_of(reader):
            return None
        binding = self._bindings[reader.descriptor]
        gathered = self._gathered.setdefault(binding, _Gathered(reader))
        rows, clock, flush_rows = gathered.rows, self._clock, self._flush_rows

        def take(row: Row) -> None:
            if gathered.reader is not reader:  # rows of a node keep their order
                self._settle()
                gathered.reader = reader
            if not binding.waiting:
                self._begin_wait(binding)
            rows.append(row)
            binding.waiting += 1
            if binding.waiting >= flush_rows:
                self._flush_binding(binding)
            if clock() >= self.next_flush:
                self.flush_due()

        return take

    def _settle(self) -> None:
        """Let rows that are gathered follow those that wait, but for those that came before."""
        for binding, gathered in self._gathered.items():
            if rows := gathered.rows:
                of = gathered.reader
                events = EventRows(of.descriptor, of.keys, tuple(rows))
                binding.waiting -= len(rows)
                rows.clear()
                binding.add_rows(self._successions[of.descriptor].take_rows(events))

    def take_rows(self, events: EventRows) -> None:
        """Take events of the run that are numbers alone."""
        if not self.takes_rows_of(events):
            for event in events.events():
                self.take("event", event)
            return
        binding = self._bindings[events.descriptor]
        self._settle()
        rows = self._successions[events.descriptor].take_rows(events)
        first = 0
        while first < len(rows):
            if not binding.waiting:
                self._begin_wait(binding)
            end = first + max(self._flush_rows - binding.waiting, 1)
            binding.add_rows(rows[first:end])
            first = end
            if binding.waiting >= self._flush_rows:
                self._flush_binding(binding)
        if self._clock() >= self.next_flush:
            self.flush_due()

    def flush(self) -> None:
        """Send every row that waits."""
        self.next_flush = inf
        if self._run is not None:
            self._send(self._run.flush)

    def flush_due(self) -> None:
        """Send the rows that have waited long enough."""
        now = self._clock()
        self.next_flush = inf
        for binding in self._bindings.values():
            if not binding.waiting:
                continue
            due = binding.oldest + self._writing.flush_seconds
            if now >= due:
                self._flush_binding(binding)
            else:
                self.next_flush = min(self.next_flush, due)

    def synthesised_stop(self) -> dict[str, Any]:
        """A stop document for the run as far as it came."""
        self._settle()
        seen = LastSeen()
        for opening in self._openings:
            seen.note(*opening)
        for descriptor, documents in self._successions.items():
            for name, document in filter(None, (documents.furthest, documents.latest)):
                if name == "row":
                    name, document = "event", dict(zip(FIELDS, document, strict=False))
                    document["descriptor"] = descriptor
                seen.note(name, document)
        return synthesised_stop(self.uid, seen.time, seen.num_events)

    def abandon(self) -> None:
        """Send every row of a run that has no stop document; the run stays open."""
        if self._run is not None:
            logger.warning("run %s has no stop document; it stays open", self.uid)
            self._send(self._run.abandon)
            self.release()

    def release(self) -> None:
        """Let another writer go on with a run that is not stored whole."""
        self._attempt(self._delivery.release)

    # Documents of each kind

    def _start(self, start: Document, shared: bool) -> None:
        writing = self._writing
        self._openings.append(("start", start))
        try:
            self._run = Run(
                start,
                writing.layout,
                writing.fallback,
                self._delivery,
                writing.report,
                check_files=writing.check_files,
                file_roots=writing.file_roots,
            )
        except Exception as error:
            self._refused = error
            raise

    def _descriptor(self, descriptor: Document, shared: bool) -> None:
        if (run := self._running()) is not None:
            self._openings.append(("descriptor", descriptor))
            binding = run.descriptor(descriptor)
            if binding is not None:
                self._bindings[descriptor["uid"]] = binding

    def _event(self, event: Any, shared: bool) -> None:
        if binding := self._expect("event", event):
            binding.add(event)
            if binding.waiting >= self._flush_rows:
                self._flush_binding(binding)

    def _event_page(self, page: Any, shared: bool) -> None:
        if binding := self._expect("event_page", page):
            binding.add_page(page)
            if binding.waiting >= self._flush_rows:
                self._flush_binding(binding)

    def _stream_datum(self, datum: Any, shared: bool) -> None:
        if problem := stream_datum_problem(datum):
            raise InvalidDocumentError(problem)
        if (binding := self._expect("stream_datum", datum)) and self._run is not None:
            self._run.stream_datum(binding, datum)
            if binding.waiting >= self._flush_rows:
                self._flush_binding(binding)

    def _expect(self, name: str, document: Any) -> Binding | None:
        """What takes a document of a stream; None if it is not to be stored."""
        descriptor = document["descriptor"]
        sender = document["stream_resource"] if name == "stream_datum" else descriptor
        if not self._successions[sender].takes(name, document):
            return None
        binding = self._bindings.get(descriptor)
        if binding is None:
            self._running()
        elif not binding.waiting:
            self._begin_wait(binding)
        return binding

    def _resource(self, resource: Document, shared: bool) -> None:
        known = {key: value for key, value in resource.items() if key != "data_key"}
        self._take_resource(resource, shared, schema_problem("resource", known))

    def _stream_resource(self, resource: Document, shared: bool) -> None:
        # Before event-model 1.20 it was a resource with a data key.
        if "spec" in resource and "mimetype" not in resource:
            self._resource(resource, shared)
        else:
            self._take_resource(resource, shared, schema_problem("stream_resource", resource))

    def _take_resource(self, resource: Document, shared: bool, problem: str | None) -> None:
        if problem:
            raise InvalidDocumentError(problem)
        if (run := self._running()) is not None:
            run.take_resource(resource, shared=shared)
            # Stream datums that came before it wait to be sent from now on.
            self.next_flush = min(self.next_flush, self._clock() + self._writing.flush_seconds)

    def _datum(self, datum: Any, shared: bool) -> None:
        if problem := datum_problem(datum):
            raise InvalidDocumentError(problem)
        if (run := self._running()) is not None:
            run.files.take_datum(datum, shared=shared)

    def _datum_page(self, page: Any, shared: bool) -> None:
        if problem := datum_page_problem(page):
            raise InvalidDocumentError(problem)
        for datum in datums_of_page(page):
            self.take("datum", datum, shared)

    def _stop(self, stop: Document, shared: bool) -> None:
        run = self._running()
        if run is None:
            logger.error(
                "run %s was refused; %d of its documents were not stored", self.uid, self._left_out
            )
            return
        report = run.stop(stop)
        reported = self._writing.reported
        if reported is not None:
            self._attempt(partial(reported, report))

    def _running(self) -> Run | None:
        """The run; None, and a document is left out, if it was refused."""
        if self._run is None:
            if self._refused is None:
                raise OrphanDocumentError("its start document was not seen", run=self.uid)
            self._left_out += 1
        return self._run

    # When rows leave

    def _begin_wait(self, binding: Binding) -> None:
        binding.oldest = self._clock()
        self.next_flush = min(self.next_flush, binding.oldest + self._writing.flush_seconds)

    def _flush_binding(self, binding: Binding) -> None:
        assert self._run is not None
        self._send(partial(self._run.flush_binding, binding))

    # What goes wrong

    def _send(self, flush: Callable[[], None]) -> None:
        """Send rows; those that cannot be made ops of are lost."""
        self._settle()
        if words := self._attempt(flush):
            self._faults.append(f"rows could not be sent: {words}")

    def _attempt(self, act: Callable[[], None]) -> str:
        """Do something that concerns the run; what it raises must not keep others waiting.

        Returns
        -------
        str
            That in words, "" if nothing.
        """
        try:
            act()
        except Exception as error:
            failure = WriteError(in_words(error), run=self.uid)
            failure.__cause__ = error
            self._writing.report(failure)
            return failure.reason
        return ""

    def _report_document(self, error: Exception, name: str, shared: bool) -> None:
        if isinstance(error, WriteError):
            failure = error
        else:
            failure = WriteError(in_words(error))
            failure.__cause__ = error
        failure.document = failure.document or name
        failure.run = failure.run or self.uid
        if self._run is not None and not shared:
            self._run.note(failure)
        self._writing.report(failure)

    def _hook_failed(self, name: str) -> Callable[[Exception, str], None]:
        def failed(error: Exception, at: str) -> None:
            failure = WriteError(f"hook: {in_words(error)}", run=self.uid, document=name, at=at)
            failure.__cause__ = error
            self._writing.report(failure)

        return failed


def shipped_fallback() -> Layout | None:
    """The layout that stores what a mapping cannot. It is generated, as any mapping's module is."""
    if find_spec(_FALLBACK) is None:
        return None
    layout: Layout = import_module(_FALLBACK).LAYOUT
    return layout
