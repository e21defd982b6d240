"""For internal data, `bluesky-v3` writes what bluesky-tiled-plugins' TiledWriter writes.

Both write the same recorded documents into the same catalog; everything that a reader can find is
compared. Where the two differ, the incumbent is wrong, and a test below says how.
"""

from pathlib import Path
from typing import Any

import pytest

import tiledmap
from tests.parity.both import differences, read_by_clients, write_both
from tests.parity.snapshot import snapshot
from tiledmap.documents.recordings import read_documents
from tiledmap.sinks.embedded import EmbeddedCatalog

ALIKE = ["scan", "nested", "pages", "at5", "ophyd-async", "count-arrays"]

Tree = dict[str, Any]


@pytest.fixture
def trees(request: pytest.FixtureRequest, duckdb_catalog: EmbeddedCatalog, runs: Path) -> Any:
    documents = list(read_documents(runs / f"{request.param}.jsonl"))
    return tuple(snapshot(client) for client in write_both(duckdb_catalog, documents))


@pytest.mark.parametrize("trees", ALIKE, indirect=True)
def test_the_trees_are_equal(trees: tuple[Tree, Tree]) -> None:
    ours, theirs = trees

    assert differences(ours, theirs) == {}


@pytest.mark.parametrize("name", ALIKE)
def test_its_clients_read_the_same(duckdb_catalog: EmbeddedCatalog, runs: Path, name: str) -> None:
    """Through `BlueskyRun`, `BlueskyEventStream`, `.v2` and `documents()`."""
    documents = list(read_documents(runs / f"{name}.jsonl"))
    ours, theirs = read_by_clients(*write_both(duckdb_catalog, documents))

    assert ours == theirs


# ---------------------------------------------------------------- where the incumbent is wrong


@pytest.mark.parametrize("trees", ["strings"], indirect=True)
def test_a_column_has_the_type_that_its_data_key_declares(trees: tuple[Tree, Tree]) -> None:
    """The incumbent infers it from the first batch: an integer signal that holds truth values."""
    ours, theirs = trees

    assert {
        path.rpartition("/")[0].rpartition("/")[2]: values
        for path, values in differences(ours, theirs).items()
        if path.endswith("/type")
    } == {"labels_shutter_open": ("int64", "bool")}


@pytest.mark.parametrize("trees", ["ragged"], indirect=True)
def test_whole_numbers_do_not_make_a_declared_float_an_integer(trees: tuple[Tree, Tree]) -> None:
    ours, theirs = trees

    types = {
        path.rpartition("/")[0].rpartition("/")[2]: values
        for path, values in differences(ours, theirs).items()
        if path.endswith("/type")
    }
    assert types == {
        "x": ("double", "int64"),
        "nothing": ("list<item: double>", "list<item: string>"),
    }


@pytest.mark.parametrize("trees", ["reserved"], indirect=True)
def test_numbers_are_kept_and_never_clamped(trees: tuple[Tree, Tree]) -> None:
    ours, theirs = trees

    found = {path.rpartition("/")[2]: values for path, values in differences(ours, theirs).items()}
    assert found == {
        "large": (2**63 - 1, 2**53 - 1),
        "huge": (None, 2**53 - 1),
        "limits": ([None, None], [-1.7976e308, 1.7976e308]),
    }


def test_what_json_cannot_hold_is_kept_beside_it(
    duckdb_catalog: EmbeddedCatalog, runs: Path
) -> None:
    documents = list(read_documents(runs / "reserved.jsonl"))
    ours, _ = write_both(duckdb_catalog, documents)
    (uid,) = ours

    restored = tiledmap.restore_exact(ours[uid].metadata)

    assert restored["start"]["extreme"] == documents[0][1]["extreme"]
