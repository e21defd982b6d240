"""JSON Schema of values that were seen: wide enough for the next run, and no wider."""

from dataclasses import dataclass, field
from typing import Any

from tiledmap.documents.types import json_type

DEEPEST = 4
"""Levels of objects within objects that are described."""
MOST_FIELDS = 60
"""An object with more fields is a table of something, not a record."""

_ORDER = ("string", "boolean", "integer", "number", "array", "object", "null")


@dataclass(slots=True)
class SchemaOfValues:
    """What is known of the values of one field.

    Whole numbers are described as ``number``: the next value may have a fraction, and a run whose
    fields are not what was declared is stored by the fallback's layout. No value is ever listed.
    """

    count: int = 0
    kinds: set[str] = field(default_factory=set)
    _items: "SchemaOfValues | None" = None
    _fields: "dict[str, SchemaOfValues]" = field(default_factory=dict)

    def add(self, value: Any) -> None:
        """Take a value into account."""
        self.count += 1
        kind = json_type(value)
        self.kinds.add(kind)
        if kind == "object":
            for name, item in value.items():
                if isinstance(name, str):
                    self._fields.setdefault(name, SchemaOfValues()).add(item)
        elif kind == "array":
            self._items = self._items or SchemaOfValues()
            for item in plain_items(value):
                self._items.add(item)

    @property
    def whole(self) -> bool:
        """Whether all numbers had no fraction."""
        return "integer" in self.kinds and "number" not in self.kinds

    def schema(self, depth: int = 0) -> dict[str, Any]:
        """JSON Schema that allows all values that were taken."""
        kinds = {"number" if kind == "integer" else kind for kind in self.kinds}
        if not kinds - {"null"}:
            return {}  # nothing but null says nothing of what else may come
        named = [kind for kind in _ORDER if kind in kinds]
        schema: dict[str, Any] = {"type": named[0] if len(named) == 1 else named}
        if "array" in kinds and self._items is not None and (items := self._items.schema(depth)):
            schema["items"] = items
        if "object" in kinds and depth < DEEPEST and 0 < len(self._fields) <= MOST_FIELDS:
            schema["properties"] = {
                name: inner.schema(depth + 1) for name, inner in self._fields.items()
            }
        return schema


def plain_items(value: Any) -> list[Any]:
    """The items of a list, a tuple or an array; none of what is no such thing."""
    items = value.tolist() if hasattr(value, "tolist") else value
    return list(items) if isinstance(items, list | tuple) else []
