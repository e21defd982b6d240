"""ISS: a fly scan with captures of a Pilatus and an Xspress3, PizzaBox files, and step scans."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments, data_root, external
from tests.files import frames, write_hdf5, write_sequence, write_tiff

MAPPING = "iss"
SETTINGS = data_root
CAPTURED = 5
OLD_DISK = "/nsls2/xf08id/data"
MOVED_TO = "legacy/backup/data"
CAPTURE = "pil100k/2022/02/14/9b6f_000000.h5"
SPECTRA = "xspress3/2022/02/14/77aa_000000.h5"
ENCODER = "pizza_box_data/2022/02/14/en_4f2d8c1b"
ANALOG = "pizza_box_data/2022/02/14/an_77e10a9c"
ELECTROMETER = "2022/02/14/1c9f2f0e.bin"
CAMERA = "legacy/raw/basler/2025/11/03/6a5c_000000.h5"
FRAMES = "legacy/raw/pil100k/2025/11/03"
PERKIN_ELMER = "legacy/raw/pe1/2025/11/03/0b21_000000.h5"
STREAM = "legacy/raw/xs/2025/11/03/53cf_000000.h5"
ENCODER_ROWS = [(1_644_850_000, 125 * row, -3_000 + row, row, row % 2) for row in range(6)]
ANALOG_ROWS = [(1_644_850_000, 250 * row, row, f"{0x1F00 + row:05x}x") for row in range(4)]


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments(
        "iss",
        1_762_180_000.0,
        scan_id=412_030,
        plan_name="execute_trajectory",
        element="Fe",
        edge="K",
        data_session="pass-318777",
        tiled_access_tags=["pass-318777"],
    )
    # As they fly: a datum is all that a detector captured.
    pilatus = {
        "pil100k2_image": external("PIL100k_HDF5", CAPTURED, 13, 17, dims=["frames", "row", "col"]),
        "pil100k2_roi1": external("PIL100k_HDF5", CAPTURED, dims=["frames"]),
    }
    run.descriptor("pil100k2_stream", pilatus)
    capture = run.resource("PIL100k_HDF5", "/", f"{OLD_DISK}/{CAPTURE}", {})
    run.event(
        "pil100k2_stream",
        {
            "pil100k2_image": run.datum(capture, data_type="image", roi_num=0),
            "pil100k2_roi1": run.datum(capture, data_type="roi", roi_num=1),
        },
    )
    xspress3 = {
        "xs_ch02": external("XSP3", CAPTURED, 64, dims=["frames", "bins"]),
        "xs_ch02_roi01": external("XSP3", CAPTURED, dims=["frames"]),
    }
    run.descriptor("xs_channels", xspress3)
    spectra = run.resource("XSP3", "/", f"{OLD_DISK}/{SPECTRA}", {})
    run.event(
        "xs_channels",
        {
            "xs_ch02": run.datum(spectra, data_type="spectrum", channel=2),
            "xs_ch02_roi01": run.datum(spectra, data_type="roi", channel=2, roi_num=1),
        },
    )
    run.descriptor("pb9_enc1", {"pb9_enc1": external("pb9_enc1", -1, -1)})
    encoder = run.resource("PIZZABOX_ENC_FILE_TXT_PD", OLD_DISK, ENCODER, {})
    run.event("pb9_enc1", {"pb9_enc1": run.datum(encoder)})
    run.descriptor("pba1_adc7", {"pba1_adc7": external("pba1_adc7", -1, -1)})
    analog = run.resource("PIZZABOX_AN_FILE_TXT_PD", OLD_DISK, ANALOG, {})
    run.event("pba1_adc7", {"pba1_adc7": run.datum(analog)})
    run.descriptor("apb_stream", {"apb_stream": external("APB", -1, -1)})
    electrometer = run.resource("APB", f"{OLD_DISK}/electrometer", ELECTROMETER, {})
    run.event("apb_stream", {"apb_stream": run.datum(electrometer)})
    # As they step: a datum is one frame.
    run.descriptor(
        "primary",
        {
            "camera_sp1_image": external("PV:XF:08IDB-ES{}", 1, 7, 9, dtype_str="|u1"),
            "pil100k_image": external("PV:XF:08IDB-ES{Det:PIL1}", 0, 195, 487, dtype_str="<i4"),
            "pe1_image": external("PV:XF:08IDB-ES{Det:PE1}", 2, 6, 8),
            "xs_stream": external("XS", 2, 4, 32),
            "hhm_energy": {"source": "PV:HHM", "dtype": "number", "shape": [], "units": "eV"},
        },
    )
    mount = "/nsls2/data/iss"
    camera = run.resource("AD_HDF5", mount, CAMERA, {"frame_per_point": 1})
    tiff = {"template": "%s%s_%6.6d.tiff", "filename": "5e3b", "frame_per_point": 1}
    images = run.resource("AD_TIFF", mount, FRAMES, tiff)
    perkin_elmer = run.resource("AD_HDF5_SWMR", mount, PERKIN_ELMER, {"frame_per_point": 1})
    stream = run.resource("XSP3X", mount, STREAM, {})
    for point in range(2):
        run.event(
            "primary",
            {
                "camera_sp1_image": run.datum(camera, point_number=point),
                "pil100k_image": run.datum(images, point_number=point),
                "pe1_image": run.datum(perkin_elmer, point_number=point),
                "xs_stream": run.datum(stream, frame=point),
                "hhm_energy": 7112.0 + point,
            },
        )
    run.stop()
    yield from run


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    instrument = "entry/instrument/detector"
    old = root / MOVED_TO
    images = frames(CAPTURED, 13, 17)
    sums = images.sum(axis=(1, 2)).astype("float64")
    regions = "entry/instrument/NDAttributes/_ROI1Total"
    write_hdf5(old / CAPTURE, {"entry/data/data": images, regions: sums})
    spectra = frames(CAPTURED, 4, 64, dtype="float64")
    counts = spectra[:, 1, 10:20].sum(axis=1)
    write_hdf5(
        old / SPECTRA,
        {f"{instrument}/data": spectra, f"{instrument}/NDAttributes/CHAN2ROI1": counts},
    )
    _write_rows(old / ENCODER, ENCODER_ROWS)
    _write_rows(old / ANALOG, ANALOG_ROWS)
    samples = np.arange(40, dtype="<i4")
    (old / "apb" / ELECTROMETER).parent.mkdir(parents=True)
    (old / "apb" / ELECTROMETER).write_bytes(samples.tobytes())
    camera = frames(2, 7, 9, dtype="uint8")
    write_hdf5(root / CAMERA, {f"{instrument}/data": camera})
    pilatus = frames(2, 487, 195, dtype="int32")
    write_sequence(f"{root}/{FRAMES}/5e3b_{{:06d}}.tiff", pilatus, write_tiff)
    perkin_elmer = frames(2, 6, 8)
    write_hdf5(root / PERKIN_ELMER, {f"{instrument}/data": perkin_elmer})
    stream = frames(2, 4, 32, dtype="float64")
    write_hdf5(root / STREAM, {f"{instrument}/data": stream})
    encoder = [(name, "<i8") for name in ("ts_s", "ts_ns", "encoder", "index", "state")]
    analog = [("timestamp", "<i8"), ("col1", "<i8"), ("col2", "<i8"), ("col3", "<U10")]
    return {
        "pil100k2_stream/pil100k2_image": images,
        "pil100k2_stream/pil100k2_roi1": sums,
        "xs_channels/xs_ch02": spectra[:, 1],
        "xs_channels/xs_ch02_roi01": counts,
        "pb9_enc1/pb9_enc1": np.array(ENCODER_ROWS, dtype=encoder)[:, None],
        "pba1_adc7/pba1_adc7": np.array(ANALOG_ROWS, dtype=analog)[:, None],
        "apb_stream/apb_stream": np.frombuffer(samples.tobytes(), dtype="uint8"),
        "primary/camera_sp1_image": camera,
        "primary/pil100k_image": pilatus[:, None],  # stacked, each with its one frame
        "primary/pe1_image": perkin_elmer,
        "primary/xs_stream": stream,
        "primary/internal/hhm_energy": np.array([7112.0, 7113.0]),
    }


def _write_rows(path: Path, rows: list[tuple[Any, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(" ".join(map(str, row)) + "\n" for row in rows))
