"""What the trees of shipped layouts cannot show: classes in metadata, and runs that are refused."""

from pathlib import Path
from typing import Any

import pytest

import tiledmap
from tests.beamlines import access_tags_by_proposal, moved, nexus_simple, panda_flyscan
from tiledmap.sinks.embedded import open_catalog
from tiledmap.sinks.memory import MemorySink
from tiledmap.sinks.tree import descend

CLASSES = {
    "": "NXentry",
    "instrument": "NXinstrument",
    "instrument/saxs_image": "NXdetector",
    "instrument/mca_spectrum": "NXdata",
    "instrument/photon_energies": "NXdata",
    "instrument/log": "NXlog",
    "sample": "NXsample",
    "sample/log": "NXlog",
    "ring": "NXcollection",
    "ring/log": "NXlog",
}


def test_every_node_of_a_nexus_like_tree_has_its_class(tmp_path: Path) -> None:
    documents = list(nexus_simple.documents())
    with open_catalog(tmp_path / "catalog") as catalog:
        with tiledmap.load("nexus-simple").writer(catalog.client) as writer:
            for name, document in documents:
                writer(name, document)
        run = catalog.client[documents[0][1]["uid"]]
        found = {path: descend(run, tuple(path.split("/")) if path else ()) for path in CLASSES}
        assert {path: node.metadata["NX_class"] for path, node in found.items()} == CLASSES
        assert found["sample"].metadata["name"] == "Ni foil"
        assert found["instrument/saxs_image"].metadata["local_name"] == "saxs"


def test_what_a_panda_captures_is_one_dataset_with_the_frames(tmp_path: Path) -> None:
    documents = list(panda_flyscan.documents())
    panda_flyscan.write_files(tmp_path)
    mapping = tiledmap.load("panda-flyscan", overlays=moved(panda_flyscan, tmp_path, tmp_path))
    with open_catalog(tmp_path / "catalog", readable_storage=[tmp_path]) as catalog:
        with mapping.writer(catalog.client) as writer:
            for name, document in documents:
                writer(name, document)
        dataset = catalog.client[documents[0][1]["uid"]]["main"].read()
    assert {name: values.dims[0] for name, values in dataset.data_vars.items()} == {
        "x": "time",
        "y": "time",
        "pcap_time": "time",
        "encoder": "sample",
        "cam": "time",
    }


@pytest.mark.parametrize(
    ("kept", "tags"),
    [
        ({"data_session"}, ["pass-316500", "orcid:0000-0001-0000-0001", "beamline-staff"]),
        ({"proposal"}, ["proposal:316500", "orcid:0000-0001-0000-0001", "beamline-staff"]),
        (set(), None),
    ],
)
def test_a_run_has_the_tags_of_its_proposal_or_is_refused(
    kept: set[str], tags: list[str] | None
) -> None:
    gone = {"data_session", "proposal"} - kept
    if not kept:
        gone |= {"tiled_access_tags"}
    sink = MemorySink()
    with tiledmap.load("access-tags-by-proposal").writer(sink) as writer:
        for name, document in access_tags_by_proposal.documents():
            writer(name, _without(document, gone) if name == "start" else document)
    nodes = 0 if tags is None else 3  # the run, its stream and the table
    assert [list(node.access_tags or ()) for node in sink.tree.values()] == [tags] * nodes


def _without(document: dict[str, Any], fields: set[str]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in fields}
