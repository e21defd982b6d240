"""``tiledmap schema``: the published JSON schemas, for editors."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tiledmap.cli.files import STDOUT, write_text


class Schema(StrEnum):
    """What a schema describes."""

    MAPPING = "mapping"
    MAPPING_TEST = "mapping-test"


def schema(
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where to write; else printed."),
    ] = None,
    what: Annotated[Schema, typer.Option("--what", help="What it describes.")] = Schema.MAPPING,
) -> None:
    """Print the JSON schema of mappings, or of their tests.

    An editor that knows it completes and explains.
    """
    from tiledmap.resources import schema_text

    text = schema_text(f"{what}-v1")
    if output is None or output == STDOUT:
        typer.echo(text, nl=False)
    else:
        write_text(output, text)
        typer.echo(f"wrote {output}", err=True)
