"""How much memory a writer has, however many events come and wherever its server is."""

import multiprocessing
import os
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.faults.held import compose_scan
from tests.faults.trials import open_ground

Server = Literal["there", "away"]


@dataclass(frozen=True)
class Footprint:
    """Resident memory of a process that writes, in bytes.

    Parameters
    ----------
    early
        The most, until a tenth of the events had come.
    whole
        The most, until the end.
    accepted
        How many documents were accepted.
    """

    early: int
    whole: int
    accepted: int


def measure(events: int, keys: int, server: Server, with_spool: bool) -> Footprint:
    """Feed a writer, in this process, as fast as it takes documents.

    Without a spool and without a server, feeding ends when the queue is full.
    """
    with open_ground() as ground, tempfile.TemporaryDirectory() as spool:
        options: dict[str, Any] = {"spool": spool} if with_spool else {"queue_bytes": 64 << 20}
        writer = ground.mapping.writer(ground.root.create_container("footprint"), **options)
        if server == "away":
            ground.server.kill()
            ground.server.join()
        early = whole = 0
        feeding = threading.Thread(target=_feed, args=(writer, events, keys), daemon=True)
        feeding.start()
        while feeding.is_alive() and not (server == "away" and _is_full(writer)):
            feeding.join(0.05)
            whole = max(whole, _resident())
            if writer.status().accepted <= events // 10:
                early = whole
        writer.close(timeout=None if server == "there" else 0)
        return Footprint(early, max(whole, _resident()), writer.status().accepted)


def footprints(events: int, keys: int) -> Iterator[tuple[str, Footprint]]:
    """All that there are, each of a process of its own."""
    fresh = multiprocessing.get_context("spawn")
    for name, server, with_spool in (
        ("server there", "there", False),
        ("server there, with a spool", "there", True),
        ("server away, with a spool", "away", True),
        ("server away, until 64 MB are queued", "away", False),
    ):
        with ProcessPoolExecutor(1, mp_context=fresh) as processes:  # they may have children
            yield name, processes.submit(measure, events, keys, server, with_spool).result()


def _feed(writer: Any, events: int, keys: int) -> None:
    for name, document in compose_scan(events, keys):
        writer(name, document)


def _is_full(writer: Any) -> bool:
    status = writer.status()
    return status.queue_limit is not None and status.queue_bytes >= status.queue_limit


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
