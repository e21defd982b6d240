"""``tiledmap replay``: runs that are left in a spool, written to Tiled by hand."""

import json
import os
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tiledmap.cli.destination import as_shown, open_destination
from tiledmap.cli.loading import load
from tiledmap.cli.mistakes import PROBLEMS_FOUND, Mistake
from tiledmap.cli.options import ApiKeyOption, OverlayOption, SetOption, TreeFormat
from tiledmap.cli.spool import (
    SpoolArgument,
    look_into,
    mapping_of,
    moment,
    plain,
    replay_command,
    table,
)
from tiledmap.cli.terminal import console, silent_log

if TYPE_CHECKING:
    from tiledmap.api import LoadedMapping
    from tiledmap.runtime.courier import Courier
    from tiledmap.runtime.delivery import Sink
    from tiledmap.runtime.errors import SinkError, WriteError
    from tiledmap.runtime.journal import JournalInfo, RunJournal
    from tiledmap.runtime.report import RunReport

_PAUSE = 1.0
"""Seconds between two tries to reach a server."""
_TRIES = 2.0
"""Seconds for which an op is tried again before it is said that the server is waited for."""


def replay(
    directory: SpoolArgument,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="URI|DIR",
            help="A Tiled server's address, or a catalog's directory. Not needed where the spool "
            "is yours alone, and says to which server a run belongs.",
        ),
    ] = None,
    api_key_env: ApiKeyOption = None,
    mapping: Annotated[
        str | None,
        typer.Option(
            "--mapping",
            metavar="MAPPING",
            help="For runs that were begun with the mapping of that name. Not needed for a "
            "shipped one that is the same still.",
        ),
    ] = None,
    settings: SetOption = None,
    overlays: OverlayOption = None,
    runs: Annotated[
        list[str] | None,
        typer.Option(
            "--run",
            metavar="UID",
            help="Only this run; with --mapping, whatever it was begun with. May be repeated.",
        ),
    ] = None,
    close_unfinished: Annotated[
        bool,
        typer.Option(
            "--close-unfinished",
            help="Make up a stop document for runs that have none, "
            "whatever the mapping's `run.unfinished` says.",
        ),
    ] = False,
    patience: Annotated[
        float | None,
        typer.Option(
            "--patience",
            metavar="SECONDS",
            help="For how long a server that is away is waited for. If not given, without end.",
        ),
    ] = None,
    format: Annotated[
        TreeFormat, typer.Option("--format", help="For people or for programs.")
    ] = TreeFormat.TEXT,
) -> None:
    """Write the runs that are left in a spool to Tiled, and remove them from it.

    It may be repeated at any time, and run beside live writers, whose runs it leaves alone.

    A run without a stop document is stored as far as it came, and stays in the spool.

    Exits with 1 if a run could not be written.
    """
    if mapping is None and (settings or overlays):
        raise Mistake("--set and --overlay change a mapping: name one with --mapping")
    found, others = look_into(directory)
    selected = {
        info.path: _Outcome(info, State.BUSY if info.locked else State.LEFT)
        for info in _selected(found, runs, directory)
    }
    given = None if mapping is None else load(mapping, settings, overlays)
    outcomes = list(selected.values())
    try:
        with (
            silent_log("tiledmap"),  # what is logged of a run is said in its outcome
            ExitStack() as stack,
            _progress(outcomes) as advance,
        ):
            destinations = _Destinations(to, api_key_env, _Patience(patience), stack)
            mappings = _Mappings(given, takes_all=bool(runs))
            replaying = _Replay(directory, mappings, destinations, close_unfinished, advance)
            if outcomes:
                replaying.write(selected)
    except KeyboardInterrupt:
        _print(directory, outcomes, others, format)
        raise
    _print(directory, outcomes, others, format)
    if not all(outcome.is_fine for outcome in outcomes):
        raise typer.Exit(PROBLEMS_FOUND)


def _selected(
    found: Sequence["JournalInfo"], runs: Sequence[str] | None, directory: Path
) -> list["JournalInfo"]:
    known = {info.run for info in found}
    for run in runs or ():
        if run not in known:
            raise Mistake(
                f"there is no run {run!r} in '{directory}'",
                "a run leaves the spool as soon as Tiled has all of it; see: tiledmap status",
            )
    return [info for info in found if not runs or info.run in runs]


# ---------------------------------------------------------------- what became of each run


class State(StrEnum):
    """What became of a run."""

    WRITTEN = "written"
    REFUSED = "written, but for what was refused"
    COMPLETE = "already complete"
    BUSY = "being written by a live writer"
    UNFINISHED = "unfinished"
    FAILED = "failed"
    LEFT = "not written"


_WRITTEN = frozenset({State.WRITTEN, State.REFUSED, State.COMPLETE})
_STYLES = {State.FAILED: "red", State.LEFT: "red"}
_STYLES |= dict.fromkeys((State.UNFINISHED, State.BUSY, State.REFUSED), "yellow")


@dataclass(slots=True)
class _Outcome:
    info: "JournalInfo"
    state: State = State.LEFT
    reason: str = ""
    warning: str = ""
    notes: tuple[str, ...] = ()
    """What the run's node says of how it was stored."""

    @property
    def is_fine(self) -> bool:
        """Whether all was done for it that can be done now."""
        return self.state not in (State.FAILED, State.LEFT)

    def become(self, state: State, reason: str = "") -> None:
        self.state = state
        self.reason = reason

    def keep(self, report: "RunReport") -> None:
        self.notes = report.notes

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.info.run,
            "plan_name": self.info.plan_name,
            "started": self.info.started,
            "documents": self.info.documents,
            "outcome": self.state,
            "reason": self.reason,
            "warning": self.warning,
            "notes": self.notes,
        }


# ---------------------------------------------------------------- with what, and where to


class _Mappings:
    """Knows the mapping that a run was begun with, or the one that the user gives for it.

    Parameters
    ----------
    given
        The user's.
    takes_all
        Whether that is for runs of a mapping of another name as well.
    """

    def __init__(self, given: "LoadedMapping | None", *, takes_all: bool) -> None:
        self._given = given
        self._takes_all = takes_all

    def of(self, outcome: _Outcome) -> "LoadedMapping | None":
        """Return the mapping for a run; None if there is none."""
        header, given = outcome.info.header, self._given
        if given is None or not (self._takes_all or given.name == header.get("mapping")):
            return _shipped(str(header.get("mapping")), str(header.get("sha256")))
        if given.sha256 != header.get("sha256"):
            now = mapping_of(
                {"mapping": given.name, "version": given.version, "sha256": given.sha256}
            )
            outcome.warning = (
                f"begun with {mapping_of(header)}, written with {now}: the layout may differ"
            )
        return given


@cache
def _shipped(name: str, sha256: str) -> "LoadedMapping | None":
    from tiledmap import api
    from tiledmap.resources import shipped_mappings

    if name not in shipped_mappings():
        return None
    loaded = api.load(name)
    return loaded if loaded.sha256 == sha256 else None


class _Patience:
    """Waits for a server that is away, for as long as the user does."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = inf if seconds is None else seconds
        self._since: float | None = None

    def check(self) -> None:
        """Go on: what ends a wait here is an interrupt."""

    def wait(self, error: "SinkError") -> None:
        """Wait before the next try of an op."""
        self.wait_for(error.reason, max(error.pause, _PAUSE))

    def wait_for(self, reason: str, pause: float = _PAUSE) -> None:
        """Wait before the next try, or raise `DeliveryHaltedError` if it has been long enough."""
        from tiledmap.runtime.errors import DeliveryHaltedError

        now = time.monotonic()
        if self._since is None:
            self._since = now
            print(f"waiting for the server: {reason} (Ctrl-C ends it)", file=sys.stderr)
        elif now - self._since >= self._seconds:
            raise DeliveryHaltedError(reason)
        time.sleep(pause)

    def over(self) -> None:
        """Take note that the server is back."""
        if self._since is not None:
            print("the server is back", file=sys.stderr)
        self._since = None


class _Destinations:
    """The catalogs that runs go to, each opened once.

    Attributes
    ----------
    is_given
        Whether the user names the one that all runs go to.
    """

    def __init__(
        self, to: str | None, api_key_env: str | None, patience: _Patience, stack: ExitStack
    ) -> None:
        self.patience = patience
        self.is_given = to is not None
        self._to = to
        self._api_key_env = api_key_env
        self._stack = stack
        self._open: dict[str, Sink] = {}

    def of(self, info: "JournalInfo") -> "Sink":
        """Open the catalog for a run.

        Raises
        ------
        Mistake
            If it is not known, or cannot be used.
        """
        to = self._to
        if to is None:
            to = str(info.header.get("server") or "")
            if not to.startswith(("http://", "https://")):
                raise Mistake("where it was begun has no address: say where to with --to")
            if distrust := _distrust(info.path):
                raise Mistake(f"{distrust}, so its word for {as_shown(to)} is not taken: give --to")
        if to not in self._open:
            self._open[to] = self._connect(to)
        return self._open[to]

    def _connect(self, to: str) -> "Sink":
        from tiledmap.sinks.tiled import TiledSink

        while True:
            try:
                # A catalog that is made by mistake would take runs out of the spool.
                opened = open_destination(to, self._api_key_env, create=False)
                client = self._stack.enter_context(opened)
            except Mistake as mistake:
                if not getattr(mistake.__cause__, "transient", False):
                    raise
                self.patience.wait_for(mistake.message)
            else:
                self.patience.over()
                return TiledSink(client, patience=_TRIES)


def _distrust(path: Path) -> str:
    """Why a journal may be another user's word; "" if it cannot be."""
    for place in (path.parent, path):
        found = place.stat()
        if found.st_uid != os.getuid():
            return f"{place} is another user's"
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"others may write to {place}"
    return ""


# ---------------------------------------------------------------- writing


class _Replay:
    """Writes runs one after the other, each from its journal, as the live writer does."""

    def __init__(
        self,
        directory: Path,
        mappings: _Mappings,
        destinations: _Destinations,
        closes_unfinished: bool,
        advance: Callable[["JournalInfo", int], None],
    ) -> None:
        self._directory = directory
        self._mappings = mappings
        self._destinations = destinations
        self._closes_unfinished = closes_unfinished
        self._advance = advance

    def write(self, outcomes: dict[Path, _Outcome]) -> None:
        """Write the runs that no one else is writing."""
        from tiledmap.runtime.errors import DeliveryHaltedError
        from tiledmap.runtime.journal import Spool, SpoolError

        try:
            spool = Spool(self._directory)
        except SpoolError as error:
            raise Mistake(str(error)) from error
        try:
            for journal in spool.leftovers(damaged=True):
                outcome = outcomes.get(journal.path)
                try:
                    if outcome is not None:
                        self._write_run(journal, outcome)
                finally:
                    journal.close()
        except DeliveryHaltedError as halt:
            for outcome in outcomes.values():
                if outcome.state is State.LEFT:
                    outcome.reason = outcome.reason or str(halt)
        finally:
            spool.close()
        for path, outcome in outcomes.items():
            if outcome.state is State.LEFT and not outcome.reason:
                outcome.become(State.BUSY if path.exists() else State.COMPLETE)

    def _write_run(self, journal: "RunJournal", outcome: _Outcome) -> None:
        from tiledmap.runtime.courier import Courier
        from tiledmap.runtime.run_writer import Writing, shipped_fallback

        mapping = self._mappings.of(outcome)
        if mapping is None:
            begun = mapping_of(outcome.info.header)
            command = replay_command(self._directory, "--mapping MAPPING")
            outcome.reason = (
                f"it was begun with {begun}: give that, with its settings and overlays: {command}"
            )
            return
        try:
            sink = self._destinations.of(outcome.info)
        except Mistake as mistake:
            if self._destinations.is_given:
                raise
            outcome.reason = mistake.message
            return
        errors: list[WriteError] = []
        layout = mapping.layout
        writing = Writing(
            layout=layout,
            fallback=shipped_fallback(),
            sink=sink,
            report=errors.append,
            patience=self._destinations.patience,
            reported=outcome.keep,
        )
        closes = self._closes_unfinished or layout.run.unfinished == "close"
        courier = Courier(
            writing,
            None,
            at_once=False,
            closes_unfinished=closes and not journal.problem,  # of which more may have come
        )
        courier.adopt(journal)
        try:
            while courier.deliver():
                self._advance(outcome.info, courier.written)
            courier.end()
        finally:
            courier.let_go_of_all()
        outcome.become(*_what_became(courier, errors, journal))


def _what_became(
    courier: "Courier", errors: "Sequence[WriteError]", journal: "RunJournal"
) -> tuple[State, str]:
    """What became of a run, and why."""
    from tiledmap.runtime.errors import BusyRunError, FailedWriteError, RefusedRunError

    if courier.runs_written:
        return State.REFUSED if journal.path.exists() else State.WRITTEN, ""  # it is set aside
    for error in errors:
        if isinstance(error.__cause__, BusyRunError):
            return State.BUSY, error.reason
    for failed in courier.failures:
        return State.FAILED, failed.reason
    for error in errors:
        if isinstance(error, FailedWriteError | RefusedRunError):
            return State.FAILED, str(error)
    if journal.problem:
        return (
            State.FAILED,
            f"its journal is damaged and was read as far as it goes: {journal.problem}",
        )
    return State.UNFINISHED, ""


# ---------------------------------------------------------------- what is shown


@contextmanager
def _progress(outcomes: Sequence[_Outcome]) -> "Iterator[Callable[[JournalInfo, int], None]]":
    """Show how far it is, on a terminal; yield what to call with a run and its documents so far."""
    if not sys.stderr.isatty():
        yield lambda info, documents: None
        return

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("documents"),
        console=console(sys.stderr),
        transient=True,
    ) as progress:
        written: dict[Path, int] = {}
        total = sum(outcome.info.documents for outcome in outcomes if not outcome.info.locked)
        of_all = progress.add_task("all", total=total)
        of_run = progress.add_task("", total=None)

        def advance(info: "JournalInfo", documents: int) -> None:
            written[info.path] = min(documents, info.documents)
            progress.update(of_all, completed=sum(written.values()))
            progress.update(
                of_run,
                description=info.run,
                total=info.documents,
                completed=written[info.path],
            )

        yield advance


def _print(
    directory: Path,
    outcomes: Sequence[_Outcome],
    others: Iterable["JournalInfo"],
    format: TreeFormat,
) -> None:
    if format is TreeFormat.JSON:
        answer = {
            "spool": os.fspath(directory),
            "runs": [outcome.as_json() for outcome in outcomes],
            "other_files": [{"file": info.path.name, "problem": info.problem} for info in others],
        }
        typer.echo(json.dumps(answer, indent=2))
        return
    out = console(sys.stdout)
    if outcomes:
        runs = table("run", "plan", "started", "documents", "outcome", right=["documents"])
        for outcome in outcomes:
            info = outcome.info
            runs.add_row(
                plain(info.run),
                plain(info.plan_name),
                moment(info.started),
                f"{info.documents:,}",
                plain(outcome.state, _STYLES.get(outcome.state, "green")),
            )
        out.print(runs)
    for line in _remarks(outcomes, others):
        out.print()
        out.print(plain(line), soft_wrap=True)
    written = sum(outcome.state in _WRITTEN for outcome in outcomes)
    left = sum(outcome.info.path.exists() for outcome in outcomes)
    if outcomes:
        out.print()
        said = f"{written} of {len(outcomes)} runs written, {left} left in {directory}"
    else:
        said = f"no run is left in {directory}"
    out.print(plain(said), soft_wrap=True)


def _remarks(outcomes: Sequence[_Outcome], others: Iterable["JournalInfo"]) -> Iterator[str]:
    """Say why, what many runs have in common once."""
    alike: dict[str, list[str]] = {}
    for outcome in outcomes:
        notes = outcome.notes if outcome.is_fine else ()  # a failure is what is noted, mostly
        said = (outcome.reason, outcome.warning, *(f"note: {note}" for note in notes))
        for words in filter(None, said):
            alike.setdefault(words, []).append(outcome.info.run)
    for words, runs in alike.items():
        more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
        yield f"{runs[0]}{more}: {words}"
    for info in others:
        yield f"{info.path.name} is left alone: {info.problem}"
