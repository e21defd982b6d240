"""``tiledmap status``: what the writers that share a spool are doing, and what lies in it."""

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tiledmap.cli.mistakes import PROBLEMS_FOUND, Mistake
from tiledmap.cli.options import TreeFormat
from tiledmap.cli.spool import (
    SpoolArgument,
    ago,
    look_into,
    moment,
    plain,
    replay_command,
    size,
    table,
)
from tiledmap.cli.terminal import console

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tiledmap.runtime.journal import JournalInfo
    from tiledmap.runtime.status import Status

_SECONDS = 1.0
"""How often what is watched is looked at; writers say as often how they are doing."""
_SILENT_SECONDS = 30.0
"""For how long a writer that lives may say nothing: a request in flight can take its time."""


def status(
    directory: SpoolArgument,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it anew every second, until Ctrl-C.")
    ] = False,
    format: Annotated[
        TreeFormat, typer.Option("--format", help="For people or for programs.")
    ] = TreeFormat.TEXT,
) -> None:
    """Show what the writers that share a spool are doing, and which runs are in it.

    Exits with 1 if runs have failed: they are not stored whole, and no writer is at work on them.

    A server that is away is no failure.
    """
    if watch:
        if format is TreeFormat.JSON:
            raise Mistake("--watch is for people: for programs, repeat the command without it")
        _watch(directory)
        return
    from rich.table import Table

    seen = _look(directory)
    if format is TreeFormat.JSON:
        typer.echo(json.dumps(seen.as_json(), indent=2, default=os.fspath))
    else:
        out = console(sys.stdout)
        for part in seen.shown():
            out.print(part, soft_wrap=not isinstance(part, Table))
    if seen.has_failed:
        raise typer.Exit(PROBLEMS_FOUND)


def _watch(directory: Path) -> None:
    from rich.console import Group
    from rich.live import Live

    with (
        suppress(KeyboardInterrupt),
        Live(console=console(sys.stdout), screen=sys.stdout.isatty(), auto_refresh=False) as live,
    ):
        while True:
            live.update(Group(*_look(directory).shown()), refresh=True)
            time.sleep(_SECONDS)


def _look(directory: Path) -> "_Seen":
    from tiledmap.runtime.journal import REFUSED, statuses
    from tiledmap.runtime.status import Status

    runs, others = look_into(directory)
    refused = directory / REFUSED
    kept = look_into(refused)[0] if refused.is_dir() else []
    writers = []
    for published in statuses(directory):
        with suppress(TypeError):  # it may be anything
            writers.append(Status.from_json(published))
    return _Seen(directory, time.time(), writers, runs, others, kept)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A spool, as it was seen at a time."""

    directory: Path
    time: float
    writers: Sequence["Status"]
    runs: Sequence["JournalInfo"]
    others: Sequence["JournalInfo"]
    refused: Sequence["JournalInfo"]
    """Runs that are stored but for documents that were refused."""

    @property
    def has_failed(self) -> bool:
        """Whether there is a run that someone must look at."""
        lost = (failed for writer in self.writers for failed in writer.failures if not failed.kept)
        return any(map(_has_failed, self.runs)) or any(lost)

    def as_json(self) -> dict[str, Any]:
        return {
            "spool": self.directory,
            "free_bytes": self._free,
            "writers": [writer.as_json() for writer in self.writers],
            "runs": [{**asdict(info), "state": _state(info)} for info in self.runs],
            "other_files": [asdict(info) for info in self.others],
            "refused": [asdict(info) for info in self.refused],
        }

    def shown(self) -> "Iterator[RenderableType]":
        """Yield tables and lines."""
        if self.writers:
            yield self._table_of_writers()
            for writer in self.writers:
                for line in self._about(writer):
                    yield plain(f"{_name(writer)}: {line}")
        else:
            yield "no writer uses it now"
        yield ""
        if self.runs:
            yield self._table_of_runs()
            yield ""
            yield from map(plain, self._remarks())
        yield from map(plain, self._summary())

    def _table_of_writers(self) -> "RenderableType":
        numbers = ("queue", "written", "per second", "open", "failed")
        made = table("writer", "mapping", "state", *numbers, right=numbers)
        for writer in self.writers:
            made.add_row(
                plain(_name(writer)),
                plain(writer.mapping),
                plain(writer.state, "yellow" if writer.waiting_for else ""),
                size(writer.queue_bytes),
                f"{writer.written:,}",
                f"{writer.rate:,.0f}",
                f"{len(writer.runs_open):,}",
                plain(f"{writer.runs_failed:,}", "red" if writer.runs_failed else ""),
            )
        return made

    def _about(self, writer: "Status") -> Iterator[str]:
        now = self.time
        if now - writer.time > _SILENT_SECONDS:
            yield f"this is what it said {ago(writer.time, now)}"
        where = writer.server or "a catalog in its own process"
        if writer.waiting_since is None:
            yield f"writes to {where}"
        else:
            since = f"{moment(writer.waiting_since)} ({ago(writer.waiting_since, now)})"
            yield f"{where} is away since {since}: {writer.waiting_for}"
        if writer.blocked_seconds:
            yield f"its callers were made to wait for {writer.blocked_seconds:,.0f} s"
        for failed in writer.failures:
            if not failed.kept:
                yield f"run {failed.run} is lost in part: {failed.reason}"
        if writer.last_error:
            yield f"last error, {ago(writer.last_error_time, now)}: {writer.last_error}"

    def _table_of_runs(self) -> "RenderableType":
        made = table(
            "run", "plan", "started", "documents", "size", "state", right=("documents", "size")
        )
        for info in self.runs:
            made.add_row(
                plain(info.run),
                plain(info.plan_name),
                moment(info.started),
                f"{info.documents:,}",
                size(info.size),
                plain(_state(info), "red" if _has_failed(info) else ""),
            )
        return made

    def _remarks(self) -> Iterator[str]:
        for info in self.runs:
            for words in filter(None, (info.remark, info.problem)):
                yield f"{info.run}: {words}"

    def _summary(self) -> Iterator[str]:
        for info in self.others:
            yield f"{info.path.name} is left alone: {info.problem}"
        held = sum(info.size for info in self.runs)
        yield (
            f"{len(self.runs)} runs, {size(held)}, in {self.directory}; "
            f"{size(self._free)} are free on its disk"
        )
        if any(not info.locked for info in self.runs):
            yield f"to write what no writer holds: {replay_command(self.directory)}"
        if self.refused:
            home = self.refused[0].path.parent
            yield (
                f"{len(self.refused)} runs, {size(sum(info.size for info in self.refused))}, are "
                f"stored but for documents that were refused, and kept in {home}; to write them "
                f"again: {replay_command(home, '--mapping MAPPING')}"
            )

    @property
    def _free(self) -> int:
        return shutil.disk_usage(self.directory).free


def _name(writer: "Status") -> str:
    return f"{writer.pid} on {writer.host}"


def _has_failed(info: "JournalInfo") -> bool:
    """Whether a run is not stored whole, and no writer tries again."""
    return not info.locked and bool(info.remark or info.problem)


def _state(info: "JournalInfo") -> str:
    """Where a run stands, in words."""
    if info.locked:
        return "being written"
    if info.problem:
        return "damaged"
    if info.remark:
        return "failed"
    return "waits for a writer" if info.has_stop else "unfinished"
