"""A scan with the FastCCD, the times of its frames, a camera that writes TIFF, and a scaler."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments
from tests.files import frames, write_hdf5, write_sequence, write_tiff

MAPPING = "csx"

POINTS, FRAMES = 3, 2
COUNTS = np.arange(1, 9) + 2**53
"""What float64 could not keep apart."""


def SETTINGS(root: Path) -> dict[str, Any]:  # noqa: N802
    return {"data_root": str(root)}


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments(
        "csx", 1_760_000_000.0, scan_id=200_042, plan_name="scan", data_session="pass-317001"
    )
    image = {"dtype": "array", "external": "FILESTORE:", "source": "PV:XF:23ID1-ES{FCCD}"}
    run.descriptor(
        "primary",
        {
            "fccd_image": {**image, "shape": [FRAMES, 4, 6], "object_name": "fccd"},
            "fccd_hdf5_time_stamp": {**image, "shape": [FRAMES], "object_name": "fccd"},
            "cam_dif_image": {**image, "shape": [FRAMES, 3, 5], "dtype_str": "uint8"},
            "fccd_mcs_wfrm_wfrm_1": {"dtype": "array", "shape": [8], "source": "PV:MCS:1"},
            "fccd_mcs_wfrm_wfrm_32": {"dtype": "array", "shape": [8], "source": "PV:MCS:32"},
            "inout_status": {"dtype": "integer", "shape": [], "source": "PV:Pos-Sts"},
            "tardis_h": {"dtype": "integer", "shape": [], "source": "SIM:tardis_h"},
            "tardis_delta_user_setpoint": {"dtype": "integer", "shape": [], "source": "PV:Mtr"},
            "slt3_x_user_setpoint": {"dtype": "integer", "shape": [], "source": "PV:Slt.VAL"},
        },
    )
    below = {"frame_per_point": FRAMES}
    root = "/nsls2/data/csx/legacy"
    image_file = run.resource("AD_HDF5", root, "fccd_data/2025/10/09/a1.h5", below)
    time_file = run.resource("AD_HDF5_DET_TS", root, "fccd_data/2025/10/09/a1.h5", below)
    tiff = {"template": "%s%s_%6.6d.tiff", "filename": "b2", **below}
    tiff_files = run.resource("AD_TIFF", root, "prosilica_data/2025/10/09", tiff)
    for point in range(POINTS):
        run.event(
            "primary",
            {
                "fccd_image": run.datum(image_file, point_number=point),
                "fccd_hdf5_time_stamp": run.datum(time_file, point_number=point),
                "cam_dif_image": run.datum(tiff_files, point_number=point),
                "fccd_mcs_wfrm_wfrm_1": (COUNTS + point).tolist(),
                "fccd_mcs_wfrm_wfrm_32": (COUNTS - point).tolist(),
                "inout_status": ["In", "Out", "Moving"][point],
                "tardis_h": 0 if point == 0 else point / 2,
                "tardis_delta_user_setpoint": point + 0.25,
                "slt3_x_user_setpoint": 1 - point / 4,
            },
        )
    run.stop()
    yield from run


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    images = frames(POINTS * FRAMES, 4, 6, dtype="int16")
    times = 1_760_000_000.0 + np.arange(POINTS * FRAMES) / 16
    write_hdf5(
        root / "legacy/fccd_data/2025/10/09/a1.h5",
        {
            "entry/instrument/detector/data": images,
            "entry/instrument/NDAttributes/NDArrayTimeStamp": times,
        },
    )
    pictures = frames(POINTS * FRAMES, 3, 5, dtype="uint8")
    write_sequence(
        f"{root}/legacy/prosilica_data/2025/10/09/b2_{{:06d}}.tiff", pictures, write_tiff
    )
    points = np.arange(POINTS)
    return {
        "primary/fccd_image": images.reshape(POINTS, FRAMES, 4, 6),
        "primary/fccd_hdf5_time_stamp": times.reshape(POINTS, FRAMES),
        "primary/cam_dif_image": pictures.reshape(POINTS, FRAMES, 3, 5),
        "primary/fccd_mcs_wfrm_wfrm_1": COUNTS + points[:, None],
        "primary/fccd_mcs_wfrm_wfrm_32": COUNTS - points[:, None],
        "primary/internal/inout_status": np.array(["In", "Out", "Moving"], dtype=object),
        "primary/internal/tardis_h": points / 2,
        "primary/internal/tardis_delta_user_setpoint": points + 0.25,
        "primary/internal/slt3_x_user_setpoint": 1 - points / 4,
    }
