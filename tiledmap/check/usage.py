"""Every expression of a mapping, with the names in its scope and what it is for.

`EXPRESSION_FIELDS` lists each field of the language that holds expressions; a field that is not
listed cannot be checked, and is refused.
"""

import keyword
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tiledmap.check.layout import says
from tiledmap.check.scopes import SCOPES, types_of_names, with_kwargs
from tiledmap.check.typing import (
    DOCUMENTS,
    NOTHING_KNOWN,
    Narrowed,
    in_words,
    infer,
    mend,
    possible_values,
    present_if,
    presumed,
)
from tiledmap.documents.types import (
    ANY,
    BOOLEAN,
    INTEGER,
    NEVER,
    NUMBER,
    SCALAR,
    TEXT,
    Type,
    array_of,
    joined,
    literal_type,
    type_of,
)
from tiledmap.language import nodes
from tiledmap.language.expressions import Expr
from tiledmap.language.scalars import Expression, Free, Text
from tiledmap.problems import Problem, Span


@dataclass(frozen=True, slots=True)
class Use:
    """What a field of the language does with the value of its expression.

    Parameters
    ----------
    what
        The field's value in a sentence: ``a node's key``.
    wants
        The type that the value must have.
    unknown
        Whether a value may go there of which nothing is known before it comes.
    section
        The section of `SCOPES`, where it is not that of the statement.
    """

    what: str
    wants: Type = ANY
    unknown: bool = False
    section: str | None = None


_KEY = Use("a node's key", TEXT)
_PARENT = Use("a container's key", TEXT)
_WHEN = Use("'when'", BOOLEAN)
_EACH = Use("'each'", array_of(None))
_FREE = Use("a value")
_PARAMETER = Use("a parameter")

EXPRESSION_FIELDS: Mapping[tuple[type[nodes.Node], str], Use] = {
    (nodes.Setting, "default"): Use("a setting's default", section="constants"),
    (nodes.RootRepair, "becomes"): Use("a path", TEXT),
    (nodes.ResourceRepair, "when"): _WHEN,
    (nodes.ResourceRepair, "parameters"): _PARAMETER,
    (nodes.DatumRepair, "when"): _WHEN,
    (nodes.DatumRepair, "parameters"): _PARAMETER,
    (nodes.DataKeyRepair, "when"): _WHEN,
    (nodes.DataKeyRepair, "units"): Use("units", TEXT),
    (nodes.DataKeyRepair, "set"): _FREE,
    (nodes.DataKeyRepair, "rename"): Use("a data key's name", TEXT),
    (nodes.DocumentRepair, "when"): _WHEN,
    (nodes.DocumentRepair, "set"): _FREE,
    (nodes.SpecItem, "spec"): Use("a spec", TEXT),
    (nodes.SpecItem, "when"): _WHEN,
    (nodes.SpecItem, "each"): _EACH,
    (nodes.TagItem, "tag"): Use("an access tag", TEXT),
    (nodes.TagItem, "when"): _WHEN,
    (nodes.TagItem, "each"): _EACH,
    (nodes.Metadata, "entries"): _FREE,
    (nodes.Run, "parent"): _PARENT,
    (nodes.Run, "key"): _KEY,
    (nodes.StreamRule, "when"): _WHEN,
    (nodes.StreamRule, "parent"): _PARENT,
    (nodes.StreamRule, "key"): _KEY,
    (nodes.DataRule, "when"): _WHEN,
    (nodes.DataRule, "parent"): _PARENT,
    (nodes.DataRule, "key"): _KEY,
    (nodes.TableRule, "parent"): _PARENT,
    (nodes.TableRule, "key"): _KEY,
    (nodes.TableRule, "max_columns"): Use("a number of columns", INTEGER, section="settings"),
    (nodes.Column, "column"): Use("a column's name", TEXT),
    (nodes.Column, "from_"): Use(
        "a column's value", type_of(("text", "number", "boolean", "array")), unknown=True
    ),
    (nodes.CoordinateRule, "when"): _WHEN,
    (nodes.CoordinateRule, "parent"): _PARENT,
    (nodes.CoordinateRule, "key"): _KEY,
    (nodes.CoordinateRule, "from_"): Use("a coordinate's values", array_of(None), unknown=True),
    (nodes.AssetRule, "when"): _WHEN,
    (nodes.AssetRule, "refuse"): Use("a message", TEXT),
    (nodes.AssetRule, "parameters"): _PARAMETER,
    (nodes.Sidecar, "uri"): Use("a URI", TEXT),
}
"""Every field that holds expressions, and what it does with them."""

SECTIONS: Mapping[tuple[type[nodes.Node], str], str] = {
    (nodes.Mapping, "run"): "run",
    (nodes.Mapping, "streams"): "streams",
    (nodes.StreamRule, "data"): "data",
    (nodes.Mapping, "assets"): "assets",
    (nodes.Repairs, "roots"): "roots",
    (nodes.Repairs, "resources"): "resources",
    (nodes.Repairs, "datums"): "datums",
    (nodes.Repairs, "data_keys"): "data",
    (nodes.Repairs, "start"): "run",
    (nodes.Repairs, "descriptor"): "streams",
    (nodes.Repairs, "stop"): "run stop",
}
"""The fields below which other names are in scope."""

_REPAIRED = ("stop", "data_key", "descriptor", "start")
"""What a repair sets fields of: the first of these that is in scope."""

_COLUMN_TYPES = {"s": TEXT, "b": BOOLEAN, "i": INTEGER, "u": INTEGER, "f": NUMBER}
"""What a column's value must be, by the first letter of the column's type."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expression stands: the names that it can use, and what is known there."""

    scope: Mapping[str, Type]
    known: Narrowed = NOTHING_KNOWN

    def given(self, condition: Expression | None) -> "Place":
        """Return the place that is only reached where a condition is true."""
        if condition is None:
            return self
        if condition.tree is None:  # reported when it was read
            return replace(self, known=self.known | presumed(self.scope))
        shown = present_if(condition.tree, True, self.scope)
        return replace(self, known=self.known | shown)

    def binding(self, name: str, type: Type) -> "Place":
        """Return the place with another name in scope."""
        return replace(self, scope={**self.scope, name: type})


@dataclass(frozen=True, slots=True)
class Copied:
    """A document copied into metadata, and its type; None where it is not in scope."""

    metadata: nodes.Metadata
    type: Type | None
    scope: Mapping[str, Type]


class Usage:
    """The expressions and copied documents of one mapping."""

    def __init__(self, mapping: nodes.Mapping) -> None:
        self._mapping = mapping
        self._types = types_of_names(mapping)

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong with the expressions."""
        yield from self._statement(self._mapping, self._place("constants"))

    def copies(self) -> Iterator[Copied]:
        """Yield every copy of a document."""
        mapping = self._mapping
        if mapping.run is not None and mapping.run.metadata is not None:
            yield from self._copies(mapping.run.metadata, "run", at_top=True)
        for stream in mapping.streams:
            holders: list[tuple[nodes.Metadata | None, str]] = [(stream.metadata, "streams")]
            holders += [(rule.metadata, "data") for rule in stream.data]
            holders += [(table.metadata, "streams") for table in stream.tables]
            holders += [(each.metadata, "streams") for each in stream.coordinates]
            for metadata, section in holders:
                if metadata is not None:
                    yield from self._copies(metadata, section)

    def _copies(
        self, metadata: nodes.Metadata, section: str, at_top: bool = False
    ) -> Iterator[Copied]:
        if metadata.copy_ is not None:
            scope = self._place(section).scope
            name = metadata.copy_.value
            held = scope.get("descriptor") if name == "data_keys" else scope.get(name)
            if held is not None and name == "data_keys":
                held = held.properties[name].type
            yield Copied(metadata, held, scope)
        for key, entry in metadata.entries.items():
            if isinstance(entry, nodes.Metadata):
                yield from self._copies(entry, _section_of_entry(section, key, at_top))

    # ------------------------------------------------------------ statements

    def _place(self, section: str) -> Place:
        return Place({name: self._types[name] for name in SCOPES[section]})

    def _statement(self, node: nodes.Node, place: Place) -> Iterator[Problem]:
        """Check the expressions of a statement and of the statements inside it."""
        if isinstance(node, nodes.SpecItem | nodes.TagItem):
            yield from self._repeated(node, place)
            return
        place = self._own_place(node, place, checked=False)
        condition = getattr(node, "when", None)
        if condition is not None:
            yield from self._value(node, "when", condition, place)
            place = place.given(condition)
        place = self._own_place(node, place, checked=True)
        for name in type(node).model_fields:
            if name != "when":
                yield from self._field(node, name, place)

    def _own_place(self, node: nodes.Node, place: Place, checked: bool) -> Place:
        """Narrow or widen what is in scope by what the statement itself says."""
        match node:
            case nodes.Column():
                section = "key columns" if says(node, "keys") else "columns"
                names = self._place(section).scope
                return replace(place, scope={**place.scope, **names})
            case nodes.ResourceRepair(kwargs=kwargs):
                document, field = "resource", "resource_kwargs"
            case nodes.DatumRepair(kwargs=kwargs):
                document, field = "datum", "datum_kwargs"
            case _:
                return place
        return place.binding(document, with_kwargs(self._types[document], field, kwargs, checked))

    def _repeated(self, item: nodes.SpecItem | nodes.TagItem, place: Place) -> Iterator[Problem]:
        """Check an entry as it runs: each item by its name, if it is wanted, as a text."""
        if item.each is not None:
            items, problems = self._type(item.each, place)
            yield from problems
            if not problems:
                yield from self._fit(item.each, items, EXPRESSION_FIELDS[type(item), "each"])
            if item.as_ is not None:
                yield from self._bindable(item, place)
                place = place.binding(item.as_, items.item if items.kinds == {"array"} else NEVER)
        if item.when is not None:
            yield from self._value(item, "when", item.when, place)
            place = place.given(item.when)
        name = "spec" if isinstance(item, nodes.SpecItem) else "tag"
        yield from self._value(item, name, getattr(item, name), place)

    def _bindable(self, item: nodes.SpecItem | nodes.TagItem, place: Place) -> Iterator[Problem]:
        assert item.as_ is not None
        if not item.as_.isidentifier() or keyword.iskeyword(item.as_):
            message = f"'{item.as_}' cannot be written in an expression"
            yield Problem(
                "TM010",
                item.at("as"),
                message,
                hint="use letters, digits and '_', and no word of Python's",
            )
        elif item.as_ in place.scope:
            message = f"'{item.as_}' is the name of something else here"
            yield Problem("TM014", item.at("as"), message, hint="choose another name")

    def _field(self, node: nodes.Node, name: str, place: Place) -> Iterator[Problem]:
        section = SECTIONS.get((type(node), name))
        if section is not None:
            place = replace(self._place(section), known=place.known)
        value = getattr(node, name)
        if isinstance(node, nodes.Run) and name == "metadata" and value is not None:
            for key, entry in value.entries.items():
                inner = self._place(_section_of_entry("run", key, at_top=True))
                yield from self._value(value, "entries", entry, inner)
            return
        if isinstance(node, nodes.DataKeyRepair | nodes.DocumentRepair) and name == "set":
            yield from self._set(value, place)
            return
        if name == "parameters":
            # Only a template is asked anew for every file; what else is said goes to the adapter.
            numbered = place.binding("index", self._types["index"])
            for key, free in value.items():
                inner = numbered if key == "template" else place
                yield from self._value(node, name, free, inner)
            return
        yield from self._value(node, name, value, place)

    def _set(self, values: Mapping[str, Free], place: Place) -> Iterator[Problem]:
        """Check what a repair sets: a field that is known keeps its type."""
        document = next(name for name in _REPAIRED if name in place.scope)
        fields = place.scope[document].properties
        for name, free in values.items():
            known = fields.get(name)
            use = Use(f"'{name}' of {DOCUMENTS[document]}", known.type) if known else _FREE
            if isinstance(free.value, Text) and free.value.literal is None:
                yield from self._text(free.value, place, use)
                continue
            for text in free.texts():
                yield from self._text(text, place, _FREE)
            found = _type_of_free(free, place)
            if known and not found.fits(known.type):
                yield _misfit(free.span, found, use)
            elif known and not found.meets(known.type):
                message = f"{use.what} cannot be {free.plain()!r}"
                yield Problem("TM206", free.span, message, possible_values(found, known.type))

    def _value(self, node: nodes.Node, name: str, value: Any, place: Place) -> Iterator[Problem]:
        """Check whatever a field holds."""
        match value:
            case nodes.Node():
                yield from self._statement(value, place)
            case Expression() | Text() | Free():
                yield from self._used(node, name, value, place)
            case tuple():
                for item in value:
                    yield from self._value(node, name, item, place)
            case dict():
                for item in value.values():
                    yield from self._value(node, name, item, place)

    # ------------------------------------------------------------ values

    def _used(
        self, node: nodes.Node, name: str, value: Expression | Text | Free, place: Place
    ) -> Iterator[Problem]:
        use = EXPRESSION_FIELDS.get((type(node), name))
        if use is None:
            raise LookupError(f"no use is registered for {type(node).__name__}.{name}")
        if use.section is not None:
            place = self._place(use.section)
        if isinstance(node, nodes.Column) and name == "from_" and node.type is not None:
            wants = _COLUMN_TYPES[node.type.value[0]]
            use = replace(use, what=f"a column of {node.type.value}", wants=wants)
        match value:
            case Expression():
                found, problems = self._type(value, place)
                yield from problems
                if not problems:
                    yield from self._fit(value, found, use)
            case Text():
                yield from self._text(value, place, use)
            case Free():
                for text in value.texts():
                    yield from self._text(text, place, use)

    def _text(self, text: Text, place: Place, use: Use) -> Iterator[Problem]:
        if use.section == "constants":  # a hole there is refused where settings are decided
            return
        if text.single is None and len(text.parts) > 1:
            use = Use("a hole inside a text", SCALAR)
        for hole in text.holes:
            found, problems = infer(hole, place.scope, place.known)
            yield from problems
            if not problems:
                yield from _unfit(hole, found, use)
        written = text.literal
        if written is not None and use.wants == INTEGER and not _is_integer(written):
            message = f"{use.what} must be an integer; this is '{written}'"
            yield Problem("TM206", text.span, message)

    def _type(self, expression: Expression, place: Place) -> tuple[Type, list[Problem]]:
        if expression.tree is None:
            return NEVER, []
        return infer(expression.tree, place.scope, place.known)

    def _fit(self, expression: Expression, found: Type, use: Use) -> Iterator[Problem]:
        if expression.tree is not None:
            yield from _unfit(expression.tree, found, use)


def _type_of_free(free: Free, place: Place) -> Type:
    """Find the type of a value that is written out, with what is in its holes."""
    match free.value:
        case Text(single=Expr() as hole):
            return infer(hole, place.scope, place.known)[0]
        case tuple() as items:
            return array_of(joined(_type_of_free(item, place) for item in items))
    return literal_type(free.plain())


def _unfit(expr: Expr, found: Type, use: Use) -> Iterator[Problem]:
    if found.fits(use.wants) or (use.unknown and not found.known):
        return
    if use.wants == BOOLEAN and use is _WHEN:
        message = f"'when' must be true or false; this is {in_words(found)}"
        yield Problem("TM205", expr.span, message, hint=_truth_hint(found))
        return
    yield _misfit(expr.span, found, use, mend(found, use.wants, expr))


def _misfit(span: Span, found: Type, use: Use, hint: str = "") -> Problem:
    message = f"{use.what} must be {in_words(use.wants)}; this is {in_words(found)}"
    return Problem("TM206", span, message, hint=hint)


def _truth_hint(found: Type) -> str:
    if found.fits(NUMBER):
        return "compare it: … != 0"
    return "compare it: … != ''" if found.fits(TEXT) else "compare it, or ask has(…)"


def _section_of_entry(section: str, key: str, at_top: bool) -> str:
    """Name the section of an entry of metadata: the run's ``stop`` is written at the end."""
    return "run stop" if section == "run" and at_top and key == "stop" else section


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdecimal()
