"""Read files of tests; everything that is wrong with one is a problem at its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from os.path import isfile  # false for any name, where a path's own may raise
from pathlib import Path
from typing import Any

from tiledmap.language.nodes import Node
from tiledmap.language.parse import parse_statement
from tiledmap.language.scalars import Free, Text
from tiledmap.language.settings import set_by_name
from tiledmap.language.yaml_source import (
    MappingNode,
    ScalarNode,
    SequenceNode,
    Source,
    YamlNode,
    read_source,
)
from tiledmap.problems import CODES, MappingError, Note, Problem, Severity, Span, rank
from tiledmap.problems.nearest import did_you_mean
from tiledmap.resources import shipped_mappings
from tiledmap.testing.cases.statements import CaseFileStatement, CaseStatement

SUFFIX = ".test.yaml"
_HERE = re.compile(r"\$\{\{\s*here\s*\}\}")
_CODE = re.compile(r"TM\d+")


@dataclass(frozen=True)
class Case:
    """A test of a mapping, and the file that it stands in.

    Parameters
    ----------
    mapping
        The mapping's file, or the name of a shipped one.
    statement
        What the test says.
    source
        The file as it was read.
    """

    path: Path
    mapping: str | Path
    statement: CaseStatement = field(repr=False)
    source: Source = field(repr=False)

    @property
    def name(self) -> str:
        return self.statement.name

    @property
    def line(self) -> int:
        """Where the test begins, counted from 1."""
        return self.statement.at().line

    @property
    def here(self) -> Path:
        """The directory that ``${{ here }}`` stands for."""
        return self.path.absolute().parent

    def settings(self) -> dict[str, Any]:
        """The settings of the test; scalars as they are written, for their types to read."""
        return {
            name: fill(value.written, self.here) if value.written is not None else value.plain()
            for name, value in self.statement.settings.items()
        }

    def filled(self, value: Free) -> Any:
        """A value as plain data, the directory put in."""
        return value.map(lambda text: fill(text.source, self.here))


def fill(text: str, here: Path | str) -> str:
    """Put the directory of a test's file, or what stands for it, where ``${{ here }}`` stands."""
    return _HERE.sub(lambda _: str(here), text)


def load_cases(path: str | Path) -> list[Case]:
    """Load the tests of a file.

    Raises
    ------
    MappingError
        If something is wrong with the file; the exception carries all problems.
    """
    cases, problems = read_cases(path)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise MappingError(problems)
    return cases


def read_cases(path: str | Path) -> tuple[list[Case], list[Problem]]:
    """Read the tests of a file as far as they can be read, and say what is wrong with it."""
    path = Path(path)
    source, problems = read_source(path)
    if source is None:
        return [], problems
    cases, found = parse_cases(path, source)
    return cases, rank([*problems, *found])


def parse_cases(path: Path, source: Source) -> tuple[list[Case], list[Problem]]:
    """Read tests whose YAML is read."""
    statement, problems = parse_statement(source.root, CaseFileStatement)
    if statement is None:
        return [], problems
    mapping, missing = _find_mapping(path, statement)
    problems += missing
    for case in statement.tests:
        problems += _judge(case)
    problems += _named_twice(statement.tests)
    problems += _foreign_holes(statement)
    return [Case(path, mapping, case, source) for case in statement.tests], problems


def tested_mapping(path: Path, source: Source) -> str | Path:
    """Return the mapping that a file of tests names, as `mapping_of` does; empty for none."""
    return mapping_of(path, named_mapping(source))


def named_mapping(source: Source) -> str:
    """Return what a file of tests calls its mapping; empty where it names none."""
    node = source.root.get("mapping") if isinstance(source.root, MappingNode) else None
    return node.value if isinstance(node, ScalarNode) else ""


def mapping_of(path: Path, written: str) -> str | Path:
    """Return what a file of tests calls its mapping: a file, or the name of a shipped one."""
    if re.search(r"[/\\]|\.ya?ml$", written):
        return Path(path.parent, written)
    return written


def _find_mapping(path: Path, file: CaseFileStatement) -> tuple[str | Path, list[Problem]]:
    mapping = mapping_of(path, file.mapping)
    span = file.at("mapping")
    if isinstance(mapping, Path):
        if isfile(mapping):
            return mapping, []
        beside = [f"./{other.name}" for other in path.parent.glob("*.yaml")]
        hint = did_you_mean(file.mapping, beside)
        return mapping, [Problem("TM020", span, f"there is no file {file.mapping!r}", hint=hint)]
    if mapping in shipped_mappings():
        return mapping, []
    hint = did_you_mean(mapping, shipped_mappings()) or f"a file is written as ./{mapping}.yaml"
    return mapping, [Problem("TM020", span, f"there is no shipped mapping {mapping!r}", hint=hint)]


def _judge(case: CaseStatement) -> Iterator[Problem]:
    """Say what a test lacks."""
    expected = case.expect_problem
    if expected is None and not case.expect and not case.strict:
        hint = "say what the documents make under expect, or which problem under expect_problem"
        yield Problem("TM011", case.at("name"), "this test expects nothing", hint=hint)
    is_code = expected is not None and _CODE.fullmatch(expected) is not None
    if is_code and expected not in CODES:
        hint = did_you_mean(expected or "", CODES)
        span = case.at("expect_problem")
        yield Problem("TM010", span, f"there is no problem {expected!r}", hint=hint)
    if case.given_ is None and not (is_code and not case.expect):
        message = "this test is given no documents"
        hint = "write given: {documents: FILE}"
        yield Problem("TM011", case.at("name"), message, hint=hint)
    for path in case.expect:
        if not all(path.split("/")):
            message = f"{path!r} is no path of a node"
            hint = f"write {'/'.join(filter(None, path.split('/'))) or 'run/primary'}"
            yield Problem("TM010", case.key_at(f"expect.{path}"), message, hint=hint)


def _named_twice(cases: tuple[CaseStatement, ...]) -> Iterator[Problem]:
    first: dict[str, Span] = {}
    for case in cases:
        span = case.at("name")
        if (other := first.setdefault(case.name, span)) is not span:
            message = f"two tests are named {case.name!r}"
            notes = (Note("the first one is here", other),)
            yield Problem("TM014", span, message, notes=notes)


def _foreign_holes(file: CaseFileStatement) -> Iterator[Problem]:
    """Refuse every hole but ``${{ here }}``: no document is at hand where a test is written."""
    for text in _texts(file):
        if "${{" in _HERE.sub("", text.source):
            message = "only ${{ here }} may stand in a test"
            yield Problem("TM106", text.span, message, hint="it is the directory of this file")


def _texts(value: Any) -> Iterator[Text]:
    match value:
        case Node():
            for name in type(value).model_fields:
                yield from _texts(getattr(value, name))
        case Free():
            yield from value.texts()
        case Text():
            yield value
        case dict():
            for item in value.values():
                yield from _texts(item)
        case tuple():
            for item in value:
                yield from _texts(item)


# ---------------------------------------------------------------- what is found in the tree again


def node_at(node: YamlNode, span: Span) -> YamlNode:
    """Find what is written at a span, below `node`."""
    return next(found for found in _walk(node) if found.span == span)


def _walk(node: YamlNode) -> Iterator[YamlNode]:
    yield node
    match node:
        case MappingNode():
            for entry in node.entries:
                yield from _walk(entry.value)
        case SequenceNode():
            for item in node.items:
                yield from _walk(item)


def placed(case: Case, problem: Problem) -> Problem:
    """A problem of a setting's value stands where the test gives it; of its name, at its name."""
    name = set_by_name(problem.span.file)
    if not name:
        return problem
    at = case.statement.key_at if problem.code == "TM025" else case.statement.at
    return replace(problem, span=at(f"settings.{name}"))
