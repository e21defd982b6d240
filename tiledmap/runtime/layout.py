"""A compiled mapping: constants, and functions of documents.

A generated module builds one `Layout`; the reference interpreter builds another from the same plan.
The rest of the runtime cannot tell them apart. Functions take documents as event-model defines them
and never change them; each returns plain values.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from tiledmap.runtime.ops import Spec

T = TypeVar("T")

Document: TypeAlias = Mapping[str, Any]
OfStart: TypeAlias = Callable[[Document], T]
OfStream: TypeAlias = Callable[[Document, Document], T]
OfDataKey: TypeAlias = Callable[[Document, Document, Document], T]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A rule's decision to store nothing."""

    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A data rule's decision: how and where the values of one data key are stored.

    Parameters
    ----------
    store
        ``table`` | ``array`` | ``ragged`` | ``files``.
    path
        Keys below the stream's node; empty for ``table``.
    table
        The table rule's name, for ``table``.
    dims
        Names of the dimensions; ``...`` stands for the data key's own.
    """

    store: str
    at: str
    path: tuple[str, ...] = ()
    table: str = ""
    dims: tuple[str, ...] | None = None
    specs: tuple[Spec, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Value:
    """A column's source: the value of its data key."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A column's source: the timestamp of its data key."""


@dataclass(frozen=True, slots=True)
class EventField:
    """A column's source: a field of the event itself, as ``seq_num``, ``time`` or ``uid``."""

    name: str


@dataclass(frozen=True, slots=True)
class Computed:
    """A column's source: an expression.

    `bind(start, descriptor, data_key)` gives a function of (event, value, timestamp); what does
    not depend on the event is computed once, when it is bound. `data_key`, `value` and `timestamp`
    are None for a column that stands for no data key.
    """

    bind: Callable[[Document, Document, Document | None], Callable[[Document, Any, Any], Any]]


ColumnSource: TypeAlias = Value | Timestamp | EventField | Computed


@dataclass(frozen=True, slots=True)
class Column:
    """A single column of a table."""

    name: OfStream[str]
    type: str | None
    source: ColumnSource
    at: str


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column for each data key that `keys(data_key, stored)` takes.

    `data_key` is the data key with its derived fields; `stored` its `Stored.store`.
    """

    name: OfDataKey[str]
    keys: Callable[[Document, str], bool]
    type: str | None
    source: ColumnSource
    at: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a stream."""

    name: str
    path: OfStream[tuple[str, ...]]
    columns: tuple[Column | KeyColumn, ...]
    at: str
    order: str | None = None
    max_columns: int | None = None
    specs: OfStream[Sequence[Spec]] | None = None
    metadata: Callable[[Document, Document, Mapping[str, Any]], dict[str, Any]] | None = None
    """Of (start, descriptor, data_keys): the data keys stored in this table, by name."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream rule."""

    name: str
    path: OfStream[tuple[str, ...]]
    specs: OfStream[Sequence[Spec]]
    metadata: OfStream[dict[str, Any]]
    store: OfDataKey[Stored | Dropped]
    tables: tuple[Table, ...]
    at: str
    updates: str | None = None
    """Key of the metadata list that receives what later descriptors of the stream change."""


@dataclass(frozen=True, slots=True)
class Run:
    """The run rule."""

    path: OfStart[tuple[str, ...]]
    specs: OfStart[Sequence[Spec]]
    access_tags: OfStart[Sequence[str]]
    metadata: OfStart[dict[str, Any]]
    stop_metadata: Callable[[Document, Document], dict[str, Any]]
    at: str
    on_collision: str = "resume"
    untagged: str = "store"
    fallback_tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DataKeyRepair:
    """A repair of data keys. Every repair that matches applies, in order."""

    name: str
    matches: OfDataKey[bool]
    repair: OfDataKey[dict[str, Any] | Dropped]
    """The repaired data key, or the decision to drop it."""
    at: str
    rename: OfDataKey[str] | None = None
    until: str | None = None
    """ISO date; the repair does not apply to runs that start after that day."""


@dataclass(frozen=True, slots=True)
class DocumentRepair:
    """A repair of start, descriptor or stop documents: of (start, document) to a new document."""

    name: str
    matches: OfStream[bool]
    repair: OfStream[dict[str, Any]]
    at: str
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Repairs:
    """What is put right before anything is stored, in order."""

    start: tuple[DocumentRepair, ...] = ()
    descriptor: tuple[DocumentRepair, ...] = ()
    stop: tuple[DocumentRepair, ...] = ()
    data_keys: tuple[DataKeyRepair, ...] = ()


@dataclass(frozen=True, slots=True)
class Hook:
    """A facility's function from a document to a document."""

    name: str
    document: str
    function: Callable[[dict[str, Any]], dict[str, Any] | None]
    at: str


@dataclass(frozen=True, slots=True)
class Layout:
    """A compiled mapping."""

    name: str
    version: str
    sha256: str
    run: Run
    select_stream: OfStream[Stream | Dropped]
    additions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By document name: JSON Schema ``{"properties": …, "required": …}`` that it must fit."""
    repairs: Repairs = field(default_factory=Repairs)
    hooks: tuple[Hook, ...] = ()
