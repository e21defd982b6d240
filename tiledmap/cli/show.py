"""``tiledmap show``: what a mapping makes, and how."""

import json
import sys
from typing import Annotated

import typer

from tiledmap.cli.loading import load
from tiledmap.cli.mistakes import Mistake
from tiledmap.cli.options import MappingArgument, OverlayOption, SetOption, TreeFormat
from tiledmap.cli.terminal import console


def show(
    mapping: MappingArgument,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print what happens to each document, step by step.")
    ] = False,
    resolved: Annotated[
        bool,
        typer.Option(
            "--resolved", help="Print the mapping itself, with all that it inherits, as YAML."
        ),
    ] = False,
    origin: Annotated[
        bool,
        typer.Option(
            "--origin", help="Print that, and left of each line the file and line that says it."
        ),
    ] = False,
    settings: SetOption = None,
    overlays: OverlayOption = None,
    format: Annotated[
        TreeFormat, typer.Option("--format", help="The tree for people or for programs.")
    ] = TreeFormat.TEXT,
) -> None:
    """Draw the tree that a mapping makes, with the line of the mapping that makes each node.

    Repairs are shown before it, and after it what is not stored.
    """
    if plan + resolved + origin > 1:
        raise Mistake("--plan, --resolved and --origin print different things: give one of them")
    if format is TreeFormat.JSON and (plan or resolved or origin):
        raise Mistake("only the tree is printed as JSON: leave out --format or the other option")
    loaded = load(mapping, settings, overlays)
    if resolved:
        typer.echo(loaded.show(resolved=True).rstrip("\n"))
        return
    if format is TreeFormat.JSON:
        from tiledmap.outline.data import outline_as_data

        typer.echo(json.dumps(outline_as_data(loaded.outline), indent=2, ensure_ascii=False))
        return

    from tiledmap.cli import drawing

    out = console(sys.stdout)
    if plan:
        drawing.draw_plan(out, loaded.plan)
    elif origin:
        drawing.draw_origins(out, loaded)
    else:
        drawing.draw_outline(out, loaded.outline)
