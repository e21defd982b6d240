"""SMI: Pilatus frames as TIFF, on the disk's old mount, described as float64."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments, data_root
from tests.files import write_sequence

MAPPING = "smi"
SETTINGS = data_root
POINTS = 2
DIRECTORY = "proposals/2025-2/pass-316500/assets/pil1M/2025/06/01"
NAME = "5c3f5cbb-1c0e-4a3f-9d19"


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments(
        "smi",
        1_748_770_000.0,
        scan_id=871_234,
        plan_name="grid_scan",
        detectors=["pil1M"],
        motors=["piezo_x"],
        sample_name="PS-b-PMMA_thin_film",
        data_session="pass-316500",
        tiled_access_tags=["pass-316500"],
        cycle="2025-2",
    )
    run.descriptor(
        "primary",
        {
            "pil1M_image": {
                "source": "PV:XF:12IDC-ES:2{Det:1M}",
                "dtype": "array",
                "dtype_str": "<f8",
                "shape": [1, 1043, 981],
                "external": "FILESTORE:",
                "object_name": "pil1M",
            },
            "piezo_x": {
                "source": "PV:XF:12IDC-ES:2{Stg:Piezo}",
                "dtype": "number",
                "dtype_str": "<f8",
                "shape": [],
                "units": "um",
                "precision": 3,
                "object_name": "piezo",
            },
        },
    )
    resource = run.resource(
        "AD_TIFF",
        "/nsls2/data1/smi",
        DIRECTORY,
        {"template": "%s%s_%6.6d.tiff", "filename": NAME, "frame_per_point": 1},
    )
    for point in range(POINTS):
        datum = run.datum(resource, point_number=point)
        run.event("primary", {"pil1M_image": datum, "piezo_x": 100.0 + 25.0 * point})
    run.stop()
    yield from run


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    # As the detector has it: gaps between modules are -1, and counts are few.
    pixels = np.arange(1043 * 981, dtype="int32").reshape(1043, 981) % 251
    pixels[195:212] = -1
    frames = np.stack([pixels + point for point in range(POINTS)])

    def write(path: Path, frame: npt.NDArray[Any]) -> None:
        tifffile.imwrite(path, frame, compression="zlib")

    write_sequence(f"{root}/{DIRECTORY}/{NAME}_{{:06d}}.tiff", frames, write)
    return {
        "primary/pil1M_image": frames,
        "primary/internal/piezo_x": np.array([100.0, 125.0]),
    }
