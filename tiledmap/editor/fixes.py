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
        if meant is not None and first <= end and start <= last:
            written = document.text[first:last]
            words = _instead_of(written, meant[1])
            spans = [problem.span, *_elsewhere(problem, written, places)]
            yield Fix(f"Write {words.strip()}", problem, tuple(spans), words)


def _instead_of(written: str, meant: str) -> str:
    """Put a word in the place of another, with what is around it: a path, a range, quotes."""
    quote = written[:1] if written[:1] in ("'", '"') and written[:1] == written[-1:] else ""
    bare = written.strip("'\"")
    folder = bare[: bare.rfind("/") + 1] if bare.startswith((".", "/")) else ""
    _, at, range_ = bare.partition("@")
    return f"{quote}{folder}{meant}{at}{range_}{quote}"


def _elsewhere(problem: Problem, written: str, places: Places) -> Iterator[Span]:
    """Yield the other places at which the same word is wrong for the same cause."""
    for note in problem.notes:
        if note.message == "also here" and note.span is not None:
            first, last = places.indexes(note.span)
            if note.span.file == problem.span.file and places.text[first:last] == written:
                yield note.span
