"""Find the nodes of an outline that a path in the tree can be."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tiledmap.outline.globs import is_certain, literal_length, meet
from tiledmap.outline.values import Family, Outline, OutlineColumn, OutlineNode

_UID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(-[0-9a-f]{4}|$|_)", re.IGNORECASE)
"""How uids, whole or shortened, begin."""


@dataclass(frozen=True, slots=True)
class Found:
    """A node that a path can be, or one of its columns."""

    node: OutlineNode
    column: OutlineColumn | None = None


def steps_of(path: str) -> tuple[str, ...]:
    """Split ``/primary/internal/det`` into its keys."""
    return tuple(step for step in path.split("/") if step)


def find(outline: Outline, steps: Sequence[str]) -> tuple[Found, ...]:
    """Return what a path can be: below the run, or else from the top of the catalog.

    Parameters
    ----------
    steps
        Keys, or globs of keys; the last may be a table's column.
    """
    run = outline.node("run")
    in_full = any(_UID.search(step) for step in steps[: len(run.path)])
    if in_full and (found := find_from_top(outline, steps)):
        return found
    found = find_below_run(outline, steps)
    if found or "start.uid" in run.key:  # then a run's key has a uid in it, and would be known
        return found
    return find_from_top(outline, steps)


def find_below_run(outline: Outline, steps: Sequence[str]) -> tuple[Found, ...]:
    """Return what a path can be whose first key is below the run."""
    run = outline.node("run")
    return tuple(_search(run.children, steps)) if steps else (Found(run),)


def find_from_top(outline: Outline, steps: Sequence[str]) -> tuple[Found, ...]:
    """Return what a path can be whose first key is at the top of the catalog."""
    return tuple(_search(outline.top, steps))


def _search(nodes: Sequence[OutlineNode], steps: Sequence[str]) -> Iterator[Found]:
    if not steps:
        return
    step, *rest = steps
    fitting = [node for node in nodes if meet(step, node.globs)]
    certain = [node for node in fitting if is_certain(step, node.globs)]
    for node in certain or fitting:
        if not rest:
            yield Found(node)
        elif node.family is Family.CONTAINER:
            yield from _search(node.children, rest)
        elif node.family is Family.TABLE and len(rest) == 1:
            for column in _columns(node, rest[0]):
                yield Found(node, column)


def _columns(table: OutlineNode, name: str) -> list[OutlineColumn]:
    """Return the columns that a name can be: those whose names are most like it."""
    fitting = [column for column in table.columns if meet(name, column.globs)]
    if not fitting or "*" in name:
        return fitting
    most = max(max(map(literal_length, column.globs)) for column in fitting)
    return [column for column in fitting if max(map(literal_length, column.globs)) == most]
