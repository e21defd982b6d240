"""``tiledmap show``: what a mapping makes, and how."""

import sys
from typing import Annotated

import typer

from tiledmap.cli.loading import load
from tiledmap.cli.mistakes import Mistake
from tiledmap.cli.options import MappingArgument, OverlayOption, SetOption
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
) -> None:
    """Draw the tree that a mapping makes, with the line of the mapping that makes each node.

    Repairs are shown before it, and after it what is not stored.
    """
    if plan + resolved + origin > 1:
        raise Mistake("--plan, --resolved and --origin print different things: give one of them")
    loaded = load(mapping, settings, overlays)
    if resolved:
        typer.echo(loaded.show(resolved=True).rstrip("\n"))
        return

    from tiledmap.cli import drawing

    out = console(sys.stdout)
    if plan:
        drawing.draw_plan(out, loaded.plan)
    elif origin:
        drawing.draw_origins(out, loaded)
    else:
        drawing.draw_outline(out, loaded.outline)
