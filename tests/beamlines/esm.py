"""Spectra of the A1 analyser and pictures of two cameras; one of them was never run before."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy.typing as npt

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments
from tests.files import frames, write_hdf5, write_sequence, write_tiff

MAPPING = "esm"

POINTS = 3
ASSETS = "proposals/2026-1/pass-318000/assets"


def SETTINGS(root: Path) -> dict[str, Any]:  # noqa: N802
    return {"data_root": str(root)}


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments(
        "esm",
        1_775_000_000.0,
        scan_id=50_321,
        plan_name="count",
        data_session="pass-318000",
        tiled_access_tags=["pass-318000"],
    )
    image = {"dtype": "array", "external": "FILESTORE:"}
    analyser_file = f"/nsls2/data3/esm/{ASSETS}/mbs/2026/04/01/Au111/a1_0001.h5"
    run.descriptor(
        "primary",
        {
            "mbs_image": {
                **image,
                "source": analyser_file,
                "shape": [1, 4, 7],
                "dtype_numpy": "<u4",
            },
            "Diag1_CamH_image": {
                **image,
                "source": "PV:Cam",
                "shape": [1, 3, 5],
                "dtype_str": "uint8",
            },
            "LT_cam_image": {**image, "source": "PV:LT", "shape": [2, 3, 5], "dtype_str": "uint16"},
        },
    )
    never_run = {**image, "source": "PV:Never", "shape": [1, -1, -1]}
    run.descriptor("baseline", {"Diag2_CamH_image": never_run})
    directory = analyser_file.rpartition("/")[0]
    analyser = run.resource("A1_HDF5", directory, analyser_file, {"frame_per_point": 1})
    camera = run.resource(
        "AD_HDF5",
        f"/nsls2/data/esm/{ASSETS}",
        "diag1/2026/04/01/c3.h5",
        {"frame_per_point": 1},
    )
    tiff = {"template": "%s%s_%6.6d.tiff", "filename": "t4", "frame_per_point": 2}
    pictures = run.resource("AD_TIFF", "/nsls2/data/esm/legacy", "image_files/", tiff)
    for point in range(POINTS):
        run.event(
            "primary",
            {
                "mbs_image": run.datum(analyser, point_number=point),
                "Diag1_CamH_image": run.datum(camera, point_number=point),
                "LT_cam_image": run.datum(pictures, point_number=point),
            },
        )
    run.stop()
    yield from run


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    spectra = frames(POINTS, 4, 7, dtype="uint32")
    camera = frames(POINTS, 3, 5, dtype="uint8")
    pictures = frames(2 * POINTS, 3, 5)
    assets = root / ASSETS
    write_hdf5(
        assets / "mbs/2026/04/01/Au111/a1_0001.h5", {"entry/instrument/analyzer/data": spectra}
    )
    write_hdf5(assets / "diag1/2026/04/01/c3.h5", {"entry/instrument/detector/data": camera})
    write_sequence(f"{root}/legacy/image_files/t4_{{:06d}}.tiff", pictures, write_tiff)
    return {
        "primary/mbs_image": spectra,
        "primary/Diag1_CamH_image": camera,
        "primary/LT_cam_image": pictures.reshape(POINTS, 2, 3, 5),
    }
