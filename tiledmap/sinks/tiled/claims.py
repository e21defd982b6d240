"""Which writer a run belongs to, as the run's own metadata say while it is written."""

import gc
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Self
from weakref import WeakValueDictionary

KEY = "tiledmap"
"""Of a run's metadata, until the run is closed."""
_CLOCKS_DIFFER = 2.0
"""Seconds by which two readings of a process's beginning may differ."""


@dataclass(frozen=True)
class Claim:
    """One writer's hold on one run.

    Parameters
    ----------
    id
        The writer's own, such as that of the run's journal: a restarted writer has it again.
    host, pid
        The process that writes.
    started
        When that process began, in seconds since 1970; None where that cannot be told.
    namespace
        Whose processes `pid` counts, as a container has its own; None where that cannot be told.
    """

    id: str
    host: str
    pid: int
    started: float | None
    namespace: int | None = None

    @classmethod
    def make(cls, writer: str) -> Self:
        """Claim a run for this process, for as long as the claim is kept."""
        pid = os.getpid()
        claim = cls(writer, socket.gethostname(), pid, _began(pid), _namespace())
        _held[writer] = claim
        return claim

    @classmethod
    def read(cls, metadata: Mapping[str, Any]) -> Self | None:
        """Read the claim from a run's metadata; None if there is none."""
        match metadata.get(KEY):
            case {
                "writer": {
                    "id": str() as writer,
                    "host": str() as host,
                    "pid": int() as pid,
                    "started": float() | int() | None as started,
                    **others,
                }
            }:
                namespace = others.get("namespace")
                known = namespace if isinstance(namespace, int) else None
                return cls(writer, host, pid, started, known)
        return None

    def as_metadata(self) -> dict[str, Any]:
        """What a run's metadata say of it."""
        return {"writer": asdict(self)}

    def may_be_alive(self) -> bool:
        """Whether its writer may be at work, as far as can be told from here."""
        if self.host != socket.gethostname() or sys.platform == "win32":
            return True
        if None not in (self.namespace, _namespace()) and self.namespace != _namespace():
            return True
        if self.pid == os.getpid() and self._began_at(_began(self.pid)):
            gc.collect()  # a writer that was dropped may be part of a cycle
            return self.id in _held
        return _is_running(self.pid) and self._began_at(_began(self.pid))

    def _began_at(self, began: float | None) -> bool:
        return began is None or self.started is None or abs(began - self.started) < _CLOCKS_DIFFER

    def __str__(self) -> str:
        since = ""
        if self.started is not None:
            began = datetime.fromtimestamp(self.started, UTC).astimezone()
            since = f", which began {began:%Y-%m-%d %H:%M:%S %Z}"
        return f"process {self.pid} on {self.host}{since}"


_held: WeakValueDictionary[str, Claim] = WeakValueDictionary()
"""The claims that writers of this process have."""


def _began(pid: int) -> float | None:
    """When a process began, in seconds since 1970, from Linux's /proc."""
    try:
        ticks = int(_state(pid)[19])
        return _booted() + ticks / os.sysconf("SC_CLK_TCK")
    except OSError:
        return None


def _namespace() -> int | None:
    """Which processes are counted with this one, by Linux's /proc."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return None


def _is_running(pid: int) -> bool:
    try:
        return _state(pid)[0] not in "XZ"  # dead, or waiting for its parent to notice
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _state(pid: int) -> list[str]:
    """The fields of /proc/pid/stat from the third on: the second may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


@cache
def _booted() -> float:
    lines = Path("/proc/stat").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("btime ")))
