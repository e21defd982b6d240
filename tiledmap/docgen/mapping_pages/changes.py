"""What a mapping changes of the one that it extends, rule by rule."""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Names
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from tiledmap.language.extends import MERGED_BY_FIELD, merge
from tiledmap.language.load import Link as Ancestor
from tiledmap.language.nodes import DocumentAdditions, Hook, Items, Mapping, Node, Rule, Setting
from tiledmap.language.parse import parse_mapping
from tiledmap.language.yaml_source import read_source
from tiledmap.problems import Span

_HEADER = frozenset({"tiledmap", "name", "version", "title", "description", "extends", "requires"})
"""What every mapping says of itself; nobody looks for it among changes."""


class Act(StrEnum):
    """What a mapping does to a statement of the one that it extends."""

    ADDED = "added"
    REPLACED = "replaced"
    EXTENDED = "extended"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """One statement that is different from here on.

    Parameters
    ----------
    what
        The statement's dotted name, such as ``streams.every-stream.data.files``.
    reason
        Why it was removed, or why a repair is needed, where the mapping says so.
    before, after
        Where it stood, and where it stands now.
    """

    act: Act
    what: str
    reason: str
    before: Span | None
    after: Span


@dataclass(frozen=True, slots=True)
class Generation:
    """A mapping of a chain of extends, and what it changes; nothing where it extends none."""

    mapping: Ancestor
    title: str
    changes: tuple[Change, ...]


def generations(chain: Sequence[Ancestor], texts: Names[str, str]) -> tuple[Generation, ...]:
    """Tell what each mapping of a chain changes, the last one first."""
    parent: Mapping | None = None
    found: list[Generation] = []
    for link in reversed(chain):
        child = _read(texts[link.file], link.file)
        changes = () if parent is None else tuple(_changes(parent, child, ""))
        found.append(Generation(link, child.title or "", changes))
        parent, _ = merge(parent, child)
    return tuple(reversed(found))


@cache
def _read(text: str, file: str) -> Mapping:
    """Read what one file says, without what it extends. It has been read before, so it can be."""
    source, _ = read_source(text, file)
    assert source is not None
    mapping, _ = parse_mapping(source)
    assert mapping is not None
    return mapping


def _changes(parent: Node, child: Node, above: str) -> Iterator[Change]:
    """Tell what a statement changes of the inherited one with which it is merged."""
    for name in _in_order(child):
        if (not above and name in _HEADER) or name == "name":
            continue
        inherited, given = getattr(parent, name), getattr(child, name)
        what = f"{above}.{name.rstrip('_')}" if above else name
        places = _place(parent, name, inherited), child.at(name)
        match given:
            case Items(items=None):
                yield Change(Act.EXTENDED, what, "", *places)
            case tuple() if _hold(Rule, inherited, given):
                yield from _changed_rules(inherited, given, what)
            case dict() if _hold((Setting, Hook), inherited.values(), given.values()):
                yield from _changed_entries(inherited, given, what)
            case DocumentAdditions():
                yield from _declared(inherited, given, what)
            case Node() if isinstance(given, MERGED_BY_FIELD) and inherited is not None:
                yield from _changes(inherited, given, what)
            case _ if inherited != given:
                act = Act.REPLACED if name in parent.given else Act.ADDED
                yield Change(act, what, "", *places)


def _in_order(node: Node) -> list[str]:
    """The fields that a statement gives, in the order of its file."""
    return sorted(node.given, key=lambda name: (node.key_at(name).line, node.key_at(name).column))


def _place(parent: Node, name: str, inherited: Any) -> Span | None:
    if name not in parent.given:
        return None
    return inherited.at() if isinstance(inherited, Node) else parent.at(name)


def _hold(cls: type[Any] | tuple[type[Any], ...], *groups: Iterable[Any]) -> bool:
    members = [member for group in groups if group for member in group]
    return bool(members) and all(isinstance(member, cls) for member in members)


def _changed_rules(
    inherited: Sequence[Rule], given: Sequence[Rule], above: str
) -> Iterator[Change]:
    known = {rule.name: rule for rule in inherited or ()}
    for rule in given:
        before = known.get(rule.name)
        what = f"{above}.{rule.name}"
        reason = getattr(rule, "reason", None) or ""
        if rule.remove is not None:
            yield Change(Act.REMOVED, what, rule.remove, _at(before), rule.at())
        elif before is None:
            yield Change(Act.ADDED, what, reason, None, rule.at())
        elif isinstance(rule, MERGED_BY_FIELD):
            yield from _changes(before, rule, what)
        else:
            yield Change(Act.REPLACED, what, reason, before.at(), rule.at())


def _at(rule: Rule | None) -> Span | None:
    return rule.at() if rule is not None else None


def _changed_entries(
    inherited: Names[str, Node], given: Names[str, Node], above: str
) -> Iterator[Change]:
    for name, entry in given.items():
        before = inherited.get(name)
        what = f"{above}.{name}"
        if before is None:
            yield Change(Act.ADDED, what, getattr(entry, "help", None) or "", None, entry.at())
        elif isinstance(entry, MERGED_BY_FIELD):
            yield from _changes(before, entry, what)
        else:
            yield Change(Act.REPLACED, what, "", before.at(), entry.at())


def _declared(
    inherited: DocumentAdditions | None, given: DocumentAdditions, above: str
) -> Iterator[Change]:
    """Tell which fields of a document are declared from here on, or asked of every document."""
    known = inherited.properties if inherited is not None else {}
    for name in given.properties:
        place = f"properties.{name}"
        before = inherited.at(place) if inherited is not None and name in known else None
        act = Act.ADDED if before is None else Act.REPLACED
        yield Change(act, f"{above}.{name}", "", before, given.at(place))
    for number, name in enumerate(given.required):
        if inherited is None or name not in inherited.required:
            yield Change(
                Act.ADDED, f"{above}.{name}", "required", None, given.at(f"required.{number}")
            )
