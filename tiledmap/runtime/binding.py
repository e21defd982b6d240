"""A stream rule matched to a descriptor: what each event gives, decided once.

An event costs the caller one dictionary look-up, one check, and one tuple. Tuples become typed
Arrow columns when they are flushed. Event pages are columns already and are kept as such.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from tiledmap.runtime.arrays import ArrayNode, DenseRows, RaggedRows
from tiledmap.runtime.columns import number_shown
from tiledmap.runtime.errors import InvalidDocumentError
from tiledmap.runtime.event_check import (
    FIELDS,
    EventReader,
    Row,
    event_page_problem,
    event_problem,
    mismatch,
    page_length_problem,
)
from tiledmap.runtime.external import ExternalRows, Loaded
from tiledmap.runtime.layout import Document, EventField, Timestamp
from tiledmap.runtime.ops import Op, Path
from tiledmap.runtime.tables import Lost, TableColumn, TablePart
from tiledmap.runtime.upgrade import Resource

Columns = list[Any]
"""One sequence for each place of a row: a list, a tuple or an array."""


@dataclass(frozen=True, slots=True)
class BoundArray:
    """The values of a data key on their way to an array."""

    data_key: str
    rows: DenseRows | RaggedRows


@dataclass(frozen=True, slots=True)
class BoundFiles:
    """A data key whose values are in files; its events hold the names of datums, or nothing."""

    data_key: str
    rows: ExternalRows


@dataclass(frozen=True, slots=True)
class EventTrouble:
    """What a binding says of its events: notes for the reader, and values it has no place for."""

    note: Callable[[str, str], None]
    """Of (text, topic)."""
    lost: Lost
    failed: Callable[[str, Any, Exception, str], None]
    """Of (column, seq_num, error, at), where an expression raised."""
    broken: Callable[[str, Any, Exception, str], None]
    """Of (node, seq_num, error, at), where rows cannot be made, from that event on."""


class Binding:
    """Takes events of one stream node, and gives the ops that store them.

    Parameters
    ----------
    run
        The run's uid.
    keys
        The data keys as events name them, each with the name it is stored under.
    tables, arrays, files
        Where values go; arrays may be added as long as no event has come.
    dropped
        Data keys, as events name them, whose values are not stored.
    trouble
        Who is told of what could not be stored.

    Attributes
    ----------
    dropped
        As given.
    waiting
        How many rows wait to be flushed.
    oldest
        When the first of them came, by the clock of whoever flushes.
    """

    def __init__(
        self,
        *,
        run: str,
        keys: Mapping[str, str],
        tables: Sequence[TablePart],
        arrays: list[BoundArray],
        files: Sequence[BoundFiles],
        dropped: frozenset[str],
        trouble: EventTrouble,
    ) -> None:
        self.waiting = 0
        self.oldest = 0.0
        self.tables = tables
        self.arrays = arrays
        self.files = files
        self._run = run
        self._keys = tuple(keys)
        self._files = {each.rows.data_key: each.rows for each in files}
        self.dropped = dropped
        self._external = dropped | self._files.keys()
        self._trouble = trouble
        self._read = EventReader(self._keys, self._files).read
        self._rows: list[Row] = []
        self._plain = 0
        """How many of the rows that wait are of `PLAIN` values alone."""
        self._chunks: list[Columns] = []
        self._place_of_value = {
            stored: len(FIELDS) + place for place, stored in enumerate(keys.values())
        }
        self._broken: set[Path] = set()
        self._computed = [column for part in tables for column in part.columns if column.compute]
        self._width = len(FIELDS) + 2 * len(keys) + len(self._computed)

    @property
    def paths(self) -> list[Path]:
        """Where the tables, arrays and files are."""
        tables = [part.path for part in self.tables]
        arrays = [array.rows.node.path for array in self.arrays]
        return [*tables, *arrays, *(each.rows.path for each in self.files)]

    def add(self, event: dict[str, Any]) -> None:
        """Take an event.

        Raises
        ------
        InvalidDocumentError
            If it is no event by event-model's schema. Nothing of it is stored.
        """
        row = self._read(event)
        if row is None:
            row = self._read_with_care(event)
        if self._computed:
            row += tuple(self._compute(column, event, row) for column in self._computed)
        self._rows.append(row)
        self.waiting += 1

    def takes_rows_of(self, keys: tuple[str, ...]) -> bool:
        """Whether `add_rows` takes rows of these data keys."""
        return keys == self._keys and not self._files and not self._computed

    def add_rows(self, rows: Sequence[Row]) -> None:
        """Take events that were read before: `FIELDS`, then data and timestamps, all `PLAIN`."""
        self._rows += rows
        self._plain += len(rows)
        self.waiting += len(rows)

    def add_page(self, page: dict[str, Any]) -> None:
        """Take an event page, as columns.

        Raises
        ------
        InvalidDocumentError
            If it is no event page by event-model's schema. Nothing of it is stored.
        """
        if problem := event_page_problem(page) or page_length_problem(page):
            raise InvalidDocumentError(problem, run=self._run, document="an event page")
        length = len(page["seq_num"])
        self._note_mismatch(page, page["seq_num"])
        nothing = (None,) * length
        columns: Columns = [_sequence(page[name]) for name in FIELDS]
        for part in ("data", "timestamps"):
            columns += [_sequence(page[part].get(key, nothing)) for key in self._keys]
        if self._files and page.get("filled"):
            self._put_references(columns, page["filled"])
        if self._computed:
            columns += self._compute_page(page, columns)
        self._seal_rows()
        self._chunks.append(columns)
        self.waiting += length

    def rows_of_files(self, data_key: str) -> ExternalRows | None:
        """What stands for a data key, as documents name it, whose values are in files."""
        return self._files.get(data_key)

    def consume(self, stream_datum: Document, resource: Resource, rows: ExternalRows) -> None:
        """Take a stream datum for one of the data keys in files."""
        rows.consume(stream_datum, resource)
        self.waiting += 1

    def _put_references(self, columns: Columns, filled: Document) -> None:
        for place, key in enumerate(self._keys, start=len(FIELDS)):
            flags = filled.get(key, ())
            if key not in self._files or not len(flags):
                continue
            if len(flags) != len(columns[place]):
                text = f"filled[{key!r}] of a page is passed over: it is not as long as the page"
                self._trouble.note(text, f"filled of {key}")
            else:
                columns[place] = [
                    flag if isinstance(flag, str) else Loaded(value) if flag else value
                    for flag, value in zip(flags, columns[place], strict=True)
                ]

    def flush(self) -> Iterator[Op]:
        """Ops for all rows that wait. Tables come last: a reader takes its lengths from them."""
        columns = self._taken()
        if not columns or not len(columns[0]):
            for each in self.files:
                yield from self._guarded(each.rows.flush(), each.rows, None)
            return
        seq_nums = columns[0]
        are_plain, self._plain = self._plain == len(seq_nums), 0
        for array in self.arrays:
            values = columns[self._place_of_value[array.data_key]]
            ops = array.rows.write(values, seq_nums)
            yield from self._guarded(ops, array.rows.node, seq_nums[0])
        for each in self.files:
            ops = each.rows.write(columns[self._place_of_value[each.data_key]], seq_nums)
            yield from self._guarded(ops, each.rows, seq_nums[0])
        for part in self.tables:
            ops = part.append(
                self._run,
                lambda column: columns[self._place(column)],
                self._trouble.lost,
                self._trouble.note,
                are_plain=are_plain,
            )
            yield from self._guarded(ops, part, seq_nums[0])

    def finish(self) -> Iterator[Op]:
        """Ops for all that is left once no event will come."""
        yield from self.flush()
        for array in self.arrays:
            yield from self._guarded(array.rows.finish(), array.rows.node, None)
        for each in self.files:
            yield from self._guarded(each.rows.finish(), each.rows, None)

    def _guarded(
        self, ops: Iterator[Op], node: ArrayNode | TablePart | ExternalRows, seq_num: Any
    ) -> Iterator[Op]:
        """`ops`; if they cannot all be made, those of the other nodes are.

        The node gets no more rows then: they would stand where the missing ones belong.
        """
        if node.path in self._broken:
            return
        try:
            yield from ops
        except Exception as error:  # values may be of any kind, and do what they like
            self._broken.add(node.path)
            self._trouble.broken("/".join(node.path), seq_num, error, node.at)

    def _place(self, column: TableColumn) -> int:
        if column.compute is not None:
            return self._width - len(self._computed) + self._computed.index(column)
        if isinstance(column.source, EventField):
            return FIELDS.index(column.source.name)
        assert column.data_key is not None
        place = self._place_of_value[column.data_key]
        return place + len(self._keys) if isinstance(column.source, Timestamp) else place

    def _seal_rows(self) -> None:
        if self._rows:
            self._chunks.append(list(zip(*self._rows, strict=True)))
            self._rows = []

    def _taken(self) -> Columns:
        self._seal_rows()
        chunks, self._chunks, self.waiting = self._chunks, [], 0
        if len(chunks) <= 1:
            return chunks[0] if chunks else []
        return [_joined(parts) for parts in zip(*chunks, strict=True)]

    def _read_with_care(self, event: dict[str, Any]) -> Row:
        if problem := event_problem(event):
            seq_num = event.get("seq_num", "?") if isinstance(event, dict) else "?"
            document = f"event {number_shown(seq_num)}"
            raise InvalidDocumentError(problem, run=self._run, document=document)
        self._note_mismatch(event, (event["seq_num"],))
        data, timestamps = event["data"], event["timestamps"]
        row = (
            *(event[name] for name in FIELDS),
            *(data.get(key) for key in self._keys),
            *(timestamps.get(key) for key in self._keys),
        )
        filled = event.get("filled")
        return self._with_references(row, filled) if filled and self._files else row

    def _with_references(self, row: Row, filled: Document) -> Row:
        """A row that tells what was loaded from a file, or its datum where ``filled`` names it."""
        values = list(row)
        for place, key in enumerate(self._keys, start=len(FIELDS)):
            if key in self._files and (flag := filled.get(key)):
                values[place] = flag if isinstance(flag, str) else Loaded(values[place])
        return tuple(values)

    def _note_mismatch(self, document: Document, seq_nums: Sequence[Any]) -> None:
        """Note keys that are missing, and report those that the descriptor does not have."""
        if not len(seq_nums):
            return
        events = _span(seq_nums)
        for part in ("data", "timestamps"):
            missing, extra = mismatch(self._keys, document[part])
            for key in sorted(missing - self._external):
                self._trouble.note(f"{events} has no {part}[{key!r}]", f"missing {part} of {key}")
            for key in sorted(extra, key=repr):
                reason = f"{part} has a key that its descriptor does not have"
                self._trouble.lost(str(key), _numbers(seq_nums), document[part][key], reason, "")

    def _compute(self, column: TableColumn, event: Document, row: Row) -> Any:
        value = timestamp = None
        if column.data_key is not None:
            place = self._place_of_value[column.data_key]
            value, timestamp = row[place], row[place + len(self._keys)]
        assert column.compute is not None
        try:
            return column.compute(event, value, timestamp)
        except Exception as error:  # an expression may raise anything
            self._trouble.failed(column.name, row[0], error, column.at)
            return None

    def _compute_page(self, page: Document, columns: Columns) -> Columns:
        rows = list(zip(*columns, strict=True))
        events = list(_events_of(page))
        return [
            [self._compute(column, *pair) for pair in zip(events, rows, strict=True)]
            for column in self._computed
        ]


def _sequence(column: Any) -> Any:
    """A column of a page as a sequence that can be gone through again and again."""
    return column if isinstance(column, list | tuple | np.ndarray) else np.asarray(column)


def _joined(parts: Iterable[Any]) -> list[Any]:
    return list(
        chain.from_iterable(
            part.tolist() if isinstance(part, np.ndarray) and part.ndim == 1 else part
            for part in parts
        )
    )


def _span(seq_nums: Sequence[Any]) -> str:
    return f"event{'' if len(seq_nums) == 1 else 's'} {_numbers(seq_nums)}"


def _numbers(seq_nums: Sequence[Any]) -> str:
    first, last = number_shown(seq_nums[0]), number_shown(seq_nums[-1])
    return first if len(seq_nums) == 1 else f"{first} to {last}"


def _events_of(page: Document) -> Iterator[dict[str, Any]]:
    for row, seq_num in enumerate(page["seq_num"]):
        yield {
            "descriptor": page["descriptor"],
            "uid": page["uid"][row],
            "time": page["time"][row],
            "seq_num": seq_num,
            **{
                part: {
                    key: column[row]
                    for key, column in page.get(part, {}).items()
                    if row < len(column)
                }
                for part in ("data", "timestamps", "filled")
            },
        }
