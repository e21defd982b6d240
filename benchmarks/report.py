"""Figures as they are kept: one file for each work and target, with all that they depend on."""

import os
import platform
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict
from rich.table import Table

from benchmarks.measure import Cost, Entrant, Footprint, Measured
from benchmarks.writers import OURS

PACKAGES = (
    *("tiledmap", "tiled", "bluesky", "bluesky-tiled-plugins", "event-model"),
    *("numpy", "pyarrow", "h5py"),
)
COMPARED = ("thread_us", "process_us", "returned_us", "landed_us", "requests")
"""Figures of which ratios are given."""


_LIST = re.compile(r"\[[^][{}]*\]")
"""A list of nothing but values, which is easier to read in one line."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _rounded(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values)


class Figure(_Value):
    """What was measured, once in each turn."""

    values: Annotated[tuple[float, ...], BeforeValidator(_rounded)]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        return min(self.values), max(self.values)


class Result(_Value):
    """What one writer took.

    Parameters
    ----------
    figures
        By name; those that end in ``_us`` are microseconds for each unit of the work.
    requests
        Of the last turn, by method.
    cannot
        Why the writer cannot do the work; there are no figures then.
    """

    figures: dict[str, Figure] = {}
    requests: dict[str, int] = {}
    cannot: str = ""


class Verdict(_Value):
    """An aim, and whether it is met."""

    words: str
    limit: float
    at_least: bool
    measured: float
    met: bool


class Machine(_Value):
    """What it was measured on.

    Parameters
    ----------
    files
        The kind of file system that catalogs and tables were in; empty where that is not known.
    """

    cpu: str
    cores: int
    python: str
    kernel: str
    files: str = ""


class Report(_Value):
    """All figures of one work and target.

    Parameters
    ----------
    target
        Empty for work that needs no Tiled.
    unit, units
        What costs are divided by, and how many of them a turn has.
    scale
        1 unless the work was shrunk.
    ratios
        Of one of tiledmap's deliveries, or of what it was measured for, to another writer, by
        figure: the median of the turns'.
    """

    work: str
    title: str
    target: str
    unit: str
    units: int
    scale: float
    repeats: int
    machine: Machine
    versions: dict[str, str]
    results: dict[str, Result]
    ratios: dict[str, dict[str, dict[str, float]]] = {}
    aims: list[Verdict] = []

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"{self.work}-{self.target}" if self.target else self.work

    def write(self, directory: Path) -> Path:
        """Write it into a directory."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{self.name}.json"
        text = self.model_dump_json(indent=1, exclude_defaults=True)
        path.write_text(_LIST.sub(lambda found: " ".join(found[0].split()), text) + "\n")
        return path


def describe_machine() -> Machine:
    """Say what it is measured on."""
    return Machine(
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        kernel=f"{platform.system()} {platform.release()} {platform.machine()}",
        files=_file_system(Path(gettempdir())),
    )


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _file_system(directory: Path) -> str:
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    kinds = {
        Path(place): kind for _, place, kind, *_ in map(str.split, mounts.read_text().splitlines())
    }
    here = directory.resolve()
    return next((kinds[place] for place in (here, *here.parents) if place in kinds), "")


def versions() -> dict[str, str]:
    """Say which packages are compared."""
    return {name: version(name) for name in PACKAGES}


# Writers


def results_of(entrants: Sequence[Entrant], measured: Measured) -> dict[str, Result]:
    """What entrants took, for each unit of their work."""
    return {
        entrant.label: (
            Result(cannot=measured.cannot[entrant.label])
            if entrant.label in measured.cannot
            else _result(
                measured.costs[entrant.label],
                measured.footprints.get(entrant.label),
                entrant.work.units,
            )
        )
        for entrant in entrants
    }


def _result(costs: Sequence[Cost], footprint: Footprint | None, units: int) -> Result:
    def per_unit(total: Iterable[float], scale: float = 1.0) -> Figure:
        return Figure(values=[value * scale / units for value in total])

    figures = {
        "thread_us": per_unit((cost.thread for cost in costs), 1e6),
        "process_us": per_unit((cost.process for cost in costs), 1e6),
        "returned_us": per_unit((cost.returned for cost in costs), 1e6),
        "landed_us": per_unit((cost.landed for cost in costs), 1e6),
        "sent_bytes": per_unit(cost.sent for cost in costs),
        "requests": per_unit(sum(cost.methods.values()) for cost in costs),
        "gets": per_unit(cost.methods.get("GET", 0) for cost in costs),
    }
    if footprint is not None:
        figures["memory_before_mb"] = Figure(values=[footprint.before / 2**20])
        figures["memory_mb"] = Figure(values=[footprint.whole / 2**20])
        if footprint.early is not None:
            figures["memory_early_mb"] = Figure(values=[footprint.early / 2**20])
    return Result(figures=figures, requests=dict(costs[-1].methods))


def ratios_of(
    results: Mapping[str, Result], writers: Sequence[str] = OURS
) -> dict[str, dict[str, dict[str, float]]]:
    """What `writers` take of what others take, turn by turn; the median of the turns."""
    return {
        writer: {
            other: {
                figure: ratio(results[writer].figures[figure], results[other].figures[figure])
                for figure in COMPARED
                if figure in results[writer].figures and figure in results[other].figures
            }
            for other in results
            if other != writer and not results[other].cannot
        }
        for writer in writers
        if writer in results and not results[writer].cannot
    }


def ratio(ours: Figure, theirs: Figure) -> float:
    """The median of the turns' ratios."""
    pairs = zip(ours.values, theirs.values, strict=True)
    return float(f"{statistics.median(a / b if b else float('inf') for a, b in pairs):.4g}")


# Tables

_COLUMNS = {
    "thread_us": "thread µs",
    "process_us": "process µs",
    "returned_us": "returned µs",
    "landed_us": "landed µs",
    "sent_bytes": "bytes",
    "memory_mb": "peak MB",
    "held_p50_us": "held p50 µs",
    "held_p99_us": "held p99 µs",
    "held_max_us": "held longest µs",
    "readable_p50_s": "readable p50 s",
    "readable_p99_s": "readable p99 s",
    "readable_max_s": "readable longest s",
    "requests_per_s": "requests/s",
    "cpu_s": "CPU s",
    "wall_s": "wall s",
}


def table_of(report: Report) -> Table:
    """Medians with their spreads, one row for each writer."""
    named = {name for result in report.results.values() for name in result.figures}
    columns = {name: title for name, title in _COLUMNS.items() if name in named}
    place = f" · {report.target}" if report.target else ""
    title = f"{report.work}{place}: {report.title}, per {report.unit}"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for column in columns.values():
        table.add_column(column, justify="right")
    if any(result.requests for result in report.results.values()):
        table.add_column("requests in a turn")
    for name, result in report.results.items():
        if result.cannot:
            table.add_row(name, f"cannot: {result.cannot}")
        else:
            cells = [_cell(result.figures.get(column)) for column in columns]
            made = ", ".join(f"{number:,} {method}" for method, number in result.requests.items())
            table.add_row(name, *cells, *([made] if made else []))
    return table


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    low, high = figure.spread
    if len(figure.values) == 1 or low == high:
        return _number(figure.median)
    return f"{_number(figure.median)} ({_number(low)}…{_number(high)})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def aims_table(verdicts: Iterable[Verdict]) -> Table:
    """What is aimed at, and what was measured."""
    table = Table(box=None, pad_edge=False)
    for column in ("aim", "limit", "measured", ""):
        table.add_column(column)
    for verdict in verdicts:
        sign = "≥" if verdict.at_least else "≤"
        table.add_row(
            verdict.words,
            f"{sign} {verdict.limit:.4g}",
            f"{verdict.measured:.4g}",
            "met" if verdict.met else "not met",
        )
    return table
