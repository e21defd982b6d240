"""What a mapping says: the model of the language, one class for each kind of statement.

The published JSON schema is generated from these classes, and `language.parse` reads YAML by their
annotations, so a keyword exists exactly where it has a field here. Fields that a resolved mapping
must have are optional here wherever a child may leave them to its parent; `language.extends`
checks them after the merge.
"""

import datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from tiledmap.language.scalars import (
    Expression,
    Free,
    Length,
    Name,
    Patterns,
    Reason,
    Reference,
    Requirement,
    Semver,
    Text,
)
from tiledmap.problems import NOWHERE, Span


class Node(BaseModel):
    """A statement of a mapping that knows where it stands."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    _span: Span = PrivateAttr(default=NOWHERE)
    _keys: dict[str, Span] = PrivateAttr(default_factory=dict)
    _values: dict[str, Span] = PrivateAttr(default_factory=dict)

    def located(self, span: Span, keys: dict[str, Span], values: dict[str, Span]) -> Self:
        """Record where this statement, its keys and its values stand. For the parser."""
        self._span, self._keys, self._values = span, keys, values
        return self

    def at(self, field: str | None = None) -> Span:
        """Where the statement, or the value of one of its fields, stands."""
        if field is None:
            return self._span
        return self._values.get(field, self._span)

    def key_at(self, field: str) -> Span:
        """Where the key of a field stands."""
        return self._keys.get(field, self._span)

    @property
    def given(self) -> frozenset[str]:
        """The fields that were written, as opposed to left at their defaults."""
        return frozenset(self.model_fields_set)


T = TypeVar("T")


class Items(Node, Generic[T]):
    """A list, or what to put before and after the inherited one.

    ``specs: [a, b]`` replaces; ``specs: {prepend: [a], append: [b]}`` adds.
    """

    items: tuple[T, ...] | None = Field(
        None, description="The list itself; replaces.", json_schema_extra={"inlined": True}
    )
    prepend: tuple[T, ...] = Field((), description="Put before the inherited items.")
    append: tuple[T, ...] = Field((), description="Put after the inherited items.")


class ScalarType(StrEnum):
    """The type of a setting's value."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


class ColumnType(StrEnum):
    """The Arrow type of a table's column."""

    BOOL = "bool"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    STRING = "string"


class Store(StrEnum):
    """How the values of a data key are stored."""

    TABLE = "table"
    ARRAY = "array"
    RAGGED = "ragged"
    FILES = "files"


class Join(StrEnum):
    """How files or datums become one array."""

    STACK = "stack"
    CONCAT = "concat"


class StructureFrom(StrEnum):
    """What says which shape and type the values of files have."""

    DOCUMENTS = "documents"
    FILE = "file"


class OnCollision(StrEnum):
    """What to do when the run's node exists already and belongs to another run."""

    RESUME = "resume"
    SUFFIX_UID = "suffix_uid"
    REFUSE = "refuse"


class Untagged(StrEnum):
    """What to do with a run for which no access tag could be made."""

    STORE = "store"
    REFUSE = "refuse"


class Unfinished(StrEnum):
    """What becomes of a run without a stop document whose RunEngine has died."""

    LEAVE = "leave"
    CLOSE = "close"


class Profile(StrEnum):
    """Whose clients must be able to read what is written."""

    BLUESKY_V3 = "bluesky-v3"
    FREE = "free"


# ---------------------------------------------------------------- what comes in


class Requires(Node):
    """Versions without which this mapping cannot be used; checked before anything else."""

    tiledmap: Requirement | None = Field(None, description="Range of tiledmap's own version.")
    event_model: Requirement | None = Field(None, description="Range of event-model's version.")


class DocumentAdditions(Node):
    """What a site's documents hold beyond event-model's schema, as JSON Schema."""

    properties: dict[str, Any] = Field(
        default_factory=dict,
        description="JSON Schema of each added field. An undeclared field is an error.",
    )
    required: tuple[str, ...] = Field(
        (), description="Fields that every such document has; a run without them is refused."
    )


class Source(Node):
    """What comes in: event-model's documents, and what this site adds to the open ones."""

    event_model: Requirement | None = Field(
        None, description="Range of event-model versions that wrote the documents."
    )
    start: DocumentAdditions | None = Field(None, description="Added to the run start document.")
    descriptor: DocumentAdditions | None = Field(None, description="Added to event descriptors.")
    stop: DocumentAdditions | None = Field(None, description="Added to the run stop document.")


class Setting(Node):
    """A named value that overlays, ``--set`` and ``TILEDMAP_SET_NAME`` can change."""

    type: ScalarType | None = Field(None, description="The type of the value.")
    default: Free | None = Field(None, description="The value unless something else is set.")
    help: str | None = Field(None, description="What it does, for people.")
    choices: tuple[str, ...] = Field((), description="The only values allowed, if given.")
    minimum: float | None = Field(None, description="Smallest number allowed.")
    maximum: float | None = Field(None, description="Largest number allowed.")


# ---------------------------------------------------------------- how it is put right


class Rule(Node):
    """Something with a name: the key for extends, diff, coverage, docs and run-time errors."""

    name: Name = Field(description="The rule's identity.")
    remove: Reason | None = Field(
        None, description="Remove the inherited rule of this name; says why."
    )


class DataKeyMatch(Node):
    """Which data keys; every field given must fit."""

    name: Patterns | None = Field(None, description="The data key's name; equality or glob.")
    dtype: Patterns | None = Field(
        None, description="event-model's dtype: string, number, array, boolean, integer."
    )
    dtype_numpy: Patterns | None = Field(
        None, description="numpy's dtype, as ``int32`` or ``<i4``."
    )
    shape: Patterns | None = Field(
        None, description="``ragged`` (a length is unknown), ``scalar`` or ``fixed``."
    )
    external: Patterns | None = Field(
        None, description="``present`` or ``absent``, or a text to equal."
    )
    source: Patterns | None = Field(
        None, description="Where the value comes from, as the device says."
    )
    units: Patterns | None = Field(None, description="The units; equality or glob.")
    object_name: Patterns | None = Field(None, description="The device that the key belongs to.")


class RepairedDataKeyMatch(DataKeyMatch):
    """Which data keys of which streams."""

    stream: Patterns | None = Field(None, description="The descriptor's name; equality or glob.")


class StoredDataKeyMatch(DataKeyMatch):
    """Which data keys, also by how they are stored."""

    stored: Patterns | None = Field(
        None, description="How the data rule stores them: table, array, ragged, files."
    )


class StreamMatch(Node):
    """Which streams."""

    name: Patterns | None = Field(None, description="The descriptor's name; equality or glob.")


class ResourceMatch(Node):
    """Which Resource documents."""

    spec: Patterns | None = Field(
        None, description="The resource's spec; equality or glob, without regard to case."
    )
    mimetype: Patterns | None = Field(None, description="A stream resource's mimetype.")
    root: Patterns | None = Field(None, description="The resource's root; equality or glob.")


class DatumMatch(Node):
    """Which Datum documents, by the Resource they belong to."""

    spec: Patterns | None = Field(
        None, description="The spec of the datum's resource, without regard to case."
    )


class AssetMatch(Node):
    """Which stream resources."""

    mimetype: Patterns | None = Field(None, description="The mimetype; equality or glob.")
    data_key: Patterns | None = Field(None, description="The data key; equality or glob.")


class Repair(Rule):
    """What all repairs share. Every matching repair applies, from top to bottom."""

    when: Expression | None = Field(None, description="Apply only where this is true.")
    reason: Reason | None = Field(None, description="Why the documents need it.")
    until: datetime.date | None = Field(
        None, description="Last day on which it applies, by the run's time."
    )
    over: Name | None = Field(
        None,
        description="The repair after which this one is applied, and which it overrides where "
        "both set the same field.",
    )


class RootRepair(Rule):
    """Rewrite the beginning of file paths."""

    prefix: str | None = Field(None, description="Whole path steps to look for.")
    becomes: Text | None = Field(None, description="What to put in their place.")
    until: datetime.date | None = Field(None, description="Last day on which it applies.")
    reason: Reason | None = Field(None, description="Why the paths need it.")


class ResourceRepair(Repair):
    """Say what a Resource's spec means."""

    match: ResourceMatch | None = Field(None, description="Which resources; all if not given.")
    mimetype: str | None = Field(None, description="The mimetype that the spec stands for.")
    kwargs: dict[str, Any] = Field(
        default_factory=dict,
        description="JSON Schema of the resource_kwargs that are used; checked on arrival. One "
        "whose type may be ``null`` may be absent.",
    )
    join: Join | None = Field(
        None,
        description="stack adds a dimension, concat does not; "
        "as the consolidator does if not given.",
    )
    chunks: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None, description="Shape of a chunk, in elements."
    )
    parameters: dict[str, Free] = Field(
        default_factory=dict, description="Parameters for the consolidator and the adapter."
    )


class DatumRepair(Repair):
    """Say what a Datum's kwargs mean."""

    match: DatumMatch | None = Field(None, description="Which datums; all if not given.")
    kwargs: dict[str, Any] = Field(
        default_factory=dict,
        description="JSON Schema of the datum_kwargs that are used; checked on arrival. One "
        "whose type may be ``null`` may be absent.",
    )
    parameters: dict[str, Free] = Field(
        default_factory=dict, description="Parameters for the consolidator and the adapter."
    )


class ShapeRepair(Node):
    """Put a data key's shape right; what is given happens in the order of this list."""

    lengths: tuple[Length, ...] | None = Field(
        None, description="The whole shape; ``null`` for a length that is not known before."
    )
    squeeze: bool = Field(False, description="Take out every dimension of length 1.")
    clamp: int | None = Field(None, ge=0, description="No length is smaller than this.")
    pad_left: int | None = Field(
        None, ge=1, description="Put lengths of 1 before the others, up to so many dimensions."
    )


class DataKeyRepair(Repair):
    """Put a data key right."""

    match: RepairedDataKeyMatch | None = Field(
        None, description="Which data keys; all if not given."
    )
    dtype: str | None = Field(
        None, description="numpy's dtype of its values, as ``int32`` or ``<i4``."
    )
    shape: ShapeRepair | None = Field(None, description="The shape of its values.")
    dims: tuple[str, ...] | None = Field(None, description="The names of its own dimensions.")
    units: Text | None = Field(None, description="The units of its values.")
    set: dict[str, Free] = Field(
        default_factory=dict, description="Other fields of the data key and their right values."
    )
    rename: Text | None = Field(None, description="The data key's new name.")
    drop: Reason | None = Field(None, description="Do not store this data key; says why.")


class DocumentRepair(Repair):
    """Put a start, descriptor or stop document right."""

    set: dict[str, Free] = Field(default_factory=dict, description="Fields to set.")
    rename: dict[str, str] = Field(
        default_factory=dict, description="Fields to rename: old name to new."
    )
    without: dict[str, Reason] = Field(
        default_factory=dict, description="Fields to take out, each with the reason."
    )


class Unmapped(StrEnum):
    """What to do with a path that no root repair fits; `pass` if not given."""

    PASS = "pass"
    ERROR = "error"


class Repairs(Node):
    """How documents are put right before they are stored."""

    unmapped: Unmapped | None = Field(
        None, description="What to do with a path that no root repair fits; `pass` if not given."
    )
    roots: tuple[RootRepair, ...] = Field((), description="File paths.")
    resources: tuple[ResourceRepair, ...] = Field((), description="Legacy Resource documents.")
    datums: tuple[DatumRepair, ...] = Field((), description="Legacy Datum documents.")
    data_keys: tuple[DataKeyRepair, ...] = Field((), description="Data keys of descriptors.")
    start: tuple[DocumentRepair, ...] = Field((), description="Run start documents.")
    descriptor: tuple[DocumentRepair, ...] = Field((), description="Event descriptors.")
    stop: tuple[DocumentRepair, ...] = Field((), description="Run stop documents.")


# ---------------------------------------------------------------- where it goes


class SpecItem(Node):
    """A spec of a node."""

    spec: Text = Field(description="``Name`` or ``Name/version``.")
    when: Expression | None = Field(None, description="Only where this is true.")
    each: Expression | None = Field(None, description="Once for each item of this list.")
    as_: Name | None = Field(None, alias="as", description="The item's name inside this entry.")


class TagItem(Node):
    """An access tag."""

    tag: Text = Field(description="The tag.")
    when: Expression | None = Field(None, description="Only where this is true.")
    each: Expression | None = Field(None, description="Once for each item of this list.")
    as_: Name | None = Field(None, alias="as", description="The item's name inside this entry.")


class CopiedDocument(StrEnum):
    """What can be copied into metadata as a whole."""

    START = "start"
    STOP = "stop"
    DESCRIPTOR = "descriptor"
    DATA_KEY = "data_key"
    DATA_KEYS = "data_keys"


class Metadata(Node):
    """Metadata of a node: a document copied, values of its own, or both.

    Every key other than ``copy``, ``without``, ``only`` and ``updates`` is an entry: more
    metadata where it has a ``copy`` somewhere inside, a value otherwise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    copy_: CopiedDocument | None = Field(
        None, alias="copy", description="The document to copy here."
    )
    without: dict[str, Reason] = Field(
        default_factory=dict, description="Fields left out of the copy, each with the reason."
    )
    only: dict[str, Reason] = Field(
        default_factory=dict,
        description="The only fields copied; each says why the rest may go.",
    )
    updates: str | None = Field(
        None, description="Key of a list that receives what later descriptors change."
    )
    entries: dict[str, "Metadata | Free"] = Field(
        default_factory=dict, description="Values, by key.", json_schema_extra={"inlined": True}
    )


class Events(Node):
    """What of an event is stored beside the data."""

    without: dict[str, Reason] = Field(
        default_factory=dict, description="Fields not stored, each with the reason."
    )


class Run(Node):
    """The node of a run."""

    parent: tuple[Text, ...] | None = Field(None, description="Path of the container above.")
    key: Text | None = Field(None, description="The run node's key.")
    on_collision: OnCollision | None = Field(
        None,
        description="When a node of this key exists and belongs to another run; "
        "`resume` if not given.",
    )
    specs: Items[SpecItem] | None = Field(None, description="Specs, most specific first.")
    access_tags: Items[TagItem] | None = Field(
        None, description="Access tags of the run and of every node below it."
    )
    untagged: Untagged | None = Field(
        None, description="What to do with a run that gets no access tag; `store` if not given."
    )
    fallback_tags: tuple[str, ...] | None = Field(
        None, description="Tags of a run that gets no other."
    )
    unfinished: Unfinished | None = Field(
        None,
        description="What becomes of a run without a stop document whose RunEngine has died; "
        "``leave`` if not given.",
    )
    metadata: Metadata | None = Field(None, description="The run node's metadata.")


class DataRule(Rule):
    """Where a data key goes. The first rule that fits takes it."""

    match: DataKeyMatch | None = Field(None, description="Which data keys; all if not given.")
    when: Expression | None = Field(None, description="Only where this is true.")
    drop: Reason | None = Field(None, description="Store nothing of it; says why.")
    store: Store | None = Field(None, description="How its values are stored.")
    table: Name | None = Field(None, description="``store: table``: the name of the table rule.")
    parent: tuple[Text, ...] = Field((), description="Containers between the stream and the node.")
    key: Text | None = Field(None, description="The node's key; not for ``store: table``.")
    dims: tuple[str, ...] | None = Field(
        None, description="Names of the dimensions; ``...`` stands for the data key's own."
    )
    specs: Items[SpecItem] | None = Field(None, description="Specs of the node.")
    metadata: Metadata | None = Field(None, description="Metadata of the node.")


class Column(Node):
    """A column of a table, or one for each data key."""

    column: Text = Field(description="The column's name.")
    keys: StoredDataKeyMatch | None = Field(
        None, description="One column for each of these data keys; a single column if not given."
    )
    type: ColumnType | None = Field(
        None, description="Arrow type; the data key's own if not given."
    )
    from_: Expression = Field(
        alias="from",
        description="``value``, ``timestamp``, a field of the event, or an expression.",
    )


class TableRule(Rule):
    """A table of a stream."""

    parent: tuple[Text, ...] = Field((), description="Containers between the stream and the table.")
    key: Text | None = Field(None, description="The table node's key.")
    order: str | None = Field(None, description="The column by which readers sort.")
    max_columns: Text | None = Field(
        None, description="More columns than this are split into parts of the table."
    )
    specs: Items[SpecItem] | None = Field(None, description="Specs of the node.")
    metadata: Metadata | None = Field(None, description="Metadata of the node.")
    columns: Items[Column] | None = Field(None, description="The columns, in order.")


class CoordinateRule(Rule):
    """An array that a stream has once, such as energies of bins. All that apply are made."""

    when: Expression | None = Field(None, description="Only where this is true.")
    parent: tuple[Text, ...] = Field((), description="Containers between the stream and the node.")
    key: Text | None = Field(None, description="The node's key.")
    from_: Expression | None = Field(
        None,
        alias="from",
        description="The values: a list, such as one of ``descriptor.configuration``.",
    )
    type: str | None = Field(None, description="numpy's dtype; that of the values if not given.")
    dims: tuple[str, ...] | None = Field(None, description="Names of the dimensions.")
    specs: Items[SpecItem] | None = Field(None, description="Specs of the node.")
    metadata: Metadata | None = Field(None, description="Metadata of the node.")


class StreamRule(Rule):
    """Where a stream goes. The first rule that fits takes it."""

    match: StreamMatch | None = Field(None, description="Which streams; all if not given.")
    when: Expression | None = Field(None, description="Only where this is true.")
    drop: Reason | None = Field(None, description="Store nothing of these streams; says why.")
    parent: tuple[Text, ...] | None = Field(
        None, description="Containers between the run and the stream."
    )
    key: Text | None = Field(None, description="The stream node's key.")
    specs: Items[SpecItem] | None = Field(None, description="Specs, most specific first.")
    metadata: Metadata | None = Field(None, description="The stream node's metadata.")
    events: Events | None = Field(None, description="What of an event is stored.")
    data: tuple[DataRule, ...] = Field((), description="Where each data key goes.")
    tables: tuple[TableRule, ...] = Field((), description="The tables of the stream.")
    coordinates: tuple[CoordinateRule, ...] = Field(
        (), description="Arrays that the stream has once, beside what its events bring."
    )


class Sidecar(Node):
    """A file beside the one that a stream resource names."""

    parameter: str = Field(description="The adapter's parameter that takes it.")
    uri: Text = Field(description="Where it is.")


class AssetRule(Rule):
    """How files become one array. The first rule that fits takes them."""

    match: AssetMatch | None = Field(None, description="Which stream resources; all if not given.")
    when: Expression | None = Field(None, description="Only where this is true.")
    refuse: Text | None = Field(None, description="Say this and store nothing of such files.")
    consolidator: str | None = Field(
        None, description="hdf5, tiff, jpeg, npy, csv, bytes, zarr, or package.module:Class."
    )
    needs: tuple[str, ...] = Field((), description="Parameters that must be there.")
    join: Join | None = Field(
        None,
        description="stack adds a dimension, concat does not; "
        "as the consolidator does if not given.",
    )
    chunks: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None, description="Shape of a chunk, in elements."
    )
    parameters: dict[str, Free] = Field(
        default_factory=dict, description="Parameters for the consolidator and the adapter."
    )
    asset_parameter: str | None = Field(
        None, description="The adapter's parameter that takes the files."
    )
    sidecars: tuple[Sidecar, ...] = Field((), description="Other files that the adapter is given.")
    structure_from: StructureFrom | None = Field(
        None, description="What says the shape and type of the values; documents if not given."
    )


class Moved(Node):
    """A declared change of path, for diff and for readers."""

    was: str = Field(description="Path below the run, before.")
    now: str = Field(description="Path below the run, now.")
    since: Semver = Field(description="The mapping's version that moved it.")


class HookedDocument(StrEnum):
    """Documents that a hook can rewrite."""

    START = "start"
    DESCRIPTOR = "descriptor"
    EVENT = "event"
    EVENT_PAGE = "event_page"
    RESOURCE = "resource"
    DATUM = "datum"
    STREAM_RESOURCE = "stream_resource"
    STREAM_DATUM = "stream_datum"
    STOP = "stop"


class Hook(Node):
    """A Python function for what no rule can say: takes a document, gives one back."""

    document: HookedDocument | None = Field(None, description="The documents that it is given.")
    function: Reference | None = Field(None, description="``package.module:function``.")
    help: str | None = Field(None, description="What it does, for people.")


class Mapping(Node):
    """A mapping: how Bluesky documents become Tiled nodes."""

    tiledmap: Literal[1] = Field(description="The version of this language.")
    name: Name = Field(description="The mapping's name; others extend it by this.")
    version: Semver = Field(description="The mapping's own version.")
    requires: Requires | None = Field(None, description="Versions that it needs.")
    title: str | None = Field(None, description="One line for lists.")
    description: str | None = Field(None, description="What it is for.")
    profile: Profile | None = Field(
        None, description="Whose clients must be able to read what is written."
    )
    extends: str | None = Field(
        None, description="``name@^3``, ``./file.yaml`` or ``package:resource``."
    )
    source: Source | None = Field(None, description="What comes in.")
    settings: dict[Name, Setting] = Field(
        default_factory=dict, description="Values that overlays and ``--set`` can change."
    )
    repair: Repairs | None = Field(None, description="How documents are put right.")
    run: Run | None = Field(None, description="The node of a run.")
    streams: tuple[StreamRule, ...] = Field((), description="Where each stream goes.")
    assets: tuple[AssetRule, ...] = Field((), description="How files become arrays.")
    moved: tuple[Moved, ...] = Field((), description="Declared changes of path.")
    hooks: dict[Name, Hook] = Field(
        default_factory=dict, description="Python functions for what no rule can say."
    )


LANGUAGE_VERSION = 1
