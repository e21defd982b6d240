"""What an editor can mend by itself: a word of which the nearest right spelling is known."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tiledmap.editor.places import Places
from tiledmap.editor.workspace import Document
from tiledmap.problems import Problem, Span

_DID_YOU_MEAN = re.compile(r"did you mean '([^']+)'\?")


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
        meant = _DID_YOU_MEAN.search(f"{problem.label}\n{problem.hint}")
        if meant is None or first > end or start > last:
            continue
        written = document.text[first:last]
        wrong = _wrong_word(written, problem.message)
        if wrong is not None:
            words = written.replace(wrong, meant[1])
            spans = [problem.span, *_elsewhere(problem, written, places)]
            yield Fix(f"Write '{meant[1]}'", problem, tuple(spans), words)


def _wrong_word(written: str, message: str) -> str | None:
    """Find the word that a message is about; None where it does not stand there just once."""
    bare = written.strip("'\"").partition("@")[0].rpartition("/")[2]
    words = [bare, *re.findall("'([^']+)'", message)]
    return next((word for word in words if word in message and written.count(word) == 1), None)


def _elsewhere(problem: Problem, written: str, places: Places) -> Iterator[Span]:
    """Yield the other places at which the same word is wrong for the same cause."""
    for note in problem.notes:
        if note.message == "also here" and note.span is not None:
            first, last = places.indexes(note.span)
            if note.span.file == problem.span.file and places.text[first:last] == written:
                yield note.span
