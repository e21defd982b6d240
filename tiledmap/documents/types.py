"""Types of values in documents, as JSON Schema gives them: structural, and few.

An integer is a number; a boolean is not. `ANY` is what nothing is known about: it fits only where
anything may go. `NEVER` is the type of what has been reported already: it fits everywhere, so that
one mistake makes one problem.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

KINDS = frozenset({"text", "number", "integer", "boolean", "array", "object", "null"})
_ALL = KINDS - {"integer"}
_ORDER = ("text", "number", "integer", "boolean", "array", "object", "null")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object."""

    type: "Type"
    required: bool = False
    description: str = ""
    declared_in: str = "event-model"


@dataclass(frozen=True, slots=True)
class Type:
    """What a value can be.

    Parameters
    ----------
    kinds
        Words of `KINDS`; ``integer`` never stands beside ``number``, which includes it.
    items
        The type of an array's items; None where nothing is known of them.
    properties
        The fields of an object.
    open
        The type of an object's other fields; None where it has no others.
    enum
        The only values, where they are known.
    """

    kinds: frozenset[str]
    items: "Type | None" = None
    properties: Mapping[str, Field] = field(default_factory=dict)
    open: "Type | None" = None
    enum: tuple[Any, ...] | None = None

    @property
    def known(self) -> bool:
        """False for `ANY`."""
        return self.kinds != _ALL

    @property
    def reported(self) -> bool:
        """True for `NEVER`."""
        return not self.kinds

    @property
    def nullable(self) -> bool:
        """Whether the value can be null."""
        return "null" in self.kinds

    @property
    def item(self) -> "Type":
        """The type of an array's items."""
        return ANY if self.items is None else self.items

    @property
    def others(self) -> "Type | None":
        """The type of an object's undeclared fields; None where it has none."""
        return self.open if self.known or self.open is not None else ANY

    def without_null(self) -> "Type":
        """Return the type of what is left where null has been handled."""
        if not self.known or not self.nullable:
            return self
        enum = None if self.enum is None else tuple(v for v in self.enum if v is not None)
        return replace(self, kinds=self.kinds - {"null"}, enum=enum)

    def fits(self, wanted: "Type") -> bool:
        """Say whether every value of this type is one of the wanted type."""
        if self.reported or not wanted.known:
            return True
        if not self.kinds <= _covered(wanted.kinds):
            return False
        if "array" in self.kinds and wanted.items is not None:
            return self.item.fits(wanted.items)
        return True

    def meets(self, other: "Type") -> bool:
        """Say whether some value is of both types."""
        if self.reported or other.reported:
            return True
        if not _covered(self.kinds) & _covered(other.kinds):
            return False
        return not (self.enum and other.enum) or bool(set(self.enum) & set(other.enum))

    def join(self, other: "Type") -> "Type":
        """Return the type of what is of this type or of the other."""
        if self.reported or other.reported:
            return other if self.reported else self
        if not self.known or not other.known:
            return ANY
        kinds = _normal(self.kinds | other.kinds)
        enums = self.enum is not None and other.enum is not None
        return Type(
            kinds,
            items=self._joined_items(other),
            properties=_joined_properties(self, other),
            open=_joined_open(self, other),
            enum=tuple(dict.fromkeys((*self.enum, *other.enum)))  # type: ignore[misc]
            if enums
            else None,
        )

    def _joined_items(self, other: "Type") -> "Type | None":
        if "array" not in self.kinds or "array" not in other.kinds:
            return self.items if "array" in self.kinds else other.items
        if self.items is None or other.items is None:
            return None
        return self.items.join(other.items)

    def __str__(self) -> str:
        if self.reported:
            return "nothing"
        if not self.known:
            return "anything"
        words = [self._word(kind) for kind in _ORDER if kind in self.kinds]
        return " or ".join(words)

    def _word(self, kind: str) -> str:
        if kind == "null":
            return "nothing" if len(self.kinds) > 1 else "null"
        if kind == "array":
            known = self.items is not None and self.items.known and not self.items.reported
            return f"list of {self.items}" if known else "list"
        return kind


ANY = Type(_ALL)
NEVER = Type(frozenset())
TEXT = Type(frozenset({"text"}))
NUMBER = Type(frozenset({"number"}))
INTEGER = Type(frozenset({"integer"}))
BOOLEAN = Type(frozenset({"boolean"}))
NULL = Type(frozenset({"null"}))
SCALAR = Type(frozenset({"text", "number", "boolean"}))


def array_of(items: Type | None) -> Type:
    """Return the type of a list."""
    return Type(frozenset({"array"}), items=items)


def type_of(kinds: Iterable[str], items: Type | None = None) -> Type:
    """Return the type of values of some kinds; `ANY` for none."""
    kinds = frozenset(kinds)
    if not kinds:
        return ANY
    return Type(_normal(kinds), items, open=ANY if "object" in kinds else None)


def literal_type(value: Any) -> Type:
    """Return the type of a value that is written out."""
    kind = JSON_TYPES[json_type(value)]
    if kind == "array":
        return array_of(joined(map(literal_type, value)))
    return Type(frozenset({kind}), enum=(value,) if kind in {"text", "boolean"} else None)


def joined(types: Iterable[Type]) -> Type:
    """Return the type of what is of any of the types."""
    return reduce(Type.join, types, NEVER)


def _normal(kinds: frozenset[str]) -> frozenset[str]:
    return kinds - {"integer"} if "number" in kinds else kinds


def _covered(kinds: frozenset[str]) -> frozenset[str]:
    return kinds | {"integer"} if "number" in kinds else kinds


def _joined_properties(one: Type, other: Type) -> dict[str, Field]:
    if "object" not in one.kinds or "object" not in other.kinds:
        return dict(one.properties if "object" in one.kinds else other.properties)
    fields = {}
    for name in dict.fromkeys((*one.properties, *other.properties)):
        here, there = one.properties.get(name), other.properties.get(name)
        both = [each for each in (here, there) if each is not None]
        fields[name] = replace(
            both[0],
            type=joined(each.type for each in both),
            required=len(both) == 2 and all(each.required for each in both),
        )
    return fields


def _joined_open(one: Type, other: Type) -> Type | None:
    opens = [each.open for each in (one, other) if each.open is not None]
    return joined(opens) if opens else None


def both(one: Type, other: Type) -> Type:
    """Return the type of what is of both types, as ``allOf`` says it."""
    if not one.known and not one.properties:
        return other
    if not other.known and not other.properties:
        return one
    kinds = _covered(one.kinds) & _covered(other.kinds)
    items = one.items if other.items is None else other.items
    if one.items is not None and other.items is not None:
        items = both(one.items, other.items)
    return Type(
        _normal(kinds),
        items=items,
        properties=_fields_of_both(one, other),
        open=both(one.open, other.open) if one.open and other.open else None,
        enum=one.enum if other.enum is None else other.enum,
    )


def _fields_of_both(one: Type, other: Type) -> dict[str, Field]:
    fields = dict(one.properties)
    for name, second in other.properties.items():
        first = fields.get(name)
        if first is None:
            fields[name] = second
        else:
            fields[name] = replace(
                first,
                type=both(first.type, second.type),
                required=first.required or second.required,
                description=second.description or first.description,
            )
    return fields


# ---------------------------------------------------------------- JSON Schema

JSON_TYPES = {
    "string": "text",
    "number": "number",
    "integer": "integer",
    "boolean": "boolean",
    "array": "array",
    "object": "object",
    "null": "null",
}


def json_type(value: Any) -> str:
    """Return JSON Schema's word for the type of a value, numpy's included."""
    value = value.item() if getattr(value, "ndim", None) == 0 else value
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str() | bytes():
            return "string"
        case Mapping():
            return "object"
    return "array"


def type_of_schema(schema: Any, definitions: Mapping[str, Any] | None = None) -> Type:
    """Read a JSON schema as a type.

    An object that lists its fields is closed unless it says otherwise, whatever JSON Schema holds:
    a field that is not declared cannot be checked.

    Parameters
    ----------
    schema
        A schema of draft 2020-12; anything that is not one is read as ``{}``.
    definitions
        What ``#/$defs/…`` refers to.
    """
    return _SchemaReader(definitions or {}).read(schema, frozenset())


class _SchemaReader:
    """The definitions of one schema file."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions

    def read(self, schema: Any, within: frozenset[str]) -> Type:
        """Read a schema; `within` names the definitions that are being read, to end recursion."""
        if schema is False:
            return NEVER
        if not isinstance(schema, Mapping):
            return ANY
        found = self._own(schema, within)
        for part in _list(schema.get("allOf")):
            found = both(found, self.read(part, within))
        for word in ("anyOf", "oneOf"):
            choices = _list(schema.get(word))
            if choices:
                found = both(found, joined(self.read(choice, within) for choice in choices))
        return both(found, self._referred(schema["$ref"], within)) if "$ref" in schema else found

    def _referred(self, reference: Any, within: frozenset[str]) -> Type:
        name = str(reference).removeprefix("#/$defs/")
        if name in within or name not in self._definitions:
            return ANY
        return self.read(self._definitions[name], within | {name})

    def _own(self, schema: Mapping[str, Any], within: frozenset[str]) -> Type:
        kinds = _kinds_of_schema(schema)
        if not kinds:
            return NEVER if "type" in schema else ANY  # a type that is no type: to be reported
        fields: dict[str, Field] = {}
        if "object" in kinds:
            required = [name for name in _list(schema.get("required")) if isinstance(name, str)]
            for name, part in _mapping(schema.get("properties")).items():
                description = _mapping(part).get("description", "")
                fields[name] = Field(self.read(part, within), name in required, str(description))
        values = [schema["const"]] if "const" in schema else _list(schema.get("enum"))
        scalar = all(not isinstance(value, list | dict) for value in values)
        return Type(
            _normal(frozenset(kinds)),
            items=self.read(schema["items"], within) if "items" in schema else None,
            properties=fields,
            open=self._others(schema, within) if "object" in kinds else None,
            enum=tuple(values) if values and scalar else None,
        )

    def _others(self, schema: Mapping[str, Any], within: frozenset[str]) -> Type | None:
        patterns = _mapping(schema.get("patternProperties"))
        if patterns:
            return joined(self.read(part, within) for part in patterns.values())
        listed = "properties" in schema
        for word in ("additionalProperties", "unevaluatedProperties"):
            if word in schema:
                return None if schema[word] is False else self.read(schema[word], within)
        return None if listed else ANY


def _kinds_of_schema(schema: Mapping[str, Any]) -> set[str]:
    """Read the kinds that a schema says, or those that its keywords speak of; empty for any."""
    said = schema.get("type")
    words = said if isinstance(said, list) else [said]
    kinds = {JSON_TYPES[word] for word in words if isinstance(word, str) and word in JSON_TYPES}
    if kinds or said is not None:
        return kinds
    values = [schema["const"]] if "const" in schema else _list(schema.get("enum"))
    if values:
        return {JSON_TYPES[json_type(value)] for value in values}
    if "properties" in schema:
        return {"object"}
    return {"array"} if "items" in schema else set()


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
