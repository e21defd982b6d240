"""Unambiguous: no two rules write one thing, and none waits for what an earlier one has taken."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeAlias

from tiledmap.check.globs import is_glob
from tiledmap.check.layout import (
    Matched,
    before,
    certain,
    is_torn,
    is_unread,
    items,
    names,
    speaks_of,
    stored_data,
    stored_region,
    stored_streams,
    with_settings,
)
from tiledmap.check.matching import (
    ASSETS,
    DATA_KEYS,
    EVERYTHING,
    FILES,
    STREAMS,
    Matching,
    Region,
    numpy_name,
)
from tiledmap.check.places import at_home
from tiledmap.check.subject import Subject
from tiledmap.language import nodes
from tiledmap.language.render import plain
from tiledmap.language.scalars import Free, Text
from tiledmap.problems import Note, Problem, Span
from tiledmap.problems.nearest import did_you_mean


def check_unambiguous(subject: Subject) -> Iterator[Problem]:
    """Yield the rules that meet, and those that are never reached."""
    return at_home(_problems(subject), subject.mapping)


def _problems(subject: Subject) -> Iterator[Problem]:
    mapping = subject.mapping
    yield from _order(STREAMS, mapping.streams)
    yield from _order(ASSETS, mapping.assets)
    yield from _run_nodes(mapping.run) if mapping.run else ()
    yield from _stream_nodes(mapping)
    for stream in stored_streams(mapping):
        yield from _order(DATA_KEYS, stream.data)
        yield from _nodes_of_stream(stream)
        yield from _tables(stream)
        for table in stream.tables:
            yield from _columns(table)
    for rule in mapping.assets:
        yield from _sidecars(rule)
    if mapping.repair:
        yield from _repairs(mapping.repair, subject.settings)


# ---------------------------------------------------------------- the order of rules


def _order(matching: Matching, rules: Sequence[Any]) -> Iterator[Problem]:
    for rule in rules:
        if is_unread(rule):
            continue
        region = matching.region(rule.match)
        earlier = before(rules, rule)
        if matching.empty(region):
            yield _never(matching, rule)
        elif matching.covered(region, certain(matching, earlier)):
            yield _unreachable(matching, rule, region, earlier)
        else:
            yield from _same_but_for_when(matching, rule, region, earlier)


def _never(matching: Matching, rule: Any) -> Problem:
    """Report a ``match`` that nothing fits, such as one of a dtype that is none."""
    field = next(
        field
        for field, patterns in matching.region(rule.match).items()
        if matching.empty({field: patterns})
    )
    asked: tuple[str, ...] = getattr(rule.match, field).texts
    values = matching.values(field)
    hint = did_you_mean(asked[0], values) or (f"{field} is one of {', '.join(values)}")
    return Problem(
        "TM310",
        rule.match.at(field),
        f"rule '{rule.name}' can never apply: no {field} is {_either(asked)}",
        hint=hint if values else "",
    )


def _unreachable(
    matching: Matching, rule: Any, region: Region, earlier: Iterable[Matched]
) -> Problem:
    takers = [each for each in earlier if each.when is None and not is_unread(each)]
    alone = [each for each in takers if matching.covered(region, certain(matching, [each]))]
    takers = alone[:1] or [
        each for each in takers if matching.overlap(region, matching.region(each.match))
    ]
    named = " and ".join(f"'{each.name}'" for each in takers)
    verb = "takes" if len(takers) == 1 else "together take"
    return Problem(
        "TM310",
        rule.at("name"),
        f"rule '{rule.name}' can never be reached: {named} {verb} all that it matches",
        label="the first rule that fits wins",
        hint="put it before, narrow the earlier rule, or take this one out:  remove: why",
        notes=tuple(Note(f"'{each.name}' comes first", _at(each)) for each in takers),
    )


def _same_but_for_when(
    matching: Matching, rule: Any, region: Region, earlier: Iterable[Any]
) -> Iterator[Problem]:
    if rule.when is None:
        return
    for other in earlier:
        if other.when is not None and _sets(matching.region(other.match)) == _sets(region):
            yield Problem(
                "TM316",
                rule.at("when"),
                f"rules '{other.name}' and '{rule.name}' differ only by 'when'",
                label=f"where both are true, '{other.name}' wins",
                hint="say in 'match' what tells them apart, if it can be said there",
                notes=(Note(f"'{other.name}' is here", other.at("when")),),
            )
            return


def _sets(region: Region) -> dict[str, frozenset[str]]:
    return {field: frozenset(patterns) for field, patterns in region.items()}


def _either(texts: Sequence[str]) -> str:
    return " or ".join(f"'{text}'" for text in texts)


def _at(rule: Any) -> Span:
    span: Span = rule.at("name")
    return span


# ---------------------------------------------------------------- nodes

_Keys: TypeAlias = tuple[Any, ...]
"""What tells the nodes of a rule from others: literal keys, or the parts of texts."""


def _key(text: Text | None) -> Any:
    if text is None:
        return ""
    return text.parts if text.literal is None else text.literal


def _depends(text: Text, root: str) -> bool:
    """Whether a text can differ with this document; one that could not be read can."""
    return is_torn(text) or speaks_of(text, root)


def _path(parents: Iterable[Text] | None, key: Text | None) -> _Keys:
    return (*map(_key, parents or ()), _key(key))


def _single_name(match: nodes.StreamMatch | nodes.DataKeyMatch | None) -> bool:
    patterns = match.name if match else None
    return patterns is not None and len(patterns.texts) == 1 and not is_glob(patterns.texts[0])


def _run_nodes(run: nodes.Run) -> Iterator[Problem]:
    texts = [*(run.parent or ()), *filter(None, [run.key])]
    told_apart = run.on_collision is nodes.OnCollision.SUFFIX_UID
    if run.key is not None and not told_apart and not any(_depends(t, "start") for t in texts):
        yield Problem(
            "TM311",
            run.at("key"),
            "all runs would be one node",
            label="the same key for each of them",
            hint="use the run's uid:  key: ${{ start.uid }},  or say  on_collision: suffix_uid",
        )


def _stream_nodes(mapping: nodes.Mapping) -> Iterator[Problem]:
    streams = list(stored_streams(mapping))
    for stream in streams:
        texts = [*(stream.parent or ()), *filter(None, [stream.key])]
        several = stream.when is None and not _single_name(stream.match)
        if several and texts and not any(_depends(text, "descriptor") for text in texts):
            yield Problem(
                "TM311",
                stream.at("key"),
                f"all streams that '{stream.name}' takes would be one node",
                label="the same key for each of them",
                hint="use the stream's name:  key: ${{ default(descriptor.name, 'primary') }}",
            )
    for stream, other in combinations(streams, 2):
        path = _path(stream.parent, stream.key)
        fixed = not any(isinstance(key, tuple) for key in path)
        if fixed and path == _path(other.parent, other.key):
            yield _same_node(f"stream rules '{stream.name}' and '{other.name}'", other, stream)


def _nodes_of_stream(stream: nodes.StreamRule) -> Iterator[Problem]:
    written: dict[_Keys, tuple[str, Any]] = {}
    for table in stream.tables:
        path = _path(table.parent, table.key)
        yield from _claim(written, path, f"table '{table.name}'", table)
    for rule in stored_data(stream):
        if rule.store is nodes.Store.TABLE or rule.key is None:
            continue
        texts = (*rule.parent, rule.key)
        each_its_own = any(_depends(text, "data_key") for text in texts)
        if not each_its_own and rule.when is None and not _single_name(rule.match):
            yield Problem(
                "TM311",
                rule.at("key"),
                f"all data keys that '{rule.name}' takes would be one node",
                label="the same key for each of them",
                hint="use the data key's name:  key: ${{ data_key.name }}",
            )
        for path in _literal_paths(rule):
            yield from _claim(written, path, f"data rule '{rule.name}'", rule)
    for coordinate in stream.coordinates:
        path = _path(coordinate.parent, coordinate.key)
        yield from _claim(written, path, f"coordinate '{coordinate.name}'", coordinate)


def _literal_paths(rule: nodes.DataRule) -> Iterator[_Keys]:
    """Yield the paths of a data rule's nodes, as far as the mapping alone tells them."""
    parents = tuple(map(_key, rule.parent))
    if rule.key is not None and names(rule.key, "data_key", "name"):
        patterns = rule.match.name.texts if rule.match and rule.match.name else ()
        yield from ((*parents, name) for name in patterns if not is_glob(name))
    elif rule.key is not None and not speaks_of(rule.key, "data_key"):
        yield (*parents, _key(rule.key))


def _claim(
    written: dict[_Keys, tuple[str, Any]], path: _Keys, what: str, rule: Any
) -> Iterator[Problem]:
    if path in written:
        other_name, other = written[path]
        yield _same_node(f"{other_name} and {what}", rule, other)
    else:
        written[path] = (what, rule)


def _same_node(both: str, rule: Any, other: Any) -> Problem:
    return Problem(
        "TM311",
        rule.at("key"),
        f"{both} would write the same node",
        label="this key",
        hint="give one of them another key",
        notes=(Note("the other is here", other.at("key")),),
    )


# ---------------------------------------------------------------- tables and columns


def _tables(stream: nodes.StreamRule) -> Iterator[Problem]:
    declared = [table.name for table in stream.tables]
    used = {rule.table for rule in stored_data(stream)}
    for rule in stored_data(stream):
        if rule.table is not None and rule.table not in declared:
            known = f"the tables are {', '.join(declared)}" if declared else "add it to tables"
            yield Problem(
                "TM315",
                rule.at("table"),
                f"'{stream.name}' has no table '{rule.table}'",
                hint=did_you_mean(rule.table, declared) or known,
            )
    for table in stream.tables:
        if table.name not in used and not any(
            _has_content(stream, column) for column in items(table.columns)
        ):
            yield Problem(
                "TM314",
                table.at("name"),
                f"no data rule of '{stream.name}' writes to table '{table.name}'",
                label="it would have no columns",
                hint=f"say 'table: {table.name}' in a data rule, or take the table out",
            )


def _has_content(stream: nodes.StreamRule, column: nodes.Column) -> bool:
    """Whether a column of a table that no data rule writes to can be there nonetheless."""
    if column.keys is None:
        return True
    region = DATA_KEYS.region(column.keys)
    return any(
        rule.store is not nodes.Store.TABLE and DATA_KEYS.overlap(region, stored_region(rule))
        for rule in stored_data(stream)
    )


def _columns(table: nodes.TableRule) -> Iterator[Problem]:
    columns = items(table.columns)
    for column in columns:
        if column.keys is None or _depends(column.column, "data_key"):
            continue
        if not _single_name(column.keys):
            yield Problem(
                "TM312",
                column.at("column"),
                f"all data keys that this column takes would be one column of '{table.name}'",
                label="the same name for each of them",
                hint="use the data key's name:  column: ${{ data_key.name }}",
            )
    for one, other in combinations(columns, 2):
        if _folded(one.column) == _folded(other.column) and _may_both_be(one, other):
            same = _key(one.column) == _key(other.column)
            yield Problem(
                "TM312",
                other.at("column"),
                f"table '{table.name}' would have two columns '{other.column.source}'",
                label="the same column" if same else "databases tell no upper from lower case",
                hint="give one of them another name, or keep their 'keys' apart",
                notes=(Note("the other is here", one.at("column")),),
            )


def _folded(text: Text) -> tuple[Any, ...]:
    return tuple(part.casefold() if isinstance(part, str) else part for part in text.parts)


def _may_both_be(one: nodes.Column, other: nodes.Column) -> bool:
    if one.keys is None or other.keys is None:
        return one.keys is other.keys or not speaks_of(one.column, "data_key")
    return DATA_KEYS.overlap(DATA_KEYS.region(one.keys), DATA_KEYS.region(other.keys))


# ---------------------------------------------------------------- files


def _sidecars(rule: nodes.AssetRule) -> Iterator[Problem]:
    """Find parameters of an adapter that two files, or a file and a value, are given for."""
    given = {name: rule.at(f"parameters.{name}") for name in rule.parameters}
    if rule.asset_parameter is not None:
        given[rule.asset_parameter] = rule.at("asset_parameter")
    for sidecar in rule.sidecars:
        if sidecar.parameter in given:
            yield Problem(
                "TM015",
                sidecar.at("parameter"),
                f"asset rule '{rule.name}' gives the parameter '{sidecar.parameter}' twice",
                notes=(Note("it is given here, too", given[sidecar.parameter]),),
            )
        given[sidecar.parameter] = sidecar.at("parameter")


# ---------------------------------------------------------------- repairs


def _repairs(repair: nodes.Repairs, settings: Mapping[str, Any]) -> Iterator[Problem]:
    for rule in repair.data_keys:
        yield from _sets_twice(rule)
    yield from _conflicts(repair.data_keys, DATA_KEYS)
    yield from _conflicts(repair.resources, FILES)
    yield from _conflicts(repair.datums, FILES)
    for rules in (repair.start, repair.descriptor, repair.stop):
        yield from _conflicts(rules, None)
    for root in repair.roots:
        yield from _relative(root)
    for one, other in combinations(repair.roots, 2):
        yield from _roots(one, other, settings)


def _relative(rule: nodes.RootRepair) -> Iterator[Problem]:
    """Report a prefix that no path has: all are absolute when roots are repaired."""
    if rule.prefix is not None and not re.match(r"/|[A-Za-z]:/", rule.prefix):
        yield Problem(
            "TM310",
            rule.at("prefix"),
            f"root '{rule.name}' finds no path: '{rule.prefix}' is not the beginning of any",
            label="paths are absolute",
            hint="begin with a slash, or with a drive such as C:/; write no URI",
        )


def _roots(
    one: nodes.RootRepair, other: nodes.RootRepair, settings: Mapping[str, Any]
) -> Iterator[Problem]:
    """Compare two repairs of paths: what the first has rewritten, the second does not see."""
    if one.prefix is None or other.prefix is None or one.becomes == other.becomes:
        return
    notes = (Note(f"'{one.name}' is here", one.at("prefix")),)
    if one.prefix == other.prefix:
        yield Problem(
            "TM313",
            other.at("prefix"),
            f"roots '{one.name}' and '{other.name}' rewrite the same prefix",
            label="every repair that fits applies",
            notes=notes,
        )
    elif _is_below(other.prefix, one.prefix) and not _stays_below(one, other, settings):
        yield Problem(
            "TM310",
            other.at("prefix"),
            f"root '{other.name}' finds no path: '{one.name}' has rewritten them before",
            label=f"lies below '{one.prefix}'",
            hint=f"put '{other.name}' before '{one.name}'",
            notes=notes,
        )


def _is_below(path: str, above: str) -> bool:
    """Whether a path begins with all the steps of another."""
    return (path.rstrip("/") + "/").startswith(above.rstrip("/") + "/")


def _stays_below(
    one: nodes.RootRepair, other: nodes.RootRepair, settings: Mapping[str, Any]
) -> bool:
    """Whether a path that `one` has rewritten, or no longer rewrites, can be one for `other`."""
    expires = one.until is not None and (other.until is None or other.until > one.until)
    becomes = with_settings(one.becomes, settings)
    if expires or becomes is None or other.prefix is None:
        return True
    return _is_below(becomes, other.prefix) or _is_below(other.prefix, becomes)


def _conflicts(rules: Sequence[Any], matching: Matching | None) -> Iterator[Problem]:
    known = [rule.name for rule in rules]
    for rule in rules:
        if rule.over is not None and (rule.over not in known or rule.over == rule.name):
            yield Problem(
                "TM317",
                rule.at("over"),
                f"there is no other repair '{rule.over}' here to override",
                hint=did_you_mean(rule.over, [name for name in known if name != rule.name]),
            )
    for one, other in combinations(rules, 2):
        if one.name == other.over or other.name == one.over:
            continue
        if matching is None or matching.overlap(
            _region(matching, one.match), _region(matching, other.match)
        ):
            yield from _set_twice(one, other)


def _region(matching: Matching, match: nodes.Node | None) -> Region:
    return EVERYTHING if match is None else matching.region(match)


def _set_twice(one: Any, other: Any) -> Iterator[Problem]:
    first, second = dict(_settings_of(one)), dict(_settings_of(other))
    for field in first:
        if field in second and first[field].value != second[field].value:
            yield Problem(
                "TM313",
                other.at(second[field].place),
                f"repairs '{one.name}' and '{other.name}' both set '{field}'",
                label="every repair that matches applies",
                hint=f"keep their 'match' apart, or say which one counts:  over: {one.name}",
                notes=(Note(f"'{one.name}' sets it", one.at(first[field].place)),),
            )


def _sets_twice(rule: nodes.DataKeyRepair) -> Iterator[Problem]:
    """Find a field that a repair sets by a keyword of its own and in ``set``."""
    seen: dict[str, _Setting] = {}
    for field, setting in _settings_of(rule):
        if field in seen:
            yield Problem(
                "TM313",
                rule.at(setting.place),
                f"repair '{rule.name}' sets '{field}' twice",
                hint="one of the two is enough",
                notes=(Note("it is set here, too", rule.at(seen[field].place)),),
            )
        seen[field] = setting


@dataclass(frozen=True, slots=True)
class _Setting:
    """What a repair sets a field to, and its place in the rule."""

    value: Any
    place: str


_FIELD_OF = {"dtype": "dtype_numpy"}
"""What a keyword of repairs sets, where it is called otherwise in documents."""


def _settings_of(rule: Any) -> Iterator[tuple[str, _Setting]]:
    """Yield each field that a repair sets."""
    for keyword in ("mimetype", "join", "chunks", "rename", "dtype", "shape", "dims", "units"):
        value = getattr(rule, keyword, None)
        if value is not None and not isinstance(value, dict):
            field = _FIELD_OF.get(keyword, keyword)
            yield field, _Setting(_comparable(field, value), keyword)
    for keyword in ("set", "parameters"):
        values: Mapping[str, Free] = getattr(rule, keyword, {})
        for field, free in values.items():
            yield field, _Setting(_comparable(field, free.plain()), f"{keyword}.{field}")


def _comparable(field: str, value: Any) -> Any:
    """What a field is set to, in one form for all the ways to say it."""
    if isinstance(value, nodes.ShapeRepair) and value.given == {"lengths"}:
        value = value.lengths
    value = plain(value)
    return numpy_name(value) if field == "dtype_numpy" and isinstance(value, str) else value
