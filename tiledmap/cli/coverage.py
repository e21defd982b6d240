"""``tiledmap coverage``: where every field of every document goes."""

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tiledmap.cli import recordings
from tiledmap.cli.loading import load
from tiledmap.cli.mistakes import PROBLEMS_FOUND, Mistake
from tiledmap.cli.options import (
    MappingArgument,
    MoreDocuments,
    OverlayOption,
    SetOption,
    find_files,
)
from tiledmap.cli.terminal import console, shown_log

if TYPE_CHECKING:
    from tiledmap.api import LoadedMapping
    from tiledmap.outline.usage import Usage
    from tiledmap.outline.values import Outline


class CoverageFormat(StrEnum):
    """How the table is printed."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


def coverage(
    mapping: MappingArgument,
    documents: Annotated[
        list[Path] | None,
        typer.Option(
            "--documents",
            metavar="FILE",
            help="Recorded documents: say how often each rule met something in them. "
            "More files may follow, or the option be repeated.",
        ),
    ] = None,
    more: MoreDocuments = None,
    settings: SetOption = None,
    overlays: OverlayOption = None,
    format: Annotated[
        CoverageFormat,
        typer.Option("--format", help="For people, for programs, or a page to pass on."),
    ] = CoverageFormat.TEXT,
) -> None:
    """Say where every field of every document goes, or why it is left out.

    With recorded documents also how often each rule met something, and which declared fields were
    never seen.

    Exits with 1 where something of the documents could not be read or stored.
    """
    if more and not documents:
        raise Mistake(f"what is {str(more[0])!r}? recordings are given with --documents")
    files = find_files([*(documents or ()), *(more or ())])
    loaded = load(mapping, settings, overlays)
    faults: list[Mistake] = []
    with shown_log() as log:
        usage = _count(loaded, files, faults) if files else None
    match format:
        case CoverageFormat.TEXT:
            _print(loaded, usage)
        case CoverageFormat.JSON:
            typer.echo(json.dumps(_as_json(loaded.outline, usage), indent=2, ensure_ascii=False))
        case CoverageFormat.HTML:
            from tiledmap.docgen.mapping_pages.standalone import coverage_page

            typer.echo(coverage_page(loaded.outline, usage))
    for fault in faults:
        typer.echo(str(fault), err=True)
    if log.errors or faults:
        raise typer.Exit(PROBLEMS_FOUND)


def _count(loaded: "LoadedMapping", files: Sequence[Path], faults: list[Mistake]) -> "Usage":
    from tiledmap.outline.usage import count_usage

    return count_usage(loaded.resolved, loaded.layout, recordings.read_all(files, faults))


def _print(loaded: "LoadedMapping", usage: "Usage | None") -> None:
    from tiledmap.cli.tables import draw_coverage, draw_usage

    draw_coverage(console(sys.stdout), loaded.outline.coverage)
    if usage is not None:
        typer.echo()
        draw_usage(console(sys.stdout), usage, loaded.resolved.at().file)


def _as_json(outline: "Outline", usage: "Usage | None") -> dict[str, Any]:
    from tiledmap.outline.explain import row_as_json

    said: dict[str, Any] = {
        "mapping": {"name": outline.name, "version": outline.version, "sha256": outline.sha256},
        "fields": [row_as_json(row) for row in outline.coverage],
    }
    if usage is not None:
        said["runs"] = usage.runs
        said["rules"] = [
            {
                "rule": rule.rule,
                "matched": rule.matched,
                "of": rule.of,
                "what": rule.what,
                "at": str(rule.at),
            }
            for rule in usage.rules
        ]
        said["declared"] = [
            {"document": use.document, "field": use.field, "seen": use.seen, "of": use.of}
            for use in usage.fields
        ]
    return said
