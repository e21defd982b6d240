"""Pilatus images of SMI: another mount, another dtype, an old template (field need AT-1)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiledmap
from tests.acceptance.logs import errors_in
from tests.files import Array, frames, write_sequence, write_tiff
from tests.runtime.layouts import descriptor, event, start, stop
from tiledmap.documents.recordings import NamedDocument
from tiledmap.sinks.embedded import EmbeddedCatalog, open_catalog

FOLDER = "proposals/2025-2/pass-316500/assets/pil1M/2025/06/01"
ROWS, COLUMNS = 1043, 981

DOCUMENTS: list[NamedDocument] = [
    (
        "start",
        start("R1", scan_id=1, data_session="pass-316500", tiled_access_tags=["pass-316500"]),
    ),
    (
        "descriptor",
        descriptor(
            {
                "pil1M_image": {
                    "source": "PV:x",
                    "dtype": "array",
                    "dtype_str": "<f8",
                    "shape": [1, ROWS, COLUMNS],
                    "external": "FILESTORE:",
                }
            },
            run="R1",
        ),
    ),
    (
        "resource",
        {
            "uid": "RES",
            "run_start": "R1",
            "spec": "AD_TIFF",
            "root": "/nsls2/data1/smi",
            "resource_path": FOLDER,
            "path_semantics": "posix",
            "resource_kwargs": {
                "template": "%s%s_%6.6d.tiff",
                "filename": "abc",
                "frame_per_point": 1,
            },
        },
    ),
    *(
        document
        for n in range(2)
        for document in (
            (
                "datum",
                {"datum_id": f"RES/{n}", "resource": "RES", "datum_kwargs": {"point_number": n}},
            ),
            (
                "event",
                event(n + 1, {"pil1M_image": f"RES/{n}"}, filled={"pil1M_image": False}),
            ),
        )
    ),
    ("stop", stop("R1")),
]


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Where SMI's files are now."""
    return tmp_path / "smi"


@pytest.fixture
def images(disk: Path) -> Array:
    images = frames(2, ROWS, COLUMNS, dtype="int32")
    write_sequence(f"{disk}/{FOLDER}/abc_{{:06d}}.tiff", images, write_tiff)
    return images


@pytest.fixture
def catalog(tmp_path: Path, disk: Path) -> Iterator[EmbeddedCatalog]:
    disk.mkdir(exist_ok=True)
    with open_catalog(tmp_path / "catalog", readable_storage=[disk]) as catalog:
        yield catalog


def write(client: Any, mapping: str, on_error: str = "raise", **options: Any) -> Any:
    settings = options.pop("settings", {})
    loaded = tiledmap.load(mapping, settings=settings)
    with loaded.writer(client, on_error=on_error, **options) as writer:
        for name, document in DOCUMENTS:
            writer(name, document)
    return client["R1"]


def test_the_images_are_read_from_the_disk(
    catalog: EmbeddedCatalog, disk: Path, images: Array
) -> None:
    run = write(catalog.client, "smi", settings={"data_root": str(disk)})

    assert [str(spec.name) for spec in run.specs] == ["BlueskyRun"]
    assert "tiled_access_tags" not in run.metadata["start"]
    assert [spec.name for spec in run["primary"].specs] == ["BlueskyEventStream", "composite"]
    node = run["primary"].base["pil1M_image"]
    (source,) = node.data_sources()
    assert source.mimetype == "multipart/related;type=image/tiff"
    assert (node.shape, node.dtype) == ((2, ROWS, COLUMNS), np.dtype("<i4"))
    assert node.chunks == ((1, 1), (ROWS,), (COLUMNS,))
    assert node.metadata == {"spec": "AD_TIFF", "frame_per_point": 1}
    assert [asset.data_uri for asset in source.assets] == [
        f"file://localhost{disk}/{FOLDER}/abc_{n:06d}.tiff" for n in range(2)
    ]
    np.testing.assert_array_equal(node.read(), images)
    np.testing.assert_array_equal(node[1, 500:502, 7], images[1, 500:502, 7])


def test_every_node_has_the_tags_and_the_old_mount_is_gone() -> None:
    tree = tiledmap.load("smi").preview(DOCUMENTS).tree

    nodes = [("R1",), ("R1", "primary"), ("R1", "primary", "internal")]
    nodes.append(("R1", "primary", "pil1M_image"))
    assert {path: node.access_tags for path, node in tree.items()} == dict.fromkeys(
        nodes, ("pass-316500",)
    )
    source = tree["R1", "primary", "pil1M_image"].source
    assert source is not None
    assert [asset.uri for asset in source.assets] == [
        f"file://localhost/nsls2/data/smi/{FOLDER}/abc_{n:06d}.tiff" for n in range(2)
    ]


def test_without_smis_mapping_it_fails_clearly(
    catalog: EmbeddedCatalog, images: Array, caplog: pytest.LogCaptureFixture
) -> None:
    run = write(catalog.client, "bluesky-v3", on_error="log", check_files="error")

    assert any("/nsls2/data1/smi" in error for error in errors_in(caplog))
    assert any("/nsls2/data1/smi" in note for note in run.metadata["notes"])
    assert run.metadata["stop"]["exit_status"] == "success"
