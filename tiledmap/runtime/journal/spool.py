"""A directory with the journals of runs that are not stored yet."""

import json
import logging
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from math import inf, isfinite
from os import PathLike
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any
from weakref import WeakSet

from tiledmap.runtime.journal.directory import (
    SUFFIX,
    SpoolError,
    is_linked,
    leave_to_parent,
    lock,
    open_directory,
    open_file,
    opened,
    wait_for_lock,
)
from tiledmap.runtime.journal.records import (
    EmptyJournalError,
    Header,
    NoJournalError,
    Records,
    read_header,
)
from tiledmap.runtime.journal.run_journal import Fsync, RunJournal

logger = logging.getLogger("tiledmap")

STATUS = re.compile(r"writer-[0-9a-f]+\.json")

_UNPLAIN = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_SLUG = 80
_URI = re.compile(r"([^:/?#]*://)([^/?#]*)([^?#]*)")
_LOOK_AGAIN_SECONDS = 0.01
_LONGEST_LOOK = 0.05


class Spool:
    """A directory that several writers may share, each with its own runs.

    Parameters
    ----------
    directory
        Made, for nobody else to read, where there is none.
    fsync
        When documents are made safe against a loss of power: each ``record``, at each ``stop``
        document, or every so many seconds, by `sync_due`.
    header
        What is kept of the writer in each journal. A ``server`` is kept without credentials.

    Raises
    ------
    SpoolError
        If the directory cannot be used.
    """

    def __init__(
        self,
        directory: str | PathLike[str],
        *,
        fsync: Fsync = 1.0,
        header: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.directory = Path(os.path.abspath(directory))
        self._fsync = _policy(fsync)
        self._header = dict(header)
        if isinstance(server := header.get("server"), str):
            self._header["server"] = without_credentials(server)
        self._id = os.urandom(8).hex()
        self._journals: WeakSet[RunJournal] = WeakSet()
        self._ours: set[str] = set()
        self._put_away: set[str] = set()
        self._lock = Lock()
        self._told: set[tuple[str, str]] = set()
        self._status = -1
        self._is_unsynced = False
        self._next_sync = 0.0
        try:
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            self._fd = open_directory(self.directory)
            try:
                self._check()
            except OSError:
                os.close(self._fd)
                raise
        except OSError as error:
            reason = f"the spool {self.directory} cannot be used: {_said(error)}"
            raise SpoolError(reason) from error
        leave_to_parent(self)
        self._clear_statuses()

    def create(self, run: str) -> RunJournal:
        """A journal for a run that begins.

        Raises
        ------
        OSError
            If there cannot be one.
        """
        if self._fd < 0:
            raise SpoolError(f"the spool {self.directory} is closed, or of another process")
        slug = _UNPLAIN.sub("_", run)[:_LONGEST_SLUG].strip("-") or "run"
        for number in count(1):
            name = f"{slug}{'' if number == 1 else f'-{number}'}{SUFFIX}"
            try:
                fd = open_file(name, self._fd, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL)
            except FileExistsError:
                continue
            try:
                wait_for_lock(fd)
                if is_linked(fd):  # else another writer took it for one that was left empty
                    return self._begun(name, fd, run)
            except BaseException:
                with suppress(OSError):
                    os.unlink(name, dir_fd=self._fd)
                os.close(fd)
                raise
            os.close(fd)
        raise AssertionError("numbers do not end")

    def leftovers(self, *, damaged: bool = False, again: bool = True) -> Iterator[RunJournal]:
        """The journals that no living writer holds, oldest first; each is ours from then on.

        What a writer was about to write when it ended is cut off. Files that are no journals are
        passed over, and logged once.

        Parameters
        ----------
        damaged
            Whether to give journals as well that can be read up to a place only.
        again
            False to pass over those that were this spool's before.
        """
        names = self._oldest_first()
        self._ours.intersection_update(names)
        patience = time.monotonic() + _LONGEST_LOOK
        for name in names:
            if again or name not in self._ours:
                journal = self.take_over(name, damaged=damaged, until=patience)
                if journal is not None:
                    yield journal

    def take_over(
        self, name: str, *, damaged: bool = False, until: float = inf
    ) -> RunJournal | None:
        """The journal in a file of the directory; None if it is another's, or no journal.

        Parameters
        ----------
        damaged
            As for `leftovers`.
        until
            How long, by the monotonic clock, a file may be tried again that is locked.
        """
        try:
            return self._taken_over(name, damaged, until)
        except OSError as error:
            self._tell(name, f"cannot be opened: {_said(error)}")
        except NoJournalError as error:
            self._tell(name, str(error))
        return None

    def is_in_use(self, name: str) -> bool:
        """Whether a file of the directory is another's now, or cannot be looked at."""
        try:
            with opened(name, self._fd, os.O_RDWR) as fd:
                return not lock(fd)
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def put_away(self, journal: RunJournal) -> None:
        """Close a journal that is to be taken over later; `sync` makes it safe until then."""
        with self._lock:
            if journal.is_unsynced:
                self._put_away.add(journal.path.name)
            journal.close(is_synced=False)

    def publish(self, status: Mapping[str, Any]) -> None:
        """Say how this writer is doing, to whoever looks into the directory."""
        if self._fd < 0:
            return
        new = f".writer-{self._id}.new"
        try:
            fd = open_file(new, self._fd, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            try:
                lock(fd)
                os.write(fd, json.dumps(dict(status), default=str).encode())
                os.replace(new, self._status_name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
            except BaseException:
                os.close(fd)
                raise
        except OSError as error:
            self._tell(self._status_name, f"cannot be written: {_said(error)}")
            return
        self._status, old = fd, self._status
        if old >= 0:
            os.close(old)

    @property
    def sync_every(self) -> float:
        """Every how many seconds `sync_due` makes journals safe; infinite if it never does."""
        return self._fsync if isinstance(self._fsync, float) else inf

    def sync_due(self) -> bool:
        """Make journals safe if it is time to; whether it was."""
        if time.monotonic() < self._next_sync or self.sync_every == inf:
            return False
        self.sync()
        self._next_sync = time.monotonic() + self.sync_every
        return True

    def sync(self) -> None:
        """Make what was appended safe against a loss of power. Says so where the disk fails."""
        with self._lock:
            journals = tuple(self._journals)
            put_away, self._put_away = self._put_away, set()
            is_unsynced, self._is_unsynced = self._is_unsynced, False
        syncs = [(each.path.name, each.sync) for each in journals if each.is_unsynced]
        if self._fd >= 0:
            syncs += [(name, partial(self._sync_file, name)) for name in put_away]
            if is_unsynced:
                syncs.append(("", partial(os.fsync, self._fd)))
        for name, sync in syncs:
            try:
                sync()
            except OSError as error:
                self._tell(name, f"may not outlast a loss of power: {_said(error)}")

    def close(self) -> None:
        """Leave the directory. Journals that are open stay so."""
        if self._fd < 0:
            return
        if self._put_away:
            self.sync()
        if self._status >= 0:
            with suppress(OSError):
                os.unlink(self._status_name, dir_fd=self._fd)
        self.abandon()

    def abandon(self) -> None:
        """Let go of the files of the process that this one was forked from."""
        for fd in (self._status, self._fd):
            if fd >= 0:
                os.close(fd)
        self._fd = self._status = -1

    @property
    def _status_name(self) -> str:
        return f"writer-{self._id}.json"

    def _check(self) -> None:
        """Try what a spool needs: a file, and a lock on it."""
        name = f".writer-{self._id}.new"
        with opened(name, self._fd, os.O_RDWR | os.O_CREAT | os.O_EXCL) as fd:
            try:
                lock(fd)
            finally:
                os.unlink(name, dir_fd=self._fd)

    def _begun(self, name: str, fd: int, run: str) -> RunJournal:
        header = Header(run, os.urandom(16).hex(), time.time(), self._header)
        beginning = header.to_bytes()
        size = len(beginning)
        if os.write(fd, beginning) < size:
            raise SpoolError(f"the disk of {self.directory} is full")
        if self._fsync == "record":
            os.fsync(fd)
            os.fsync(self._fd)
        self._is_unsynced = self._fsync != "record"
        return self._journal(name, fd, replace(header, end=size), size)

    def _journal(self, name: str, fd: int, header: Header, size: int) -> RunJournal:
        journal = RunJournal(self.directory / name, fd, header, size, self._fsync)
        with self._lock:
            self._journals.add(journal)
            self._ours.add(name)
        return journal

    def _oldest_first(self) -> list[str]:
        created = {}
        for name in os.listdir(self._fd):
            if name.endswith(SUFFIX):
                created[name] = 0.0
                with suppress(OSError, NoJournalError), opened(name, self._fd) as fd:
                    created[name] = read_header(fd, os.fstat(fd).st_size).created
        return sorted(created, key=lambda name: (created[name], name))

    def _sync_file(self, name: str) -> None:
        with suppress(FileNotFoundError), opened(name, self._fd) as fd:
            os.fsync(fd)

    def _taken_over(self, name: str, damaged: bool, until: float) -> RunJournal | None:
        """The journal in a file, unless it is another writer's, empty or damaged."""
        fd = open_file(name, self._fd, os.O_RDWR | os.O_APPEND)
        journal = None
        try:
            if self._is_free(fd, until):
                journal = self._read_whole(name, fd, damaged)
        finally:
            if journal is None:
                os.close(fd)
        return journal

    def _is_free(self, fd: int, until: float) -> bool:
        """Whether a file is locked now, and was not removed before that."""
        if not lock(fd):
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_AGAIN_SECONDS)  # perhaps someone only looked whether it is locked
            if not lock(fd):
                return False
        return is_linked(fd)

    def _read_whole(self, name: str, fd: int, damaged: bool) -> RunJournal | None:
        size = os.fstat(fd).st_size
        try:
            header = read_header(fd, size)
        except EmptyJournalError:
            os.unlink(name, dir_fd=self._fd)
            return None
        records = Records(fd, header.end, size)
        for _ in records:
            pass
        if records.is_torn:
            os.ftruncate(fd, records.end)
            left = size - records.end
            logger.warning("%s: %d bytes of no whole document cut off", self.directory / name, left)
        elif records.problem and not damaged:
            self._tell(name, f"is damaged: it {records.problem}")
            return None
        journal = self._journal(name, fd, header, records.end)
        if records.problem and not records.is_torn:
            journal.note_damage(records)
        return journal

    def _clear_statuses(self) -> None:
        """Remove what writers published that were killed."""
        for name in os.listdir(self._fd):
            if STATUS.fullmatch(name):
                with suppress(OSError), opened(name, self._fd, os.O_RDWR) as fd:
                    if lock(fd) and is_linked(fd):
                        os.unlink(name, dir_fd=self._fd)

    def _tell(self, name: str, problem: str) -> None:
        """Log, once, what is wrong with a file."""
        if (name, problem) not in self._told:
            self._told.add((name, problem))
            logger.error("%s %s", self.directory / name, problem)


def _policy(fsync: Fsync) -> Fsync:
    if fsync in ("record", "stop"):
        return fsync
    if isinstance(fsync, bool | str) or not isfinite(fsync) or fsync < 0:
        raise ValueError(f"fsync is {fsync!r}; it is 'record', 'stop' or a number of seconds")
    return float(fsync)


def _said(error: OSError) -> str:
    return error.strerror or str(error)


def without_credentials(uri: str) -> str:
    """A URI without user, password, query and fragment.

    Nothing but its scheme is left where it cannot be told which part a secret is in.

    >>> without_credentials("https://user:secret@tiled.org:8000/api/v1/?api_key=secret")
    'https://tiled.org:8000/api/v1/'
    """
    found = _URI.match(uri)
    if found is None:
        return re.split("[?#]", uri)[0]
    scheme, authority, path = found.groups()
    if "@" in uri[found.end(2) :]:
        return f"{scheme}…"
    return f"{scheme}{authority.rpartition('@')[2]}{path}"
