"""IOS: spectra of an Xspress3 and frames of a camera, as HDF5."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments, data_root
from tests.files import frames, write_hdf5

MAPPING = "ios"
SETTINGS = data_root
POINTS = 4
DATASET = "entry/instrument/detector/data"
SPECTRA = "legacy/xspress3_data/2025/09/17/0d9c9a6c-0b4b-47a1_000000.h5"
IMAGES = "legacy/prosilica/2025/09/17/37cd2a2d-6df6-4a55_000000.h5"


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments(
        "ios",
        1_758_110_000.0,
        scan_id=203_411,
        plan_name="E_ramp",
        detectors=["xs3", "vortex", "cam"],
        data_session="pass-318204",
        tiled_access_tags=["pass-318204"],
    )
    run.descriptor(
        "primary",
        {
            "xs3_channel01_data": {
                "source": "FileStore::XF:23ID2-ES{Xsp:1}:",
                "dtype": "array",
                "dtype_str": "<f8",
                "shape": [-1, 0],
                "external": "FILESTORE:",
                "object_name": "xs3",
            },
            "cam_image": {
                "source": "PV:XF:23ID2-ES{Cam:1}",
                "dtype": "array",
                "dtype_str": "|u1",
                "shape": [1, 12, 16],
                "external": "FILESTORE:",
                "object_name": "cam",
            },
            "vortex_mca_spectrum": {
                "source": "PV:XF:23ID2-ES{Vortex}mca1",
                "dtype": "array",
                "shape": [8],
                "object_name": "vortex",
            },
            "pgm_energy_readback": {
                "source": "PV:XF:23ID2-OP{Mono}Enrgy-I",
                "dtype": "number",
                "shape": [],
                "units": "eV",
                "object_name": "pgm",
            },
        },
    )
    spectra = run.resource("XSP3", "/nsls2/data/ios", SPECTRA, {})
    images = run.resource("AD_HDF5", "/nsls2/data/ios", IMAGES, {"frame_per_point": 1})
    for point in range(POINTS):
        run.event(
            "primary",
            {
                "xs3_channel01_data": run.datum(spectra, frame=point, channel=1),
                "cam_image": run.datum(images, point_number=point),
                "vortex_mca_spectrum": (np.arange(8) * (point + 1)).tolist(),
                "pgm_energy_readback": 852.0 + 0.1 * point,
            },
        )
    run.stop()
    yield from run


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    spectra = frames(POINTS, 1, 4096, dtype="float64")
    images = frames(POINTS, 12, 16, dtype="uint8")
    write_hdf5(root / SPECTRA, {DATASET: spectra})
    write_hdf5(root / IMAGES, {DATASET: images})
    return {
        "primary/xs3_channel01_data": spectra[:, 0],
        "primary/cam_image": images,
        "primary/vortex_mca_spectrum": np.arange(8) * np.arange(1, POINTS + 1)[:, None],
        "primary/internal/pgm_energy_readback": 852.0 + 0.1 * np.arange(POINTS),
    }
