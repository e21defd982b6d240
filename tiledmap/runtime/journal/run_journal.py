"""One run's documents in a file, in the order in which they came."""

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Literal

from tiledmap.runtime.journal.codec import name_of
from tiledmap.runtime.journal.directory import SUFFIX, SpoolError, leave_to_parent
from tiledmap.runtime.journal.records import Header, Kind, Records, record_head

logger = logging.getLogger("tiledmap")

Fsync = Literal["record", "stop"] | float

REFUSED = "refused"
"""Where journals are of runs that are stored but for documents that were refused."""

_LANDMARKS = frozenset({"start", "descriptor", "resource", "stream_resource", "stop"})
_LONGEST_REMARK = 10_000


class RunJournal:
    """The file of one run, which is locked until this is closed.

    One thread may append while another one reads.

    Attributes
    ----------
    run
        The run's uid.
    id
        Random, and kept in the file: proves to a sink who wrote the run.
    path
        The file.
    size
        Bytes of the file that are whole records.
    problem
        What of the file cannot be read, in words; "" if all of it can. Nothing is appended to a
        file that is damaged.
    """

    def __init__(self, path: Path, fd: int, header: Header, size: int, fsync: Fsync) -> None:
        self.run = header.run
        self.id = header.id
        self.path = path
        self.size = size
        self.problem = ""
        self.is_unsynced = False
        self._fd = fd
        self._first = header.end
        self._fsync = fsync
        self._is_torn = False
        self._lock = Lock()
        leave_to_parent(self)

    def append(self, payload: bytes) -> None:
        """Add a document.

        Raises
        ------
        OSError
            If the disk does not take all of it. The file is then as it was before.
        """
        is_safe = self._fsync == "record" or (self._fsync == "stop" and name_of(payload) == "stop")
        self._write(Kind.DOCUMENT, payload, is_safe)

    def remark(self, text: str) -> None:
        """Say why the run is still here. The newest remark counts.

        Raises
        ------
        OSError
            As `append` does.
        """
        payload = text[:_LONGEST_REMARK].encode("utf-8", "replace")
        self._write(Kind.REMARK, payload, self._fsync == "record")

    def read(self, offset: int, limit: int = 1 << 20) -> tuple[list[bytes], int]:
        """Documents from `offset` on, and the offset behind them.

        Parameters
        ----------
        offset
            0, or what this gave before.
        limit
            How many bytes, about; one document at least, if there is one.
        """
        payloads: list[bytes] = []
        taken = 0
        records = Records(self._opened(), offset or self._first, self.size)
        for record in records:
            if record.kind == Kind.DOCUMENT:
                payloads.append(record.payload)
                taken += record.length
                if taken >= limit:
                    break
        if records.problem:
            self.note_damage(records)
        return payloads, records.end

    def landmarks(self) -> Iterator[bytes]:
        """The documents that say which others belong to the run, and its end."""
        for record in Records(self._opened(), self._first, self.size):
            if record.kind == Kind.DOCUMENT and name_of(record.payload) in _LANDMARKS:
                yield record.payload

    def sync(self) -> None:
        """Make what was appended safe against a loss of power.

        Raises
        ------
        OSError
            If the disk cannot promise that.
        """
        with self._lock:
            fd = os.dup(self._opened())
            self.is_unsynced = False
        try:
            os.fsync(fd)  # without the lock: a disk may take seconds, and nobody appends meanwhile
        except BaseException:
            self.is_unsynced = True
            raise
        finally:
            os.close(fd)

    def remove(self) -> None:
        """Remove the file: the run is stored."""
        self._opened()
        with suppress(FileNotFoundError):
            self.path.unlink()
        self._release()

    def set_aside(self) -> Path:
        """Move the file out of everybody's way; it is kept.

        Returns
        -------
        Path
            Where it is from now on: in the directory `REFUSED` of its own.

        Raises
        ------
        OSError
            If it cannot be moved. It is where it was then.
        """
        if self.path.parent.name != REFUSED:
            home = self.path.parent / REFUSED
            home.mkdir(mode=0o700, exist_ok=True)
            place = home / f"{self.path.stem}-{self.id[:8]}{SUFFIX}"
            self.path.rename(place)
            self.path = place
        self.close()
        return self.path

    def close(self, *, is_synced: bool = True) -> None:
        """Leave the run to whoever comes next.

        Parameters
        ----------
        is_synced
            False to leave it to someone else to make the file safe against a loss of power.
        """
        if self._fd < 0:
            return
        if is_synced and self.is_unsynced and isinstance(self._fsync, float):
            try:
                self.sync()
            except OSError as error:
                logger.error("the journal %s may not outlast a loss of power: %s", self.path, error)
        self._release()

    def note_damage(self, records: Records) -> None:
        """Go no further than where `records` ended."""
        with self._lock:
            if not self.problem:
                self.problem = f"it {records.problem}"
                logger.error("the journal %s is damaged: %s", self.path, self.problem)
            self.size = records.end

    def _write(self, kind: Kind, payload: bytes, is_safe: bool) -> None:
        head = record_head(kind, payload)
        with self._lock:
            fd = self._opened()
            if self.problem:
                raise SpoolError(f"the journal {self.path} is damaged: {self.problem}")
            if self._is_torn:
                self._cut_back(fd)
            try:
                written = os.writev(fd, (head, payload))
                if written < len(head) + len(payload):
                    _write_rest(fd, (head + payload)[written:])
                if is_safe:
                    os.fsync(fd)
                self.is_unsynced = not is_safe
                self.size += len(head) + len(payload)
            except BaseException:  # a signal's handler may raise what it likes
                self._is_torn = True
                with suppress(OSError):
                    self._cut_back(fd)
                raise

    def _cut_back(self, fd: int) -> None:
        os.ftruncate(fd, self.size)
        self._is_torn = False

    def _opened(self) -> int:
        if self._fd < 0:
            raise SpoolError(f"the journal {self.path} is closed, or of another process")
        return self._fd

    def _release(self) -> None:
        # No LOCK_UN: it would release the lock of a process that was forked from, too.
        with self._lock:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def abandon(self) -> None:
        """Let go of a file of the process that this one was forked from."""
        self._lock = Lock()  # another thread may have held it
        if self._fd >= 0:
            self._release()


def _write_rest(fd: int, rest: bytes) -> None:
    """Write what a disk has not taken at once."""
    view = memoryview(rest)
    while view:
        view = view[os.write(fd, view) :]
