"""``tiledmap diff``: what a reader of the data would notice between two mappings."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tiledmap.cli import recordings
from tiledmap.cli.loading import load
from tiledmap.cli.mistakes import PROBLEMS_FOUND, Mistake
from tiledmap.cli.options import MoreDocuments, find_files
from tiledmap.cli.terminal import console, shown_log

if TYPE_CHECKING:
    from tiledmap.api import LoadedMapping
    from tiledmap.outline.compare.recorded import Recorded
    from tiledmap.outline.compare.values import Change, Comparison
    from tiledmap.outline.values import Move


class DiffFormat(StrEnum):
    """How differences are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


class FailOn(StrEnum):
    """What makes the command fail: a category or a stricter one, or a version left as it was."""

    LOSSY = "LOSSY"
    READER = "READER"
    PATH = "PATH"
    TYPE = "TYPE"
    ADDITIVE = "ADDITIVE"
    TEXT = "TEXT"
    VERSION = "VERSION"


def diff(
    before: Annotated[
        str, typer.Argument(metavar="BEFORE", help="A YAML file, or a shipped mapping's name.")
    ],
    after: Annotated[
        str, typer.Argument(metavar="AFTER", help="A YAML file, or a shipped mapping's name.")
    ],
    documents: Annotated[
        list[Path] | None,
        typer.Option(
            "--documents",
            metavar="FILE",
            help="Recorded documents: compare the trees that they make, too. "
            "More files may follow, or the option be repeated.",
        ),
    ] = None,
    more: MoreDocuments = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Give a setting of both mappings another value where documents are stored.",
        ),
    ] = None,
    overlays: Annotated[
        list[Path] | None,
        typer.Option(
            "--overlay", metavar="FILE", help="A mapping to lay over both; may be repeated."
        ),
    ] = None,
    fail_on: Annotated[
        list[FailOn] | None,
        typer.Option(
            "--fail-on",
            case_sensitive=False,
            help="Exit with 1 where something of this category changed, or of a stricter one; "
            "VERSION: where the version did not change as the changes need. May be repeated.",
        ),
    ] = None,
    format: Annotated[
        DiffFormat, typer.Option("--format", help="For people, for programs or for code hosting.")
    ] = DiffFormat.TEXT,
) -> None:
    """Say what a reader of the data would notice between two mappings.

    Categories, the strictest first: LOSSY, something is no longer stored; READER, a client may
    break; PATH, something is elsewhere; TYPE, values have another type, shape or origin; ADDITIVE,
    something is new; TEXT, only words. A change of place that the mapping declares under 'moved'
    is shown and does not fail.

    Exits with 1 only where --fail-on asks for it, or documents could not be read.
    """
    from tiledmap.outline.compare.compare import compare
    from tiledmap.outline.compare.values import Side

    if more and not documents:
        raise Mistake(f"what is {str(more[0])!r}? recordings are given with --documents")
    files = find_files([*(documents or ()), *(more or ())])
    old, new = (load(mapping, settings, overlays) for mapping in (before, after))
    comparison = compare(Side(old.resolved, old.outline), Side(new.resolved, new.outline))
    faults: list[Mistake] = []
    recorded = None
    if files:
        from tiledmap.outline.compare.recorded import compare_recorded

        with shown_log(before):
            was = old.preview(recordings.read_all(files, faults))
        with shown_log(after):
            now = new.preview(recordings.read_all(files, []))
        recorded = compare_recorded(was, now, _new_moves(old, new))
    wanted = fail_on or []
    failing = _failing(comparison, recorded, wanted)
    match format:
        case DiffFormat.TEXT:
            from tiledmap.cli.differences import draw_comparison

            draw_comparison(console(sys.stdout), comparison, recorded)
        case DiffFormat.JSON:
            said = _as_json(comparison, recorded)
            typer.echo(json.dumps(said, indent=2, ensure_ascii=False))
        case DiffFormat.GITHUB:
            for line in _as_github(comparison, failing):
                typer.echo(line)
    for fault in faults:
        typer.echo(str(fault), err=True)
    unfit = comparison.bump is not None and not comparison.bump.enough
    if faults or failing or (FailOn.VERSION in wanted and unfit):
        raise typer.Exit(PROBLEMS_FOUND)


def _failing(
    comparison: "Comparison", recorded: "Recorded | None", wanted: Sequence[FailOn]
) -> list["Change"]:
    """Return the changes that make the command fail."""
    from tiledmap.outline.compare.values import Category

    categories = [Category(each.value) for each in wanted if each is not FailOn.VERSION]
    if not categories:
        return []
    mildest = max(categories, key=lambda category: category.rank)
    found = list(comparison.at_least(mildest))
    for change, _ in recorded.changes if recorded is not None else ():
        if change.category.rank <= mildest.rank and change.move is None:
            found.append(change)
    return found


def _new_moves(old: "LoadedMapping", new: "LoadedMapping") -> list["Move"]:
    """Return the changes of place that only the mapping after declares."""
    known = {(move.was, move.now) for move in old.outline.moved}
    return [move for move in new.outline.moved if (move.was, move.now) not in known]


def _as_json(comparison: "Comparison", recorded: "Recorded | None") -> dict[str, Any]:
    bump = comparison.bump
    said: dict[str, Any] = {
        "before": comparison.before,
        "after": comparison.after,
        "changes": [_change_as_json(change) for change in comparison.changes],
        "version": {
            "category": str(bump.category),
            "needs": bump.needs,
            "before": bump.before,
            "after": bump.after,
            "enough": bump.enough,
        }
        if bump is not None
        else None,
    }
    if recorded is not None:
        said["runs"] = recorded.runs
        said["runs_changed"] = recorded.changed
        said["recorded"] = [
            {**_change_as_json(change), "runs": runs} for change, runs in recorded.changes
        ]
    return said


def _change_as_json(change: "Change") -> dict[str, Any]:
    return {
        "category": str(change.category),
        "kind": str(change.kind),
        "aspect": str(change.aspect),
        "where": change.where,
        "what": change.what,
        "attribute": change.attribute,
        "was": change.was,
        "now": change.now,
        "before": str(change.before) if change.before is not None else None,
        "after": str(change.after) if change.after is not None else None,
        "declared": f"{change.move.was} to {change.move.now}" if change.move is not None else None,
        "words": change.words,
    }


def _as_github(comparison: "Comparison", failing: Iterable["Change"]) -> Iterator[str]:
    """Yield workflow commands, which GitHub shows beside the lines of a change."""
    from tiledmap.problems.formats import github_command

    failing = list(failing)
    for change in comparison.changes:
        level = "error" if change in failing else "notice"
        if level == "notice" and change.category in ("LOSSY", "READER"):
            level = "warning"
        yield github_command(level, change.at, str(change.category), change.words)
    bump = comparison.bump
    if bump is not None and not bump.enough:
        yield github_command("warning", None, "VERSION", bump.words)
