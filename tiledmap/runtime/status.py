"""What a writer is doing, for whoever looks after it."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from types import UnionType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run that has ended and is not stored whole.

    Parameters
    ----------
    run
        Its uid.
    reason
        Why.
    kept
        Whether all of its documents are in the spool, from where it can be written again.
    """

    run: str
    reason: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Status:
    """What a writer is doing. Times are in seconds since the epoch, sizes in bytes.

    Parameters
    ----------
    delivery
        ``background`` | ``inline``.
    state
        ``idle`` | ``writing`` | ``waiting for the server`` | ``closed``.
    mapping, server
        What writes, name and version, and where to; without credentials. No server for a catalog
        in this process.
    host, pid
        The process that writes.
    began, time
        When the writer was made, and when this was said.
    accepted, written
        Documents that were taken from the RunEngine, and those that were given to Tiled or wait in
        a batch for it. A document that belongs to two runs counts twice; one that is written again
        counts once.
    rate
        Documents written per second, over the last ten seconds.
    queue_bytes
        Size of the documents that are accepted and not written.
    queue_limit
        How large that may become before the caller is made to wait; None if never.
    blocked_seconds
        How long callers were made to wait, in all.
    runs_open
        Runs that have begun and not ended, by uid.
    runs_written
        How many have ended and are stored whole.
    runs_failed
        How many have ended and are not.
    failures
        The last hundred of those.
    spool
        The directory that keeps documents, "" without one.
    spool_bytes
        Size of the journals of this writer's runs.
    waiting_for, waiting_since
        What the server is waited for, in words, and since when; "" and None if it is not.
    last_error, last_error_time
        What went wrong last, and when.
    """

    delivery: str
    state: str
    mapping: str = ""
    server: str = ""
    host: str = ""
    pid: int = 0
    began: float = 0.0
    time: float = 0.0
    accepted: int = 0
    written: int = 0
    rate: float = 0.0
    queue_bytes: int = 0
    queue_limit: int | None = None
    blocked_seconds: float = 0.0
    runs_open: tuple[str, ...] = ()
    runs_written: int = 0
    runs_failed: int = 0
    failures: tuple[FailedRun, ...] = ()
    spool: str = ""
    spool_bytes: int = 0
    waiting_for: str = ""
    waiting_since: float | None = None
    last_error: str = ""
    last_error_time: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The same as JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, published: Mapping[str, Any]) -> Self:
        """Read what `as_json` gave, perhaps in another version; what does not fit is left out.

        Raises
        ------
        TypeError
            If it is nothing of the kind.
        """
        known: dict[str, Any] = {
            field.name: value
            for field in fields(cls)
            if isinstance(field.type, type | UnionType)
            and isinstance(value := published.get(field.name), field.type)
        }
        return cls(
            **{"delivery": "", "state": "unknown", **known},
            runs_open=tuple(map(str, published.get("runs_open", ()))),
            failures=tuple(FailedRun(**failed) for failed in published.get("failures", ())),
        )

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        to = f" to {self.server}" if self.server else ""
        yield f"{self.mapping}{to}: {self.state}"
        if self.waiting_since is not None:
            yield f"  since {_clock(self.waiting_since)}: {self.waiting_for}"
        limit = "" if self.queue_limit is None else f" of {self.queue_limit:,}"
        yield (
            f"  documents: {self.accepted:,} accepted, {self.written:,} written "
            f"({self.rate:,.0f}/s), {self.queue_bytes:,}{limit} bytes in the queue"
        )
        yield (
            f"  runs: {len(self.runs_open):,} open, {self.runs_written:,} written, "
            f"{self.runs_failed:,} failed"
        )
        if self.blocked_seconds:
            yield f"  callers were made to wait for {self.blocked_seconds:,.1f} s"
        if self.spool:
            yield f"  spool: {self.spool_bytes:,} bytes in {self.spool}"
        for failed in self.failures:
            lost = "" if failed.kept else " (and its documents are not in the spool)"
            yield f"  run {failed.run} failed{lost}: {failed.reason}"
        if self.last_error_time is not None:
            yield f"  last error, {_clock(self.last_error_time)}: {self.last_error}"


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
