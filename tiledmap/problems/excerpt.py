"""A line of source with a stretch of it underlined, as a terminal shows it.

Columns of a `Span` count characters; a terminal counts cells. Between the two stand tabs, wide
characters (two cells) and combining ones (none), so the underline is measured in cells.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tiledmap.problems.problem import Span

TAB = "    "
ELLIPSIS = "…"
LARGEST_SOURCE = 4_000_000
"""Bytes of a file that are worth reading for an excerpt."""

# The line breaks that YAML counts.
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A line as it is printed, and the cells to underline."""

    number: int
    text: str
    start: int
    length: int

    @property
    def underline(self) -> str:
        """Blanks up to the stretch, then a caret for each of its cells."""
        return " " * self.start + "^" * self.length


class Sources:
    """The lines of files: those given as text, and regular files that can be read.

    Parameters
    ----------
    texts
        By file name, as in `Span.file`.
    """

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self._texts = dict(texts or {})
        self._lines: dict[str, list[str]] = {}

    def line(self, file: str, number: int) -> str | None:
        """Return line `number` of `file`, counted from 1, or None where there is none."""
        if file not in self._lines:
            text = self._texts[file] if file in self._texts else _read(file)
            self._lines[file] = _LINE_BREAK.split(text) if text is not None else []
        lines = self._lines[file]
        return lines[number - 1] if 1 <= number <= len(lines) else None


def excerpt(span: Span, sources: Sources, *, width: int | None = None) -> Excerpt | None:
    """Return the first line of a span, or None where its file cannot be shown.

    Parameters
    ----------
    width
        Cells that the line may take; a longer line is cut on either side of the stretch.
    """
    line = sources.line(span.file, span.line)
    if line is None:
        return None
    first = min(span.column - 1, len(line))
    last = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line)
    glyphs = [_glyph(character) for character in line]
    start = sum(cells for _, cells in glyphs[:first])
    # A fault at the end of a line has nothing to underline; one caret shows the place.
    length = max(1, sum(cells for _, cells in glyphs[first:last]))
    if width is None or sum(cells for _, cells in glyphs) <= width:
        return Excerpt(span.line, "".join(text for text, _ in glyphs).rstrip(), start, length)
    return _cut(glyphs, span.line, start, length, width)


def printable(text: str) -> str:
    """Return `text` with control characters made visible: a terminal must not obey a mapping."""
    return "".join(_glyph(character)[0] for character in text)


def _read(file: str) -> str | None:
    path = Path(file)
    try:
        # Never a pipe or a device: reading those could block, or use up what someone else needs.
        if not path.is_file() or path.stat().st_size > LARGEST_SOURCE:
            return None
        return path.read_bytes().decode("utf-8-sig", errors="replace")
    except (OSError, ValueError):
        return None


def _glyph(character: str) -> tuple[str, int]:
    """Return what is printed for a character, and the cells that it takes."""
    if character == "\t":
        return TAB, len(TAB)
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
        return "�", 1
    if category in ("Mn", "Me"):
        return character, 0
    return character, 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(
    glyphs: list[tuple[str, int]], number: int, start: int, length: int, width: int
) -> Excerpt:
    """Keep `width` cells of a line: the stretch with as much as fits on either side of it."""
    inner = max(width - 2 * len(ELLIPSIS), 1)
    total = sum(cells for _, cells in glyphs)
    left = max(0, min(start - max(inner - length, 0) // 2, total - inner))
    kept = list(_between(glyphs, left, left + inner))
    offset = kept[0][0] if kept else left
    text = "".join(glyph for _, glyph in kept)
    before = ELLIPSIS if offset > 0 else ""
    after = ELLIPSIS if left + inner < total else ""
    shown = start - offset + len(before)
    return Excerpt(number, f"{before}{text}{after}", shown, min(length, max(width - shown, 1)))


def _between(glyphs: list[tuple[str, int]], first: int, last: int) -> Iterator[tuple[int, str]]:
    """Yield (cell, glyph) for each glyph that lies in the cells from `first` up to `last`."""
    cell = 0
    for glyph, cells in glyphs:
        if first <= cell and cell + cells <= last:
            yield cell, glyph
        cell += cells
