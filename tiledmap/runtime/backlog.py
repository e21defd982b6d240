"""Documents of a run that were accepted and are not written yet."""

import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from tiledmap.runtime.event_check import Row
from tiledmap.runtime.event_rows import EventRows, RowReader
from tiledmap.runtime.journal import RunJournal

logger = logging.getLogger("tiledmap")

_BYTES_TOGETHER = 1 << 18
"""So many bytes of rows, about, are put and taken as one."""


class Backlog:
    """A run's documents, as payloads or rows, in the order in which they came.

    They lie in the run's journal if it has one, as payloads. Where the journal takes no more,
    because the disk is full, say, they wait in memory from then on. One thread puts, another takes.
    """

    def __init__(self, run: str, journal: RunJournal | None = None) -> None:
        self.run = run
        self.journal = journal
        self._is_whole = journal is not None
        self._offset = self._written_to = 0  # bytes of the journal that were taken, and are written
        self._memory: deque[bytes | tuple[RowReader, list[Row]]] = deque()
        self._reader: RowReader | None = None
        self._rows: list[Row] = []
        """Rows of the last entry in memory, to which more of the same reader's may be put."""
        self._put = self._taken = 0  # bytes of what is or was in memory; each has its one writer
        self._at_hand = 0

    @property
    def waiting(self) -> int:
        """Bytes that are not written yet: those included that were taken last."""
        journal = self.journal
        in_journal = 0 if journal is None else max(journal.size - self._written_to, 0)
        return in_journal + self._put - self._taken

    @property
    def in_memory(self) -> int:
        """Those among them that are in memory."""
        return self._put - self._taken

    @property
    def is_whole(self) -> bool:
        """Whether the journal has every document, so that they can be taken again."""
        return self._is_whole

    def put(self, payload: bytes) -> None:
        """Put a document behind the others. Never raises for what a disk does."""
        if self._is_whole:
            assert self.journal is not None
            try:
                self.journal.append(payload)
                return
            except OSError as error:
                self._is_whole = False
                logger.error(
                    "run %s: its journal %s takes no more documents (%s): they wait in memory from "
                    "now on, and are lost if this process ends before Tiled has them",
                    self.run,
                    self.journal.path,
                    error.strerror or error,
                )
        self._reader = None
        self._memory.append(payload)
        self._put += len(payload)

    def put_row(self, reader: RowReader, row: Row) -> None:
        """Put an event of a run that has no journal behind the other documents."""
        if reader is self._reader and len(self._rows) * reader.size < _BYTES_TOGETHER:
            self._rows.append(row)
        else:
            self._reader = None  # whatever interrupts this, nothing is put to rows that are taken
            self._rows = [row]
            self._memory.append((reader, self._rows))
            self._reader = reader
        self._put += reader.size

    def take(self, limit: int = 1 << 20) -> Sequence[bytes | EventRows]:
        """Take the oldest documents, about `limit` bytes of them; none if none waits.

        Those that were taken before are written.
        """
        self._taken += self._at_hand
        self._at_hand = 0
        self._written_to = self._offset
        if self.journal is not None:
            payloads, self._offset = self.journal.read(self._offset, limit)
            if payloads:
                return payloads
        taken: list[bytes | EventRows] = []
        while self._memory and self._at_hand < limit:
            is_last, entry = len(self._memory) == 1, self._memory[0]
            if isinstance(entry, bytes):
                taken.append(entry)
                self._at_hand += len(entry)
                self._memory.popleft()
                continue
            reader, put = entry
            rows = put[:]
            if is_last:  # more may be put there meanwhile
                del put[: len(rows)]
            else:
                self._memory.popleft()
            if rows:
                taken.append(EventRows(reader.descriptor, reader.keys, rows))
                self._at_hand += reader.size * len(rows)
            elif is_last:
                break
        return taken

    def rewind(self) -> None:
        """Begin again with the first document."""
        assert self._is_whole
        self._offset = self._written_to = 0

    def remove(self) -> None:
        """Remove the journal: all of the run is stored."""
        if (journal := self.journal) is None:
            return
        try:
            journal.remove()
            self.journal = None
        except OSError as error:
            logger.error(
                "run %s is stored, but its journal %s cannot be removed (%s): it will be written "
                "once more, which changes nothing",
                self.run,
                journal.path,
                error.strerror or error,
            )
            self.close()

    def close(self) -> None:
        """Leave the journal to whoever comes next."""
        if self.journal is not None:
            with suppress(OSError):  # which cannot be helped, and must not stop anything else
                self.journal.close()
            self.journal = None
