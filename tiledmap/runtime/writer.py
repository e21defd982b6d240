"""The callback that a RunEngine calls: documents in, ops out."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from math import inf
from os import PathLike
from os.path import abspath
from types import TracebackType
from typing import Any, Literal, Self

from tiledmap.runtime.binding import Binding
from tiledmap.runtime.check_files import MODES
from tiledmap.runtime.datum_check import (
    datum_page_problem,
    datum_problem,
    stream_datum_problem,
)
from tiledmap.runtime.delivery import Delivery, Sink
from tiledmap.runtime.documents import schema_problem
from tiledmap.runtime.errors import (
    InvalidDocumentError,
    OrphanDocumentError,
    WriteError,
    in_words,
)
from tiledmap.runtime.exact import bounded_repr
from tiledmap.runtime.layout import Document, Layout
from tiledmap.runtime.repair import hooked
from tiledmap.runtime.report import RunReport
from tiledmap.runtime.run import Run
from tiledmap.runtime.upgrade import datums_of_bulk, datums_of_page

logger = logging.getLogger("tiledmap")

_FALLBACK = "tiledmap.runtime.fallback"


class Writer:
    """A Bluesky callback that stores runs as a compiled mapping says.

    Runs may be nested and interleaved. Nothing that is given is changed.

    Parameters
    ----------
    layout
        The compiled mapping.
    sink
        Performs the ops: anything with a method ``perform(op)``.
    flush_rows
        How many rows wait before they are sent.
    flush_seconds
        How long a row waits, at most until the next document comes.
    on_error
        ``log``: problems are logged and kept in the run's notes, and everything else is stored.
        ``raise``: they are raised as well, once everything else of the document is stored.
    clock
        Tells the time in seconds.
    fallback
        Stores documents that the mapping cannot; bluesky-v3 if None.
    reported
        Given the report of each run that has ended.
    check_files
        Whether files are looked at, at a run's end, and compared with what documents declare:
        ``warn`` notes differences, ``fix`` also puts the node right, ``error`` reports them.
    file_roots
        Directories below which files may be opened for that, beside those to which the mapping's
        repairs of roots lead.
    """

    def __init__(
        self,
        layout: Layout,
        sink: Sink,
        *,
        flush_rows: int = 10_000,
        flush_seconds: float = 1.0,
        on_error: Literal["log", "raise"] = "log",
        clock: Callable[[], float] = time.monotonic,
        fallback: Layout | None = None,
        reported: Callable[[RunReport], None] | None = None,
        check_files: Literal["off", "warn", "fix", "error"] = "off",
        file_roots: Iterable[str | PathLike[str]] = (),
    ) -> None:
        if check_files not in MODES:
            raise ValueError(f"check_files is {check_files!r}; it is one of {', '.join(MODES)}")
        self._layout = layout
        self._sink = sink
        self._flush_rows = flush_rows
        self._flush_seconds = flush_seconds
        self._raises = on_error == "raise"
        self._clock = clock
        self._reported = reported
        self._check_files = check_files
        self._file_roots = tuple(map(abspath, file_roots))
        self._fallback = fallback or _shipped_fallback()
        self._runs: dict[str, Run] = {}
        self._refused: dict[str, int] = {}
        self._bindings: dict[str, Binding] = {}
        self._run_of_descriptor: dict[Any, str] = {}
        self._runs_of_resource: dict[str, tuple[str, ...]] = {}
        self._unknown: set[Any] = set()
        self._strangers = False
        self._errors: list[WriteError] = []
        self._next_flush = inf
        self._hooked = {hook.document for hook in layout.hooks}
        self._takers: Mapping[str, Callable[[Document], None]] = {
            "start": self._start,
            "descriptor": self._descriptor,
            "event": self._event,
            "event_page": self._event_page,
            "bulk_events": self._bulk_events,
            "stop": self._stop,
            "resource": self._resource,
            "stream_resource": self._stream_resource,
            "datum": self._datum,
            "datum_page": self._datum_page,
            "bulk_datum": self._bulk_datum,
            "stream_datum": self._stream_datum,
        }

    def __call__(self, name: str, doc: Document) -> None:
        """Take a document."""
        self._take(name, doc)
        if self._clock() >= self._next_flush:
            self._flush_due()
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

    def flush(self) -> None:
        """Send every row that waits."""
        for run in self._runs.values():
            self._attempt(run.flush, run)
        self._next_flush = inf
        self._raise()

    def close(self) -> None:
        """Send every row that waits. Runs without a stop document stay open."""
        for run in self._runs.values():
            logger.warning("run %s has no stop document; it stays open", run.uid)
            self._attempt(run.abandon, run)
        self._runs.clear()
        self._bindings.clear()
        self._run_of_descriptor.clear()
        self._runs_of_resource.clear()
        if close := getattr(self._sink, "close", None):
            self._attempt(close)
        self._raise()

    # Documents of each kind

    def _take(self, name: str, doc: Document) -> None:
        """Take a document. What is wrong with it must not end a plan: it is reported."""
        try:
            if name in self._hooked:
                doc = hooked(self._layout.hooks, name, doc, self._hook_failed(name))
            take = self._takers.get(name)
            if take is None:
                raise InvalidDocumentError("there are no documents of this kind")
            take(doc)
        except Exception as error:
            self._report_document(error, name, doc)

    def _event(self, event: Any) -> None:
        binding = self._bindings.get(event.get("descriptor"))
        if binding is None:
            return self._unbound("event", event)
        if not binding.waiting:
            self._begin_wait(binding)
        binding.add(event)
        if binding.waiting >= self._flush_rows:
            self._flush_binding(event["descriptor"])

    def _event_page(self, page: Any) -> None:
        binding = self._bindings.get(page.get("descriptor"))
        if binding is None:
            return self._unbound("event page", page)
        if not binding.waiting:
            self._begin_wait(binding)
        binding.add_page(page)
        if binding.waiting >= self._flush_rows:
            self._flush_binding(page["descriptor"])

    def _bulk_events(self, bulk: Document) -> None:
        for events in bulk.values():
            for event in events:
                self._take("event", event)

    def _start(self, start: Document) -> None:
        uid = _uid(start, "uid", "start")
        if uid in self._runs:
            raise OrphanDocumentError("it began before", run=uid, document="start")
        delivery = Delivery(self._sink, self._report)
        try:
            self._runs[uid] = Run(
                start,
                self._layout,
                self._fallback,
                delivery,
                self._report,
                check_files=self._check_files,
                file_roots=self._file_roots,
            )
        except Exception:
            self._refused[uid] = 0
            raise

    def _descriptor(self, descriptor: Document) -> None:
        run_uid = _uid(descriptor, "run_start", "descriptor")
        uid = _uid(descriptor, "uid", "descriptor")
        if (other := self._run_of_descriptor.get(uid, run_uid)) != run_uid:
            reason = f"its uid is that of a descriptor of run {other}"
            raise InvalidDocumentError(reason, run=run_uid, document=f"descriptor {uid}")
        if run_uid in self._refused:
            self._refused[run_uid] += 1
        else:
            binding = self._run(run_uid, "descriptor").descriptor(descriptor)
            if binding is not None:
                self._bindings[uid] = binding
        self._run_of_descriptor[uid] = run_uid

    def _stop(self, stop: Document) -> None:
        uid = _uid(stop, "run_start", "stop")
        if uid in self._refused:
            count = self._refused.pop(uid) + 1
            self._forget(uid)
            logger.error("run %s was refused; %d of its documents were not stored", uid, count)
        else:
            report = self._run(uid, "stop").stop(stop)
            del self._runs[uid]
            self._forget(uid)
            if self._reported is not None:
                self._reported(report)

    def _forget(self, run: str) -> None:
        """Forget which documents belong to a run that has ended."""
        for descriptor in [d for d, of in self._run_of_descriptor.items() if of == run]:
            del self._run_of_descriptor[descriptor]
            self._bindings.pop(descriptor, None)
        for resource, runs in [*self._runs_of_resource.items()]:
            others = tuple(other for other in runs if other != run)
            if others:
                self._runs_of_resource[resource] = others
            else:
                del self._runs_of_resource[resource]

    def _stream_datum(self, datum: Any) -> None:
        if problem := stream_datum_problem(datum):
            raise InvalidDocumentError(problem)
        uid = datum["descriptor"]
        binding = self._bindings.get(uid)
        if binding is None:
            return self._unbound("stream datum", datum)
        if not binding.waiting:
            self._begin_wait(binding)
        self._runs[self._run_of_descriptor[uid]].stream_datum(binding, datum)
        if binding.waiting >= self._flush_rows:
            self._flush_binding(uid)

    def _resource(self, resource: Document) -> None:
        self._take_resource("resource", resource)

    def _stream_resource(self, resource: Document) -> None:
        # Before event-model 1.20 it was a resource with a data key.
        of_old = "spec" in resource and "mimetype" not in resource
        self._take_resource("resource" if of_old else "stream_resource", resource)

    def _take_resource(self, name: str, resource: Document) -> None:
        known = {key: value for key, value in resource.items() if key != "data_key"}
        if problem := schema_problem(name, resource if name == "stream_resource" else known):
            raise InvalidDocumentError(problem)
        runs = self._runs_naming(resource)
        if not runs:
            raise OrphanDocumentError("its run was not seen", run=resource.get("run_start", ""))
        others = self._runs_of_resource.get(resource["uid"], ())
        self._runs_of_resource[resource["uid"]] = tuple(dict.fromkeys((*others, *runs)))
        for uid in runs:
            if uid in self._refused:
                self._refused[uid] += 1
            else:
                shared = not resource.get("run_start") and not self._is_alone
                self._runs[uid].take_resource(resource, shared=shared)
        # Stream datums that came before it wait to be sent from now on.
        self._next_flush = min(self._next_flush, self._clock() + self._flush_seconds)

    def _runs_naming(self, document: Document) -> tuple[str, ...]:
        """The runs that a resource may belong to: its own, or all open ones if it names none."""
        if uid := document.get("run_start"):
            return (uid,) if uid in self._runs or uid in self._refused else ()
        return tuple(self._runs)

    @property
    def _is_alone(self) -> bool:
        """Whether all documents that come belong to one run."""
        return len(self._runs) == 1 and not self._refused and not self._strangers

    def _datum(self, datum: Any) -> None:
        if problem := datum_problem(datum):
            raise InvalidDocumentError(problem)
        runs = self._runs_of_resource.get(datum["resource"])
        for uid in self._runs if runs is None else runs:
            if run := self._runs.get(uid):
                run.files.take_datum(datum, shared=runs is None or len(runs) > 1)

    def _datum_page(self, page: Any) -> None:
        if problem := datum_page_problem(page):
            raise InvalidDocumentError(problem)
        for datum in datums_of_page(page):
            self._take("datum", datum)

    def _bulk_datum(self, bulk: Any) -> None:
        if problem := schema_problem("bulk_datum", bulk):
            raise InvalidDocumentError(problem)
        for datum in datums_of_bulk(bulk):
            self._take("datum", datum)

    # What belongs to what

    def _run(self, uid: str, document: str) -> Run:
        if uid not in self._runs:
            raise OrphanDocumentError("its start document was not seen", run=uid, document=document)
        return self._runs[uid]

    def _unbound(self, name: str, document: Document) -> None:
        """Pass over a document of a stream that is not stored; report one of no known stream."""
        uid = document.get("descriptor")
        if uid not in self._run_of_descriptor:
            if uid in self._unknown and not self._raises:
                return
            self._unknown.add(uid)
            where = f"{name} {document.get('seq_num', '?')}"
            raise OrphanDocumentError(f"its descriptor {uid!r} was not seen", document=where)
        if (run := self._run_of_descriptor[uid]) in self._refused:
            self._refused[run] += 1

    # When rows leave

    def _begin_wait(self, binding: Binding) -> None:
        binding.oldest = self._clock()
        self._next_flush = min(self._next_flush, binding.oldest + self._flush_seconds)

    def _flush_binding(self, descriptor: str) -> None:
        run = self._runs[self._run_of_descriptor[descriptor]]
        self._attempt(partial(run.flush_binding, self._bindings[descriptor]), run)

    def _flush_due(self) -> None:
        now = self._clock()
        self._next_flush = inf
        for uid, binding in self._bindings.items():
            if not binding.waiting:
                continue
            if now >= binding.oldest + self._flush_seconds:
                self._flush_binding(uid)
            else:
                self._next_flush = min(self._next_flush, binding.oldest + self._flush_seconds)

    # What goes wrong

    def _attempt(self, act: Callable[[], None], run: Run | None = None) -> None:
        """Do something that concerns one run; what it raises must not keep the others waiting."""
        try:
            act()
        except Exception as error:
            failure = WriteError(in_words(error), run=run.uid if run else "")
            failure.__cause__ = error
            self._report(failure)

    def _report_document(self, error: Exception, name: Any, document: Any) -> None:
        """Report what a document has met, with the run that it belongs to."""
        if isinstance(error, WriteError):
            failure = error
        elif not isinstance(document, Mapping):
            open_runs = ", ".join(self._runs) or "none"
            failure = InvalidDocumentError(
                f"it is no object but a {type(document).__name__} (runs that are open: {open_runs})"
            )
        else:
            failure = WriteError(in_words(error))
            failure.__cause__ = error
        failure.document = failure.document or (
            name if isinstance(name, str) else bounded_repr(name)
        )
        failure.run = failure.run or self._run_uid_of(document)
        if run := self._runs.get(failure.run):
            run.note(failure)
        elif failure.run not in self._refused:
            self._strangers = True  # there are documents of a run that is not known
        self._report(failure)

    def _run_uid_of(self, document: Any) -> str:
        """The uid of a document's run, or nothing where that cannot be told."""
        if not isinstance(document, Mapping):
            return ""
        named = document.get("run_start"), document.get("descriptor"), document.get("uid")
        run, descriptor, uid = (text if isinstance(text, str) else "" for text in named)
        found = run or self._run_of_descriptor.get(descriptor, uid)
        return found if found in self._runs or found in self._refused else ""

    def _report(self, error: WriteError) -> None:
        logger.error("%s", error, exc_info=error.__cause__)
        if self._raises:
            self._errors.append(error)

    def _hook_failed(self, name: str) -> Callable[[Exception, str], None]:
        def failed(error: Exception, at: str) -> None:
            failure = WriteError(f"hook: {in_words(error)}", document=name, at=at)
            failure.__cause__ = error
            self._report(failure)

        return failed

    def _raise(self) -> None:
        if self._errors:
            first, *others = self._errors
            self._errors = []
            for other in others:
                first.add_note(f"also: {other}")
            raise first


def _uid(document: Document, field: str, what: str) -> str:
    uid = document.get(field)
    if not isinstance(uid, str):
        raise InvalidDocumentError(f"its {field} is no text, so it cannot be stored", document=what)
    return uid


def _shipped_fallback() -> Layout | None:
    """The layout that stores what a mapping cannot. It is generated, as any mapping's module is."""
    if find_spec(_FALLBACK) is None:
        return None
    layout: Layout = import_module(_FALLBACK).LAYOUT
    return layout
