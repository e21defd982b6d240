"""Whether events and event pages are what event-model's schemas say, without their cost.

``jsonschema`` takes 100 µs for an event, most of it to find out what the schema says. The two
functions here accept the same documents, and numpy's own integers beside Python's; a property test
holds them to it. `EventReader`
decides the common case, an event with just the data keys of its descriptor, in one pass with taking
its values.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Number
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np

Row: TypeAlias = tuple[Any, ...]

FIELDS = ("seq_num", "time", "uid")
"""Fields of an event that begin a row, in this order; then the data, then the timestamps."""

_REQUIRED = frozenset({"data", "time", "timestamps", "descriptor", "seq_num", "uid"})
_ALLOWED = _REQUIRED | {"filled"}
_NOTHING_FILLED: dict[str, Any] = {}
_LONGEST_UID = 100


def event_problem(event: Any) -> str | None:
    """What event-model's schema has against an event, or None."""
    if problem := _fields_problem(event):
        return problem
    if not is_integer(event["seq_num"]):
        return "seq_num is no integer"
    if not _is_number(event["time"]):
        return "time is no number"
    if not isinstance(event["uid"], str):
        return "uid is no string"
    if not all(isinstance(value, bool | str) for value in event.get("filled", {}).values()):
        return "filled holds something that is neither a boolean nor a string"
    return None


def event_page_problem(page: Any) -> str | None:
    """What event-model's schema has against an event page, or None; also columns of two lengths."""
    if problem := _fields_problem(page):
        return problem
    for name, holds, what in (
        ("seq_num", is_integer, "integers"),
        ("time", _is_number, "numbers"),
        ("uid", _is_text, "strings"),
    ):
        if not _is_array(page[name]) or not all(map(holds, page[name])):
            return f"{name} is no array of {what}"
    for name in ("data", "timestamps", "filled"):
        if not all(map(_is_array, page.get(name, {}).values())):
            return f"{name} holds something that is no array"
    for flags in page.get("filled", {}).values():
        if not all(isinstance(flag, bool | str) for flag in flags):
            return "filled holds something that is neither a boolean nor a string"
    return None


def page_length_problem(page: Mapping[str, Any]) -> str | None:
    """A column of a page that is longer or shorter than its ``seq_num``, or None.

    The schema does not ask for this.
    """
    length = len(page["seq_num"])
    columns = {"time": page["time"], "uid": page["uid"]}
    for part in ("data", "timestamps"):
        columns |= {f"{part}.{name}": column for name, column in page[part].items()}
    for name, column in columns.items():
        if len(column) != length:
            return f"{name} has {len(column)} items, seq_num has {length}"
    return None


def fields_problem(document: Any, required: frozenset[str], allowed: frozenset[str]) -> str | None:
    """A field that a document lacks or should not have, or None."""
    if not isinstance(document, dict):
        return "is no object"
    if missing := required - document.keys():
        return f"{', '.join(sorted(missing))} missing"
    if extra := document.keys() - allowed:
        return f"has a field {', '.join(sorted(map(repr, extra)))} that the schema does not know"
    return None


def _fields_problem(document: Any) -> str | None:
    if problem := fields_problem(document, _REQUIRED, _ALLOWED):
        return problem
    if not isinstance(document["descriptor"], str):
        return "descriptor is no string"
    for name in ("data", "timestamps", "filled"):
        if not isinstance(document.get(name, {}), dict):
            return f"{name} is no object"
    return None


def is_integer(value: Any) -> bool:
    """Whether ``jsonschema`` takes a number, or numpy's, for an integer: 1.0 is one, True none."""
    if isinstance(value, int | np.integer):
        return not isinstance(value, bool)
    return isinstance(value, float) and value.is_integer()


def _is_number(value: Any) -> bool:
    return isinstance(value, Number) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_array(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return True
    # The schema cannot go through an array of no dimensions; most numpy scalars are such, too.
    return hasattr(value, "__array__") and _has_length(value)


def _has_length(value: Any) -> bool:
    try:
        len(value)
    except TypeError:
        return False
    return True


def values_of(keys: Sequence[str]) -> Callable[[Mapping[str, Any]], Row]:
    """A function that takes the values of `keys` from a mapping, as a tuple."""
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda mapping: tuple(mapping[key] for key in keys)


class EventReader:
    """Turns events with just these data keys into rows.

    Those of `external` are in files, and an event says so: ``filled`` is False for each. With
    `of`, only events are turned that can be made of their rows again: with values of these types
    alone, a uid of usual length, and a ``filled``.
    """

    __slots__ = ("_are_right", "_count", "_fields", "_unfilled", "_values")

    def __init__(
        self,
        keys: Sequence[str],
        external: Iterable[str] = (),
        *,
        of: frozenset[type] | None = None,
    ) -> None:
        self._count = len(keys)
        self._are_right = None if of is None else of.issuperset
        self._unfilled = dict.fromkeys(external, False)
        self._values = values_of(keys)
        self._fields = itemgetter("descriptor", "data", "timestamps", *FIELDS)

    def read(self, event: dict[str, Any]) -> Row | None:
        """The row of an event that is valid and has just the data keys; None of any other event."""
        try:
            descriptor, data, timestamps, seq_num, time, uid = self._fields(event)
            values = self._values(data) + self._values(timestamps)
        except (KeyError, TypeError, IndexError):
            return None
        filled = event.get("filled", _NOTHING_FILLED)
        if (
            type(data) is type(timestamps) is type(filled) is type(event) is dict
            and type(seq_num) is int
            and type(time) is float
            and time == time  # one that comes again is not known by NaN
            and type(uid) is type(descriptor) is str
            and len(data) == len(timestamps) == self._count
            and (not filled or self._is_unfilled(filled))
            and len(event) == (6 if filled is _NOTHING_FILLED else 7)
            and (
                self._are_right is None
                or (
                    filled is not _NOTHING_FILLED
                    and len(uid) < _LONGEST_UID
                    and self._are_right(map(type, values))
                )
            )
        ):
            beginning = (seq_num, time, uid)
            return beginning + values
        return None

    def _is_unfilled(self, filled: dict[str, Any]) -> bool:
        # 0 equals False, but the schema wants a boolean.
        return all(flag is False for flag in filled.values()) and filled == self._unfilled


def mismatch(keys: Iterable[str], given: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """The keys that are missing from `given`, and those it has beyond them."""
    expected = set(keys)
    return expected - given.keys(), given.keys() - expected
