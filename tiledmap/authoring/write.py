"""A draft as text: YAML with comments, ready to be answered.

What is asked is commented out in such a way that taking ``# `` away from an answer's lines makes it
part of the mapping.
"""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tiledmap.authoring.draft import LISTS, SECTIONS, Answer, Draft, Place, Statement
from tiledmap.language.render import flow, scalar

WIDTH = 100
LONGEST_FLOW = 60
"""Characters of a list or a mapping, with its key, that stands on one line."""
_STEP = "  "


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file.

    Parameters
    ----------
    statement
        The one that it belongs to.
    commented_at
        The column at which ``# `` makes it a comment; None where it is none, or is one already.
    """

    content: str
    statement: Statement | None = None
    commented_at: int | None = None

    @property
    def text(self) -> str:
        """The line as it is written."""
        at = self.commented_at
        if at is None:
            return self.content
        return f"{self.content[:at]}# {self.content[at:]}"


def write(draft: Draft) -> str:
    """Write a draft as the text of a mapping."""
    return "".join(f"{line.text}\n" for line in lines_of(draft))


def lines_of(draft: Draft) -> list[Line]:
    """The lines of a draft."""
    lines = [Line(f"# {text}".rstrip()) for text in map(printable, draft.seen)]
    lines += [Line(text) for key, value in draft.header.items() for text in _field(key, value)]
    for section in SECTIONS:
        if len(section) == 1 and (inside := list(_section(draft, section))):
            lines += [Line(""), *inside]
    return lines


def _section(draft: Draft, place: Place) -> Iterator[Line]:
    """A section and all that is in it; commented out where nothing in it holds."""
    inside = [each for each in draft.statements if each.place[: len(place)] == place]
    if not inside:
        return
    lines = [Line(f"{place[-1]}:")]
    for section in SECTIONS:
        if section[:-1] == place:
            lines += _indented(_section(draft, section))
    for statement in inside:
        if statement.place == place:
            lines += _indented(_statement(statement))
    if all(each.is_question for each in inside):
        lines = [replace(line, commented_at=0) for line in lines]
    yield from lines


def _indented(lines: Iterable[Line]) -> list[Line]:
    return [
        replace(
            line,
            content=f"{_STEP}{line.content}",
            commented_at=None if line.commented_at is None else line.commented_at + len(_STEP),
        )
        for line in lines
    ]


def _statement(statement: Statement) -> Iterator[Line]:
    for number, paragraph in enumerate(statement.about):
        mark = "#   " if number else "# ? " if statement.is_question else "# "
        yield from (Line(text, statement) for text in _words(paragraph, mark))
    for number, answer in enumerate(statement.answers):
        if answer.label:
            yield from (Line(text, statement) for text in _words(f"{answer.label}:", "#   "))
        commented_at = None if statement.chosen == number else 0
        for text in _answer(answer, statement.place):
            yield Line(text, statement, commented_at)


def _words(paragraph: str, mark: str) -> list[str]:
    text = printable(paragraph)
    return textwrap.wrap(
        text,
        WIDTH - 2 * len(_STEP),
        initial_indent=mark,
        subsequent_indent="#   " if mark != "# " else mark,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _answer(answer: Answer, place: Place) -> list[str]:
    lines = [text for key, value in answer.data.items() for text in _field(key, value)]
    if place in LISTS:
        lines = [f"{'  ' if number else '- '}{text}" for number, text in enumerate(lines)]
    if answer.remark:
        lines[0] = f"{lines[0]}  # {printable(answer.remark)}"
    return lines


def _field(key: str, value: Any) -> list[str]:
    """A key and its value: on one line where that is short, else below it."""
    head = f"{scalar(key)}:"
    match value:
        case dict() | list() if value and not _is_short(head, flow(value)):
            inside = _items(value) if isinstance(value, list) else _fields(value)
            return [head, *(f"{_STEP}{text}" for text in inside)]
        case dict() | list():
            return [f"{head} {flow(value)}"]
    return [f"{head} {scalar(value)}"]


def _fields(value: dict[str, Any]) -> list[str]:
    return [text for key, inner in value.items() for text in _field(key, inner)]


def _items(values: list[Any]) -> list[str]:
    lines: list[str] = []
    for value in values:
        if isinstance(value, dict) and value:
            first, *rest = _fields(value)
            lines += [f"- {first}", *(f"  {text}" for text in rest)]
        else:
            text = flow(value) if isinstance(value, dict | list) else scalar(value)
            lines.append(f"- {text}")
    return lines


def _is_short(head: str, inside: str) -> bool:
    return len(head) + len(inside) <= LONGEST_FLOW and "${{" not in inside


def printable(text: str) -> str:
    """A text that ends no comment: it may come from documents, which may hold anything."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
