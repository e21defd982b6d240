"""A series of an Eiger at AMX with the angles of its frames, and a raster of two rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments
from tests.files import frames, write_hdf5

MAPPING = "lsdc"
ADAPTERS = {"application/x-hdf5;type=eiger": "tests.facility.eiger:EigerMasterAdapter"}

IMAGES, ROWS, COLUMNS = 4, 2, 3
DIRECTORY = "amx/legacy/2026-2/pass-320000/mx320000-1/protein-A"
POSITIONS = {"x_start": 1.5, "y_start": -2.0}


def SETTINGS(root: Path) -> dict[str, Any]:  # noqa: N802
    return {"data_root": str(root)}


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments("lsdc", 1_790_000_000.0, scan_id=7, plan_name="mx_flyer")
    image = {"dtype": "array", "external": "FILESTORE:", "source": "eiger_data"}
    run.descriptor(
        "primary",
        {
            "eiger_image": {**image, "shape": [IMAGES, 5, 6], "dims": ["images", "row", "column"]},
            "omega": {**image, "source": "eiger_omega", "shape": [IMAGES], "dims": ["images"]},
        },
    )
    number = {"dtype": "number", "dtype_numpy": "<f8", "shape": [], "source": "MXRasterFlyer"}
    run.descriptor(
        "raster",
        {
            "eiger_image": {
                **image,
                "dtype_numpy": "<f8",
                "shape": [5, 6],
                "dims": ["row", "column"],
            },
            **dict.fromkeys(POSITIONS, number),
        },
    )
    root = f"/nsls2/data/{DIRECTORY}"
    images = run.resource("AD_EIGER_MX", root, "series_1", {"seq_id": 12, "dataset": "entry/data"})
    angles = run.resource(
        "AD_EIGER_MX_OMEGA",
        root,
        "series_1",
        {"seq_id": 12, "dataset": "entry/sample/goniometer/omega"},
    )
    run.event(
        "primary",
        {
            "eiger_image": run.datum(images, data_key="data"),
            "omega": run.datum(angles, data_key="omega"),
        },
    )
    raster = run.resource(
        "AD_EIGER_MX_RASTER",
        "",
        f"{root}/raster_1_13_master.h5",
        {"seq_id": 13, "dataset": "entry/data", "multiplier": COLUMNS, "join_method": "stack"},
    )
    for row in range(ROWS):
        of_row = run.datum(raster, data_key="data", indices={"start": row, "stop": row + 1})
        run.event("raster", {"eiger_image": of_row, **POSITIONS})
    run.stop()
    yield from run


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    series = frames(IMAGES, 5, 6, dtype="uint32")
    raster = frames(ROWS * COLUMNS, 5, 6, dtype="uint32", first=100)
    angles = np.arange(IMAGES) / 10
    directory = root / DIRECTORY
    _write_master(directory / "series_1_12", [series[:3], series[3:]], angles)
    _write_master(directory / "raster_1_13", [raster[:COLUMNS], raster[COLUMNS:]], np.zeros(6))
    return {
        "primary/eiger_image": series[None],
        "primary/omega": angles[None],
        "raster/eiger_image": raster.reshape(ROWS, COLUMNS, 5, 6),
        **{f"raster/internal/{key}": np.full(ROWS, value) for key, value in POSITIONS.items()},
    }


def _write_master(stem: Path, files: list[npt.NDArray[Any]], angles: npt.NDArray[Any]) -> None:
    """Write frames in several files, and one that links to them, as an Eiger does."""
    links = {}
    for number, images in enumerate(files, start=1):
        path = stem.with_name(f"{stem.name}_data_{number:06d}.h5")
        write_hdf5(path, {"entry/data/data": images})
        links[f"data_{number:06d}"] = h5py.ExternalLink(path.name, "/entry/data/data")
    with h5py.File(stem.with_name(f"{stem.name}_master.h5"), "w") as master:
        master["entry/sample/goniometer/omega"] = angles
        group = master.create_group("entry/data")
        for name, link in links.items():
            group[name] = link
