"""Everything that can be said of a mapping, as facts that can be compared one by one."""

import datetime
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from tiledmap.check.readable import check_readable
from tiledmap.check.scopes import types_of_names
from tiledmap.check.subject import Subject
from tiledmap.language import nodes
from tiledmap.outline.compare.values import Aspect, Fact, Side
from tiledmap.outline.values import AS_ONE, Family, OutlineNode
from tiledmap.outline.words import THE_REST
from tiledmap.problems import Span

ORDER = "order of the rules"
"""The name of facts that are about the order of rules, and nothing that comes or goes."""

ENDS = {"untagged": "store", "on_collision": "resume", "unfinished": "leave"}
"""What a run's rule says of runs that are not as they should be, and what holds if it is silent."""


def facts_of(side: Side, profile: nodes.Profile | None = None) -> list[Fact]:
    """Return the facts of a mapping, of which no two have the same key.

    Parameters
    ----------
    profile
        Whose clients are asked whether they can read what is written; the mapping's own if None.
    """
    found = [
        *_header(side),
        *_settings(side),
        *_run(side),
        *(fact for node in side.outline.walk() for fact in _node(side, node)),
        *_orders(side),
        *_dropped(side),
        *_assets(side),
        *_repairs(side),
        *_fields(side),
        *_moved(side),
        *_clients(side, profile),
    ]
    alike: dict[tuple[str, Aspect, str], list[Fact]] = {}
    for fact in found:
        alike.setdefault(fact.key, []).append(fact)
    return [_as_one(facts) for facts in alike.values()]


def _as_one(facts: Sequence[Fact]) -> Fact:
    """Say in one fact what is said of things of one name, such as columns of other data keys."""
    first = facts[0]
    if len(facts) == 1:
        return first
    said = {}
    for name in first.attributes:
        texts = list(dict.fromkeys(fact.attributes[name] for fact in facts))
        several = len(texts) > 1
        said[name] = "; ".join(text or "nothing" for text in texts) if several else texts[0]
    return replace(first, attributes=said)


def relative_path(side: Side, node: OutlineNode) -> str:
    """Write a node's path below the node of the rule that it belongs to.

    A change of where a run or a stream lies is one change, not one of every node below.
    """
    holder = _holder(node)
    above = side.outline.node(holder).path if holder else ()
    return "/" + "/".join(node.path[len(above) :])


def where_of(side: Side, node: OutlineNode) -> str:
    """Name a node for people: by its path below the run."""
    run = side.outline.node("run").path
    below = node.path[len(run) :]
    return "/" + "/".join(below) if below else "run"


def _holder(node: OutlineNode) -> str:
    """Return the id of the stream, or the run, that a rule's node lies in."""
    if node.rule == "run":
        return ""
    parts = node.rule.split(".")
    return "run" if len(parts) == 2 else ".".join(parts[:2])


# ---------------------------------------------------------------- the mapping


def _header(side: Side) -> Iterator[Fact]:
    mapping, outline = side.mapping, side.outline
    said = {
        "name": outline.name,
        "title": outline.title,
        "description": outline.description,
        "profile": outline.profile,
        **{f"requires {name}": range_ for name, range_ in outline.requires.items()},
        "extends": ", ".join(f"{link.name} {link.version}" for link in outline.chain[1:]),
    }
    for name, text in said.items():
        if text:
            at = mapping.at(name if name in type(mapping).model_fields else None)
            yield Fact("mapping", Aspect.HEADER, name, "mapping", {"text": text}, at)


def _settings(side: Side) -> Iterator[Fact]:
    for setting in side.outline.settings:
        said = {
            "default": _text(setting.default),
            "type": setting.type,
            "help": setting.help,
            "choices": ", ".join(setting.choices),
            "minimum": _text(setting.minimum),
            "maximum": _text(setting.maximum),
        }
        yield Fact("settings", Aspect.SETTING, setting.name, "settings", said, setting.at)


def _run(side: Side) -> Iterator[Fact]:
    run = side.mapping.run
    assert run is not None
    for name, silent in ENDS.items():
        value = getattr(run, name)
        said = {"is": value.value if value is not None else silent}
        yield Fact("run", Aspect.RUN, name, "run", said, run.at(name))


def _moved(side: Side) -> Iterator[Fact]:
    for move in side.outline.moved:
        name = f"{move.was} to {move.now}"
        yield Fact("moved", Aspect.MOVED, name, "moved", {"since": move.since}, move.at)


def _fields(side: Side) -> Iterator[Fact]:
    types = types_of_names(side.mapping)
    for row in side.outline.coverage:
        if row.document in AS_ONE:
            continue
        declared = types[row.document].properties.get(row.field) if row.document in types else None
        said = {
            "is": "always there" if row.required else "perhaps absent",
            "type": str(declared.type) if declared is not None else "",
            "description": declared.description if declared is not None else "",
            "reason": row.reason,
        }
        owner = f"streams.{row.rule}" if row.rule else row.document
        name = f"{row.document}.{row.field}"
        yield Fact(owner, Aspect.FIELD, name, "documents", said, row.at)


def _clients(side: Side, profile: nodes.Profile | None) -> Iterator[Fact]:
    mapping = side.mapping
    if profile is not None:
        mapping = mapping.model_copy(update={"profile": profile})
    for problem in check_readable(Subject(mapping, {}, datetime.date.min)):
        name = f"{problem.code}: {problem.message}"
        yield Fact("clients", Aspect.CLIENTS, name, "Bluesky's clients", {}, problem.span)


# ---------------------------------------------------------------- nodes


def _node(side: Side, node: OutlineNode) -> Iterator[Fact]:
    if node.id != node.rule:
        return  # a container that a rule asks for is a part of paths
    where = where_of(side, node)
    said = {
        "path": relative_path(side, node),
        "is": node.family.value,
        "taken where": _own(node.condition),
        "first spec": node.specs[0].text if node.specs else "",
        "dims": ", ".join(node.dims),
        "type": node.type,
        "values": node.values,
        "order": node.order,
        "columns at most": most_columns(side, node),
    }
    yield Fact(node.id, Aspect.NODE, "", where, said, node.at)
    for spec in node.specs:
        there = {"there": spec.condition}
        yield Fact(node.id, Aspect.SPEC, spec.text, where, there, spec.at)
    for tag in node.access_tags if node.id == "run" else ():
        yield Fact(node.id, Aspect.ACCESS_TAG, tag.text, where, {"there": tag.condition}, tag.at)
    for entry in node.metadata:
        made = {"value": entry.text, "type": entry.type}
        yield Fact(node.id, Aspect.METADATA, entry.key, where, made, entry.at, entry.copied)
    for column in node.columns:
        made = {"type": column.type, "of": column.keys, "values": column.text}
        yield Fact(node.id, Aspect.COLUMN, column.name, where, made, column.at)
    for taking in node.takes:
        taken = {"taken where": _own(taking.condition)}
        yield Fact(taking.rule, Aspect.TAKING, "", where, {"is": node.id, **taken}, taking.at)


def most_columns(side: Side, node: OutlineNode) -> str:
    """Return how many columns a part of a table can have, as the mapping writes it."""
    if node.family is not Family.TABLE:
        return ""
    _, stream, _, name = node.rule.split(".")
    rules = next(rule for rule in side.mapping.streams if rule.name == stream).tables
    table = next(rule for rule in rules if rule.name == name)
    return table.max_columns.source if table.max_columns is not None else ""


def _orders(side: Side) -> Iterator[Fact]:
    """Yield the orders of rules of which the first that fits decides."""
    mapping = side.mapping
    yield _order("streams", mapping.streams, mapping.at())
    for stream in mapping.streams:
        yield _order(f"streams.{stream.name}.data", stream.data, stream.at())
    yield _order("assets", mapping.assets, mapping.at())


def _order(owner: str, rules: Sequence[nodes.Rule], at: Span) -> Fact:
    said = {"is": ", ".join(rule.name for rule in rules)}
    return Fact(owner, Aspect.NODE, ORDER, owner, said, at)


def _dropped(side: Side) -> Iterator[Fact]:
    for dropped in side.outline.dropped:
        if not dropped.rule.startswith(("assets.", "repair.")):  # which are facts of their own
            said = {"taken where": _own(dropped.condition), "reason": dropped.reason}
            yield Fact(dropped.rule, Aspect.DROP, "", dropped.rule, said, dropped.at)


# ---------------------------------------------------------------- files and repairs


def _assets(side: Side) -> Iterator[Fact]:
    assets = {asset.rule: asset for node in side.outline.walk() for asset in node.assets}
    for asset in assets.values():
        said = {
            "taken where": _own(asset.condition),
            "refused": asset.refuse,
            "consolidator": asset.consolidator,
            "join": asset.join,
            "chunks": _text(asset.chunks),
            "needs": ", ".join(asset.needs),
            "parameters": _text(asset.parameters),
            "asset parameter": asset.asset_parameter,
            "sidecars": _text(asset.sidecars),
            "structure from": asset.structure_from,
        }
        yield Fact(asset.rule, Aspect.ASSET, "", asset.rule, said, asset.at)


def _repairs(side: Side) -> Iterator[Fact]:
    outline = side.outline
    for aspect, repairs in ((Aspect.REPAIR, outline.repairs), (Aspect.HOOK, outline.hooks)):
        for repair in repairs:
            said = {
                "applies where": repair.condition,
                "does": "; ".join(repair.does),
                "until": repair.until,
                "reason": repair.reason,
            }
            yield Fact(repair.rule, aspect, "", repair.rule, said, repair.at)
    for section, names in _by_section(repair.rule for repair in outline.repairs):
        yield Fact(section, Aspect.REPAIR, ORDER, section, {"is": ", ".join(names)})


def _by_section(rules: Iterable[str]) -> list[tuple[str, list[str]]]:
    sections: dict[str, list[str]] = {}
    for rule in rules:
        section, _, name = rule.rpartition(".")
        sections.setdefault(section, []).append(name)
    return list(sections.items())


def _own(condition: str) -> str:
    """Return what a rule itself asks for: that others stand above it is told by their order."""
    return "" if condition in THE_REST.values() else condition


def _text(value: Any) -> str:
    """Write a value of the mapping; nothing for none."""
    if value is None or value == {}:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
