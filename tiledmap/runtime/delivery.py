"""From a run's ops to a sink: what happens when a write fails.

Where waiting can mend it, the op is tried again as long as the writer's patience lasts. Otherwise
its node is left alone from then on, and all that is below it; every other node goes on.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from tiledmap.runtime.errors import (
    BusyRunError,
    DoubledRowsError,
    FailedWriteError,
    SinkError,
    UnfitColumnsError,
    incomplete,
)
from tiledmap.runtime.ops import CloseRun, CreateNode, CreateTable, Op, Path, ValidateFiles

T = TypeVar("T")
AnyOp = TypeVar("AnyOp", bound=Op)


class Sink(Protocol):
    """Whatever performs ops.

    A sink may have more methods: ``validate_files(op)`` says whether files are what nodes say,
    ``claim(run, id)`` tells who writes a run, ``release(run)`` that nobody does for now, and
    ``discard(op)`` removes a node that is to be written anew.
    """

    def perform(self, op: Op) -> None:
        """Perform one op, or raise."""


class Patience(Protocol):
    """Waits for a server that is away or busy."""

    def check(self) -> None:
        """Raise `DeliveryHaltedError` if nothing is to be tried any more."""

    def wait(self, error: SinkError) -> None:
        """Wait before the next try, or raise `DeliveryHaltedError` if there is to be none."""

    def over(self) -> None:
        """Take note that an op needs no more tries."""


class Delivery:
    """Hands the ops of one run to a sink.

    Parameters
    ----------
    sink
        Performs the ops.
    failed
        Told of each op that could not be performed.
    patience
        Waits where that may help; None to take an op's first failure as its last.

    Attributes
    ----------
    is_busy
        Whether another writer is writing the run.
    doubled
        The op that met a table with more rows than the run has; None if none did.
    """

    def __init__(
        self,
        sink: Sink,
        failed: Callable[[FailedWriteError], None],
        patience: Patience | None = None,
    ) -> None:
        self.is_busy = False
        self.doubled: Op | None = None
        self._sink = sink
        self._report = failed
        self._patience = patience
        self._lost: dict[Path, str] = {}
        self._missing: set[Path] = set()
        self._unclosed: CloseRun | None = None
        self._skipped: Counter[Path] = Counter()
        self._run = ""

    def send(self, op: Op) -> None:
        """Perform `op`, unless its node or one above it has failed before."""
        lost = self._lost_above(op)
        if lost is not None:
            self._skipped[lost] += 1
            return
        try:
            self._try(self._sink.perform, op)
        except Exception as error:  # a sink may raise anything, and a run must not end of it
            self._fail(op, error)

    def create_table(self, op: CreateTable) -> UnfitColumnsError | None:
        """Perform `op` as `send` does, but give back an error that other columns would mend."""
        if self._lost_above(op) is None:
            try:
                self._try(self._sink.perform, op)
            except UnfitColumnsError as error:
                return error
            except Exception as error:  # as above
                self._fail(op, error)
        return None

    def validate_files(self, op: ValidateFiles) -> tuple[bool, list[str]] | None:
        """Let the sink look at a run's files, where it can."""
        validate = getattr(self._sink, "validate_files", None)
        if self._lost_above(op) is None and validate is not None:
            try:
                found: tuple[bool, list[str]] | None = self._try(validate, op)
                return found
            except Exception as error:  # as above
                return False, [str(error)]
        return None

    def release(self) -> None:
        """Let another writer go on with the run."""
        release = getattr(self._sink, "release", None)
        if release is not None and self._run and not self.is_busy:
            release(self._run)

    def discard_doubled(self) -> None:
        """Delete the node with too many rows, so that the run can be written once more.

        Raises
        ------
        Exception
            Whatever the sink raises.
        """
        assert self.doubled is not None
        self._try(self._sink.discard, self.doubled)  # type: ignore[attr-defined]

    def close_nevertheless(self) -> None:
        """Close a run whose doubled rows stay, and say so in its notes."""
        if (op := self._unclosed) is not None:
            notes = [*op.patch.get("notes", ()), *self.losses()]
            self.send(replace(op, patch={**op.patch, "notes": notes}))

    def losses(self) -> list[str]:
        """What was not written, in words."""
        return [
            incomplete(path, reason)
            + (f"; {count} more writes were left out" if (count := self._skipped[path]) else "")
            for path, reason in self._lost.items()
        ]

    def _try(self, act: Callable[[AnyOp], T], op: AnyOp) -> T:
        """Perform an op, again and again where that may help."""
        self._run = op.run
        patience = self._patience
        if patience is None:
            return act(op)
        while True:
            patience.check()
            try:
                result = act(op)
            except Exception as error:
                if isinstance(error, SinkError) and error.transient:
                    patience.wait(error)
                    continue
                patience.over()
                raise
            patience.over()
            return result

    def _fail(self, op: Op, error: Exception) -> None:
        words = str(error) or type(error).__name__
        if isinstance(error, SinkError):
            words = error.explained
        self._lost[op.path] = words
        if isinstance(op, CreateNode):
            self._missing.add(op.path)
        self.is_busy |= isinstance(error, BusyRunError)
        if isinstance(error, DoubledRowsError):
            self.doubled = error.op
            self._unclosed = op if isinstance(op, CloseRun) else None
        reason = f"{type(op).__name__}: {words}"
        where = "/".join(op.path)
        failure = FailedWriteError(reason, run=op.run, document=where, at=op.at)
        failure.__cause__ = error
        self._report(failure)

    def _lost_above(self, op: Op) -> Path | None:
        if not self._lost:
            return None
        depths = range(1, len(op.path) + 1)
        paths = (op.path[:depth] for depth in depths)
        # A patch that failed does not keep the run from being closed; a missing node does.
        lost = self._missing if isinstance(op, CloseRun) else self._lost
        return next((path for path in paths if path in lost), None)
