"""A resource of every spec that the shared table knows, with the files that the spec stands for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments, external
from tests.files import (
    frames,
    read_jpeg,
    write_hdf5,
    write_jpeg,
    write_npy,
    write_sequence,
    write_tiff,
)

MAPPING = "resources"
FILES_AT = "/detectors"
POINTS = 2
FRAME = (3, 4)
NAME = "5d1c"

# What each spec stands for: the dataset of a file that holds all points
ENTRY = {
    **dict.fromkeys(
        (
            "HDF5",
            "AD_HDF5",
            "AD_HDF5_SWMR",
            "AD_HDF5_SWMR_STREAM",
            "AD_HDF5_SWMR_SLICE",
            "AD_HDF5_GERM",
        ),
        "entry/data/data",
    ),
    **dict.fromkeys(
        (
            "DEX_HDF5",
            "TPX3",
            "TPX_HDF5",
            "EIGER2_STREAM",
            "MERLIN_FLY_STREAM_V2",
            "MERLIN_HDF5_BULK",
            "PILATUS_HDF5",
            "PIL100k_HDF5",
        ),
        "entry/instrument/detector/data",
    ),
    **dict.fromkeys(
        ("AD_HDF5_NDARRAY_TS", "AD_HDF5_DET_TS"), "entry/instrument/NDAttributes/NDArrayTimeStamp"
    ),
    "A1_HDF5": "entry/instrument/analyzer/data",
}
# a file for each point
SINGLE: dict[str, dict[str, Any]] = {
    "AD_HDF5_SINGLE": {},
    "SPECS_HDF5_SINGLE_DATAFRAME": {"key": "/entry/spectra", "column_names": ["spectrum"]},
}
SEQUENCES = ("AD_TIFF", "AD_JPEG", "NPY_SEQ")
# channels of each point
XSPRESS3 = ("XSP", "XSP3", "XSP3X", "XPS3", "XSP3_BULK", "XSP3_STEP")
# all of a fly scan in one datum
FLY = ("XSP3_FLY", "XPS3_FLY", "DEXELA_FLY_V1", "MERLIN_FLY", "MERLIN_FLY_STREAM_V1")
NAMED = {
    "PANDA": "field",
    "ROI_HDF5_FLY": "det_elem",
    "ROI_HDF51_FLY": "det_elem",
    "SIS_HDF51": "column",
    "SIS_HDF51_FLY_STREAM_V1": "column",
    "ZEBRA_HDF51": "column",
    "ZEBRA_HDF51_FLY_STREAM_V1": "column",
}
TEXT = tuple(
    f"PIZZABOX_{kind}_FILE_TXT{form}" for kind in ("AN", "DI", "ENC") for form in ("", "_PD")
)


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments("resources", 1_750_000_000.0, plan_name="every_spec")
    _announce_steps(run)
    _announce_flight(run)
    run.stop()
    yield from run


def _announce_steps(run: RunDocuments) -> None:
    """Announce the specs of which each event has a datum."""
    image = external("step", *FRAME, dtype_numpy="<u2")
    times = external("step", 1, dtype_numpy="<u2")
    pictures = external("step", *FRAME, dtype_numpy="|u1")
    keys = {spec: times if spec.endswith("_TS") else image for spec in ENTRY}
    keys |= dict.fromkeys((*SINGLE, *SEQUENCES), image) | {"AD_JPEG": pictures}
    keys |= dict.fromkeys(XSPRESS3, external("step", 8, dtype_numpy="<u2"))
    run.descriptor("steps", keys)
    resources = {
        spec: run.resource(spec, FILES_AT, f"{spec}.h5", {}) for spec in (*ENTRY, *XSPRESS3)
    }
    for spec, kwargs in SINGLE.items():
        named = {"template": "%s%s_%6.6d.h5", "filename": NAME, **kwargs}
        resources[spec] = run.resource(spec, FILES_AT, spec, named)
    for spec, suffix in (("AD_TIFF", "tiff"), ("AD_JPEG", "jpeg")):
        named = {"template": f"%s%s_%6.6d.{suffix}", "filename": NAME}
        resources[spec] = run.resource(spec, FILES_AT, spec, named)
    resources["NPY_SEQ"] = run.resource("NPY_SEQ", FILES_AT, f"NPY_SEQ/{NAME}", {})
    for point in range(POINTS):
        data = {
            spec: run.datum(uid, frame=point, channel=2)
            if spec in XSPRESS3
            else run.datum(uid, point_number=point)
            for spec, uid in resources.items()
        }
        run.event("steps", data)


def _announce_flight(run: RunDocuments) -> None:
    """Announce the specs of which one datum is all."""
    keys = dict.fromkeys(FLY, external("fly", POINTS, *FRAME, dtype_numpy="<u2"))
    keys |= dict.fromkeys(NAMED, external("fly", 6, dtype_numpy="<f8"))
    keys |= dict.fromkeys(TEXT, external("fly", 4, 2, dtype_numpy="<i8"))
    run.descriptor("flight", keys)
    data = {}
    for spec in keys:
        suffix = "txt" if spec in TEXT else "h5"
        uid = run.resource(spec, FILES_AT, f"{spec}.{suffix}", {})
        data[spec] = run.datum(uid, **({NAMED[spec]: "values"} if spec in NAMED else {}))
    run.event("flight", data)


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    expected: dict[str, npt.NDArray[Any]] = {}
    for place, (spec, dataset) in enumerate(ENTRY.items()):
        values = frames(POINTS, *(() if spec.endswith("_TS") else FRAME), first=place)
        write_hdf5(root / f"{spec}.h5", {dataset: values})
        expected[f"steps/{spec}"] = values
    for spec in XSPRESS3:
        values = frames(POINTS, 4, 8)
        write_hdf5(root / f"{spec}.h5", {"entry/instrument/detector/data": values})
        expected[f"steps/{spec}"] = values[:, 1]
    for spec, kwargs in SINGLE.items():
        values = frames(POINTS, *FRAME)
        dataset = str(kwargs.get("key", "entry/data/data"))
        for point in range(POINTS):
            path = root / spec / f"{NAME}_{point:06d}.h5"
            write_hdf5(path, {dataset: values[point : point + 1]})
        expected[f"steps/{spec}"] = values
    return expected | _write_sequences(root) | _write_flight(root)


def _write_sequences(root: Path) -> dict[str, npt.NDArray[Any]]:
    values = frames(POINTS, *FRAME)
    write_sequence(f"{root}/AD_TIFF/{NAME}_{{:06d}}.tiff", values, write_tiff)
    write_sequence(f"{root}/NPY_SEQ/{NAME}_{{:d}}.npy", values, write_npy)
    pictures = write_sequence(
        f"{root}/AD_JPEG/{NAME}_{{:06d}}.jpeg", frames(POINTS, *FRAME, dtype="uint8"), write_jpeg
    )
    return {
        "steps/AD_TIFF": values,
        "steps/NPY_SEQ": values,
        "steps/AD_JPEG": np.stack([read_jpeg(path) for path in pictures]),
    }


def _write_flight(root: Path) -> dict[str, npt.NDArray[Any]]:
    expected: dict[str, npt.NDArray[Any]] = {}
    for spec in FLY:
        values = frames(POINTS, *FRAME)
        write_hdf5(root / f"{spec}.h5", {"entry/instrument/detector/data": values})
        expected[f"flight/{spec}"] = values
    for place, spec in enumerate(NAMED):
        column = place + np.arange(6) / 4
        write_hdf5(root / f"{spec}.h5", {"values": column})
        expected[f"flight/{spec}"] = column
    for spec in TEXT:
        rows = np.arange(8).reshape(4, 2)
        (root / f"{spec}.txt").write_text("".join(f"{a} {b}\n" for a, b in rows))
        expected[f"flight/{spec}"] = rows
    return expected
