"""The command line, run in this process: a verb in a fresh one first imports Tiled for seconds.

That it works in a process of its own is what `tests/cli/test_process.py` says.
"""

from dataclasses import dataclass

from typer.testing import CliRunner

from tiledmap.cli.app import app


@dataclass(frozen=True)
class Result:
    """What a command printed, and what it ended with."""

    returncode: int
    stdout: str
    stderr: str


def run_tiledmap(*arguments: object, **environment: str) -> Result:
    """Run ``tiledmap`` in the working directory, away from any terminal."""
    result = CliRunner().invoke(
        app,
        [str(argument) for argument in arguments],
        prog_name="tiledmap",
        env={"COLUMNS": "80", **environment},
        catch_exceptions=False,  # which would be a traceback for a user
    )
    return Result(result.exit_code, result.stdout, result.stderr)
