"""``tiledmap show``: what a mapping will do."""

from typing import Annotated

import typer

from tiledmap.cli.loading import load
from tiledmap.cli.options import MappingArgument, OverlayOption, SetOption


def show(
    mapping: MappingArgument,
    resolved: Annotated[
        bool,
        typer.Option(
            "--resolved", help="Print the mapping itself, with all that it inherits, as YAML."
        ),
    ] = False,
    settings: SetOption = None,
    overlays: OverlayOption = None,
) -> None:
    """Print the plan: what happens to each document, and which line of the mapping says so."""
    loaded = load(mapping, settings, overlays)
    typer.echo(loaded.show(resolved=resolved).rstrip("\n"))
