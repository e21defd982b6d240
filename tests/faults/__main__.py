"""Trials at length, and figures: ``python -m tests.faults proxy``, ``kill``, ``absent``, …"""

import logging
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table

from tests.faults.server import Storage
from tests.faults.trials import Outcome, draw_seed

app = typer.Typer(add_completion=False, help=__doc__)
Seed = Annotated[int, typer.Option(default_factory=draw_seed, show_default="a new one")]
First = Annotated[int, typer.Option(help="The first trial's number, to repeat it.")]
Kept = Annotated[Storage, typer.Option(help="Where the server keeps its catalog and tables.")]


@app.command()
def proxy(seed: Seed, first: First = 0, runs: int = 1000, storage: Kept = "sqlite") -> None:
    """Write runs through a proxy that loses, delays, refuses and cuts off what passes."""
    from tests.faults.proxy import try_proxy

    _report(try_proxy, runs, seed, first, storage)


@app.command()
def kill(seed: Seed, first: First = 0, kills: int = 300, storage: Kept = "sqlite") -> None:
    """Kill writers and the Tiled server, and let others go on."""
    from tests.faults.kill import try_kill

    _report(try_kill, kills, seed, first, storage)


@app.command()
def absent(scans: int = 10, points: int = 200) -> None:
    """Scan while the server is away, in turns with scans that nobody listens to."""
    from tests.faults.absent import try_absence

    logging.disable()
    absence = try_absence(scans, points)
    console = Console()
    console.print(
        f"scans of {points} points, with a writer whose server is away, in turns with none"
    )
    console.print(f"time, with the writer / without  {absence.ratio:.3f}")
    console.print(f"documents accepted               {absence.documents:,}")
    console.print(f"journals left after the replay   {absence.left}")
    console.print(f"nodes and values that differ     {len(absence.different)}")
    if absence.left or absence.different:
        raise typer.Exit(1)


@app.command()
def held(runs: int = 5, events: int = 1000, keys: int = 10, pause: float = 0.001) -> None:
    """Measure how long a document holds the thread that brings it."""
    from tests.faults.held import measure

    logging.disable()
    table = Table("", "p50", "p99", "longest", box=None, pad_edge=False)
    for name, figures in measure(runs, events, keys, pause).items():
        table.add_row(name, *(f"{figures[key]:,.1f}" for key in ("p50", "p99", "max")))
    console = Console()
    console.print(f"µs for each of {events} events of {keys} scalars, {runs} runs in turns\n")
    console.print(table)


@app.command()
def memory(events: int = 1_000_000, keys: int = 10) -> None:
    """Measure the memory of a writer, with its server there and away."""
    from tests.faults.memory import footprints

    logging.disable()
    table = Table("", "a tenth in", "in the end", "accepted", box=None, pad_edge=False)
    for name, found in footprints(events, keys):
        figures = f"{found.early / 2**20:,.0f} MB", f"{found.whole / 2**20:,.0f} MB"
        table.add_row(name, *figures, f"{found.accepted:,}")
    console = Console()
    console.print(f"resident memory of a process that feeds {events:,} events of {keys} scalars\n")
    console.print(table)


def _report(
    attempt: Callable[..., Outcome], total: int, seed: int, first: int, storage: Storage
) -> None:
    """Make an attempt, show how far it is, and print what has come of it."""
    logging.disable()  # what is tried again and mended is said at length
    console = Console()
    console.print(f"seed {seed}, {storage}", highlight=False)
    columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)

        def advance(done: int) -> None:
            progress.update(task, completed=done)

        outcome = attempt(total, seed, first, storage, advance)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for words, count in (
        ("runs", outcome.runs),
        ("documents", outcome.documents),
        *sorted(outcome.happened.items()),
        ("differ from a clean write", len(outcome.different)),
    ):
        table.add_row(words, f"{count:,}")
    console.print(table)
    if outcome.different:
        console.print(str(outcome), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    app(prog_name="python -m tests.faults")
