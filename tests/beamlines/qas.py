"""QAS: a fly scan with an electrometer, an encoder and two Xspress3, and frames of detectors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments, data_root, external
from tests.files import frames, write_hdf5, write_sequence, write_tiff

MAPPING = "qas"
SETTINGS = data_root
POINTS = 4
MOUNT = "/nsls2/data/qas-new"
DATASET = "entry/instrument/detector/data"
ASSETS = "proposals/2026-1/pass-319402/assets"
ELECTROMETER = f"{ASSETS}/apb_b/2026/02/03/2fd9d9b6-4a4c"
ENCODER = "legacy/raw/en/2026/02/03/en_8d3f0a11"
XSPRESS3X = f"{ASSETS}/xspress3x/2026/02/03/d9ab_000000.h5"
XSPRESS3 = "legacy/raw/xspress3/2026/02/03/4411_000000.h5"
CHANNELS = "legacy/raw/xspress3/2026/02/03/4412_000000.h5"
PILATUS = "legacy/raw/pilatus3/2026/02/03/cc05_000000.h5"
PERKIN_ELMER = "legacy/raw/pe1/2026/02/03"
ENCODER_ROWS = [(1_770_120_000, 250 * row, 4_000 - row, row, 1) for row in range(5)]


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments(
        "qas",
        1_770_120_000.0,
        scan_id=390_118,
        plan_name="execute_trajectory_xsx",
        data_session="pass-319402",
        cycle="2026-1",
    )
    electrometer_path = f"{MOUNT}/{ELECTROMETER}"
    run.descriptor("apb_stream", {"apb_stream": external("APB", -1, -1)})
    # The root is that of the day, and the path repeats it.
    electrometer = run.resource(
        "APB", electrometer_path.rpartition("/")[0], f"{electrometer_path}.bin", {}
    )
    run.event("apb_stream", {"apb_stream": run.datum(electrometer)})
    run.descriptor("pb1_enc1", {"pb1_enc1": external("pb1_enc1", 1024, 5)})
    encoder = run.resource("PIZZABOX_ENC_FILE_TXT", MOUNT, ENCODER, {"chunk_size": 1024})
    run.event("pb1_enc1", {"pb1_enc1": run.datum(encoder)})
    run.descriptor("xsx_stream", {"xsx_stream": external("XSX", POINTS, 8, 4096)})
    xspress3x = run.resource("XSP3X", MOUNT, XSPRESS3X, {})
    run.descriptor("xs_stream", {"xs_stream": external("XS", POINTS, 6, 32)})
    xspress3 = run.resource("XSP3", MOUNT, XSPRESS3, {})
    for frame in range(POINTS):
        run.event("xsx_stream", {"xsx_stream": run.datum(xspress3x, frame=frame)})
        run.event("xs_stream", {"xs_stream": run.datum(xspress3, frame=frame)})
    run.descriptor(
        "primary",
        {
            "pilatus_image": external("PV:XF:07BM-ES{Det:PIL3}", 1, 11, 13),
            "pe1_image": external("PV:XF:07BM-ES{Det:PE1}", 2, 9, 10),
            "xs_channels": external("FileStore::XF:07BM-ES{Xsp:1}:", 4096, dtype_str="<f8"),
            "mono1_energy": {"source": "PV:MONO", "dtype": "number", "shape": [], "units": "eV"},
        },
    )
    pilatus = run.resource("AD_HDF5_SWMR", MOUNT, PILATUS, {"frame_per_point": 1})
    channels = run.resource("XSP3", MOUNT, CHANNELS, {"chunk_shape": [2]})
    # The detector was staged anew for the second half, and counts from 0 again.
    for half in range(2):
        tiff = {"template": "%s%s_%6.6d.tiff", "filename": f"half{half}", "frame_per_point": 1}
        perkin_elmer = run.resource("AD_TIFF", MOUNT, PERKIN_ELMER, tiff)
        for point in range(2):
            frame = 2 * half + point
            run.event(
                "primary",
                {
                    "pilatus_image": run.datum(pilatus, point_number=frame),
                    "pe1_image": run.datum(perkin_elmer, point_number=point),
                    "xs_channels": run.datum(channels, frame=frame),
                    "mono1_energy": 8979.0 + frame,
                },
            )
    run.stop()
    yield from run


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    samples = np.arange(40, dtype="<i4")
    binary = root / f"{ELECTROMETER}.bin"
    binary.parent.mkdir(parents=True)
    binary.write_bytes(samples.tobytes())
    gains = b"Number of samples: 4\nGains: 1,1,1,1,1,1,1,1\n"
    binary.with_suffix(".txt").write_bytes(gains)
    rows = root / ENCODER
    rows.parent.mkdir(parents=True)
    rows.write_text("".join(" ".join(map(str, row)) + "\n" for row in ENCODER_ROWS))
    spectra = {
        XSPRESS3X: frames(POINTS, 8, 4096, dtype="float64"),
        XSPRESS3: frames(POINTS, 6, 32, dtype="float64"),
        CHANNELS: frames(POINTS, 6, 4096, dtype="float64"),
        PILATUS: frames(POINTS, 11, 13),
    }
    for path, values in spectra.items():
        chunk = (2 if path == CHANNELS else 1, *values.shape[1:])
        write_hdf5(root / path, {DATASET: values}, {DATASET: chunk})
    perkin_elmer = frames(POINTS, 9, 10)
    for half in range(2):
        halves = perkin_elmer[2 * half : 2 * half + 2]
        write_sequence(f"{root}/{PERKIN_ELMER}/half{half}_{{:06d}}.tiff", halves, write_tiff)
    encoder = [(name, "<i8") for name in ("ts_s", "ts_ns", "encoder", "index", "state")]
    return {
        "apb_stream/apb_stream": np.frombuffer(samples.tobytes() + gains, dtype="uint8"),
        "pb1_enc1/pb1_enc1": np.array(ENCODER_ROWS, dtype=encoder)[:, None],
        "xsx_stream/xsx_stream": spectra[XSPRESS3X],
        "xs_stream/xs_stream": spectra[XSPRESS3],
        "primary/pilatus_image": spectra[PILATUS],
        "primary/pe1_image": perkin_elmer,
        "primary/xs_channels": spectra[CHANNELS],
        "primary/internal/mono1_energy": 8979.0 + np.arange(POINTS),
    }
