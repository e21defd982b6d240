"""What the functions of the expression language do, where Python has no word for it.

Generated code and the reference evaluator call these. A path is looked up in documents only:
mappings by key, lists by index; no attribute of an object is ever taken.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

LONGEST_TEXT = 1_000_000
"""Characters that a function makes at most; a longer text is a mistake, not metadata."""

_OUTSIDE_SLUG = re.compile(r"[^A-Za-z0-9_.-]")


class AbsentField(LookupError):  # noqa: N818  (what is the matter, not that it is an error)
    """A field that the mapping takes for granted is not in the document.

    Parameters
    ----------
    path
        The path as the mapping writes it.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"'{self.path}' is absent"


def take(value: Any, step: str | int) -> Any:
    """Take one step down; a LookupError where there is nothing."""
    if isinstance(step, str):
        if isinstance(value, Mapping):
            return value[step]
    elif _is_list(value):
        return value[step]
    raise LookupError(step)


def _is_list(value: Any) -> bool:
    """Say whether a value is a list, or a numpy array in its place."""
    if isinstance(value, Sequence):
        return not isinstance(value, str | bytes)
    return hasattr(type(value), "__array__") and hasattr(value, "shape")


def optional(document: Any, *steps: str | int) -> Any:
    """Return the value at the end of a path; None where any step of it is absent or null."""
    for step in steps:
        try:
            document = take(document, step)
        except LookupError:
            return None
    return document


def required(document: Any, path: str, *steps: str | int) -> Any:
    """Return the value at the end of a path that must be there; `path` names it in the error."""
    for step in steps:
        try:
            document = take(document, step)
        except LookupError:
            raise AbsentField(path) from None
    return document


def default(value: Any, otherwise: Any) -> Any:
    """Return the value, or `otherwise` where it is None."""
    return otherwise if value is None else value


def first(*values: Any) -> Any:
    """Return the first of the values that is not None; None if there is no such."""
    return next((value for value in values if value is not None), None)


def replace(text: str, old: str, new: str) -> str:
    """Replace every `old` by `new`."""
    length = len(text) + text.count(old) * (len(new) - len(old))
    if length > LONGEST_TEXT:
        raise ValueError(f"replace() would make a text of {length} characters")
    return text.replace(old, new)


def basename(path: str) -> str:
    """Return the last step of a file path, with either kind of slash."""
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]


def slug(text: str) -> str:
    """Make a text safe as a node's key and as a file's name."""
    safe = _OUTSIDE_SLUG.sub("_", text)
    return "_" * max(1, len(safe)) if safe in {"", ".", ".."} else safe


def pad(number: int, width: int) -> str:
    """Write an integer with zeros before it; a sign counts as a character."""
    if not 0 <= width <= 100:
        raise ValueError(f"pad() makes texts of up to 100 characters, not {width}")
    return f"{number:0{width}d}" if width else str(number)


def matches(text: str, pattern: re.Pattern[str]) -> bool:
    """Say whether the pattern is found anywhere in the text."""
    return pattern.search(text) is not None


def isoformat(seconds: float) -> str:
    """Write seconds since 1970 as ISO 8601 in UTC."""
    try:
        return datetime.fromtimestamp(seconds, tz=UTC).isoformat()
    except (OverflowError, OSError) as error:
        raise ValueError(f"isoformat() cannot write the time {seconds}") from error
