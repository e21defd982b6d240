"""The kinds of scalar that a mapping's fields hold, as values that know where they stand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from tiledmap.language.expressions import Expr
from tiledmap.problems import NOWHERE, Span


class _OpaqueInPydantic:
    """Values made by `language.parse`; pydantic only checks that they are of this class."""

    json_type: ClassVar[Any] = "string"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": cls.json_type}


@dataclass(frozen=True, slots=True)
class Expression(_OpaqueInPydantic):
    """A field that is an expression: ``from``, ``when``, ``each``.

    `tree` is None where the text could not be parsed; the problem has been reported.
    """

    source: str
    tree: Expr | None = field(compare=False)
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Text(_OpaqueInPydantic):
    """A literal with ``${{ … }}`` holes.

    `parts` alternates as it likes between literal strings and the expressions of the holes. A text
    that is exactly one hole keeps that expression's type; any other text is a string.
    """

    source: str
    parts: tuple[str | Expr, ...] = field(compare=False)
    span: Span = field(default=NOWHERE, compare=False)

    json_type: ClassVar[Any] = ["string", "number", "boolean"]

    @property
    def holes(self) -> Iterator[Expr]:
        return (part for part in self.parts if isinstance(part, Expr))

    @property
    def literal(self) -> str | None:
        """The text, where it has no holes; otherwise None."""
        if any(isinstance(part, Expr) for part in self.parts):
            return None
        return "".join(part for part in self.parts if isinstance(part, str))

    @property
    def single(self) -> Expr | None:
        """The expression, where the text is exactly one hole; otherwise None."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Expr):
            return self.parts[0]
        return None


@dataclass(frozen=True, slots=True)
class Free(_OpaqueInPydantic):
    """Any YAML value: scalars by the YAML 1.2 core schema, strings as `Text`.

    `value` is None, a bool, int, float or `Text`, a tuple of `Free`, or a dict of str to `Free`.
    `written` is a scalar as it stands in the file, for where a type declared elsewhere decides.
    """

    value: Any
    span: Span = field(default=NOWHERE, compare=False)
    written: str | None = field(default=None, compare=False)

    json_type: ClassVar[Any] = ["string", "number", "boolean", "object", "array", "null"]

    def plain(self) -> Any:
        """The value as JSON data; texts as they are written, holes and all."""
        match self.value:
            case Text(source=source):
                return source
            case tuple() as items:
                return [item.plain() for item in items]
            case dict() as entries:
                return {key: entry.plain() for key, entry in entries.items()}
            case scalar:
                return scalar

    def texts(self) -> Iterator[Text]:
        """Every text inside, in order."""
        match self.value:
            case Text() as text:
                yield text
            case tuple() as items:
                for item in items:
                    yield from item.texts()
            case dict() as entries:
                for entry in entries.values():
                    yield from entry.texts()

    def map(self, use: Callable[[Text], Any]) -> Any:
        """The value as plain data, with every text replaced by what `use` makes of it."""
        match self.value:
            case Text() as text:
                return use(text)
            case tuple() as items:
                return [item.map(use) for item in items]
            case dict() as entries:
                return {key: entry.map(use) for key, entry in entries.items()}
            case scalar:
                return scalar


@dataclass(frozen=True, slots=True)
class Patterns(_OpaqueInPydantic):
    """What a matched field may be: one text or a list of them, each equal or a glob.

    The words ``present`` and ``absent``, and ``ragged`` for a shape, are said alone.
    """

    texts: tuple[str, ...]
    span: Span = field(default=NOWHERE, compare=False)

    json_type: ClassVar[Any] = ["string", "array"]


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=64)]
"""A rule's identity: letters, digits, ``-`` and ``_``."""

Reason = Annotated[str, StringConstraints(min_length=1, max_length=500)]
"""Why; any words, but some."""

Length = Annotated[
    Annotated[int, Field(ge=0)] | None,
    WithJsonSchema({"type": ["integer", "null"], "minimum": 0}),
]
"""A length of a dimension, or null where it is not known before."""

Semver = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)?$")]
"""A version such as ``1.2.0``."""

Requirement = Annotated[str, StringConstraints(pattern=r"^[<>=!~^,. 0-9a-z*]+$")]
"""A range of versions such as ``>=1.20,<2``."""

Reference = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$", max_length=200)
]
"""Something to import: ``package.module:Name``."""
