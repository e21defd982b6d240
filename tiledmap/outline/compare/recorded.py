"""Compare the trees that two mappings make of the same recorded documents."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from tiledmap.outline.compare.values import Aspect, Category, Change, Fact, Kind, count_alike
from tiledmap.outline.find import steps_of
from tiledmap.outline.values import Move
from tiledmap.runtime.ops import CreateContainer, Path
from tiledmap.sinks.memory import MemorySink, StoredNode

Key: TypeAlias = tuple[str, Aspect, str]

_DEPTH = 8
"""Keys of metadata down to which values are compared one by one: ``start.uid``."""

_LONGEST = 80
"""Characters of a value that are shown."""
_BEFORE = 20
"""Characters that are shown before what differs."""

_GONE = {
    Aspect.NODE: Category.LOSSY,
    Aspect.SPEC: Category.READER,
    Aspect.ACCESS_TAG: Category.READER,
    Aspect.METADATA: Category.LOSSY,
    Aspect.COLUMN: Category.LOSSY,
}
_CHANGED = {"lies in": Category.PATH, "first spec": Category.READER}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is different in recorded runs.

    Parameters
    ----------
    runs
        How many were compared.
    changed
        In how many there is any difference.
    changes
        Each difference, with the number of runs that have it; strictest first.
    """

    runs: int
    changed: int
    changes: tuple[tuple[Change, int], ...]


def compare_recorded(before: MemorySink, after: MemorySink, moved: Iterable[Move] = ()) -> Recorded:
    """Compare what two mappings made of the same documents, run by run.

    Parameters
    ----------
    moved
        The moves that the mapping declares.
    """
    old, new = _facts_by_run(before), _facts_by_run(after)
    counts: dict[Change, int] = {}
    changed = 0
    runs = list(dict.fromkeys([*old, *new]))
    for run in runs:
        found = list(_differences(old.get(run, {}), new.get(run, {}), list(moved)))
        changed += bool(found)
        for change in dict.fromkeys(found):
            counts[change] = counts.get(change, 0) + 1
    ordered = sorted(counts, key=lambda change: (change.category.rank, change.where, change.what))
    return Recorded(len(runs), changed, tuple((change, counts[change]) for change in ordered))


# ---------------------------------------------------------------- facts


def _facts_by_run(sink: MemorySink) -> dict[str, dict[Key, Fact]]:
    """Return the facts of each run's nodes, by the run's uid."""
    found: dict[str, dict[Key, Fact]] = {}
    places: dict[str, Path] = {}
    for op in sink.ops:
        if isinstance(op, CreateContainer) and not op.shared and op.run not in places:
            places[op.run] = sink.place(op)
    for run, place in places.items():
        facts: dict[Key, Fact] = {}
        for path, node in sink.tree.items():
            if path[: len(place)] == place:
                above = "/".join(path[:-1]) if path == place else ""
                for fact in _facts(path[len(place) :], above, node):
                    facts[fact.key] = fact
        found[run] = facts
    return found


def _facts(below: Path, above: str, node: StoredNode) -> Iterator[Fact]:
    where = "/" + "/".join(below)
    owner = f"{where} {node.family}"  # a node of another family is another node
    data = node.data
    source = node.source
    shape = data.shape if data is not None else source.shape if source is not None else node.shape
    dtype = data.dtype if data is not None else source.dtype if source is not None else None
    dims = source.dims if source is not None else node.dims
    said = {
        "is": node.family,
        "first spec": str(node.specs[0]) if node.specs else "",
        "dtype": str(dtype) if dtype is not None else "",
        "shape": str(list(shape)) if shape is not None else "",
        "dims": ", ".join(dims or ()),
        "rows": str(node.rows.num_rows) if node.rows is not None else "",
        "mimetype": source.mimetype if source is not None else "",
        "files": ", ".join(asset.uri for asset in source.assets) if source is not None else "",
        "chunks": str(source.chunks) if source is not None else "",
        "lies in": f"/{above}",
    }
    yield Fact(owner, Aspect.NODE, "", where, said)
    for spec in node.specs:
        yield Fact(owner, Aspect.SPEC, str(spec), where, {})
    for tag in node.access_tags or () if not below else ():
        yield Fact(owner, Aspect.ACCESS_TAG, tag, where, {})
    for key, value in _leaves(node.metadata, ()):
        text = json.dumps(value, ensure_ascii=False, default=str, sort_keys=True)
        yield Fact(owner, Aspect.METADATA, key, where, {"is": text})
    for column in node.rows.schema if node.rows is not None else ():
        yield Fact(owner, Aspect.COLUMN, column.name, where, {"type": str(column.type)})


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value and len(path) < _DEPTH:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, str(key)))
    elif path:
        yield ".".join(path), value


# ---------------------------------------------------------------- differences


def _differences(
    before: Mapping[Key, Fact], after: Mapping[Key, Fact], moved: list[Move]
) -> Iterator[Change]:
    gone = {key: fact for key, fact in before.items() if key not in after}
    come = {key: fact for key, fact in after.items() if key not in before}
    for key, now in after.items():
        if key in before:
            yield from _changes(before[key], now)
    for was, now in _moves(gone, come, moved):
        move = next((each for each in moved if _says(each, was, now)), None)
        yield Change(
            Category.PATH,
            Kind.CHANGED,
            Aspect.NODE,
            now.where,
            "",
            "path",
            was.where,
            now.where,
            move=move,
        )
        for facts, owner in ((gone, was.owner), (come, now.owner)):
            for key in [key for key in facts if key[0] == owner]:
                del facts[key]
    for kind, facts, others in ((Kind.REMOVED, gone, after), (Kind.ADDED, come, before)):
        whole = {fact.owner for fact in facts.values() if fact.aspect is Aspect.NODE}
        parts = [fact for fact in facts.values() if fact.owner not in whole]
        nodes = [fact for fact in facts.values() if fact.aspect is Aspect.NODE]
        for fact in (*nodes, *_together(parts, others.values())):
            yield _single(kind, fact)


def _together(facts: Iterable[Fact], others: Iterable[Fact]) -> Iterator[Fact]:
    """Say of metadata of which nothing is left, or was there, that all of it came or went."""
    there = {
        (fact.owner, name)
        for fact in others
        if fact.aspect is Aspect.METADATA
        for name in _above(fact.name)
    }
    told = set()
    for fact in facts:
        if fact.aspect is not Aspect.METADATA:
            yield fact
            continue
        top = next((name for name in _above(fact.name) if (fact.owner, name) not in there), "")
        if (fact.owner, top) not in told:
            told.add((fact.owner, top))
            yield fact if top in ("", fact.name) else replace(fact, name=top, attributes={})


def _above(name: str) -> list[str]:
    """Return the names of what a value is in, the outermost first, and its own."""
    steps = name.split(".")
    return [".".join(steps[: count + 1]) for count in range(len(steps))]


def _single(kind: Kind, fact: Fact) -> Change:
    category = _GONE[fact.aspect] if kind is Kind.REMOVED else Category.ADDITIVE
    if fact.aspect is Aspect.NODE and fact.attributes["is"] == "container":
        category = Category.PATH
    what = "" if fact.aspect is Aspect.NODE else f"{fact.aspect} {fact.name}"
    text, _ = _in_short(fact.attributes.get("type") or fact.attributes.get("is", ""), "")
    was, now = (text, "") if kind is Kind.REMOVED else ("", text)
    return Change(category, kind, fact.aspect, fact.where, what, was=was, now=now)


def _changes(was: Fact, now: Fact) -> Iterator[Change]:
    what = "" if now.aspect is Aspect.NODE else f"{now.aspect} {now.name}"
    for attribute, text in now.attributes.items():
        former = was.attributes[attribute]
        if former != text:
            category = _CHANGED.get(attribute, Category.TYPE)
            if category is Category.READER and not former:
                category = Category.ADDITIVE
            shown = _in_short(former, text)
            yield Change(category, Kind.CHANGED, now.aspect, now.where, what, attribute, *shown)


def _in_short(was: str, now: str) -> tuple[str, str]:
    """Cut long texts around what differs."""
    if max(len(was), len(now)) <= _LONGEST:
        return was, now
    start = max(0, count_alike(was, now) - _BEFORE)
    return _cut(was, start), _cut(now, start)


def _cut(text: str, start: int) -> str:
    stop = start + _LONGEST
    return f"{'…' if start else ''}{text[start:stop]}{'…' if stop < len(text) else ''}"


def _moves(
    gone: Mapping[Key, Fact], come: Mapping[Key, Fact], moved: list[Move]
) -> list[tuple[Fact, Fact]]:
    """Pair nodes that are elsewhere: those of declared moves, then those that are alike."""
    old = [fact for fact in gone.values() if fact.aspect is Aspect.NODE]
    new = [fact for fact in come.values() if fact.aspect is Aspect.NODE]

    def is_declared(was: Fact, now: Fact) -> bool:
        return any(_says(move, was, now) for move in moved)

    def are_alike(was: Fact, now: Fact) -> bool:
        return _content(was, gone) == _content(now, come)

    def are_alike_and_of_one_key(was: Fact, now: Fact) -> bool:
        return was.where.split("/")[-1] == now.where.split("/")[-1] and are_alike(was, now)

    pairs: list[tuple[Fact, Fact]] = []
    for fits in (is_declared, are_alike_and_of_one_key, are_alike):
        for was in list(old):
            now = next((each for each in new if fits(was, each)), None)
            if now is not None:
                old.remove(was)
                new.remove(now)
                pairs.append((was, now))
    return pairs


def _content(node: Fact, facts: Mapping[Key, Fact]) -> tuple[object, object]:
    """Return what makes a node what it is, wherever it lies."""
    columns = [
        (fact.name, fact.attributes["type"])
        for fact in facts.values()
        if fact.owner == node.owner and fact.aspect is Aspect.COLUMN
    ]
    return dict(node.attributes), sorted(columns)


def _says(move: Move, was: Fact, now: Fact) -> bool:
    return steps_of(move.was) == steps_of(was.where) and steps_of(move.now) == steps_of(now.where)
