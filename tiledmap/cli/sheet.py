"""Text for a terminal of any width: headings, and indented lines with their places."""

from typing import TYPE_CHECKING

from rich.text import Text

from tiledmap.plan.steps import place
from tiledmap.problems.excerpt import printable

if TYPE_CHECKING:
    from rich.console import Console

    from tiledmap.problems import Span

_NARROWEST = 20
"""Columns that words are given, however deep they stand."""


class Sheet:
    """Prints lines; one that is too long goes on below itself."""

    def __init__(self, console: "Console") -> None:
        self._console = console

    def title(self, text: str, more: str = "") -> None:
        """Print what all of it is about."""
        self._line(0, Text(printable(text), "bold").append(f"  {printable(more)}", "dim"))

    def heading(self, text: str, more: str = "", *, style: str = "bold") -> None:
        """Print what the lines below are about, after an empty line."""
        self._console.print()
        self._line(0, Text(printable(text), style).append(f"  {printable(more)}", "dim"))

    def line(self, depth: int, text: str, *at: "Span | None", style: str = "") -> None:
        """Print a line, and the places in mappings that it comes from."""
        places = ", ".join(dict.fromkeys(place(span) for span in at if span is not None))
        words = Text(printable(text), style)
        self._line(depth, words.append(f"  {printable(places)}", "dim") if places else words)

    def _line(self, depth: int, text: Text) -> None:
        text.rstrip()
        indent = 2 * depth
        for line in text.wrap(self._console, max(self._console.width - indent, _NARROWEST)):
            line.rstrip()
            self._console.print(Text(" " * indent).append_text(line), soft_wrap=True)
