"""The shape of each field, read once from the annotations of the classes in `language.nodes`."""

import datetime
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from tiledmap.language.nodes import Items, Metadata, Node, Rule
from tiledmap.language.scalars import Expression, Free, Length, Patterns, Reason, Text


class Kind(Enum):
    """How a field's value is written."""

    STRING = auto()
    REASON = auto()
    INTEGER = auto()
    LENGTH = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    DATE = auto()
    ENUM = auto()
    LITERAL = auto()
    EXPRESSION = auto()
    TEXT = auto()
    PATTERNS = auto()
    FREE = auto()
    JSON = auto()
    LIST = auto()
    TABLE = auto()
    NODE = auto()
    ITEMS = auto()
    ENTRY = auto()


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a field's value.

    Parameters
    ----------
    kind
        How it is written.
    cls
        The class of a node or an enumeration.
    item
        The shape of a list's items or of a mapping's values.
    choices
        The words that may stand there, if only those.
    """

    kind: Kind
    cls: type[Any] | None = None
    item: "Shape | None" = None
    choices: tuple[str, ...] = ()

    @property
    def noun(self) -> str:
        """What to call such a value in a message."""
        return _NOUNS[self.kind]


_NOUNS = {
    Kind.STRING: "text",
    Kind.REASON: "a reason",
    Kind.INTEGER: "a whole number",
    Kind.LENGTH: "a whole number, or null",
    Kind.NUMBER: "a number",
    Kind.BOOLEAN: "true or false",
    Kind.DATE: "a date",
    Kind.ENUM: "a word",
    Kind.LITERAL: "a number",
    Kind.EXPRESSION: "an expression",
    Kind.TEXT: "text",
    Kind.PATTERNS: "text or a list of texts",
    Kind.FREE: "a value",
    Kind.JSON: "a value",
    Kind.LIST: "a list",
    Kind.TABLE: "a mapping",
    Kind.NODE: "a mapping",
    Kind.ITEMS: "a list, or a mapping with prepend or append",
    Kind.ENTRY: "a value",
}

_LEAVES: dict[Any, Shape] = {
    str: Shape(Kind.STRING),
    int: Shape(Kind.INTEGER),
    float: Shape(Kind.NUMBER),
    bool: Shape(Kind.BOOLEAN),
    datetime.date: Shape(Kind.DATE),
    Any: Shape(Kind.JSON),
    Expression: Shape(Kind.EXPRESSION),
    Text: Shape(Kind.TEXT),
    Patterns: Shape(Kind.PATTERNS),
    Free: Shape(Kind.FREE),
}


@dataclass(frozen=True, slots=True)
class FieldShape:
    """A field of a node: its name in Python and its key in YAML."""

    name: str
    key: str
    shape: Shape
    required: bool


@cache
def fields_of(cls: type[Node]) -> dict[str, FieldShape]:
    """Collect the fields of a node by their keys in YAML."""
    if issubclass(cls, Items):  # pydantic has put the class of the items into the annotations
        hints: dict[str, Any] = {name: info.annotation for name, info in cls.model_fields.items()}
    else:
        hints = get_type_hints(cls, include_extras=True)
    fields = (
        FieldShape(name, info.alias or name, shape_of(hints[name]), info.is_required())
        for name, info in cls.model_fields.items()
        if not _inlined(info.json_schema_extra)
    )
    return {field.key: field for field in fields}


@cache
def written_fields(cls: type[Node]) -> tuple[FieldShape, ...]:
    """The fields of a node in the order in which they are best read.

    What a statement is called and what it speaks of come first, the reason last.
    """
    fields = list(fields_of(cls).values())
    first = _FIRST_OF_RULES if issubclass(cls, Rule) else _FIRST
    order = {key: place for place, key in enumerate(first)}
    order |= {key: len(first) + 1 + place for place, key in enumerate(_LAST)}
    return tuple(sorted(fields, key=lambda field: order.get(field.key, len(first))))


_FIRST = ("each", "as")
_FIRST_OF_RULES = ("name", "remove", "match", "when", "over")
_LAST = ("help", "reason", "until")


def _inlined(extra: Any) -> bool:
    return isinstance(extra, dict) and bool(extra.get("inlined"))


@cache
def shape_of(annotation: Any) -> Shape:
    """Read the shape that an annotation stands for."""
    if annotation == Reason:
        return Shape(Kind.REASON)
    if annotation == Length:
        return Shape(Kind.LENGTH)
    if annotation in _LEAVES:
        return _LEAVES[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return shape_of(arguments[0])
    if origin in (Union, UnionType):
        (inner,) = (argument for argument in arguments if argument is not NoneType)
        return shape_of(inner)
    if origin is Literal:
        return Shape(Kind.LITERAL, choices=tuple(map(str, arguments)))
    if origin is tuple:
        return Shape(Kind.LIST, item=shape_of(arguments[0]))
    if origin is dict:
        return Shape(Kind.TABLE, item=shape_of(arguments[1]))
    return _shape_of_class(annotation)


def _shape_of_class(cls: type[Any]) -> Shape:
    if issubclass(cls, StrEnum):
        return Shape(Kind.ENUM, cls, choices=tuple(cls))
    if issubclass(cls, Items):
        (item,) = cls.__pydantic_generic_metadata__["args"]
        return Shape(Kind.ITEMS, cls, item=shape_of(item))
    return Shape(Kind.NODE, cls)


METADATA_ENTRY = Shape(Kind.ENTRY, Metadata)
"""An entry of `Metadata`: another one where something is copied inside, a value otherwise."""
