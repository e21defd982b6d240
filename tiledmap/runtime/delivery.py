"""From ops to a sink: what happens when a write fails.

A node that could not be written is left alone from then on, and all that is below it; every other
node and run goes on. This is where a queue or a journal would stand between documents and a server.
"""

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from tiledmap.runtime.errors import FailedWriteError, SinkError
from tiledmap.runtime.ops import CloseRun, Op, Path


class Sink(Protocol):
    """Whatever performs ops."""

    def perform(self, op: Op) -> None:
        """Perform one op, or raise."""


class Delivery:
    """Hands the ops of one run to a sink.

    Parameters
    ----------
    perform
        The sink's method.
    failed
        Told of each op that could not be performed.
    """

    def __init__(
        self, perform: Callable[[Op], None], failed: Callable[[FailedWriteError], None]
    ) -> None:
        self._perform = perform
        self._report = failed
        self._lost: dict[Path, str] = {}
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
            words = error.reason if isinstance(error, SinkError) else str(error)
            self._lost[op.path] = words
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
        # A patch that failed does not keep the run from being closed; a missing node does.
        depths = range(1, len(op.path) + 1)
        paths = (op.path[:depth] for depth in depths)
        return next((path for path in paths if path in self._lost and not _closes(op, path)), None)


def _closes(op: Op, path: Path) -> bool:
    return isinstance(op, CloseRun) and op.path == path
