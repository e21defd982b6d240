"""A count with a detector that writes files, one that brings spectra, and a cooled sample."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments
from tests.files import frames, write_hdf5

MAPPING = "nexus-simple"
FILES_AT = "/data/nexus"

POINTS = 3
SPECTRA = np.arange(POINTS * 20).reshape(POINTS, 20)
NUMBER = {"dtype": "number", "shape": [], "dtype_numpy": "<f8"}


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments(
        "nexus",
        1_782_000_000.0,
        scan_id=13,
        plan_name="count",
        title="Nickel at low temperature",
        operator="A. Operator",
        sample_name="Ni foil",
        chemical_formula="Ni",
    )
    uri = f"file://localhost{FILES_AT}/saxs.h5"
    run.descriptor("baseline", {"temperature": {**NUMBER, "source": "PV:T", "units": "K"}})
    run.event("baseline", {"temperature": 80.0})
    run.descriptor("ring", {"ring_current": {**NUMBER, "source": "PV:I", "units": "mA"}})
    run.descriptor(
        "primary",
        {
            "saxs_image": {
                "dtype": "array",
                "dtype_numpy": "<u2",
                "shape": [4, 6],
                "external": "STREAM:",
                "source": uri,
                "object_name": "saxs",
            },
            "mca_spectrum": {
                "dtype": "array",
                "dtype_numpy": "<i8",
                "shape": [20],
                "source": "PV:mca",
                "object_name": "mca",
            },
            "photon_energies": {
                "dtype": "array",
                "dtype_numpy": "<f8",
                "shape": [None],
                "source": "PV:photons",
                "units": "eV",
            },
            "theta": {**NUMBER, "source": "PV:theta", "units": "deg"},
        },
    )
    images = run.stream_resource(
        "saxs_image", "application/x-hdf5", uri, {"dataset": "entry/data/data"}
    )
    for point in range(POINTS):
        run.stream_datum(images, "primary", point, point + 1)
        run.event(
            "primary",
            {
                "mca_spectrum": SPECTRA[point].tolist(),
                "photon_energies": [8_000.0 + photon for photon in range(point)],
                "theta": point / 4,
            },
        )
        run.event("ring", {"ring_current": 400.0 - point})
    run.event("baseline", {"temperature": 81.0})
    run.stop()
    yield from run


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    images = frames(POINTS, 4, 6)
    write_hdf5(root / "saxs.h5", {"entry/data/data": images})
    return {
        "instrument/saxs_image": images,
        "instrument/mca_spectrum": SPECTRA,
        "instrument/log/theta": np.arange(POINTS) / 4,
        "sample/log/temperature": np.array([80.0, 81.0]),
        "ring/log/ring_current": 400.0 - np.arange(POINTS),
    }
