"""Drawing the differences between two mappings."""

from itertools import groupby
from typing import TYPE_CHECKING

from tiledmap.cli.sheet import Sheet
from tiledmap.outline.compare.values import Category

if TYPE_CHECKING:
    from rich.console import Console

    from tiledmap.outline.compare.recorded import Recorded
    from tiledmap.outline.compare.values import Change, Comparison

_STYLES = {
    Category.LOSSY: "bold red",
    Category.READER: "bold red",
    Category.PATH: "bold yellow",
    Category.TYPE: "bold yellow",
    Category.ADDITIVE: "bold green",
    Category.TEXT: "bold",
}
_LONGEST = 300
"""Characters of a change that are shown."""


def draw_comparison(
    console: "Console", comparison: "Comparison", recorded: "Recorded | None"
) -> None:
    """Print what differs, strictest first, and what that asks of the version."""
    sheet = Sheet(console)
    sheet.title(f"{comparison.before} to {comparison.after}")
    for category, changes in comparison.categories.items():
        sheet.heading(category, category.meaning, style=_STYLES[category])
        for change in changes:
            _draw(sheet, change)
    if not comparison.changes:
        sheet.line(0, "no differences")
    if recorded is not None:
        _draw_recorded(sheet, recorded)
    bump = comparison.bump
    if bump is not None:
        style = "green" if bump.enough else "bold red"
        sheet.heading("version", style="bold")
        sheet.line(1, f"{bump.words}: {'enough' if bump.enough else 'not enough'}", style=style)


def _draw(sheet: Sheet, change: "Change", depth: int = 1, more: str = "") -> None:
    words = " ".join(change.words.split())
    words = f"{words[:_LONGEST]}…" if len(words) > _LONGEST else words
    sheet.line(depth, f"{words}{more}", change.at)
    if change.move is not None:
        move = change.move
        declared = f"declared: {move.was} moved to {move.now} in {move.since}"
        sheet.line(depth + 1, declared, move.at, style="green")


def _draw_recorded(sheet: Sheet, recorded: "Recorded") -> None:
    runs = f"{recorded.runs:,} recorded run{'' if recorded.runs == 1 else 's'}"
    verb = "changes" if recorded.changed == 1 else "change"
    sheet.heading(f"of {runs}, {recorded.changed:,} {verb}")
    for category, group in groupby(recorded.changes, lambda counted: counted[0].category):
        sheet.line(1, category, style=_STYLES[category])
        for change, count in group:
            in_runs = f" ({_runs(count)})" if recorded.runs > 1 else ""
            _draw(sheet, change, 2, in_runs)


def _runs(count: int) -> str:
    return f"{count:,} run{'' if count == 1 else 's'}"
