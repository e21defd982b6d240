"""A draft that the checks agree with: what they refuse becomes a question."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tiledmap.authoring.draft import Draft, Statement
from tiledmap.authoring.write import Line, lines_of
from tiledmap.check.examine import examine
from tiledmap.language.load import Reading, read_mapping
from tiledmap.problems import Problem, Severity


def problems_of(text: str, path: Path) -> list[Problem]:
    """The errors of a mapping that would be written to `path`."""

    def read(content: Path | str, file: str) -> Reading:
        return read_mapping(text if content == path else content, file)

    found = examine(path, read=read).problems
    return [problem for problem in found if problem.severity is Severity.ERROR]


def settle(draft: Draft, path: Path) -> tuple[Draft, list[Problem]]:
    """Turn statements that do not go with what is extended into questions.

    Returns
    -------
    Draft
        In which every statement that is left holds.
    list of Problem
        Errors that no statement is to blame for, such as those of what is extended.
    """
    while True:
        lines = lines_of(draft)
        problems = problems_of("".join(f"{line.text}\n" for line in lines), path)
        blamed = _blamed(problems, lines, path)
        if not blamed:
            return draft, problems
        draft = replace(
            draft,
            statements=tuple(
                _asked(each, blamed[each]) if each in blamed else each for each in draft.statements
            ),
        )


def _blamed(
    problems: Sequence[Problem], lines: Sequence[Line], path: Path
) -> dict[Statement, Problem]:
    blamed: dict[Statement, Problem] = {}
    for problem in problems:
        spans = [problem.span, *(note.span for note in problem.notes)]
        for span in filter(None, spans):
            if span.file == str(path) and 0 < span.line <= len(lines):
                statement = lines[span.line - 1].statement
                if statement is not None and not statement.is_question:
                    blamed.setdefault(statement, problem)
                    break
    return blamed


def _asked(statement: Statement, problem: Problem) -> Statement:
    about = (*statement.about, f"Not said, because {problem.message}.")
    return replace(statement, about=about, chosen=None)
