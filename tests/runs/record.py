"""Record the documents in this directory, with a real RunEngine: ``python tests/runs/record.py``.

The files are committed. Each recording has new uids and times; nothing else in it changes.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import bluesky.preprocessors as bpp
import event_model
import msgpack
import msgpack_numpy
import numpy as np
from bluesky import RunEngine
from event_model import DocumentNames, compose_run, schema_validators
from ophyd import Component, Device, Signal
from ophyd.sim import SynAxis, SynGauss
from ophyd_async.core import (
    Array1D,
    StandardReadable,
    StrictEnum,
    init_devices,
    soft_signal_rw,
)
from ophyd_async.core import StandardReadableFormat as Format

from tiledmap.documents.recordings import NamedDocument, write_documents

HERE = Path(__file__).parent
RECORDINGS: dict[str, Callable[[], list[NamedDocument]]] = {}


def recording(record: Callable[[], list[NamedDocument]]) -> Callable[[], list[NamedDocument]]:
    """List a function that records a file of its name."""
    RECORDINGS[record.__name__.replace("_", "-")] = record
    return record


def run(plan: Iterator[Any], *preprocessors: Any, **metadata: Any) -> list[NamedDocument]:
    """Run a plan; return what the RunEngine said."""
    documents: list[NamedDocument] = []
    engine = RunEngine(metadata, call_returns_result=False)
    engine.preprocessors.extend(preprocessors)
    engine(plan, lambda name, document: documents.append((name, dict(document))))
    return documents


# What a RunEngine says


@recording
def scan() -> list[NamedDocument]:
    """A scan with a baseline, and a monitored signal that changes with every step."""
    motor = SynAxis(name="motor")
    detector = SynGauss("det", motor, "motor", center=0, Imax=1, sigma=1)
    temperature = SynAxis(name="temperature", value=295.0)
    ring_current = Signal(name="ring_current", value=400.0)

    def at_step(detectors: Any, motor: Any, step: float) -> Iterator[Any]:
        yield from bps.mv(ring_current, 400.0 + step)
        yield from bps.one_1d_step(detectors, motor, step)

    return run(
        bp.scan([detector], motor, -1, 1, 5, per_step=at_step),
        bpp.SupplementalData(baseline=[temperature], monitors=[ring_current]),
        sample={"name": "Ni foil", "formula": "Ni"},
        proposal="pass-316500",
    )


@recording
def pages() -> list[NamedDocument]:
    """The scan, with the events of each stream packed into pages of three."""
    documents: list[NamedDocument] = []
    events: dict[str, list[dict[str, Any]]] = {}
    for name, document in scan():
        if name == "event":
            events.setdefault(document["descriptor"], []).append(document)
            continue
        if name == "stop":
            for of_one in events.values():
                for first in range(0, len(of_one), 3):
                    page = event_model.pack_event_page(*of_one[first : first + 3])
                    documents.append(("event_page", dict(page)))
        documents.append((name, document))
    return documents


class Arrays(Device):
    """Arrays of a few sizes; each reading adds one to all."""

    small = Component(Signal, value=np.arange(5.0))
    large = Component(Signal, value=np.arange(100))
    image = Component(Signal, value=np.arange(24.0).reshape(4, 6))
    count = Component(Signal, value=0)

    def trigger(self) -> Any:
        for name in self.component_names:
            signal = getattr(self, name)
            signal.put(signal.get() + 1)
        return super().trigger()


@recording
def count_arrays() -> list[NamedDocument]:
    """A count of arrays: 5 numbers, 100 numbers, 4 by 6 numbers."""
    return run(bp.count([Arrays(name="det")], 4))


class Labels(Device):
    """Text, a truth and a whole number, with a setting."""

    label = Component(Signal, value="first")
    shutter_open = Component(Signal, value=True)
    attempts = Component(Signal, value=0)
    gain = Component(Signal, value=1, kind="config")
    mode = Component(Signal, value="fast", kind="config")


@recording
def strings() -> list[NamedDocument]:
    """Text, truths and whole numbers; the configuration changes within the run."""
    labels = Labels(name="labels")

    @bpp.run_decorator(md={"plan_name": "relabel", "purpose": "Größe in µm"})
    def plan() -> Iterator[Any]:
        for number in range(4):
            if number == 2:
                yield from bps.configure(labels, {"gain": 10})
            yield from bps.mv(
                labels.label,
                ["first", "", "dritte µ", "a much longer label than before"][number],
                labels.shutter_open,
                number % 2 == 0,
                labels.attempts,
                number * 2**40,
            )
            yield from bps.trigger_and_read([labels])

    return run(plan())


@recording
def nested() -> list[NamedDocument]:
    """A run within a run, and two that take turns."""
    motor = SynAxis(name="motor")
    detector = SynGauss("det", motor, "motor", center=0, Imax=1, sigma=1)

    @bpp.set_run_key_decorator("inner")
    @bpp.run_decorator(md={"plan_name": "inner"})
    def inner(position: float) -> Iterator[Any]:
        for shift in (0.0, 0.1):
            yield from bps.mv(motor, position + shift)
            yield from bps.trigger_and_read([detector, motor])

    @bpp.set_run_key_decorator("outer")
    @bpp.run_decorator(md={"plan_name": "outer"})
    def outer() -> Iterator[Any]:
        for position in (0.0, 1.0):
            yield from bps.mv(motor, position)
            yield from bps.trigger_and_read([motor])
            yield from inner(position)

    def in_turns() -> Iterator[Any]:
        keys = ("left", "right")
        for key in keys:
            yield from bpp.set_run_key_wrapper(bps.open_run(md={"plan_name": key}), key)
        for _ in range(2):
            for key in keys:
                yield from bpp.set_run_key_wrapper(bps.trigger_and_read([detector]), key)
        for key in keys:
            yield from bpp.set_run_key_wrapper(bps.close_run(), key)

    return run(outer()) + run(in_turns())


class Colour(StrictEnum):
    """What a lamp may show."""

    RED = "red"
    GREEN = "green"


class Lamp(StandardReadable):
    """Signals of every kind that ophyd-async has."""

    def __init__(self, name: str = "") -> None:
        with self.add_children_as_readables():
            self.power = soft_signal_rw(float, 1.5, units="W", precision=3)
            self.hours = soft_signal_rw(int, 12)
            self.on = soft_signal_rw(bool, True)
            self.colour = soft_signal_rw(Colour, Colour.RED)
            self.maker = soft_signal_rw(str, "Ångström & Co")
            self.spectrum = soft_signal_rw(Array1D[np.float32], np.arange(20, dtype=np.float32))
            self.counts = soft_signal_rw(Array1D[np.uint16], np.arange(4, dtype=np.uint16))
        with self.add_children_as_readables(Format.CONFIG_SIGNAL):
            self.limit = soft_signal_rw(float, 3.0)
        super().__init__(name)


@recording
def ophyd_async() -> list[NamedDocument]:
    """A count of an ophyd-async device with signals of every kind."""
    engine = RunEngine(call_returns_result=False)
    with init_devices():
        lamp = Lamp("lamp")
    documents: list[NamedDocument] = []

    def plan() -> Iterator[Any]:
        yield from bp.list_scan([lamp], lamp.power, [0.5, 1.0, 2.5])

    engine(plan(), lambda name, document: documents.append((name, dict(document))))
    return documents


# What a RunEngine might say


def compose(
    streams: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]], **metadata: Any
) -> list[NamedDocument]:
    """Make a run's documents of its data keys and the data of its events, by stream."""
    bundle = compose_run(metadata=metadata, validate=False)
    documents: list[NamedDocument] = [("start", bundle.start_doc)]
    for name, (data_keys, events) in streams.items():
        stream = bundle.compose_descriptor(name=name, data_keys=data_keys, validate=False)
        documents.append(("descriptor", stream.descriptor_doc))
        for data in events:
            timestamps = dict.fromkeys(data, bundle.start_doc["time"])
            event = stream.compose_event(data=data, timestamps=timestamps, validate=False)
            documents.append(("event", event))
    documents.append(("stop", bundle.compose_stop(validate=False)))
    return [(name, dict(document)) for name, document in documents]


def number(**more: Any) -> dict[str, Any]:
    """Make the data key of a float."""
    return {"source": "sim", "dtype": "number", "shape": [], "dtype_numpy": "<f8", **more}


@recording
def reserved() -> list[NamedDocument]:
    """Data keys with names that a table uses itself; numbers that are not finite."""
    data_keys = {
        "time": number(),
        "seq_num": {**number(), "dtype": "integer", "dtype_numpy": "<i8"},
        "x": number(),
    }
    values = [float("nan"), float("inf"), float("-inf"), 5e-324, -0.0]
    events = [
        {"time": 100.0 + number, "seq_num": 2**53 + number, "x": value}
        for number, value in enumerate(values)
    ]
    extreme = {"large": 2**63 - 1, "limits": [float("-inf"), float("inf")], "huge": 1e300}
    return compose({"primary": (data_keys, events)}, extreme=extreme)


@recording
def ragged() -> list[NamedDocument]:
    """Arrays whose lengths differ, and one that is always empty."""
    data_keys = {
        "peaks": number(dtype="array", shape=[None]),
        "tracks": number(dtype="array", shape=[None, 2]),
        "nothing": number(dtype="array", shape=[0]),
        "x": number(),
    }
    events = [
        {"peaks": [1.5] * length, "tracks": [[1.0, 2.0]] * (3 - length), "nothing": [], "x": length}
        for length in (2, 0, 3, 1)
    ]
    return compose({"primary": (data_keys, events)})


def at4(size: int) -> list[NamedDocument]:
    """Declared types against what the first values look like, and an array of `size` numbers."""
    limits = {"upper_ctrl_limit": float("inf"), "lower_ctrl_limit": float("-inf")}
    data_keys = {"SampleY": number(**limits), "Counter1": number(dtype="array", shape=[size])}
    events: list[dict[str, Any]] = [
        {"SampleY": 0, "Counter1": list(range(size))},
        {"SampleY": 0.5, "Counter1": [n + 0.5 for n in range(size)]},
        {"SampleY": 1.0, "Counter1": [n / 3 for n in range(size)]},
        {"SampleY": -4.5, "Counter1": [-float(n) for n in range(size)]},
    ]
    return compose({"primary": (data_keys, events)}, scan_id=4, plan_name="stxm")


@recording
def at4_10() -> list[NamedDocument]:
    """A small array, in rows that begin with integers."""
    return at4(10)


@recording
def at4_32() -> list[NamedDocument]:
    """A larger array, in rows that begin with integers."""
    return at4(32)


@recording
def at5() -> list[NamedDocument]:
    """A run named after its sample, and a stream that nobody keeps."""
    participant = {"keycloak_sub": "abc", "orcid": "0000-0001-0000-0001"}
    return compose(
        {
            "primary": ({"I0": number()}, [{"I0": 1.5}, {"I0": 2.5}]),
            "DONOTSAVE_live": ({"I0_live": number()}, [{"I0_live": 1.0}, {"I0_live": 2.0}]),
        },
        scan_id=42,
        plan_name="xafs_scan",
        sample_name="Ni/foil",
        edge="Ni-K",
        d_spacing=3.13,
        access_blob={
            "esaf_id": "BLS-00480-001",
            "beamline": "7.0.1.1",
            "participants": [participant],
        },
    )


@recording
def at5_again() -> list[NamedDocument]:
    """Another run of the same sample, plan and scan_id."""
    return at5()


def numpy_inside() -> list[NamedDocument]:
    """Numpy's numbers and arrays wherever a document has values; JSON cannot hold it."""
    data_keys = {
        "x": number(),
        "n": {**number(), "dtype": "integer", "dtype_numpy": "<u8"},
        "flag": {**number(), "dtype": "boolean", "dtype_numpy": "|b1"},
        "image": number(dtype="array", shape=[3, 20], dtype_numpy="<i4"),
    }
    events = [
        {
            "x": np.float32(0.5 * count),
            "n": np.uint64(2**64 - 1 - count),
            "flag": np.bool_(count % 2),
            "image": np.full((3, 20), count, dtype="<i4"),
        }
        for count in range(3)
    ]
    offsets = {"offsets": np.array([1.5, 2.5]), "scan_number": np.int64(7)}
    return compose({"primary": (data_keys, events)}, calibration=offsets)


def validated(documents: list[NamedDocument]) -> list[NamedDocument]:
    """Return the documents, which event-model's schemas allow."""
    for name, document in documents:
        schema_validators[DocumentNames[name]].validate(event_model.sanitize_doc(document))
    return documents


def main() -> None:
    """Record everything."""
    for name, record in RECORDINGS.items():
        write_documents(HERE / f"{name}.jsonl", validated(record()))
    with (HERE / "numpy.msgpack").open("wb") as file:
        for pair in validated(numpy_inside()):
            file.write(msgpack.packb(pair, default=msgpack_numpy.encode))


if __name__ == "__main__":
    main()
