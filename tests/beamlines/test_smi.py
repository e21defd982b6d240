"""What SMI's mapping puts right, and that without it the same documents fail."""

from pathlib import Path
from typing import Any

import numpy as np

import tiledmap
from tests.beamlines import smi
from tiledmap.runtime.ops import Asset
from tiledmap.sinks.memory import MemorySink, StoredNode
from tiledmap.testing.logs import logged_texts

DOCUMENTS = list(smi.documents())
UID = DOCUMENTS[0][1]["uid"]


def store(mapping: str, root: Path, **options: Any) -> tuple[MemorySink, list[str]]:
    """Write the run into memory and compare it with its files; what was logged."""
    sink = MemorySink()
    loaded = tiledmap.load(mapping, **options)
    writer = loaded.writer(sink, check_files="error", file_roots=[root])
    with logged_texts() as texts, writer:
        for name, document in DOCUMENTS:
            writer(name, document)
    return sink, texts


def image(sink: MemorySink) -> StoredNode:
    return sink.tree[UID, "primary", "pil1M_image"]


def test_frames_are_registered_where_they_are_and_as_what_they_are() -> None:
    source = image(tiledmap.load("smi").preview(DOCUMENTS)).source

    assert source is not None
    directory = f"file://localhost/nsls2/data/smi/{smi.DIRECTORY}"
    assert source.assets == (
        Asset(f"{directory}/{smi.NAME}_000000.tiff", "data_uris", 0),
        Asset(f"{directory}/{smi.NAME}_000001.tiff", "data_uris", 1),
    )
    assert source.mimetype == "multipart/related;type=image/tiff"
    assert source.dtype == np.dtype("<i4")
    assert source.shape == (2, 1043, 981)
    assert source.chunks == ((1, 1), (1043,), (981,))


def test_every_node_has_the_proposal_as_its_tag_and_says_where_it_comes_from() -> None:
    tree = tiledmap.load("smi").preview(DOCUMENTS).tree

    assert {node.access_tags for node in tree.values()} == {("pass-316500",)}
    assert list(map(str, tree[UID,].specs)) == ["BlueskyRun/3.0"]
    assert "tiled_access_tags" not in tree[UID,].metadata["start"]
    assert list(map(str, tree[UID, "primary"].specs)) == ["BlueskyEventStream/3.0", "composite"]
    assert tree[UID, "primary", "pil1M_image"].metadata == {"spec": "AD_TIFF", "frame_per_point": 1}


def test_documents_and_files_agree_with_the_mapping(tmp_path: Path) -> None:
    smi.write_files(tmp_path)

    sink, texts = store("smi", tmp_path, settings={"data_root": str(tmp_path)})

    assert texts == []
    assert "notes" not in sink.tree[UID,].metadata


def test_without_the_mapping_the_files_are_not_found(tmp_path: Path) -> None:
    smi.write_files(tmp_path)

    sink, texts = store("bluesky-v3", tmp_path)

    assert any("/nsls2/data1/smi" in text for text in texts), texts
    assert sink.tree[UID,].metadata["notes"]


def test_without_the_mapping_the_type_is_not_that_of_the_files(tmp_path: Path) -> None:
    smi.write_files(tmp_path)
    overlay = tmp_path / "mounted.yaml"
    overlay.write_text(
        "tiledmap: 1\nname: mounted\nversion: 1.0.0\n"
        "repair:\n  roots:\n"
        f"    - {{name: mount, prefix: /nsls2/data1/smi, becomes: {tmp_path}, reason: a test}}\n"
    )

    _, [text] = store("bluesky-v3", tmp_path, overlays=[overlay])

    assert "pil1M_image: declared (2, 1, 1043, 981) of float64" in text
    assert "of int32" in text
