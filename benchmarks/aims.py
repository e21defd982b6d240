"""What is aimed at, as ratios of figures that were measured in one run, or as bounds of one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.report import Result, Verdict, ratio
from benchmarks.shell import IMPORT, VALIDATE
from benchmarks.writers import BACKGROUND, BARE_INCUMBENT, FLOOR, INCUMBENT, OURS


@dataclass(frozen=True)
class Aim:
    """A bound.

    Parameters
    ----------
    words
        What it is about.
    figure
        What is bounded.
    limit
        The bound.
    writers
        Whom it is for.
    over
        The writer by whose figure it is divided; None for the figure itself.
    over_figure
        Where it is not the same figure.
    at_least
        True where more is better; the ratio is then the other's to ours.
    targets
        Where it applies; everywhere if empty.
    """

    words: str
    figure: str
    limit: float
    writers: Sequence[str] = OURS
    over: str | None = None
    over_figure: str = ""
    at_least: bool = False
    targets: Sequence[str] = ()

    def verdict(self, writer: str, results: Mapping[str, Result]) -> Verdict | None:
        """Whether a writer meets it; None where it was not measured."""
        ours = results.get(writer, Result()).figures.get(self.figure)
        if ours is None:
            return None
        measured = ours.median
        if self.over is not None:
            other = results.get(self.over, Result()).figures.get(self.over_figure or self.figure)
            if other is None:
                return None
            measured = ratio(other, ours) if self.at_least else ratio(ours, other)
        met = measured >= self.limit if self.at_least else measured <= self.limit
        return Verdict(
            words=f"{writer}: {self.words}",
            limit=self.limit,
            at_least=self.at_least,
            measured=measured,
            met=met,
        )


SERVERS = ("served", "postgresql")
SMALL_RUN_REQUESTS = 1 + 3 * 3
"""A container, and for each of three streams a container, a table and its rows."""

thread = partial(Aim, figure="thread_us", writers=(BACKGROUND,))
"""The RunEngine's: what is subscribed to it writes in the background unless told otherwise."""
in_all = partial(Aim, figure="process_us", targets=("in-process",))

_HEAVY = (
    thread("CPU on the thread, of TiledWriter's", limit=1 / 10, over=INCUMBENT),
    in_all("CPU in all, of the floor's", limit=1.6, over=FLOOR),
)
_FILES = (
    thread(
        "CPU on the thread, of TiledWriter's",
        limit=1 / 10,
        over=INCUMBENT,
        targets=("in-process",),
    ),
    Aim(
        "the client's CPU, of TiledWriter's",
        figure="process_us",
        limit=1 / 10,
        over=INCUMBENT,
        targets=SERVERS,
    ),
)


def growth_aims(small: int, large: int) -> dict[str, list[Aim]]:
    """The aims of works that are done twice, in these sizes."""

    def grows(words: str, figure: str, limit: float) -> list[Aim]:
        return [
            Aim(
                words,
                figure=figure,
                limit=limit,
                writers=[f"{writer}, {large:,}"],
                over=f"{writer}, {small:,}",
            )
            for writer in OURS
        ]

    flat = [
        Aim(
            "peak memory, of that of the first tenth",
            figure="memory_mb",
            limit=1.1,
            writers=[f"{writer}, {large:,}"],
            over=f"{writer}, {large:,}",
            over_figure="memory_early_mb",
        )
        for writer in OURS
    ]
    costs = grows(f"CPU on the thread, of that of {small:,}", "thread_us", 1.1)
    costs += grows(f"CPU in all, of that of {small:,}", "process_us", 1.1)
    return {"million": [*costs, *flat], "external-growth": costs}


AIMS: Mapping[str, Sequence[Aim]] = {
    "events": (
        thread("CPU on the thread, of TiledWriter's", limit=1 / 50, over=INCUMBENT),
        thread("CPU on the thread, of normalizer=None's", limit=1 / 8, over=BARE_INCUMBENT),
        in_all("CPU in all, of the floor's", limit=1.6, over=FLOOR),
    ),
    "event-pages": (thread("CPU on the thread, of TiledWriter's", limit=1 / 150, over=INCUMBENT),),
    "wide": _HEAVY,
    "arrays": _HEAVY,
    "small-runs": (
        Aim("runs per second, of TiledWriter's", "landed_us", 2, over=INCUMBENT, at_least=True),
        Aim("requests for a run", "requests", SMALL_RUN_REQUESTS),
        Aim("GETs for a run", "gets", 0),
    ),
    "external": _FILES,
    "legacy": _FILES,
    "live": (
        Aim("seconds until a row is readable, p99", "readable_p99_s", 0.5, (BACKGROUND,)),
        Aim("requests per second", "requests_per_s", 4, (BACKGROUND,)),
    ),
    "held": (Aim("µs that a document holds the thread, p99", "held_p99_us", 50, (BACKGROUND,)),),
    "shell": (
        Aim("CPU seconds from the shell", "cpu_s", 0.4, (VALIDATE,)),
        *(
            Aim(f"{kind} seconds beyond event-model's and pyarrow's", figure, 0.15, (IMPORT,))
            for kind, figure in (("CPU", "cpu_s"), ("all", "wall_s"))
        ),
    ),
}


def judge(aims: Sequence[Aim], results: Mapping[str, Result], target: str) -> Iterator[Verdict]:
    """Give a verdict for each writer that an aim is for."""
    for aim in aims:
        if not aim.targets or target in aim.targets:
            for writer in aim.writers:
                verdict = aim.verdict(writer, results)
                if verdict is not None:
                    yield verdict
