"""How many instructions an event takes: a count that no clock and no neighbour disturbs.

    python -m benchmarks.instructions [--update]

Valgrind counts them while a generated module's writer takes events in a fresh interpreter. They
are given as a multiple of what a loop over the same events takes that does the least a writer
must: look every value up, and put it into its column. The baseline is committed, one figure for
each version of Python, since interpreters differ in both.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

import tiledmap

BASELINE = Path(__file__).parent / "results" / "instructions.json"
TOLERANCE = 0.05
"""How much more an event may take than the baseline says."""
EVENTS = 2_000
ROWS_AT_ONCE = 500
"""So that batches are made and sent in what is counted."""
CHILD = Path(__file__).parent / "instructions_child.py"
_SENTINEL = "clock_getres"
"""The function of the C library by whose calls `CHILD` separates one part from the next."""
_TOTAL = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)


class UncountedError(Exception):
    """Instructions cannot be counted here."""


@dataclass(frozen=True)
class Instructions:
    """For each event.

    Parameters
    ----------
    writer
        Of the writer.
    loop
        Of the loop that does the least.
    """

    writer: float
    loop: float

    @property
    def ratio(self) -> float:
        """How many times as much the writer takes."""
        return self.writer / self.loop


def count() -> Instructions:
    """Count.

    Raises
    ------
    UncountedError
        If there is no Valgrind, or it cannot run this interpreter.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise UncountedError("valgrind is not installed (Debian: valgrind)")
    with TemporaryDirectory() as home:
        source = tiledmap.load("bluesky-v3").compile()
        Path(home, "written_by_tiledmap.py").write_text(source)
        command = [
            valgrind,
            "--tool=callgrind",
            f"--callgrind-out-file={home}/counts",
            f"--dump-before={_SENTINEL}*",  # its name has a version there
            *(sys.executable, str(CHILD), str(EVENTS), str(ROWS_AT_ONCE)),
        ]
        environment = {**os.environ, "PYTHONPATH": home, "PYTHONHASHSEED": "0"}
        run = subprocess.run(command, env=environment, capture_output=True, text=True)
        if run.returncode:
            raise UncountedError(f"valgrind failed: {run.stderr[-2000:]}")
        # What came before the first call, between two, and after the last.
        dumps = [Path(home, f"counts.{number}") for number in range(1, 5)]
        if not all(dump.exists() for dump in dumps):
            raise UncountedError(f"{_SENTINEL} was not seen: {sorted(os.listdir(home))}")
        _, writer, _, loop = (_total(dump) for dump in dumps)
    return Instructions(writer / EVENTS, loop / EVENTS)


def _total(dump: Path) -> int:
    found = _TOTAL.search(dump.read_text())
    if found is None:
        raise UncountedError(f"{dump.name} says no total")
    return int(found[1])


def interpreter() -> str:
    """What figures may be compared for."""
    major, minor, _ = platform.python_version_tuple()
    return f"{platform.python_implementation()} {major}.{minor} {platform.machine()}"


def baseline() -> dict[str, dict[str, float]]:
    """The figures that are committed, by interpreter."""
    if not BASELINE.exists():
        return {}
    found: dict[str, dict[str, float]] = json.loads(BASELINE.read_text())
    return found


def growth(counted: Instructions) -> float | None:
    """How much more an event takes than the baseline says, as a part of it; None without one."""
    before = baseline().get(interpreter())
    return None if before is None else counted.ratio / before["ratio"] - 1


def keep(counted: Instructions) -> None:
    """Make figures the baseline of this interpreter."""
    figures = {
        "writer": round(counted.writer),
        "loop": round(counted.loop),
        "ratio": round(counted.ratio, 3),
    }
    BASELINE.write_text(json.dumps(baseline() | {interpreter(): figures}, indent=2) + "\n")


def main(
    update: Annotated[bool, typer.Option(help="Make what is counted the baseline.")] = False,
) -> None:
    """Count the instructions that an event takes, and compare them with the baseline."""
    try:
        counted = count()
    except UncountedError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    more = growth(counted)
    typer.echo(
        f"{counted.writer:,.0f} instructions for an event, {counted.ratio:.2f} times those of a "
        f"loop ({counted.loop:,.0f})"
    )
    if update:
        keep(counted)
    elif more is None:
        typer.echo(f"there is no baseline for {interpreter()}: --update makes one")
    else:
        typer.echo(f"{more:+.1%} of the baseline")
        if more > TOLERANCE:
            raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
