"""Files of a spool: how they are opened, locked, and left to whom they belong."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from weakref import WeakSet

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SUFFIX = ".journal"


class SpoolError(OSError):
    """A spool, or a journal in it, that cannot be used."""


def open_directory(path: Path) -> int:
    """A descriptor of a spool's directory, by which its files are opened.

    Raises
    ------
    OSError
        If it cannot be read, or files cannot be locked on this system.
    """
    if fcntl is None:
        raise SpoolError("a spool needs POSIX locks, which this system does not have")
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def open_file(name: str, directory: int, flags: int) -> int:
    """A descriptor of a regular file in a directory, never of what a link leads to.

    Raises
    ------
    OSError
        If it is none, or cannot be opened.
    """
    safe = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe would wait for its other end
    fd = os.open(name, flags | safe, 0o600, dir_fd=directory)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise SpoolError("it is no regular file")
    return fd


@contextmanager
def opened(name: str, directory: int, flags: int = os.O_RDONLY) -> Iterator[int]:
    """A regular file of a directory, open for a while."""
    fd = open_file(name, directory, flags)
    try:
        yield fd
    finally:
        os.close(fd)


def lock(fd: int) -> bool:
    """Lock a file, unless someone else holds it; whether it is locked now."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for_lock(fd: int) -> None:
    """Lock a file that nobody else holds for long."""
    fcntl.flock(fd, fcntl.LOCK_EX)


def is_locked(fd: int) -> bool:
    """Whether a writer that lives holds a file."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(fd, fcntl.LOCK_UN)
    return False


def is_linked(fd: int) -> bool:
    """Whether an open file still has a name."""
    return os.fstat(fd).st_nlink > 0


class _Held(Protocol):
    def abandon(self) -> None:
        """Close what is open, in a process that was forked: all of it belongs to its parent."""


_held: WeakSet[_Held] = WeakSet()


def leave_to_parent(held: _Held) -> None:
    """Have something abandoned in each process that is forked from this one."""
    _held.add(held)


def _abandon_all() -> None:
    for held in tuple(_held):
        held.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
