"""A fly scan in which a PandA triggers a camera, and another takes four values for each frame.

The documents are those of ophyd-async's ``HDFPanda`` and its area detectors.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments
from tests.files import frames, write_hdf5

MAPPING = "panda-flyscan"
FILES_AT = "/data/fly"

POINTS, OVERSAMPLED = 5, 4
SIGNALS = ("x", "y", "pcap_time")
HDF5 = "application/x-hdf5"


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments("panda", 1_780_000_000.0, scan_id=11, plan_name="fly_spiral")
    panda, encoder, camera = (
        f"file://localhost{FILES_AT}/{name}.h5" for name in ("panda", "encoder", "cam")
    )
    captured = {
        "source": panda,
        "shape": [1],
        "dtype": "number",
        "dtype_numpy": "<f8",
        "external": "STREAM:",
        "object_name": "panda",
    }
    samples = {"source": encoder, "shape": [OVERSAMPLED], "dtype": "array", "object_name": "panda2"}
    frame = {"source": camera, "shape": [1, 4, 6], "dtype": "array", "object_name": "cam"}
    run.descriptor(
        "main",
        {
            **dict.fromkeys(SIGNALS, captured),
            "encoder": {**captured, **samples},
            "cam": {**captured, **frame, "dtype_numpy": "|u1"},
        },
    )
    resources = [
        run.stream_resource(key, HDF5, panda, {"chunk_shape": [1024], "dataset": f"/{key}"})
        for key in SIGNALS
    ]
    resources += [
        run.stream_resource("encoder", HDF5, encoder, {"dataset": "/encoder"}),
        run.stream_resource(
            "cam", HDF5, camera, {"chunk_shape": [1, 4, 6], "dataset": "/entry/data/data"}
        ),
    ]
    for start, stop in ((0, 2), (2, POINTS)):
        for resource in resources:
            run.stream_datum(resource, "main", start, stop)
    run.stop()
    yield from run


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    captured = {key: np.arange(POINTS) / 8 + 100 * place for place, key in enumerate(SIGNALS)}
    write_hdf5(root / "panda.h5", captured, chunks=dict.fromkeys(SIGNALS, (1024,)))
    images = frames(POINTS, 4, 6, dtype="uint8")
    write_hdf5(root / "cam.h5", {"entry/data/data": images})
    encoder = np.arange(POINTS * OVERSAMPLED) / 16
    write_hdf5(root / "encoder.h5", {"encoder": encoder}, chunks={"encoder": (1024,)})
    return {
        **{f"main/{key}": values for key, values in captured.items()},
        "main/cam": images,
        "main/encoder": encoder,
    }
