"""Problems as text: for people, for scripts, for code-hosting sites.

Every format is a pure function of the problems, and of the sources where it shows them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tiledmap.problems.codes import Severity
from tiledmap.problems.excerpt import Excerpt, Sources, excerpt, printable
from tiledmap.problems.problem import NOWHERE, Problem, Span, rank

_LONGEST_LINE = 400
"""Cells of a line of source where no terminal says how many: recordings have long ones."""

_RESET = "\x1b[0m"
_STYLES = {
    Severity.ERROR: "\x1b[1;31m",
    Severity.WARNING: "\x1b[1;33m",
    "message": "\x1b[1m",
    "gutter": "\x1b[34m",
    "hint": "\x1b[36m",
}


def format_text(
    problems: Iterable[Problem],
    sources: Mapping[str, str] | None = None,
    *,
    color: bool = False,
    width: int | None = None,
) -> str:
    """Format problems for people: each with its source underlined, then how many there are.

    Parameters
    ----------
    problems
        In any order.
    sources
        Text by file name. A file that is not given is read, where it is a regular file.
    color
        Use ANSI colours.
    width
        Columns of the terminal; longer lines of source are cut.
    """
    ranked = rank(problems)
    page = _Page(Sources(sources), color, width)
    return "\n\n".join([*("\n".join(page.problem(each)) for each in ranked), count(ranked)])


def format_concise(problems: Iterable[Problem]) -> str:
    """Format problems as one line each: ``file:line:column: severity code: message``."""
    return "\n".join(_concise(problem) for problem in rank(problems))


def format_json(problems: Iterable[Problem]) -> str:
    """Format problems as a JSON object: ``problems``, ``errors`` and ``warnings``."""
    ranked = rank(problems)
    errors, warnings = _counts(ranked)
    return json.dumps(
        {
            "problems": [_as_json(problem) for problem in ranked],
            "errors": errors,
            "warnings": warnings,
        },
        indent=2,
        ensure_ascii=False,
    )


def format_github(problems: Iterable[Problem]) -> str:
    """Format problems as workflow commands, which GitHub shows beside the lines of a change."""
    return "\n".join(_as_github(problem) for problem in rank(problems))


def count(problems: Sequence[Problem]) -> str:
    """Return how many there are: ``2 errors, 1 warning``."""
    errors, warnings = _counts(problems)
    parts = [
        f"{number} {noun}{'' if number == 1 else 's'}"
        for number, noun in ((errors, "error"), (warnings, "warning"))
        if number
    ]
    return ", ".join(parts) or "no problems"


def _counts(problems: Sequence[Problem]) -> tuple[int, int]:
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    return errors, len(problems) - errors


def _concise(problem: Problem) -> str:
    return f"{_place(problem.span)}{problem.severity} {problem.code}: {printable(problem.message)}"


def _place(span: Span) -> str:
    return "" if span == NOWHERE else f"{printable(str(span))}: "


class _Page:
    """Lines of text for problems, in one style."""

    def __init__(self, sources: Sources, color: bool, width: int | None) -> None:
        self._sources = sources
        self._color = color
        self._width = width

    def problem(self, problem: Problem) -> Iterator[str]:
        shown = self._excerpt(problem.span)
        gutter = max(5, len(str(shown.number)) if shown else 0)
        kind = self._paint(problem.severity, f"{problem.severity} {problem.code}")
        message = self._paint("message", printable(problem.message))
        yield f"{_place(problem.span)}{kind}: {message}"
        if shown:
            yield from self._source(shown, gutter, problem.severity, problem.label)
        elif problem.label:
            yield self._aside(gutter, problem.label)
        for line in problem.hint.splitlines():
            yield self._aside(gutter, line)
        for note in problem.notes:
            yield from self._note(note.message, note.span, gutter, problem.severity)

    def _note(
        self, message: str, span: Span | None, gutter: int, severity: Severity
    ) -> Iterator[str]:
        if span is None or span == NOWHERE:
            yield self._aside(gutter, message)
            return
        yield self._aside(gutter, f"also here, {span}: {message}")
        shown = self._excerpt(span)
        if shown:
            yield from self._source(shown, gutter, severity, "")

    def _excerpt(self, span: Span) -> Excerpt | None:
        room = _LONGEST_LINE if self._width is None else max(self._width - 8, 20)
        return excerpt(span, self._sources, width=room)

    def _source(self, shown: Excerpt, gutter: int, severity: Severity, label: str) -> Iterator[str]:
        bar = self._paint("gutter", f"{shown.number:>{gutter}} |")
        yield f"{bar} {shown.text}" if shown.text else bar
        bar = self._paint("gutter", f"{'':>{gutter}} |")
        carets = self._paint(severity, f"{shown.underline} {printable(label)}".rstrip())
        yield f"{bar} {carets}"

    def _aside(self, gutter: int, text: str) -> str:
        return f"{'':>{gutter}} {self._paint('hint', '=')} {printable(text)}"

    def _paint(self, style: str, text: str) -> str:
        return f"{_STYLES[style]}{text}{_RESET}" if self._color else text


def _as_json(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "severity": str(problem.severity),
        "message": problem.message,
        "label": problem.label,
        "hint": problem.hint,
        "span": _span_as_json(problem.span),
        "notes": [
            {"message": note.message, "span": _span_as_json(note.span)} for note in problem.notes
        ],
    }


def _span_as_json(span: Span | None) -> dict[str, Any] | None:
    if span is None or span == NOWHERE:
        return None
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _as_github(problem: Problem) -> str:
    title = f"{problem.code}: {problem.kind.title}"
    message = "\n".join(filter(None, [problem.message, problem.label, problem.hint]))
    return github_command(problem.severity, problem.span, title, message)


def github_command(level: str, span: Span | None, title: str, message: str) -> str:
    """Write a workflow command: ``error``, ``warning`` or ``notice``, and where to show it."""
    place = {"title": title}
    if span is not None and span != NOWHERE:
        place |= {"file": span.file, "line": str(span.line), "col": str(span.column)}
        place |= {"endLine": str(span.end_line)}
        if span.end_line == span.line:
            place |= {"endColumn": str(span.end_column)}
    properties = ",".join(f"{name}={_escape_property(value)}" for name, value in place.items())
    return f"::{level} {properties}::{_escape_data(message)}"


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")
