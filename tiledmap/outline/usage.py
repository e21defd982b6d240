"""How often each rule of a mapping meets something in recorded documents."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from tiledmap.language import nodes
from tiledmap.plan.steps import place
from tiledmap.problems import Span
from tiledmap.runtime import Layout, Writer
from tiledmap.runtime.layout import Document, Dropped, Stored, Stream
from tiledmap.runtime.report import RunReport
from tiledmap.sinks.memory import MemorySink

Documents: TypeAlias = Iterable[tuple[str, Mapping[str, Any]]]

DECLARING = ("start", "descriptor", "stop")
"""Documents to which mappings add fields."""

_REPAIRED = {
    "roots": "resources",
    "resources": "resources",
    "datums": "datums",
    "data_keys": "data keys",
    "start": "runs",
    "descriptor": "descriptors",
    "stop": "runs that stopped",
}


@dataclass(frozen=True, slots=True)
class RuleUse:
    """How many of the things that a rule was asked of it took.

    Parameters
    ----------
    of, what
        How many it was asked of, and what they are.
    """

    rule: str
    matched: int
    of: int
    what: str
    at: Span

    @property
    def words(self) -> str:
        """How often it met something."""
        return f"matched {self.matched:,} of {self.of:,} {self.what}"


@dataclass(frozen=True, slots=True)
class FieldUse:
    """How many documents had a field that the mapping declares."""

    document: str
    field: str
    seen: int
    of: int

    @property
    def words(self) -> str:
        """How often it was there."""
        return f"seen in {self.seen:,} of {self.of:,}" if self.seen else "never seen"


@dataclass(frozen=True, slots=True)
class Usage:
    """What recorded documents make use of."""

    runs: int
    rules: tuple[RuleUse, ...]
    fields: tuple[FieldUse, ...]

    @property
    def title(self) -> str:
        """What was looked at."""
        return f"in {self.runs:,} run{'' if self.runs == 1 else 's'}"

    @property
    def summary(self) -> str:
        """How much of the mapping is of use."""
        unused = len(self.unused)
        return f"{unused:,} of these met nothing" if unused else "all of these are used"

    @property
    def unused(self) -> tuple[RuleUse | FieldUse, ...]:
        """The rules that took nothing, and the declared fields that no document had."""
        rules = [rule for rule in self.rules if not rule.matched]
        return (*rules, *(each for each in self.fields if not each.seen))


def count_usage(mapping: nodes.Mapping, layout: Layout, documents: Documents) -> Usage:
    """Write documents into memory, and count what each rule takes on the way.

    Parameters
    ----------
    mapping
        What `layout` was compiled from.
    """
    tally = _Tally()
    seen = _Seen()
    counting = _counting(layout, tally, _rules_by_place(mapping))
    with Writer(counting, MemorySink(), delivery="inline", reported=tally.add_report) as writer:
        for name, document in documents:
            seen.add(name, document)
            writer(name, dict(document))
    return Usage(
        runs=seen.documents.get("start", 0),
        rules=tuple(_uses(mapping, tally, seen)),
        fields=tuple(_declared(mapping, seen)),
    )


@dataclass(slots=True)
class _Tally:
    """What each rule was asked of, and what it took, by keys that tell things apart."""

    asked: dict[str, set[Any]] = field(default_factory=dict)
    matched: dict[str, set[Any]] = field(default_factory=dict)
    applied: dict[str, int] = field(default_factory=dict)

    def add(self, rule: str, thing: Any, taken: bool) -> None:
        self.asked.setdefault(rule, set()).add(thing)
        if taken:
            self.matched.setdefault(rule, set()).add(thing)

    def add_report(self, report: RunReport) -> None:
        for rule, count in report.applied.items():
            self.applied[str(rule)] = self.applied.get(str(rule), 0) + count


@dataclass(slots=True)
class _Seen:
    """How many documents of each type there were, and how many had each field."""

    documents: dict[str, int] = field(default_factory=dict)
    fields: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, name: str, document: Mapping[str, Any]) -> None:
        self.documents[name] = self.documents.get(name, 0) + 1
        for key in document if name in DECLARING else ():
            self.fields[name, key] = self.fields.get((name, key), 0) + 1


# ---------------------------------------------------------------- a layout that counts


def _counting(layout: Layout, tally: _Tally, rules: Mapping[str, str]) -> Layout:
    """Return the layout with every decision of a rule counted.

    Parameters
    ----------
    rules
        The names of rules, by their places.
    """

    def select_stream(start: Document, descriptor: Document) -> Stream | Dropped:
        selected = layout.select_stream(start, descriptor)
        thing = descriptor["uid"]
        tally.add("streams", thing, taken=True)
        tally.add(rules.get(selected.at, selected.at), thing, taken=True)
        return _counting_stream(selected) if isinstance(selected, Stream) else selected

    def _counting_stream(stream: Stream) -> Stream:
        def store(start: Document, descriptor: Document, data_key: Document) -> Stored | Dropped:
            stored = stream.store(start, descriptor, data_key)
            thing = (descriptor["uid"], data_key["name"])
            tally.add(f"streams.{stream.name}.data", thing, taken=True)
            tally.add(rules.get(stored.at, stored.at), thing, taken=True)
            return stored

        return replace(stream, store=store)

    def select_asset(start: Document, stream_resource: Document) -> Any:
        assert layout.select_asset is not None
        selected = layout.select_asset(start, stream_resource)
        thing = (start["uid"], stream_resource["uid"])
        tally.add("assets", thing, taken=True)
        tally.add(rules.get(selected.at, selected.at), thing, taken=True)
        return selected

    return replace(
        layout,
        select_stream=select_stream,
        select_asset=select_asset if layout.select_asset is not None else None,
        repairs=_counting_repairs(layout, tally),
    )


def _counting_repairs(layout: Layout, tally: _Tally) -> Any:
    def counting(section: str, rule: Any, thing_of: Callable[..., Any]) -> Any:
        def matches(*documents: Document) -> bool:
            matched: bool = rule.matches(*documents)
            tally.add(f"repair.{section}.{rule.name}", thing_of(*documents), matched)
            return matched

        return replace(rule, matches=matches)

    def uid_of_last(*documents: Document) -> Any:
        return documents[-1].get("uid") or documents[-1].get("datum_id")

    things: dict[str, Callable[..., Any]] = dict.fromkeys(_REPAIRED, uid_of_last)
    things["data_keys"] = lambda start, descriptor, key: (descriptor["uid"], key["name"])
    del things["roots"]  # which the run's report counts
    repaired: dict[str, Any] = {
        section: tuple(
            counting(section, rule, thing_of) for rule in getattr(layout.repairs, section)
        )
        for section, thing_of in things.items()
    }
    return replace(layout.repairs, **repaired)


# ---------------------------------------------------------------- what was counted


def _rules_by_place(mapping: nodes.Mapping) -> dict[str, str]:
    """Return the dotted names of rules by their places; those of one line share it."""
    named: dict[str, str] = {}
    for id, rule in _first_that_fits(mapping):
        at = place(rule.at())
        named[at] = f"{named[at]}, {id}" if at in named else id
    return named


def _first_that_fits(
    mapping: nodes.Mapping,
) -> Iterator[tuple[str, nodes.StreamRule | nodes.DataRule | nodes.AssetRule]]:
    for stream in mapping.streams:
        yield f"streams.{stream.name}", stream
        for data in stream.data:
            yield f"streams.{stream.name}.data.{data.name}", data
    for asset in mapping.assets:
        yield f"assets.{asset.name}", asset


def _uses(mapping: nodes.Mapping, tally: _Tally, seen: _Seen) -> Iterator[RuleUse]:
    for section, what in _REPAIRED.items():
        for rule in getattr(mapping.repair, section, ()):
            id = f"repair.{section}.{rule.name}"
            if section == "roots":
                files = ("resource", "stream_resource")
                asked = sum(seen.documents.get(name, 0) for name in files)
                matched = tally.applied.get(f"{section}.{rule.name}", 0)
            else:
                asked = len(tally.asked.get(id, ()))
                matched = len(tally.matched.get(id, ()))
            yield RuleUse(id, matched, asked, what, rule.at())
    things = {nodes.StreamRule: "streams", nodes.DataRule: "data keys", nodes.AssetRule: "files"}
    names = _rules_by_place(mapping)
    told: set[str] = set()
    for id, rule in _first_that_fits(mapping):
        shared = names[place(rule.at())]
        if shared not in told:
            told.add(shared)
            asked = len(tally.asked.get(id.rpartition(".")[0], ()))
            yield RuleUse(
                shared, len(tally.matched.get(shared, ())), asked, things[type(rule)], rule.at()
            )


def _declared(mapping: nodes.Mapping, seen: _Seen) -> Iterator[FieldUse]:
    for document in DECLARING:
        added = getattr(mapping.source, document, None)
        for name in added.properties if added is not None else ():
            of = seen.documents.get(document, 0)
            yield FieldUse(document, name, seen.fields.get((document, name), 0), of)
