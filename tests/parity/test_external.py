"""For data in files, `bluesky-v3` writes what bluesky-tiled-plugins' TiledWriter writes.

Both register the same real files in the same catalog. Nodes, structures, assets, parameters and
metadata are compared, and what Tiled then reads is compared with what is in the files. Where the
two differ, the incumbent is wrong: `test_defects` says how.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.parity.both import MAX_ARRAY_SIZE, differences, read_by_clients, write_ours, write_theirs
from tests.parity.snapshot import contents, snapshot
from tests.runs.external.record import ACQUIRED, COMPOSED, Recorded
from tiledmap.sinks.embedded import EmbeddedCatalog, open_catalog

RECORDINGS = {**COMPOSED, **ACQUIRED}
UNLIKE = {"datums-late", "tiff-pages"}
"""The incumbent refuses these, or stores them wrongly."""
NOT_FOR_CLIENTS = {"counted-by-frame", "counted-by-indices", "blobs"}
"""Bluesky's clients want a row for each event, and arrays only."""
ROWS_ARE_NO_EVENTS = {"counted-by-frame", "counted-by-indices", "gaps", "out-of-order"}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ophyd")


@dataclass(frozen=True)
class Written:
    """One run in two containers, and what its files hold."""

    name: str
    recorded: Recorded
    ours: Any
    theirs: Any


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parity")


@pytest.fixture(scope="module")
def shared_catalog(home: Path) -> Iterator[EmbeddedCatalog]:
    (home / "files").mkdir()
    with open_catalog(
        home / "catalog", readable_storage=[home / "files"], storage="duckdb"
    ) as catalog:
        yield catalog


@pytest.fixture(scope="module", params=sorted({*RECORDINGS} - UNLIKE))
def written(request: pytest.FixtureRequest, home: Path, shared_catalog: EmbeddedCatalog) -> Written:
    name: str = request.param
    directory = home / "files" / name
    directory.mkdir()
    recorded = RECORDINGS[name](directory)
    ours = write_ours(shared_catalog, recorded.documents, max_array_size=MAX_ARRAY_SIZE)
    return Written(name, recorded, ours, write_theirs(shared_catalog, recorded.documents))


def test_the_trees_are_equal(written: Written) -> None:
    """Every node: structure, assets, parameters, properties, metadata, specs, values."""
    assert differences(snapshot(written.ours), snapshot(written.theirs)) == {}


def test_what_is_read_is_in_the_files(written: Written) -> None:
    (run,) = written.ours.values()
    for path, values in written.recorded.values.items():
        stream, key = path.split("/")
        node = run[stream].base[key]
        if isinstance(values, list):
            assert list(contents(node).values()) == values
        else:
            found = node.read()
            assert found.dtype == values.dtype
            np.testing.assert_array_equal(found, values)


def test_its_clients_read_the_same(written: Written) -> None:
    """Through `BlueskyRun`, `BlueskyEventStream`, `.v2` and `documents()`."""
    if written.name in NOT_FOR_CLIENTS:
        for container in (written.ours, written.theirs):
            with pytest.raises((ValueError, AttributeError)):
                read_by_clients(container)
    else:
        ours, theirs = read_by_clients(written.ours, written.theirs)
        assert differences(ours, theirs) == {}


def test_notes_say_where_rows_are_no_events(written: Written) -> None:
    (run,) = written.ours.values()
    notes = run.metadata.get("notes", [])
    assert ["not numbered as the events" in note for note in notes] == [True] * (
        written.name in ROWS_ARE_NO_EVENTS
    )
