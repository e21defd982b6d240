"""What is written: runs as beamlines have them, made of nothing but their sizes.

The documents of one turn are the same for every writer, and of no two turns: runs have new uids,
and files new addresses.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias
from uuid import NAMESPACE_OID, uuid5

import h5py
import numpy as np

Document: TypeAlias = dict[str, Any]
NamedDocument: TypeAlias = tuple[str, Document]
Compose: TypeAlias = Callable[[str, Path], Iterator[NamedDocument]]

ROWS_IN_PAGE = 500
ARRAY_LENGTH = 2_048
DETECTORS = 20
DATASET = "entry/data/data"
FRAME = (4, 6)
NUMBER: Document = {"source": "SIM", "dtype": "number", "dtype_numpy": "<f8", "shape": []}


@dataclass(frozen=True)
class Work:
    """Documents for every writer to write.

    Parameters
    ----------
    unit, units
        What a cost is divided by, and how many of them there are.
    compose
        Gives the documents of one turn, from a text that is the turn's own and a directory for
        detectors' files.
    sample
        The same, but only a few.
    """

    name: str
    title: str
    unit: str
    units: int
    compose: Compose
    sample: Compose


def _scaled(scale: float) -> Callable[[int], int]:
    return lambda number: max(2, round(number * scale))


def works(scale: float = 1.0) -> dict[str, Work]:
    """What all writers are given, by name; `scale` shrinks it."""
    scaled = _scaled(scale)
    described = [
        scalars("events", scaled(20_000)),
        paged_scalars(scaled(20_000)),
        wide_scalars(scaled(200), scaled(1_500)),
        arrays(scaled(2_000)),
        beamline_day(scaled(100)),
        stream_datums("external", scaled(50)),
        legacy_datums(scaled(500)),
    ]
    return {work.name: work for work in described}


def growing_works(scale: float = 1.0) -> dict[str, tuple[Work, Work]]:
    """Each twice, small and large: what a unit costs should not depend on it."""
    scaled = _scaled(scale)
    return {
        "million": (
            scalars("million", scaled(10_000)),
            scalars("million", scaled(1_000_000)),
        ),
        "external-growth": (
            stream_datums("external-growth", scaled(50)),
            stream_datums("external-growth", scaled(500)),
        ),
    }


def scalars(name: str, events: int) -> Work:
    """A scan of ten scalars."""
    return Work(
        name,
        f"{events:,} events of 10 scalars",
        "event",
        events,
        partial(scalar_run, events=events, keys=10),
        partial(scalar_run, events=2, keys=10),
    )


def paged_scalars(events: int) -> Work:
    """The same, in pages."""
    return Work(
        "event-pages",
        f"{events:,} events of 10 scalars, in pages of {ROWS_IN_PAGE}",
        "row",
        events,
        partial(paged_run, events=events, keys=10),
        partial(paged_run, events=2, keys=10),
    )


def wide_scalars(events: int, keys: int) -> Work:
    """A scan that reads everything."""
    return Work(
        "wide",
        f"{events:,} events of {keys:,} scalars",
        "event",
        events,
        partial(scalar_run, events=events, keys=keys),
        partial(scalar_run, events=2, keys=keys),
    )


def arrays(events: int) -> Work:
    """A scan of a detector that gives arrays."""
    return Work(
        "arrays",
        f"{events:,} events with an array of {ARRAY_LENGTH:,} numbers",
        "event",
        events,
        partial(array_run, events=events, length=ARRAY_LENGTH),
        partial(array_run, events=2, length=ARRAY_LENGTH),
    )


def beamline_day(runs: int) -> Work:
    """What a beamline does all day."""
    return Work(
        "small-runs",
        f"{runs:,} runs of 10 events with baseline, primary and monitor",
        "run",
        runs,
        partial(small_runs, runs=runs),
        partial(small_runs, runs=1),
    )


def stream_datums(name: str, frames: int) -> Work:
    """A fly scan of detectors that write files."""
    return Work(
        name,
        f"{frames * DETECTORS:,} stream datums over {DETECTORS} arrays in HDF5 files",
        "datum",
        frames * DETECTORS,
        partial(external_run, frames=frames, detectors=DETECTORS),
        partial(external_run, frames=2, detectors=2),
    )


def legacy_datums(events: int) -> Work:
    """A step scan of a detector that writes a file, in event-model's old form."""
    return Work(
        "legacy",
        f"{events:,} events whose images are datums of a resource",
        "datum",
        events,
        partial(legacy_run, events=events),
        partial(legacy_run, events=2),
    )


# Runs


def scalar_run(turn: str, files: Path, *, events: int, keys: int) -> Iterator[NamedDocument]:
    """A scan of scalars."""
    uid = uid_of(turn)
    names = [f"key_{number}" for number in range(keys)]
    yield start(uid)
    yield descriptor(uid, "primary", dict.fromkeys(names, NUMBER))
    for seq_num in range(1, events + 1):
        values = {name: seq_num + number / 16 for number, name in enumerate(names)}
        yield event(uid, "primary", seq_num, values)
    yield stop(uid, primary=events)


def paged_run(turn: str, files: Path, *, events: int, keys: int) -> Iterator[NamedDocument]:
    """The same scan, in pages."""
    return in_pages(scalar_run(turn, files, events=events, keys=keys), ROWS_IN_PAGE)


def array_run(turn: str, files: Path, *, events: int, length: int) -> Iterator[NamedDocument]:
    """A scan of a detector that gives arrays, as ophyd gives them, beside a motor."""
    uid = uid_of(turn)
    spectrum = {"source": "SIM", "dtype": "array", "dtype_numpy": "<f8", "shape": [length]}
    yield start(uid)
    yield descriptor(uid, "primary", {"motor": NUMBER, "spectrum": spectrum})
    for seq_num in range(1, events + 1):
        values = {"motor": seq_num / 16, "spectrum": np.arange(length) + seq_num / 16}
        yield event(uid, "primary", seq_num, values)
    yield stop(uid, primary=events)


def small_runs(turn: str, files: Path, *, runs: int) -> Iterator[NamedDocument]:
    """One after the other, what a beamline does all day."""
    for number in range(runs):
        yield from _small_run(uid_of(f"{turn}-{number}"))


def _small_run(uid: str) -> Iterator[NamedDocument]:
    keys = {
        "baseline": [f"setting_{number}" for number in range(20)],
        "primary": ["motor", "motor_setpoint", "I0", "It"],
        "monitor": ["ring_current"],
    }

    def read(stream: str, seq_num: int) -> NamedDocument:
        return event(
            uid, stream, seq_num, {name: seq_num + n / 16 for n, name in enumerate(keys[stream])}
        )

    yield start(uid)
    for stream, names in keys.items():
        yield descriptor(uid, stream, dict.fromkeys(names, NUMBER))
    yield read("baseline", 1)
    for seq_num in range(1, 11):
        yield read("primary", seq_num)
        if seq_num % 3 == 0:
            yield read("monitor", seq_num // 3)
    yield read("baseline", 2)
    yield stop(uid, baseline=2, primary=10, monitor=3)


def external_run(turn: str, files: Path, *, frames: int, detectors: int) -> Iterator[NamedDocument]:
    """A fly scan: detectors write files of their own, and say how far they are."""
    uid = uid_of(turn)
    names = [f"det_{number}" for number in range(detectors)]
    yield start(uid)
    yield descriptor(uid, "primary", dict.fromkeys(names, _image(external="STREAM:")))
    for name in names:
        path = detector_file(files, frames, uid, name)
        yield (
            "stream_resource",
            {
                "uid": f"{uid}-{name}",
                "run_start": uid,
                "data_key": name,
                "mimetype": "application/x-hdf5",
                "uri": f"file://localhost{path}",
                "parameters": {"dataset": DATASET, "chunk_shape": [1, *FRAME]},
            },
        )
    for number in range(frames):
        for name in names:
            yield (
                "stream_datum",
                {
                    "uid": f"{uid}-{name}/{number}",
                    "stream_resource": f"{uid}-{name}",
                    "descriptor": f"{uid}-primary",
                    "indices": {"start": number, "stop": number + 1},
                    "seq_nums": {"start": number + 1, "stop": number + 2},
                },
            )
    yield stop(uid, primary=frames)


def legacy_run(turn: str, files: Path, *, events: int) -> Iterator[NamedDocument]:
    """A step scan of an area detector, as ophyd describes its file."""
    uid = uid_of(turn)
    path = detector_file(files, events, uid, "img")
    yield start(uid)
    yield descriptor(uid, "primary", {"img": _image(external="FILESTORE:"), "motor": NUMBER})
    yield (
        "resource",
        {
            "uid": f"{uid}-res",
            "run_start": uid,
            "spec": "AD_HDF5",
            "root": str(files),
            "resource_path": str(path.relative_to(files)),
            "resource_kwargs": {"frame_per_point": 1},
            "path_semantics": "posix",
        },
    )
    for number in range(events):
        datum_id = f"{uid}-res/{number}"
        yield (
            "datum",
            {
                "datum_id": datum_id,
                "resource": f"{uid}-res",
                "datum_kwargs": {"point_number": number},
            },
        )
        values = {"img": datum_id, "motor": number / 16}
        yield event(uid, "primary", number + 1, values, filled={"img": False})
    yield stop(uid, primary=events)


def _image(external: str) -> Document:
    return {
        "source": "SIM",
        "dtype": "array",
        "dtype_numpy": "<u2",
        "shape": [1, *FRAME],
        "external": external,
    }


# Documents


def uid_of(turn: str) -> str:
    """The uid of a turn's run."""
    return str(uuid5(NAMESPACE_OID, turn))


def start(uid: str) -> NamedDocument:
    """Begin a run."""
    return "start", {"uid": uid, "time": 0.0, "plan_name": "scan", "scan_id": 1}


def descriptor(run: str, stream: str, data_keys: Mapping[str, Document]) -> NamedDocument:
    """Declare a stream."""
    return (
        "descriptor",
        {
            "uid": f"{run}-{stream}",
            "run_start": run,
            "time": 0.0,
            "name": stream,
            "data_keys": {name: dict(data_key) for name, data_key in data_keys.items()},
            "configuration": {},
            "hints": {},
            "object_keys": {},
        },
    )


def event(run: str, stream: str, seq_num: int, data: Document, **fields: Any) -> NamedDocument:
    """Read a stream's devices."""
    return (
        "event",
        {
            "uid": f"{run}-{stream}-{seq_num}",
            "descriptor": f"{run}-{stream}",
            "seq_num": seq_num,
            "time": float(seq_num),
            "data": data,
            "timestamps": dict.fromkeys(data, seq_num + 0.25),
            "filled": {},
            **fields,
        },
    )


def stop(run: str, **num_events: int) -> NamedDocument:
    """End a run."""
    return (
        "stop",
        {
            "uid": f"{run}-stop",
            "run_start": run,
            "time": 1.0,
            "exit_status": "success",
            "num_events": num_events,
        },
    )


def in_pages(documents: Iterator[NamedDocument], rows: int) -> Iterator[NamedDocument]:
    """Put the events of a run of one stream into pages."""
    waiting: list[Document] = []
    for name, document in documents:
        if name == "event":
            waiting.append(document)
        if waiting and (len(waiting) == rows or name != "event"):
            yield "event_page", _page(waiting)
            waiting = []
        if name != "event":
            yield name, document


def _page(events: list[Document]) -> Document:
    first = events[0]
    return {
        "descriptor": first["descriptor"],
        **{field: [event[field] for event in events] for field in ("uid", "seq_num", "time")},
        **{
            part: {name: [event[part][name] for event in events] for name in first[part]}
            for part in ("data", "timestamps", "filled")
        },
    }


# Files


def detector_file(files: Path, frames: int, run: str, name: str) -> Path:
    """A file of so many frames, with an address that no other run has.

    It is a link: all files of one length have the same contents, which are written once.
    """
    contents = files / f"{frames}-frames.h5"
    if not contents.exists():
        values = np.arange(frames * np.prod(FRAME)).astype("<u2").reshape(frames, *FRAME)
        with h5py.File(contents, "w", libver="latest") as file:
            file.create_dataset(DATASET, data=values, chunks=(1, *FRAME), maxshape=(None, *FRAME))
    path = files / run / f"{name}.h5"
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        os.link(contents, path)
    return path


def turns(name: str) -> Iterator[str]:
    """Texts of which no two are equal."""
    return (f"{name}-{number}" for number in count())
