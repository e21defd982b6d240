"""Which datums of which files one data key of a stream has.

They are kept as ranges, merged as they come: what is made of them does not depend on how datums
were split, nor on the order in which those of one file came.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tiledmap.runtime.consolidators import (
    Consolidator,
    Declared,
    FileResource,
    Part,
    Range,
    open_consolidator,
)
from tiledmap.runtime.documents import as_python
from tiledmap.runtime.errors import InvalidDocumentError, RuleError, in_words
from tiledmap.runtime.files import Files
from tiledmap.runtime.layout import AssetRule, Document, Refused
from tiledmap.runtime.upgrade import Counter, DatumSaid, Resource, indices_of

_NOTHING_SAID = DatumSaid({}, {}, None)


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

    @property
    def end(self) -> int:
        """The index after the last."""
        return self.ranges[-1][1] if self.ranges else 0


@dataclass(slots=True)
class FileParts:
    """The resources that one data key's values are in, and which of their datums have come.

    Parameters
    ----------
    data_key
        As documents name it.
    dims
        The names that the mapping gives, with ``...`` for the data key's own.
    note
        Told what a reader should know.
    """

    data_key: str
    declared: Declared
    dims: tuple[str, ...] | None
    files: Files
    note: Callable[[str], None]
    consolidator: Consolidator | None = None
    """What makes one source of them; None as long as there are none."""
    _rule: AssetRule | None = None
    _parts: dict[str, _Datums] = field(default_factory=dict)
    _refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    _counters: dict[str, Counter] = field(default_factory=dict)
    _taken: int = 0
    _rows: int = 0
    _in_step: bool = True

    @property
    def parts(self) -> list[Part]:
        """All that has come."""
        return [part.part for part in self._parts.values()]

    @property
    def in_order(self) -> bool:
        """Whether files that are still to come can only follow: Tiled moves none that it knows."""
        if self._in_step or self.consolidator is None or not self.consolidator.numbered:
            return True
        return all(
            first == 0 and not others
            for (first, _), *others in (part.ranges for part in self._parts.values() if part.ranges)
        )

    def add_datum(self, datum: Document, resource: Resource, seq_num: int) -> bool:
        """Take a datum to which an event refers.

        Returns
        -------
        bool
            Whether there is anything new.

        Raises
        ------
        WriteError
            If it cannot be stored.
        """
        said = self.files.read_datum(datum, resource)
        counter = self._counters.setdefault(resource.uid, Counter())
        return self._add(resource, said, indices_of(said.place, counter), (seq_num, seq_num + 1), 0)

    def add_stream_datum(self, datum: Document, resource: Resource) -> bool:
        """Take a stream datum, as `add_datum` does."""
        offset = self._offset(datum, resource)
        indices = _indices_from(offset, datum)
        return self._add(resource, _NOTHING_SAID, indices, seq_nums_of(datum), offset)

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

    def _add(
        self, resource: Resource, said: DatumSaid, indices: Range, seq_nums: Range, offset: int
    ) -> bool:
        if resource.uid not in self._parts and resource.uid not in self._refused:
            self._open(resource, said, offset)
        if resource.uid in self._refused:
            reason, at = self._refused[resource.uid]
            raise RuleError(f"{resource.uri}: {reason}", at=at)
        part = self._parts[resource.uid]
        if said is not _NOTHING_SAID:
            self._check_said(resource, said, part.first)
        expected = part.end
        added = self._insert(part, indices)
        self._note_numbering(resource, indices, seq_nums, expected, added)
        self._taken += added
        return added > 0

    def _insert(self, part: _Datums, indices: Range) -> int:
        """Add a range to those of a part; give how many datums are new."""
        assert self.consolidator is not None
        numbered = self.consolidator.numbered
        rows = max(0, indices[1] - (indices[0] if numbered else part.end))
        try:
            self.consolidator.check_extent(self._rows + rows)
        except ValueError as error:
            raise InvalidDocumentError(str(error)) from error
        added = insert_range(part.ranges, indices)
        self._rows += added if numbered else rows
        return added

    def _note_numbering(
        self, resource: Resource, indices: Range, seq_nums: Range, expected: int, added: int
    ) -> None:
        """Say once where rows and events part: readers pair them by their place."""
        assert self.consolidator is not None
        # One file keeps the datums that are left out; of many files only those that are named.
        left_out = indices[0] > expected and not self.consolidator.numbered
        if self._in_step and (
            indices[0] < expected
            or left_out
            or seq_nums[0] - 1 != self._taken
            or seq_nums[1] - seq_nums[0] != added
        ):
            self._in_step = False
            self.note(
                f"its rows are not numbered as the events are: event {in_short(seq_nums)} is "
                f"datum {in_short(indices)}, counted from 0, of {resource.uri}"
            )

    def _check_said(self, resource: Resource, said: DatumSaid, first: DatumSaid) -> None:
        """Refuse a datum that says something else of its resource than the first one."""
        if _constants(said.said) != _constants(first.said):
            raise RuleError(
                "the rules of repair.datums say something else of it than of the datums before"
            )
        with suppress(ValueError):  # arrays cannot be compared
            if said.kwargs == first.kwargs:
                return
        assert self.consolidator is not None
        assert self._rule is not None
        file = self._file(self._rule, self._stream_resource(resource, said))
        try:
            self.consolidator.check_datum(file)
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
            if self.consolidator is None:
                self.consolidator = self._consolidate(rule, file, document)
                self._rule = rule
                for text in self.consolidator.notes:
                    self.note(text)
            elif self._rule is None or rule.name != self._rule.name:
                raise ValueError("another rule of assets takes it than the files before")
            else:
                self.consolidator.accept(file)
        except Exception as error:  # a rule or a facility's class may raise anything
            reason = str(error) if isinstance(error, ValueError) else in_words(error)
            self._refused[resource.uid] = reason, rule.at
            return
        self._parts[resource.uid] = _Datums(file, said, offset)

    def _file(self, rule: AssetRule, document: Document) -> FileResource:
        defaults = rule.parameters(self.files.start, document) if rule.parameters else {}
        parameters: dict[str, Any] = as_python(document["parameters"])
        given = {name: value for name, value in parameters.items() if value is not None}
        return FileResource(**{**document, "parameters": {**defaults, **given}})

    def _consolidate(self, rule: AssetRule, file: FileResource, document: Document) -> Consolidator:
        sidecars = {each.parameter: each.uri(self.files.start, document) for each in rule.sidecars}
        return open_consolidator(rule, file, self.declared, self.dims, sidecars)


def _constants(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters without those that are functions of a file's number: they cannot be compared."""
    return {name: value for name, value in parameters.items() if not callable(value)}


def in_short(numbers: Range) -> str:
    """A range in words."""
    first, stop = numbers
    return f"{first}" if stop - first == 1 else f"{first} to {stop - 1}"


def seq_nums_of(stream_datum: Document) -> Range:
    """The events that a stream datum stands for."""
    return int(stream_datum["seq_nums"]["start"]), int(stream_datum["seq_nums"]["stop"])


def _indices_from(offset: int, datum: Document) -> Range:
    """A stream datum's indices, counted from its resource's first datum."""
    first, stop = int(datum["indices"]["start"]), int(datum["indices"]["stop"])
    if not offset <= first <= stop:
        raise InvalidDocumentError(f"its indices, {first} to {stop}, do not exist")
    return first - offset, stop - offset


def insert_range(ranges: list[Range], new: Range) -> int:
    """Add a range to sorted ranges that are apart from each other, and keep them so.

    Returns
    -------
    int
        How many of its numbers were in none of them.
    """
    first, stop = new
    if first == stop:
        return 0
    begin = end = bisect_left(ranges, first, key=lambda each: each[1])
    known = 0
    while end < len(ranges) and ranges[end][0] <= stop:
        known += ranges[end][1] - ranges[end][0]
        first, stop = min(first, ranges[end][0]), max(stop, ranges[end][1])
        end += 1
    ranges[begin:end] = [(first, stop)]
    return stop - first - known
