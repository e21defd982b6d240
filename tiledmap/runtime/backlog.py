"""Documents of a run that were accepted and are not written yet."""

import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from tiledmap.runtime.event_check import Row
from tiledmap.runtime.event_rows import EventRows, RowReader
from tiledmap.runtime.journal import RunJournal

logger = logging.getLogger("tiledmap")


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
        self._memory: deque[bytes | tuple[RowReader, Row]] = deque()
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
        self._memory.append(payload)
        self._put += len(payload)

    def put_row(self, reader: RowReader, row: Row) -> None:
        """Put an event of a run that has no journal behind the other documents."""
        self._memory.append((reader, row))
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
        rows: list[Row] = []
        before = None
        while self._memory and self._at_hand < limit:
            document = self._memory.popleft()
            if isinstance(document, bytes):
                taken.append(document)
                self._at_hand += len(document)
                before = None
                continue
            reader, row = document
            if reader is not before:
                before, rows = reader, []
                taken.append(EventRows(reader.descriptor, reader.keys, rows))
            rows.append(row)
            self._at_hand += reader.size
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
