"""A RunEngine, and a container of a Tiled server in which its runs end up."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from bluesky import RunEngine

import tiledmap
from tests.conftest import Server
from tests.faults.catalogs import read_tree
from tests.parity.both import differences
from tests.waiting import wait_for
from tiledmap.documents.recordings import NamedDocument
from tiledmap.runtime.journal import survey


@dataclass
class Beamline:
    """A RunEngine whose documents are recorded, and where they are to be stored."""

    server: Server
    container: Any
    spool: Path
    engine: RunEngine = field(default_factory=lambda: RunEngine(call_returns_result=False))
    documents: list[NamedDocument] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine.subscribe(lambda name, document: self.documents.append((name, dict(document))))

    @property
    def run(self) -> str:
        """The uid of the run that began last."""
        return [document["uid"] for name, document in self.documents if name == "start"][-1]

    @property
    def runs_stored(self) -> set[str]:
        """The runs that have their stop documents in Tiled."""
        runs = self.container.items()
        return {key for key, run in runs if "stop" in run.metadata}

    def rows(self, stream: str = "primary") -> int:
        """How many rows of the last run a reader finds who looks for them now."""
        try:
            return len(self.container[f"{self.run}/{stream}"].read()["time"])
        except KeyError:
            return 0

    def assert_whole(self) -> None:
        """Wait for what is on its way; Tiled then holds what one inline writer makes of it all."""
        runs = {document["uid"] for name, document in self.documents if name == "start"}
        wait_for(lambda: self.runs_stored == runs)
        wait_for(lambda: not survey(self.spool))
        assert differences(read_tree(self.container), self._written_inline()) == {}

    def _written_inline(self) -> dict[str, Any]:
        client = self.server.connect()
        container = client.create_container(f"inline-{uuid4().hex}")
        inline = tiledmap.load("bluesky-v3").writer(container, delivery="inline", on_error="raise")
        with inline:
            for name, document in self.documents:
                inline(name, document)
        tree = read_tree(container)
        client.context.close()
        return tree


@pytest.fixture
def beamline(server: Server, served: Any, tmp_path: Path) -> Beamline:
    return Beamline(server, served, tmp_path / "spool")


@pytest.fixture
def writer(beamline: Beamline) -> Iterator[Any]:
    """A writer of the container, in the background, with a spool."""
    mapping = tiledmap.load("bluesky-v3")
    with mapping.writer(beamline.container, spool=beamline.spool) as writer:
        yield writer
