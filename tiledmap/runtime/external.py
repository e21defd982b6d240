"""A data key whose values are in files, as rows like those of arrays and tables.

Its node refers to the files where they lie. What is sent is always a function of the datums that
have come, so batches cannot change it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tiledmap.runtime.arrays import DenseRows, RaggedRows
from tiledmap.runtime.check_files import FileCheck, check_files
from tiledmap.runtime.consolidators import Consolidator, Reach
from tiledmap.runtime.errors import InvalidDocumentError, WriteError, in_words
from tiledmap.runtime.exact import make_exact
from tiledmap.runtime.file_parts import FileParts, in_short, seq_nums_of
from tiledmap.runtime.files import Files
from tiledmap.runtime.layout import Document
from tiledmap.runtime.ops import CreateNode, FileSource, Op, Path, RegisterFiles, UpdateFiles
from tiledmap.runtime.upgrade import Resource


@dataclass(frozen=True, slots=True)
class Loaded:
    """What an event holds itself where it would refer to a datum: it was loaded from the file."""

    value: Any


@dataclass(frozen=True, slots=True)
class Remarks:
    """Who is told what became of the files of one data key."""

    note: Callable[[str], None]
    """Of what a reader should know."""
    lost: Callable[[Any, Any, str, str], None]
    """Of (seq_num, value, reason, at) where an event refers to what could not be stored."""


@dataclass(slots=True)
class ExternalRows:
    """A data key whose values are in files.

    Parameters
    ----------
    template
        What is known of the node before any file is.
    parts
        What it is made of.
    loaded
        Takes the values of events that hold what was loaded from files, where no file is named.
    """

    template: CreateNode
    files: Files
    parts: FileParts
    loaded: DenseRows | RaggedRows
    remarks: Remarks
    _references: deque[tuple[Any, Any]] = field(default_factory=deque)
    _sent: FileSource | None = None
    _new: bool = False
    _named: bool = False
    _loading: bool = False
    _empty: list[Any] = field(default_factory=list)

    @property
    def data_key(self) -> str:
        """The data key, as documents name it."""
        return self.parts.data_key

    @property
    def path(self) -> Path:
        return self.template.path

    @property
    def at(self) -> str:
        return self.template.at

    # What comes

    def write(self, values: Sequence[Any], seq_nums: Sequence[Any]) -> Iterator[Op]:
        """Ops for what more events refer to or hold, and for the stream datums that have come."""
        for seq_num, value in zip(seq_nums, values, strict=True):
            if isinstance(value, Loaded):
                self._take_loaded(seq_num, value.value)
            elif value is not None:
                self._named = True
                self._references.append((seq_num, value))
        if self._loading:
            held = [value.value if isinstance(value, Loaded) else None for value in values]
            empty, self._empty = self._empty, []
            yield from self.loaded.write([None] * len(empty) + held, [*empty, *seq_nums])
        elif not self._named:
            self._empty += seq_nums
        yield from self.flush()

    def _take_loaded(self, seq_num: Any, value: Any) -> None:
        if self._named:
            self._lose(
                seq_num, value, "it was loaded from a file, and the events before name files"
            )
        elif not self._loading:
            self._loading = True
            self.remarks.note(
                "its events hold what was loaded from files; it is stored as an array"
            )

    def consume(self, stream_datum: Document, resource: Resource) -> None:
        """Take a stream datum of a stream resource."""
        self._take(
            lambda: self.parts.add_stream_datum(stream_datum, resource),
            in_short(seq_nums_of(stream_datum)),
            stream_datum["uid"],
        )

    def flush(self) -> Iterator[Op]:
        """Ops for all whose resources and datums are there."""
        self._take_references(final=False)
        if not self.parts.in_order:
            return
        try:
            yield from self._ops()
        except (OSError, ValueError):
            consolidator = self.parts.consolidator
            if consolidator is None or not consolidator.reads_files:
                raise
            self._new = True  # a file that is not there yet may be there later

    def finish(self) -> Iterator[Op]:
        """Ops for all that is left once nothing will come."""
        self._take_references(final=True)
        yield from self._ops()
        yield from self.loaded.finish()

    def check(self, mode: str) -> FileCheck | None:
        """Compare the files with what was registered; None if nothing was.

        Parameters
        ----------
        mode
            ``warn`` | ``fix`` | ``error``, as for `check_files`.
        """
        consolidator = self.parts.consolidator
        if self._sent is None or consolidator is None:
            return None
        name = "/".join(self.path[-2:])
        return check_files(name, consolidator, self._sent, self.files.reach(), mode)

    def mend(self, source: FileSource) -> Iterator[Op]:
        """The op that puts a mended source in the place of the one that was registered."""
        if self._sent is not None and source != self._sent:
            yield self._update(source)

    # Datums, by whatever names them

    def _take_references(self, final: bool) -> None:
        """Follow events to datums, in order: what a datum means may depend on those before."""
        while self._references:
            seq_num, datum_id = self._references[0]
            datum = self.files.datum(datum_id) if isinstance(datum_id, str) else None
            resource = None if datum is None else self.files.resource(datum["resource"])
            if resource is None and not final:
                return
            self._references.popleft()
            if datum is None:
                self._lose(seq_num, datum_id, "it refers to a datum that was not seen")
            elif resource is None:
                reason = f"the resource {datum['resource']!r} of its datum was not seen"
                self._lose(seq_num, datum_id, reason)
            elif isinstance(resource, WriteError):
                self._lose(seq_num, datum_id, resource.reason, resource.at)
            else:
                add = partial(self.parts.add_datum, datum, resource, seq_num)
                self._take(add, seq_num, datum["datum_id"])

    def _take(self, add: Callable[[], bool], events: Any, value: Any) -> None:
        """Take what an event refers to, or a stream datum; what cannot be stored is said."""
        try:
            if self._loading:
                raise InvalidDocumentError("events before it hold what was loaded from files")
            self._named, self._empty = True, []
            if add():
                self._new = True
        except Exception as error:  # a rule meets a datum that it did not foresee
            at = error.at if isinstance(error, WriteError) else ""
            self._lose(events, value, in_words(error), at)

    def _lose(self, seq_num: Any, value: Any, reason: str, at: str = "") -> None:
        self.remarks.lost(seq_num, value, reason, at or self.at)

    # Ops

    def _ops(self) -> Iterator[Op]:
        if not self._new:
            return
        consolidator = self.parts.consolidator
        assert consolidator is not None
        self._new = False
        reach = self.files.reach() if consolidator.reads_files else Reach()
        source = consolidator.source(self.parts.parts, reach)
        if self._sent is None:
            yield self._registration(source, consolidator)
        elif source != self._sent:
            yield self._update(source)

    def _registration(self, source: FileSource, consolidator: Consolidator) -> Op:
        self._sent = source
        template = self.template
        metadata = {**consolidator.metadata, **template.metadata}
        return RegisterFiles(
            run=template.run,
            path=template.path,
            at=template.at,
            metadata=make_exact(metadata),
            specs=template.specs,
            access_tags=template.access_tags,
            source=source,
        )

    def _update(self, source: FileSource) -> Op:
        assert self._sent is not None
        offset, extent = new_part(self._sent, source)
        self._sent = source
        template = self.template
        return UpdateFiles(
            run=template.run,
            path=template.path,
            at=template.at,
            source=source,
            offset=offset,
            extent=extent,
        )


def new_part(before: FileSource, after: FileSource) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Where the new part of a source begins, and its shape: the whole if it did not just grow."""
    known = len(before.assets)
    grown = after.assets[:known] == before.assets
    if after.family == "bytes":
        first = known if grown else 0
        return (first,), (len(after.assets) - first,)
    grown = grown and after.shape[1:] == before.shape[1:] and after.shape[0] >= before.shape[0]
    first = before.shape[0] if grown and after.shape else 0
    inner = after.shape[1:]
    return (first, *(0 for _ in inner)), (after.shape[0] - first, *inner)
