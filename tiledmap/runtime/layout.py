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
OfResource: TypeAlias = Callable[[Document, Document], T]
"""Of (start, resource)."""
OfDatum: TypeAlias = Callable[[Document, Document, Document], T]
"""Of (start, resource, datum)."""


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
class Coordinate:
    """An array that a stream has from its first descriptor on, such as energies of bins.

    Parameters
    ----------
    value
        Of (start, descriptor); None where this descriptor has no such array.
    type
        numpy's name of the dtype; that of the value if None.
    """

    name: str
    path: OfStream[tuple[str, ...]]
    value: OfStream[Any]
    at: str
    type: str | None = None
    dims: tuple[str, ...] | None = None
    specs: OfStream[Sequence[Spec]] | None = None
    metadata: OfStream[dict[str, Any]] | None = None


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
    coordinates: tuple[Coordinate, ...] = ()


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
    unfinished: str = "leave"
    """``leave`` | ``close``: what becomes of a run without a stop document, its RunEngine dead."""


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
class RootRepair:
    """A repair of file paths: `prefix`, as whole steps of a path, becomes something else."""

    name: str
    prefix: str
    becomes: OfStart[str]
    at: str
    until: str | None = None


@dataclass(frozen=True, slots=True)
class ResourceRepair:
    """What is said of the resources that match.

    Parameters
    ----------
    matches
        Resources are seen in one form, whatever their age: see `tiledmap.runtime.upgrade`.
    kwargs
        JSON Schema, ``{"properties": …, "required": …}``, of the ``resource_kwargs`` that
        `parameters` uses.
    parameters
        A value that depends on a file's number is a function of it: ``template`` may be one.
    """

    name: str
    matches: OfResource[bool]
    parameters: OfResource[dict[str, Any]]
    at: str
    mimetype: str | None = None
    join: str | None = None
    chunks: tuple[int, ...] | None = None
    kwargs: Mapping[str, Any] | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class DatumRepair:
    """What is said of the datums that match; as `ResourceRepair`."""

    name: str
    matches: OfDatum[bool]
    parameters: OfDatum[dict[str, Any]]
    at: str
    kwargs: Mapping[str, Any] | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Repairs:
    """What is put right before anything is stored, in order."""

    start: tuple[DocumentRepair, ...] = ()
    descriptor: tuple[DocumentRepair, ...] = ()
    stop: tuple[DocumentRepair, ...] = ()
    data_keys: tuple[DataKeyRepair, ...] = ()
    roots: tuple[RootRepair, ...] = ()
    unmapped: str = "pass"
    """``pass`` | ``error``: what to do with a path that no repair of roots fits."""
    resources: tuple[ResourceRepair, ...] = ()
    datums: tuple[DatumRepair, ...] = ()


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A file beside a stream resource's own: an asset for a parameter of the adapter."""

    parameter: str
    uri: OfResource[str]


@dataclass(frozen=True, slots=True)
class AssetRule:
    """How the files of a stream resource become one array.

    Parameters
    ----------
    consolidator
        A subclass of `tiledmap.runtime.consolidators.Consolidator`.
    needs
        Parameters that must be there.
    join, chunks, parameters
        What holds where neither documents nor repairs say anything else.
    asset_parameter
        The adapter's parameter that takes the files; the consolidator's own if None.
    structure_from
        ``documents`` | ``file``.
    """

    name: str
    consolidator: type[Any]
    at: str
    needs: tuple[str, ...] = ()
    join: str | None = None
    chunks: tuple[int, ...] | None = None
    parameters: OfResource[dict[str, Any]] | None = None
    asset_parameter: str | None = None
    sidecars: tuple[Sidecar, ...] = ()
    structure_from: str = "documents"


@dataclass(frozen=True, slots=True)
class Refused:
    """A rule's decision that files cannot be stored, and why."""

    reason: str
    at: str


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
    select_asset: OfResource[AssetRule | Refused] | None = None
    """Of (start, stream_resource); None where the mapping has no rules of assets."""
    hooks: tuple[Hook, ...] = ()
