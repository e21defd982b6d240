import importlib.metadata
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reading import read_expression
from tiledmap.check.typing import infer
from tiledmap.documents.types import KINDS as TYPE_KINDS
from tiledmap.documents.types import NEVER, literal_type
from tiledmap.language import functions
from tiledmap.language.functions import (
    FUNCTIONS,
    KINDS,
    Example,
    Function,
    describe_function,
    function_named,
)
from tiledmap.problems import Problem
from tiledmap.runtime import functions as runtime
from tiledmap.testing.evaluate import evaluate

LANGUAGE = [
    *("has", "default", "first"),
    *("str", "int", "float", "bool"),
    *("lower", "upper", "strip", "replace", "removeprefix", "removesuffix", "split", "join"),
    *("basename", "slug", "pad"),
    *("matches", "isoformat"),
]

EXAMPLES = [
    pytest.param(example, id=example.call)
    for function in FUNCTIONS.values()
    for example in function.examples
]


def test_the_language_has_these_functions_and_no_more() -> None:
    assert list(FUNCTIONS) == LANGUAGE


@pytest.mark.parametrize("name", LANGUAGE)
def test_every_function_is_documented_with_an_example(name: str) -> None:
    function = FUNCTIONS[name]
    assert function.doc.endswith(".")
    assert function.examples
    assert all(name in example.call for example in function.examples)
    assert function.signature.startswith(f"{name}(")


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_gives_what_it_says(example: Example) -> None:
    assert evaluate(read_expression(example.call), example.scope) == example.gives


@pytest.mark.parametrize("example", [e for e in EXAMPLES if not e.values[0].scope])
def test_an_example_has_the_type_that_its_function_says(example: Example) -> None:
    found, problems = infer(read_expression(example.call), {})
    assert problems == []
    assert found != NEVER
    assert literal_type(example.gives).fits(found)


@pytest.mark.parametrize(
    "function", [f for f in FUNCTIONS.values() if f.python], ids=lambda function: function.name
)
def test_the_python_of_a_function_means_the_same_as_the_function(function: Function) -> None:
    names: dict[str, Any] = {
        name: getattr(runtime, name) for name in FUNCTIONS if hasattr(runtime, name)
    }
    for example in function.examples:
        call = read_expression(example.call)
        call = getattr(call, "base", call)
        arguments = [evaluate(argument, {}) for argument in getattr(call, "arguments")]  # noqa: B009
        written = [
            f"re.compile({argument!r})" if parameter.role == "pattern" else repr(argument)
            for parameter, argument in zip(function.parameters, arguments, strict=True)
        ]
        code = function.python.format(*written)
        assert eval(code, {"re": re, **names}) == evaluate(call, {})


def test_functions_speak_of_the_same_kinds_as_types() -> None:
    assert set(KINDS) == TYPE_KINDS


# ---------------------------------------------------------------- what they do


@given(st.text(max_size=40))
def test_a_slug_is_safe_as_a_key_and_as_a_file_name(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", runtime.slug(text))
    assert runtime.slug(text) not in {".", ".."}


@given(st.text("Ab9_-.", min_size=3))
def test_a_slug_of_what_is_safe_is_itself(text: str) -> None:
    assert runtime.slug(text) == text


def test_a_slash_in_a_slug_becomes_one_underscore() -> None:
    assert runtime.slug("Ni/foil") == "Ni_foil"


@given(st.integers(), st.integers(0, 100))
def test_a_padded_number_is_the_same_number(number: int, width: int) -> None:
    padded = runtime.pad(number, width)
    assert int(padded) == number
    assert len(padded) >= width


def test_pad_makes_no_endless_text() -> None:
    with pytest.raises(ValueError, match="up to 100"):
        runtime.pad(1, 10**9)


def test_replace_makes_no_endless_text() -> None:
    with pytest.raises(ValueError, match="would make a text"):
        runtime.replace("a" * 2000, "", "b" * 1000)


@given(st.text(max_size=20), st.text(max_size=3), st.text(max_size=3))
def test_replace_is_pythons(text: str, old: str, new: str) -> None:
    assert runtime.replace(text, old, new) == text.replace(old, new)


@pytest.mark.parametrize("seconds", [math.nan, math.inf, 1e300])
def test_a_time_that_is_none_cannot_be_written(seconds: float) -> None:
    with pytest.raises(ValueError, match=r".+"):
        runtime.isoformat(seconds)


@pytest.mark.parametrize(
    ("steps", "value"),
    [
        (("a", "b c"), 1),
        (("a", "d"), None),
        (("a", "b c", "e"), None),
        (("n", "x"), None),
        (("l", 1), "y"),
        (("l", 2), None),
        (("l", "x"), None),
        (("t", 0), None),
        (("items",), None),
        (("t", "upper"), None),
    ],
)
def test_an_optional_path_is_safe_along_its_whole_length(
    steps: tuple[str | int, ...], value: Any
) -> None:
    document = {"a": {"b c": 1}, "n": None, "l": ["x", "y"], "t": "text"}
    assert runtime.optional(document, *steps) == value


def test_a_required_path_that_is_absent_is_named() -> None:
    with pytest.raises(runtime.AbsentField, match=r"'start\.a\.b' is absent"):
        runtime.required({"a": {}}, "start.a.b", "a", "b")


# ---------------------------------------------------------------- functions of a facility


def proposal(session: str, year: int = 2026) -> str:
    """Name the proposal of a session."""
    return f"{session}-{year}"


def tags(names: list[str], owner: str | None) -> list[str]:
    return [*names, owner or ""]


def test_a_facility_function_is_described_by_its_annotations() -> None:
    function = describe_function("proposal", proposal)
    assert isinstance(function, Function)
    assert function.signature == "proposal(session: text, year: integer = …) -> text"
    assert function.doc == "Name the proposal of a session."


def test_a_facility_function_can_take_and_give_lists_and_null() -> None:
    function = describe_function("tags", tags)
    assert isinstance(function, Function)
    assert function.signature == "tags(names: list of text, owner: text or null) -> list of text"


@pytest.mark.parametrize(
    "bad",
    [lambda x: x, len, 3, lambda *, a: a, Problem],
    ids=["unannotated", "builtin", "no function", "keyword", "class"],
)
def test_a_facility_function_that_does_not_say_what_it_takes_is_a_problem(bad: Any) -> None:
    problem = describe_function("bad", bad)
    assert isinstance(problem, Problem)
    assert problem.code == "TM212"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two facility functions, one of which cannot be loaded."""
    group = functions.ENTRY_POINTS
    entries = {
        "proposal": importlib.metadata.EntryPoint("proposal", f"{__name__}:proposal", group),
        "lost": importlib.metadata.EntryPoint("lost", "no_such_package:lost", group),
    }
    monkeypatch.setattr(functions, "_entry_points", lambda: entries)
    functions.facility_functions.cache_clear()
    yield
    functions.facility_functions.cache_clear()


@pytest.mark.usefixtures("installed")
def test_an_installed_function_can_be_called() -> None:
    call = read_expression("proposal('pass-1', 7)")
    assert infer(call, {})[1] == []
    assert evaluate(call, {}) == "pass-1-7"


@pytest.mark.usefixtures("installed")
def test_an_installed_function_is_typed() -> None:
    _, (problem,) = infer(read_expression("proposal(7)"), {})
    assert problem.code == "TM104"


@pytest.mark.usefixtures("installed")
def test_a_function_that_cannot_be_loaded_is_reported_where_it_is_called() -> None:
    call = read_expression("lost(1)")
    _, (problem,) = infer(call, {})
    assert (problem.code, problem.span.column) == ("TM211", 1)
    assert "no_such_package" in problem.hint


def test_no_other_function_is_known() -> None:
    assert function_named("eval") is None
