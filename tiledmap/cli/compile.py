"""``tiledmap compile``: a mapping as a Python module."""

import difflib
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from tiledmap.cli.files import STDOUT, write_text
from tiledmap.cli.loading import load
from tiledmap.cli.mistakes import PROBLEMS_FOUND, Mistake
from tiledmap.cli.options import MappingArgument, OverlayOption, SetOption

_LINES_OF_DIFFERENCE = 40


def compile_mapping(
    mapping: MappingArgument,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where to write; else printed."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit with 1 if FILE is not current."),
    ] = False,
    settings: SetOption = None,
    overlays: OverlayOption = None,
) -> None:
    """Write the callback that a mapping describes, as a module that imports only the runtime.

    The same mapping always gives the same text, so the module can be committed and reviewed.
    """
    output = None if output == STDOUT else output
    if check and output is None:
        raise Mistake("--check compares with a file", "say which: -o FILE")
    module = load(mapping, settings, overlays).compile()
    if output is None:
        typer.echo(module, nl=False)
    elif check:
        _compare(output, module, mapping)
    else:
        write_text(output, module)
        typer.echo(f"wrote {output}", err=True)


def _compare(path: Path, current: str, mapping: str) -> None:
    """Exit with 1, and say how they differ, if a file does not hold the current module."""
    if not path.is_file():
        raise Mistake(f"there is no file '{path}'", exit_code=PROBLEMS_FOUND)
    written = path.read_text("utf-8", errors="replace")
    if written == current:
        return
    difference = difflib.unified_diff(
        written.splitlines(),
        current.splitlines(),
        fromfile=str(path),
        tofile=f"compiled from {mapping}",
        lineterm="",
    )
    lines = list(islice(difference, _LINES_OF_DIFFERENCE + 1))
    typer.echo("\n".join(lines[:_LINES_OF_DIFFERENCE]))
    if len(lines) > _LINES_OF_DIFFERENCE:
        typer.echo("…")
    raise Mistake(
        f"'{path}' is not what {mapping} says now",
        "compile it again, without --check",
        PROBLEMS_FOUND,
    )
