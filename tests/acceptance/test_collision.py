"""Streams and data keys whose names, joined, are equal: each keeps its own files.

Stream ``primary`` has a data key ``x_y``, and stream ``primary_x`` a data key ``y``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.files import Array, frames, write_sequence, write_tiff
from tests.parity.both import write_ours, write_theirs
from tests.runs.external.record import TIFF, image, stream_datum, stream_resource
from tests.runtime.layouts import descriptor, start, stop
from tiledmap.documents.recordings import NamedDocument
from tiledmap.sinks.embedded import EmbeddedCatalog, open_catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    (tmp_path / "files").mkdir()
    with open_catalog(tmp_path / "catalog", readable_storage=[tmp_path / "files"]) as catalog:
        yield catalog


@pytest.fixture
def images() -> Array:
    return frames(6, 2, 2)


@pytest.fixture
def documents(tmp_path: Path, images: Array) -> list[NamedDocument]:
    files = tmp_path / "files"
    write_sequence(f"{files}/left_{{:d}}.tiff", images[:3], write_tiff)
    write_sequence(f"{files}/right_{{:d}}.tiff", images[3:], write_tiff)
    declared = image(1, 2, 2, dtype_numpy="<u2")
    return [
        ("start", start()),
        ("descriptor", descriptor({"x_y": declared}, uid="desc-1")),
        ("descriptor", descriptor({"y": declared}, uid="desc-2", name="primary_x")),
        stream_resource(TIFF, files, "left", "x_y", template="/left_{:d}.tiff"),
        stream_resource(TIFF, files, "right", "y", template="/right_{:d}.tiff"),
        stream_datum(0, 3, "left", "desc-1"),
        stream_datum(0, 3, "right", "desc-2"),
        ("stop", stop()),
    ]


def nodes(container: Any) -> dict[str, Any]:
    run = container["run-1"]
    return {f"{stream}/{key}": node for stream in run for key, node in run[stream].base.items()}


def test_there_are_two_nodes_with_their_own_files(
    catalog: EmbeddedCatalog, documents: list[NamedDocument], images: Array
) -> None:
    found = nodes(write_ours(catalog, documents))

    assert sorted(found) == ["primary/x_y", "primary_x/y"]
    np.testing.assert_array_equal(found["primary/x_y"].read(), images[:3, None])
    np.testing.assert_array_equal(found["primary_x/y"].read(), images[3:, None])


def test_the_incumbent_merges_them(
    catalog: EmbeddedCatalog, documents: list[NamedDocument]
) -> None:
    found = nodes(write_theirs(catalog, documents))

    assert {path: node.shape for path, node in found.items()} == {"primary/x_y": (6, 1, 2, 2)}
