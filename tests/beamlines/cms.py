"""CMS: TIFF frames of two Pilatus; one is described the wrong way round, one without its frame."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments, data_root
from tests.files import frames, write_sequence, write_tiff

MAPPING = "cms"
SETTINGS = data_root
POINTS = 3
DIRECTORIES = {
    "pilatus800_image": "proposals/2025-3/pass-317891/assets/pilatus800-1/2025/11/04",
    "pilatus2M_image": "proposals/2025-3/pass-317891/assets/pilatus2m-1/2025/11/04",
}
SHAPES = {"pilatus800_image": (31, 27), "pilatus2M_image": (41, 37)}


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments(
        "cms",
        1_762_254_000.0,
        scan_id=1_312_400,
        plan_name="count",
        detectors=["pilatus800", "pilatus2M"],
        sample_name="run2_polymer_th0.120",
        data_session="pass-317891",
        cycle="2025-3",
    )
    run.descriptor(
        "primary",
        {
            # height and width stand where a camera without frames puts width and height
            "pilatus800_image": {
                "source": "PV:XF:11BMB-ES{Det:PIL800K}:",
                "dtype": "array",
                "shape": [27, 31, 0],
                "external": "FILESTORE:",
                "object_name": "pilatus800",
            },
            "pilatus2M_image": {
                "source": "PV:XF:11BMB-ES{Det:PIL2M}:",
                "dtype": "array",
                "dtype_str": "int32",
                "shape": [41, 37],
                "external": "FILESTORE:",
                "object_name": "pilatus2M",
            },
            "pilatus2M_stats4_total": {
                "source": "PV:XF:11BMB-ES{Det:PIL2M}:Stats4:Total_RBV",
                "dtype": "number",
                "shape": [],
                "object_name": "pilatus2M",
            },
        },
    )
    resources = {
        key: run.resource(
            "AD_TIFF",
            "/nsls2/data3/cms",
            directory,
            {"template": "%s%s_%6.6d.tiff", "filename": key[:8], "frame_per_point": 1},
        )
        for key, directory in DIRECTORIES.items()
    }
    for point in range(POINTS):
        datums = {key: run.datum(uid, point_number=point) for key, uid in resources.items()}
        run.event("primary", {**datums, "pilatus2M_stats4_total": 1.5e6 + point})
    run.stop()
    yield from run


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    expected: dict[str, npt.NDArray[Any]] = {
        "primary/internal/pilatus2M_stats4_total": 1.5e6 + np.arange(float(POINTS))
    }
    for key, directory in DIRECTORIES.items():
        images = frames(POINTS, *SHAPES[key], dtype="int32")
        write_sequence(f"{root}/{directory}/{key[:8]}_{{:06d}}.tiff", images, write_tiff)
        expected[f"primary/{key}"] = images
    return expected
