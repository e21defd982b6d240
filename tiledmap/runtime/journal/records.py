"""The format of a journal's file.

One line says what the file is. Records follow: the length of what is recorded, its bits inverted, a
checksum, the kind of the record, and what is recorded. The first one is the header.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple
from zlib import crc32

from tiledmap.runtime.unpatched import Packer, unpackb

MAGIC = b"tiledmap journal 1\n"
LONGEST = 2**32 - 1
BEGINNING = 64
"""How much of a record is read where only its kind is asked for."""

_HEAD = struct.Struct("<IIIB")
_EVERY_BIT = 0xFFFFFFFF
_SECTOR = 512
_PIECE = 1 << 20
_LONGEST_HEADER = 1 << 20


class Kind(IntEnum):
    """What a record holds."""

    HEADER = 0
    DOCUMENT = 1
    REMARK = 2


class Record(NamedTuple):
    """A record: where what it holds begins in the file, how long that is, and (some of) it."""

    kind: int
    start: int
    length: int
    payload: bytes


class NoJournalError(Exception):
    """A file that is no journal, in words."""


class EmptyJournalError(NoJournalError):
    """A journal whose writer ended before its header was written."""


def record_head(kind: Kind, payload: bytes) -> bytes:
    """What is written before `payload`.

    Raises
    ------
    OSError
        If it is too long for a record.
    """
    length = len(payload)
    if length > LONGEST:
        raise OSError(f"a document of {length} bytes is too long for a journal")
    return _HEAD.pack(length, length ^ _EVERY_BIT, crc32(payload, kind), kind)


class Records:
    """The records of an open file, up to the first that is not whole.

    Parameters
    ----------
    start, size
        Where the first one begins, and where the last one ends.
    checked
        Whether what they hold is compared with their checksums, and given whole.

    Attributes
    ----------
    end
        Where the last whole record that was given ends.
    problem
        Why there are no more, in words; "" if they end where they should.
    is_torn
        Whether that is because the last one was never written whole, so that nothing is lost.
    """

    def __init__(self, fd: int, start: int, size: int, *, checked: bool = True) -> None:
        self.end = start
        self.problem = ""
        self.is_torn = False
        self._fd = fd
        self._size = size
        self._checked = checked
        self._piece = b""
        self._piece_start = 0

    def __iter__(self) -> Iterator[Record]:
        while self.end < self._size:
            head = self._bytes(self.end, _HEAD.size)
            if len(head) < _HEAD.size:
                return self._stop("ends within a record", is_torn=True)
            length, inverted, checksum, kind = _HEAD.unpack(head)
            start = self.end + _HEAD.size
            if length ^ inverted != _EVERY_BIT:
                return self._stop("has something that is no record", self._is_zero_in(start))
            if start + length > self._size:
                return self._stop("ends within a record", is_torn=True)
            payload = self._bytes(start, length if self._checked else min(length, BEGINNING))
            if self._checked and crc32(payload, kind) != checksum:
                is_torn = self._is_zero_in(start + length)
                return self._stop("has a record that is not as it was written", is_torn)
            self.end = start + length
            yield Record(kind, start, length, payload)

    def _stop(self, problem: str, is_torn: bool) -> None:
        self.problem = f"{problem}, from byte {self.end} on"
        self.is_torn = is_torn

    def _is_zero_in(self, end: int) -> bool:
        """Whether all is zero from here, or from a sector before `end`, to the end of the file.

        A file may be made longer before what is written reaches the disk.
        """
        zeros = self._size
        while zeros > self.end:
            start = max(self.end, zeros - _PIECE)
            rest = os.pread(self._fd, zeros - start, start).rstrip(b"\0")
            zeros = start + len(rest)
            if rest:
                break
        sector = -(-zeros // _SECTOR) * _SECTOR
        return zeros <= self.end or sector < min(end, self._size)

    def _bytes(self, start: int, length: int) -> bytes:
        offset = start - self._piece_start
        if offset < 0 or offset + length > len(self._piece):
            most = max(length, _PIECE if self._checked else _PIECE >> 4)
            self._piece = os.pread(self._fd, min(most, self._size - start), start)
            self._piece_start, offset = start, 0
        return self._piece[offset : offset + length]


@dataclass(frozen=True, slots=True)
class Header:
    """The first record of a journal.

    Parameters
    ----------
    run
        The run's uid.
    id
        Random; proves who wrote the run.
    created
        When, in seconds since the epoch.
    writer
        What the writer says of itself.
    end
        Where the first document begins.
    """

    run: str
    id: str
    created: float
    writer: dict[str, Any]
    end: int = 0

    def to_bytes(self) -> bytes:
        """The file's beginning."""
        fields = {"run": self.run, "id": self.id, "created": self.created, "writer": self.writer}
        payload: bytes = Packer(unicode_errors="surrogatepass", default=str).pack(fields)
        return MAGIC + record_head(Kind.HEADER, payload) + payload


def read_header(fd: int, size: int) -> Header:
    """The header of an open file.

    Raises
    ------
    NoJournalError
        If it is no journal.
    """
    magic = os.pread(fd, len(MAGIC), 0)
    if not MAGIC.startswith(magic):
        version = magic.startswith(MAGIC[:-2])
        raise NoJournalError("is of another version" if version else "is no journal")
    records = Records(fd, len(MAGIC), min(size, _LONGEST_HEADER))
    record = next(iter(records), None)
    if record is None:
        if size < _LONGEST_HEADER and (records.is_torn or not records.problem):
            raise EmptyJournalError("holds nothing yet")
        raise NoJournalError(f"is damaged: it {records.problem}")
    try:
        fields = unpackb(record.payload, unicode_errors="surrogatepass", strict_map_key=False)
        header = Header(**fields, end=records.end)
    except Exception as error:  # msgpack has many ways to say that it is none
        raise NoJournalError("has a header that nobody here has written") from error
    types = {"run": str, "id": str, "created": float, "writer": dict}
    if any(type(getattr(header, name)) is not kind for name, kind in types.items()):
        raise NoJournalError("has a header that nobody here has written")
    return header
