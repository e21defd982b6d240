"""What a test is given: documents, and values of settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tiledmap.documents.recordings import NAMES, RecordingError, read_documents
from tiledmap.language.nodes import Setting
from tiledmap.language.parse import parse_json
from tiledmap.language.settings import set_by_name, settle
from tiledmap.language.yaml_source import SequenceNode
from tiledmap.problems import CODES, Problem, Span
from tiledmap.testing.cases.read import Case, node_at, placed


@dataclass(frozen=True, slots=True)
class GivenDocument:
    """A document of a test.

    Attributes
    ----------
    number
        Which of the test's documents it is, from 1.
    span
        Where it stands; where the test names its recording, if it is in one.
    """

    name: str
    document: dict[str, Any]
    number: int
    span: Span


def given_documents(case: Case) -> tuple[list[GivenDocument], list[Problem]]:
    """Read the documents of a test that has some, and say what of them cannot be read."""
    given = case.statement.given_
    assert given is not None, "a test without documents was let through"
    span = given.at("documents")
    node = node_at(case.source.root, span)
    if isinstance(node, SequenceNode):
        return _inline(node)
    if isinstance(given.documents, str):
        return _recorded(case.path.parent / given.documents, span)
    message = "documents are a file, or a list of [name, document]"
    return [], [Problem("TM009", span, message)]


def judge_given(case: Case, declared: Mapping[str, Setting]) -> Iterator[Problem]:
    """Say what is wrong with what a test is given, as far as that can be told without a recording.

    Parameters
    ----------
    declared
        The settings of the mapping.
    """
    for problem in settle(declared, case.settings())[1]:
        if set_by_name(problem.span.file) and problem.code != case.statement.expect_problem:
            yield placed(case, problem)
    given = case.statement.given_
    if given is None or case.statement.expect_problem in CODES:
        return  # where the mapping has that problem, no document is read
    if not isinstance(given.documents, str):
        yield from given_documents(case)[1]
        return
    path = case.path.parent / given.documents
    try:
        path.open("rb").close()
    except (OSError, ValueError) as error:
        yield _unreadable(path, error, given.at("documents"))


def _inline(node: SequenceNode) -> tuple[list[GivenDocument], list[Problem]]:
    documents: list[GivenDocument] = []
    problems: list[Problem] = []
    for number, item in enumerate(node.items, 1):
        value, found = parse_json(item)
        problems += found
        match value:
            case [str(name), dict(document)] if name in NAMES:
                documents.append(GivenDocument(name, document, number, item.span))
            case _:
                hint = f"the names are {', '.join(sorted(NAMES))}"
                problems.append(Problem("TM009", item.span, "expected [name, {…}]", hint=hint))
    if not node.items:
        problems.append(Problem("TM009", node.span, "there are no documents"))
    return documents, problems


def _recorded(path: Path, span: Span) -> tuple[list[GivenDocument], list[Problem]]:
    documents: list[GivenDocument] = []
    problems: list[Problem] = []
    try:
        for number, (name, document) in enumerate(read_documents(path), 1):
            documents.append(GivenDocument(name, document, number, span))
    except RecordingError as error:
        problems.append(Problem("TM001", span, str(error)))
    except (OSError, ValueError) as error:
        problems.append(_unreadable(path, error, span))
    else:
        if not documents:
            problems.append(Problem("TM001", span, f"'{path}' holds no documents"))
    return documents, problems


def _unreadable(path: Path, error: OSError | ValueError, span: Span) -> Problem:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return Problem("TM001", span, f"'{path}' cannot be read: {(reason or 'no reason').lower()}")
