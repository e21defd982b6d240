"""Draw the figures of the pages from the results of the benchmarks, when the site is built.

A hook of mkdocs. A page says where a figure goes, and what is to be read from it:

    <!-- figure: thread -->
    What it shows, in words, for those who cannot see it.
"""

import io
import json
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

RESULTS = Path(__file__).parent.parent / "benchmarks" / "results"
FOLDER = "explanations/speed"
_PLACE = re.compile(r"^<!-- figure: (?P<name>[\w-]+) -->\n(?P<words>(?:.+\n)+)", re.MULTILINE)

WORKS = {
    "events": "events of 10 scalars",
    "event-pages": "the same in pages, per row",
    "wide": "events of 1,500 scalars",
    "arrays": "events with an array",
    "external": "stream datums",
    "legacy": "old datums",
    "small-runs": "small runs",
}


@dataclass(frozen=True)
class Ink:
    """The colours of one scheme of the site."""

    text: str
    faint: str
    ours: str
    second: str
    others: str


INKS = {
    "light": Ink("#24292f", "#d0d7de", "#3f51b5", "#8c6bb1", "#8c959f"),
    "dark": Ink("#e6edf3", "#3d444d", "#8ea2ff", "#c9a6f5", "#848d97"),
}


def _styles(ink: Ink) -> dict[str, dict[str, Any]]:
    """How each writer is marked: by form as well as by colour."""
    hollow = {"color": ink.others, "markerfacecolor": "none"}
    return {
        "tiledmap, background": {"marker": "o", "color": ink.ours},
        "tiledmap, background with a spool": {"marker": "s", "color": ink.ours},
        "tiledmap, inline": {"marker": "D", "color": ink.second},
        "TiledWriter": {"marker": "o", **hollow},
        "TiledWriter, normalizer=None": {"marker": "^", **hollow},
        "TiledWriter, batch_size=1": {"marker": "^", **hollow},
        "TiledWriter in a BufferingWrapper": {"marker": "^", **hollow},
        "bluesky's own TiledWriter": {"marker": "v", **hollow},
        "the floor": {"marker": "|", "color": ink.text, "markersize": 11},
    }


# Figures

Reports = Mapping[str, dict[str, Any]]


def thread(axes: Axes, reports: Reports, ink: Ink) -> None:
    """CPU of the thread that brings the documents."""
    _by_work(axes, reports, ink, "thread_us", "in-process")
    axes.set_xlabel("CPU on the caller's thread, µs per unit")


def in_all(axes: Axes, reports: Reports, ink: Ink) -> None:
    """CPU of all threads, with Tiled's."""
    _by_work(axes, reports, ink, "process_us", "in-process")
    axes.set_xlabel("CPU of writer and Tiled together, µs per unit")


def held(axes: Axes, reports: Reports, ink: Ink) -> None:
    """How long one document holds the caller."""
    moments = {"held_p50_us": "half of all", "held_p99_us": "99 in 100", "held_max_us": "all"}
    results = reports["held"]["results"]
    _dots(
        axes,
        ink,
        list(moments.values()),
        {
            writer: [result["figures"].get(name) for name in moments]
            for writer, result in results.items()
        },
    )
    axes.set_xlabel("a document holds the caller for no longer than, µs")


FIGURES: Mapping[str, Callable[[Axes, Reports, Ink], None]] = {
    "thread": thread,
    "in-all": in_all,
    "held": held,
}


def _by_work(axes: Axes, reports: Reports, ink: Ink, figure: str, target: str) -> None:
    known = {work: reports.get(f"{work}-{target}") for work in WORKS}
    results = {work: report["results"] for work, report in known.items() if report is not None}
    writers = dict.fromkeys(writer for each in results.values() for writer in each)
    _dots(
        axes,
        ink,
        [WORKS[work] for work in results],
        {
            writer: [
                each.get(writer, {}).get("figures", {}).get(figure) for each in results.values()
            ]
            for writer in writers
        },
    )


def _dots(axes: Axes, ink: Ink, rows: Sequence[str], found: Mapping[str, Sequence[Any]]) -> None:
    """One row for each of `rows`; a dot at the median of each writer, on a line of its spread."""
    styles = _styles(ink)
    for writer, figures in found.items():
        taken = [(row, each["values"]) for row, each in enumerate(figures) if each is not None]
        places = [row for row, _ in taken]
        for row, values in taken:
            axes.plot([min(values), max(values)], [row, row], color=styles[writer]["color"], lw=1)
        medians = [statistics.median(values) for _, values in taken]
        axes.plot(medians, places, ls="none", label=writer, **styles[writer])
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.grid(axis="y", color=ink.faint, lw=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.figure.legend(loc="outside upper left", ncols=3, frameon=False, handletextpad=0.3)


def draw(name: str, scheme: str) -> str:
    """Draw a figure for one colour scheme.

    Returns
    -------
    str
        SVG, of which the text is text, on no background.
    """
    ink = INKS[scheme]
    reports = {path.stem: json.loads(path.read_text("utf-8")) for path in RESULTS.glob("*.json")}
    look = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.family": "sans-serif",
        "font.size": 10,
        **dict.fromkeys(
            ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"),
            ink.text,
        ),
    }
    with matplotlib.rc_context(look):
        figure = Figure(figsize=(7.2, 4.2 if name != "held" else 2.8), layout="constrained")
        FIGURES[name](figure.add_subplot(), reports, ink)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return text.getvalue()


# What mkdocs calls


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the figures to the site."""
    for name in FIGURES:
        for scheme in INKS:
            uri = f"{FOLDER}/{name}-{scheme}.svg"
            files.append(File.generated(config, uri, content=draw(name, scheme)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put figures where a page asks for them, with the words that follow as their text."""

    def place(found: re.Match[str]) -> str:
        words = " ".join(found["words"].split())
        shown = [f"![{words}](speed/{found['name']}-{scheme}.svg#only-{scheme})" for scheme in INKS]
        return "\n".join(shown) + "\n\n" + found["words"]

    return _PLACE.sub(place, markdown)
