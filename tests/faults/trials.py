"""What all kinds of trials share: a clean write to compare with, and what has come of them."""

import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tiledmap
from tests.faults.catalogs import read_tree
from tests.faults.runs import compose_documents
from tests.faults.server import SERVE, Storage, TiledServer
from tests.parity.both import differences
from tiledmap.api import LoadedMapping
from tiledmap.documents.recordings import NamedDocument
from tiledmap.runtime.journal import survey

MAPPINGS: dict[Storage, LoadedMapping] = {
    storage: tiledmap.load("bluesky-v3", settings={"max_array_size": size})
    for storage, size in (("sqlite", 0), ("postgresql", 2))
}
"""Short arrays become columns of lists where tables have such."""
REPEATED = 10
"""How many trials write the same documents, so that a clean write of them serves all."""


@dataclass
class Outcome:
    """What has come of a number of trials.

    Parameters
    ----------
    happened
        How often what was done to them.
    different
        Where a trial's catalog differs from that of a clean write, with what each has there.
    """

    seed: int
    trials: int = 0
    runs: int = 0
    documents: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    different: dict[int, dict[str, Any]] = field(default_factory=dict)

    def add(
        self, trial: int, documents: Sequence[NamedDocument], different: dict[str, Any]
    ) -> None:
        """Count a trial that is over."""
        self.trials += 1
        self.runs += sum(name == "start" for name, _ in documents)
        self.documents += len(documents)
        if different:
            self.different[trial] = different

    def __str__(self) -> str:
        lines = [f"seed {self.seed}: {len(self.different)} of {self.trials} trials differ"]
        for trial, found in self.different.items():
            lines.append(f"trial {trial}, which --seed {self.seed} --first {trial} repeats:")
            for place, (ours, clean) in found.items():
                lines.append(f"  {place}: {ours!s:.200}, not {clean!s:.200}")
        return "\n".join(lines)


class Ground:
    """A Tiled server to try things on, and what clean writes make of the same documents."""

    def __init__(self, home: Path, server: TiledServer, root: Any, storage: Storage) -> None:
        self.home = home
        self.server = server
        self.root = root
        self.mapping = MAPPINGS[storage]
        self.storage = storage
        self._orders_rows = storage == "sqlite"
        self._clean: dict[str, dict[str, Any]] = {}

    def spool(self, trial: int) -> Path:
        """The directory for a trial's journals."""
        spool = self.home / f"spool-{trial}"
        spool.mkdir(mode=0o700, exist_ok=True)
        return spool

    def differences(self, trial: int, seed: str) -> dict[str, Any]:
        """Where a trial differs from a clean write of the documents of `seed`.

        After one, there is its tree, and no journal.
        """
        journals = {"journals": [journal.run for journal in survey(self.spool(trial))]}
        tree = read_tree(self.root[f"trial-{trial}"], self._orders_rows)
        return differences(tree | journals, self._clean_tree(seed) | {"journals": []})

    def _clean_tree(self, seed: str) -> dict[str, Any]:
        if seed not in self._clean:
            container = self.root.create_container(f"clean-{seed}")
            with self.mapping.writer(container, delivery="inline", on_error="raise") as writer:
                for name, document in compose_documents(seed):
                    writer(name, document)
            self._clean[seed] = read_tree(container, self._orders_rows)
        return self._clean[seed]


@contextmanager
def open_ground(storage: Storage = "sqlite") -> Iterator[Ground]:
    """Serve an empty catalog in a directory of its own."""
    with (
        TemporaryDirectory(prefix="tiledmap-faults-") as home,
        SERVE[storage](Path(home)) as server,
        server.connect() as root,
    ):
        yield Ground(Path(home), server, root, storage)


def kind_of(seed: int, trial: int) -> str:
    """The seed of a trial's documents."""
    return f"{seed}-{trial // REPEATED}"


def draw_seed() -> int:
    """A seed for everything: that of ``TILEDMAP_SEED``, or a new one each time."""
    return int(os.environ.get("TILEDMAP_SEED") or random.randrange(2**32))
