"""From ops to a sink: what happens when a write fails.

A node that could not be written is left alone from then on, and all that is below it; every other
node and run goes on. This is where a queue or a journal would stand between documents and a server.
"""

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from tiledmap.runtime.errors import FailedWriteError, SinkError, UnfitColumnsError
from tiledmap.runtime.ops import CloseRun, CreateNode, CreateTable, Op, Path, ValidateFiles


class Sink(Protocol):
    """Whatever performs ops.

    One that has a method ``validate_files(op)`` is asked whether files are what nodes say.
    """

    def perform(self, op: Op) -> None:
        """Perform one op, or raise."""


_Validate = Callable[[ValidateFiles], tuple[bool, list[str]] | None]


class Delivery:
    """Hands the ops of one run to a sink.

    Parameters
    ----------
    sink
        Performs the ops.
    failed
        Told of each op that could not be performed.
    """

    def __init__(self, sink: Sink, failed: Callable[[FailedWriteError], None]) -> None:
        self._perform = sink.perform
        self._validate: _Validate | None = getattr(sink, "validate_files", None)
        self._report = failed
        self._lost: dict[Path, str] = {}
        self._missing: set[Path] = set()
        self._skipped: Counter[Path] = Counter()

    def send(self, op: Op) -> None:
        """Perform `op`, unless its node or one above it has failed before."""
        lost = self._lost_above(op)
        if lost is not None:
            self._skipped[lost] += 1
            return
        try:
            self._perform(op)
        except Exception as error:  # a sink may raise anything, and a run must not end of it
            self._fail(op, error)

    def create_table(self, op: CreateTable) -> UnfitColumnsError | None:
        """Perform `op` as `send` does, but give back an error that other columns would mend."""
        if self._lost_above(op) is None:
            try:
                self._perform(op)
            except UnfitColumnsError as error:
                return error
            except Exception as error:  # as above
                self._fail(op, error)
        return None

    def validate_files(self, op: ValidateFiles) -> tuple[bool, list[str]] | None:
        """Let the sink look at a run's files, where it can."""
        if self._lost_above(op) is None and self._validate is not None:
            try:
                return self._validate(op)
            except Exception as error:  # as above
                return False, [str(error)]
        return None

    def _fail(self, op: Op, error: Exception) -> None:
        words = str(error) or type(error).__name__
        if isinstance(error, SinkError):
            words = f"{error.reason} ({error.hint})" if error.hint else error.reason
        self._lost[op.path] = words
        if isinstance(op, CreateNode):
            self._missing.add(op.path)
        reason = f"{type(op).__name__}: {words}"
        where = "/".join(op.path)
        failure = FailedWriteError(reason, run=op.run, document=where, at=op.at)
        failure.__cause__ = error
        self._report(failure)

    def losses(self) -> list[str]:
        """What was not written, in words."""
        return [
            f"{'/'.join(path)} is not complete: {reason}"
            + (f"; {count} more writes were left out" if (count := self._skipped[path]) else "")
            for path, reason in self._lost.items()
        ]

    def _lost_above(self, op: Op) -> Path | None:
        if not self._lost:
            return None
        depths = range(1, len(op.path) + 1)
        paths = (op.path[:depth] for depth in depths)
        # A patch that failed does not keep the run from being closed; a missing node does.
        lost = self._missing if isinstance(op, CloseRun) else self._lost
        return next((path for path in paths if path in lost), None)
