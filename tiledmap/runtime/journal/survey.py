"""What lies in a spool, for whoever looks at it from outside."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from tiledmap.runtime.journal.codec import CorruptRecordError, decode, name_of
from tiledmap.runtime.journal.directory import (
    SUFFIX,
    SpoolError,
    is_linked,
    is_locked,
    open_directory,
    opened,
)
from tiledmap.runtime.journal.records import Kind, NoJournalError, Record, Records, read_header
from tiledmap.runtime.journal.spool import STATUS

_LONGEST_READ = 16 << 20


@dataclass(frozen=True, slots=True)
class JournalInfo:
    """What is known of a file in a spool.

    Parameters
    ----------
    path
        The file.
    size
        Its bytes.
    problem
        Why it cannot be read, or not to its end, in words; "" if all is well.
    run
        The run's uid; "" if the file is no journal.
    id
        The journal's.
    header
        What its writer says of itself.
    documents
        How many there are of the run.
    plan_name, started
        What its start document says.
    has_stop
        Whether it has ended.
    locked
        Whether a writer that lives holds it.
    remark
        Why it is still here, if its writer said so.
    """

    path: Path
    size: int
    problem: str = ""
    run: str = ""
    id: str = ""
    header: Mapping[str, Any] = field(default_factory=dict)
    documents: int = 0
    plan_name: str = ""
    started: float | None = None
    has_stop: bool = False
    locked: bool = False
    remark: str = ""


def survey(directory: str | PathLike[str]) -> list[JournalInfo]:
    """The journals of a spool, oldest first; changes nothing.

    Records are counted, not read: one that was changed on the disk is not noticed here.

    Raises
    ------
    SpoolError
        If the directory cannot be read.
    """
    with _listed(directory) as (place, fd):
        found = [_info(place, name, fd) for name in sorted(os.listdir(fd)) if name.endswith(SUFFIX)]
    return sorted(found, key=lambda info: info.started or 0.0)


def statuses(directory: str | PathLike[str]) -> list[dict[str, Any]]:
    """What the writers publish that use a spool and live.

    Raises
    ------
    SpoolError
        If the directory cannot be read.
    """
    found = []
    with _listed(directory) as (_, fd):
        for name in sorted(filter(STATUS.fullmatch, os.listdir(fd))):
            with suppress(OSError, ValueError):
                found.append(_status(name, fd))
    return [status for status in found if status]


@contextmanager
def _listed(directory: str | PathLike[str]) -> Iterator[tuple[Path, int]]:
    """A directory that is open for a while."""
    path = Path(os.path.abspath(directory))
    try:
        fd = open_directory(path)
    except OSError as error:
        raise SpoolError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        yield path, fd
    finally:
        os.close(fd)


def _status(name: str, directory: int) -> dict[str, Any]:
    """What a writer publishes; {} if it does not live."""
    for _ in range(3):  # it may be replaced at any time
        with opened(name, directory) as fd:
            if is_locked(fd):
                status = json.loads(os.pread(fd, _LONGEST_READ, 0))
                return status if isinstance(status, dict) else {}
            if is_linked(fd):
                return {}
    return {}


def _info(place: Path, name: str, directory: int) -> JournalInfo:
    path = place / name
    try:
        with opened(name, directory) as fd:
            return _read(path, fd)
    except OSError as error:
        return JournalInfo(path, 0, f"cannot be opened: {error.strerror or error}")


def _read(path: Path, fd: int) -> JournalInfo:
    locked = is_locked(fd)
    size = os.fstat(fd).st_size
    try:
        header = read_header(fd, size)
    except NoJournalError as error:
        return JournalInfo(path, size, str(error), locked=locked)
    documents, has_stop = 0, False
    first: Record | None = None
    last_remark: Record | None = None
    records = Records(fd, header.end, size, checked=False)
    for record in records:
        if record.kind == Kind.DOCUMENT:
            documents += 1
            first = first or record
            has_stop |= name_of(record.payload) == "stop"
        elif record.kind == Kind.REMARK:
            last_remark = record
    start = _start(fd, first)
    # A record that is not whole is being written, or never was: nothing is lost.
    is_damaged = bool(records.problem) and not records.is_torn
    problem = f"is damaged: it {records.problem}" if is_damaged else ""
    time = start.get("time")
    return JournalInfo(
        path,
        size,
        problem,
        run=header.run,
        id=header.id,
        header=header.writer,
        documents=documents,
        plan_name=str(start.get("plan_name", "")),
        started=float(time) if isinstance(time, int | float) else header.created,
        has_stop=has_stop,
        locked=locked,
        remark=_text(fd, last_remark),
    )


def _start(fd: int, first: Record | None) -> dict[str, Any]:
    if first is not None and first.length <= _LONGEST_READ:
        with suppress(CorruptRecordError):
            name, document, _ = decode(os.pread(fd, first.length, first.start))
            return document if name == "start" else {}
    return {}


def _text(fd: int, record: Record | None) -> str:
    if record is None:
        return ""
    return os.pread(fd, min(record.length, _LONGEST_READ), record.start).decode("utf-8", "replace")
