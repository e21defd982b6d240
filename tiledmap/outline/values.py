"""A mapping's outline, as values: nodes that can be, what each holds, and where that comes from.

A plan says what happens to each document, in order. An outline says the same about each place in
the tree, so that it can be drawn, searched, explained and compared. Names that are known only when
documents come stand in it as the mapping writes them: ``${{ data_key.name }}``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tiledmap.check.coverage import OTHER, Coverage
from tiledmap.language.load import Link as Ancestor
from tiledmap.problems import Span

ANY_KEY = "*"
"""Stands in a field's path for every key of a mapping, such as each data key, for every item of a
list, and right below a document for the fields that nobody declared."""

_DEEP = len(("data_keys", ANY_KEY, "units"))
"""Steps down to a field of a data key."""

AS_ONE = {
    "event_page": "event",
    "bulk_events": "event",
    "datum_page": "datum",
    "bulk_datum": "datum",
}
"""Documents that hold many others: their fields go where the fields of those go."""


class Family(StrEnum):
    """What kind of node; ``FILES`` are what a consolidator makes of them."""

    CONTAINER = "container"
    TABLE = "table"
    ARRAY = "array"
    RAGGED = "ragged"
    FILES = "files"


class Part(StrEnum):
    """What of a node a document's field has to do with."""

    PATH = "path"
    SPEC = "spec"
    ACCESS_TAG = "access tag"
    METADATA = "metadata"
    COLUMN = "column"
    VALUES = "values"
    CONDITION = "condition"
    DIMS = "dims"
    FILES = "files"


@dataclass(frozen=True, slots=True)
class FieldPath:
    """A field of a document type, such as ``descriptor.data_keys.*.units``.

    Parameters
    ----------
    document
        event-model's name of the document type.
    steps
        Keys down to the field; `ANY_KEY` for those that only documents know. None for the document
        itself.
    """

    document: str
    steps: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join((self.document, *self.steps))

    @classmethod
    def parse(cls, text: str) -> "FieldPath":
        """Read ``descriptor.data_keys.*.units``."""
        document, *steps = text.split(".")
        return cls(document, tuple(steps))

    def below(self, *steps: str) -> "FieldPath":
        """Return the path of something inside the field."""
        return FieldPath(self.document, (*self.steps, *steps))

    @property
    def single(self) -> "FieldPath":
        """The same field of a single document, where this is one of a page of them."""
        return FieldPath(AS_ONE.get(self.document, self.document), self.steps)

    @property
    def undeclared(self) -> bool:
        """Whether it stands for all fields of a document, or a data key, that nobody declared."""
        return self.steps[-1:] == (OTHER,) and self.steps[:-1] in ((), ("data_keys", ANY_KEY))

    def covers(self, other: "FieldPath") -> bool:
        """Whether the other is this field, or inside it."""
        if self.document != other.document or len(self.steps) > len(other.steps):
            return False
        pairs = zip(self.steps, other.steps, strict=False)
        return all(mine in (ANY_KEY, theirs) or theirs == ANY_KEY for mine, theirs in pairs)


@dataclass(frozen=True, slots=True)
class Link:
    """A way from a field into a node.

    Parameters
    ----------
    field
        Where the value comes from, after repairs.
    node
        The `OutlineNode.id`.
    part, name
        What of the node: the metadata's key, the column's name, the spec's text.
    whole
        True where the value itself is kept; False where something is made of it or decided by it.
    at
        Where the mapping says so.
    """

    field: FieldPath
    node: str
    part: Part
    name: str
    whole: bool
    at: Span


@dataclass(frozen=True, slots=True)
class Entry:
    """A spec or an access tag: its text, and when it is there."""

    text: str
    condition: str
    at: Span


@dataclass(frozen=True, slots=True)
class MetadataEntry:
    """A key of a node's metadata.

    Parameters
    ----------
    key
        Keys from the top of the metadata down, joined by dots; ``start.*`` for the fields of a
        copied document that nobody declared.
    type
        What the value can be, in words.
    text
        As the mapping writes it; ``a copy of start`` where a document is copied.
    description
        event-model's, or the mapping's own of a declared field.
    required
        Whether it is always there.
    fields
        Where it comes from; empty for a constant.
    copied
        Whether it comes with a copy of a whole document or data key.
    """

    key: str
    type: str
    text: str
    description: str
    required: bool
    fields: tuple[FieldPath, ...]
    at: Span
    copied: bool = False


@dataclass(frozen=True, slots=True)
class OutlineColumn:
    """A column of a table, or one for each of some data keys.

    Parameters
    ----------
    name
        As the mapping writes it.
    type
        Arrow's; ``as the data key says`` where documents decide.
    units
        Where they can be read; empty for a column that has none.
    keys
        Which data keys it stands for, in words; empty for a single column.
    text
        Where its values come from, as the mapping writes it.
    globs
        The name fits one of these.
    """

    name: str
    type: str
    units: str
    keys: str
    text: str
    fields: tuple[FieldPath, ...]
    at: Span
    globs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutlineAsset:
    """How files become an array: an asset rule that a node of files can meet."""

    rule: str
    condition: str
    consolidator: str
    refuse: str
    join: str
    chunks: tuple[int, ...] | None
    needs: tuple[str, ...]
    parameters: Mapping[str, Any]
    at: Span
    asset_parameter: str = ""
    sidecars: Mapping[str, str] = field(default_factory=dict)
    structure_from: str = ""


@dataclass(frozen=True, slots=True)
class Taking:
    """A data rule whose data keys a table takes: which they are, in words."""

    rule: str
    condition: str
    at: Span


@dataclass(frozen=True, slots=True)
class OutlineNode:
    """A node that the mapping makes, once for each thing that its rule takes.

    Parameters
    ----------
    id
        Stable: the rule's dotted name, such as ``streams.every-stream.data.files``; for a container
        that a ``parent`` asks for, that of the rule and the container's place, ``run.parent.0``.
    rule
        The dotted name of the rule that makes it.
    path
        Keys from the top of the catalog, this node's own last, as the mapping writes them.
    condition
        Which documents or data keys make it, in words; empty for all.
    purpose
        What it is for, in a sentence.
    not_stored
        Fields of the documents it is made of that are left out, and why.
    source
        The lines of YAML that say it: the file as spans name it, and the first and last line.
    type
        Of an array: ``as the data key says``, or numpy's name of its dtype.
    values
        Where an array's values come from, as the mapping writes it; empty for those of a data key.
    takes
        The data rules whose data keys a table takes.
    globs
        The key fits one of these, whatever documents come.
    """

    id: str
    rule: str
    path: tuple[str, ...]
    family: Family
    condition: str
    purpose: str
    at: Span
    specs: tuple[Entry, ...] = ()
    access_tags: tuple[Entry, ...] = ()
    metadata: tuple[MetadataEntry, ...] = ()
    columns: tuple[OutlineColumn, ...] = ()
    order: str = ""
    dims: tuple[str, ...] = ()
    assets: tuple[OutlineAsset, ...] = ()
    not_stored: Mapping[str, str] = field(default_factory=dict)
    source: Span | None = None
    children: tuple["OutlineNode", ...] = ()
    type: str = ""
    values: str = ""
    takes: tuple[Taking, ...] = ()
    globs: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.path[-1]

    def walk(self) -> Iterator["OutlineNode"]:
        """Yield the node and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Dropped:
    """Streams, data keys or files that a rule takes and does not store.

    Parameters
    ----------
    fields
        Which the condition looks at.
    globs
        The names of what is taken fit one of these; empty for all.
    """

    rule: str
    what: str
    condition: str
    reason: str
    at: Span
    fields: tuple[FieldPath, ...] = ()
    globs: tuple[str, ...] = ()


class EffectKind(StrEnum):
    """What a repair does to a field."""

    SETS = "sets"
    RENAMES = "renames"
    REMOVES = "removes"
    REFUSES = "refuses"
    DEMANDS = "demands"


@dataclass(frozen=True, slots=True)
class Effect:
    """One of the things that a repair does.

    Parameters
    ----------
    fields
        What it changes; empty where it only looks.
    words
        The same for people, in a sentence or so.
    """

    kind: EffectKind
    fields: tuple[FieldPath, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Repair:
    """How documents are put right before they are stored.

    Parameters
    ----------
    rule
        Its dotted name, such as ``repair.roots.old-mount``.
    until
        The last day on which it applies, as ISO date; empty for ever.
    reads
        What it looks at: in its condition, and to say what a field becomes.
    """

    rule: str
    condition: str
    effects: tuple[Effect, ...]
    reason: str
    until: str
    at: Span
    reads: tuple[FieldPath, ...] = ()

    @property
    def does(self) -> tuple[str, ...]:
        """What it does, in words."""
        return tuple(effect.words for effect in self.effects)

    @property
    def fields(self) -> tuple[FieldPath, ...]:
        """What it changes."""
        return tuple(dict.fromkeys(field for effect in self.effects for field in effect.fields))


@dataclass(frozen=True, slots=True)
class OutlineSetting:
    """A setting and its value here."""

    name: str
    type: str
    value: Any
    default: Any
    help: str
    at: Span
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A declared change of path, below the run."""

    was: str
    now: str
    since: str
    at: Span


@dataclass(frozen=True, slots=True)
class Outline:
    """Everything that a mapping makes.

    Parameters
    ----------
    chain
        The mapping itself, then what it extends.
    top
        The containers above the run, or the run itself.
    links
        Every way from a field into a node.
    coverage
        Every field of every document type with its destination or the reason that it has none.
    requires
        Ranges of versions, by what they are of: ``tiledmap``, ``event_model``, and ``documents``
        for the versions of event-model that wrote them.
    moved
        Changes of path that the mapping declares.
    """

    name: str
    version: str
    title: str
    description: str
    profile: str
    sha256: str
    chain: tuple[Ancestor, ...]
    settings: tuple[OutlineSetting, ...]
    repairs: tuple[Repair, ...]
    hooks: tuple[Repair, ...]
    top: tuple[OutlineNode, ...]
    dropped: tuple[Dropped, ...]
    links: tuple[Link, ...]
    coverage: tuple[Coverage, ...]
    requires: Mapping[str, str] = field(default_factory=dict)
    moved: tuple[Move, ...] = ()

    def walk(self) -> Iterator[OutlineNode]:
        """Yield every node, parents first."""
        for node in self.top:
            yield from node.walk()

    def node(self, id: str) -> OutlineNode:
        """Return the node of an id.

        Raises
        ------
        KeyError
            If there is none.
        """
        for node in self.walk():
            if node.id == id:
                return node
        raise KeyError(id)

    def links_into(self, id: str) -> tuple[Link, ...]:
        """What a node is made of."""
        return tuple(link for link in self.links if link.node == id)

    def links_of(self, path: FieldPath) -> tuple[Link, ...]:
        """Where a field goes: what is said of it, of what holds it, and of what it holds."""
        path = path.single
        declared = {FieldPath(row.document, (row.field,)) for row in self.coverage}
        declared |= {link.field for link in self.links if len(link.field.steps) == _DEEP}

        def is_declared(field: FieldPath, depth: int) -> bool:
            steps = field.steps[:depth]
            return any(
                each.steps == steps or (depth == _DEEP and each.steps[::2] == steps[::2])
                for each in declared
                if each.document == field.document and not each.undeclared
            )

        def concerns(link: Link) -> bool:
            if not (link.field.covers(path) or path.covers(link.field)):
                return False
            if link.field.undeclared and len(path.steps) >= len(link.field.steps):
                return path.undeclared or not is_declared(path, len(link.field.steps))
            return not (path.undeclared and is_declared(link.field, len(path.steps)))

        return tuple(link for link in self.links if concerns(link))
