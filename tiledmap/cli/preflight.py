"""``tiledmap preflight``: whether a server can take what a mapping will send."""

import datetime
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from tiledmap.cli import recordings
from tiledmap.cli.destination import as_shown, open_destination
from tiledmap.cli.loading import load
from tiledmap.cli.mistakes import PROBLEMS_FOUND, Mistake
from tiledmap.cli.options import (
    ApiKeyOption,
    MappingArgument,
    MoreDocuments,
    OverlayOption,
    SetOption,
    TreeFormat,
    find_files,
)
from tiledmap.cli.terminal import console, shown_log

if TYPE_CHECKING:
    from tiledmap.plan.steps import Parts, Plan, StoreStep
    from tiledmap.runtime.ops import Op
    from tiledmap.sinks.tiled.preflight import Finding, Needs

_STYLES = {"ok": "green", "missing": "red", "unknown": "yellow"}


def preflight(
    mapping: MappingArgument,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="URI|DIR", help="A Tiled server's address, or a catalog's directory."
        ),
    ],
    more: MoreDocuments = None,
    api_key_env: ApiKeyOption = None,
    documents: Annotated[
        list[Path] | None,
        typer.Option(
            "--documents",
            metavar="FILE",
            help="Recorded documents: what they would send is asked for, too.",
        ),
    ] = None,
    roots: Annotated[
        list[str] | None,
        typer.Option(
            "--root",
            metavar="PATH",
            help="A directory with files, as the server sees it; may be repeated.",
        ),
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="An access tag; may be repeated."),
    ] = None,
    settings: SetOption = None,
    overlays: OverlayOption = None,
    format: Annotated[
        TreeFormat, typer.Option("--format", help="For people or for programs.")
    ] = TreeFormat.TEXT,
) -> None:
    """Ask a server whether it can take what a mapping will send, before any run.

    It is tried with small nodes in a container of their own, which is deleted again.

    Exits with 1 where something is missing.
    """
    from tiledmap.sinks.tiled.preflight import check_server

    given = [_root(root) for root in roots or ()]
    files = find_files([*(documents or ()), *(more or ())])
    loaded = load(mapping, settings, overlays)
    with shown_log():
        ops = loaded.preview(_documents(files)).ops if files else []
    needs = find_needs(loaded.plan, ops, given, tags or ())
    with open_destination(to, api_key_env, create=False) as client:
        findings = [*check_server(client, needs), *_left_open(loaded.plan, ops)]
    if format is TreeFormat.JSON:
        typer.echo(_as_json(as_shown(to), findings))
    else:
        _print(as_shown(to), findings)
    if _missing(findings):
        raise typer.Exit(PROBLEMS_FOUND)


def _root(root: str) -> str:
    if root.startswith("/") or urlsplit(root).scheme:
        return root
    raise Mistake(f"--root takes an absolute path or a URI, as the server sees it, not {root!r}")


def _documents(files: Sequence[Path]) -> Iterator[recordings.Named]:
    for path in files:
        yield from recordings.read(path)


# What will be needed


def find_needs(
    plan: "Plan", ops: Sequence["Op"], roots: Iterable[str], access_tags: Iterable[str]
) -> "Needs":
    """Find out what a mapping will ask of a server.

    Parameters
    ----------
    ops
        What it has made of recorded documents, if any are at hand.
    roots, access_tags
        What is known beside the mapping.
    """
    from tiledmap.runtime.ops import CreateArray, CreateNode, CreateRagged, CreateTable
    from tiledmap.sinks.tiled.preflight import Needs

    stores = {step.store for stream in plan.streams for step in stream.data}
    coordinates = any(stream.coordinates for stream in plan.streams)
    files = "files" in stores
    made = [op for op in ops if isinstance(op, CreateNode)]
    schemas = [op.schema for op in made if isinstance(op, CreateTable)]
    tags = {tag: None for op in made for tag in op.access_tags or ()}
    return Needs(
        mimetypes=_unique([*_mimetypes(plan), *_seen_mimetypes(ops)]) if files else (),
        roots=_unique([*roots, *(_becomes(plan) if files else ()), *_seen_directories(ops)]),
        access_tags=_unique([*access_tags, *_constant_tags(plan), *tags]),
        files=files,
        tables="table" in stores,
        lists=_may_make_lists(plan) or any(_has_lists(schema) for schema in schemas),
        arrays=bool(stores & {"array", "ragged"})
        or coordinates
        or any(isinstance(op, CreateArray | CreateRagged) for op in made),
    )


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))


def _mimetypes(plan: "Plan") -> Iterator[str]:
    """Yield the mimetypes that a mapping names and does not refuse."""
    from tiledmap.plan.steps import Relation

    for step in plan.assets:
        for test in step.condition.tests:
            wanted = step.refuse is None and test.field == "mimetype"
            if wanted and test.relation is Relation.ONE_OF:
                yield from test.values
    for repair in plan.resource_repairs:
        if repair.mimetype is not None and _is_current(repair.until):
            yield repair.mimetype


def _seen_mimetypes(ops: Sequence["Op"]) -> Iterator[str]:
    from tiledmap.runtime.ops import RegisterFiles

    return (op.source.mimetype for op in ops if isinstance(op, RegisterFiles))


def _becomes(plan: "Plan") -> Iterator[str]:
    for repair in plan.root_repairs:
        literal = _literal(repair.becomes)
        if literal and _is_current(repair.until):
            yield literal


def _is_current(until: str | None) -> bool:
    return until is None or datetime.date.today().isoformat() <= until


def _literal(parts: "Parts") -> str | None:
    """A text, where it has no holes."""
    texts = [part for part in parts if isinstance(part, str)]
    return "".join(texts) if len(texts) == len(parts) else None


def _seen_directories(ops: Sequence["Op"]) -> list[str]:
    from tiledmap.runtime.ops import RegisterFiles, UpdateFiles

    assets = (
        asset
        for op in ops
        if isinstance(op, RegisterFiles | UpdateFiles)
        for asset in op.source.assets
    )
    return sorted(
        {asset.uri if asset.is_directory else asset.uri.rpartition("/")[0] for asset in assets}
    )


def _constant_tags(plan: "Plan") -> Iterator[str]:
    """Yield the tags that a mapping gives, whatever a run is like."""
    for entry in plan.run.access_tags:
        literal = _literal(entry.text)
        if literal is not None and entry.when is None and entry.each is None:
            yield literal
    yield from plan.run.fallback_tags


def _may_make_lists(plan: "Plan") -> bool:
    """Whether some array of an event may become a list in a column."""
    return any(_puts_arrays_into_tables(stream.data) for stream in plan.streams)


def _puts_arrays_into_tables(steps: Sequence["StoreStep"]) -> bool:
    for step in steps:
        dtypes = [test for test in step.condition.tests if test.field == "dtype"]
        if not all("array" in test.values for test in dtypes):
            continue
        if step.store == "table":
            return True
        if step.condition.when is None and len(dtypes) == len(step.condition.tests):
            return False  # it takes all that are left
    return False


def _has_lists(schema: Iterable[object]) -> bool:
    import pyarrow as pa

    return any(pa.types.is_nested(column.type) for column in schema)  # type: ignore[attr-defined]


def _left_open(plan: "Plan", ops: Sequence["Op"]) -> Iterator["Finding"]:
    """Yield what depends on documents that are not at hand."""
    from tiledmap.sinks.tiled.preflight import Finding, Outcome

    if ops:
        return
    for repair in plan.root_repairs:
        if _literal(repair.becomes) is None and _is_current(repair.until):
            yield Finding(
                f"files of {repair.prefix}",
                Outcome.UNKNOWN,
                f"{repair.name} ({repair.at}) puts them where a run says",
                "name a directory with --root, or give --documents",
            )
    for entry in plan.run.access_tags:
        if _literal(entry.text) is None:
            yield Finding(
                "access tags of runs",
                Outcome.UNKNOWN,
                f"they are made from each run ({entry.at})",
                "name some with --tag, or give --documents",
            )


# How it is said


def _missing(findings: Iterable["Finding"]) -> list["Finding"]:
    return [finding for finding in findings if finding.outcome == "missing"]


def _as_json(to: str, findings: Sequence["Finding"]) -> str:
    from dataclasses import asdict

    answer = {
        "to": to,
        "ready": not _missing(findings),
        "findings": [asdict(finding) for finding in findings],
    }
    return json.dumps(answer, indent=2, ensure_ascii=False)


def _print(to: str, findings: Sequence["Finding"]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")  # a directory that is cut off tells nobody which it is
    table.add_column(overflow="fold")
    for finding in findings:
        words = Text(finding.words)
        if finding.hint:
            words.append(f"\n{finding.hint}", "dim")
        outcome = Text(finding.outcome.value, _STYLES[finding.outcome.value])
        table.add_row(outcome, Text(finding.subject), words)
    out = console(sys.stdout)
    out.print(table)
    missing = len(_missing(findings))
    verdict = (
        f"{missing} thing{' is' if missing == 1 else 's are'} missing" if missing else "is ready"
    )
    out.print(f"\n{to}: {verdict}", markup=False, soft_wrap=True)
