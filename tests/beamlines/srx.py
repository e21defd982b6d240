"""A map of three lines: Zebra, scaler and Xspress3 write files for each; and a stream for plots."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments
from tests.files import frames, write_hdf5

MAPPING = "srx"

LINES, POINTS, CHANNELS, BINS = 3, 5, 2, 16
ZEBRA = {key: key for key in ("zebra_time", "enc1", "enc2", "enc3")}
SCALER = {"i0": "i0", "i0_time": "sis_time", "im": "im", "it": "it"}
ASSETS = "/nsls2/data/srx/proposals/2025-3/pass-315950/assets"


def SETTINGS(root: Path) -> dict[str, Any]:  # noqa: N802
    return {"data_root": str(root)}


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments("srx", 1_757_000_000.0, scan_id=180_001, plan_name="scan_and_fly_base")
    of_line = {
        "dtype": "array",
        "dtype_str": "<f4",
        "shape": [POINTS],
        "external": "FileStore:",
        "source": "XF:05IDD-ES:1{Sclr:1}.mca4",
    }
    fluorescence = {
        "dtype": "array",
        "shape": [POINTS, CHANNELS, BINS],
        "external": "FILESTORE:",
        "source": "XF:05IDD-ES{Xsp:3}:",
        "chunks": [1, "auto", -1, -1],
    }
    run.descriptor(
        "stream0", {**dict.fromkeys([*ZEBRA, *SCALER], of_line), "xs_fluor": fluorescence}
    )
    roi = {"dtype": "number", "shape": [], "source": "XF:05IDD-ES{Xsp:3}:C1_ROI1"}
    run.descriptor("DONOTSAVE_xs_channel01", {"xs_channel01_mcaroi01": roi})
    for line in range(LINES):
        run.event("DONOTSAVE_xs_channel01", {"xs_channel01_mcaroi01": float(line)})
        zebra = run.resource("ZEBRA_HDF51", "/", f"{ASSETS}/zebra/2025/09/04/z{line}.h5", {})
        scaler = run.resource("SIS_HDF51", "/", f"{ASSETS}/zebra/2025/09/04/s{line}.h5", {})
        xspress3 = run.resource("XSP3_FLY", f"{ASSETS}/xspress3", f"2025/09/04/x{line}.h5", {})
        data = {key: run.datum(zebra, column=column) for key, column in ZEBRA.items()}
        data |= {key: run.datum(scaler, column=column) for key, column in SCALER.items()}
        data["xs_fluor"] = run.datum(xspress3, frame=0, channel=1)
        run.event("stream0", data)
    run.stop()
    for name, document in run:
        if name == "event" and "zebra_time" in document["data"]:
            yield name, {**document, "timestamps": document["data"]}  # so they are at SRX
        else:
            yield name, document


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    assets = root / "proposals/2025-3/pass-315950/assets"
    columns: dict[str, list[npt.NDArray[Any]]] = {}
    spectra = frames(LINES * POINTS, CHANNELS, BINS, dtype="float64")
    for line, of_line in enumerate(spectra.reshape(LINES, POINTS, CHANNELS, BINS)):
        for letter, keys in (("z", ZEBRA), ("s", SCALER)):
            values = {
                key: np.arange(POINTS, dtype="f4") + 100 * place + 10 * line
                for place, key in enumerate(keys)
            }
            datasets = {keys[key]: column for key, column in values.items()}
            write_hdf5(assets / f"zebra/2025/09/04/{letter}{line}.h5", datasets)
            for key, column in values.items():
                columns.setdefault(key, []).append(column)
        path = assets / f"xspress3/2025/09/04/x{line}.h5"
        write_hdf5(path, {"entry/instrument/detector/data": of_line})
    return {
        **{f"stream0/{key}": np.stack(lines) for key, lines in columns.items()},
        "stream0/xs_fluor": spectra.reshape(LINES, POINTS, CHANNELS, BINS),
    }
