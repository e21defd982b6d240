"""What a mapping says once it stands on the one that it extends.

Rules meet by name. Statements that hold named rules (the run, a stream, a table, the repairs) and
settings are merged field by field; every other rule replaces its namesake whole. What is merged
keeps the places of both files. The decision "What an extending mapping changes" gives the reasons.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from tiledmap.language.nodes import (
    DataRule,
    DocumentAdditions,
    Hook,
    Items,
    Mapping,
    Moved,
    Node,
    Repairs,
    Requires,
    Rule,
    Run,
    Setting,
    ShapeRepair,
    Source,
    Store,
    StreamRule,
    TableRule,
)
from tiledmap.problems import Note, Problem, Span
from tiledmap.problems.nearest import did_you_mean

N = TypeVar("N", bound=Node)
R = TypeVar("R", bound=Rule)

MERGED_BY_FIELD = (Run, Repairs, StreamRule, TableRule, Setting, Source, Requires)
"""Statements that are merged field by field."""
_CHILDS_OWN = frozenset({"title", "description", "extends"})
"""Header fields that a child does not inherit."""
_ANNOTATIONS = frozenset({"title", "description", "examples", "$comment"})
"""Keywords of JSON Schema that say nothing about a value."""


def merge(parent: Mapping | None, child: Mapping) -> tuple[Mapping, list[Problem]]:
    """Put a mapping on top of the resolved one that it extends, or of nothing.

    In the result every list is whole, no rule removes another, and every statement still knows the
    file and line that it came from.
    """
    merger = _Merger()
    if parent is None:
        return merger.alone(child), merger.problems
    return merger.fields(without(parent, _CHILDS_OWN), child), merger.problems


class _Merger:
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    # ------------------------------------------------------------ on top of another

    def fields(self, parent: N, child: N) -> N:
        """Merge two statements: a field that the child gives is the child's."""
        parent = without(parent, _superseded(parent, child))
        update = {name: self.value(parent, child, name) for name in child.given}
        replaced = {name for name, value in update.items() if not _is_named(value)}
        return parent.model_copy(update=update).located(
            child.at(),
            _places(parent._keys, replaced) | child._keys,
            _places(parent._values, replaced) | child._values,
        )

    def value(self, parent: Node, child: Node, name: str) -> Any:
        """Merge one field that the child gives with what is inherited."""
        inherited, given = getattr(parent, name), getattr(child, name)
        match given:
            case Items():
                return self.items(inherited, given, child.key_at(name))
            case DocumentAdditions() if inherited is not None:
                return self.additions(inherited, given)
            case Node() if isinstance(given, MERGED_BY_FIELD) and inherited is not None:
                return self.fields(inherited, given)
            case Node():
                return self.alone(given)
            case tuple() if _hold(Rule, inherited or (), given):
                return self.rules(inherited, given)
            case tuple() if _hold(Moved, inherited or (), given):
                return inherited + given
            case dict() if _hold(Setting, inherited.values(), given.values()):
                return self.settings(inherited, given)
            case dict() if _hold(Hook, inherited.values(), given.values()):
                return inherited | given
            case str() if isinstance(parent, Source | Requires) and inherited is not None:
                return inherited if inherited == given else f"{inherited},{given}"
        return given

    def items(self, inherited: Items[Any] | None, given: Items[Any], key: Span) -> Items[Any]:
        if given.items is not None:
            return given
        if inherited is None:
            message = "there is no inherited list to add to"
            self.problems.append(Problem("TM028", key, message, hint="write the list itself"))
        before = (inherited.items if inherited is not None else None) or ()
        whole = (*given.prepend, *before, *given.append)
        return type(given)(items=whole).located(given.at(), given._keys, given._values)

    def rules(self, inherited: Sequence[R], given: Sequence[R]) -> tuple[R, ...]:
        """Merge rules by name: in place where the name is known, before all others where not."""
        known = {rule.name: rule for rule in inherited}
        new: list[R] = []
        for rule in given:
            if rule.remove is not None:
                if known.pop(rule.name, None) is None:
                    self.problems.append(_nothing_to_remove(rule, inherited))
            elif rule.name not in known:
                new.append(self.alone(rule))
            elif isinstance(rule, MERGED_BY_FIELD):
                known[rule.name] = self.fields(known[rule.name], rule)
            else:
                known[rule.name] = self.alone(rule)
        return (*new, *known.values())

    def settings(
        self, inherited: dict[str, Setting], given: dict[str, Setting]
    ) -> dict[str, Setting]:
        return inherited | {
            name: self.fields(inherited[name], setting) if name in inherited else setting
            for name, setting in given.items()
        }

    def additions(self, inherited: DocumentAdditions, given: DocumentAdditions) -> Any:
        """Add declared fields to the inherited ones; a field may be refined, not contradicted."""
        properties = dict(inherited.properties)
        for name, schema in given.properties.items():
            known = properties.get(name, {})
            if keyword := _contradicted(known, schema):
                self.problems.append(_contradiction(name, keyword, inherited, given))
            else:
                properties[name] = _combined(known, schema)
        places = {name: given.at(f"required.{i}") for i, name in enumerate(given.required)}
        places |= {name: inherited.at(f"required.{i}") for i, name in enumerate(inherited.required)}
        required = tuple(dict.fromkeys((*inherited.required, *given.required)))
        update = {"properties": properties, "required": required}
        values = inherited._values | given._values
        values |= {f"required.{index}": places[name] for index, name in enumerate(required)}
        return inherited.model_copy(update=update).located(
            given.at(), inherited._keys | given._keys, values
        )

    # ------------------------------------------------------------ on top of nothing

    def alone(self, node: N) -> N:
        """Resolve a statement that inherits nothing, so that nothing can be removed or added to."""
        update: dict[str, Any] = {}
        for name in node.given:
            value = getattr(node, name)
            if isinstance(value, Items):
                update[name] = self.items(None, value, node.key_at(name))
            elif isinstance(value, Node):
                update[name] = self.alone(value)
            elif isinstance(value, tuple) and _hold(Rule, value):
                update[name] = self.rules((), value)
        return node.model_copy(update=update) if update else node


def without(node: N, names: Iterable[str]) -> N:
    """Copy a statement with some of its fields not given."""
    gone = node.given & frozenset(names)
    if not gone:
        return node
    fields = type(node).model_fields
    update = {name: fields[name].get_default(call_default_factory=True) for name in gone}
    copy = node.model_copy(update=update)
    copy.model_fields_set.difference_update(gone)
    return copy.located(node.at(), _places(node._keys, gone), _places(node._values, gone))


def _places(places: dict[str, Span], gone: Iterable[str]) -> dict[str, Span]:
    """Leave out the places of fields and of what is inside them."""
    names = frozenset(gone)
    return {place: span for place, span in places.items() if place.split(".")[0] not in names}


def _superseded(parent: Node, child: Node) -> frozenset[str]:
    """Collect the inherited fields that make no sense beside what the child says."""
    if not isinstance(child, StreamRule):
        return frozenset()
    layout = frozenset(StreamRule.model_fields) - {"name", "match", "when", "remove", "drop"}
    if child.drop is not None:
        return layout - child.given
    return frozenset({"drop"}) if child.given & layout else frozenset()


def _hold(cls: type[Any] | tuple[type[Any], ...], *groups: Iterable[Any]) -> bool:
    members = [member for group in groups for member in group]
    return bool(members) and all(isinstance(member, cls) for member in members)


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and _hold((Setting, Hook), value.values())


def _contradicted(known: Any, schema: Any) -> str | None:
    """Find a keyword that two schemas of one field give different values."""
    if not isinstance(known, dict) or not isinstance(schema, dict):
        return None
    for keyword in known.keys() & schema.keys() - _ANNOTATIONS:
        before, now = known[keyword], schema[keyword]
        if isinstance(before, dict) and isinstance(now, dict):
            if inner := _contradicted(before, now):
                return inner
        elif keyword != "required" and before != now:
            return str(keyword)
    return None


def _combined(known: Any, schema: Any) -> Any:
    if isinstance(known, dict) and isinstance(schema, dict):
        inner = {key: _combined(known[key], schema[key]) for key in known.keys() & schema.keys()}
        return known | schema | inner
    if isinstance(known, list) and isinstance(schema, list):
        return known + [item for item in schema if item not in known]
    return schema


def _contradiction(
    name: str, keyword: str, inherited: DocumentAdditions, given: DocumentAdditions
) -> Problem:
    place = f"properties.{name}"
    return Problem(
        "TM027",
        given.at(place),
        f"{keyword!r} of the field {name!r} is declared otherwise in the extended mapping",
        notes=(Note("it is declared here", inherited.at(place)),),
    )


def _nothing_to_remove(rule: Rule, inherited: Sequence[Rule]) -> Problem:
    names = [other.name for other in inherited]
    hint = did_you_mean(rule.name, names)
    if not hint:
        hint = f"inherited are {', '.join(names)}" if names else "nothing is inherited here"
    message = f"there is no inherited rule {rule.name!r} to remove"
    return Problem("TM024", rule.at("name"), message, hint=hint)


# ---------------------------------------------------------------- what a whole mapping has


def missing(mapping: Mapping) -> list[Problem]:
    """Report what a resolved mapping lacks.

    What was written and could not be read is not missed: it has its own problem.
    """
    return [*_header_missing(mapping), *_layout_missing(mapping), *_rules_missing(mapping)]


def _lacks(node: Node, what: str, *fields: str, hint: str = "") -> Iterator[Problem]:
    """Report a statement in which none of these fields is given."""
    written = node.given | node._keys.keys()
    if not any(field in written for field in fields):
        words = " or ".join(repr(field.rstrip("_")) for field in fields)
        span = node.at("name") if isinstance(node, Rule) else node.at()
        yield Problem("TM011", span, f"{what} lacks {words}", hint=hint)


def _header_missing(mapping: Mapping) -> Iterator[Problem]:
    for name, setting in mapping.settings.items():
        yield from _lacks(setting, f"the setting {name!r}", "type")
        yield from _lacks(setting, f"the setting {name!r}", "default")
    for name, hook in mapping.hooks.items():
        yield from _lacks(hook, f"the hook {name!r}", "document")
        yield from _lacks(hook, f"the hook {name!r}", "function")


def _layout_missing(mapping: Mapping) -> Iterator[Problem]:
    hint = "extend a mapping that has it, such as bluesky-v3@^3, or write it"
    top = mapping.key_at("name")
    for part in ("run", "streams"):
        if part not in mapping._keys:
            yield Problem("TM011", top, f"the mapping lacks {part!r}", hint=hint)
    if mapping.run is not None:
        yield from _lacks(mapping.run, "the run", "key", hint="such as key: ${{ start.uid }}")
    for stream in mapping.streams:
        if "drop" not in stream.given | stream._keys.keys():
            yield from _stream_missing(stream)


_DATA = (
    "say where its data keys go; a rule takes nothing from others, but one of the same name as an "
    "inherited rule keeps what it does not say"
)


def _stream_missing(stream: StreamRule) -> Iterator[Problem]:
    what = f"the stream rule {stream.name!r}"
    yield from _lacks(stream, what, "key", hint="such as key: ${{ default(descriptor.name, 'x') }}")
    yield from _lacks(stream, what, "data", hint=_DATA)
    for rule in stream.data:
        yield from _data_missing(rule)
    for table in stream.tables:
        yield from _lacks(table, f"the table {table.name!r}", "key")
        yield from _lacks(table, f"the table {table.name!r}", "columns")
    for coordinate in stream.coordinates:
        yield from _lacks(coordinate, f"the coordinate {coordinate.name!r}", "key")
        yield from _lacks(coordinate, f"the coordinate {coordinate.name!r}", "from_")


def _data_missing(rule: DataRule) -> Iterator[Problem]:
    what = f"the data rule {rule.name!r}"
    yield from _lacks(rule, what, "store", "drop")
    if rule.store is Store.TABLE:
        yield from _lacks(rule, what, "table", hint="name one of the stream's tables")
    elif rule.store is not None:
        yield from _lacks(rule, what, "key", hint="such as key: ${{ data_key.name }}")


_OF_DATA_KEYS = ("dtype", "shape", "dims", "units", "set", "rename", "drop")


def _rules_missing(mapping: Mapping) -> Iterator[Problem]:
    repairs = mapping.repair or Repairs()
    for root in repairs.roots:
        yield from _lacks(root, f"the repair {root.name!r}", "prefix")
        yield from _lacks(root, f"the repair {root.name!r}", "becomes")
    for repair in repairs.data_keys:
        yield from _lacks(repair, f"the repair {repair.name!r}", *_OF_DATA_KEYS)
        if repair.shape is not None:
            what = f"the shape of the repair {repair.name!r}"
            yield from _lacks(repair.shape, what, *ShapeRepair.model_fields)
    for asset in mapping.assets:
        yield from _lacks(asset, f"the asset rule {asset.name!r}", "consolidator", "refuse")
