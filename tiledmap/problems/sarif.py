"""Problems as SARIF 2.1.0, which code-scanning services read."""

import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from tiledmap.problems.codes import CODES, Code
from tiledmap.problems.problem import NOWHERE, Problem, Span, rank

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def format_sarif(problems: Iterable[Problem], *, version: str | None = None) -> str:
    """Format problems as one SARIF run, with a rule for every code there is.

    Parameters
    ----------
    version
        tiledmap's version, to name in the log.
    """
    driver: dict[str, Any] = {"name": "tiledmap", "rules": [_rule(c) for c in CODES.values()]}
    if version is not None:
        driver["version"] = version
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(problem) for problem in rank(problems)],
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False)


def _rule(code: Code) -> dict[str, Any]:
    title = code.title[:1].upper() + code.title[1:]
    return {
        "id": code.id,
        "shortDescription": {"text": f"{title}."},
        "help": {"text": f"{title}. See docs/reference/problems/{code.id}.md."},
        "defaultConfiguration": {"level": str(code.severity)},
    }


def _result(problem: Problem) -> dict[str, Any]:
    text = "\n".join(filter(None, [problem.message, problem.label, problem.hint]))
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": list(CODES).index(problem.code),
        "level": str(problem.severity),
        "message": {"text": text},
    }
    if problem.span != NOWHERE:
        result["locations"] = [{"physicalLocation": _location(problem.span)}]
    related = [
        {
            "id": number,
            "message": {"text": note.message},
            "physicalLocation": _location(note.span),
        }
        for number, note in enumerate(problem.notes, start=1)
        if note.span is not None and note.span != NOWHERE
    ]
    if related:
        result["relatedLocations"] = related
    return result


def _location(span: Span) -> dict[str, Any]:
    return {
        "artifactLocation": {"uri": _uri(span.file)},
        "region": {
            "startLine": span.line,
            "startColumn": span.column,
            "endLine": span.end_line,
            "endColumn": span.end_column,
        },
    }


def _uri(file: str) -> str:
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
