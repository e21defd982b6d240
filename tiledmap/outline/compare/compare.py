"""Compare two mappings: every difference that a reader of the data would notice."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from tiledmap.language import nodes
from tiledmap.outline.compare.facts import ORDER, facts_of
from tiledmap.outline.compare.judge import Judge, entry_of, is_passed_on, strictest
from tiledmap.outline.compare.values import (
    Aspect,
    Bump,
    Category,
    Change,
    Comparison,
    Fact,
    Kind,
    Renaming,
    Side,
)
from tiledmap.outline.find import find_below_run, steps_of
from tiledmap.outline.globs import meet
from tiledmap.outline.values import Move
from tiledmap.problems import Span

Facts: TypeAlias = dict[tuple[str, Aspect, str], Fact]
"""Facts by `Fact.key`, with the names that rules have after."""

_OF_RULES = (Aspect.NODE, Aspect.TAKING, Aspect.DROP, Aspect.ASSET, Aspect.REPAIR)
"""Aspects whose owner is a rule, which may only have another name."""

_STORING = (Aspect.NODE, Aspect.TAKING, Aspect.DROP)
"""Aspects that say how a rule stores what it takes."""

_RENAMED = {Aspect.METADATA: ("value", "type"), Aspect.COLUMN: ("of", "values")}
"""What must be the same of two things for one to be the other under another name."""


def compare(before: Side, after: Side) -> Comparison:
    """Compare two mappings, or two versions of one.

    Settings are compared by their defaults; whatever is made of them stays as it is written.
    """
    profile = nodes.Profile.BLUESKY_V3 if _promises(before) or _promises(after) else None
    old, new = facts_of(before, profile), facts_of(after, profile)
    renaming = _renaming(old, new)
    changes = [
        *_differences(Judge(before, after), old, new, renaming),
        *(
            Change(Category.TEXT, Kind.CHANGED, Aspect.HEADER, "rules", "", "name", was, now)
            for was, now in renaming.of_themselves().items()
        ),
    ]
    changes = [_declared(change, before, after) for change in changes]
    return Comparison(
        before=f"{before.outline.name} {before.outline.version}",
        after=f"{after.outline.name} {after.outline.version}",
        changes=tuple(sorted(changes, key=_reading_order)),
        bump=_bump(before, after, changes),
    )


def _promises(side: Side) -> bool:
    return side.mapping.profile is nodes.Profile.BLUESKY_V3


def _reading_order(change: Change) -> tuple[object, ...]:
    at = change.at
    place = (at.file, at.line, at.column) if at is not None else ("", 0, 0)
    return change.category.rank, place, change.aspect, change.where, change.what, change.attribute


# ---------------------------------------------------------------- names of rules


def _renaming(old: Sequence[Fact], new: Sequence[Fact]) -> Renaming:
    """Find the rules of which nothing but the name differs."""
    ids: dict[str, str] = {}
    before, after = ({fact.owner for fact in facts} for facts in (old, new))
    gone = [fact for fact in old if fact.owner not in after and _names_a_rule(fact)]
    come = [fact for fact in new if fact.owner not in before and _names_a_rule(fact)]
    for depth in sorted({fact.owner.count(".") for fact in gone}):
        renaming = Renaming(dict(ids))
        was = [fact for fact in gone if fact.owner.count(".") == depth]
        for one, other in _pairs(was, come, partial(_sense, renaming), partial(_sense, Renaming())):
            ids[one.owner] = other.owner
    return Renaming(ids)


def _pairs(
    old: Iterable[Fact],
    new: Iterable[Fact],
    sense_before: Callable[[Fact], Any],
    sense_after: Callable[[Fact], Any],
) -> Iterator[tuple[Fact, Fact]]:
    """Pair facts that say the same, the first with the first; in both directions alike."""
    waiting: dict[Any, list[Fact]] = {}
    for fact in new:
        waiting.setdefault(sense_after(fact), []).append(fact)
    for fact in old:
        others = waiting.get(sense_before(fact))
        if others:
            yield fact, others.pop(0)


def _names_a_rule(fact: Fact) -> bool:
    return fact.aspect in _OF_RULES and not fact.name


def _sense(renaming: Renaming, fact: Fact) -> tuple[object, ...]:
    """Return what a rule is but for its own name."""
    above, _, _ = fact.owner.rpartition(".")
    return renaming.after(above), fact.aspect, tuple(sorted(_said(fact, renaming).items()))


def _said(fact: Fact, renaming: Renaming) -> dict[str, str]:
    """Return what is said, with rules under their new names."""
    return {
        attribute: renaming.after(text) if fact.aspect is Aspect.TAKING else text
        for attribute, text in fact.attributes.items()
    }


# ---------------------------------------------------------------- differences


def _differences(
    judge: Judge, old: Iterable[Fact], new: Iterable[Fact], renaming: Renaming
) -> Iterator[Change]:
    before = {(renaming.after(fact.owner), fact.aspect, fact.name): fact for fact in old}
    after = {fact.key: fact for fact in new}
    gone = {key: fact for key, fact in before.items() if key not in after and key[2] != ORDER}
    come = {key: fact for key, fact in after.items() if key not in before and key[2] != ORDER}
    for key, now in after.items():
        if key in before:
            yield from _changed(judge, before[key], now, renaming)
    yield from _stored_otherwise(gone, come)
    yield from _renamed(gone, come, renaming)
    _leave_out_what_belongs_to_others(gone, come)
    for fact in gone.values():
        owner = renaming.after(fact.owner)
        if not _passed_on(judge.after, judge.before, fact, owner):
            yield single(judge.removed(fact), Kind.REMOVED, fact)
    old_ids = {now: was for was, now in renaming.ids.items()}
    for fact in come.values():
        owner = old_ids.get(fact.owner, fact.owner)
        if not _passed_on(judge.before, judge.after, fact, owner):
            yield single(judge.added(fact), Kind.ADDED, fact)


def _changed(judge: Judge, was: Fact, now: Fact, renaming: Renaming) -> Iterator[Change]:
    said = _said(was, renaming)
    for attribute, text in now.attributes.items():
        former = said.get(attribute, "")
        if now.name == ORDER:
            former, text = _orders_of_both(former, text, renaming, was.owner)
        if former != text:
            yield Change(
                judge.changed(was, now, attribute),
                Kind.CHANGED,
                now.aspect,
                now.where,
                _what(now),
                attribute,
                former,
                text,
                was.at,
                now.at,
            )


def _orders_of_both(was: str, now: str, renaming: Renaming, owner: str) -> tuple[str, str]:
    """Return the orders of the rules that are there before and after."""
    before = [
        renaming.after(f"{owner}.{name}").rpartition(".")[2] for name in was.split(", ") if name
    ]
    after = now.split(", ")
    return (
        ", ".join(name for name in before if name in after),
        ", ".join(name for name in after if name in before),
    )


def _stored_otherwise(gone: Facts, come: Facts) -> Iterator[Change]:
    """Pair what a rule was with what it is: a node, a column, or nothing."""
    for owner in dict.fromkeys(key[0] for key in gone):
        was = _pop_storing(gone, owner, come)
        if was is None:
            continue
        now = _pop_storing(come, owner)
        assert now is not None
        lost, found = now.aspect is Aspect.DROP, was.aspect is Aspect.DROP
        yield Change(
            Category.LOSSY if lost else Category.ADDITIVE if found else Category.PATH,
            Kind.CHANGED,
            Aspect.NODE,
            owner,
            "",
            "stored as",
            _storage(was),
            _storage(now),
            was.at,
            now.at,
        )


def _pop_storing(
    facts: Facts,
    owner: str,
    others: Facts | None = None,
) -> Fact | None:
    """Take out how a rule stores, with all that belongs to it; None where there is no other way."""
    if others is not None and not any((owner, aspect, "") in others for aspect in _STORING):
        return None
    ways = [(owner, aspect, "") for aspect in _STORING]
    fact = next((facts[way] for way in ways if way in facts), None)
    if fact is not None:
        for key in [key for key in facts if key[0] == owner]:
            del facts[key]
    return fact


def _storage(fact: Fact) -> str:
    if fact.aspect is Aspect.TAKING:
        return f"columns of {fact.where}"
    if fact.aspect is Aspect.DROP:
        return f"nothing: {fact.attributes['reason']}"
    return f"{fact.attributes['is']} {fact.where}"


def _renamed(gone: Facts, come: Facts, renaming: Renaming) -> Iterator[Change]:
    """Pair metadata and columns that have another name, and are the same otherwise."""
    old = [fact for fact in gone.values() if _can_be_renamed(fact)]
    new = [fact for fact in come.values() if _can_be_renamed(fact)]
    for was, now in _pairs(old, new, partial(_content, renaming), partial(_content, Renaming())):
        del gone[renaming.after(was.owner), was.aspect, was.name], come[now.key]
        yield Change(
            Category.PATH,
            Kind.CHANGED,
            was.aspect,
            now.where,
            str(was.aspect),
            "name",
            was.name,
            now.name,
            was.at,
            now.at,
        )


def _can_be_renamed(fact: Fact) -> bool:
    """Whether a name can be told from what is named: two equal constants need not be one thing."""
    if fact.aspect is Aspect.METADATA:
        return "${{" in fact.attributes["value"] or fact.copied
    return fact.aspect is Aspect.COLUMN


def _content(renaming: Renaming, fact: Fact) -> tuple[object, ...]:
    """Return what metadata or a column is, but for its name; of a copied field the last of it."""
    field = fact.name.rpartition(".")[2] if fact.copied else ""
    said = tuple(fact.attributes[name] for name in _RENAMED[fact.aspect])
    return renaming.after(fact.owner), fact.aspect, field, said


def _leave_out_what_belongs_to_others(gone: Facts, come: Facts) -> None:
    """Forget the parts of nodes, and nodes of streams, that came or went as a whole."""
    for facts in (gone, come):
        whole = {fact.owner for fact in facts.values() if fact.aspect in _STORING and not fact.name}
        for key in list(facts):
            owner, aspect, name = key
            inside = any(owner.startswith(f"{each}.") for each in whole)
            if inside or (owner in whole and (aspect not in _STORING or name)):
                del facts[key]


def _passed_on(there: Side, here: Side, fact: Fact, owner: str) -> bool:
    """Whether a copied field is stored on the other side too, where nobody declares it."""
    return fact.copied and is_passed_on(there, owner, entry_of(here, fact))


def single(category: Category, kind: Kind, fact: Fact) -> Change:
    """Return the change that something came or went."""
    names = _SHOWN.get(fact.aspect, tuple(fact.attributes))
    shown = ", ".join(fact.attributes[name] for name in names if fact.attributes.get(name))
    there = fact.at
    return Change(
        category,
        kind,
        fact.aspect,
        fact.where,
        _what(fact),
        was=shown if kind is Kind.REMOVED else "",
        now=shown if kind is Kind.ADDED else "",
        before=there if kind is Kind.REMOVED else None,
        after=there if kind is Kind.ADDED else None,
    )


_SHOWN = {
    Aspect.NODE: ("is", "taken where"),
    Aspect.METADATA: ("value",),
    Aspect.COLUMN: ("type", "values"),
    Aspect.TAKING: ("taken where",),
    Aspect.ASSET: ("taken where", "consolidator", "refused"),
    Aspect.REPAIR: ("does",),
    Aspect.HOOK: ("does",),
    Aspect.SETTING: ("default",),
    Aspect.FIELD: ("type",),
}
"""What is told of something that came or went; all of it, where nothing is listed."""

_NAMED = (Aspect.SPEC, Aspect.ACCESS_TAG, Aspect.METADATA, Aspect.COLUMN, Aspect.SETTING)
"""Aspects whose facts have names that say nothing by themselves."""


def _what(fact: Fact) -> str:
    """Name what a fact is about, beside where it is."""
    if fact.aspect is Aspect.TAKING:
        return f"{fact.aspect} {fact.owner}"
    return f"{fact.aspect} {fact.name}" if fact.aspect in _NAMED else fact.name


# ---------------------------------------------------------------- declared moves

_MOVING = ("path", "stored as", "name", "")
"""Attributes whose change moves something."""


def _declared(change: Change, before: Side, after: Side) -> Change:
    """Add the declaration of a move that the change is."""
    if change.category is not Category.PATH or change.attribute not in _MOVING:
        return change
    known = {(move.was, move.now) for move in before.outline.moved}
    for move in after.outline.moved:
        if (move.was, move.now) not in known and _is(move, change, before, after):
            return replace(change, move=move)
    return change


def _is(move: Move, change: Change, before: Side, after: Side) -> bool:
    """Whether a change is of what was at a declared path, or of what holds that."""
    if change.aspect is Aspect.REPAIR:
        return _renames(change, move, after.mapping)
    was, now = _on_the_way(before, move.was), _on_the_way(after, move.now)
    return bool(was and now) and change.before in {*was, None} and change.after in {*now, None}


def _on_the_way(side: Side, path: str) -> set[Span]:
    """Return where the nodes down to a path, and the column at its end, are asked for."""
    spans: set[Span] = set()
    steps = steps_of(path)
    for depth in range(1, len(steps) + 1):
        for found in find_below_run(side.outline, steps[:depth]):
            spans.add(found.column.at if found.column is not None else found.node.at)
    for found in find_below_run(side.outline, steps):
        spans |= {taking.at for taking in found.node.takes if found.column is not None}
    return spans


def _renames(change: Change, move: Move, mapping: nodes.Mapping) -> bool:
    """Whether a repair of data keys gives the moved node its new key."""
    rules = mapping.repair.data_keys if mapping.repair is not None else ()
    rule = next((rule for rule in rules if f"repair.data_keys.{rule.name}" == change.where), None)
    if rule is None or rule.match is None or rule.match.name is None:
        return False
    return meet(steps_of(move.was)[-1], rule.match.name.texts)


# ---------------------------------------------------------------- versions

_MAJOR = (Category.LOSSY, Category.READER)


def _bump(before: Side, after: Side, changes: Iterable[Change]) -> Bump | None:
    """Say how the version must change; None where this is no new version of the same mapping."""
    category = strictest(change.category for change in changes)
    was, now = before.outline, after.outline
    if category is Category.TEXT or was.name != now.name:
        return None
    needs = "major" if category in _MAJOR else "minor"
    enough = is_raised(was.version, now.version, needs)
    return Bump(was.version, now.version, needs, category, enough)


def is_raised(was: str, now: str, needs: str) -> bool:
    """Whether a version is raised enough; below 1.0 the second number counts as the first."""
    old, new = _release(was), _release(now)
    places = 1 if needs == "major" and old[0] > 0 else 2
    return new[:places] > old[:places]


def _release(version: str) -> tuple[int, int]:
    major, minor, *_ = version.split("-")[0].split("+")[0].split(".")
    return int(major), int(minor)
