"""Say where a field goes, and where a node comes from."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tiledmap.check.coverage import OTHER, Coverage
from tiledmap.check.globs import is_glob
from tiledmap.check.scopes import types_of_names
from tiledmap.documents.fields import document_type
from tiledmap.documents.schemas import SCHEMA_FILES, document_schema
from tiledmap.documents.types import ANY, Field, Type
from tiledmap.language import nodes
from tiledmap.outline.find import find, steps_of
from tiledmap.outline.globs import meet
from tiledmap.outline.lineage import DATA_KEY
from tiledmap.outline.values import (
    ANY_KEY,
    Dropped,
    FieldPath,
    Link,
    Outline,
    OutlineColumn,
    OutlineNode,
    Part,
    Repair,
)
from tiledmap.plan.steps import place
from tiledmap.problems import Span
from tiledmap.problems.nearest import did_you_mean

_STEP = re.compile(r"""\.?(?:([^.\[\]"']+)|\[\s*(?:"([^"]*)"|'([^']*)'|(\d+|\*))\s*\])""")
_MOST_SUGGESTIONS = 3


class UnexplainedError(Exception):
    """There is no such field or node; `hint` says what is near."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Way:
    """What a field is to a node.

    Parameters
    ----------
    name
        The link's; that of the field itself where a link is one of many fields, or of what holds
        the field.
    everywhere
        Whether the same holds for every node below.
    """

    node: OutlineNode
    link: Link
    name: str
    everywhere: bool = False

    @property
    def words(self) -> str:
        """Say it: ``metadata start.uid``, ``decides what is stored there``."""
        match self.link.part:
            case Part.PATH:
                return "in the node's key"
            case Part.SPEC:
                return f"spec {self.name}"
            case Part.ACCESS_TAG:
                below = " of the node and all below it" if self.everywhere else ""
                return f"access tag {self.name}{below}"
            case Part.METADATA:
                return f"metadata {self.name}" if self.link.whole else f"in metadata {self.name}"
            case Part.COLUMN:
                return f"column {self.name}" if self.link.whole else f"in column {self.name}"
            case Part.VALUES if self.name:
                return f"says the {self.name} of its values"
            case Part.VALUES:
                return "its values" if self.link.whole else "in its values"
            case Part.DIMS:
                return "names its dimensions"
            case Part.FILES:
                return self.name
        by = "" if self.name == self.node.rule else f", by {self.name}"
        return f"decides what is stored there{by}"


@dataclass(frozen=True, slots=True)
class FieldExplained:
    """Where a field of a document type goes.

    Parameters
    ----------
    type, required, description, declared_in
        What is declared of it; `declared_in` is empty where nothing is.
    rows
        The rows of coverage that tell of it, or of what holds it.
    ways
        Into the nodes; those that keep it first.
    changed_by, read_by
        Repairs and hooks.
    near
        A declared field of almost the same name, where this one is not declared.
    """

    path: FieldPath
    type: str
    required: bool
    description: str
    declared_in: str
    rows: tuple[Coverage, ...]
    ways: tuple[Way, ...]
    changed_by: tuple[Repair, ...]
    read_by: tuple[Repair, ...]
    dropped: tuple[Dropped, ...]
    near: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A node that a path can be, or a column of it, and what it is made of."""

    node: OutlineNode
    column: OutlineColumn | None
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class PlaceExplained:
    """Where the node at a path, or a column, comes from.

    Parameters
    ----------
    found
        What it can be: more than one where documents decide.
    dropped
        Rules that may leave it out, instead.
    near
        A key of the mapping's own that is almost the same, where documents give this one.
    """

    path: str
    found: tuple[Place, ...]
    dropped: tuple[Dropped, ...]
    near: str = ""


def explain(mapping: nodes.Mapping, outline: Outline, what: str) -> FieldExplained | PlaceExplained:
    """Explain a field, such as ``descriptor.data_keys.*.units``, or a path, such as ``/primary``.

    Raises
    ------
    UnexplainedError
        If there is no such field, and no such node.
    """
    if "/" in what:
        return explain_place(outline, what)
    return explain_field(mapping, outline, what)


# ---------------------------------------------------------------- fields


def explain_field(mapping: nodes.Mapping, outline: Outline, text: str) -> FieldExplained:
    """Explain where a field goes.

    Raises
    ------
    UnexplainedError
        If no document has such a field.
    """
    path = _read(text, outline)
    declared = _Declared(mapping).look_up(path)
    single = path.single
    rows = tuple(_rows(outline, path))
    repairs = (*outline.hooks, *outline.repairs)
    return FieldExplained(
        path=path,
        type=str(declared.field.type) if declared.field is not None else "object",
        required=declared.field.required if declared.field is not None else True,
        description=declared.field.description if declared.field is not None else "",
        declared_in=declared.within,
        rows=rows,
        ways=tuple(_ways(outline, path)),
        changed_by=tuple(each for each in repairs if _touches(each.fields, single)),
        read_by=tuple(each for each in repairs if _touches(each.reads, single)),
        dropped=tuple(each for each in outline.dropped if _touches(each.fields, single)),
        near=declared.near,
    )


def _read(text: str, outline: Outline) -> FieldPath:
    """Read a path as people write it: data keys and schemas by their own names, too."""
    name, *steps = _split(text)
    if name == "data_key":
        return DATA_KEY.below(*steps)
    by_schema = {schema: document for document, schema in SCHEMA_FILES.items()}
    document = by_schema.get(name, name)
    if document not in SCHEMA_FILES:
        raise _no_document(name, text, outline)
    return FieldPath(document, tuple(steps))


def _split(text: str) -> list[str]:
    steps: list[str] = []
    place = 0
    while place < len(text):
        step = _STEP.match(text, place)
        if step is None:
            raise UnexplainedError(
                f"{text!r} is no path of fields",
                'write one such as  start.sample  or  descriptor.configuration["my device"].data',
            )
        steps.append(next(group for group in step.groups() if group is not None))
        place = step.end()
    if not steps:
        raise UnexplainedError("the field has no name")
    return steps


def _no_document(name: str, text: str, outline: Outline) -> UnexplainedError:
    documents = [*SCHEMA_FILES, "data_key"]
    near = did_you_mean(name, documents)
    alike = [str(path) for path in _fields_named(outline, text.split(".")[-1])]
    if not near and alike:
        near = f"did you mean {', '.join(alike[:_MOST_SUGGESTIONS])}?"
    ways = f"a field begins with one of {', '.join(documents)}; a path in the tree with a slash"
    rules = [
        f"{rule} is a rule, at {place(at)}: 'tiledmap show' tells what it does"
        for rule, at in _rules(outline)
        if text in (rule, rule.rpartition(".")[2])
    ]
    hint = "\n".join(filter(None, (*rules, near, ways)))
    return UnexplainedError(f"there is no document type {name!r}", hint)


def _rules(outline: Outline) -> dict[tuple[str, Span], None]:
    """The rules that the outline names, and where they stand."""
    made = [(node.rule, node.at) for node in outline.walk()]
    said = [(each.rule, each.at) for each in (*outline.repairs, *outline.hooks)]
    read = [(asset.rule, asset.at) for node in outline.walk() for asset in node.assets]
    return dict.fromkeys((*said, *made, *read))


def _fields_named(outline: Outline, name: str) -> Iterator[FieldPath]:
    """Yield the fields of documents that have this name, those of data keys included."""
    found = [FieldPath(row.document, (row.field,)) for row in outline.coverage]
    data_key = document_type("descriptor").properties["data_keys"].type.open
    found += [DATA_KEY.below(field) for field in (data_key.properties if data_key else ())]
    yield from dict.fromkeys(path for path in found if path.steps[-1] == name)


@dataclass(frozen=True, slots=True)
class _Lookup:
    field: Field | None
    within: str
    near: str = ""


class _Declared:
    """What is declared of fields, by event-model and by the mapping."""

    def __init__(self, mapping: nodes.Mapping) -> None:
        self._types = types_of_names(mapping)

    def look_up(self, path: FieldPath) -> _Lookup:
        """Find a field.

        Raises
        ------
        UnexplainedError
            If a document cannot have it.
        """
        type: Type | None = self._types.get(path.document) or document_type(path.document)
        field: Field | None = None
        within, near = "event-model", ""
        for depth, step in enumerate(path.steps):
            assert type is not None
            holder = FieldPath(path.document, path.steps[:depth])
            there = type.properties.get(step)
            if there is not None:
                field, type = there, there.type
                within = there.declared_in if there.declared_in != "event-model" else within
                continue
            if step not in (ANY_KEY, OTHER) and type.properties:
                near = near or did_you_mean(step, type.properties)
            others = _others(path, depth, type)
            if others is None:
                fields = ", ".join(type.properties)
                hint = near or (f"fields: {fields}" if fields else f"it is {type}")
                raise UnexplainedError(f"{holder} has no field {step!r}", hint)
            if holder != FieldPath("descriptor", ("data_keys",)) and "array" not in type.kinds:
                within = ""
            field, type = Field(others), others
        return _Lookup(field, within, near)


def _others(path: FieldPath, depth: int, type: Type) -> Type | None:
    """Return the type of what there is beside declared fields; None where there is nothing."""
    step = path.steps[depth]
    if "array" in type.kinds and (step == ANY_KEY or step.isdecimal()):
        return type.item
    if depth == 0:
        return ANY if "patternProperties" in document_schema(path.document) else None
    return type.others


def _rows(outline: Outline, path: FieldPath) -> Iterator[Coverage]:
    """Yield the rows of coverage that tell of a field, or of the fields of a document."""
    rows = [row for row in outline.coverage if row.document == path.document]
    if not path.steps:
        yield from rows
        return
    own = [row for row in rows if row.field == path.steps[0]]
    told = {row.rule for row in own}
    yield from own
    yield from (row for row in rows if row.field == OTHER and row.rule not in told)


def _ways(outline: Outline, path: FieldPath) -> Iterator[Way]:
    """Yield what a field is to each node, once where the same is said of many."""
    by_id = {node.id: node for node in outline.walk()}
    seen: set[tuple[str, Part, str, bool, Span]] = set()
    links = outline.links_of(path)
    for link in sorted(links, key=lambda link: not link.whole):
        everywhere = link.part is Part.ACCESS_TAG
        node = "run" if everywhere else link.node
        said = (node, link.part, link.name, link.whole, link.at)
        if said not in seen:
            seen.add(said)
            yield Way(by_id[node], link, _name(link, path.single), everywhere)


def _name(link: Link, path: FieldPath) -> str:
    """Return a link's name for a field that it may not speak of alone."""
    depth = len(link.field.steps)
    inside = path.steps[depth:]
    if link.part is not Part.METADATA or not link.whole or len(path.steps) < depth:
        return link.name
    if link.field.undeclared and not path.undeclared:
        return ".".join((link.name.removesuffix(OTHER) + path.steps[depth - 1], *inside))
    return ".".join((link.name, *inside))


def _touches(fields: Iterable[FieldPath], path: FieldPath) -> bool:
    return any(field.covers(path) or path.covers(field) for field in fields)


# ---------------------------------------------------------------- places


def explain_place(outline: Outline, path: str) -> PlaceExplained:
    """Explain where the node or the column at a path comes from.

    Raises
    ------
    UnexplainedError
        If no rule makes such a node.
    """
    steps = steps_of(path)
    found = find(outline, steps)
    dropped = tuple(_left_out(outline, steps))
    if not found and not dropped:
        raise UnexplainedError(f"no rule makes a node at {path}", _nearest(outline, steps))
    places = tuple(
        Place(each.node, each.column, tuple(_links_into(outline, each.node, each.column)))
        for each in found
    )
    return PlaceExplained(path, places, dropped, _misspelt(outline, steps))


def _misspelt(outline: Outline, steps: tuple[str, ...]) -> str:
    """Ask for the mapping's own key that the last step may have been meant to be."""
    if not steps or is_glob(steps[-1]):
        return ""
    keys = [key for key in _keys_below(outline, steps[:-1]) if "${{" not in key]
    return "" if steps[-1] in keys else did_you_mean(steps[-1], keys)


def _links_into(
    outline: Outline, node: OutlineNode, column: OutlineColumn | None
) -> Iterator[Link]:
    """Yield what a node is made of, or one of its columns."""
    for link in outline.links_into(node.id):
        if column is None or (
            link.name == column.name and link.part in (Part.COLUMN, Part.CONDITION)
        ):
            yield link


def _left_out(outline: Outline, steps: tuple[str, ...]) -> Iterator[Dropped]:
    """Yield the rules that leave out what a path names: a stream, or a data key."""
    for dropped in outline.dropped:
        at = {"streams": steps[:1], "data keys": steps[-1:]}.get(dropped.what, ())
        if at and dropped.globs and meet(at[0], dropped.globs):
            yield dropped


def _nearest(outline: Outline, steps: tuple[str, ...]) -> str:
    """Say what there is instead of the first key that does not exist."""
    wrong = next(count for count in range(len(steps)) if not find(outline, steps[: count + 1]))
    for depth in range(wrong, -1, -1):  # a key that documents give may be a misspelt other one
        keys = _keys_below(outline, steps[:depth])
        near = did_you_mean(steps[depth], keys)
        if near and steps[depth] not in keys:
            return near
    where = "/" + "/".join(steps[:wrong])
    keys = _keys_below(outline, steps[:wrong])
    return f"in {where} there are: {', '.join(keys)}" if keys else f"nothing is below {where}"


def _keys_below(outline: Outline, steps: tuple[str, ...]) -> list[str]:
    """List the keys of what is in the nodes at a path, and the names of their columns."""
    keys: dict[str, None] = {}
    for found in find(outline, steps):
        if found.column is not None:
            continue
        keys |= dict.fromkeys(child.key for child in found.node.children)
        keys |= dict.fromkeys(column.name for column in found.node.columns)
    return list(keys)


# ---------------------------------------------------------------- for programs


def as_json(explained: FieldExplained | PlaceExplained) -> dict[str, Any]:
    """Return an explanation as JSON data."""
    if isinstance(explained, FieldExplained):
        return _field_as_json(explained)
    return {
        "path": explained.path,
        "found": [
            {
                "node": found.node.id,
                "path": list(found.node.path),
                "family": found.node.family.value,
                "rule": found.node.rule,
                "at": str(found.node.at),
                "condition": found.node.condition,
                "purpose": found.node.purpose,
                "column": _column_as_json(found.column),
                "fields": list(map(str, dict.fromkeys(link.field for link in found.links))),
            }
            for found in explained.found
        ],
        "dropped": [_dropped_as_json(dropped) for dropped in explained.dropped],
    }


def _column_as_json(column: OutlineColumn | None) -> dict[str, Any] | None:
    if column is None:
        return None
    return {
        "name": column.name,
        "type": column.type,
        "units": column.units,
        "keys": column.keys,
        "from": column.text,
        "at": str(column.at),
    }


def _field_as_json(explained: FieldExplained) -> dict[str, Any]:
    return {
        "field": str(explained.path),
        "type": explained.type,
        "required": explained.required,
        "description": explained.description,
        "declared_in": explained.declared_in,
        "goes_to": [
            {
                "node": way.node.id,
                "path": list(way.node.path),
                "part": way.link.part.value,
                "name": way.name,
                "whole": way.link.whole,
                "at": str(way.link.at),
            }
            for way in explained.ways
        ],
        "coverage": [row_as_json(row) for row in explained.rows],
        "changed_by": [_repair_as_json(repair) for repair in explained.changed_by],
        "read_by": [_repair_as_json(repair) for repair in explained.read_by],
        "dropped": [_dropped_as_json(dropped) for dropped in explained.dropped],
    }


def row_as_json(row: Coverage) -> dict[str, Any]:
    """Return a row of coverage as JSON data."""
    return {
        "document": row.document,
        "field": row.field,
        "required": row.required,
        "rule": f"streams.{row.rule}" if row.rule else "",
        "destination": row.destination,
        "reason": row.reason,
        "invertible": row.invertible,
        "at": str(row.at) if row.at is not None else None,
    }


def _repair_as_json(repair: Repair) -> dict[str, Any]:
    return {
        "rule": repair.rule,
        "condition": repair.condition,
        "does": list(repair.does),
        "until": repair.until,
        "at": str(repair.at),
    }


def _dropped_as_json(dropped: Dropped) -> dict[str, Any]:
    return {
        "rule": dropped.rule,
        "what": dropped.what,
        "condition": dropped.condition,
        "reason": dropped.reason,
        "at": str(dropped.at),
    }
