"""Frames of the RIXS camera; centroids as new runs bring them, and as old ones did."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments
from tests.files import frames, write_hdf5

MAPPING = "six"

POINTS, FRAMES = 2, 3
CENTROIDS = [[[0.5, 1.5], [2.5], []], [[3.5], [4.5, 5.5, 6.5], [7.5]]]
"""For each event and frame."""


def SETTINGS(root: Path) -> dict[str, Any]:  # noqa: N802
    return {"data_root": str(root)}


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments("six", 1_785_000_000.0, scan_id=344_687, plan_name="count")
    image = {"dtype": "array", "external": "FILESTORE:", "source": "PV:XF:02ID1-ES{RIXSCam}:"}
    centroids = {
        "dtype": "array",
        "shape": [FRAMES, None],
        "source": "PV:XIP1",
        "dtype_numpy": "<f8",
    }
    run.descriptor(
        "primary",
        {
            "rixscam_image": {**image, "shape": [FRAMES, 4, 6]},
            "rixscam_centroids": {**image, "shape": [1, 2, 7]},
            "rixscam_centroids_x": centroids,
            "rixscam_centroids_y": centroids,
            "extslt_vg_user_setpoint": {"dtype": "integer", "shape": [], "source": "PV:Slt"},
        },
    )
    images = run.resource(
        "AD_HDF5",
        "/nsls2/data/six/proposals/2026-2/pass-319000/assets/rixscam",
        "2026/07/28/r1.h5",
        {"frame_per_point": FRAMES},
    )
    tables = run.resource(
        "AD_HDF5_SINGLE_XIP",
        "/XF02ID1",
        "RIXSCAM/DATA/2019/07/28",
        {
            "template": "%s%s_%6.6d.h5",
            "filename": "x2",
            "key": "/entry/data/data",
            "column_names": ["x", "y", "x_eta", "y_eta", "y_eta_iso", "sum_regions", "XIP mode"],
            "frame_per_point": 1,
        },
    )
    for point in range(POINTS):
        run.event(
            "primary",
            {
                "rixscam_image": run.datum(images, point_number=point),
                "rixscam_centroids": run.datum(tables, point_number=point),
                "rixscam_centroids_x": CENTROIDS[point],
                "rixscam_centroids_y": CENTROIDS[point],
                "extslt_vg_user_setpoint": 10 + point / 2,
            },
        )
    run.stop()
    yield from run


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    images = frames(POINTS * FRAMES, 4, 6)
    directory = root / "proposals/2026-2/pass-319000/assets/rixscam/2026/07/28"
    write_hdf5(directory / "r1.h5", {"entry/data/data": images})
    tables = []
    for point in range(POINTS):
        path = root / f"legacy/RIXSCAM/DATA/2019/07/28/x2_{point:06d}.h5"
        write_hdf5(path, {"entry/data/data": frames(point + 2, 7, dtype="float32")})
        tables.append(path.read_bytes())
    return {
        "primary/rixscam_centroids": np.frombuffer(b"".join(tables), dtype="uint8"),
        "primary/rixscam_image": images.reshape(POINTS, FRAMES, 4, 6),
        "primary/internal/extslt_vg_user_setpoint": 10 + np.arange(POINTS) / 2,
    }
