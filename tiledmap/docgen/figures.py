"""Figures of what the benchmarks measured, as SVG that has the colours of the page around it.

A page says where a figure goes, and what is to be read from it:

.. code-block:: markdown

    <!-- figure: thread -->
    What it shows, in words, for those who cannot see it.
"""

import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tiledmap.docgen.errors import SiteError
from tiledmap.docgen.markdown import Draw
from tiledmap.docgen.rendering import template

WORKS = {
    "events": "events of 10 scalars",
    "event-pages": "the same in pages, per row",
    "wide": "events of 1,500 scalars",
    "arrays": "events with an array",
    "external": "stream datums",
    "legacy": "old datums",
    "small-runs": "small runs",
}
MOMENTS = {"held_p50_us": "half of all", "held_p99_us": "99 in 100", "held_max_us": "all"}

CIRCLE = "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z"
SQUARE = "M-3.5 -3.5h7v7h-7z"
DIAMOND = "M0 -5l5 5l-5 5l-5 -5z"
TRIANGLE = "M0 -4.5l4.5 8h-9z"
TURNED = "M0 4.5l4.5 -8h-9z"
BAR = "M0 -7v14"


@dataclass(frozen=True, slots=True)
class Look:
    """How a writer is marked: by form as well as by colour, which is a class of the style sheet."""

    colour: str
    form: str


LOOKS = {
    "tiledmap, background": Look("ours", CIRCLE),
    "tiledmap, background with a spool": Look("ours", SQUARE),
    "tiledmap, inline": Look("second", DIAMOND),
    "TiledWriter": Look("others", CIRCLE),
    "TiledWriter, normalizer=None": Look("others", TRIANGLE),
    "TiledWriter in a BufferingWrapper": Look("others", TRIANGLE),
    "bluesky's own TiledWriter": Look("others", TURNED),
    "the floor": Look("floor", BAR),
}
_UNKNOWN = Look("others", SQUARE)

Reports = Mapping[str, Mapping[str, Any]]
"""The results of the benchmarks, by the names of their files."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one writer took for one row of a plot, in each of the repetitions."""

    row: int
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)


@dataclass(frozen=True, slots=True)
class Series:
    """A writer's measurements."""

    writer: str
    measured: tuple[Measured, ...]

    @property
    def look(self) -> Look:
        return LOOKS.get(self.writer, _UNKNOWN)

    def at(self, row: int) -> Measured | None:
        """Return what was measured for a row."""
        return next((each for each in self.measured if each.row == row), None)


@dataclass(frozen=True, slots=True)
class Plot:
    """Dots on a logarithmic axis, a row for each work; a line shows how far repetitions differ."""

    name: str
    axis: str
    rows: tuple[str, ...]
    series: tuple[Series, ...]

    left = 212
    right = 684
    row_height = 34
    top = 10

    @property
    def bottom(self) -> int:
        return self.top + self.row_height * len(self.rows)

    @property
    def decades(self) -> range:
        """The powers of ten from the axis's beginning to its end."""
        values = [value for each in self.series for one in each.measured for value in one.values]
        return range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)

    def x(self, value: float) -> float:
        """Where a value is, from the left."""
        first, last = self.decades[0], self.decades[-1]
        share = (math.log10(value) - first) / max(last - first, 1)
        return round(self.left + share * (self.right - self.left), 1)

    def y(self, row: int) -> float:
        """Where a row is, from the top."""
        return self.top + (row + 0.5) * self.row_height

    def tick(self, decade: int) -> str:
        """What the axis says at a power of ten."""
        return f"{10**decade:,}" if decade >= 0 else f"{10.0**decade:g}"

    def shown(self, value: float) -> str:
        """Return a value to three digits."""
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def figures_of(results: Path) -> dict[str, Draw]:
    """Return what can be drawn of the results in a folder, by the names that pages use.

    Raises
    ------
    SiteError
        They cannot be read.
    """
    reports = {}
    for path in sorted(results.glob("*.json")):
        try:
            reports[path.stem] = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise SiteError([f"{path}: {error}"]) from None
    return {plot.name: partial(_draw, plot) for plot in plots(reports)}


def plots(reports: Reports) -> Iterator[Plot]:
    """Make every plot for which there are results."""
    works = {
        WORKS[work]: reports[f"{work}-in-process"]["results"]
        for work in WORKS
        if f"{work}-in-process" in reports
    }
    figures = {
        "thread": ("thread_us", "CPU on the caller's thread, µs per unit"),
        "in-all": ("process_us", "CPU of writer and Tiled together, µs per unit"),
    }
    for name, (figure, axis) in figures.items():
        if series := _series([(results, figure) for results in works.values()]):
            yield Plot(name, axis, tuple(works), series)
    if "held" in reports:
        results = reports["held"]["results"]
        series = _series([(results, figure) for figure in MOMENTS])
        axis = "a document holds the caller for no longer than, µs"
        yield Plot("held", axis, tuple(MOMENTS.values()), series)


def _series(rows: Sequence[tuple[Mapping[str, Any], str]]) -> tuple[Series, ...]:
    """Collect what each writer took, from the results and the figure that each row shows."""
    writers = dict.fromkeys(writer for results, _ in rows for writer in results)
    return tuple(
        Series(
            writer,
            tuple(
                Measured(row, tuple(results[writer]["figures"][figure]["values"]))
                for row, (results, figure) in enumerate(rows)
                if figure in results.get(writer, {}).get("figures", {})
            ),
        )
        for writer in writers
    )


def _draw(plot: Plot, words: str) -> Markup:
    return Markup(template("plot.html.jinja").render(plot=plot, words=words))
