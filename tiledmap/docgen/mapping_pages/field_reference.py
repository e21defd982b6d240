"""Every field of every document type of event-model, as its schemas say."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tiledmap.documents.schemas import SCHEMA_FILES, document_schema
from tiledmap.documents.types import type_of_schema
from tiledmap.outline.values import ANY_KEY, FieldPath


@dataclass(frozen=True, slots=True)
class DocumentField:
    """A field, wherever in its document it is.

    Parameters
    ----------
    type
        What its value can be, in words.
    required
        Whether it is there wherever what holds it is.
    constraints
        What else its value must meet, each in a few words.
    declared_by
        The mappings that add it to event-model's fields; empty for event-model's own.
    """

    path: FieldPath
    type: str
    required: bool
    description: str
    constraints: tuple[str, ...] = ()
    declared_by: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        return len(self.path.steps)


@dataclass(frozen=True, slots=True)
class DocumentType:
    """A type of document, and all its fields: those inside others follow what holds them."""

    name: str
    description: str
    fields: tuple[DocumentField, ...]


@cache
def document_types() -> tuple[DocumentType, ...]:
    """Read all of them, in the order in which a run brings them."""
    return tuple(_document_type(name) for name in SCHEMA_FILES)


def _document_type(name: str) -> DocumentType:
    schema = document_schema(name)
    reader = _Reader(schema.get("$defs", {}))
    fields = tuple(reader.fields(schema, FieldPath(name), frozenset()))
    description = " ".join(str(schema.get("description", "")).split())
    return DocumentType(name, description or _said_of_items(schema), fields)


def _said_of_items(schema: Mapping[str, Any]) -> str:
    """What a type that is but a table of others says of itself: what it says of them."""
    for part in schema.get("patternProperties", {}).values():
        return str(part.get("items", {}).get("description", ""))
    return ""


def declared_fields(
    document: str, additions: Iterable[tuple[str, Mapping[str, Any]]]
) -> list[DocumentField]:
    """Return the fields that mappings add to a document, each once, by name.

    Parameters
    ----------
    additions
        Names of mappings with the JSON Schema of the fields that each adds.
    """
    known = {field.path.steps[0] for field in _fields_of(document) if field.depth == 1}
    by_name: dict[str, list[tuple[str, Any]]] = {}
    for mapping, properties in additions:
        for name, schema in properties.items():
            if name not in known:
                by_name.setdefault(name, []).append((mapping, schema))
    reader = _Reader({})
    found: list[DocumentField] = []
    for name, said in sorted(by_name.items()):
        schemas = [schema for _, schema in said]
        types = dict.fromkeys(str(type_of_schema(schema)) for schema in schemas)
        described = (_description(schema) for schema in schemas)
        found.append(
            DocumentField(
                FieldPath(document, (name,)),
                " or ".join(types),
                required=False,
                description=next(filter(None, described), ""),
                constraints=tuple(
                    dict.fromkeys(each for schema in schemas for each in reader.constraints(schema))
                ),
                declared_by=tuple(mapping for mapping, _ in said),
            )
        )
    return found


def _fields_of(document: str) -> tuple[DocumentField, ...]:
    return next((each.fields for each in document_types() if each.name == document), ())


class _Reader:
    """The definitions of one schema."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions

    def fields(
        self, schema: Any, above: FieldPath, within: frozenset[str]
    ) -> Iterator[DocumentField]:
        """Yield the fields of what a schema describes; `within` ends recursion."""
        parts = list(self._parts(schema, within))
        named = type_of_schema(schema, self._definitions).properties
        by_name: dict[str, list[tuple[Any, frozenset[str]]]] = {}
        for part, inside in parts:
            for name, value in _children(part):
                by_name.setdefault(name, []).append((value, inside))
        for name, said in by_name.items():
            path = FieldPath(above.document, (*above.steps, name))
            value, inside = said[0]
            type_ = type_of_schema(value, self._definitions)
            yield DocumentField(
                path,
                str(type_),
                name in named and named[name].required,
                _description(value) or _said_of_any(schema, path),
                tuple(self._common_constraints([value for value, _ in said])),
            )
            if type_.known:
                yield from self.fields(value, path, inside)

    def _common_constraints(self, schemas: list[Any]) -> Iterator[str]:
        """Say what values must meet, whichever of several schemas describes them."""
        if not type_of_schema(schemas[0], self._definitions).known:
            return
        constants = [schema["const"] for schema in schemas if "const" in schema]
        if len(constants) == len(schemas) > 1:
            yield _one_of(dict.fromkeys(constants))
        else:
            yield from self.constraints(schemas[0])

    def constraints(self, schema: Any) -> Iterator[str]:
        """Say what a value must meet beside its type."""
        for part, _ in self._parts(schema, frozenset(), alternatives=False):
            if "const" in part:
                yield f"is `{part['const']}`"
            if "enum" in part:
                yield _one_of(part["enum"])
            for keyword, words in _WORDS.items():
                if keyword in part:
                    yield f"{words} `{part[keyword]}`"
            if part.get("default") not in (None, "", [], {}):
                yield f"`{part['default']}` if absent"
            for pattern in part.get("patternProperties", {}):
                yield f"keys match `{pattern}`"
            closed = part.get("additionalProperties") is False
            if (closed and "patternProperties" not in part) or (
                part.get("unevaluatedProperties") is False
            ):
                yield "has no other fields"

    def _parts(
        self, schema: Any, within: frozenset[str], *, alternatives: bool = True
    ) -> Iterator[tuple[Mapping[str, Any], frozenset[str]]]:
        """Yield the schemas that one consists of, references followed."""
        if not isinstance(schema, Mapping):
            return
        yield schema, within
        name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
        if name in self._definitions and name not in within:
            yield from self._parts(
                self._definitions[name], within | {name}, alternatives=alternatives
            )
        for word in ("allOf", *(("anyOf", "oneOf") if alternatives else ())):
            for part in schema.get(word, ()):
                yield from self._parts(part, within, alternatives=alternatives)


def _one_of(values: Iterable[Any]) -> str:
    return "one of " + ", ".join(f"`{value}`" for value in values)


_WORDS = {
    "pattern": "matches",
    "minimum": "at least",
    "maximum": "at most",
    "minLength": "length at least",
    "maxLength": "length at most",
    "minItems": "items at least",
    "maxItems": "items at most",
}


def _children(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields that a schema itself names; `ANY_KEY` for those that it only describes."""
    properties = schema.get("properties", {})
    yield from sorted(properties.items(), key=lambda item: item[0])
    others = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
    for other in others:
        if isinstance(other, Mapping):
            yield ANY_KEY, other
        elif other is True and not properties:
            yield ANY_KEY, {}
    items = schema.get("items")
    if isinstance(items, Mapping) and ("properties" in items or "$ref" in items):
        yield ANY_KEY, items


def _said_of_any(holder: Mapping[str, Any], path: FieldPath) -> str:
    """What is said of fields that have no name of their own, and no description."""
    if path.steps[-1] != ANY_KEY:
        return ""
    if "items" in holder:
        return "Each item of the list."
    return "Every other field." if len(path.steps) == 1 else "Each of its keys."


def _description(schema: Any) -> str:
    """Return what a schema says of its value, unless it only repeats the title."""
    if not isinstance(schema, Mapping):
        return ""
    said = " ".join(str(schema.get("description", "")).split())
    return "" if said == schema.get("title") else said
