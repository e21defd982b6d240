"""The demo's runs: Bluesky's RunEngine with ophyd's simulated devices."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from bluesky import RunEngine
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from bluesky import preprocessors as bpp
from ophyd import Component, Device, Signal
from ophyd.sim import NullStatus, SynAxis, SynGauss
from ophyd.status import StatusBase


class Cell(Device):
    """A sample cell: what is in it, and how long it is exposed."""

    sample = Component(Signal, value="Ni foil")
    edge = Component(Signal, value="K")
    exposure = Component(Signal, value=0.1, kind="config")


class Camera(Device):
    """A camera that sees a spot, and a short spectrum of it."""

    image = Component(Signal, value=np.zeros((24, 32)))
    spectrum = Component(Signal, value=np.zeros(8))

    def trigger(self) -> StatusBase:
        """Take a picture."""
        noise = np.random.default_rng()
        rows, columns = np.indices((24, 32), sparse=True)
        spot = np.exp(-((rows - 12) ** 2 + (columns - 16) ** 2) / 40)
        picture = 100 * spot + noise.random(spot.shape)
        self.image.put(picture)
        self.spectrum.put(picture.reshape(24, 8, 4).sum(axis=(0, 2)))
        return NullStatus()


# Positions are given as floats: ophyd describes a value by what it is when asked.
motor = SynAxis(name="motor", value=0.0)
temperature = SynAxis(name="temperature", value=295.0, egu="K")
detector = SynGauss("detector", motor, "motor", center=0, Imax=1000, sigma=0.5)
camera = Camera(name="camera")
cell = Cell(name="cell")


@contextmanager
def _stopped_between_scans(_: RunEngine) -> Iterator[None]:
    """Let Ctrl-C wait for the end of a scan, which is near; by itself the engine would pause."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


def run_all(callback: Callable[[str, dict[str, Any]], Any]) -> list[str]:
    """Run the three scans of the demo; return the uids of their runs."""
    engine = RunEngine({"sample_name": "Ni foil"}, context_managers=[_stopped_between_scans])
    runs: list[str] = []
    engine.subscribe(callback)
    engine.subscribe(lambda _, start: runs.append(start["uid"]), "start")
    watch = bpp.SupplementalData(baseline=[temperature], monitors=[motor.readback])
    plans = [
        watch(bp.scan([detector], motor, -1, 1, 11)),
        bp.count([camera], num=4),
        _two_exposures(),
    ]
    for plan in plans:
        engine(plan)
    return runs


@bpp.run_decorator(md={"plan_name": "two_exposures"})
def _two_exposures() -> Iterator[Any]:
    """Measure twice, with a change of configuration between."""
    for exposure in (0.1, 0.5):
        yield from bps.configure(cell, {"exposure": exposure})
        yield from bps.trigger_and_read([cell, detector])
