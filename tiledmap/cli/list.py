"""``tiledmap list``: the mappings that come with tiledmap."""

import json
import sys
from typing import Annotated

import typer

from tiledmap.cli.options import TreeFormat
from tiledmap.cli.terminal import console


def list_mappings(
    format: Annotated[
        TreeFormat, typer.Option("--format", help="For people or for programs.")
    ] = TreeFormat.TEXT,
) -> None:
    """List the mappings that come with tiledmap, to use or to extend by name."""
    from tiledmap import api

    shipped = api.shipped()
    if format is TreeFormat.JSON:
        entries = [
            {
                "name": each.name,
                "version": each.version,
                "title": each.title,
                "path": str(each.path),
            }
            for each in shipped
        ]
        typer.echo(json.dumps(entries, indent=2, ensure_ascii=False))
        return

    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("name", style="bold", no_wrap=True)
    table.add_column("version", no_wrap=True)
    table.add_column("title")
    for each in shipped:
        table.add_row(each.name, each.version, each.title)
    console(sys.stdout).print(table)
