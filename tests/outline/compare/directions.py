"""Changes in one direction and in the other."""

from typing import Any

from tiledmap.outline.compare.values import Change, Kind

OPPOSITE = {Kind.ADDED: Kind.REMOVED, Kind.REMOVED: Kind.ADDED, Kind.CHANGED: Kind.CHANGED}


def told(change: Change) -> tuple[Any, ...]:
    """What a change is, whatever its category."""
    was, now = change.was, change.now
    return change.kind, change.aspect, change.what, change.attribute, was, now


def undone(change: Change) -> tuple[Any, ...]:
    """What the change back would be."""
    was, now = change.now, change.was
    return OPPOSITE[change.kind], change.aspect, change.what, change.attribute, was, now
