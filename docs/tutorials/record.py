"""Record what the tutorials begin with, by a real RunEngine: ``python docs/tutorials/record.py``.

The recording is committed. Each has new uids and times; nothing else in it changes.
"""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
from bluesky import RunEngine
from event_model import compose_resource
from ophyd import Component, Device, Signal
from ophyd.sim import SynAxis

from tiledmap.documents.recordings import NamedDocument, write_documents

HERE = Path(__file__).parent


class Lambda(Device):
    """A detector that writes files of a spec that nobody else has, in documents of the old form."""

    total = Component(Signal, value=0)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._documents: list[NamedDocument] = []
        self._compose_datum: Any = None
        self._frames = 0

    def stage(self) -> list[Any]:
        resource, self._compose_datum, _ = compose_resource(
            spec="LAMBDA_NXS",
            root="/gpfs/p99/current",
            resource_path=f"raw/lambda/scan_{self._frames:05}.nxs",
            resource_kwargs={"frame_per_point": 1},
            start={"uid": ""},
        )
        self._documents.append(("resource", {**resource, "run_start": None}))
        self._points = 0
        return super().stage()

    def trigger(self) -> Any:
        datum = self._compose_datum(datum_kwargs={"point_number": self._points})
        self._documents.append(("datum", dict(datum)))
        self._datum_id = datum["datum_id"]
        self._points += 1
        self._frames += 1
        self.total.put(1000 + 7 * self._frames)
        return super().trigger()

    def describe(self) -> OrderedDict[str, Any]:
        described = super().describe()
        described[f"{self.name}_image"] = {
            "source": "PV:P99:LAMBDA",
            "dtype": "array",
            "dtype_str": "UInt16",
            "shape": [1, 516, 1556],
            "external": "FILESTORE:",
        }
        return described

    def read(self) -> OrderedDict[str, Any]:
        reading = super().read()
        now = reading[f"{self.name}_total"]["timestamp"]
        reading[f"{self.name}_image"] = {"value": self._datum_id, "timestamp": now}
        return reading

    def collect_asset_docs(self) -> Iterator[NamedDocument]:
        documents, self._documents = self._documents, []
        yield from documents


def unknown_beamline() -> list[NamedDocument]:
    """Two scans: the motor stands at a whole number when it is described, the second has a sample.

    A stream is for live plots, and the detector's type is named as EPICS names it.
    """
    documents: list[NamedDocument] = []
    engine = RunEngine({"beamline": "P99", "data_session": "11012345"}, call_returns_result=False)
    engine.subscribe(lambda name, document: documents.append((name, dict(document))))
    detector, motor = Lambda(name="lambda"), SynAxis(name="omega", value=0)
    live = Signal(name="live_total", value=0)

    def at_step(detectors: Any, motor: Any, step: float) -> Iterator[Any]:
        yield from bps.one_1d_step(detectors, motor, step)
        yield from bps.create(name="live_preview")
        yield from bps.read(live)
        yield from bps.save()

    engine(bp.scan([detector], motor, 0, 1, 3, per_step=at_step))
    engine(bp.scan([detector], motor, 1, 2, 5, per_step=at_step), sample_name="lysozyme 3")
    return [(name, _with_run(name, document, documents)) for name, document in documents]


def _with_run(name: str, document: Any, documents: list[NamedDocument]) -> dict[str, Any]:
    """Take out what old detectors do not say: the run that a resource belongs to."""
    return {k: v for k, v in document.items() if name != "resource" or k != "run_start"}


if __name__ == "__main__":
    write_documents(HERE / "unknown-beamline.jsonl", unknown_beamline())
