"""Formatting changes how a mapping is written, and nothing else."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tiledmap.check.examine import examine
from tiledmap.language.comments import find_comments
from tiledmap.language.format import format_text
from tiledmap.language.load import Reading, read_mapping, render
from tiledmap.language.yaml_source import MappingNode, ScalarNode, SequenceNode, Source, read_source
from tiledmap.resources import shipped_mappings
from tiledmap.testing.cases.statements import CaseFileStatement

MAPPINGS = Path(__file__).parents[1] / "mappings"
INVALID = sorted(MAPPINGS.glob("invalid/*/mapping.yaml"))
VALID = sorted(MAPPINGS.glob("valid/*.yaml"))
TESTS = sorted(MAPPINGS.glob("shipped/*.test.yaml"))


def formatted(text: str, **options: Any) -> str:
    result, problems = format_text(text, **options)
    assert problems == []
    return result


def source_of(text: str) -> Source:
    source, _ = read_source(text)
    assert source is not None
    return source


def comments_in(text: str) -> list[str]:
    return sorted(comment.text for comment in find_comments(source_of(text)))


@pytest.mark.parametrize("path", shipped_mappings().values(), ids=lambda path: path.stem)
def test_shipped_mappings_are_formatted(path: Path) -> None:
    text = path.read_text("utf-8")
    assert formatted(text) == text, f"run: tiledmap fmt {path}"


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_their_tests_are_formatted(path: Path) -> None:
    text = path.read_text("utf-8")
    assert formatted(text, cls=CaseFileStatement) == text, f"run: tiledmap fmt {path}"


# ---------------------------------------------------------------- order and style

CASES = {
    "keys are put into the order of the language": (
        "name: a\ntiledmap: 1\nassets: [{refuse: 'no', name: x}]\nversion: 1.0.0\n",
        'tiledmap: 1\nname: a\nversion: 1.0.0\n\nassets: [{name: x, refuse: "no"}]\n',
    ),
    "a rule begins with what it is and what it matches, and ends with why": (
        "repair:\n  data_keys:\n  - reason: why\n    dtype: int8\n    when: 'true'\n"
        "    match: {name: x}\n    name: a\n",
        'repair:\n  data_keys:\n    - name: a\n      match: {name: x}\n      when: "true"\n'
        "      dtype: int8\n      reason: why\n",
    ),
    "rules and the fields of documents keep their order": (
        "streams:\n- name: b\n- name: a\nsource: {start: {properties: {z: {}, a: {}}}}\n",
        "source: {start: {properties: {z: {}, a: {}}}}\n\nstreams:\n  - name: b\n  - name: a\n",
    ),
    "keys that are not known come last": (
        "nme: a\nversion: 1.0.0\n",
        "version: 1.0.0\nnme: a\n",
    ),
    "metadata has its copy first and its own keys as they were": (
        "run:\n  metadata:\n    start: {z: 1, copy: start}\n    b: 1\n    a: {y: 1, x: 2}\n",
        "run:\n  metadata:\n    start: {copy: start, z: 1}\n    b: 1\n    a: {y: 1, x: 2}\n",
    ),
    "quotes go where they are not needed": (
        "title: 'a: b'\nname: 'x'\ndescription: \"it's\"\nrun: {key: 'a, b', parent: ['c']}\n",
        'name: x\ntitle: "a: b"\ndescription: "it\'s"\n\nrun: {parent: [c], key: "a, b"}\n'.replace(
            '"it\'s"', "it's"
        ),
    ),
    "quotes stay where a text would become something else": (
        "run: {metadata: {a: '1', b: \"no\", c: '2026-01-01', d: '12:30', e: 'null', f: ''}}\n",
        'run: {metadata: {a: "1", b: "no", c: "2026-01-01", d: "12:30", e: "null", f: ""}}\n',
    ),
    "escapes stay as they are written": (
        'title: "a\\tb"\ndescription: \'"b" a\'\n',
        'title: "a\\tb"\ndescription: \'"b" a\'\n',
    ),
    "expressions are not touched": (
        "run:\n  key:   ${{start.uid  }}_${{ pad( 1,2 ) }}\n",
        "run:\n  key: ${{start.uid  }}_${{ pad( 1,2 ) }}\n",
    ),
    "texts of several lines keep their lines": (
        "title: one\n    two\ndescription: |\n        a\n          b\n\n        c\n"
        'name: "x\n   y"\n',
        'name: "x\n  y"\ntitle: one\n  two\ndescription: |\n  a\n    b\n\n  c\n',
    ),
    "a block's own indentation and end are kept": (
        "description: |2+\n    a\n  b\n\n\ntitle: x\n",
        "title: x\ndescription: |2+\n    a\n  b\n\n\n",
    ),
    "what does not fit on a line gets lines of its own": (
        f"assets:\n  - name: x\n    needs: [{', '.join(['parameter'] * 12)}]\n",
        "assets:\n  - name: x\n    needs:\n" + "      - parameter\n" * 12,
    ),
    "several empty lines become one": (
        "\n\nname: a\n\n\n\ntitle: b\nrun:\n\n  key: c\n",
        "name: a\n\ntitle: b\n\nrun:\n  key: c\n",
    ),
    "empty lines after a block are not the block's": (
        "description: |\n  a\n\n\nfoo: >-\n  b\n\nbar: 1\n",
        "description: |\n  a\n\nfoo: >-\n  b\n\nbar: 1\n",
    ),
    "a block that ends with the file has no line end": (
        "description: |\n  a\n  b",
        "description: |-\n  a\n  b\n",
    ),
    "a key without a value stays without": ("name:\ntitle: {}\n", "name:\ntitle: {}\n"),
    "lists in lists are indented": (
        "run: {parent: [[a, b], []]}\nstreams:\n- - a\n  -\n    - b\n",
        "run: {parent: [[a, b], []]}\n\nstreams:\n  - - a\n    - - b\n",
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_style(text: str, expected: str) -> None:
    assert formatted(text) == expected
    assert formatted(expected) == expected


COMMENTS = {
    "at the top they stay at the top": (
        "# schema\n\n# about it\nname: a\ntiledmap: 1  # first\n",
        "# schema\n\n# about it\ntiledmap: 1  # first\nname: a\n",
    ),
    "they move with the key below them and the line that they end": (
        "streams:\n  - data: []  # nothing\n    # the name\n    name: x\n",
        "streams:\n  # the name\n  - name: x\n    data: []  # nothing\n",
    ),
    "at the end of a list they stay there": (
        "streams:\n  - name: x\n  # no more\n\n# next\nrun: {}\n",
        "# next\nrun: {}\n\nstreams:\n  - name: x\n  # no more\n",
    ),
    "in brackets they get lines of their own": (
        "run:\n  parent: [a,  # one\n    # two\n    b\n    # end\n    ]  # after\n",
        "run:\n  parent:\n    - a        # one\n    # two\n    - b\n    # end\n    # after\n",
    ),
    "at the end of the file they stay": ("name: a\n\n# end\n", "name: a\n\n# end\n"),
    "beside a dash they come before it": (
        "streams:\n  -  # a\n    name: x\n",
        "streams:\n  # a\n  - name: x\n",
    ),
    "beside what is empty": ("run:  # none\nname: a\n", "name: a\nrun:  # none\n"),
    "in a text they are none": (
        "title: a#b\ndescription: |  # block\n  # text\nname: 'x # y'\n",
        'name: "x # y"\ntitle: a#b\ndescription: |  # block\n  # text\n',
    ),
    "one that ignores the line below keeps the statement's first line": (
        "streams:\n  # tiledmap: ignore[TM310] why\n  - match: {name: a}\n    name: x\n",
        "streams:\n  # tiledmap: ignore[TM310] why\n  - match: {name: a}\n    name: x\n",
    ),
}


@pytest.mark.parametrize(("text", "expected"), COMMENTS.values(), ids=COMMENTS)
def test_comments(text: str, expected: str) -> None:
    assert formatted(text) == expected
    assert formatted(expected) == expected


def test_a_file_of_tests_is_formatted_by_its_own_order() -> None:
    text = "tests:\n- expect: {a/b: {made_by: run, store: table}}\n  name: x\ntiledmap_test: 1\n"
    assert formatted(text, cls=CaseFileStatement) == (
        "tiledmap_test: 1\ntests:\n  - name: x\n    expect: {a/b: {store: table, made_by: run}}\n"
    )


def test_a_comment_ends_where_yaml_ends_a_line() -> None:
    assert formatted("# one\u2028a: 1\n") == "# one\na: 1\n"


@pytest.mark.parametrize("text", ["a: [", "a: &x 1", "a: 1\na: 2", "a: !t 1", "\ta: 1"])
def test_what_is_no_plain_yaml_is_left_as_it_is(text: str) -> None:
    result, problems = format_text(text)
    assert result == text
    assert problems


# ---------------------------------------------------------------- laws


def said_by(text: str) -> tuple[str, str, list[tuple[str, str]]]:
    """What a mapping resolves to, and what is wrong with it, wherever that stands."""
    path = MAPPINGS / "valid" / "formatted.yaml"

    def read(content: Path | str, file: str) -> Reading:
        return read_mapping(text if content == path else content, file)

    examined = examine(path, environ={}, read=read)
    mapping = examined.resolved.mapping
    shown = render(mapping) if mapping else ""
    problems = sorted((problem.code, problem.message) for problem in examined.problems)
    return re.sub(r"  # .*:\d+$", "", shown, flags=re.M), examined.resolved.sha256, problems


def assert_laws(text: str) -> str:
    once = formatted(text)
    assert formatted(once) == once
    assert comments_in(once) == comments_in(text)
    assert said_by(once) == said_by(text)
    return once


@pytest.mark.parametrize("path", [*VALID, *INVALID], ids=lambda path: path.parent.name + path.stem)
def test_a_mapping_says_the_same(path: Path) -> None:
    text = path.read_text("utf-8", errors="replace")
    result, problems = format_text(text)
    if problems:
        assert result == text
    else:
        assert_laws(text)


class _Scribble:
    """Writes a tree in a style that nobody would choose, with comments all over it."""

    def __init__(self, source: Source, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._source = source
        self._draw = draw
        self._comments = 0

    def page(self) -> str:
        return "\n".join(self.lines(self._source.root, 0)) + "\n"

    def lines(self, node: Any, indentation: int) -> list[str]:
        step = self._draw(st.integers(1, 3))
        lines: list[str] = []
        if isinstance(node, MappingNode):
            parts = [(f"{self.raw(e.key)}:", e.value) for e in node.entries]
            parts = self._draw(st.permutations(parts))
        else:
            parts = [("-", item) for item in node.items]
        for head, value in parts:
            lines += self.noise(indentation)
            line = f"{' ' * indentation}{head}"
            if isinstance(value, ScalarNode):
                lines.append(self.beside(f"{line} {self.raw(value)}", head))
            elif (flow := self.flow(value)) is not None and self._draw(st.integers(0, 2)) == 0:
                lines.append(self.beside(f"{line} {flow}", head))
            else:
                inner = self.lines(value, indentation + step)
                lines += [self.beside(line, head), *inner]
        lines += self.noise(indentation)
        return lines or [f"{' ' * indentation}{{}}"]

    def flow(self, node: Any) -> str | None:
        if isinstance(node, ScalarNode):
            raw = self.raw(node)
            return raw if raw and (not node.plain or not re.search(r"[,\[\]{}]", raw)) else None
        if isinstance(node, SequenceNode):
            items = [self.flow(item) for item in node.items]
            return None if None in items else f"[{', '.join(map(str, items))}]"
        values = [(self.flow(entry.key), self.flow(entry.value)) for entry in node.entries]
        if any(None in pair for pair in values):
            return None
        return f"{{{', '.join(f'{key}: {value}' for key, value in values)}}}"

    def raw(self, node: ScalarNode) -> str:
        raw = self._source.text[node.start : node.end]
        return json.dumps(node.value) if "\n" in raw else raw

    def comment(self, about: str = "") -> str:
        self._comments += 1
        return f"# {self._comments} {about}"

    def noise(self, indentation: int) -> list[str]:
        kinds = self._draw(st.lists(st.sampled_from(["", "here", "deep", "left"]), max_size=2))
        places = {"here": indentation, "deep": indentation + 3, "left": 0}
        return [f"{' ' * places[kind]}{self.comment()}" if kind else "" for kind in kinds]

    def beside(self, line: str, head: str) -> str:
        return f"{line}  {self.comment(head)}" if self._draw(st.integers(0, 3)) == 0 else line


TEXTS = [path.read_text("utf-8") for path in [*VALID, *shipped_mappings().values()]]


@st.composite
def scribbled(draw: st.DrawFn) -> str:
    return _Scribble(source_of(draw(st.sampled_from(TEXTS))), draw).page()


@settings(max_examples=25, deadline=None)
@given(scribbled())
def test_whatever_it_looked_like_it_says_the_same(text: str) -> None:
    once = assert_laws(text)
    assert yaml.safe_load(once) == yaml.safe_load(text), "another reader of YAML reads another text"
    for line in once.splitlines():
        if found := re.search(r"# \d+ (\S+:)$", line):  # stays beside the key that it speaks of
            assert found[1] in line[: found.start()] or line.lstrip().startswith("#"), line
