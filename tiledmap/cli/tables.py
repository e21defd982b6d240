"""Drawing tables: where every field of every document goes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from tiledmap.check.coverage import OTHER
from tiledmap.cli.drawing import broken
from tiledmap.problems.excerpt import printable

if TYPE_CHECKING:
    from rich.console import Console

    from tiledmap.check.coverage import Coverage
    from tiledmap.outline.usage import Usage

WIDE = 110
"""Columns of a terminal that has room for the mapping's lines beside a table."""

WIDEST_NAME = 30
"""Columns of a field's name that the ways stand beside; a longer one has a line of its own."""


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
    columns = _Columns.of(found, console.width)
    for (document, rule), group in groupby(found, lambda row: (row.document, row.rule)):
        title = Text(document, "bold")
        if rule:
            title.append(f"  streams.{printable(rule)}", "not bold dim")
        console.print(title)
        alike = list(group)
        for row in alike:
            for line in _row(console, row, columns, alone=len(alike) == 1):
                console.print(line, soft_wrap=True)
        console.print()
    for told in _summary(found):
        for line in broken(console, told, console.width):
            console.print(line, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where ways begin and end in a line; places stand right of them, where there is room."""

    first: int
    last: int
    with_places: bool

    @classmethod
    def of(cls, rows: Sequence["Coverage"], width: int) -> "_Columns":
        names = max((cell_len(_name(row)) for row in rows), default=0)
        ways = max((_way(row).cell_len for row in rows), default=0)
        places = max((_place(row).cell_len for row in rows), default=0)
        first = min(names, WIDEST_NAME, width // 3) + 4
        wide = width >= WIDE
        return cls(first, min(first + ways, width - (places + 2) * wide), wide)


def _row(console: "Console", row: "Coverage", columns: _Columns, *, alone: bool) -> Iterator[Text]:
    before = Text(f"  {_name(row, alone=alone)}", "bold" if row.required else "")
    if before.cell_len + 2 > columns.first:
        yield before
        before = Text()
    place = _place(row) if columns.with_places else Text()
    for way in broken(console, _way(row), columns.last - columns.first):
        before.pad_right(columns.first - before.cell_len)
        line = Text.assemble(before, way)
        if place:
            line.pad_right(columns.last + 2 - line.cell_len)
            line.append(place)
        yield line
        before, place = Text(), Text()


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


def _place(row: "Coverage") -> Text:
    """Name a line; nobody looks up a column in a table."""
    return Text("" if row.at is None else printable(f"{row.at.file}:{row.at.line}"), "dim")


def _summary(rows: Sequence["Coverage"]) -> Iterator[Text]:
    fates = Counter(map(_fate, rows))
    counts = ", ".join(f"{fates[fate]} {fate}" for fate in Fate if fates[fate])
    yield Text(f"{len(rows)} fields: {counts}", "bold")
    for fate, meaning in _MEANINGS.items():
        if fates[fate]:
            yield Text.assemble((f"{fate}: ", _STYLES[fate]), (meaning, "dim"))


def draw_usage(console: "Console", usage: "Usage", home: str) -> None:
    """Print a line for each rule: how often it met something in recorded documents.

    Parameters
    ----------
    home
        The mapping's file: rules of others that met nothing are told together, for a mapping that
        extends another seldom needs all of it.
    """
    console.print(Text(usage.title, "bold"))
    idle = []
    for rule in usage.rules:
        if not rule.matched and rule.at.file != home:
            idle.append(rule.rule)
        else:
            _draw_use(console, f"{rule.rule}: ", rule.words, used=bool(rule.matched))
    for use in usage.fields:
        field = f"{use.document}.{use.field}"
        _draw_use(console, f"{field}: declared, ", use.words, used=bool(use.seen))
    if idle:
        _draw_use(console, "inherited, matched nothing: ", ", ".join(idle), used=False)
    console.print(Text(usage.summary))


def _draw_use(console: "Console", name: str, words: str, *, used: bool) -> None:
    text = Text(printable(name)).append(printable(words), "" if used else "yellow")
    for number, line in enumerate(broken(console, text, console.width - 4)):
        console.print(Text("    " if number else "  ").append_text(line), soft_wrap=True)
