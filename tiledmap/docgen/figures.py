"""Figures of what the benchmarks measured, as SVG that has the colours of the page around it.

A page says where a figure goes, and what is to be read from it:

.. code-block:: markdown

    <!-- figure: thread -->
    What it shows, in words, for those who cannot see it.
"""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from markupsafe import Markup
from pydantic import BaseModel, FiniteFloat, ValidationError

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
_IN_PROCESS = {f"{work}-in-process": title for work, title in WORKS.items()}
_HELD = "held"
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


class Figure(BaseModel):
    """What was measured, once for each repetition."""

    values: list[FiniteFloat]


class Result(BaseModel):
    """What a writer took, by what was measured; nothing where it could not do the work."""

    figures: dict[str, Figure] = {}


class Report(BaseModel):
    """A file of the benchmarks' results, as far as it is drawn: the result of each writer."""

    results: dict[str, Result]


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
        They cannot be read, or there are none.
    """
    paths = {name: results / f"{name}.json" for name in (*_IN_PROCESS, _HELD)}
    reports = {name: _report(path) for name, path in paths.items() if path.exists()}
    if not reports:
        raise SiteError([f"{results}: holds no results of the benchmarks"])
    return {plot.name: partial(_draw, plot) for plot in plots(reports)}


def _report(path: Path) -> Report:
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SiteError([f"{path}: cannot be read: {error.strerror or error}"]) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{step}: " for step in first["loc"])
        raise SiteError([f"{path}: no results of a benchmark: {place}{first['msg']}"]) from None


def plots(reports: Mapping[str, Report]) -> Iterator[Plot]:
    """Make every plot for which there are results, by the names of their files."""
    works = {title: reports[name] for name, title in _IN_PROCESS.items() if name in reports}
    figures = {
        "thread": ("thread_us", "CPU on the caller's thread, µs per unit"),
        "in-all": ("process_us", "CPU of writer and Tiled together, µs per unit"),
    }
    for name, (figure, axis) in figures.items():
        if series := _series([(report, figure) for report in works.values()]):
            yield Plot(name, axis, tuple(works), series)
    if _HELD in reports and (series := _series([(reports[_HELD], each) for each in MOMENTS])):
        axis = "a document holds the caller for no longer than, µs"
        yield Plot(_HELD, axis, tuple(MOMENTS.values()), series)


def _series(rows: Sequence[tuple[Report, str]]) -> tuple[Series, ...]:
    """Collect what each writer took, from the report and the figure that each row shows."""
    measured: dict[str, list[Measured]] = {}
    for row, (report, figure) in enumerate(rows):
        for writer, result in report.results.items():
            found = result.figures.get(figure)
            # Nothing has no place on a logarithmic axis.
            if values := tuple(value for value in (found.values if found else ()) if value > 0):
                measured.setdefault(writer, []).append(Measured(row, values))
    return tuple(Series(writer, tuple(of_writer)) for writer, of_writer in measured.items())


def _draw(plot: Plot, words: str) -> Markup:
    return Markup(template("plot.html.jinja").render(plot=plot, words=words))
