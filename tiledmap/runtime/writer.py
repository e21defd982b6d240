"""The callback that a RunEngine calls: documents in, ops out."""

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from math import inf
from types import TracebackType
from typing import Any, Literal, Self

from tiledmap.runtime.binding import Binding
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
from tiledmap.runtime.run import Run

logger = logging.getLogger("tiledmap")

_FALLBACK = "tiledmap.runtime.fallback"
_ABOUT_FILES = ("resource", "datum", "datum_page", "stream_resource", "stream_datum", "bulk_datum")


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
    ) -> None:
        self._layout = layout
        self._sink = sink
        self._flush_rows = flush_rows
        self._flush_seconds = flush_seconds
        self._raises = on_error == "raise"
        self._clock = clock
        self._fallback = fallback or _shipped_fallback()
        self._runs: dict[str, Run] = {}
        self._refused: dict[str, int] = {}
        self._bindings: dict[str, Binding] = {}
        self._run_of_descriptor: dict[Any, str] = {}
        self._unknown: set[Any] = set()
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
            **{name: self._about_files(name) for name in _ABOUT_FILES},
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
        delivery = Delivery(self._sink.perform, self._report)
        try:
            self._runs[uid] = Run(start, self._layout, self._fallback, delivery, self._report)
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
            logger.error("run %s was refused; %d of its documents were not stored", uid, count)
        else:
            self._run(uid, "stop").stop(stop)
            del self._runs[uid]
        for descriptor in [d for d, run in self._run_of_descriptor.items() if run == uid]:
            del self._run_of_descriptor[descriptor]
            self._bindings.pop(descriptor, None)

    def _about_files(self, name: str) -> Callable[[Document], None]:
        def take(document: Document) -> None:
            run = self._run_about_files(document)
            if problem := schema_problem(name, document):
                raise InvalidDocumentError(problem, run=run.uid if run else "", document=name)
            if run is not None:
                run.external[name] += 1

        return take

    def _run_about_files(self, document: Document) -> Run | None:
        uid = document.get("run_start") or self._run_of_descriptor.get(document.get("descriptor"))
        if uid is None and len(self._runs) == 1:
            return next(iter(self._runs.values()))
        return self._runs.get(uid or "")

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
