"""Write tests: expectations as they were found, and new tests from recordings.

A file is changed only where something else is expected now: comments, order and everything that
holds stay as they are written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tiledmap.language.render import flow, scalar
from tiledmap.language.yaml_source import (
    Characters,
    Entry,
    MappingNode,
    ScalarNode,
    SequenceNode,
    Source,
    YamlNode,
)
from tiledmap.problems import MappingError, Problem, Span
from tiledmap.testing.cases.compare import NOTHING, Found, differences, unlisted_columns
from tiledmap.testing.cases.read import node_at
from tiledmap.testing.cases.run import Outcome
from tiledmap.testing.cases.statements import ExpectedNode

_WIDTH = 96
_STEP = "  "
_MOST_FILES = 20
_MOST_ITEMS = 8


def updated(source: Source, outcomes: Sequence[Outcome]) -> str:
    """Return the text of a file of tests with what was found in place of what was expected.

    A test that could not be run, and a problem that does not occur, stay as they are.
    """
    edits = _Edits(source)
    for outcome in outcomes:
        if outcome.found is not None:
            _update(edits, outcome, outcome.found)
    return edits.apply()


def new_test(name: str, documents: str, found: Mapping[str, Found], settings: str = "") -> str:
    """Write a test that expects what was found and nothing else, as an item of ``tests``."""
    lines = [f"- name: {scalar(name)}", f"  given: {{documents: {flow(documents)}}}"]
    lines += [f"  settings: {settings}"] if settings else []
    if found:
        nodes = (line for path, node in found.items() for line in _node(path, expected_of(node)))
        lines += ["  expect:", *(f"    {line}" for line in nodes)]
    return "\n".join([*lines, "  strict: true", ""])


def with_test(source: Source, test: str) -> str:
    """Return the text of a file of tests with one more after the others.

    Raises
    ------
    MappingError
        If the others are written in brackets.
    """
    root, text = source.root, source.text
    tests = root.get("tests") if isinstance(root, MappingNode) else None
    assert isinstance(root, MappingNode)
    assert isinstance(tests, SequenceNode), "a file of tests without tests was let through"
    start = _start(source.characters, tests)
    end = source.characters.index(tests.span.end_line, tests.span.end_column)
    if tests.items and text[start] == "[":
        message = "no test can be put among tests in brackets"
        hint = "begin each one with - on a line of its own"
        raise MappingError([Problem("TM009", tests.span, message, hint=hint)])
    column = tests.span.column - 1
    if not tests.items:
        text, end, column = f"{text[:start].rstrip(' ')}{text[end:]}", start, len(_STEP)
    newline = text.find("\n", end)
    if newline < 0 or root.entries[-1].value is tests:
        newline = len(text)
    above, below = text[:newline].rstrip("\n"), text[newline:].lstrip("\n")
    return f"{above}\n{_indented(test, ' ' * column)}{below}"


def new_file(mapping: str, test: str) -> str:
    """Write a file of one test."""
    return f"tiledmap_test: 1\nmapping: {scalar(mapping)}\ntests:\n{_indented(test, _STEP)}"


def _indented(text: str, indentation: str) -> str:
    return "".join(f"{indentation}{line}\n" if line else "\n" for line in text.splitlines())


# ---------------------------------------------------------------- what is expected of a node


def expected_of(found: Found) -> dict[str, Any]:
    """Return everything that is worth expecting of a node."""
    values = {field: _recorded(field, found) for field in ExpectedNode.model_fields}
    return {field: value for field, value in values.items() if value not in (NOTHING, [], {})}


def _node(path: str, expected: dict[str, Any]) -> list[str]:
    """Write an entry of ``expect``."""
    return [f"{scalar(path)}:", *(f"{_STEP}{line}" for line in _block(expected))]


def _recorded(field: str, found: Found) -> Any:
    """What is worth expecting of a field."""
    value = found.value(field)
    if field == "family" and (found.value("store") != NOTHING and value != "bytes"):
        return NOTHING  # how it is stored says as much
    if field == "files" and len(value) > _MOST_FILES:
        return NOTHING
    if field == "metadata":
        return {key: kept for key, item in value.items() if (kept := _kept(item)) is not NOTHING}
    return value


def _kept(value: Any) -> Any:
    """What is worth expecting of a piece of metadata: of a mapping that it is there."""
    match value:
        case dict():
            return {}
        case list() if len(value) > _MOST_ITEMS or any(isinstance(i, dict | list) for i in value):
            return NOTHING
        case str() if "${{" in value or "\n" in value:
            return NOTHING
    return value


def _entry(key: str, value: Any) -> list[str]:
    """Write a key and its value: on one line where that reads well, else indented below it."""
    if not isinstance(value, list | dict):
        return [f"{scalar(key)}: {scalar(value)}"]
    line = f"{scalar(key)}: {flow(value)}"
    if len(line) < _WIDTH and key != "files":
        return [line]
    return [f"{scalar(key)}:", *(f"{_STEP}{line}" for line in _block(value))]


def _block(value: list[Any] | dict[str, Any]) -> list[str]:
    if isinstance(value, dict):
        return [line for key, inner in value.items() for line in _entry(key, inner)]
    return [f"- {flow(item) if isinstance(item, list | dict) else scalar(item)}" for item in value]


# ---------------------------------------------------------------- changing a file


def _update(edits: "_Edits", outcome: Outcome, found: Mapping[str, Found]) -> None:
    case = outcome.case
    statement = case.statement
    for difference in differences(case, found):
        if difference.found is NOTHING:
            edits.remove(difference.node)
        else:
            edits.replace(difference.node, difference.found)
    expect = case.source.root
    if "expect" in statement.given:
        expect = node_at(case.source.root, statement.at("expect"))
        assert isinstance(expect, MappingNode)
        for entry in expect.entries:
            if entry.key.value not in found:
                edits.remove(entry.value)
    if not statement.strict:
        return
    new = {path: expected_of(node) for path, node in found.items() if path not in statement.expect}
    lines = [line for path, expected in new.items() for line in _node(path, expected)]
    if new and "expect" in statement.given:
        edits.append(expect, new, lines)
    elif new:
        lines = ["expect:", *(f"{_STEP}{line}" for line in lines)]
        edits.insert_before(statement.key_at("strict"), lines)
    for path, expected in statement.expect.items():
        if path in found and (columns := unlisted_columns(expected, found[path])):
            holder = node_at(case.source.root, expected.at("columns"))
            edits.append(holder, columns, _block(columns))


@dataclass(frozen=True, slots=True)
class _Appended:
    """New entries of a mapping, as they are written in brackets and as lines of a block."""

    within: Sequence[str] = ()
    lines: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: str


class _Edits:
    """What changes in a file, collected and done at once."""

    def __init__(self, source: Source) -> None:
        self._text = source.text
        self._characters = source.characters
        self._holders = dict(_holders(source.root, None))
        self._edits: list[_Edit] = []
        self._removed: dict[int, list[Entry]] = {}
        self._appended: dict[int, _Appended] = {}
        self._touched: dict[int, MappingNode] = {}

    def replace(self, node: YamlNode, value: Any) -> None:
        """Put a value where another one is written, in the same style."""
        column = " " * (node.span.column - 1)
        if isinstance(value, list | dict) and value and not self._is_flow(node):
            if isinstance(node, ScalarNode):
                text = flow(value)
            else:
                text = f"\n{column}".join(_block(value))
        elif isinstance(value, list | dict) or self._in_flow(node):
            text = flow(value)
        else:
            text = scalar(value)
        self._edits.append(_Edit(*self._extent(node.span), text))

    def remove(self, node: YamlNode) -> None:
        """Take out an entry, by its value."""
        mapping = self._holders[id(node)]
        assert isinstance(mapping, MappingNode)
        entry = next(entry for entry in mapping.entries if entry.value is node)
        self._touched[id(mapping)] = mapping
        self._removed.setdefault(id(mapping), []).append(entry)

    def append(self, mapping: YamlNode, entries: Mapping[str, Any], lines: list[str]) -> None:
        """Put entries at the end of a mapping: `lines` where it is a block."""
        assert isinstance(mapping, MappingNode)
        self._touched[id(mapping)] = mapping
        within = [f"{flow(key)}: {flow(value)}" for key, value in entries.items()]
        self._appended[id(mapping)] = _Appended(within, lines)

    def insert_before(self, key: Span, lines: list[str]) -> None:
        """Put an entry before another one of a block."""
        indentation = " " * (key.column - 1)
        start = self._characters.index(key.line, key.column)
        text = "".join(f"{line}\n{indentation}" for line in lines)
        self._edits.append(_Edit(start, start, text))

    def apply(self) -> str:
        """The changed text."""
        for key, mapping in self._touched.items():
            appended = self._appended.get(key, _Appended())
            self._change(mapping, self._removed.get(key, []), appended)
        text = self._text
        for edit in sorted(self._edits, key=lambda edit: (edit.start, edit.end), reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        return text

    # ------------------------------------------------------------ mappings

    def _change(self, mapping: MappingNode, removed: list[Entry], appended: _Appended) -> None:
        kept = [entry for entry in mapping.entries if entry not in removed]
        start, end = self._extent(mapping.span)
        if not kept:
            alone = self._alone(mapping, appended)
            while alone[0] == "\n" and self._text[start - 1] == " ":
                start -= 1
            self._edits.append(_Edit(start, end, alone))
        elif self._is_flow(mapping):
            self._change_flow(mapping, kept, appended)
        else:
            self._edits += [_Edit(*self._lines_of(entry), "") for entry in removed]
            indentation = " " * (mapping.span.column - 1)
            text = "".join(f"{indentation}{line}\n" for line in appended.lines)
            after = self._end_of_line(end)
            text = text if self._text[after - 1 : after] == "\n" else f"\n{text.rstrip()}"
            self._edits.append(_Edit(after, after, text if appended.lines else ""))

    def _change_flow(self, mapping: MappingNode, kept: list[Entry], appended: _Appended) -> None:
        last_kept = self._extent(kept[-1].value.span)[1]
        end = self._extent(mapping.entries[-1].value.span)[1]
        tail = "".join(f", {entry}" for entry in appended.within)
        self._edits.append(_Edit(last_kept, end, tail))
        for entry, following in pairwise(mapping.entries[: mapping.entries.index(kept[-1]) + 1]):
            if entry not in kept:
                self._edits.append(_Edit(entry.key.start, following.key.start, ""))

    def _alone(self, mapping: MappingNode, new: _Appended) -> str:
        """Write a mapping of which nothing stays."""
        if not new.lines:
            return "{}"
        if self._is_flow(mapping) and (mapping.entries or self._in_flow(mapping)):
            return f"{{{', '.join(new.within)}}}"
        if not self._is_flow(mapping):
            return f"\n{' ' * (mapping.span.column - 1)}".join(new.lines)
        holder = self._holders[id(mapping)]
        assert isinstance(holder, MappingNode)
        indentation = " " * (holder.span.column - 1) + _STEP
        return "".join(f"\n{indentation}{line}" for line in new.lines)

    def _lines_of(self, entry: Entry) -> tuple[int, int]:
        start = self._characters.index(entry.key.span.line, 1)
        return start, self._end_of_line(self._extent(entry.value.span)[1])

    def _end_of_line(self, index: int) -> int:
        found = self._text.find("\n", index)
        return len(self._text) if found < 0 else found + 1

    # ------------------------------------------------------------ style

    def _extent(self, span: Span) -> tuple[int, int]:
        characters = self._characters
        return (
            characters.index(span.line, span.column),
            characters.index(span.end_line, span.end_column),
        )

    def _is_flow(self, node: YamlNode) -> bool:
        return isinstance(node, MappingNode | SequenceNode) and (
            self._text[_start(self._characters, node)] in "[{"
        )

    def _in_flow(self, node: YamlNode) -> bool:
        holder = self._holders[id(node)]
        while holder is not None:
            if self._is_flow(holder):
                return True
            holder = self._holders[id(holder)]
        return False


def _start(characters: Characters, node: YamlNode) -> int:
    return characters.index(node.span.line, node.span.column)


def _holders(node: YamlNode, holder: YamlNode | None) -> Iterator[tuple[int, YamlNode | None]]:
    """Yield each node's identity, and what holds it."""
    yield id(node), holder
    match node:
        case MappingNode():
            for entry in node.entries:
                yield from _holders(entry.value, node)
        case SequenceNode():
            for item in node.items:
                yield from _holders(item, node)
