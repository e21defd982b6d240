"""Metadata patches: RFC 7396, in which ops are said, and RFC 6902, which Tiled is sent."""

from collections.abc import Iterable, Iterator, Mapping
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


def json_patch(keys: Iterable[str], stored: Json, wanted: Json) -> Iterator[Json]:
    """Yield the steps, RFC 6902, that make each of `keys` in `stored` what it is in `wanted`.

    Whole values replace whole values: what an earlier attempt left inside of one goes.
    """
    for key in keys:
        path = pointer(key)
        if key in wanted:
            if key not in stored or stored[key] != wanted[key]:
                yield {"op": "add", "path": path, "value": wanted[key]}
        elif key in stored:
            yield {"op": "remove", "path": path}


def pointer(key: str) -> str:
    """Where a key of metadata is, RFC 6901."""
    return f"/{key.replace('~', '~0').replace('/', '~1')}"
