"""Runs whose data are in files, with the files: ``python -m tests.runs.external.record``.

Each function writes real files into a directory and gives the documents that speak of them, and
what each node should then hold. The documents are committed, with `FILES` for the directory. Those
of a RunEngine have new uids and times in each recording.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count as numbers
from pathlib import Path, PurePath
from typing import Any, TypeAlias
from unittest.mock import patch

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import bluesky.preprocessors as bpp
import numpy as np
from bluesky import RunEngine
from event_model import DocumentNames, schema_validators
from ophyd.sim import hw
from ophyd_async import sim
from ophyd_async.core import StaticFilenameProvider, StaticPathProvider, TriggerInfo, init_devices

from tests.files import (
    Array,
    frames,
    read_hdf5,
    read_jpeg,
    write_bytes,
    write_csv,
    write_hdf5,
    write_jpeg,
    write_sequence,
    write_tiff,
)
from tests.runtime.layouts import descriptor, event, key, page, start, stop
from tiledmap.documents.recordings import NamedDocument, write_documents

HERE = Path(__file__).parent
FILES = "/detector/files"
DATASET = "entry/data/data"
HDF5 = "application/x-hdf5"
TIFF = "multipart/related;type=image/tiff"
JPEG = "multipart/related;type=image/jpeg"
NPY = "multipart/related;type=application/x-npy"
CSV = "text/csv;header=absent"
BYTES = "application/octet-stream"

Document: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Recorded:
    """A run.

    Parameters
    ----------
    values
        What each node of files holds, by its path below the run; for bytes, those of each file.
    """

    documents: list[NamedDocument]
    values: Mapping[str, Array | list[bytes]]


Record: TypeAlias = Callable[[Path], Recorded]
COMPOSED: dict[str, Record] = {}
"""Runs that are the same each time."""
ACQUIRED: dict[str, Record] = {}
"""Runs of real detectors, through a RunEngine."""


def composed(record: Record) -> Record:
    """List a function that composes a run."""
    COMPOSED[record.__name__.replace("_", "-")] = record
    return record


def acquired(record: Record) -> Record:
    """List a function that acquires a run."""
    ACQUIRED[record.__name__.replace("_", "-")] = record
    return record


# Documents


def image(*shape: int | None, **fields: Any) -> Document:
    """Make the data key of images in files."""
    return key("array", shape, external="FILESTORE:", **fields)


def resource(spec: str, root: Path, path: str, uid: str = "res", /, **kwargs: Any) -> NamedDocument:
    """Announce a file in event-model's old form."""
    return "resource", {
        "uid": uid,
        "run_start": "run-1",
        "spec": spec,
        "root": str(root),
        "resource_path": path,
        "resource_kwargs": kwargs,
        "path_semantics": "posix",
    }


def datum(number: int, uid: str = "res", **kwargs: Any) -> NamedDocument:
    """Say what one value of an event is in a file."""
    document = {"datum_id": f"{uid}/{number}", "resource": uid, "datum_kwargs": kwargs}
    return "datum", document


def unfilled(seq_num: int, data: Document, descriptor: str = "desc-1") -> NamedDocument:
    """Make an event whose texts are all ids of datums."""
    ids = [name for name, value in data.items() if isinstance(value, str)]
    return "event", event(seq_num, data, descriptor, filled=dict.fromkeys(ids, False))


def stream_resource(
    mimetype: str, path: Path, uid: str = "sres", data_key: str = "img", **parameters: Any
) -> NamedDocument:
    """Announce a file."""
    return "stream_resource", {
        "uid": uid,
        "run_start": "run-1",
        "data_key": data_key,
        "mimetype": mimetype,
        "uri": f"file://localhost{path}",
        "parameters": parameters,
    }


def stream_datum(
    first: int, end: int, uid: str = "sres", descriptor: str = "desc-1", seq_num: int | None = None
) -> NamedDocument:
    """Say that the frames from `first` to before `end` are there; for which events."""
    seq_num = first + 1 if seq_num is None else seq_num
    return "stream_datum", {
        "uid": f"{uid}/{first}",
        "stream_resource": uid,
        "descriptor": descriptor,
        "indices": {"start": first, "stop": end},
        "seq_nums": {"start": seq_num, "stop": seq_num + end - first},
    }


def run(data_keys: Document, *documents: NamedDocument, **fields: Any) -> list[NamedDocument]:
    """Put documents into a run of one stream."""
    return [
        ("start", start(plan_name="count")),
        ("descriptor", descriptor(data_keys, **fields)),
        *documents,
        ("stop", stop()),
    ]


def each_with_its_event(*datums: NamedDocument) -> Iterator[NamedDocument]:
    """Follow each datum by the event that refers to it, with a number beside the image."""
    for seq_num, (name, document) in enumerate(datums, start=1):
        yield name, document
        yield unfilled(seq_num, {"img": document["datum_id"], "x": seq_num / 2})


# Files announced in the old form


def in_hdf5(files: Path, frames_per_point: int) -> Recorded:
    """Compose a run of an area detector's HDF5 plugin."""
    images = frames(3 * frames_per_point, 4, 6)
    write_hdf5(files / "scan" / "img.h5", {DATASET: images})
    documents = run(
        {"img": image(frames_per_point, 4, 6, dtype_str="<u2"), "x": key()},
        resource("AD_HDF5", files, "scan/img.h5", frame_per_point=frames_per_point),
        *each_with_its_event(*(datum(n, point_number=n) for n in range(3))),
    )
    return Recorded(documents, {"primary/img": images.reshape(3, frames_per_point, 4, 6)})


@composed
def ad_hdf5(files: Path) -> Recorded:
    """One frame for each event."""
    return in_hdf5(files, 1)


@composed
def ad_hdf5_3(files: Path) -> Recorded:
    """Three frames for each event."""
    return in_hdf5(files, 3)


def in_tiffs(files: Path, frames_per_point: int) -> Recorded:
    """Compose a run of an area detector's TIFF plugin."""
    images = frames(3 * frames_per_point, 4, 6)
    write_sequence(f"{files}/scan/abc_{{:06d}}.tiff", images, write_tiff)
    said = {
        "template": "%s%s_%6.6d.tiff",
        "filename": "abc",
        "frame_per_point": frames_per_point,
    }
    documents = run(
        {"img": image(frames_per_point, 4, 6, dtype_numpy="<u2"), "x": key()},
        resource("AD_TIFF", files, "scan/", **said),
        *each_with_its_event(*(datum(n, point_number=n) for n in range(3))),
    )
    return Recorded(documents, {"primary/img": images.reshape(3, frames_per_point, 4, 6)})


@composed
def ad_tiff(files: Path) -> Recorded:
    """One file for each event."""
    return in_tiffs(files, 1)


@composed
def ad_tiff_3(files: Path) -> Recorded:
    """Three files for each event."""
    return in_tiffs(files, 3)


@composed
def one_resource_two_keys(files: Path) -> Recorded:
    """Two datasets of one file; each datum says which."""
    images, sums = frames(2, 4, 6), frames(2, 5, dtype="float64")
    write_hdf5(files / "both.h5", {"entry/images": images, "entry/sums": sums})
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2"), "sums": image(5, dtype_numpy="<f8")},
        resource("XSP3_BULK", files, "both.h5"),
        *(
            document
            for n in range(2)
            for document in (
                datum(n, dataset="entry/images", point_number=n),
                datum(n + 2, dataset="entry/sums", point_number=n),
                unfilled(n + 1, {"img": f"res/{n}", "sums": f"res/{n + 2}"}),
            )
        ),
    )
    return Recorded(documents, {"primary/img": images, "primary/sums": sums})


@composed
def one_resource_two_streams(files: Path) -> Recorded:
    """The first two files are dark, the others bright."""
    images = frames(5, 4, 6)
    write_sequence(f"{files}/scan/abc_{{:03d}}.tif", images, write_tiff)
    data_keys = {"img": image(4, 6, dtype_numpy="<u2")}
    documents: list[NamedDocument] = [
        ("start", start()),
        ("descriptor", descriptor(data_keys, name="dark")),
        resource("AD_TIFF", files, "scan/", template="%s%s_%3.3d.tif", filename="abc"),
        ("descriptor", descriptor(data_keys, uid="desc-2")),
    ]
    for n in range(5):
        stream, seq_num = ("desc-1", n + 1) if n < 2 else ("desc-2", n - 1)
        documents += [
            datum(n, point_number=n),
            unfilled(seq_num, {"img": f"res/{n}"}, stream),
        ]
    documents.append(("stop", stop()))
    return Recorded(documents, {"dark/img": images[:2], "primary/img": images[2:]})


@composed
def two_resources(files: Path) -> Recorded:
    """Two HDF5 files, one after the other; events are counted on."""
    images = frames(5, 4, 6)
    write_hdf5(files / "a.h5", {DATASET: images[:2]})
    write_hdf5(files / "b.h5", {DATASET: images[2:]})
    datums = [datum(n, "res-a" if n < 2 else "res-b") for n in range(5)]
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2"), "x": key()},
        resource("AD_HDF5", files, "a.h5", "res-a"),
        resource("AD_HDF5", files, "b.h5", "res-b"),
        *each_with_its_event(*datums),
    )
    return Recorded(documents, {"primary/img": images})


@composed
def datums_late(files: Path) -> Recorded:
    """Events come first, then what they refer to; no event has the last datum."""
    images = frames(3, 4, 6)
    write_hdf5(files / "late.h5", {DATASET: images})
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2"), "x": key()},
        *(unfilled(n + 1, {"img": f"res/{n}", "x": n / 2}) for n in range(3)),
        resource("AD_HDF5_SWMR", files, "late.h5"),
        *(datum(n, point_number=n) for n in range(4)),
    )
    return Recorded(documents, {"primary/img": images})


@composed
def pages(files: Path) -> Recorded:
    """Datums and events come in pages."""
    images = frames(4, 4, 6)
    write_hdf5(files / "pages.h5", {DATASET: images})
    events = [dict(unfilled(n + 1, {"img": f"res/{n}", "x": n / 2})[1]) for n in range(4)]
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2"), "x": key()},
        resource("AD_HDF5", files, "pages.h5"),
        (
            "datum_page",
            {
                "resource": "res",
                "datum_id": [f"res/{n}" for n in range(4)],
                "datum_kwargs": {"point_number": list(range(4))},
            },
        ),
        ("event_page", page(events[:3])),
        ("event_page", page(events[3:])),
    )
    return Recorded(documents, {"primary/img": images})


@composed
def bulk(files: Path) -> Recorded:
    """Datums and events come in the form that pages have replaced."""
    images = frames(3, 4, 6)
    write_hdf5(files / "bulk.h5", {DATASET: images})
    events = [dict(unfilled(n + 1, {"img": f"res/{n}", "x": n / 2})[1]) for n in range(3)]
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2"), "x": key()},
        resource("AD_HDF5", files, "bulk.h5"),
        (
            "bulk_datum",
            {
                "resource": "res",
                "datum_ids": [f"res/{n}" for n in range(3)],
                "datum_kwarg_list": [{"point_number": n} for n in range(3)],
            },
        ),
        ("bulk_events", {"desc-1": events}),
    )
    return Recorded(documents, {"primary/img": images})


# How datums are counted


def counted(files: Path, name: str, number: int, *counters: Document) -> Recorded:
    """Compose a run of one HDF5 file, an event for each of `counters`."""
    images = frames(number, 4, 6)
    write_hdf5(files / f"{name}.h5", {DATASET: images})
    datums = [datum(n, **counter) for n, counter in enumerate(counters)]
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2"), "x": key()},
        resource("AD_HDF5", files, f"{name}.h5"),
        *each_with_its_event(*datums),
    )
    return Recorded(documents, {"primary/img": images})


@composed
def counted_by_event(files: Path) -> Recorded:
    """The datums say nothing."""
    return counted(files, "events", 3, {}, {}, {})


@composed
def counted_by_frame(files: Path) -> Recorded:
    """Each datum says which frame is its last."""
    return counted(files, "frames", 5, {"frame": 0}, {"frame": 2}, {"frame": 4})


@composed
def counted_by_indices(files: Path) -> Recorded:
    """Each datum says where its frames begin and end."""
    return counted(
        files,
        "indices",
        4,
        {"indices": {"start": 0, "stop": 1}},
        {"indices": {"start": 1, "stop": 4}},
    )


@composed
def counted_anew(files: Path) -> Recorded:
    """The frames of the second file are counted from its own first."""
    images = frames(4, 4, 6)
    write_hdf5(files / "first.h5", {DATASET: images[:2]})
    write_hdf5(files / "second.h5", {DATASET: images[2:]})
    datums = [datum(n, "res-a" if n < 2 else "res-b", frame=n % 2) for n in range(4)]
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2"), "x": key()},
        resource("AD_HDF5", files, "first.h5", "res-a"),
        resource("AD_HDF5", files, "second.h5", "res-b"),
        *each_with_its_event(*datums),
    )
    return Recorded(documents, {"primary/img": images})


# Files announced in the new form


@composed
def jpeg(files: Path) -> Recorded:
    """A file for each event; the template has the new form."""
    pixels = frames(3, 8, 8, dtype="uint8", first=1)
    paths = write_sequence(f"{files}/grey_{{:05d}}.jpeg", pixels, write_jpeg)
    documents = run(
        {"img": image(1, 8, 8, dtype_numpy="|u1", dims=["frame", "y", "x"])},
        stream_resource(JPEG, files, template="/grey_{:05d}.jpeg", chunk_shape=[1, 8, 8]),
        stream_datum(0, 3),
    )
    return Recorded(documents, {"primary/img": np.stack([read_jpeg(p)[None] for p in paths])})


@composed
def tiff_pages(files: Path) -> Recorded:
    """Each event has two files, with three frames in each."""
    images = frames(12, 4, 6)
    write_sequence(f"{files}/pages_{{:04d}}.tiff", images.reshape(4, 3, 4, 6), write_tiff)
    documents = run(
        {"img": image(6, 4, 6, dtype_numpy="<u2")},
        stream_resource(TIFF, files, template="/pages_{:04d}.tiff", chunk_shape=[3, 4, 6]),
        stream_datum(0, 2),
    )
    return Recorded(documents, {"primary/img": images.reshape(2, 6, 4, 6)})


@composed
def csv(files: Path) -> Recorded:
    """Each event adds five rows of three numbers to a file."""
    rows = frames(10, 3, dtype="float64")
    write_csv(files / "rows.csv", rows)
    documents = run(
        {"img": image(5, 3, dtype_numpy="<f8")},
        stream_resource(CSV, files / "rows.csv"),
        stream_datum(0, 2),
    )
    return Recorded(documents, {"primary/img": rows})


RECORD = [["a", "<i4"], ["b", "<f8"]]
RECORDS = np.array([(n, n / 2) for n in range(10)], dtype=[("a", "<i4"), ("b", "<f8")])


@composed
def csv_records(files: Path) -> Recorded:
    """Each event adds five rows of a whole number and another number."""
    write_csv(files / "records.csv", RECORDS)
    documents = run(
        {"img": image(5, 1, dtype_numpy=RECORD)},
        stream_resource(CSV, files / "records.csv", sep=","),
        stream_datum(0, 2),
    )
    return Recorded(documents, {"primary/img": RECORDS.reshape(10, 1)})


@composed
def hdf5_records(files: Path) -> Recorded:
    """A dataset of records, one for each event."""
    write_hdf5(files / "records.h5", {"entry/records": RECORDS}, {"entry/records": (4,)})
    parameters = {"dataset": "entry/records", "chunk_shape": [4], "swmr": False}
    documents = run(
        {"img": image(1, dtype_numpy=RECORD)},
        stream_resource(HDF5, files / "records.h5", **parameters),
        stream_datum(0, 10),
    )
    return Recorded(documents, {"primary/img": RECORDS})


@composed
def hdf5_slice(files: Path) -> Recorded:
    """One channel of a dataset of three; the file may not be locked."""
    counts = frames(4, 3, 7, dtype="float32")
    write_hdf5(files / "channels.h5", {"entry/counts": counts})
    parameters = {
        "dataset": "entry/counts",
        "slice": "(:,1,:)",
        "squeeze": True,
        "locking": False,
    }
    documents = run(
        {"img": image(7, dtype_numpy="<f4")},
        stream_resource(HDF5, files / "channels.h5", **parameters),
        stream_datum(0, 4),
    )
    return Recorded(documents, {"primary/img": counts[:, 1]})


@composed
def hdf5_concat(files: Path) -> Recorded:
    """Each event adds its four rows to the dataset's own."""
    rows = frames(12, 6)
    write_hdf5(files / "rows.h5", {DATASET: rows}, {DATASET: (3, 6)})
    parameters = {"dataset": DATASET, "join_method": "concat", "chunk_shape": [3, 6]}
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2", dims=["y", "x"])},
        stream_resource(HDF5, files / "rows.h5", **parameters),
        stream_datum(0, 3),
    )
    return Recorded(documents, {"primary/img": rows})


@composed
def hdf5_many(files: Path) -> Recorded:
    """A file for each event."""
    images = frames(3, 2, 4, 6)
    write_sequence(
        f"{files}/point_{{:02d}}.h5", images, lambda path, frame: write_hdf5(path, {DATASET: frame})
    )
    documents = run(
        {"img": image(2, 4, 6, dtype_numpy="<u2")},
        stream_resource(HDF5, files, template="/point_{:02d}.h5", dataset=DATASET),
        stream_datum(0, 3),
    )
    return Recorded(documents, {"primary/img": images})


@composed
def old_stream_resource(files: Path) -> Recorded:
    """The stream resource is from before event-model 1.20."""
    images = frames(3, 4, 6)
    write_hdf5(files / "old.h5", {"entry/old": images})
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2")},
        (
            "stream_resource",
            {
                "uid": "sres",
                "run_start": "run-1",
                "data_key": "img",
                "spec": "AD_HDF5_SWMR_STREAM",
                "root": str(files),
                "resource_path": "old.h5",
                "resource_kwargs": {"path": "entry/old", "chunk_shape": [1, 4, 6]},
                "path_semantics": "posix",
            },
        ),
        stream_datum(0, 3),
    )
    return Recorded(documents, {"primary/img": images})


@composed
def blobs(files: Path) -> Recorded:
    """Files that nobody reads as arrays."""
    contents = frames(3, 10, dtype="uint8")
    write_sequence(f"{files}/raw_{{:d}}.bin", contents, write_bytes)
    documents = run(
        {"img": image(10, dtype_numpy="|u1")},
        stream_resource(BYTES, files / "raw", template="_{:d}.bin"),
        stream_datum(0, 3),
    )
    return Recorded(documents, {"primary/img": [row.tobytes() for row in contents]})


# How stream datums come


@composed
def split(files: Path) -> Recorded:
    """Many stream datums, of one frame or two."""
    images = frames(6, 4, 6)
    write_hdf5(files / "split.h5", {DATASET: images})
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2")},
        stream_resource(HDF5, files / "split.h5", dataset=DATASET, chunk_shape=[4, 4, 6]),
        *(stream_datum(*each) for each in [(0, 1), (1, 2), (2, 4), (4, 5), (5, 6)]),
    )
    return Recorded(documents, {"primary/img": images})


def in_files(files: Path, *ranges: tuple[int, int]) -> Recorded:
    """Compose a run of six files, of which those in `ranges` are announced, in that order."""
    images = frames(6, 4, 6)
    write_sequence(f"{files}/abc_{{:03d}}.tif", images, write_tiff)
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2")},
        stream_resource(TIFF, files, template="/abc_{:03d}.tif", chunk_shape=[1, 4, 6]),
        *(stream_datum(*each) for each in ranges),
    )
    announced = sorted(n for each in ranges for n in range(*each))
    return Recorded(documents, {"primary/img": images[announced]})


@composed
def gaps(files: Path) -> Recorded:
    """The third file and the fourth are never announced."""
    return in_files(files, (0, 2), (4, 6))


@composed
def out_of_order(files: Path) -> Recorded:
    """Later files are announced before earlier ones."""
    return in_files(files, (2, 4), (0, 2), (4, 6))


@composed
def interleaved(files: Path) -> Recorded:
    """Two files take turns, each counted from its own first frame."""
    images = frames(6, 4, 6)
    write_hdf5(files / "left.h5", {DATASET: images[:3]})
    write_hdf5(files / "right.h5", {DATASET: images[3:]})
    parameters = {"dataset": DATASET, "chunk_shape": [1, 4, 6]}
    turns = (
        stream_datum(n, n + 1, uid, seq_num=2 * n + place)
        for n in range(3)
        for place, uid in enumerate(("left", "right"), start=1)
    )
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2")},
        stream_resource(HDF5, files / "left.h5", "left", **parameters),
        stream_resource(HDF5, files / "right.h5", "right", **parameters),
        *turns,
    )
    return Recorded(documents, {"primary/img": images})


# Real detectors


def acquire(engine: RunEngine, plan: Iterator[Any]) -> list[NamedDocument]:
    """Run a plan; return what the RunEngine said."""
    documents: list[NamedDocument] = []
    engine(plan, lambda name, document: documents.append((name, dict(document))))
    return documents


@acquired
def ophyd_sim_img(files: Path) -> Recorded:
    """ophyd's own detector that writes NPY files, in a scan."""
    devices = hw(save_path=str(files))
    images = frames(4, 10, 10, dtype="float64")
    sequence = numbers()
    devices.img.sim_set_func(lambda: images[next(sequence)])
    engine = RunEngine(call_returns_result=False)
    documents = acquire(engine, bp.scan([devices.img, devices.det], devices.motor, -1, 1, 4))
    return Recorded(documents, {"primary/img": images})


def sim_detector(files: Path, name: str) -> tuple[sim.SimBlobDetector, sim.PatternGenerator]:
    """Make ophyd-async's detector that writes HDF5; it needs a RunEngine's event loop."""
    pattern = sim.PatternGenerator()
    provider = StaticPathProvider(StaticFilenameProvider(name), PurePath(files))
    with init_devices():
        det = sim.SimBlobDetector(provider, pattern, name="det")
    return det, pattern


def small_images() -> Any:
    """Let those detectors write 6 by 8 pixels."""
    return patch.multiple("ophyd_async.sim._blob_data_logic", HEIGHT=6, WIDTH=8)


def sim_values(path: Path, events: int, frames_per_event: int = 1) -> dict[str, Array]:
    """Read what that detector has written."""
    images = read_hdf5(path, "entry/data/data")
    sums = read_hdf5(path, "entry/sum")
    assert len(images) == events * frames_per_event
    sums = sums if frames_per_event == 1 else sums.reshape(events, frames_per_event)
    return {
        "primary/det": images.reshape(events, frames_per_event, 6, 8),
        "primary/det-sum": sums,
    }


@acquired
def ophyd_async_step(files: Path) -> Recorded:
    """ophyd-async's detector, triggered at each of three points."""
    engine = RunEngine(call_returns_result=False)
    with small_images():
        det, pattern = sim_detector(files, "step")

        @bpp.stage_decorator([det])
        @bpp.run_decorator()
        def plan() -> Iterator[Any]:
            yield from bps.prepare(det, TriggerInfo(number_of_events=1, livetime=1.0), wait=True)
            for point in range(3):
                pattern.set_x(point)
                yield from bps.trigger_and_read([det])

        documents = acquire(engine, plan())
    return Recorded(documents, sim_values(files / "step.h5", 3))


@acquired
def ophyd_async_fly(files: Path) -> Recorded:
    """ophyd-async's detector as a flyer: two frames for each of five events."""
    engine = RunEngine(call_returns_result=False)
    with small_images():
        det, _ = sim_detector(files, "fly")
        documents = acquire(engine, fly(det, events=5, frames_per_event=2))
    return Recorded(documents, sim_values(files / "fly.h5", 5, 2))


def fly(det: sim.SimBlobDetector, events: int, frames_per_event: int = 1) -> Iterator[Any]:
    """Let a detector take frames at its own pace, and collect them meanwhile."""
    info = TriggerInfo(
        number_of_events=events,
        collections_per_event=frames_per_event,
        livetime=0.02,
        deadtime=0.01,
    )

    @bpp.stage_decorator([det])
    @bpp.run_decorator(md={"plan_name": "fly"})
    def plan() -> Iterator[Any]:
        yield from bps.prepare(det, info, wait=True)
        yield from bps.declare_stream(det, name="primary", collect=True)
        yield from bps.kickoff(det, wait=True)
        yield from bps.collect_while_completing(
            flyers=[det], dets=[det], flush_period=0.05, stream_name="primary"
        )

    yield from plan()


# What is committed


def as_committed(documents: list[NamedDocument], directory: Path) -> list[NamedDocument]:
    """Name the directory in documents `FILES`; give plain lists."""
    text = json.dumps(documents, default=lambda value: value.tolist())
    return [(name, doc) for name, doc in json.loads(text.replace(str(directory), FILES))]


def validated(documents: list[NamedDocument]) -> list[NamedDocument]:
    """Return the documents, which event-model's schemas allow.

    One form is older than the schemas.
    """
    for name, document in documents:
        if name != "stream_resource" or "mimetype" in document:
            schema_validators[DocumentNames[name]].validate(document)
    return documents


def main(names: list[str]) -> None:
    """Record these runs, or all that are composed."""
    for name in names or COMPOSED:
        with tempfile.TemporaryDirectory() as directory:
            documents = ({**COMPOSED, **ACQUIRED})[name](Path(directory)).documents
            write_documents(
                HERE / f"{name}.jsonl", validated(as_committed(documents, Path(directory)))
            )


if __name__ == "__main__":
    main(sys.argv[1:])
