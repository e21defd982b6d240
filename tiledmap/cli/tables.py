"""Drawing tables: where every field of every document goes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from tiledmap.check.coverage import OTHER
from tiledmap.cli.terminal import UNBROKEN
from tiledmap.problems.excerpt import printable

if TYPE_CHECKING:
    from rich.console import Console

    from tiledmap.check.coverage import Coverage
    from tiledmap.outline.usage import Usage
    from tiledmap.problems import Span

WIDE = 110
"""Columns of a terminal that has room for the mapping's lines beside a table."""


class Fate(StrEnum):
    """What becomes of a field's value."""

    STORED = "stored"
    CHANGED = "changed"
    LEFT_OUT = "left out"
    LOST = "lost"
    NOWHERE = "nowhere"


_STYLES = {
    Fate.STORED: "",
    Fate.CHANGED: "cyan",
    Fate.LEFT_OUT: "green",
    Fate.LOST: "yellow",
    Fate.NOWHERE: "bold red",
}
_MEANINGS = {
    Fate.CHANGED: "what is stored is made of the value, which cannot be had back from it",
    Fate.LEFT_OUT: "not stored, but what is stored tells it",
    Fate.LOST: "not stored, and the value cannot be had back",
    Fate.NOWHERE: "neither stored nor left out for a reason: 'tiledmap validate' says where",
}


def draw_coverage(console: "Console", rows: Iterable["Coverage"]) -> None:
    """Print a table for each document type, and for each stream rule; then what the words mean.

    Parameters
    ----------
    rows
        In the order of `tiledmap.check.coverage.coverage`.
    """
    found = list(rows)
    widest = max((len(_name(row)) for row in found), default=0)
    for (document, rule), group in groupby(found, lambda row: (row.document, row.rule)):
        title = Text(document, "bold")
        if rule:
            title.append(f"  streams.{printable(rule)}", "not bold dim")
        console.print(title)
        room = console.width if console.width < UNBROKEN else None
        console.print(_fields(list(group), widest, room))
        console.print()
    for line in _summary(found):
        console.print(line)


def _fields(rows: Sequence["Coverage"], widest: int, room: int | None) -> Table:
    """Return the table for so many columns of a terminal, or for any number."""
    wide = room is None or room >= WIDE
    expand = wide and room is not None
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), expand=expand)
    table.add_column(min_width=2 + widest, overflow="fold")
    table.add_column(ratio=1 if expand else None, overflow="fold")
    if wide:
        table.add_column(no_wrap=True, style="dim")
    for row in rows:
        name = Text(f"  {_name(row, alone=len(rows) == 1)}", "bold" if row.required else "")
        table.add_row(name, _way(row), *([_line(row.at)] if wide else []))
    return table


def _name(row: "Coverage", *, alone: bool = False) -> str:
    if row.field == OTHER:
        return "(any field)" if alone else "(any other)"
    return printable(row.field)


def _fate(row: "Coverage") -> Fate:
    if not row.accounted:
        return Fate.NOWHERE
    if row.destination:
        return Fate.STORED if row.invertible else Fate.CHANGED
    return Fate.LEFT_OUT if row.invertible else Fate.LOST


def _way(row: "Coverage") -> Text:
    fate = _fate(row)
    way = Text(printable(row.destination))
    if row.reason:
        # Of what is stored some may be left out, such as the data keys that a rule drops.
        left = Fate.LOST if row.destination and not row.invertible else fate
        way.append("; " if row.destination else "")
        way.append(f"{left}: ", _STYLES[left])
        way.append(printable(row.reason), "dim")
    elif fate is not Fate.STORED:
        way.append(" " if row.destination else "")
        way.append(f"({fate})" if row.destination else f"{fate}", _STYLES[fate])
    return way


def _line(at: "Span | None") -> Text:
    """Name a line; nobody looks up a column in a table."""
    return Text("" if at is None else printable(f"{at.file}:{at.line}"))


def _summary(rows: Sequence["Coverage"]) -> Iterator[Text]:
    fates = Counter(map(_fate, rows))
    counts = ", ".join(f"{fates[fate]} {fate}" for fate in Fate if fates[fate])
    yield Text(f"{len(rows)} fields: {counts}", "bold")
    for fate, meaning in _MEANINGS.items():
        if fates[fate]:
            yield Text.assemble((f"{fate}: ", _STYLES[fate]), (meaning, "dim"))


def draw_usage(console: "Console", usage: "Usage") -> None:
    """Print a line for each rule: how often it met something in recorded documents."""
    runs = f"{usage.runs:,} run{'' if usage.runs == 1 else 's'}"
    console.print(Text(f"in {runs}", "bold"))
    for rule in usage.rules:
        matched = f"matched {rule.matched:,} of {rule.of:,} {rule.what}"
        style = "" if rule.matched else "yellow"
        console.print(Text(f"  {printable(rule.rule)}: ").append(matched, style))
    for use in usage.fields:
        seen = f"seen in {use.seen:,} of {use.of:,}" if use.seen else "never seen"
        style = "" if use.seen else "yellow"
        field = f"{use.document}.{use.field}"
        console.print(Text(f"  {printable(field)}: declared, ").append(seen, style))
    unused = len(usage.unused)
    console.print(Text(f"{unused:,} of these met nothing" if unused else "all of these are used"))
