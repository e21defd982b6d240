"""The tables of a stream: which columns, of which types, in which nodes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from tiledmap.runtime.columns import (
    FLOAT,
    INTEGER,
    JSON_TEXT,
    TEXT,
    ColumnType,
    batches_without_mixture,
    column_type,
    has_large_integers,
    named_type,
    to_arrow,
)
from tiledmap.runtime.exact import make_exact
from tiledmap.runtime.layout import (
    Column,
    ColumnSource,
    Computed,
    Document,
    EventField,
    KeyColumn,
    Stored,
    Table,
    Timestamp,
    Value,
)
from tiledmap.runtime.ops import AppendRows, CreateTable, Path, Spec

ComputeCell = Callable[[Document, Any, Any], Any]
Lost = Callable[[str, Any, Any, str, str], None]
"""Told of (column, seq_num, value, reason, at) where a value could not be stored."""
Note = Callable[[str, str], None]
"""Told of (text, topic) where there is something that a reader should know."""

_TYPE_OF_FIELD = {"seq_num": INTEGER, "time": FLOAT, "uid": TEXT, "descriptor": TEXT}


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table, bound to what it takes from an event.

    `data_key` is the data key that it stands for, if any; `compute` its expression, if it has one.
    """

    name: str
    type: ColumnType
    source: ColumnSource
    at: str
    data_key: str | None = None
    compute: ComputeCell | None = None


@dataclass(slots=True)
class TablePart:
    """One table node: a whole table, or as many of its columns as one node may have."""

    path: Path
    columns: tuple[TableColumn, ...]
    specs: tuple[Spec, ...]
    metadata: dict[str, Any]
    at: str
    sent: int = 0
    waiting: CreateTable | None = None
    """Makes the node when its first rows come, where without rows there should be none."""
    _have_null: set[str] = field(default_factory=set)
    _have_large: set[str] = field(default_factory=set)

    @property
    def has_data_keys(self) -> bool:
        """Whether a column stands for a data key; the others only number and date events."""
        return any(column.data_key is not None for column in self.columns)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(column.name, column.type.arrow) for column in self.columns])

    def create(self, run: str, access_tags: tuple[str, ...] | None) -> CreateTable:
        """The op that makes the node."""
        return CreateTable(
            run=run,
            path=self.path,
            at=self.at,
            metadata=make_exact(self.metadata),
            specs=self.specs,
            access_tags=access_tags,
            schema=self.schema,
        )

    def append(
        self,
        run: str,
        cells: Callable[[TableColumn], Sequence[Any]],
        lost: Lost,
        note: Note,
        *,
        are_plain: bool = False,
    ) -> Iterator[CreateTable | AppendRows]:
        """Ops that append the rows of which `cells` gives the columns.

        `are_plain` as for `to_arrow`, of all data and timestamps.
        """
        if self.waiting is not None:
            yield self.waiting
            self.waiting = None
        seq_nums: Sequence[Any] = ()
        arrays = []
        for column in self.columns:
            values = cells(column)
            is_known = are_plain and column.data_key is not None and column.compute is None
            array, losses = to_arrow(values, column.type, are_plain=is_known)
            arrays.append(array)
            if losses:
                seq_nums = seq_nums or cells(SEQ_NUM)
                for loss in losses:
                    seq_num = seq_nums[loss.row]
                    lost(column.name, seq_num, loss.value, loss.reason, column.at)
        self._note_rounding(arrays, note)
        for rows in batches_without_mixture(pa.record_batch(arrays, schema=self.schema)):
            yield AppendRows(run=run, path=self.path, at=self.at, rows=rows, first=self.sent)
            self.sent += rows.num_rows

    def _note_rounding(self, arrays: Sequence[pa.Array], note: Note) -> None:
        """Say which integers readers will see as doubles; what is stored is exact."""
        for column, array in zip(self.columns, arrays, strict=True):
            if not pa.types.is_integer(array.type):
                continue
            if array.null_count:
                self._have_null.add(column.name)
            if has_large_integers(array):
                self._have_large.add(column.name)
            if column.name in self._have_null & self._have_large:
                note(
                    f"{column.name!r} has integers beyond 2**53 beside missing values; they are "
                    "stored exactly, but Tiled reads such a column as doubles",
                    f"rounded {column.name}",
                )


SEQ_NUM = TableColumn("seq_num", INTEGER, EventField("seq_num"), at="")


@dataclass(frozen=True, slots=True)
class TableContext:
    """What the tables of one stream node are made from."""

    start: Document
    descriptor: Document
    data_keys: Mapping[str, Document]
    """With their derived fields, by the names they are stored under."""
    stored: Mapping[str, Stored]


def table_parts(table: Table, stream_path: Path, context: TableContext) -> list[TablePart]:
    """The nodes of one table rule for one descriptor."""
    columns = list(_columns(table, context))
    _check_names(table, columns)
    groups = _split(columns, table.max_columns)
    path = (*stream_path, *table.path(context.start, context.descriptor))
    specs = tuple(table.specs(context.start, context.descriptor)) if table.specs else ()
    paths = (
        [path]
        if len(groups) == 1
        else [(*path[:-1], f"{path[-1]}_{number}") for number in range(len(groups))]
    )
    return [
        TablePart(
            path=part_path,
            columns=tuple(group),
            specs=specs,
            metadata=_metadata(table, context, group),
            at=table.at,
        )
        for part_path, group in zip(paths, groups, strict=True)
    ]


def _columns(table: Table, context: TableContext) -> Iterator[TableColumn]:
    for column in table.columns:
        if isinstance(column, Column):
            yield _row_column(column, context)
        else:
            yield from _key_columns(column, table, context)


def _row_column(column: Column, context: TableContext) -> TableColumn:
    source = column.source
    chosen = named_type(column.type) if column.type else JSON_TEXT
    if not column.type and isinstance(source, EventField):
        chosen = _TYPE_OF_FIELD.get(source.name, JSON_TEXT)
    return TableColumn(
        name=column.name(context.start, context.descriptor),
        type=chosen,
        source=source,
        at=column.at,
        compute=_bound(source, context, None),
    )


def _key_columns(column: KeyColumn, table: Table, context: TableContext) -> Iterator[TableColumn]:
    for name, data_key in context.data_keys.items():
        stored = context.stored.get(name)
        if stored is None or not column.keys(data_key, stored.store):
            continue
        if stored.store == "table" and stored.table not in ("", table.name):
            continue
        yield TableColumn(
            name=column.name(context.start, context.descriptor, data_key),
            type=_type_of_key_column(column, data_key),
            source=column.source,
            at=column.at,
            data_key=name,
            compute=_bound(column.source, context, data_key),
        )


def _type_of_key_column(column: KeyColumn, data_key: Document) -> ColumnType:
    if isinstance(column.source, Timestamp):
        return named_type(column.type or "float64")
    own = column_type(data_key)
    if column.type:
        return named_type(column.type, own.depth if isinstance(column.source, Value) else 0)
    if isinstance(column.source, EventField):
        return _TYPE_OF_FIELD.get(column.source.name, JSON_TEXT)
    return own


def _bound(
    source: ColumnSource, context: TableContext, data_key: Document | None
) -> ComputeCell | None:
    if isinstance(source, Computed):
        return source.bind(context.start, context.descriptor, data_key)
    if isinstance(source, EventField) and source.name not in ("seq_num", "time", "uid"):
        name = source.name
        return lambda event, value, timestamp: event.get(name)
    return None


def _check_names(table: Table, columns: Sequence[TableColumn]) -> None:
    """Refuse two columns of one name; databases do not tell upper from lower case."""
    seen: dict[str, str] = {}
    for column in columns:
        other = seen.setdefault(column.name.casefold(), column.name)
        if len(seen) and other is not column.name:
            raise ValueError(
                f"table {table.name!r} would have two columns "
                f"that are the same to a database: {other!r} and {column.name!r}"
            )


def _split(columns: list[TableColumn], most: int | None) -> list[list[TableColumn]]:
    """Columns in parts of at most `most`.

    Every part has the columns that stand for no data key, so that each row can be found in each
    part; all columns of one data key are in one part.
    """
    if most is None or len(columns) <= most:
        return [columns]
    rows = sum(column.data_key is None for column in columns)
    counts: dict[str, int] = {}
    for column in columns:
        if column.data_key is not None:
            counts[column.data_key] = counts.get(column.data_key, 0) + 1
    part_of: dict[str, int] = {}
    part, width = 0, rows
    for data_key, count in counts.items():
        if width > rows and width + count > most:
            part, width = part + 1, rows
        part_of[data_key], width = part, width + count
    return [
        [
            column
            for column in columns
            if column.data_key is None or part_of[column.data_key] == number
        ]
        for number in range(part + 1)
    ]


def _metadata(
    table: Table, context: TableContext, columns: Sequence[TableColumn]
) -> dict[str, Any]:
    if table.metadata is None:
        return {}
    described = context.descriptor["data_keys"]
    here = {
        column.data_key: described[column.data_key]
        for column in columns
        if column.data_key is not None and context.stored[column.data_key].store == "table"
    }
    return table.metadata(context.start, context.descriptor, here)
