"""What an editor can mend by itself: a word of which the nearest right spelling is known."""

from collections.abc import Iterator
from dataclasses import dataclass

from tiledmap.check import ALSO_HERE
from tiledmap.editor.places import Places
from tiledmap.editor.workspace import Document
from tiledmap.problems import Problem, Span


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
        word = problem.suggestion
        written = document.text[first:last]
        if word is None or written.count(word.written) != 1 or first > end or start > last:
            continue
        spans = (problem.span, *_elsewhere(problem, written, places))
        yield Fix(
            f"Write '{word.meant}'", problem, spans, written.replace(word.written, word.meant)
        )


def _elsewhere(problem: Problem, written: str, places: Places) -> Iterator[Span]:
    """Yield the other places at which the same word is wrong for the same cause."""
    for note in problem.notes:
        if note.message == ALSO_HERE and note.span is not None:
            first, last = places.indexes(note.span)
            if note.span.file == problem.span.file and places.text[first:last] == written:
                yield note.span
