"""A scan while the server is away: the RunEngine does not notice, and a replay delivers all."""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bluesky import RunEngine
from bluesky.plans import scan
from ophyd.sim import det1, det2, motor

from tests.faults.catalogs import read_tree
from tests.faults.trials import open_ground
from tests.parity.both import differences
from tiledmap.runtime.journal import survey


@dataclass(frozen=True)
class Absence:
    """What scans were like without a server.

    Parameters
    ----------
    alone, with_writer
        Seconds of each scan without any subscriber, and with a writer whose server is away; the
        two took turns.
    documents
        How many were accepted while it was away.
    left
        Journals that were left in the spool once the server was there again.
    different
        Where the catalog differs from that of a writer that had its server all along.
    """

    alone: list[float]
    with_writer: list[float]
    documents: int
    left: int
    different: dict[str, Any]

    @property
    def ratio(self) -> float:
        """How much longer a scan takes."""
        return statistics.median(self.with_writer) / statistics.median(self.alone)


def try_absence(scans: int, points: int) -> Absence:
    """Scan with and without a writer in turns, its server being away; then let it come back."""
    alone, with_writer, documents = [], [], []
    engine = RunEngine({})

    def run() -> float:
        began = time.perf_counter()
        engine(scan([det1, det2], motor, -1, 1, points))
        return time.perf_counter() - began

    with open_ground() as ground, TemporaryDirectory() as spool:
        away = ground.root.create_container("away")
        there = ground.root.create_container("there")
        ground.server.kill()
        ground.server.join()
        writer = ground.mapping.writer(away, spool=spool)
        for _ in range(scans):
            alone.append(run())
            tokens = [
                engine.subscribe(writer),
                engine.subscribe(lambda name, document: documents.append((name, document))),
            ]
            with_writer.append(run())
            for token in tokens:
                engine.unsubscribe(token)
        writer.close(timeout=0)
        ground.server.start()
        with ground.mapping.writer(away, spool=spool) as replay:
            replay.flush()
        with ground.mapping.writer(there, delivery="inline") as reference:
            for name, document in documents:
                reference(name, document)
        different = differences(read_tree(away), read_tree(there))
        return Absence(alone, with_writer, len(documents), len(survey(Path(spool))), different)
