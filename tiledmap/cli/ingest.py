"""``tiledmap ingest``: recorded runs, written to Tiled."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tiledmap.cli import recordings
from tiledmap.cli.destination import as_shown, open_destination
from tiledmap.cli.loading import load
from tiledmap.cli.mistakes import PROBLEMS_FOUND, Mistake
from tiledmap.cli.options import (
    ApiKeyOption,
    DocumentsOption,
    MappingArgument,
    MoreDocuments,
    OverlayOption,
    SetOption,
    TreeFormat,
    find_files,
)
from tiledmap.cli.terminal import console, silent_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from tiledmap.api import LoadedMapping
    from tiledmap.runtime import Writer
    from tiledmap.runtime.report import RepairRule, RunReport


class CheckFiles(StrEnum):
    """Whether files are compared with what documents declare."""

    OFF = "off"
    WARN = "warn"
    FIX = "fix"
    ERROR = "error"


def ingest(
    mapping: MappingArgument,
    documents: DocumentsOption,
    more: MoreDocuments = None,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="URI|DIR",
            help="A Tiled server's address, or a directory with a catalog of its own.",
        ),
    ] = "tiled-data",
    api_key_env: ApiKeyOption = None,
    check_files: Annotated[
        CheckFiles,
        typer.Option(
            "--check-files",
            help="Compare files with what documents declare, at each run's end: "
            "note differences, mend the node, or fail.",
        ),
    ] = CheckFiles.OFF,
    file_roots: Annotated[
        list[Path] | None,
        typer.Option(
            "--file-root",
            metavar="DIR",
            help="Files below it may be opened for that, beside where the mapping's roots lead.",
        ),
    ] = None,
    settings: SetOption = None,
    overlays: OverlayOption = None,
    format: Annotated[
        TreeFormat, typer.Option("--format", help="For people or for programs.")
    ] = TreeFormat.TEXT,
) -> None:
    """Write recorded runs to Tiled. Writing a run again changes nothing.

    A run that fails leaves the others unharmed; exits with 1 if any did.
    """
    files = find_files([*documents, *(more or ())])
    for root in file_roots or ():
        if not root.is_dir():
            raise Mistake(f"there is no directory '{root}' for --file-root")
    loaded = load(mapping, settings, overlays)
    with (
        silent_log("tiledmap"),  # each failure is an exception here, shown once, with its run
        open_destination(to, api_key_env) as client,
        _progress(files) as advance,
    ):
        looking = {"check_files": check_files.value, "file_roots": file_roots or ()}
        ingestion = _Ingestion(loaded, client, looking)
        try:
            for path in files:
                ingestion.read(path, advance)
        finally:
            ingestion.end()
    if format is TreeFormat.JSON:
        typer.echo(json.dumps(ingestion.as_json(), indent=2))
    else:
        _print_summary(ingestion, as_shown(to))
    if not ingestion.fine:
        raise typer.Exit(PROBLEMS_FOUND)


@dataclass(slots=True)
class _Outcome:
    """What became of a run."""

    run: str
    plan: str = ""
    documents: int = 0
    closed: bool = False
    failure: str = ""
    notes: tuple[str, ...] = ()
    """What the run's node says of how it was stored."""

    @property
    def fine(self) -> bool:
        return self.closed and not self.failure

    @property
    def words(self) -> str:
        if self.failure:
            return "failed"
        return "written" if self.closed else "has no stop document"

    @contextmanager
    def noting_failure(self) -> Iterator[None]:
        """Keep the first failure: later ones mostly follow from it. The writer goes on."""
        try:
            yield
        except Exception as error:  # whatever it is, it is this run's alone
            self.failure = self.failure or str(error) or type(error).__name__

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "plan_name": self.plan,
            "documents": self.documents,
            "outcome": self.words,
            "failure": self.failure,
            "notes": self.notes,
        }


class _Ingestion:
    """Writes each run by a writer of its own, so that one that fails harms no other."""

    def __init__(self, mapping: "LoadedMapping", client: Any, options: Mapping[str, Any]) -> None:
        self._mapping = mapping
        self._client = client
        self._options = options
        self._runs = recordings.Runs()
        self._outcomes: dict[str, _Outcome] = {}
        self._writers: dict[str, Writer] = {}
        self._reports: list[RunReport] = []
        self._unreadable: list[str] = []
        self._strays: Counter[str] = Counter()

    @property
    def outcomes(self) -> list[_Outcome]:
        return list(self._outcomes.values())

    @property
    def unreadable(self) -> list[str]:
        """What could not be read: the end of a recording, documents of which no run is known."""
        strays = [f"{count} x {name}" for name, count in self._strays.items()]
        if not strays:
            return self._unreadable
        return [*self._unreadable, f"documents of no run that is known: {', '.join(strays)}"]

    def repairs(self) -> dict["RepairRule", int]:
        """How often each repair was applied, in all runs; those that never were come last."""
        counts: Counter[RepairRule] = Counter()
        for report in self._reports:
            counts.update(report.applied)
        for report in self._reports:
            counts.update(dict.fromkeys((*report.unused, *report.expired), 0))
        return dict(counts)

    def is_own(self, rule: "RepairRule") -> bool:
        """Whether a rule stands in the mapping itself, and not in one that it extends."""
        from tiledmap.plan.steps import place

        span = self._mapping.resolved.at()
        return rule.at.rpartition(":")[0] == place(span).rpartition(":")[0]

    @property
    def fine(self) -> bool:
        return not self.unreadable and all(outcome.fine for outcome in self.outcomes)

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": [outcome.as_json() for outcome in self.outcomes],
            "unreadable": self.unreadable,
            "repairs": [
                {"section": rule.section, "name": rule.name, "at": rule.at, "applied": count}
                for rule, count in self.repairs().items()
            ],
        }

    def read(self, path: Path, advance: "Callable[[], None]") -> None:
        """Write the documents of a recording, as far as it can be read."""
        try:
            for name, document in recordings.read(path):
                self.take(name, document)
                advance()
        except Mistake as mistake:
            self._unreadable.append(mistake.message)

    def take(self, name: str, document: dict[str, Any]) -> None:
        """Write a document."""
        run = self._runs.run_of(name, document)
        if run is None:
            self._strays[name] += 1
            return
        outcome = self._outcomes.setdefault(run, _Outcome(run))
        outcome.documents += 1
        if name == "start":
            outcome.plan = str(document.get("plan_name") or "")
        with outcome.noting_failure():
            self._write(run, name, document)
        if name == "stop":
            outcome.closed = True
            self._close(run)

    def end(self) -> None:
        """Write what is left of the runs that have no stop document."""
        for run in list(self._writers):
            self._close(run)

    def _keep(self, report: "RunReport") -> None:
        self._reports.append(report)
        self._outcomes[report.run].notes = report.notes

    def _write(self, run: str, name: str, document: dict[str, Any]) -> None:
        if run not in self._writers:
            self._writers[run] = self._mapping.writer(
                self._client,
                delivery="inline",
                on_error="raise",
                reported=self._keep,
                **self._options,
            )
        self._writers[run](name, document)

    def _close(self, run: str) -> None:
        writer = self._writers.pop(run, None)
        if writer is not None:
            with self._outcomes[run].noting_failure():
                writer.close()


@contextmanager
def _progress(files: Sequence[Path]) -> Iterator["Callable[[], None]"]:
    """Show how far it is, on a terminal; yield what to call after each document."""
    if not sys.stderr.isatty():
        yield lambda: None
        return

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    with Progress(
        BarColumn(),
        MofNCompleteColumn(),
        _rate_column(),
        TimeRemainingColumn(),
        console=console(sys.stderr),
        transient=True,
    ) as progress:
        task = progress.add_task("", total=None)
        if all(path.is_file() for path in files):  # a pipe can be read only once
            # Reading is quick beside writing, so a first pass is worth a true remaining time.
            progress.update(task, total=sum(map(_count, files)))
            progress.reset(task)
        yield lambda: progress.advance(task)


def _count(path: Path) -> int:
    """Count the documents of a recording, as far as it can be read."""
    count = 0
    with suppress(Mistake):
        for _ in recordings.read(path):
            count += 1
    return count


def _rate_column() -> Any:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.finished_speed or task.speed or 0:,.0f} documents/s")

    return Rate()


def _print_summary(ingestion: _Ingestion, to: str) -> None:
    from rich.table import Table

    outcomes = ingestion.outcomes
    table = Table(box=None, pad_edge=False)
    table.add_column("run", no_wrap=True)
    table.add_column("plan")
    table.add_column("documents", justify="right")
    table.add_column("outcome")
    for outcome in outcomes:
        style = "green" if outcome.fine else "red"
        table.add_row(
            outcome.run, outcome.plan, f"{outcome.documents:,}", f"[{style}]{outcome.words}[/]"
        )
    failures = [f"{outcome.run}: {outcome.failure}" for outcome in outcomes if outcome.failure]
    written = sum(outcome.fine for outcome in outcomes)
    out = console(sys.stdout)
    out.print(table)
    for failure in [*failures, *ingestion.unreadable]:
        out.print(f"\n{failure}", markup=False, soft_wrap=True)
    for outcome in outcomes:
        for note in outcome.notes if outcome.fine else ():  # a failure is what is noted, mostly
            out.print(f"\n{outcome.run}: note: {note}", markup=False, soft_wrap=True)
    for line in _about_repairs(ingestion):
        out.print(f"\n{line}", markup=False, soft_wrap=True)
    out.print(f"\n{written} of {len(outcomes)} runs written to {to}", markup=False, soft_wrap=True)


def _about_repairs(ingestion: _Ingestion) -> Iterator[str]:
    """Say which repairs were applied, and which of the mapping's own were of no use."""
    counts = ingestion.repairs()
    if applied := [f"{rule} ({count:,})" for rule, count in counts.items() if count]:
        yield f"repairs applied: {', '.join(applied)}"
    idle = [rule for rule, count in counts.items() if not count and ingestion.is_own(rule)]
    if idle:
        yield f"repairs that met nothing: {', '.join(f'{rule} ({rule.at})' for rule in idle)}"
