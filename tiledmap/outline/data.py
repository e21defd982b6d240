"""An outline as JSON data, for programs."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any

from tiledmap.outline.values import FieldPath, Outline
from tiledmap.problems import Span

_ELSEWHERE = frozenset({"links", "coverage"})
"""What `tiledmap coverage` and `tiledmap explain` tell."""


def outline_as_data(outline: Outline) -> dict[str, Any]:
    """Return the tree that a mapping makes, with its repairs, settings and ancestors."""
    return {
        each.name: _as_data(getattr(outline, each.name))
        for each in fields(outline)
        if each.name not in _ELSEWHERE
    }


def _as_data(value: Any) -> Any:
    match value:
        case Span() | FieldPath():
            return str(value)
        case StrEnum():
            return value.value
        case Mapping():
            return {key: _as_data(inner) for key, inner in value.items()}
        case tuple() if hasattr(value, "_asdict"):
            return _as_data(value._asdict())
        case tuple() | list():
            return [_as_data(inner) for inner in value]
    if is_dataclass(value):
        return {each.name: _as_data(getattr(value, each.name)) for each in fields(value)}
    return value
