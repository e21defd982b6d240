"""A fly scan of two lines with PandA, scaler, Xspress3, Merlin and Eigers; scalers at its ends."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments
from tests.files import frames, write_hdf5

MAPPING = "hxn"

LINES, POINTS = 2, 5
ENCODERS = {"inenc1_val": "INENC1.VAL.Value", "inenc2_val": "INENC2.VAL.Value"}
TIMES = {"pcap_ts_trig": "PCAP.TS_TRIG.Value"}
CAPTURED = ENCODERS | TIMES
SCALERS = ["sclr1_ch2", "sclr1_ch3"]
SPECTRUM = 16
BASELINE = {"sclr1_ch4": 20_000_001.0, "scaler_alive": 1.0}


def SETTINGS(root: Path) -> dict[str, Any]:  # noqa: N802
    return {"data_root": str(root)}


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments(
        "hxn",
        1_725_000_000.0,
        scan_id=300_123,
        plan_name="fly2dpd",
        tiled_access_tags=["hxn_beamline"],
    )
    line = {"dtype": "array", "shape": [POINTS], "external": "FILESTORE:"}
    spectra = {**line, "shape": [SPECTRUM], "source": "XF:03IDC-ES{Xsp:1}:"}
    image = {"dtype": "array", "external": "FILESTORE:", "source": "XF:03IDC1-ES{Det:1}"}
    run.descriptor(
        "primary",
        {
            **{key: {**line, "source": "PANDA", "dtype_str": "<i4"} for key in ENCODERS},
            **{key: {**line, "source": "PANDA", "dtype_str": "<f8"} for key in TIMES},
            **{key: {**line, "source": "XF:03IDC-ES{Sclr:1}.mca1"} for key in SCALERS},
            "xspress3_ch1": {**spectra, "dtype_str": "<u4"},
            "xspress3_ch2": {**spectra, "dtype_str": "<u4"},
            "xsp_ch1": {**spectra, "shape": [POINTS, SPECTRUM], "dtype_str": "<u4"},
            "Det1_Cr": {**line, "source": "XF:03IDC-ES{Xsp:1}:C1_ROI1"},
            "merlin1": {**image, "shape": [POINTS, 4, 6]},
            "eiger2_image": {**image, "shape": [1, 3, 5]},
            "eiger_mobile_image": {**image, "shape": [1, 3, 5], "dtype_str": "<u4"},
        },
    )
    scaler = {"dtype": "array", "shape": [1], "source": "XF:03IDC-ES{Sclr:1}.S4"}
    run.descriptor("baseline", dict.fromkeys(BASELINE, scaler))
    run.event("baseline", BASELINE)
    xspress3 = run.resource("XSP3_BULK", "/", "data/2024-3/xsp3_1.h5", {"frame_per_point": POINTS})
    eiger2 = run.resource("TPX_HDF5", "/data", "2024-3/eiger2_1.h5", {"frame_per_point": 1})
    eiger_mobile = run.resource(
        "EIGER2_STREAM", "/nsls2/data/hxn/legacy", "2024-3/mobile_1.h5", {"frame_per_point": 1}
    )
    for number in range(LINES):
        run.event("primary", _line(run, number, xspress3, eiger2, eiger_mobile))
    run.event("baseline", BASELINE)
    run.stop()
    yield from run


def _line(
    run: RunDocuments, number: int, xspress3: str, eiger2: str, eiger_mobile: str
) -> dict[str, str]:
    """Announce the files of a line, as flyers and detectors do; return what its event says."""
    panda = run.resource("PANDA", "/data/2024-3", f"panda_{number}.h5", {})
    data = {key: run.datum(panda, field=field) for key, field in CAPTURED.items()}
    sis = run.resource(
        "SIS_HDF51_FLY_STREAM_V1",
        "/data",
        f"/data/2024-3/sis_{number}.h5",
        {"frame_per_point": POINTS},
    )
    data |= {key: run.datum(sis, column=key, point_number=0) for key in SCALERS}
    for channel in (1, 2):
        data[f"xspress3_ch{channel}"] = run.datum(xspress3, channel=channel, point_number=number)
    xsp = run.resource("XSP", "/nsls2/data2/hxn", f"legacy/2024-3/xsp_{number}.h5", {})
    data["xsp_ch1"] = run.datum(xsp, channel=1, point_number=0)
    regions = run.resource("ROI_HDF5_FLY", "/data", f"2024-3/roi_{number}.h5", {})
    data["Det1_Cr"] = run.datum(regions, det_elem="Det1_Cr", point_number=0)
    merlin = run.resource(
        "MERLIN_FLY_STREAM_V2",
        "/data",
        f"2024-3/merlin_{number}.h5",
        {"frame_per_point": POINTS},
    )
    data["merlin1"] = run.datum(merlin, point_number=0)
    data["eiger2_image"] = run.datum(eiger2, point_number=number)
    data["eiger_mobile_image"] = run.datum(eiger_mobile, point_number=number)
    return data


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    scans = root / "legacy" / "2024-3"
    xspress3 = frames(LINES * POINTS, 2, SPECTRUM, dtype="uint32")
    eiger2 = frames(LINES, 3, 5, dtype="uint32")
    eiger_mobile = frames(LINES, 3, 5)
    write_hdf5(scans / "xsp3_1.h5", {"entry/instrument/detector/data": xspress3})
    write_hdf5(scans / "eiger2_1.h5", {"entry/data/data": eiger2})
    write_hdf5(scans / "mobile_1.h5", {"entry/data/data": eiger_mobile})
    lines: dict[str, list[npt.NDArray[Any]]] = {}
    for number in range(LINES):
        steps = np.arange(POINTS) + 100 * number
        captured = {key: (steps + place).astype("i4") for place, key in enumerate(ENCODERS)}
        captured |= dict.fromkeys(TIMES, steps / 8)
        _write_columns(
            scans / f"panda_{number}.h5",
            {CAPTURED[key]: column for key, column in captured.items()},
        )
        counts = {key: (steps * 3 + place).astype("f4") for place, key in enumerate(SCALERS)}
        _write_columns(scans / f"sis_{number}.h5", counts)
        region = (steps * 7).astype("f4")
        _write_columns(scans / f"roi_{number}.h5", {"Det1_Cr": region})
        xsp = frames(POINTS, 2, SPECTRUM, dtype="uint32", first=POINTS * number)
        write_hdf5(scans / f"xsp_{number}.h5", {"entry/instrument/detector/data": xsp})
        merlin = frames(POINTS, 4, 6, dtype="uint32", first=POINTS * number)
        write_hdf5(scans / f"merlin_{number}.h5", {"entry/data/data": merlin})
        of_line = {**captured, **counts, "Det1_Cr": region, "xsp_ch1": xsp[:, 0], "merlin1": merlin}
        for key, values in of_line.items():
            lines.setdefault(key, []).append(values)
    return {
        **{f"primary/{key}": np.concatenate(values) for key, values in lines.items()},
        "primary/xspress3_ch1": xspress3[:, 0].reshape(LINES, POINTS, SPECTRUM),
        "primary/xspress3_ch2": xspress3[:, 1].reshape(LINES, POINTS, SPECTRUM),
        "primary/eiger2_image": eiger2,
        "primary/eiger_mobile_image": eiger_mobile,
        **{f"baseline/internal/{key}": np.array([value] * 2) for key, value in BASELINE.items()},
    }


def _write_columns(path: Path, columns: dict[str, npt.NDArray[Any]]) -> None:
    write_hdf5(path, columns, chunks=dict.fromkeys(columns, (1024,)))
