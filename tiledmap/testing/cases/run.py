"""Run tests: documents through a mapping, into memory."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tiledmap.check.examine import Examined, examine
from tiledmap.codegen.loading import layout_of
from tiledmap.plan.lower import lower
from tiledmap.plan.names import named_by_rule, rule_places
from tiledmap.problems import CODES, Problem, Severity, rank
from tiledmap.runtime import Writer
from tiledmap.runtime.documents import schema_problem
from tiledmap.sinks.memory import MemorySink
from tiledmap.sinks.tree import TreeNode, trees_of_memory
from tiledmap.testing.cases.compare import Found, compare
from tiledmap.testing.cases.given import GivenDocument, given_documents
from tiledmap.testing.cases.read import Case, placed
from tiledmap.testing.logs import logged_texts


@dataclass(frozen=True)
class Outcome:
    """What came of a test.

    Parameters
    ----------
    problems
        How what was found differs from what is expected, and what kept the test from running.
    found
        The nodes that the documents made, by path; None where the test did not come so far.
    logged
        What was logged of documents that could not be stored.
    sources
        The texts of the files that problems stand in.
    seconds
        How long it took.
    """

    case: Case
    problems: tuple[Problem, ...] = ()
    found: Mapping[str, Found] | None = None
    logged: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        from tiledmap.problems.formats import format_text

        return format_text(self.problems, self.sources) if self.problems else ""


def run_case(case: Case, *, settings: Mapping[str, Any] | None = None) -> Outcome:
    """Run a test.

    Variables such as ``TILEDMAP_SET_DATA_ROOT`` count for nothing: a test means the same anywhere.

    Parameters
    ----------
    settings
        Values that come before the test's own, such as where its files were put.
    """
    begin = time.perf_counter()
    outcome = _outcome(case, settings or {})
    return replace(outcome, seconds=time.perf_counter() - begin)


def _outcome(case: Case, settings: Mapping[str, Any]) -> Outcome:
    statement = case.statement
    values = {**case.settings(), **settings}
    examined = examine(case.mapping, settings=values, environ={})
    sources = {**examined.sources, case.source.file: case.source.text}
    codes = sorted({problem.code for problem in examined.problems})
    expected = statement.expect_problem
    errors = [problem for problem in examined.problems if problem.severity is Severity.ERROR]
    if others := [placed(case, error) for error in errors if error.code != expected]:
        return Outcome(case, tuple(rank(others)), sources=sources)
    if expected in codes and (errors or not (statement.expect or statement.strict)):
        return Outcome(case, sources=sources)
    if statement.given_ is None:
        return Outcome(case, tuple(_judge_problem(case, codes, ())), sources=sources)
    documents, problems = given_documents(case)
    if problems:
        return Outcome(case, tuple(rank(problems)), sources=sources)
    stored = _store(case, examined, documents)
    if stored.refused and expected is None:
        return Outcome(case, stored.refused, sources=sources)
    problems = [
        *compare(case, stored.nodes, stored.rules),
        *_judge_problem(case, codes, stored.logged),
        *_judge_log(case, stored.logged),
    ]
    return Outcome(case, tuple(rank(problems)), stored.nodes, stored.logged, sources)


# ---------------------------------------------------------------- what is made of it


@dataclass(frozen=True, slots=True)
class _Stored:
    nodes: Mapping[str, Found]
    rules: Mapping[str, str]
    logged: tuple[str, ...]
    refused: tuple[Problem, ...]


def _store(case: Case, examined: Examined, documents: list[GivenDocument]) -> _Stored:
    """Write documents into memory."""
    assert examined.resolved.mapping is not None
    plan = lower(examined.resolved.mapping, examined.resolved.settings, examined.resolved.sha256)
    rules = rule_places(plan)
    sink = MemorySink()
    refused: list[Problem] = []
    with (
        logged_texts() as texts,
        Writer(layout_of(named_by_rule(plan)), sink, delivery="inline") as writer,
    ):
        for given in documents:
            before = len(texts)
            writer(given.name, given.document)
            if len(texts) > before:  # else it is right, or the mapping has repaired it
                refused += _refused(given)
    nodes = {
        "/".join(path): Found(node, rules.get(node.made_by, node.made_by), case.here)
        for path, node in _walk(trees_of_memory(sink), ())
    }
    return _Stored(nodes, rules, tuple(texts), tuple(refused))


def _refused(given: GivenDocument) -> Iterator[Problem]:
    """Say what event-model has against a document that could not be stored as it is."""
    if given.name in ("bulk_events", "bulk_datum"):
        return  # have no schema
    if reason := schema_problem(given.name, given.document):
        message = f"document {given.number}, a {given.name}: {reason}"
        yield Problem("TM603", given.span, message)


def _walk(
    nodes: list[TreeNode], above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], TreeNode]]:
    for node in nodes:
        path = (*above, node.key)
        yield path, node
        yield from _walk(node.children, path)


# ---------------------------------------------------------------- problems that are expected


def _judge_problem(case: Case, codes: list[str], logged: tuple[str, ...]) -> Iterator[Problem]:
    """Say that a problem that is expected did not occur, and which did."""
    expected = case.statement.expect_problem
    if expected is None or expected in codes or any(_says(text, expected) for text in logged):
        return
    hints = [f"the mapping has {', '.join(codes) if codes else 'no problem'}"]
    if case.statement.given_ is not None:
        hints += ["what is logged of documents has no code; write words of it"] * (
            expected in CODES
        )
        hints += ["this was logged:", *logged] if logged else ["nothing was logged"]
    message = f"the problem {expected!r} does not occur"
    yield Problem("TM604", case.statement.at("expect_problem"), message, hint="\n".join(hints))


def _judge_log(case: Case, logged: tuple[str, ...]) -> Iterator[Problem]:
    """Refuse, where a test is strict, that anything is logged.

    Not where it expects that: one problem may be logged in more than one line.
    """
    statement = case.statement
    if statement.strict and statement.expect_problem is None:
        for text in logged:
            message = f"the test does not expect the problem: {text}"
            yield Problem("TM602", statement.at("strict"), message)


def _says(text: str, words: str) -> bool:
    return words not in CODES and words.casefold() in text.casefold()
