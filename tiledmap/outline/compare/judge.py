"""The category of a change: who is concerned by it."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tiledmap.check.coverage import OTHER
from tiledmap.check.matching import ASSETS, DATA_KEYS, STREAMS, Matching
from tiledmap.language import nodes
from tiledmap.outline.compare.facts import most_columns
from tiledmap.outline.compare.values import Aspect, Category, Fact, Side
from tiledmap.outline.values import (
    Effect,
    EffectKind,
    FieldPath,
    Link,
    MetadataEntry,
    OutlineNode,
    Part,
    Repair,
)

LOSSY, READER, PATH = Category.LOSSY, Category.READER, Category.PATH
TYPE, ADDITIVE, TEXT = Category.TYPE, Category.ADDITIVE, Category.TEXT

Conditional: TypeAlias = nodes.StreamRule | nodes.DataRule | nodes.AssetRule


def strictest(categories: Iterable[Category]) -> Category:
    """Return the strictest of some categories; `TEXT` for none."""
    return min(categories, key=lambda category: category.rank, default=TEXT)


@dataclass(frozen=True, slots=True)
class Judge:
    """Knows both mappings, and says what a difference between them means."""

    before: Side
    after: Side

    def changed(self, was: Fact, now: Fact, attribute: str) -> Category:
        """Judge an attribute that is another."""
        special = _CHANGED.get((now.aspect, attribute))
        if special is not None:
            return special(self, was, now)
        return _CHANGES[now.aspect].get(attribute, TYPE)

    def removed(self, fact: Fact) -> Category:
        """Judge something that is no longer there."""
        return _REMOVED[fact.aspect](self, fact)

    def added(self, fact: Fact) -> Category:
        """Judge something that was not there."""
        return _ADDED[fact.aspect](self, fact)


# ---------------------------------------------------------------- what is still there


def _node_of(side: Side, id: str) -> OutlineNode | None:
    return next((node for node in side.outline.walk() if node.id == id), None)


def _kept(side: Side, fields: Iterable[FieldPath]) -> bool:
    """Whether every field can be read from somewhere, as it comes."""
    return all(
        any(_keeps(link, field) for link in side.outline.links_of(field)) for field in fields
    )


def _keeps(link: Link, field: FieldPath) -> bool:
    held = link.part in (Part.METADATA, Part.COLUMN, Part.VALUES)
    return link.whole and held and link.field.covers(field)


def is_passed_on(side: Side, id: str, entry: MetadataEntry) -> bool:
    """Whether a copied field is stored though nobody declares it; one that is declared is named."""
    document, field = entry.fields[0].document, entry.fields[0].steps[0]
    declared = {(row.document, row.field) for row in side.outline.coverage}
    node = _node_of(side, id)
    if node is None or (document, field) in declared:
        return False
    above, dot, _ = entry.key.rpartition(".")
    rest = f"{above}{dot}{OTHER}"
    return any(other.key == rest and other.text == entry.text for other in node.metadata)


def entry_of(side: Side, fact: Fact) -> MetadataEntry:
    """Return the metadata that a fact of a mapping is about."""
    node = _node_of(side, fact.owner)
    assert node is not None
    return next(entry for entry in node.metadata if entry.key == fact.name)


def _without_metadata(judge: Judge, fact: Fact) -> Category:
    entry = entry_of(judge.before, fact)
    return PATH if entry.fields and _kept(judge.after, entry.fields) else LOSSY


def _without_column(judge: Judge, fact: Fact) -> Category:
    node = _node_of(judge.before, fact.owner)
    assert node is not None
    columns = [column for column in node.columns if column.name == fact.name]
    kept = all(column.fields and _kept(judge.after, column.fields) for column in columns)
    return PATH if kept else LOSSY


def _without_node(judge: Judge, fact: Fact) -> Category:
    """Judge a rule that is gone: what it took goes by others, unless nothing of it is kept."""
    node = _node_of(judge.before, fact.owner)
    if node is None:
        return PATH  # an order
    section = _section(fact.owner)
    if section == "coordinates":
        return LOSSY
    if section == "tables":
        fields = {field for column in node.columns for field in column.fields}
        return PATH if _kept(judge.after, fields) else LOSSY
    return LOSSY if _newly_dropped(judge, fact.owner) else PATH


def _section(id: str) -> str:
    """Return ``streams``, ``data``, ``tables`` or ``coordinates``."""
    return id.split(".")[-2] if "." in id else id


def _newly_dropped(judge: Judge, id: str) -> bool:
    """Whether there is a rule beside this one that drops things, and did not before."""
    above = id.rpartition(".")[0]
    before, after = (
        {drop.rule for drop in side.outline.dropped if drop.rule.rpartition(".")[0] == above}
        for side in (judge.before, judge.after)
    )
    return bool(after - before)


# ---------------------------------------------------------------- conditions


def _rule(side: Side, id: str) -> Conditional | None:
    """Return the rule of a dotted name, where it is one of which the first that fits decides."""
    parts = id.split(".")
    rules: Iterable[Conditional]
    match parts:
        case ["streams", name]:
            rules = side.mapping.streams
        case ["streams", stream, "data", name]:
            rules = next((each.data for each in side.mapping.streams if each.name == stream), ())
        case ["assets", name]:
            rules = side.mapping.assets
        case _:
            return None
    return next((rule for rule in rules if rule.name == name), None)


def _matching(rule: Conditional) -> Matching:
    if isinstance(rule, nodes.StreamRule):
        return STREAMS
    return DATA_KEYS if isinstance(rule, nodes.DataRule) else ASSETS


def takes_all_of(one: Conditional | None, other: Conditional | None) -> bool:
    """Whether a rule takes for sure whatever the other takes."""
    if one is None or other is None or type(one) is not type(other):
        return False
    if one.when is not None and one.when != other.when:
        return False
    matching = _matching(one)
    return matching.covered(matching.region(other.match), [matching.region(one.match)])


def _drops_other_things(judge: Judge, was: Fact, now: Fact) -> Category:
    fewer = takes_all_of(_rule(judge.before, was.owner), _rule(judge.after, now.owner))
    return ADDITIVE if fewer else LOSSY


def _reads_other_files(judge: Judge, was: Fact, now: Fact) -> Category:
    more = takes_all_of(_rule(judge.after, now.owner), _rule(judge.before, was.owner))
    reads = not now.attributes["refused"]
    return TYPE if more is reads else LOSSY


def _taken_elsewhere(judge: Judge, was: Fact, now: Fact) -> Category:
    """Judge another condition of a node: a coordinate may not be made, the rest goes elsewhere."""
    if _section(now.owner) != "coordinates":
        return PATH
    return LOSSY if now.attributes["taken where"] else ADDITIVE


def _refused(judge: Judge, was: Fact, now: Fact) -> Category:
    if was.attributes["refused"] and now.attributes["refused"]:
        return TEXT
    return LOSSY if now.attributes["refused"] else ADDITIVE


# ---------------------------------------------------------------- files


def _without_asset(judge: Judge, fact: Fact) -> Category:
    rule = _rule(judge.before, fact.owner)
    if fact.attributes["refused"]:
        return ADDITIVE
    others = [each for each in judge.after.mapping.assets if each.refuse is None]
    return TYPE if any(takes_all_of(other, rule) for other in others) else LOSSY


def _with_asset(judge: Judge, fact: Fact) -> Category:
    rule = _rule(judge.after, fact.owner)
    assert isinstance(rule, nodes.AssetRule)
    region = ASSETS.region(rule.match)
    read = [each for each in judge.before.mapping.assets if each.refuse is None]
    met = any(ASSETS.overlap(region, ASSETS.region(each.match)) for each in read)
    if fact.attributes["refused"]:
        return LOSSY if met else TEXT
    return TYPE if met else ADDITIVE


# ---------------------------------------------------------------- repairs

_EFFECTS = {
    EffectKind.SETS: TYPE,
    EffectKind.RENAMES: PATH,
    EffectKind.REMOVES: LOSSY,
    EffectKind.REFUSES: LOSSY,
    EffectKind.DEMANDS: LOSSY,
}
"""What it is that a repair comes to do something; what is demanded may not be met, and refused."""


def _repair(side: Side, rule: str) -> Repair:
    return next(repair for repair in side.outline.repairs if repair.rule == rule)


def _comes(effects: Iterable[Effect]) -> Category:
    return strictest(_EFFECTS[effect.kind] for effect in effects)


def _goes(effects: Iterable[Effect]) -> Category:
    """Judge what is no longer done, after which what was lost is stored."""
    kinds = (_EFFECTS[effect.kind] for effect in effects)
    return strictest(ADDITIVE if kind is LOSSY else kind for kind in kinds)


def _changing(repair: Repair) -> list[Effect]:
    """Return what a repair does by itself: what it demands is asked so that it can do that."""
    changing = [effect for effect in repair.effects if effect.kind is not EffectKind.DEMANDS]
    return changing or list(repair.effects)


def _with_repair(judge: Judge, fact: Fact) -> Category:
    return _comes(_changing(_repair(judge.after, fact.owner)))


def _without_repair(judge: Judge, fact: Fact) -> Category:
    return _goes(_changing(_repair(judge.before, fact.owner)))


def _repairs_otherwise(judge: Judge, was: Fact, now: Fact) -> Category:
    old = _repair(judge.before, was.owner).effects
    new = _repair(judge.after, now.owner).effects
    come = _comes(effect for effect in new if effect not in old)
    gone = _goes(effect for effect in old if effect not in new)
    return strictest([come, gone])


def _repairs_others(judge: Judge, was: Fact, now: Fact) -> Category:
    return _comes(_changing(_repair(judge.after, now.owner)))


# ---------------------------------------------------------------- the rest


def _columns_of_others(judge: Judge, was: Fact, now: Fact) -> Category:
    return LOSSY if was.attributes["of"] else PATH


def _setting(judge: Judge, was: Fact, now: Fact) -> Category:
    """Judge another default by what the setting decides about."""
    name = re.compile(rf"\bsettings\.{re.escape(now.name)}\b")
    found = [TYPE]
    for node in judge.after.outline.walk():
        places = (*node.path, node.condition, most_columns(judge.after, node))
        if any(map(name.search, (*places, *(taking.condition for taking in node.takes)))):
            found.append(PATH)
        entries = (*node.specs, *node.access_tags)
        if any(name.search(text) for entry in entries for text in (entry.text, entry.condition)):
            found.append(READER)
    return strictest(found)


def _ending(judge: Judge, was: Fact, now: Fact) -> Category:
    """Judge what becomes of runs that are not as they should be."""
    losing = {"refuse", "leave"}
    if now.attributes["is"] in losing:
        return LOSSY
    return ADDITIVE if was.attributes["is"] in losing else PATH


def _header(judge: Judge, was: Fact, now: Fact) -> Category:
    if now.name != "profile":
        return TEXT
    return READER if now.attributes["text"] == nodes.Profile.FREE else ADDITIVE


def _first_spec(judge: Judge, was: Fact, now: Fact) -> Category:
    """Judge the spec by which Tiled chooses a client."""
    return READER if was.attributes["first spec"] else ADDITIVE


def _another_kind(judge: Judge, was: Fact, now: Fact) -> Category:
    """Judge a node of another family, or rules in another order."""
    if not now.name:
        return TYPE
    return TYPE if now.owner == "assets" else PATH


def _says(category: Category) -> Callable[[Judge, Fact], Category]:
    def judged(judge: Judge, fact: Fact) -> Category:
        return category

    return judged


def _new_node(judge: Judge, fact: Fact) -> Category:
    return ADDITIVE if _section(fact.owner) in ("tables", "coordinates") else PATH


_CHANGES: Mapping[Aspect, Mapping[str, Category]] = {
    Aspect.RUN: {},
    Aspect.NODE: {"path": PATH, "columns at most": PATH},
    Aspect.SPEC: {"there": READER},
    Aspect.ACCESS_TAG: {"there": READER},
    Aspect.METADATA: {},
    Aspect.COLUMN: {},
    Aspect.TAKING: {"is": PATH, "taken where": PATH},
    Aspect.DROP: {"reason": TEXT},
    Aspect.ASSET: {},
    Aspect.REPAIR: {"reason": TEXT},
    Aspect.HOOK: {"reason": TEXT},
    Aspect.SETTING: dict.fromkeys(("type", "help", "choices", "minimum", "maximum"), TEXT),
    Aspect.HEADER: {"text": TEXT},
    Aspect.FIELD: {"is": PATH, "reason": TEXT, "description": TEXT},
    Aspect.MOVED: {"since": TEXT},
    Aspect.CLIENTS: {},
}
"""What a change of an attribute is; `TYPE` for those that are not listed."""

_CHANGED: Mapping[tuple[Aspect, str], Callable[[Judge, Fact, Fact], Category]] = {
    (Aspect.RUN, "is"): _ending,
    (Aspect.NODE, "taken where"): _taken_elsewhere,
    (Aspect.NODE, "first spec"): _first_spec,
    (Aspect.NODE, "is"): _another_kind,
    (Aspect.COLUMN, "of"): _columns_of_others,
    (Aspect.DROP, "taken where"): _drops_other_things,
    (Aspect.ASSET, "taken where"): _reads_other_files,
    (Aspect.ASSET, "refused"): _refused,
    (Aspect.REPAIR, "does"): _repairs_otherwise,
    (Aspect.REPAIR, "applies where"): _repairs_others,
    (Aspect.REPAIR, "until"): _repairs_others,
    (Aspect.SETTING, "default"): _setting,
    (Aspect.HEADER, "text"): _header,
}

_REMOVED: Mapping[Aspect, Callable[[Judge, Fact], Category]] = {
    Aspect.RUN: _says(TYPE),
    Aspect.NODE: _without_node,
    Aspect.SPEC: _says(READER),
    Aspect.ACCESS_TAG: _says(READER),
    Aspect.METADATA: _without_metadata,
    Aspect.COLUMN: _without_column,
    Aspect.TAKING: _says(PATH),
    Aspect.DROP: _says(ADDITIVE),
    Aspect.ASSET: _without_asset,
    Aspect.REPAIR: _without_repair,
    Aspect.HOOK: _says(TYPE),
    Aspect.SETTING: _says(TEXT),
    Aspect.HEADER: _says(TEXT),
    Aspect.FIELD: _says(TEXT),
    Aspect.MOVED: _says(TEXT),
    Aspect.CLIENTS: _says(ADDITIVE),
}

_ADDED: Mapping[Aspect, Callable[[Judge, Fact], Category]] = {
    Aspect.RUN: _says(TYPE),
    Aspect.NODE: _new_node,
    Aspect.SPEC: _says(ADDITIVE),
    Aspect.ACCESS_TAG: _says(ADDITIVE),
    Aspect.METADATA: _says(ADDITIVE),
    Aspect.COLUMN: _says(ADDITIVE),
    Aspect.TAKING: _says(PATH),
    Aspect.DROP: _says(LOSSY),
    Aspect.ASSET: _with_asset,
    Aspect.REPAIR: _with_repair,
    Aspect.HOOK: _says(TYPE),
    Aspect.SETTING: _says(TEXT),
    Aspect.HEADER: _says(TEXT),
    Aspect.FIELD: _says(TEXT),
    Aspect.MOVED: _says(TEXT),
    Aspect.CLIENTS: _says(READER),
}
