"""Spools as writers leave them: killed, or with a server that is away."""

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from signal import SIGKILL
from typing import Any

import tiledmap
from tests.faults.server import WARM
from tiledmap.api import LoadedMapping
from tiledmap.runtime.errors import SinkError
from tiledmap.runtime.ops import Op
from tiledmap.runtime.writer import Writer


class Away:
    """A server that nobody reaches."""

    def __init__(self, uri: str = "") -> None:
        self.uri = uri

    def perform(self, op: Op) -> None:
        raise SinkError("connection refused", op, transient=True)


def open_writer(
    spool: Path, *, uri: str = "", mapping: str | Path = "bluesky-v3", **settings: object
) -> Writer:
    """A writer whose server is away."""
    loaded = tiledmap.load(mapping, settings=settings) if settings else _load(mapping)
    return loaded.writer(Away(uri), spool=spool)


@cache
def _load(mapping: str | Path) -> LoadedMapping:
    return tiledmap.load(mapping)


def leave(spool: Path, named: Iterable[Any], **options: Any) -> None:
    """Leave a run in a spool."""
    writer = open_writer(spool, **options)
    for name, document in named:
        writer(name, document)
    writer.close(timeout=0)


def kill_writer(spool: Path, uri: str, api_key: str, named: Iterable[Any]) -> None:
    """Let a process write documents to a server until it is killed, with the last just accepted."""
    process = WARM.Process(target=_write_until_killed, args=(spool, uri, api_key, list(named)))
    process.start()
    process.join()
    assert process.exitcode == -SIGKILL


def _write_until_killed(spool: Path, uri: str, api_key: str, named: Iterable[Any]) -> None:
    from tiled.client import from_uri

    writer = tiledmap.load("bluesky-v3").writer(from_uri(uri, api_key=api_key), spool=spool)
    for name, document in named:
        writer(name, document)
    os.kill(os.getpid(), SIGKILL)
