"""Run tests: documents through a mapping, into memory."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tiledmap.check.examine import Examined, examine
from tiledmap.codegen.loading import layout_of
from tiledmap.documents.recordings import NAMES, NamedDocument, RecordingError, read_documents
from tiledmap.language.settings import set_by_name
from tiledmap.language.yaml_source import SequenceNode
from tiledmap.plan.lower import lower
from tiledmap.plan.names import named_by_rule, rule_places
from tiledmap.problems import CODES, Problem, Severity, Span, rank
from tiledmap.runtime import Writer
from tiledmap.runtime.documents import schema_problem
from tiledmap.sinks.memory import MemorySink
from tiledmap.sinks.tree import TreeNode, trees_of_memory
from tiledmap.testing.cases.compare import Found, compare
from tiledmap.testing.cases.read import Case, inline_documents, node_at
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
    if others := [_in_test(case, error) for error in errors if error.code != expected]:
        return Outcome(case, tuple(rank(others)), sources=sources)
    if expected in codes and (errors or not (statement.expect or statement.strict)):
        return Outcome(case, sources=sources)
    if statement.given_ is None:
        return Outcome(case, tuple(_judge_problem(case, codes, ())), sources=sources)
    documents, problems = _documents(case)
    if problems:
        return Outcome(case, tuple(rank(problems)), sources=sources)
    stored = _store(case, examined, documents)
    problems = [
        *compare(case, stored.nodes, stored.rules),
        *_judge_problem(case, codes, stored.logged),
        *_judge_log(case, stored.logged),
    ]
    return Outcome(case, tuple(rank(problems)), stored.nodes, stored.logged, sources)


# ---------------------------------------------------------------- what is given


def _documents(case: Case) -> tuple[list[NamedDocument], list[Problem]]:
    """The documents that a test is given, and what is wrong with them."""
    given = case.statement.given_
    assert given is not None, "a test without documents was let through"
    span = given.at("documents")
    node = node_at(case.source.root, span)
    if isinstance(node, SequenceNode):
        return _inline(node)
    if not isinstance(given.documents, str):
        message = "documents are a file, or a list of [name, document]"
        return [], [Problem("TM009", span, message)]
    return _recorded(case.path.parent / given.documents, span)


def _inline(node: SequenceNode) -> tuple[list[NamedDocument], list[Problem]]:
    values, problems = inline_documents(node)
    documents: list[NamedDocument] = []
    for value, span in values:
        match value:
            case [str(name), dict(document)] if name in NAMES:
                documents.append((name, document))
                problems += _refused(name, document, len(documents), span)
            case _:
                hint = f"the names are {', '.join(sorted(NAMES))}"
                problems.append(Problem("TM009", span, "expected [name, {…}]", hint=hint))
    return documents, problems


def _recorded(path: Path, span: Span) -> tuple[list[NamedDocument], list[Problem]]:
    documents: list[NamedDocument] = []
    problems: list[Problem] = []
    try:
        for name, document in read_documents(path):
            documents.append((name, document))
            problems += _refused(name, document, len(documents), span)
    except RecordingError as error:
        problems.append(Problem("TM001", span, str(error)))
    except OSError as error:
        reason = (error.strerror or "cannot be opened").lower()
        problems.append(Problem("TM001", span, f"'{path}' cannot be read: {reason}"))
    else:
        if not documents:
            problems.append(Problem("TM001", span, f"'{path}' holds no documents"))
    return documents, problems


def _refused(name: str, document: Any, number: int, span: Span) -> Iterator[Problem]:
    if name in ("bulk_events", "bulk_datum"):
        return  # have no schema
    if reason := schema_problem(name, document):
        yield Problem("TM603", span, f"document {number}, a {name}: {reason}")


# ---------------------------------------------------------------- what is made of it


@dataclass(frozen=True, slots=True)
class _Stored:
    nodes: Mapping[str, Found]
    rules: Mapping[str, str]
    logged: tuple[str, ...]


def _store(case: Case, examined: Examined, documents: list[NamedDocument]) -> _Stored:
    """Write documents into memory."""
    assert examined.resolved.mapping is not None
    plan = lower(examined.resolved.mapping, examined.resolved.settings, examined.resolved.sha256)
    rules = rule_places(plan)
    sink = MemorySink()
    with (
        logged_texts() as texts,
        Writer(layout_of(named_by_rule(plan)), sink, delivery="inline") as writer,
    ):
        for name, document in documents:
            writer(name, document)
    nodes = {
        "/".join(path): Found(node, rules.get(node.made_by, node.made_by), case.here)
        for path, node in _walk(trees_of_memory(sink), ())
    }
    return _Stored(nodes, rules, tuple(texts))


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


def _in_test(case: Case, problem: Problem) -> Problem:
    """A problem of a setting's value stands where the test gives it."""
    name = set_by_name(problem.span.file)
    return replace(problem, span=case.statement.at(f"settings.{name}")) if name else problem
