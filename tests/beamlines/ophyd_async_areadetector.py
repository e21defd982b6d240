"""A count with three cameras that write HDF5 with attributes of frames, TIFF, and JPEG.

The documents are those of ophyd-async's ``AreaDetector`` with each of its writers.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments
from tests.files import frames, read_jpeg, write_hdf5, write_jpeg, write_sequence, write_tiff

MAPPING = "ophyd-async-areadetector"
FILES_AT = "/data/visit"

POINTS = 3
FRAMES = {"cam": 1, "sci": 2, "view": 1}
"""Of each event."""


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments("areadetector", 1_781_000_000.0, scan_id=12, plan_name="count")
    at = f"file://localhost{FILES_AT}"

    def external(camera: str, source: str, *shape: int, dtype: str) -> dict[str, Any]:
        lengths = [FRAMES[camera], *shape]
        return {
            "source": source,
            "shape": lengths,
            "dtype": "array" if len(lengths) > 1 or lengths[0] > 1 else "number",
            "dtype_numpy": dtype,
            "external": "STREAM:",
            "object_name": camera,
        }

    run.descriptor(
        "primary",
        {
            "cam": external("cam", f"{at}/cam.h5", 4, 6, dtype="<u2"),
            "cam-sum": external("cam", "ca://CAM:STAT:Total_RBV", dtype="<f8"),
            "sci": external("sci", f"{at}/", 3, 5, dtype="<u2"),
            "view": external("view", f"{at}/", 16, 24, dtype="|u1"),
            "energy": {"source": "ca://MONO", "shape": [], "dtype": "number", "dtype_numpy": "<f8"},
        },
    )
    resources = [
        run.stream_resource(
            "cam",
            "application/x-hdf5",
            f"{at}/cam.h5",
            {"chunk_shape": [1, 4, 6], "dataset": "/entry/data/data"},
        ),
        run.stream_resource(
            "cam-sum",
            "application/x-hdf5",
            f"{at}/cam.h5",
            {"chunk_shape": [16384], "dataset": "/entry/instrument/NDAttributes/cam-sum"},
        ),
        run.stream_resource(
            "sci",
            "multipart/related;type=image/tiff",
            f"{at}/",
            {"chunk_shape": [1, 3, 5], "template": "sci-1_{:06d}.tiff"},
        ),
        run.stream_resource(
            "view",
            "multipart/related;type=image/jpeg",
            f"{at}/",
            {"chunk_shape": [1, 16, 24], "template": "view-1_{:06d}.jpg"},
        ),
    ]
    for point in range(POINTS):
        for resource in resources:
            run.stream_datum(resource, "primary", point, point + 1)
        run.event("primary", {"energy": 7.0 + point / 100})
    run.stop()
    yield from run


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    images = frames(POINTS, 4, 6)
    sums = images.sum(axis=(1, 2)).astype("f8")
    sums_at = "entry/instrument/NDAttributes/cam-sum"
    write_hdf5(
        root / "cam.h5", {"entry/data/data": images, sums_at: sums}, chunks={sums_at: (16384,)}
    )
    scientific = frames(POINTS * FRAMES["sci"], 3, 5)
    write_sequence(f"{root}/sci-1_{{:06d}}.tiff", scientific, write_tiff)
    pictures = frames(POINTS, 16, 24, dtype="uint8")
    written = write_sequence(f"{root}/view-1_{{:06d}}.jpg", pictures, write_jpeg)
    return {
        "primary/cam": images,
        "primary/cam-sum": sums,
        "primary/sci": scientific,
        "primary/view": np.stack([read_jpeg(path) for path in written]),
        "primary/internal/energy": 7.0 + np.arange(POINTS) / 100,
    }
