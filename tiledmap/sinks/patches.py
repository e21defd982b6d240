"""Metadata patches: RFC 7396, in which ops are said, and RFC 6902, which Tiled is sent."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


def merged(value: Any, patch: Any) -> Any:
    """`value` after a merge patch, as RFC 7396 has it."""
    if not isinstance(patch, Mapping):
        return deepcopy(patch)
    new = dict(value) if isinstance(value, Mapping) else {}
    for key, change in patch.items():
        if change is None:
            new.pop(key, None)
        else:
            new[key] = merged(new.get(key), change)
    return new


def json_patch(patch: Json, metadata: Json, place: str = "") -> Iterator[Json]:
    """Yield the steps, RFC 6902, that do to `metadata` what a merge patch would."""
    for key, value in patch.items():
        path = f"{place}/{key.replace('~', '~0').replace('/', '~1')}"
        old = metadata.get(key)
        if value is None:
            if key in metadata:
                yield {"op": "remove", "path": path}
        elif isinstance(value, dict) and isinstance(old, dict):
            yield from json_patch(value, old, path)
        else:
            new = merged({}, value) if isinstance(value, dict) else value
            yield {"op": "add", "path": path, "value": new}
