"""What a path of fields denotes in a document."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from tiledmap.documents.schemas import document_schema
from tiledmap.documents.types import (
    ANY,
    INTEGER,
    TEXT,
    Field,
    Type,
    both,
    type_of_schema,
)

DATA_KEY_FIELDS: dict[str, Field] = {
    "name": Field(TEXT, True, "The data key's name in the descriptor.", "tiledmap"),
    "size": Field(
        INTEGER, True, "Elements of one value: the product of its shape, 0 if ragged.", "tiledmap"
    ),
    "ndim": Field(INTEGER, True, "Dimensions of one value: the length of its shape.", "tiledmap"),
    "device": Field(
        TEXT, True, "The device that it belongs to: object_name, or an empty text.", "tiledmap"
    ),
    "dtype_numpy": Field(
        TEXT, True, "numpy's dtype as numpy writes it, such as '<f8' or '<U0'.", "tiledmap"
    ),
}
"""What a data key has beside event-model's fields, made from them."""


@cache
def _event_model_type(name: str) -> Type:
    schema = document_schema(name)
    return replace(type_of_schema(schema, schema.get("$defs", {})), open=None)


def document_type(name: str, additions: Mapping[str, Any] | None = None) -> Type:
    """Return the type of a document. A field that is not declared is not there.

    Parameters
    ----------
    name
        event-model's name of the document type.
    additions
        ``{"properties": …, "required": …}`` that a mapping declares under ``source``. A field
        that event-model has too becomes narrower.
    """
    known = _event_model_type(name)
    if not additions:
        return known
    added = type_of_schema({"properties": additions.get("properties") or {}})
    fields = {
        field: _narrowed(known.properties.get(field), each)
        for field, each in added.properties.items()
    }
    for field in additions.get("required") or ():
        there = fields.get(field) or known.properties.get(field)
        if there is not None:
            fields[field] = replace(there, required=True)
    return replace(known, properties={**known.properties, **fields})


def _narrowed(known: Field | None, added: Field) -> Field:
    if known is None:
        return replace(added, declared_in="source")
    return replace(
        known,
        type=both(known.type, added.type),
        description=added.description or known.description,
    )


def data_key_type(descriptor: Type) -> Type:
    """Return the type of a data key of such a descriptor, derived fields included."""
    declared = descriptor.properties["data_keys"].type.open or ANY
    return replace(declared, properties={**declared.properties, **DATA_KEY_FIELDS}, open=None)


@dataclass(frozen=True, slots=True)
class Found:
    """What a path denotes.

    Parameters
    ----------
    type
        The type of the value, if the path exists.
    absent_at
        The first step that a document need not have; None where the whole path is sure.
    failed_at
        The first step that cannot be taken; None where the path exists.
    within
        The type in which that step was looked up.
    field
        The declared field at `absent_at`, where there is one.
    """

    type: Type
    absent_at: int | None = None
    failed_at: int | None = None
    within: Type = ANY
    field: Field | None = None

    @property
    def sure(self) -> bool:
        """Whether every document has the path."""
        return self.failed_at is None and self.absent_at is None


def look_up(
    type: Type,
    steps: tuple[str | int, ...],
    present: Callable[[tuple[str | int, ...]], bool] = lambda steps: False,
) -> Found:
    """Follow steps down a type.

    Parameters
    ----------
    type
        Where the path begins.
    steps
        Names of fields and numbers of items.
    present
        Says of a beginning of the path that it is known to be there and not null.
    """
    absent_at: int | None = None
    absent_field: Field | None = None
    for position, step in enumerate(steps):
        taken = _take(type, step)
        if taken is None:
            return Found(ANY, absent_at, position, type, absent_field)
        sure = present(steps[: position + 1])
        if not taken.required and not sure and absent_at is None:
            absent_at, absent_field = position, taken
        type = taken.type.without_null() if sure else taken.type
    return Found(type, absent_at, field=absent_field)


def _take(type: Type, step: str | int) -> Field | None:
    """Take one step; the field is not required where the step can fail."""
    if type.reported:
        return Field(type, True)
    if isinstance(step, int):
        return Field(type.item, False) if "array" in type.kinds else None
    if "object" not in type.kinds:
        return None
    there = type.properties.get(step)
    if there is None:
        return None if type.others is None else Field(type.others, False)
    alone = type.kinds == {"object"}
    return there if alone else replace(there, required=False)


def field_at(type: Type, steps: tuple[str | int, ...]) -> Field | None:
    """Return the field or item that a path ends at, as its holder has it; None where none is."""
    field: Field | None = None
    for step in steps:
        field = _take(type, step)
        if field is None:
            return None
        type = field.type
    return field
