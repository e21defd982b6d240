"""What generated modules use to write a mapping's matches and copies down."""

from collections.abc import Callable, Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from importlib import import_module
from operator import attrgetter
from typing import Any

from tiledmap.runtime.layout import Document
from tiledmap.runtime.ops import Spec


def like(text: Any, *patterns: str) -> bool:
    """Whether `text` is like any of the patterns, written with ``*``, ``?`` and ``[…]``."""
    return isinstance(text, str) and any(fnmatchcase(text, pattern) for pattern in patterns)


def shaped(shape: Sequence[int | None] | None, *kinds: str) -> bool:
    """Whether a data key's shape is any of ``ragged``, ``scalar``, ``fixed``."""
    if not shape:
        return "scalar" in kinds
    return ("ragged" if None in shape else "fixed") in kinds


def same_text(text: Any, *patterns: str) -> bool:
    """Whether `text` is like any of the patterns, without regard to case."""
    return isinstance(text, str) and like(text.casefold(), *map(str.casefold, patterns))


def reshape(
    shape: Sequence[int | None],
    *,
    lengths: Sequence[int | None] | None = None,
    squeeze: bool = False,
    clamp: int | None = None,
    pad_left: int | None = None,
) -> list[int | None]:
    """A shape put right, in the order of the arguments; None is a length not known before.

    Parameters
    ----------
    lengths
        What it is altogether.
    squeeze
        Take out every length of 1.
    clamp
        The smallest length there is.
    pad_left
        Put lengths of 1 before the others, up to so many dimensions.
    """
    changed = list(shape if lengths is None else lengths)
    if squeeze:
        changed = [length for length in changed if length != 1]
    if clamp is not None:
        changed = [length if length is None else max(length, clamp) for length in changed]
    missing = (pad_left or 0) - len(changed)
    return [*([1] * missing), *changed]


def change(
    document: Document,
    *,
    set: Mapping[str, Any] | None = None,
    rename: Mapping[str, str] | None = None,
    without: Collection[str] = (),
) -> dict[str, Any]:
    """A copy of `document` with fields left out, renamed and set, in this order."""
    rename = rename or {}
    changed = {
        rename.get(name, name): value for name, value in document.items() if name not in without
    }
    return {**changed, **(set or {})}


def load_function(reference: str) -> Callable[..., Any]:
    """The function that ``package.module:function`` names."""
    module, _, name = reference.partition(":")
    function: Callable[..., Any] = attrgetter(name)(import_module(module))
    return function


def load_facility_function(name: str) -> Callable[..., Any]:
    """The function that a facility's package registers as `name` under ``tiledmap.functions``."""
    from importlib.metadata import entry_points  # slow to load, and seldom needed

    (entry,) = entry_points(group="tiledmap.functions", name=name)
    function: Callable[..., Any] = entry.load()
    return function


def without(document: Document, *fields: str) -> dict[str, Any]:
    """A copy of `document` without some of its fields."""
    return {name: value for name, value in document.items() if name not in fields}


def only(document: Document, *fields: str) -> dict[str, Any]:
    """A copy of `document` with only some of its fields, those that it has."""
    return {name: document[name] for name in fields if name in document}


def parse_spec(text: str) -> Spec:
    """A spec written as ``Name`` or ``Name/1.0``."""
    name, _, version = text.partition("/")
    return Spec(name, version or None)
