"""Whether datums, datum pages and stream datums are what event-model's schemas say, at little cost.

They come as often as events do. The functions here accept the same documents as the schemas, and
numpy's own integers beside Python's; a property test holds them to it.
"""

from typing import Any

from tiledmap.runtime.event_check import fields_problem, is_integer

_DATUM = frozenset({"datum_id", "datum_kwargs", "resource"})
_STREAM_DATUM = ("descriptor", "stream_resource", "uid")
_RANGES = ("indices", "seq_nums")


def datum_problem(datum: Any) -> str | None:
    """What event-model's schema has against a datum, or None."""
    if problem := _fields_problem(datum):
        return problem
    if not isinstance(datum["datum_id"], str):
        return "datum_id is no string"
    return None


def datum_page_problem(page: Any) -> str | None:
    """What the schema has against a datum page, or None; also columns of several lengths."""
    if problem := _fields_problem(page):
        return problem
    ids, columns = page["datum_id"], page["datum_kwargs"]
    if not isinstance(ids, list | tuple) or not all(isinstance(each, str) for each in ids):
        return "datum_id is no array of strings"
    for name, column in columns.items():
        if not isinstance(column, list | tuple):
            return f"datum_kwargs[{name!r}] is no array"
        if len(column) != len(ids):
            return f"datum_kwargs[{name!r}] has {len(column)} items, datum_id has {len(ids)}"
    return None


def _fields_problem(document: Any) -> str | None:
    if problem := fields_problem(document, _DATUM, _DATUM):
        return problem
    if not isinstance(document["resource"], str):
        return "resource is no string"
    if not isinstance(document["datum_kwargs"], dict):
        return "datum_kwargs is no object"
    return None


def stream_datum_problem(datum: Any) -> str | None:
    """What event-model's schema has against a stream datum, or None."""
    if not isinstance(datum, dict):
        return "is no object"
    for name in _STREAM_DATUM:
        if not isinstance(datum.get(name), str):
            return f"{name} is no string"
    for name in _RANGES:
        limits = datum.get(name)
        if not isinstance(limits, dict):
            return f"{name} is no object"
        if not all(is_integer(limits.get(end)) for end in ("start", "stop")):
            return f"{name} has no start and stop that are integers"
    return None
