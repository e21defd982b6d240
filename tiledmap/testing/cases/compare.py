"""Compare the nodes that a test expects with those that were found."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np

from tiledmap.language.render import flow
from tiledmap.language.yaml_source import MappingNode, SequenceNode, YamlNode
from tiledmap.problems import Problem, Span
from tiledmap.problems.nearest import did_you_mean
from tiledmap.sinks.tree import TreeNode
from tiledmap.testing.cases.read import Case, fill, node_at
from tiledmap.testing.cases.statements import ExpectedNode

HERE = "${{ here }}"
_NOUNS = {
    "container": "a container",
    "table": "a table",
    "array": "an array",
    "ragged": "a ragged array",
    "bytes": "bytes",
}
_STORES = ("table", "array", "ragged")
_ARROW_WORDS = {"double": "float64", "float": "float32", "halffloat": "float16"}


class _Nothing:
    """What is found where there is no such thing."""


NOTHING: Final = _Nothing()


@dataclass(frozen=True)
class Found:
    """A node that documents made.

    Parameters
    ----------
    node
        Its `made_by` is the dotted name of a rule.
    at
        Where that rule stands, as ``bluesky-v3.yaml:125``.
    here
        The directory of the test's file.
    """

    node: TreeNode
    at: str
    here: Path

    def __str__(self) -> str:
        place = "" if self.at == self.node.made_by else f", {self.at}"
        return f"{_NOUNS[self.node.family]} made by {self.node.made_by}{place}"

    def value(self, field: str) -> Any:
        """What a field of `ExpectedNode` has to be for this node; NOTHING where it has no such."""
        node = self.node
        match field:
            case "store":
                value: Any = node.family if node.family in _STORES else NOTHING
                return "files" if node.mimetype else value
            case "shape":
                return NOTHING if node.shape is None else list(node.shape)
            case "columns":
                return {name: column_type(type_) for name, type_ in node.columns}
            case "files":
                return [self._from_here(uri) for uri in node.files]
            case "metadata":
                return dict(node.metadata)
            case "dtype" | "mimetype":
                return getattr(node, field) or NOTHING
            case "rows":
                return NOTHING if node.rows is None else node.rows
            case "specs" | "access_tags" | "dims":
                return list(getattr(node, field))
        return getattr(node, field)

    def _from_here(self, uri: str) -> str:
        for here in (str(self.here), quote(str(self.here))):  # not all documents quote their paths
            uri = uri.replace(f"{here}/", f"{HERE}/")
        return uri


@dataclass(frozen=True)
class Difference:
    """A place in an expectation where something else was found.

    Parameters
    ----------
    what
        Such as ``dtype``, ``columns.seq_num`` or ``metadata.start.uid``.
    node
        The value that is written there.
    found
        NOTHING where there is no such thing.
    """

    path: str
    what: str
    node: YamlNode
    expected: Any
    found: Any


def compare(case: Case, nodes: Mapping[str, Found], rules: Mapping[str, str]) -> Iterator[Problem]:
    """Yield a problem for each place where what was found is not what is expected.

    Parameters
    ----------
    nodes
        What the documents made, by path.
    rules
        The rules of the mapping that make nodes, by dotted name.
    """
    statement = case.statement
    for path in statement.expect:
        if path not in nodes:
            yield _not_made(path, nodes, statement.key_at(f"expect.{path}"))
    for difference in differences(case, nodes):
        yield _problem(difference, nodes[difference.path], rules)
    if statement.strict:
        yield from _unexpected(case, nodes)


def differences(case: Case, nodes: Mapping[str, Found]) -> Iterator[Difference]:
    """Yield what differs in the nodes that are expected and there."""
    for path, expected in case.statement.expect.items():
        if (found := nodes.get(path)) is not None:
            yield from _of_node(case, path, expected, found)


def column_type(arrow: str) -> str:
    """Arrow's name of a type in the words of mappings: ``list<float64>``."""
    words = arrow.replace("item: ", "").replace("element: ", "")
    return re.sub(r"\b(double|halffloat|float)\b", lambda word: _ARROW_WORDS[word[0]], words)


def unlisted_columns(expected: ExpectedNode, found: Found) -> dict[str, str]:
    """Columns that are there and not among those that a strict test lists."""
    if not expected.columns:
        return {}
    there: dict[str, str] = found.value("columns")
    return {name: type_ for name, type_ in there.items() if name not in expected.columns}


# ---------------------------------------------------------------- one node


def _of_node(case: Case, path: str, expected: ExpectedNode, found: Found) -> Iterator[Difference]:
    for field in type(expected).model_fields:
        if field not in expected.given:
            continue
        node = node_at(case.source.root, expected.at(field))
        there = found.value(field)
        match field:
            case "columns":
                yield from _of_columns(path, expected.columns, there, node)
            case "metadata":
                wanted = {key: case.filled(value) for key, value in expected.metadata.items()}
                yield from _of_mapping(path, "metadata", wanted, there, node)
            case "files":
                assert expected.files is not None
                wanted_files = [fill(text.source, HERE) for text in expected.files]
                yield from _of_list(path, field, wanted_files, there, node)
            case "dtype":
                if not _same_dtype(expected.dtype, there):
                    yield Difference(path, field, node, expected.dtype, there)
            case _:
                wanted_value = getattr(expected, field)
                if isinstance(wanted_value, tuple) and isinstance(there, list):
                    yield from _of_list(path, field, list(wanted_value), there, node)
                elif wanted_value != there:
                    yield Difference(path, field, node, wanted_value, there)


def _of_columns(
    path: str, wanted: Mapping[str, str], there: Mapping[str, str], node: YamlNode
) -> Iterator[Difference]:
    assert isinstance(node, MappingNode)
    for name, type_ in wanted.items():
        found = there.get(name, NOTHING)
        if found is NOTHING or column_type(type_) != found:
            inner = node.get(name)
            assert inner is not None
            yield Difference(path, f"columns.{name}", inner, type_, found)


def _of_mapping(
    path: str, what: str, wanted: Mapping[str, Any], there: Any, node: YamlNode
) -> Iterator[Difference]:
    """Compare what is expected of metadata: some keys, with what they hold."""
    if not isinstance(there, Mapping) or not isinstance(node, MappingNode):
        yield Difference(path, what, node, wanted, there)
        return
    for key, value in wanted.items():
        found, inner = there.get(key, NOTHING), node.get(key)
        assert inner is not None
        if isinstance(value, dict):
            yield from _of_mapping(path, f"{what}.{key}", value, found, inner)
        elif not same(value, found):
            yield Difference(path, f"{what}.{key}", inner, value, found)


def _of_list(
    path: str, what: str, wanted: Sequence[Any], there: Sequence[Any], node: YamlNode
) -> Iterator[Difference]:
    """Compare lists: item by item where they are as long, as a whole where not."""
    if wanted == there:
        return
    if len(wanted) == len(there) and isinstance(node, SequenceNode):
        for index, (value, found) in enumerate(zip(wanted, there, strict=True)):
            if value != found:
                inner = node.items[index]
                yield Difference(path, f"{what}[{index}]", inner, value, found)
    else:
        yield Difference(path, what, node, wanted, there)


def same(expected: Any, found: Any) -> bool:
    """Whether two pieces of JSON data are the same; 1 is 1.0, and neither is true."""
    match expected:
        case dict():
            return (
                isinstance(found, Mapping)
                and expected.keys() == found.keys()
                and all(same(value, found[key]) for key, value in expected.items())
            )
        case list() | tuple():
            return (
                isinstance(found, list | tuple)
                and len(expected) == len(found)
                and all(map(same, expected, found))
            )
        case float() if expected != expected:
            return isinstance(found, float) and found != found
    return isinstance(expected, bool) == isinstance(found, bool) and bool(expected == found)


def _same_dtype(expected: str | None, found: Any) -> bool:
    if expected == found:
        return True
    try:
        return np.dtype(str(expected)) == np.dtype(str(found))
    except TypeError:  # one is no dtype at all, or has fields
        return False


# ---------------------------------------------------------------- in words


def _problem(difference: Difference, found: Found, rules: Mapping[str, str]) -> Problem:
    what = f"{difference.what} of '{difference.path}'"
    hint = f"it is {found}"
    if difference.found is NOTHING:
        message = f"{what} is not there"
        label = f"expected {_short(difference.expected)}"
        hint = _nearby(difference, found) or hint
        return Problem("TM600", difference.node.span, message, label=label, hint=hint)
    if (
        difference.what == "made_by"
        and (near := did_you_mean(difference.expected, rules))
        and (difference.expected not in rules)
    ):
        hint = f"no rule is named '{difference.expected}'; {near}"
    message = f"{what} is {_short(difference.found)}"
    label = f"found {_short(difference.found)}"
    return Problem("TM600", difference.node.span, message, label=label, hint=hint)


_LONGEST = 120


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else flow(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _nearby(difference: Difference, found: Found) -> str:
    """Ask for the key that was probably meant, of a column or in metadata."""
    section, *steps = difference.what.split(".")
    if not steps:
        return ""
    holder: Any = found.value(section)
    for step in steps[:-1]:
        holder = holder.get(step, {}) if isinstance(holder, Mapping) else {}
    return did_you_mean(steps[-1], holder) if isinstance(holder, Mapping) else ""


def _not_made(path: str, nodes: Mapping[str, Found], span: Span) -> Problem:
    message = f"there is no node {path!r}"
    above = path.rpartition("/")[0]
    if near := did_you_mean(path, nodes):
        hint = near
    elif above in nodes:
        beside = [node for node in nodes if node.rpartition("/")[0] == above]
        hint = f"in '{above}' there is {_list(beside)}" if beside else f"'{above}' is empty"
    else:
        hint = f"the documents make {_list(list(nodes))}" if nodes else "the documents make no node"
    return Problem("TM601", span, message, hint=hint)


_MOST = 6


def _list(paths: list[str]) -> str:
    shown = ", ".join(repr(path) for path in paths[:_MOST])
    return f"{shown} and {len(paths) - _MOST} more" if len(paths) > _MOST else shown


def _unexpected(case: Case, nodes: Mapping[str, Found]) -> Iterator[Problem]:
    """What is there and a strict test does not list."""
    statement = case.statement
    for path, found in nodes.items():
        if path not in statement.expect:
            message = f"the test does not expect {path!r}"
            hint = f"it is {found}"
            yield Problem("TM602", statement.at("strict"), message, hint=hint)
            continue
        if unlisted := unlisted_columns(statement.expect[path], found):
            columns = ", ".join(f"{name}: {type_}" for name, type_ in unlisted.items())
            noun = "the column" if len(unlisted) == 1 else "the columns"
            message = f"the test does not expect {noun} {', '.join(unlisted)} of '{path}'"
            span = statement.expect[path].key_at("columns")
            yield Problem("TM602", span, message, label=f"found {columns}")
