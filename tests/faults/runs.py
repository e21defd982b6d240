"""Runs as beamlines have them, small and at random, but always the same for one seed."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tests.runtime.layouts import descriptor, event, key, page, start, stop
from tiledmap.documents.recordings import NamedDocument, read_documents

RECORDED = Path(__file__).parent.parent / "runs"
RECORDINGS = (
    *("count-arrays", "nested", "ophyd-async", "pages", "ragged", "scan", "strings"),
    *("external/ad-tiff-3", "external/interleaved", "external/one-resource-two-streams"),
    *("external/ophyd-async-step", "external/out-of-order", "external/split"),
)
"""Of RunEngines, with ophyd's and ophyd-async's devices; their files need not be there."""

Document = dict[str, Any]


def compose_documents(seed: object) -> list[NamedDocument]:
    """Compose one run or two that take turns, or read one that was recorded."""
    chance = Random(str(seed))
    if chance.random() < 0.1:
        return list(read_documents(RECORDED / f"{chance.choice(RECORDINGS)}.jsonl"))
    uids = [f"{chance.getrandbits(128):032x}" for _ in range(chance.choice([1, 1, 1, 1, 2]))]
    return list(interleave([compose_run(uid, chance) for uid in uids], chance))


def interleave(runs: list[Iterator[NamedDocument]], chance: Random) -> Iterator[NamedDocument]:
    """Let runs take turns; each keeps its own order."""
    while runs:
        run = chance.choice(runs)
        try:
            yield next(run)
        except StopIteration:
            runs.remove(run)


def compose_run(uid: str, chance: Random) -> Iterator[NamedDocument]:
    """Compose a run with a baseline, a primary stream and a monitor."""
    steps = chance.randint(1, 6)
    yield (
        "start",
        start(
            uid,
            plan_name="scan",
            scan_id=chance.randrange(10**6),
            num_points=steps,
            sample={"name": chance.choice(["Ni foil", "Größe in µm", ""])},
        ),
    )
    primary = _Stream(uid, "primary", _choose(chance, *VALUES, "file"), chance)
    baseline = _Stream(uid, "baseline", _choose(chance, "number", "string", "integer"), chance)
    monitor = _Stream(uid, "monitor", {"ring_current": "number"}, chance)
    others = [stream for stream in (baseline, monitor) if chance.random() < 0.2]
    for stream in (*others, primary):
        yield from stream.declare()
    if baseline in others:
        yield from baseline.read(1)
    done = 0
    while done < steps:
        number = min(chance.choice([1, 1, 3]), steps - done)
        yield from primary.read(number)
        done += number
        if monitor in others and chance.random() < 0.3:
            yield from monitor.read(chance.randint(1, 3))
        if chance.random() < 0.1:
            yield from primary.declare()
    if baseline in others:
        yield from baseline.read(1)
    yield "stop", stop(uid, exit_status=chance.choice(["success", "abort"]))


VALUES: dict[str, tuple[Document, Callable[[Random], Any]]] = {
    "number": (key(dtype_numpy="<f8"), lambda chance: chance.uniform(-1e3, 1e3)),
    "integer": (key("integer", dtype_numpy="<i8"), lambda chance: chance.getrandbits(62)),
    "string": (key("string"), lambda chance: chance.choice(["", "open", "größer", "x" * 300])),
    "boolean": (key("boolean"), lambda chance: chance.random() < 0.5),
    "pair": (
        key("array", (2,), dtype_numpy="<f8"),
        lambda chance: [chance.random(), chance.random()],
    ),
    "vector": (
        key("array", (3,), dtype_numpy="<f8"),
        lambda chance: [chance.random() for _ in range(3)],
    ),
    "image": (
        key("array", (20, 30), dtype_numpy="<u2"),
        lambda chance: np.frombuffer(chance.randbytes(1200), "<u2").reshape(20, 30),
    ),
    "peaks": (
        key("array", (None,), dtype_numpy="<f8"),
        lambda chance: [chance.random() for _ in range(chance.randint(0, 9))],
    ),
}
"""Data keys by the kind of their values, and what gives a value."""
FILES = key("array", (4, 6), dtype_numpy="<u2", external="STREAM:")


def _choose(chance: Random, *kinds: str) -> dict[str, str]:
    """Choose some kinds; give each a name of a data key."""
    chosen = chance.sample(kinds, chance.randint(1, 3))
    return {f"{kind}_{number}": kind for number, kind in enumerate(chosen)}


class _Stream:
    """A stream of a run, as it goes on."""

    def __init__(self, run: str, name: str, kinds: dict[str, str], chance: Random) -> None:
        self._run = run
        self._name = name
        self._kinds = kinds
        self._chance = chance
        self._uid = ""
        self._read = 0
        self._uids = (f"{run}-{name}-{number}" for number in count())

    def declare(self) -> Iterator[NamedDocument]:
        """Give its descriptor; when it is not the first, with another configuration."""
        self._uid = next(self._uids)
        configuration = {
            "data": {"gain": self._chance.randrange(100)},
            "timestamps": {"gain": 2.0},
            "data_keys": {"gain": key("integer")},
        }
        keys = {
            name: FILES if kind == "file" else VALUES[kind][0] for name, kind in self._kinds.items()
        }
        yield (
            "descriptor",
            descriptor(
                keys, self._run, self._uid, name=self._name, configuration={"det": configuration}
            ),
        )

    def read(self, number: int) -> Iterator[NamedDocument]:
        """Give some events, as they are or as a page; before them, where frames are in files."""
        for name, kind in self._kinds.items():
            if kind == "file":
                yield from self._record(name, number)
        events = [
            event(
                seq_num,
                {
                    name: VALUES[kind][1](self._chance)
                    for name, kind in self._kinds.items()
                    if kind != "file"
                },
                self._uid,
                uid=f"{self._run}-{self._name}-event-{seq_num}",
            )
            for seq_num in range(self._read + 1, self._read + number + 1)
        ]
        self._read += number
        if self._chance.random() < 0.3:
            yield "event_page", page(events)
        else:
            yield from (("event", one) for one in events)

    def _record(self, name: str, number: int) -> Iterator[NamedDocument]:
        uid = f"{self._run}-{name}-files"
        if self._read == 0:
            mimetype, place, parameters = self._chance.choice(
                [
                    (
                        "application/x-hdf5",
                        "scan.h5",
                        {"dataset": "entry/data/data", "chunk_shape": [1, 4, 6]},
                    ),
                    (
                        "multipart/related;type=image/tiff",
                        "",
                        {"template": "img_{:06d}.tiff", "chunk_shape": [1, 4, 6]},
                    ),
                ]
            )
            yield (
                "stream_resource",
                {
                    "uid": uid,
                    "run_start": self._run,
                    "data_key": name,
                    "mimetype": mimetype,
                    "uri": f"file://localhost/detector/{self._run}/{place}",
                    "parameters": parameters,
                },
            )
        yield (
            "stream_datum",
            {
                "uid": f"{uid}/{self._read}",
                "stream_resource": uid,
                "descriptor": self._uid,
                "indices": {"start": self._read, "stop": self._read + number},
                "seq_nums": {"start": self._read + 1, "stop": self._read + number + 1},
            },
        )
