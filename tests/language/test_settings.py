from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tiledmap.language.parse import parse_mapping
from tiledmap.language.settings import settle, texts_of, variable
from tiledmap.language.yaml_source import read_source
from tiledmap.problems import Problem

DECLARED = """\
tiledmap: 1
name: test
version: 1.0.0
settings:
  data-root: {type: string, default: 1.10}
  size: {type: integer, default: 5, minimum: 1, maximum: 10}
  scale: {type: number, default: 2}
  keep: {type: boolean, default: true}
  mode: {type: string, default: fast, choices: [fast, safe]}
"""


def settled(
    given: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    declared: str = DECLARED,
) -> tuple[dict[str, Any], list[Problem]]:
    source, _ = read_source(declared, "test.yaml")
    assert source is not None
    mapping, problems = parse_mapping(source)
    assert mapping is not None
    assert not problems
    return settle(mapping.settings, given, environ)


def test_a_default_is_read_by_the_type_of_its_setting() -> None:
    values, problems = settled()
    assert not problems
    assert values == {
        "data-root": "1.10",
        "size": 5,
        "scale": 2.0,
        "keep": True,
        "mode": "fast",
    }
    assert isinstance(values["scale"], float)


def test_what_is_set_counts_more_than_the_environment_and_that_more_than_the_default() -> None:
    environ = {"TILEDMAP_SET_DATA_ROOT": "/env", "TILEDMAP_SET_SIZE": "6", "PATH": "/bin"}
    values, problems = settled({"size": "7"}, environ)
    assert not problems
    assert (values["data-root"], values["size"]) == ("/env", 7)


def test_a_variable_is_named_after_its_setting() -> None:
    assert variable("data-root") == "TILEDMAP_SET_DATA_ROOT"


def test_a_variable_of_another_mapping_is_left_alone() -> None:
    assert settled(environ={"TILEDMAP_SET_OTHER": "x"})[1] == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("size", "007", 7),
        ("size", 7, 7),
        ("scale", "1e-3", 0.001),
        ("scale", 3, 3.0),
        ("keep", "False", False),
        ("keep", False, False),
        ("data-root", "no", "no"),
        ("data-root", Path("/a"), "/a"),
        ("mode", "safe", "safe"),
    ],
)
def test_a_value_is_read_by_the_type_of_its_setting(name: str, value: Any, expected: Any) -> None:
    values, problems = settled({name: value})
    assert not problems
    assert values[name] == expected
    assert type(values[name]) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("size", "1.5", "is a whole number"),
        ("size", True, "is a whole number"),
        ("size", "11", "is at most 10"),
        ("size", 0, "is at least 1"),
        ("scale", "nan", "is a number"),
        ("scale", 10**400, "is a number"),
        ("keep", "yes", "is true or false"),
        ("keep", 1, "is true or false"),
        ("data-root", 5, "is text"),
        ("mode", "slow", "is one of fast, safe"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(name: str, value: Any, said: str) -> None:
    values, (problem,) = settled({name: value})
    assert problem.code == "TM026"
    assert said in problem.message
    assert problem.span.file == f"--set {name}"
    assert problem.notes[0].span is not None
    assert problem.notes[0].span.file == "test.yaml"
    assert values[name] == settled()[0][name]


def test_a_default_that_does_not_fit_is_shown_where_it_stands() -> None:
    declared = DECLARED.replace("default: 5", "default: '5'").replace("true}", "'${{ 1 }}'}")
    _, problems = settled(declared=declared)
    assert [(problem.code, str(problem.span)) for problem in problems] == [
        ("TM026", "test.yaml:6:34"),
        ("TM026", "test.yaml:8:34"),
    ]


def test_a_setting_that_is_not_declared_cannot_be_set() -> None:
    _, (problem,) = settled({"siez": 1})
    assert (problem.code, problem.hint) == ("TM025", "did you mean 'size'?")


def test_values_from_outside_can_be_shown_like_files() -> None:
    texts = texts_of({"size": 5}, {"TILEDMAP_SET_KEEP": "x", "HOME": "/root"})
    assert texts == {"--set size": "5", "TILEDMAP_SET_KEEP": "x"}
