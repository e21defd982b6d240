"""Loading the mapping that a verb works on."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tiledmap.cli.options import find_files, find_mapping, parse_settings
from tiledmap.cli.terminal import use_color, width

if TYPE_CHECKING:
    from tiledmap.api import LoadedMapping


def load(
    mapping: str, settings: Sequence[str] | None, overlays: Sequence[Path] | None
) -> "LoadedMapping":
    """Load a mapping, and print what it warns of beside the output.

    Raises
    ------
    MappingError
        If the mapping cannot be used.
    """
    from tiledmap import api
    from tiledmap.problems.formats import format_text

    loaded = api.load(
        find_mapping(mapping), settings=parse_settings(settings), overlays=find_files(overlays)
    )
    if loaded.problems:
        text = format_text(
            loaded.problems,
            loaded.sources,
            color=use_color(sys.stderr),
            width=width(sys.stderr),
        )
        typer.echo(text, err=True, color=True)
    return loaded
