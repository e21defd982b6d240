from pathlib import Path

import pytest
import yaml

from tiledmap.language import yaml_source
from tiledmap.language.yaml_source import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NODES,
    MappingNode,
    ScalarNode,
    SequenceNode,
    Source,
    YamlNode,
    apply_suppressions,
    read_source,
)
from tiledmap.problems import Problem, Span


def read(text: str) -> Source:
    source, problems = read_source(text)
    assert not problems, problems
    assert source is not None
    return source


def only_problem(text: str) -> Problem:
    _, problems = read_source(text)
    (problem,) = problems
    return problem


def value_of(text: str) -> ScalarNode:
    root = read(text).root
    assert isinstance(root, MappingNode)
    value = root.entries[0].value
    assert isinstance(value, ScalarNode)
    return value


def written(text: str, span: Span) -> str:
    """The text that a span underlines."""
    lines = text.splitlines(keepends=True)
    if span.line == span.end_line:
        return lines[span.line - 1][span.column - 1 : span.end_column - 1]
    first = lines[span.line - 1][span.column - 1 :]
    last = lines[span.end_line - 1][: span.end_column - 1] if span.end_column > 1 else ""
    return "".join([first, *lines[span.line : span.end_line - 1], last])


# ---------------------------------------------------------------- the tree


def test_every_scalar_is_the_text_that_was_written() -> None:
    root = read("a: NO\nb: 012\nc: [1_000, 1.10, ~]\nd: '5'\n").root
    assert isinstance(root, MappingNode)
    a, b, c, d = (entry.value for entry in root.entries)
    assert isinstance(a, ScalarNode)
    assert isinstance(b, ScalarNode)
    assert isinstance(c, SequenceNode)
    assert isinstance(d, ScalarNode)
    assert (a.value, b.value) == ("NO", "012")
    assert [item.value for item in c.items if isinstance(item, ScalarNode)] == [
        "1_000",
        "1.10",
        "~",
    ]
    assert (d.value, d.plain) == ("5", False)


def test_spans_are_of_characters_and_counted_from_one() -> None:
    text = "é😀: [x, 'y z']\n"
    (entry,) = read(text).root.entries  # type: ignore[union-attr]
    assert entry.key.span == Span("<text>", 1, 1, 1, 3)
    assert [written(text, item.span) for item in entry.value.items] == ["x", "'y z'"]
    assert written(text, entry.value.span) == "[x, 'y z']"


def test_a_block_ends_where_its_last_value_does() -> None:
    text = "a:\n  - b: 1\n    c: 2\n\n# a comment\nd: 3\n"
    (first, _) = read(text).root.entries  # type: ignore[union-attr]
    assert first.value.span == Span("<text>", 2, 3, 3, 9)


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: x\r\n")
    source, problems = read_source(path, "m.yaml")
    assert not problems
    assert source is not None
    assert isinstance(source.root, MappingNode)
    assert source.root.entries[1].value.span == Span("m.yaml", 2, 4, 2, 5)


def test_python_and_c_parsers_make_the_same_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[1] / "mappings/valid/bluesky-v3-example.yaml").read_text()
    fast = read(text)
    monkeypatch.setattr(yaml_source, "_LOADER", yaml.SafeLoader)
    slow = read(text)
    assert fast.root == slow.root
    assert _spans(fast.root) == _spans(slow.root)


def _spans(node: YamlNode) -> list[Span]:
    if isinstance(node, ScalarNode):
        return [node.span]
    if isinstance(node, SequenceNode):
        return [node.span, *(span for item in node.items for span in _spans(item))]
    inner = [(entry.key, entry.value) for entry in node.entries]
    return [node.span, *(span for pair in inner for part in pair for span in _spans(part))]


# ---------------------------------------------------------------- places inside a value


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("k: plain text\n", {"plain": "plain", "text": "text"}),
        ("k: 'it''s here'\n", {"'": "''", "here": "here"}),
        ('k: "a\\u00e9\\tb"\n', {"é": "\\u00e9", "b": "b", "é\tb": "\\u00e9\\tb"}),
        ('k: "one\\\n   two"\n', {"one": "one", "two": "two"}),
        ("k: one\n   two\n\n   three\n", {"two": "two", "three": "three"}),
        ("k: 'one\n   two'\n", {"two": "two"}),
        ("k: |\n  one\n    two\n\n  three\n", {"one": "one", "  two": "  two", "three": "three"}),
        ("k: >\n  one\n  two\n\n  three\n", {"one": "one", "two": "two", "three": "three"}),
        ("k: |2-\n    one\n  two\n", {"  one": "  one", "two": "two"}),
        ("k: >+\n\n  one\n\n  two\n\n", {"one": "one", "two": "two"}),
    ],
)
def test_a_part_of_a_value_is_found_in_the_file(text: str, pieces: dict[str, str]) -> None:
    scalar = value_of(text)
    for piece, expected in pieces.items():
        start = scalar.value.index(piece)
        assert written(text, scalar.span_of(start, start + len(piece))) == expected


@pytest.mark.parametrize("text", ["k: abc\n", "k: 'abc'\n", 'k: "abc"\n', "k: |-\n  abc\n"])
def test_the_empty_part_at_the_end_of_a_value_stands_behind_it(text: str) -> None:
    scalar = value_of(text)
    last, end = scalar.span_of(2, 3), scalar.span_of(3, 3)
    assert end == Span("<text>", last.end_line, last.end_column, last.end_line, last.end_column)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "code", "place", "hint"),
    [
        ("match: {name: *_image}\n", "TM006", "1:15", "begins with * in quotes"),
        ("match: {name: *.tiff}\n", "TM002", "1:16", "quote a text that begins with *"),
        ("dtype_numpy: |u1\n", "TM002", "1:15", "uint8"),
        ("dtype_numpy: >f8\n", "TM002", "1:15", "float64"),
        ("template: %s%s_%6.6d.tiff\n", "TM002", "1:11", "begins with %"),
        ("size: > 16\n", "TM002", "1:9", "when: data_key.size > 16"),
        ("key: {{ start.uid }}\n", "TM002", "1:7", "${{ start.uid }}"),
        ("run: {key: ${{ start.uid }}}\n", "TM002", "1:13", "on a line of its own"),
        ("parent: [smi, ${{ start.a }}]\n", "TM002", "1:16", "on a line of its own"),
        ("from: 'a' + start.x\n", "TM002", "1:11", "quote the whole expression"),
        ("when: start.edge == 'Ni: K'\n", "TM002", "1:24", "quote the whole value"),
        ("title: @home\n", "TM002", "1:8", "begins with @"),
        ("a: {b: 1\n", "TM002", "1:4", ""),
        ("a: 'x\n", "TM002", "1:4", ""),
        ("a: \x01\n", "TM002", "1:4", ""),
        ("a: 1\n---\nb: 2\n", "TM002", "2:1", ""),
        ("# nothing\n", "TM002", "1:1", ""),
        ("a:\n\tb: 1\n", "TM008", "2:1", "indent with spaces"),
        ("a: {\n\tb: 1}\n", "TM008", "2:1", "indent with spaces"),
        ("a: &x 1\n", "TM006", "1:4", "setting"),
        ("a: {<<: {b: 1}}\n", "TM006", "1:5", "extends"),
        ("a: !!str 1\n", "TM007", "1:4", "from the field"),
        ("a: !x 1\n", "TM007", "1:4", "begins with !"),
    ],
)
def test_what_yaml_cannot_read_is_explained(text: str, code: str, place: str, hint: str) -> None:
    problem = only_problem(text)
    assert problem.code == code
    assert str(problem.span) == f"<text>:{place}"
    assert hint in problem.hint


def test_a_key_that_is_given_twice_shows_both_places() -> None:
    source, problems = read_source("a: 1\nb: 2\na: 3\n")
    (problem,) = problems
    assert (problem.code, problem.span.line) == ("TM004", 3)
    assert problem.notes[0].span == Span("<text>", 1, 1, 1, 2)
    assert source is not None
    assert isinstance(source.root, MappingNode)
    assert [entry.key.value for entry in source.root.entries] == ["a", "b"]


def test_a_tab_inside_a_text_is_no_indentation() -> None:
    assert value_of("a: |\n  x\n  \ty\n").value == "x\n\ty\n"


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: 1\nb: \xe9\n")
    found = [read_source(path)[1][0] for path in (tmp_path / "none.yaml", tmp_path, latin)]
    assert [problem.code for problem in found] == ["TM001"] * 3
    assert "no such file" in found[0].message
    assert "directory" in found[1].message
    assert "0xe9 in line 2" in found[2].message


def test_a_file_may_have_so_many_bytes_and_no_more(tmp_path: Path) -> None:
    text = "a: " + "x" * (MAX_BYTES - 4) + "\n"
    path = tmp_path / "m.yaml"
    path.write_text(text)
    assert not read_source(path)[1]
    path.write_text("é" + text)
    assert [problem.code for problem in read_source(path)[1]] == ["TM003"]
    assert only_problem(text + "\n").code == "TM003"


def test_a_file_may_nest_so_deep_and_no_deeper() -> None:
    def nested(levels: int) -> str:
        return "[" * levels + "]" * levels

    assert not read_source(nested(MAX_DEPTH))[1]
    assert only_problem(nested(MAX_DEPTH + 1)).code == "TM003"
    assert only_problem("[" * 100_000).code == "TM003"


def test_a_file_may_hold_so_many_values_and_no_more() -> None:
    assert not read_source("- a\n" * (MAX_NODES - 1))[1]
    assert only_problem("- a\n" * MAX_NODES).code == "TM003"


def test_an_alias_is_never_followed() -> None:
    text = "a: &a [x, x]\nb: [*a, *a]\n"
    source, problems = read_source(text)
    assert [problem.code for problem in problems] == ["TM006"] * 3
    assert source is not None
    assert isinstance(source.root, MappingNode)
    assert isinstance(source.root.entries[1].value, SequenceNode)
    assert [item.value for item in source.root.entries[1].value.items] == ["*a", "*a"]  # type: ignore[union-attr]


# ---------------------------------------------------------------- suppressions


def warning(line: int, code: str = "TM502") -> Problem:
    return Problem(code, Span("<text>", line, 1, line, 2), "something")


def test_a_comment_on_the_line_ignores_its_warning() -> None:
    source = read("a: 1  # tiledmap: ignore[TM502] the site wants it so\nb: 2\n")
    assert apply_suppressions([warning(1), warning(2)], [source]) == [warning(2)]


def test_a_comment_alone_on_its_line_speaks_of_the_next() -> None:
    source = read("# tiledmap: ignore[TM502, TM503] so\n# more\n\na: 1\n")
    assert source.suppressions[0].line == 4
    assert apply_suppressions([warning(4), warning(4, "TM503")], [source]) == []


def test_a_comment_that_ignores_nothing_is_reported_once_all_checks_have_run() -> None:
    source = read("a: 1  # tiledmap: ignore[TM502] so\n")
    (problem,) = apply_suppressions([], [source])
    assert (problem.code, problem.span.column) == ("TM016", 7)
    assert apply_suppressions([], [source], checked=False) == []


def test_a_comment_of_an_inherited_file_is_judged_where_that_is_checked() -> None:
    own, inherited = read("a: 1\n"), read("a: 1  # tiledmap: ignore[TM502] so\n")
    assert apply_suppressions([], [own, inherited]) == []
    assert apply_suppressions([warning(1)], [own, inherited]) == []


def test_an_error_is_not_ignored() -> None:
    source = read("a: 1  # tiledmap: ignore[TM201] so\n")
    error = warning(1, "TM201")
    kept, complaint = apply_suppressions([error], [source])
    assert kept == error
    assert complaint.code == "TM016"
    assert "TM201 is an error" in complaint.message


@pytest.mark.parametrize(
    ("comment", "codes"),
    [
        ("# tiledmap: ignore[TM502]", ["TM017"]),
        ("# tiledmap: ignore so", ["TM016"]),
        ("# tiledmap: ignore[TM9] so", ["TM016"]),
        ("# tiledmap: ignore[]", ["TM016", "TM017"]),
    ],
)
def test_a_comment_must_name_known_codes_and_a_reason(comment: str, codes: list[str]) -> None:
    source = read(f"a: 1 {comment}\n")
    found = apply_suppressions([warning(1)], [source])
    assert [problem.code for problem in found if problem != warning(1)] == codes


def test_a_comment_inside_a_text_is_text() -> None:
    assert read("a: '# tiledmap: ignore[TM502] x'\nb: |\n  # tiledmap: ignore\n").suppressions == ()
