"""BMM: pictures whose path is a template, spectra by channel, HDF5 frames, bytes of a Timepix4."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.beamlines import NamedDocument
from tests.beamlines.composing import RunDocuments, data_root
from tests.files import frames, write_hdf5

MAPPING = "bmm"
SETTINGS = data_root
POINTS = 3
DATASET = "entry/instrument/detector/data"
ASSETS = "proposals/2025-3/pass-317654/assets"
PICTURES = f"{ASSETS}/usbcam-1/2025/10/09/4fb5a0a8-7d1f_%6.6d.jpeg"
SPECTRA = f"{ASSETS}/xspress3-1/2025/10/09/1e0a7b7c-52a3_000000.h5"
IMAGES = f"{ASSETS}/pilatus100k-1/2025/10/09"
EVENTS = f"{ASSETS}/timepix4/2025/10/09/run_0042.tpx4"


def documents() -> Iterator[NamedDocument]:
    run = RunDocuments(
        "bmm",
        1_760_020_000.0,
        scan_id=56_001,
        plan_name="scan_nd xafs fluorescence",
        data_session="pass-317654",
        cycle="2025-3",
        XDI={"Element": {"symbol": "Fe", "edge": "K"}},
    )
    spectrum = {
        "source": "FileStore::XF:06BM-ES{Xsp:1}:",
        "dtype": "array",
        "shape": [4096],
        "external": "FILESTORE:",
        "object_name": "4-element SDD",
    }
    run.descriptor(
        "primary",
        {
            "4-element SDD_channel01": spectrum,
            "4-element SDD_channel02": spectrum,
            "pilatus100k_image": {
                "source": "PV:XF:06BMB-ES{Det:PIL100k}:",
                "dtype": "array",
                "dtype_str": "int32",
                "shape": [19, 48],
                "external": "FILESTORE:",
                "object_name": "pilatus100k",
            },
            "dcm_energy": {
                "source": "PV:XF:06BMA-OP{Mono:DCM1}",
                "dtype": "number",
                "shape": [],
                "units": "eV",
                "object_name": "dcm",
            },
        },
    )
    run.descriptor(
        "camera",
        {
            "usbcam1_image": {
                "source": "PV:XF:06BM-ES{UVC-Cam:1}",
                "dtype": "array",
                "shape": [16, 24, 3],
                "external": "FILESTORE:",
                "object_name": "usbcam-1",
            }
        },
    )
    run.descriptor(
        "timepix4",
        {
            "timepix4_events": {
                "source": "PV:XF:06BM-ES{TPX:4}",
                "dtype": "array",
                "shape": [-1],
                "external": "FILESTORE:",
                "object_name": "timepix4",
            }
        },
    )
    spectra = run.resource("XSP3", "/nsls2/data3/bmm", SPECTRA, {})
    images = run.resource(
        "AD_HDF5",
        "/nsls2/data3/bmm",
        IMAGES,
        {"template": "%s%s_%6.6d.h5", "filename": "93bf", "frame_per_point": 1},
    )
    for point in range(POINTS):
        run.event(
            "primary",
            {
                "4-element SDD_channel01": run.datum(spectra, frame=point, channel=1),
                "4-element SDD_channel02": run.datum(spectra, frame=point, channel=2),
                "pilatus100k_image": run.datum(images, point_number=point),
                "dcm_energy": 7112.0 + point,
            },
        )
    # The camera's root ends in a slash, and its path repeats it.
    root = f"/nsls2/data3/bmm/{ASSETS}/usbcam-1/"
    pictures = run.resource("BMM_USBCAM", root, f"/nsls2/data3/bmm/{PICTURES}", {})
    for point in range(2):
        run.event("camera", {"usbcam1_image": run.datum(pictures, point_number=point)})
    events = run.resource("TIMEPIX4_BIN", "/nsls2/data3/bmm", EVENTS, {})
    run.event("timepix4", {"timepix4_events": run.datum(events, point_number=0)})
    run.stop()
    yield from run


def write_files(root: Path) -> dict[str, npt.NDArray[Any]]:
    spectra = frames(POINTS, 4, 4096, dtype="float64")
    images = frames(POINTS, 19, 48, dtype="int32")
    write_hdf5(root / SPECTRA, {DATASET: spectra})
    write_hdf5(root / IMAGES / "93bf_000000.h5", {DATASET: images})
    pictures = []
    for point in range(2):
        path = root / (PICTURES % point)
        path.parent.mkdir(parents=True, exist_ok=True)
        colours = np.linspace(0, 255, 16 * 24 * 3).reshape(16, 24, 3) / (point + 1)
        Image.fromarray(colours.astype("uint8")).save(path, "JPEG")
        with Image.open(path) as image:
            pictures.append(np.asarray(image))
    events = root / EVENTS
    events.parent.mkdir(parents=True)
    events.write_bytes(bytes(range(256)))
    return {
        "primary/4-element SDD_channel01": spectra[:, 0],
        "primary/4-element SDD_channel02": spectra[:, 1],
        "primary/pilatus100k_image": images[:, None],  # stacked, each with its one frame
        "primary/internal/dcm_energy": 7112.0 + np.arange(POINTS),
        "camera/usbcam1_image": np.stack(pictures),
        "timepix4/timepix4_events": np.arange(256, dtype="uint8"),
    }
