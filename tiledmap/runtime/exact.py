"""Metadata as JSON data that Tiled stores and gives back exactly.

Tiled's catalogs take JSON, but not all of it: an integer beyond 64 bits, a float that is not finite
or is 2**64 or more, a NUL in a string are refused, changed, or poison the node for later readers.
Each such value is replaced by null in its place, and kept in a list under the top-level key
``_exact``, with the path to it:

>>> make_exact({"limits": [float("-inf"), 2.5]})
{'limits': [None, 2.5], '_exact': [{'path': ['limits', 0], 'float': '-inf'}]}
>>> restore_exact(make_exact({"limits": [float("-inf"), 2.5]}))
{'limits': [-inf, 2.5]}
"""

import base64
import json
import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import Enum
from pathlib import PurePath
from typing import Any, TypeAlias
from uuid import UUID

import numpy as np

EXACT_KEY = "_exact"
DEEPEST = 100
MANY_BITS = 10_000
"""Python refuses to read or write such integers in decimal."""
SMALLEST_INTEGER = -(2**63)
LARGEST_INTEGER = 2**64 - 1
FLOAT_LIMIT = 2.0**64
"""PostgreSQL's JSONB gives a whole float of this size back as an integer that nothing can read."""

Step: TypeAlias = str | int
Entry: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Exact:
    """Plain JSON data, the list of what it cannot hold, and what was no JSON data at all."""

    plain: Any = None
    entries: list[Entry] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def make_exact(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """`metadata` as JSON data, with what JSON or Tiled cannot hold under ``_exact``."""
    exact = split_exact(metadata)
    return with_entries(exact.plain, exact.entries)


def with_entries(plain: dict[str, Any], entries: list[Entry]) -> dict[str, Any]:
    """`plain` with `entries` under ``_exact``, where there are any."""
    return {**plain, EXACT_KEY: entries} if entries else plain


def split_exact(metadata: Mapping[str, Any], *, merged: bool = False) -> Exact:
    """Part `metadata` into JSON data and the entries that restore it.

    Parameters
    ----------
    metadata
        Any mapping with strings for keys.
    merged
        True for a merge patch, in which null means removal: nulls become entries, too.
    """
    exact = Exact()
    splitter = _Splitter(exact, merged)
    odd = {
        key: value
        for key, value in metadata.items()
        if not isinstance(key, str) or not storable_text(key)
    }
    exact.plain = {
        str(key): splitter.plain(value, (key,))
        for key, value in metadata.items()
        if key != EXACT_KEY and key not in odd
    }
    if odd:
        splitter.as_text(odd, ())
    if EXACT_KEY in metadata:
        own = Exact()
        value = _Splitter(own, merged=False).plain(metadata[EXACT_KEY], (EXACT_KEY,))
        exact.entries += [{"path": [EXACT_KEY], "value": value}, *own.entries]
        exact.refused += own.refused
    return exact


def restore_exact(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Put back what `make_exact` kept apart."""
    restored = deepcopy({key: value for key, value in metadata.items() if key != EXACT_KEY})
    for entry in metadata.get(EXACT_KEY, ()):
        value = _read(entry)
        if not entry["path"]:
            restored |= value if isinstance(value, dict) else {}
            continue
        *parents, last = entry["path"]
        place: Any = restored
        for step in parents:
            place = place[step]
        place[last] = value
    return restored


def _read(entry: Entry) -> Any:
    kind = next(key for key in entry if key != "path")
    return _READERS[kind](entry[kind])


_READERS: dict[str, Callable[[Any], Any]] = {
    "float": float,
    "integer": lambda text: int(text, 0),
    "text": lambda text: text.encode("ascii").decode("unicode_escape"),
    "bytes": base64.b64decode,
    "json": json.loads,
    "null": lambda _: None,
    "value": deepcopy,
    "repr": lambda text: text,
}


def storable_text(text: str) -> bool:
    """Whether Tiled and its databases take `text` as it is: no NUL, no lone surrogate."""
    if text.isascii():
        return "\0" not in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


@dataclass(slots=True)
class _Splitter:
    exact: Exact
    merged: bool

    def plain(self, value: Any, path: tuple[Step, ...]) -> Any:
        try:
            return self._plain(value, path)
        except Exception:  # a value may be of any class, and do what it likes
            return self._refuse(value, path)

    def _plain(self, value: Any, path: tuple[Step, ...]) -> Any:
        match value:
            case None:
                if self.merged and all(isinstance(step, str) for step in path):
                    return self._apart(path, "null", True)
                return None
            case Enum():
                return self.plain(value.value, path)
            case bool():
                return value
            case str():
                text = str(value)
                if storable_text(text):
                    return text
                return self._apart(path, "text", text.encode("unicode_escape").decode("ascii"))
            case int():
                if SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
                    return int(value)
                text = hex(value) if value.bit_length() > MANY_BITS else str(int(value))
                return self._apart(path, "integer", text)
            case float():
                if math.isfinite(value) and abs(value) < FLOAT_LIMIT:
                    return float(value)
                return self._apart(path, "float", repr(float(value)))
            case bytes() | bytearray():
                return self._apart(path, "bytes", base64.b64encode(value).decode("ascii"))
            case np.ndarray():
                return self._array(value, path)
            case np.generic():
                return self._scalar(value, path)
            case Mapping():
                return self._mapping(value, path)
            case list() | tuple():
                return self._list(value, path)
            case datetime() | date() | time():
                return value.isoformat()
            case PurePath() | UUID():
                return self.plain(str(value), path)
            case _:
                return self._refuse(value, path)

    def _apart(self, path: tuple[Step, ...], kind: str, value: Any) -> None:
        self.exact.entries.append({"path": list(path), kind: value})

    def _refuse(self, value: Any, path: tuple[Step, ...]) -> None:
        text = bounded_repr(value)
        shown = text.encode("unicode_escape").decode("ascii")
        where = ".".join(map(str, path)).encode("unicode_escape").decode("ascii")
        self.exact.refused.append(
            f"{where}: {type(value).__name__} is no JSON data; its repr is kept"
        )
        self._apart(path, "repr", shown)

    def _array(self, value: np.ndarray[Any, Any], path: tuple[Step, ...]) -> Any:
        if value.dtype.kind in "biu":
            return value.tolist()
        if value.dtype.kind == "f":
            with np.errstate(over="ignore"):
                sizes = np.abs(value.astype(np.float64))
            if value.dtype.itemsize <= sizes.itemsize and bool((sizes < FLOAT_LIMIT).all()):
                return value.tolist()
        if value.dtype.kind in "fOUS":
            return self.plain(value.tolist(), path)
        return self._refuse(value, path)

    def _scalar(self, value: np.generic, path: tuple[Step, ...]) -> Any:
        plain = value.item()
        if isinstance(plain, np.generic):  # a long double has no equal among Python's floats
            return self._refuse(value, path)
        return self.plain(plain, path)

    def _mapping(self, value: Mapping[Any, Any], path: tuple[Step, ...]) -> Any:
        if any(not isinstance(key, str) for key in value):
            return self._refuse(value, path)
        if len(path) >= DEEPEST or not all(map(storable_text, value)):
            return self.as_text(value, path)
        return {str(key): self.plain(item, (*path, str(key))) for key, item in value.items()}

    def _list(self, value: list[Any] | tuple[Any, ...], path: tuple[Step, ...]) -> Any:
        if len(path) >= DEEPEST:
            return self.as_text(value, path)
        return [self.plain(item, (*path, index)) for index, item in enumerate(value)]

    def as_text(self, value: Any, path: tuple[Step, ...]) -> None:
        if isinstance(value, Mapping) and any(not isinstance(key, str) for key in value):
            return self._refuse(value, path)
        try:
            text = json.dumps(value)
        except (TypeError, ValueError, RecursionError):
            return self._refuse(value, path)
        return self._apart(path, "json", text)


def bounded_repr(value: Any, longest: int = 10_000) -> str:
    """The repr of `value`, cut where it is very long; never raises."""
    try:
        text = repr(value)
    except Exception:  # it may be nested too deeply, or of any class
        return f"<{type(value).__name__} without a repr>"
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"


class NodeMetadata:
    """The metadata of a node that is patched later.

    A merge patch replaces lists, so each patch that adds to ``_exact`` must send all of it; this
    remembers what was sent.
    """

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        exact = split_exact(metadata)
        self.created = with_entries(exact.plain, exact.entries)
        self.refused = exact.refused
        self._entries = exact.entries

    def patched(self, patch: Mapping[str, Any]) -> dict[str, Any]:
        """`patch` as a merge patch that keeps the node's metadata exact."""
        exact = split_exact(patch, merged=True)
        self.refused = exact.refused
        kept = [entry for entry in self._entries if not _replaced(entry["path"], patch)]
        changed = exact.entries or len(kept) < len(self._entries)
        self._entries = [*kept, *exact.entries]
        return {**exact.plain, EXACT_KEY: self._entries} if changed else exact.plain


def _replaced(path: list[Step], patch: Any) -> bool:
    """Whether a merge with `patch` leaves nothing of what stood at `path`."""
    for step in path:
        if not isinstance(patch, Mapping):
            return True
        if step not in patch:
            return False
        patch = patch[step]
    return True
