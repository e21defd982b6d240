"""``tiledmap preview``: the tree that documents would make."""

import json
import sys
from typing import Annotated

import typer

from tiledmap.cli import recordings
from tiledmap.cli.loading import load
from tiledmap.cli.mistakes import PROBLEMS_FOUND, Mistake
from tiledmap.cli.options import (
    DocumentsOption,
    MappingArgument,
    MoreDocuments,
    OverlayOption,
    SetOption,
    TreeFormat,
    find_files,
)
from tiledmap.cli.terminal import console, shown_log


def preview(
    mapping: MappingArgument,
    documents: DocumentsOption,
    more: MoreDocuments = None,
    settings: SetOption = None,
    overlays: OverlayOption = None,
    format: Annotated[
        TreeFormat, typer.Option("--format", help="For people or for programs.")
    ] = TreeFormat.TEXT,
) -> None:
    """Draw the tree that recorded documents would make. No server is needed or contacted.

    Each node shows the line of the mapping that asked for it.

    Exits with 1 where something of the documents could not be read or stored.
    """
    from tiledmap.display.nodes import branches_of_nodes
    from tiledmap.sinks.tree import trees_of_memory

    files = find_files([*documents, *(more or ())])
    loaded = load(mapping, settings, overlays)
    faults: list[Mistake] = []
    with shown_log() as log:
        nodes = trees_of_memory(loaded.preview(recordings.read_all(files, faults)))
    if format is TreeFormat.JSON:
        tree = {"nodes": [node.as_json() for node in nodes]}
        typer.echo(json.dumps(tree, indent=2, ensure_ascii=False, default=str))
    else:
        from tiledmap.cli.drawing import draw

        draw(console(sys.stdout), f"{loaded.name} {loaded.version}", branches_of_nodes(nodes))
    for fault in faults:
        typer.echo(str(fault), err=True)
    if log.errors or faults:
        raise typer.Exit(PROBLEMS_FOUND)
