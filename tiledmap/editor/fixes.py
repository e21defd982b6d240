"""What an editor can mend by itself: a word of which the nearest right spelling is known."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tiledmap.check import ALSO_HERE
from tiledmap.editor.places import Places
from tiledmap.editor.workspace import Document
from tiledmap.problems import Problem, Span
from tiledmap.problems.nearest import meant


@dataclass(frozen=True, slots=True)
class Fix:
    """New words for some stretches of the text."""

    title: str
    problem: Problem
    spans: tuple[Span, ...]
    words: str


def fixes(document: Document, start: int, end: int) -> Iterator[Fix]:
    """Yield what can be mended between two places."""
    places = Places(document.text)
    for problem in document.problems:
        first, last = places.indexes(problem.span)
        right = meant(f"{problem.label}\n{problem.hint}")
        if right is None or first > end or start > last:
            continue
        written = document.text[first:last]
        wrong = _wrong_word(written, problem.message)
        if wrong is not None:
            words = written.replace(wrong, right)
            spans = [problem.span, *_elsewhere(problem, written, places)]
            yield Fix(f"Write '{right}'", problem, tuple(spans), words)


def _wrong_word(written: str, message: str) -> str | None:
    """Find the word that a message is about; None where it does not stand there just once."""
    bare = written.strip("'\"").partition("@")[0].rpartition("/")[2]
    words = [bare, *re.findall("'([^']+)'", message)]
    return next((word for word in words if word in message and written.count(word) == 1), None)


def _elsewhere(problem: Problem, written: str, places: Places) -> Iterator[Span]:
    """Yield the other places at which the same word is wrong for the same cause."""
    for note in problem.notes:
        if note.message == ALSO_HERE and note.span is not None:
            first, last = places.indexes(note.span)
            if note.span.file == problem.span.file and places.text[first:last] == written:
                yield note.span
