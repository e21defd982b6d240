"""External data: from resources and datums to nodes that refer to the files where they lie.

`Files` has what a run's documents say of files; `ExternalRows` stands for one data key of one
stream, as rows of arrays and tables do. What is sent is always a function of the datums that have
come, so neither batches nor the way in which datums were split can change it.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tiledmap.runtime.arrays import DenseRows, RaggedRows
from tiledmap.runtime.check_files import FileCheck, check_files
from tiledmap.runtime.consolidators import (
    Consolidator,
    Declared,
    FileResource,
    Part,
    Range,
    Reach,
    open_consolidator,
)
from tiledmap.runtime.errors import (
    InvalidDocumentError,
    RuleError,
    WriteError,
    in_words,
)
from tiledmap.runtime.exact import make_exact
from tiledmap.runtime.layout import AssetRule, Document, Layout, Refused
from tiledmap.runtime.ops import CreateNode, FileSource, Op, Path, RegisterFiles, UpdateFiles
from tiledmap.runtime.upgrade import (
    Applied,
    Counter,
    DatumSaid,
    Resource,
    indices_of,
    read_datum,
    upgrade_resource,
)

_NOTHING_SAID = DatumSaid({}, {}, None)


class Files:
    """The resources and datums of one run.

    Parameters
    ----------
    start
        The run's start document.
    mapping, fallback
        Whose repairs and rules of assets hold; the fallback's where the mapping's cannot.
    applied
        Told of each repair that was applied.
    tell
        Told of what is wrong with a document.
    directories
        Files below these may be opened, and below where the mapping's repairs of roots lead.
    """

    def __init__(
        self,
        start: Document,
        mapping: Layout,
        fallback: Layout | None,
        applied: Applied,
        tell: Callable[[WriteError], None],
        directories: Iterable[str] = (),
    ) -> None:
        self.start = start
        self.directories = tuple(directories)
        self._mapping = mapping
        self._fallback = fallback
        self._applied = applied
        self._tell = tell
        self._resources: dict[str, Resource | WriteError] = {}
        self._datums: dict[str, Document] = {}
        self._spent: dict[str, Document] = {}
        self._unused: dict[str, str] = {}

    def take_resource(self, document: Document, *, shared: bool = False) -> None:
        """Take a resource or a stream resource.

        Parameters
        ----------
        shared
            True where it may belong to another run: then it is not said that nothing refers to it.
        """
        uid = document["uid"]
        if uid in self._resources:
            return
        try:
            resource = upgrade_resource(document, self.start, self._mapping.repairs, self._applied)
            self._resources[uid] = resource
            if not shared:
                self._unused[uid] = resource.uri
        except Exception as error:  # a rule meets a resource that it did not foresee
            failure = error if isinstance(error, WriteError) else RuleError(in_words(error))
            failure.run = self.start["uid"]
            failure.document = f"resource {uid}"
            self._resources[uid] = failure
            self._tell(failure)

    def take_datum(self, document: Document, *, shared: bool = False) -> None:
        """Take a datum; `shared` as for `take_resource`."""
        datums = self._spent if shared else self._datums
        datums[document["datum_id"]] = document

    def resource(self, uid: str) -> Resource | WriteError | None:
        """A resource; what was wrong with it; None if it has not come."""
        self._unused.pop(uid, None)
        return self._resources.get(uid)

    def datum(self, datum_id: str) -> Document | None:
        """A datum, or None if it has not come. Several events may refer to one."""
        if datum_id in self._datums:
            self._spent[datum_id] = self._datums.pop(datum_id)
        return self._spent.get(datum_id)

    def read_datum(self, datum: Document, resource: Resource) -> DatumSaid:
        """What a datum says, and what repairs say of it."""
        return read_datum(datum, resource, self.start, self._mapping.repairs, self._applied)

    def reach(self) -> Reach:
        """Where files may be opened: documents may come from strangers."""
        roots = (rule.becomes(self.start) for rule in self._mapping.repairs.roots)
        return Reach.below((*self.directories, *filter(_is_root, roots)))

    def asset_rule(self, stream_resource: Document) -> AssetRule | Refused:
        """The rule of assets for a stream resource."""
        layouts = [self._mapping] if self._fallback is None else [self._mapping, self._fallback]
        for layout in layouts:
            if layout.select_asset is not None:
                try:
                    return layout.select_asset(self.start, stream_resource)
                except Exception as error:  # a rule meets a document that it did not foresee
                    document = f"stream resource {stream_resource['uid']}"
                    self._tell(RuleError(in_words(error), run=self.start["uid"], document=document))
        return Refused("no rule of assets takes it", "")

    def leftovers(self) -> Iterator[str]:
        """What no event and no stream datum referred to, in words."""
        for uid, uri in self._unused.items():
            yield f"resource {uid}: nothing that is stored refers to {uri}"
        if unused := len(self._datums):
            yield f"{unused} datums were given to which no event that is stored refers"


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


def _is_root(path: str) -> bool:
    """Whether a path that a rule gives says where files are; ``/`` and ``/data/../x`` do not."""
    steps = [step for step in path.split("/") if step not in ("", ".")]
    return path.startswith("/") and bool(steps) and ".." not in steps


@dataclass(slots=True)
class _Datums:
    """The datums of one resource that have come."""

    resource: FileResource
    first: DatumSaid
    offset: int = 0
    ranges: list[Range] = field(default_factory=list)

    @property
    def part(self) -> Part:
        return Part(self.resource, tuple(self.ranges))


@dataclass(slots=True)
class ExternalRows:
    """A data key whose values are in files.

    Parameters
    ----------
    data_key
        As documents name it.
    template
        What is known of the node before any file is.
    dims
        The names that the mapping gives, with ``...`` for the data key's own.
    loaded
        Takes the values of events that hold what was loaded from files, where no file is named.
    """

    data_key: str
    template: CreateNode
    declared: Declared
    dims: tuple[str, ...] | None
    files: Files
    remarks: Remarks
    loaded: DenseRows | RaggedRows
    _rule: AssetRule | None = None
    _consolidator: Consolidator | None = None
    _parts: dict[str, _Datums] = field(default_factory=dict)
    _refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    _references: deque[tuple[Any, Any]] = field(default_factory=deque)
    _counters: dict[str, Counter] = field(default_factory=dict)
    _sent: FileSource | None = None
    _taken: int = 0
    _rows: int = 0
    _named: bool = False
    _empty: list[Any] = field(default_factory=list)
    _new: bool = False
    _in_step: bool = True
    _loading: bool = False

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
        seq_nums = int(stream_datum["seq_nums"]["start"]), int(stream_datum["seq_nums"]["stop"])
        events = _in_words(seq_nums)
        try:
            offset = self._offset(stream_datum, resource)
            indices = _indices_from(offset, stream_datum)
            self._add(resource, _NOTHING_SAID, indices, seq_nums, events, offset)
        except WriteError as error:
            self._lose(events, stream_datum["uid"], error.reason, error.at)

    def flush(self) -> Iterator[Op]:
        """Ops for all whose resources and datums are there."""
        self._take_references(final=False)
        if not self._in_order():
            return
        try:
            yield from self._ops()
        except (OSError, ValueError):
            if self._consolidator is None or not self._consolidator.reads_files:
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
        if self._sent is None or self._consolidator is None:
            return None
        name = "/".join(self.path[-2:])
        return check_files(name, self._consolidator, self._sent, self.files.reach(), mode)

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
                self._take_datum(seq_num, datum, resource)

    def _take_datum(self, seq_num: Any, datum: Document, resource: Resource) -> None:
        try:
            said = self.files.read_datum(datum, resource)
            counter = self._counters.setdefault(resource.uid, Counter())
            first, stop = indices_of(said.place, counter)
            self._add(resource, said, (first, stop), (seq_num, seq_num + 1), seq_num)
        except Exception as error:  # a rule meets a datum that it did not foresee
            at = error.at if isinstance(error, WriteError) else ""
            self._lose(seq_num, datum["datum_id"], in_words(error), at)

    def _offset(self, datum: Document, resource: Resource) -> int:
        """What a stream datum's resource counts its first datum as.

        Documents of some devices go on counting where the resource before has ended; so do files
        that one after the other are named alike.
        """
        part = self._parts.get(datum["stream_resource"])
        if part is not None:
            return part.offset
        first = int(datum["indices"]["start"])
        if not self._parts or first != self._taken:
            return 0
        alike = any(part.resource.uri == resource.uri for part in self._parts.values())
        return 0 if alike else first

    def _lose(self, seq_num: Any, value: Any, reason: str, at: str = "") -> None:
        self.remarks.lost(seq_num, value, reason, at or self.at)

    def _add(
        self,
        resource: Resource,
        said: DatumSaid,
        indices: Range,
        seq_nums: Range,
        events: Any,
        offset: int = 0,
    ) -> None:
        """Add datums of a resource."""
        if self._loading:
            raise InvalidDocumentError("events before it hold what was loaded from files")
        self._named, self._empty = True, []
        if resource.uid not in self._parts and resource.uid not in self._refused:
            self._open(resource, said, offset)
        if resource.uid in self._refused:
            reason, at = self._refused[resource.uid]
            self._lose(events, resource.uri, reason, at)
            return
        part = self._parts[resource.uid]
        assert self._consolidator is not None
        if said is not _NOTHING_SAID:
            self._check_said(resource, said, part.first)
        count = sum(stop - first for first, stop in part.ranges)
        next_index = part.ranges[-1][1] if part.ranges else 0
        more = indices[1] - (indices[0] if self._consolidator.numbered else next_index)
        try:
            self._consolidator.check_extent(self._rows + max(more, 0))
        except ValueError as error:
            raise InvalidDocumentError(str(error)) from error
        insert_range(part.ranges, indices)
        added = sum(stop - first for first, stop in part.ranges) - count
        self._rows += added if self._consolidator.numbered else max(more, 0)
        # One file keeps the datums that are left out; of many files only those that are named.
        left_out = indices[0] > next_index and not self._consolidator.numbered
        if self._in_step and (
            indices[0] < next_index
            or left_out
            or seq_nums[0] - 1 != self._taken
            or seq_nums[1] - seq_nums[0] != added
        ):
            self._in_step = False
            self.remarks.note(
                f"its rows are not numbered as the events are: event {_in_words(seq_nums)} is "
                f"datum {_in_words(indices)}, counted from 0, of {resource.uri}"
            )
        self._taken += added
        self._new = self._new or added > 0

    def _check_said(self, resource: Resource, said: DatumSaid, first: DatumSaid) -> None:
        """Refuse a datum that says something else of its resource than the first one."""
        if _constants(said.said) != _constants(first.said):
            raise RuleError(
                "the rules of repair.datums say something else of it than of the datums before"
            )
        with suppress(ValueError):  # arrays cannot be compared
            if said.kwargs == first.kwargs:
                return
        assert self._consolidator is not None
        assert self._rule is not None
        file = self._file(self._rule, self._stream_resource(resource, said))
        try:
            self._consolidator.check_datum(file)
        except ValueError as error:
            raise InvalidDocumentError(str(error)) from error

    def _stream_resource(self, resource: Resource, said: DatumSaid) -> dict[str, Any]:
        """A resource and what a datum says of it, as a stream resource of this data key."""
        return {
            "uid": resource.uid,
            "data_key": self.data_key,
            "mimetype": resource.mimetype,
            "uri": resource.uri,
            "parameters": {**resource.parameters, **resource.said, **said.kwargs, **said.said},
        }

    def _open(self, resource: Resource, said: DatumSaid, offset: int) -> None:
        """Begin with a resource; say so if it cannot be stored."""
        document = self._stream_resource(resource, said)
        rule = self.files.asset_rule(document)
        if isinstance(rule, Refused):
            self._refused[resource.uid] = rule.reason, rule.at
            return
        try:
            file = self._file(rule, document)
            if self._consolidator is None:
                self._consolidator = self._consolidate(rule, file, document)
                self._rule = rule
                for text in self._consolidator.notes:
                    self.remarks.note(text)
            elif self._rule is None or rule.name != self._rule.name:
                raise ValueError("another rule of assets takes it than the files before")
            else:
                self._consolidator.accept(file)
        except Exception as error:  # a rule or a facility's class may raise anything
            reason = str(error) if isinstance(error, ValueError) else in_words(error)
            self._refused[resource.uid] = reason, rule.at
            return
        self._parts[resource.uid] = _Datums(file, said, offset)

    def _file(self, rule: AssetRule, document: Document) -> FileResource:
        defaults = rule.parameters(self.files.start, document) if rule.parameters else {}
        given = {name: value for name, value in document["parameters"].items() if value is not None}
        return FileResource(**{**document, "parameters": {**defaults, **given}})

    def _consolidate(self, rule: AssetRule, file: FileResource, document: Document) -> Consolidator:
        sidecars = {each.parameter: each.uri(self.files.start, document) for each in rule.sidecars}
        return open_consolidator(rule, file, self.declared, self.dims, sidecars)

    # Ops

    def _in_order(self) -> bool:
        """Whether files that are still to come can only follow: Tiled moves none that it knows."""
        if self._in_step or self._consolidator is None or not self._consolidator.numbered:
            return True
        return all(
            first == 0 and not others
            for (first, _), *others in (part.ranges for part in self._parts.values() if part.ranges)
        )

    def _ops(self) -> Iterator[Op]:
        if not self._new:
            return
        assert self._consolidator is not None
        self._new = False
        parts = [part.part for part in self._parts.values()]
        source = self._consolidator.declared_source(parts)
        if self._consolidator.reads_files:
            source = self._consolidator.inspect(source, self.files.reach())
        if self._sent is None:
            yield self._registration(source)
        elif source != self._sent:
            yield self._update(source)

    def _registration(self, source: FileSource) -> Op:
        assert self._consolidator is not None
        self._sent = source
        template = self.template
        metadata = {**self._consolidator.metadata, **template.metadata}
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


def _constants(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters without those that are functions of a file's number: they cannot be compared."""
    return {name: value for name, value in parameters.items() if not callable(value)}


def _in_words(numbers: Range) -> str:
    first, stop = numbers
    return f"{first}" if stop - first == 1 else f"{first} to {stop - 1}"


def _indices_from(offset: int, datum: Document) -> Range:
    """A stream datum's indices, counted from its resource's first datum."""
    first, stop = int(datum["indices"]["start"]), int(datum["indices"]["stop"])
    if not offset <= first <= stop:
        raise InvalidDocumentError(f"its indices, {first} to {stop}, do not exist")
    return first - offset, stop - offset


def insert_range(ranges: list[Range], new: Range) -> None:
    """Add a range to sorted ranges that are apart from each other, and keep them so."""
    first, stop = new
    if first == stop:
        return
    begin = bisect_left(ranges, first, key=lambda each: each[1])
    end = begin
    while end < len(ranges) and ranges[end][0] <= stop:
        first, stop = min(first, ranges[end][0]), max(stop, ranges[end][1])
        end += 1
    ranges[begin:end] = [(first, stop)]


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
