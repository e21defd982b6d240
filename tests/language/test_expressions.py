import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reading import Words
from tiledmap.language.expressions import (
    Call,
    Expr,
    Item,
    Literal,
    Path,
    parse_expression,
    parse_text,
)
from tiledmap.problems import Problem, Span


def only_problem(source: str) -> Problem:
    tree, problems = parse_expression(Words(source))
    assert tree is None
    (problem,) = problems
    return problem


def underlined(source: str, span: Span) -> str:
    return source[span.column - 1 : span.end_column - 1]


# ---------------------------------------------------------------- what is read


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("start", Path("start")),
        ("start.uid", Path("start", ("uid",))),
        ('start.sample["odd name"]', Path("start", ("sample", "odd name"))),
        ("start.list[0].x", Path("start", ("list", 0, "x"))),
        ("start.list[-1]", Path("start", ("list", -1))),
        ("(start).uid", Path("start", ("uid",))),
        ("start . uid", Path("start", ("uid",))),
    ],
)
def test_names_with_fields_and_items_are_paths(source: str, path: Path) -> None:
    assert parse_expression(Words(source)) == (path, [])


def test_each_step_of_a_path_knows_where_it_stands() -> None:
    source = 'default(start.sample["my name"].x, 1)'
    tree, _ = parse_expression(Words(source))
    assert isinstance(tree, Call)
    path = tree.arguments[0]
    assert isinstance(path, Path)
    assert underlined(source, path.span) == 'start.sample["my name"].x'
    assert [underlined(source, span) for span in path.spans] == [
        "start",
        "sample",
        '"my name"',
        "x",
    ]
    assert underlined(source, tree.name_span) == "default"


def test_columns_count_characters_not_bytes() -> None:
    source = "'é€😀' + start.x"
    tree, _ = parse_expression(Words(source))
    assert underlined(source, getattr(tree, "right").span) == "start.x"  # noqa: B009


def test_white_space_around_an_expression_does_not_move_it() -> None:
    tree, _ = parse_expression(Words("   start.uid "))
    assert tree is not None
    assert (tree.span.column, tree.span.end_column) == (4, 13)


def test_an_item_of_a_call_is_taken_by_a_constant() -> None:
    tree, _ = parse_expression(Words("split(start.uid, '-')[0]"))
    assert isinstance(tree, Item)
    assert tree.key == 0


def test_a_backslash_in_a_pattern_stays() -> None:
    tree, problems = parse_expression(Words(r"matches(start.uid, '\d+')"))
    assert problems == []
    assert isinstance(tree, Call)
    assert tree.arguments[1] == Literal(r"\d+")


# ---------------------------------------------------------------- what is not


@pytest.mark.parametrize(
    ("source", "where", "words"),
    [
        ("start.uid.lower()", "lower", "lower(…)"),
        ("start.uid.startswith('a')", "startswith", "matches"),
        ("[x for x in start.y]", "[x for x in start.y]", "each:"),
        ("f'{start.uid}'", "f'{start.uid}'", "holes"),
        ("2 ** 9", "2 ** 9", "'*'"),
        ("lambda: 1", "lambda: 1", "itself"),
        ("(x := 1)", "x := 1", "where it is used"),
        ("start.uid[1:]", "1:", "one item"),
        ("first(*start.list)", "*start.list", "every argument"),
        ("slug(text='a')", "'a'", "position"),
        ("slug(**start)", "start", "position"),
        ("start.__class__", "__class__", '["__class__"]'),
        ("__import__('os')", "__import__", ""),
        ("start.x is None", "start.x is None", "has(…)"),
        ("start.x | lower", "start.x | lower", "lower(x)"),
        ("(1, 2)", "(1, 2)", "[a, b]"),
        ("{'a': 1}", "{'a': 1}", "braces"),
        ("{{ start.x }}", "{{ start.x }}", "braces"),
        ("start.list[start.i]", "start.i", '["name"]'),
        ("slug('a').x", "slug('a').x", '["x"]'),
        ("true", "true", "True"),
        ("b'x'", "b'x'", "without the b"),
        ("1j", "1j", ""),
        ("1e999", "1e999", ""),
        ("9223372036854775808", "9223372036854775808", ""),
        (r"'\x00'", r"'\x00'", ""),
        ("start.x # why", "# why", "YAML"),
    ],
)
def test_what_is_outside_the_subset_is_named_with_an_alternative(
    source: str, where: str, words: str
) -> None:
    problem = only_problem(source)
    assert problem.code == "TM101"
    assert underlined(source, problem.span) == where
    assert words in problem.hint


@pytest.mark.parametrize(
    ("source", "where", "message", "hint"),
    [
        ("'a", "'a", "unterminated string literal", ""),
        ("slug(start.uid", "(start.uid", "'(' was never closed", ""),
        ("start.x = 'a'", "=", "invalid syntax", "'=='"),
        ("start.class", "class", "invalid syntax", '["class"]'),
        ("start.a && start.b", "&", "invalid syntax", "'and'"),
        ("!start.a", "!start.a", "invalid syntax", "'not'"),
        ("start.sample |", "start.sample |", "invalid syntax", "lower(x)"),
        ("start.a\nstart.b", "\n", "U+000A", "one line"),
        ("start.\ud800", "\ud800", "U+D800", ""),
        ("  ", "  ", "missing", ""),
    ],
)
def test_a_syntax_error_is_said_in_pythons_words_where_it_is(
    source: str, where: str, message: str, hint: str
) -> None:
    problem = only_problem(source)
    assert problem.code == "TM100"
    assert message in problem.message
    assert source[problem.span.column - 1 :].startswith(where)
    assert hint in problem.hint


def test_all_that_is_wrong_with_an_expression_is_said_at_once() -> None:
    _, problems = parse_expression(Words("pda(start.x ** 2) + slgu(start.y.lower())"))
    assert [problem.code for problem in problems] == ["TM101", "TM103", "TM101", "TM103"]


@pytest.mark.parametrize(
    "source",
    [
        "start.uid + " * 50 + "start.uid",
        "'" + "a" * 500 + "'",
        "-" * 40 + "1",
        "start" + ".a" * 30,
        "[" * 30 + "]" * 30,
        "split('a', 'b')" + "[0]" * 25,
    ],
)
def test_an_expression_that_is_too_long_or_too_deep_is_refused(source: str) -> None:
    assert only_problem(source).code == "TM102"


def test_an_unknown_function_gets_the_nearest_name() -> None:
    problem = only_problem("pda(start.scan_id, 6)")
    assert problem.code == "TM103"
    assert problem.label == "did you mean 'pad'?"


def test_a_function_of_another_language_gets_ours() -> None:
    assert "first(field, …)" in only_problem("coalesce(start.a, start.b)").hint


def test_a_hole_in_an_expression_is_written_without_braces() -> None:
    problem = only_problem("${{ default(start.participants, []) }}")
    assert problem.code == "TM105"
    assert problem.hint == "write: default(start.participants, [])"


# ---------------------------------------------------------------- texts


def test_a_text_alternates_between_words_and_holes() -> None:
    parts, problems = parse_text(Words("ts_${{ data_key.name }}/${{start.uid}}.h5"))
    assert problems == []
    assert parts == (
        "ts_",
        Path("data_key", ("name",)),
        "/",
        Path("start", ("uid",)),
        ".h5",
    )


def test_a_text_without_holes_is_itself() -> None:
    assert parse_text(Words("a {{ b }} $x")) == (("a {{ b }} $x",), [])


def test_braces_in_quotes_do_not_close_a_hole() -> None:
    assert parse_text(Words("${{ 'a }} b' }}")) == ((Literal("a }} b"),), [])


@pytest.mark.parametrize(
    ("source", "code", "where"),
    [
        ("a ${{ start.uid", "TM107", "${{"),
        ("${{ start.uid _${{ start.time }}", "TM107", "${{"),
        ("${{ start.uid' }}", "TM100", "'"),
        ("a_${{ }}", "TM100", "a_${{ }}"),
        ("a_${{ start.uid.lower() }}", "TM101", "lower"),
    ],
)
def test_what_is_wrong_in_a_hole_is_underlined_there(source: str, code: str, where: str) -> None:
    parts, (problem,) = parse_text(Words(source))
    assert parts is None
    assert problem.code == code
    assert underlined(source, problem.span) == where


# ---------------------------------------------------------------- hostile texts

_WORDS = st.sampled_from(
    [
        *"()[]{}.,:;'\"\\+-*/%=<>!@#&|^~? \t\n\0é\ud800\ufb03\u2028",
        *("${{", "}}", "start", "settings", "__class__", "__import__", "lambda", "for", "in"),
        *("if", "else", "not", "and", "has", "default", "matches", "os", "exec", "f'", "b'", "**"),
        *("1e999", "0x", "9" * 30, ":=", "is", "await", "yield", "None", "x", "(" * 150),
    ]
)
_HOSTILE = st.one_of(st.lists(_WORDS, max_size=30).map("".join), st.text(max_size=600))


def stands_inside(source: str, span: Span) -> bool:
    return 1 <= span.column <= span.end_column <= len(source) + 1


def assert_tree(expr: Expr) -> None:
    assert type(expr).__module__ == "tiledmap.language.trees"
    for field in expr.__dataclass_fields__:
        value = getattr(expr, field)
        assert_plain(value)


def assert_plain(value: object) -> None:
    if isinstance(value, Expr):
        assert_tree(value)
    elif isinstance(value, tuple):
        for item in value:
            assert_plain(item)
    else:
        assert value is None or isinstance(value, str | int | float | bool | Span)


@settings(max_examples=300, deadline=None)
@given(_HOSTILE)
def test_any_expression_is_a_plain_tree_or_a_problem_with_a_position(source: str) -> None:
    tree, problems = parse_expression(Words(source))
    assert (tree is None) == bool(problems)
    assert all(stands_inside(source, problem.span) for problem in problems)
    if tree is not None:
        assert_tree(tree)


@settings(max_examples=300, deadline=None)
@given(_HOSTILE)
def test_any_text_is_parts_or_a_problem_with_a_position(source: str) -> None:
    parts, problems = parse_text(Words(source))
    assert (parts is None) == bool(problems)
    assert all(stands_inside(source, problem.span) for problem in problems)
    assert_plain(parts)


@pytest.mark.parametrize("module", ["expressions", "expression_parser", "scalars", "functions"])
def test_every_module_of_the_language_can_be_imported_first(module: str) -> None:
    command = [sys.executable, "-c", f"import tiledmap.language.{module}"]
    assert subprocess.run(command, check=False).returncode == 0
