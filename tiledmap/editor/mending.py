"""A text that is not YAML at the moment, made into YAML by changing as few of its lines as will do.

While someone types, hardly any text is whole. What stands around the line that is being written is
still a mapping, and still has its meaning and its mistakes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from tiledmap.language.yaml_source import read_source

ROUNDS = 6
"""Lines that are changed at most, before all that follows is given up."""
LARGEST = 200_000
"""Characters of the longest text that is mended: a longer one would keep its editor waiting."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CLOSING = {"{": "}", "[": "]"}


@dataclass(frozen=True, slots=True)
class Mended:
    """A text that is YAML, line for line the one that was given but for those in `lines`.

    `lines` counts from 1.
    """

    text: str
    lines: frozenset[int]


def mend(text: str) -> Mended | None:
    """Make YAML of a text; None where nothing of it can be read, or it is too long."""
    if len(text) > LARGEST:
        return None
    lines = text.split("\n")
    changed: set[int] = set()
    blamed: set[int] = set()
    for _ in range(ROUNDS):
        fault = _fault(lines)
        if fault is None:
            return Mended("\n".join(lines), frozenset(changed))
        blamed.update(fault.lines)
        number, lines = _best(lines, fault)
        changed.add(number + 1)
    ends = sorted({*blamed, len(lines)}, reverse=True)
    for first in (*ends, *range(ends[-1] - 1, 0, -1)):
        above = lines[:first] + [""] * (len(lines) - first)
        if _fault(above) is None:
            changed |= set(range(first + 1, len(lines) + 1))
            return Mended("\n".join(above), frozenset(changed))
    return None


@dataclass(frozen=True, slots=True)
class _Fault:
    """Where YAML gives up: how far it came, and the lines that may be to blame, from 0."""

    reached: int
    lines: tuple[int, ...]


def _fault(lines: list[str]) -> _Fault | None:
    text = "\n".join(lines)
    try:
        for _ in yaml.parse(text, Loader=_LOADER):
            pass
    except yaml.MarkedYAMLError as error:
        marks = [mark for mark in (error.context_mark, error.problem_mark) if mark is not None]
        at = [min(mark.line, len(lines) - 1) for mark in marks] or [0]
        above = range(at[-1] - 1, -1, -1)
        before = [n for n in above if lines[n].strip()][:1]
        # A quote that is not closed may end at the next one, far below.
        left_open = next(([n] for n in above if close(lines[n]) != lines[n]), [])
        return _Fault(at[-1], tuple(dict.fromkeys((*at, *before, *left_open))))
    except yaml.YAMLError:
        return _Fault(0, (0,))
    source, problems = read_source(text)
    if source is None and any(problem.code == "TM002" for problem in problems):
        line = min(problems[-1].span.line, len(lines)) - 1
        return _Fault(line, (line,))
    return None if source is not None else _Fault(0, (0,))


def _best(lines: list[str], fault: _Fault) -> tuple[int, list[str]]:
    """Try what may mend a text, and take the first that lets it be read furthest."""
    best: tuple[int, list[str]] | None = None
    furthest = -1
    for number in fault.lines:
        for line in _instead_of(lines[number]):
            other = [*lines[:number], line, *lines[number + 1 :]]
            left = _fault(other)
            if left is None:
                return number, other
            if left.reached > furthest:
                best, furthest = (number, other), left.reached
    assert best is not None
    return best


def _instead_of(line: str) -> Iterator[str]:
    """Yield what may have been meant by a line, and then nothing at all."""
    if re.fullmatch(r"\s*(- +)*[\w-]+\s*", line):
        yield f"{line.rstrip()}:"
    if (closed := close(line)) != line:
        yield closed
    yield ""


def close(line: str) -> str:
    """Close the quotes, braces and brackets that a line leaves open."""
    waiting: list[str] = []
    quote = ""
    begun = ""
    for position, character in enumerate(line):
        before = line[position - 1] if position else " "
        if quote:
            if character == quote and not (quote == '"' and before == "\\"):
                quote = ""
        elif character == "#" and before.isspace():
            return line
        elif character in "'\"" and (begun in "-:,[{" or not begun):
            quote = character
        elif character in _CLOSING and (waiting or begun in "-:" or not begun):
            waiting.append(_CLOSING[character])
        elif waiting and character == waiting[-1]:
            waiting.pop()
        if not character.isspace():
            begun = character
    return line + quote + "".join(reversed(waiting))
