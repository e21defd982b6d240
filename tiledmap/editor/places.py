"""Where something stands in a text: as spans say it, and as editors count.

A span counts characters from 1, in YAML's lines; an editor counts code units from 0, in lines that
end with a newline alone. Between the two stands the index of a character.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from tiledmap.language.yaml_source import Characters
from tiledmap.problems import Span

UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
"""How an editor may count: the encoding, and the bytes of one of its units."""


class Position(NamedTuple):
    """A place between two characters, as an editor counts: from 0, in code units."""

    line: int
    character: int


class Range(NamedTuple):
    """A stretch of a text, as an editor counts."""

    start: Position
    end: Position


@dataclass(frozen=True)
class Places:
    """The places of a text.

    Parameters
    ----------
    text
        With every line break as a single newline, as `Source.text` has it.
    encoding
        A key of `UNITS`.
    """

    text: str
    encoding: str = "utf-16"

    @cached_property
    def _lines(self) -> tuple[int, ...]:
        return (0, *(found.end() for found in re.finditer("\n", self.text)))

    @cached_property
    def _characters(self) -> Characters:
        return Characters("", self.text)

    def index_at(self, position: Position) -> int:
        """Find the character at a position; the nearest one where there is none."""
        line = min(position.line, len(self._lines) - 1)
        start = self._lines[line]
        end = self._lines[line + 1] - 1 if line + 1 < len(self._lines) else len(self.text)
        units = 0
        for index in range(start, end):
            if units >= position.character:
                return index
            units += self._units(self.text[index])
        return end

    def position_of(self, index: int) -> Position:
        """Say how an editor counts the place before a character."""
        line = bisect_right(self._lines, index) - 1
        return Position(line, self._units(self.text[self._lines[line] : index]))

    def index_of(self, line: int, column: int) -> int:
        """Find the character at a span's line and column."""
        return self._characters.index(line, column)

    def indexes(self, span: Span) -> tuple[int, int]:
        """Find the first character of a span and the first one after it."""
        return self.index_of(span.line, span.column), self.index_of(span.end_line, span.end_column)

    def range_of(self, span: Span) -> Range:
        """Say how an editor counts a span."""
        start, end = self.indexes(span)
        return Range(self.position_of(start), self.position_of(end))

    def _units(self, text: str) -> int:
        encoding, size = UNITS[self.encoding]
        return len(text.encode(encoding, "surrogatepass")) // size
