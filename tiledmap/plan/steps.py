"""What will happen, as values: a checked mapping with nothing left to look up.

A plan is what `tiledmap show --plan` prints, what the code generator writes as Python and what the
reference interpreter runs. Its expressions are the mapping's own trees with settings put in; its
matches are plain tests. Every step knows the line of the mapping that it came from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath
from typing import Any, TypeAlias

from tiledmap.language.expressions import Expr
from tiledmap.problems import Span

Parts: TypeAlias = tuple[str | Expr, ...]
"""A text with holes. Exactly one hole keeps its value; otherwise the parts make one string."""


def place(span: Span) -> str:
    """A span as plans and generated modules name it: the file's own name and the line.

    It stands in comments of generated modules, so it never breaks a line.
    """
    name = "".join(letter if letter.isprintable() else "?" for letter in PurePath(span.file).name)
    return f"{name}:{span.line}"


class Relation(StrEnum):
    """How a test compares a field with its values."""

    ONE_OF = "one of"
    LIKE = "like"
    PRESENT = "present"
    ABSENT = "absent"
    SHAPED = "shaped"
    SAME_TEXT = "the same text as"


@dataclass(frozen=True, slots=True)
class FieldTest:
    """One field of a ``match``; `subject` is a document's name, ``data_key`` or ``stored``.

    ``LIKE`` holds where any of the values, as globs, fits, ``SAME_TEXT`` also without regard to
    case; ``SHAPED`` where the data key's shape is any of ``ragged``, ``scalar``, ``fixed``. An
    absent field is like no glob and equals nothing.
    """

    subject: str
    field: str
    relation: Relation
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """All tests of a ``match`` and the ``when``; empty means always."""

    tests: tuple[FieldTest, ...] = ()
    when: Expr | None = None

    @property
    def always(self) -> bool:
        return not self.tests and self.when is None


@dataclass(frozen=True, slots=True)
class Entry:
    """A spec or a tag: its text, made once or `each` time, `when` that is true."""

    text: Parts
    at: str
    when: Expr | None = None
    each: Expr | None = None
    as_: str | None = None


@dataclass(frozen=True, slots=True)
class Values:
    """Metadata given in the mapping: JSON data in which texts are `Parts`."""

    value: Any
    at: str


@dataclass(frozen=True, slots=True)
class Copy:
    """Metadata: a document, all of it or some, and entries beside its fields."""

    document: str | None
    at: str
    without: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, str] = field(default_factory=dict)
    entries: Mapping[str, "Copy | Values"] = field(default_factory=dict)


NOTHING = Copy(None, "")


@dataclass(frozen=True, slots=True)
class RunStep:
    """Make the run's node on start; write its last metadata on stop."""

    path: tuple[Parts, ...]
    specs: tuple[Entry, ...]
    access_tags: tuple[Entry, ...]
    metadata: Copy
    stop_metadata: Copy
    on_collision: str
    untagged: str
    fallback_tags: tuple[str, ...]
    unfinished: str
    at: str


@dataclass(frozen=True, slots=True)
class StoreStep:
    """A data rule: where the values of the data keys that it takes go."""

    name: str
    condition: Condition
    at: str
    drop: str | None = None
    store: str = ""
    path: tuple[Parts, ...] = ()
    table: str = ""
    dims: tuple[str, ...] | None = None
    specs: tuple[Entry, ...] = ()
    metadata: Copy = NOTHING


@dataclass(frozen=True, slots=True)
class ColumnStep:
    """A column, or with `keys` one for each data key that they take.

    `source` is computed for each row; `constants`, which it may name, once for each stream.
    """

    name: Parts
    source: Expr
    at: str
    keys: tuple[FieldTest, ...] | None = None
    type: str | None = None
    constants: Mapping[str, Expr] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableStep:
    """A table rule."""

    name: str
    path: tuple[Parts, ...]
    columns: tuple[ColumnStep, ...]
    at: str
    order: str | None = None
    max_columns: int | None = None
    specs: tuple[Entry, ...] = ()
    metadata: Copy = NOTHING


@dataclass(frozen=True, slots=True)
class CoordinateStep:
    """An array of the stream's own, made `when` that is true."""

    name: str
    path: tuple[Parts, ...]
    value: Expr
    at: str
    when: Expr | None = None
    type: str | None = None
    dims: tuple[str, ...] | None = None
    specs: tuple[Entry, ...] = ()
    metadata: Copy = NOTHING


@dataclass(frozen=True, slots=True)
class StreamStep:
    """A stream rule: make the stream's node and tables, and store its data keys."""

    name: str
    condition: Condition
    at: str
    drop: str | None = None
    path: tuple[Parts, ...] = ()
    specs: tuple[Entry, ...] = ()
    metadata: Copy = NOTHING
    updates: str | None = None
    not_stored: Mapping[str, str] = field(default_factory=dict)
    data: tuple[StoreStep, ...] = ()
    tables: tuple[TableStep, ...] = ()
    coordinates: tuple[CoordinateStep, ...] = ()


@dataclass(frozen=True, slots=True)
class RepairStep:
    """A repair of a whole document: ``start``, ``descriptor`` or ``stop``."""

    name: str
    document: str
    condition: Condition
    at: str
    set: Mapping[str, Values] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    without: Mapping[str, str] = field(default_factory=dict)
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Reshape:
    """What becomes of a shape, in this order."""

    at: str
    lengths: tuple[int | None, ...] | None = None
    squeeze: bool = False
    clamp: int | None = None
    pad_left: int | None = None


@dataclass(frozen=True, slots=True)
class DataKeyRepairStep:
    """A repair of data keys."""

    name: str
    condition: Condition
    at: str
    set: Mapping[str, Values] = field(default_factory=dict)
    shape: Reshape | None = None
    rename: Parts | None = None
    drop: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class RootRepairStep:
    """A repair of the beginnings of paths."""

    name: str
    prefix: str
    becomes: Parts
    at: str
    until: str | None = None


@dataclass(frozen=True, slots=True)
class ResourceRepairStep:
    """A repair of resources. `kwargs` is the JSON Schema that theirs must fit."""

    name: str
    condition: Condition
    at: str
    mimetype: str | None = None
    join: str | None = None
    chunks: tuple[int, ...] | None = None
    parameters: Mapping[str, Values] = field(default_factory=dict)
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    until: str | None = None


@dataclass(frozen=True, slots=True)
class DatumRepairStep:
    """A repair of datums. `kwargs` is the JSON Schema that theirs must fit."""

    name: str
    condition: Condition
    at: str
    parameters: Mapping[str, Values] = field(default_factory=dict)
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    until: str | None = None


@dataclass(frozen=True, slots=True)
class SidecarStep:
    """A file beside a stream resource's own, for a parameter of the adapter."""

    parameter: str
    uri: Parts
    at: str


@dataclass(frozen=True, slots=True)
class AssetStep:
    """How the files of a stream resource become one array, or why they do not."""

    name: str
    condition: Condition
    at: str
    refuse: Parts | None = None
    consolidator: str = ""
    needs: tuple[str, ...] = ()
    join: str | None = None
    chunks: tuple[int, ...] | None = None
    parameters: Mapping[str, Values] = field(default_factory=dict)
    asset_parameter: str | None = None
    sidecars: tuple[SidecarStep, ...] = ()
    structure_from: str = ""


@dataclass(frozen=True, slots=True)
class HookStep:
    """A facility's function."""

    name: str
    document: str
    function: str
    at: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A mapping, ready to be run."""

    name: str
    version: str
    title: str
    sha256: str
    settings: Mapping[str, Any]
    additions: Mapping[str, Mapping[str, Any]]
    hooks: tuple[HookStep, ...]
    document_repairs: tuple[RepairStep, ...]
    data_key_repairs: tuple[DataKeyRepairStep, ...]
    root_repairs: tuple[RootRepairStep, ...]
    unmapped: str
    resource_repairs: tuple[ResourceRepairStep, ...]
    datum_repairs: tuple[DatumRepairStep, ...]
    run: RunStep
    streams: tuple[StreamStep, ...]
    assets: tuple[AssetStep, ...]

    def _repr_html_(self) -> str:
        from tiledmap.plan.text import plan_as_html

        return plan_as_html(self)
