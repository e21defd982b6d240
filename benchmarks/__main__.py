"""What writing costs: tiledmap, the writers that there are, and the floor, in turns in one run."""

import logging
import sys
import warnings
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer
from rich.console import Console

from benchmarks.report import Report, aims_table, table_of
from benchmarks.run import Settings, make_report, targets_of, titles
from benchmarks.targets import TARGETS, UnavailableError
from benchmarks.writers import WRITERS

WIDTH = 160
"""Of what is written into a file."""
app = typer.Typer(add_completion=False, help=__doc__)
Where: TypeAlias = Literal["in-process", "served", "postgresql", "all"]


@app.command()
def main(
    work: Annotated[list[str] | None, typer.Argument(help="Which; all if none is named.")] = None,
    target: Annotated[Where, typer.Option(help="Where to.")] = "in-process",
    repeats: Annotated[int, typer.Option(min=1, help="Turns, after one that warms up.")] = 5,
    scale: Annotated[float, typer.Option(help="Shrinks the work.")] = 1.0,
    postgresql: Annotated[
        str | None, typer.Option(help="A server, without a database; if none, one is started.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="A directory for the figures.")] = None,
    memory: Annotated[bool, typer.Option(help="Measure memory, in further processes.")] = True,
    writer: Annotated[
        list[str] | None, typer.Option(help=f"Who takes part: {'; '.join(WRITERS)}.")
    ] = None,
    list_works: Annotated[bool, typer.Option("--list", help="List the works, and end.")] = False,
) -> None:
    """Measure, print tables, and keep the figures where asked."""
    logging.disable()
    warnings.simplefilter("ignore")
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    known = titles(scale)
    if list_works:
        for name, title in known.items():
            console.print(f"{name:16} {title}", highlight=False)
        return
    if unknown := set(work or ()) - known.keys():
        raise typer.BadParameter(f"there is no {', '.join(sorted(unknown))}: see --list")
    if unknown := set(writer or ()) - WRITERS.keys():
        raise typer.BadParameter(f"there is no {'; '.join(sorted(unknown))}: see --help")
    settings = Settings(repeats, scale, postgresql, memory, writer or tuple(WRITERS))
    for name in work or known:
        for where in targets_of(name, TARGETS if target == "all" else (target,)):
            try:
                report = make_report(name, where, settings)
            except UnavailableError as error:
                console.print(f"{name} · {where}: {error}\n")
                continue
            _show(console, report)
            if json is not None:
                console.print(f"wrote {report.write(json)}\n")


def _show(console: Console, report: Report) -> None:
    console.print(table_of(report))
    console.print()
    if report.aims:
        console.print(aims_table(report.aims))
        console.print()


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
