"""A RunEngine's documents, written in the background while it goes on."""

from collections.abc import Callable, Iterator
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import bluesky.preprocessors as bpp
import pytest
from bluesky.callbacks.buffer import BufferingWrapper
from bluesky.utils import RunEngineInterrupted
from ophyd.sim import det, motor, noisy_det

import tiledmap
from tests.integration.conftest import Beamline
from tests.waiting import wait_for

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ophyd")


@bpp.set_run_key_decorator("inner")
@bpp.run_decorator(md={"purpose": "inner"})
def inner() -> Iterator[Any]:
    for _ in range(2):
        yield from bps.trigger_and_read([noisy_det])


@bpp.set_run_key_decorator("outer")
@bpp.run_decorator(md={"purpose": "outer"})
def nested() -> Iterator[Any]:
    for _ in range(2):
        yield from bps.trigger_and_read([det])
        yield from inner()
    yield from bps.trigger_and_read([det])


def interleaved() -> Iterator[Any]:
    runs = [("a", det), ("b", noisy_det)]
    for key, _ in runs:
        yield from bpp.set_run_key_wrapper(bps.open_run(), key)
    for _ in range(3):
        for key, detector in runs:
            yield from bpp.set_run_key_wrapper(bps.trigger_and_read([detector]), key)
    for key, _ in runs:
        yield from bpp.set_run_key_wrapper(bps.close_run(), key)


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(lambda: bp.scan([det, noisy_det], motor, -1, 1, 5), id="scan"),
        pytest.param(lambda: bpp.baseline_wrapper(bp.count([det], 3), [motor]), id="baseline"),
        pytest.param(lambda: bpp.monitor_during_wrapper(bp.count([det], 3), [motor]), id="monitor"),
        nested,
        interleaved,
    ],
)
def test_what_was_scanned_can_be_read_though_nothing_is_closed(
    plan: Callable[[], Iterator[Any]], beamline: Beamline, writer: Any
) -> None:
    beamline.engine.subscribe(writer)
    for _ in range(2):
        beamline.engine(plan())
    beamline.assert_whole()


def test_rows_can_be_read_during_a_scan(beamline: Beamline, writer: Any) -> None:
    @bpp.run_decorator()
    def plan() -> Iterator[Any]:
        for point in range(1, 4):
            yield from bps.trigger_and_read([det])
            wait_for(lambda: beamline.rows() == point)  # noqa: B023  # called at once

    beamline.engine.subscribe(writer)
    beamline.engine(plan())
    beamline.assert_whole()


def test_a_plan_that_fails(beamline: Beamline, writer: Any) -> None:
    @bpp.run_decorator()
    def plan() -> Iterator[Any]:
        yield from bps.trigger_and_read([det])
        raise RuntimeError("the shutter is stuck")

    beamline.engine.subscribe(writer)
    with pytest.raises(RuntimeError, match="the shutter is stuck"):
        beamline.engine(plan())

    beamline.assert_whole()
    stop = beamline.container[beamline.run].metadata["stop"]
    assert (stop["exit_status"], stop["reason"]) == ("fail", "the shutter is stuck")


@bpp.run_decorator()
def paused() -> Iterator[Any]:
    """Pause between two checkpoints; what came since the first is done again when it resumes."""
    for point in range(3):
        yield from bps.checkpoint()
        yield from bps.trigger_and_read([det])
        if point == 1:
            yield from bps.pause()


@pytest.mark.parametrize(
    ("end", "exit_status", "rows"),
    [("abort", "abort", 2), ("halt", "abort", 2), ("stop", "success", 2), ("resume", "success", 4)],
)
def test_a_plan_that_is_paused(
    end: str, exit_status: str, rows: int, beamline: Beamline, writer: Any
) -> None:
    beamline.engine.subscribe(writer)
    with pytest.raises(RunEngineInterrupted):
        beamline.engine(paused())
    wait_for(lambda: beamline.rows() == 2)
    assert writer.status().runs_open == (beamline.run,)

    getattr(beamline.engine, end)()

    beamline.assert_whole()
    assert beamline.container[beamline.run].metadata["stop"]["exit_status"] == exit_status
    assert beamline.rows() == rows


def test_a_run_is_stored_when_the_engine_returns_if_asked_for(beamline: Beamline) -> None:
    mapping = tiledmap.load("bluesky-v3")
    with mapping.writer(beamline.container, spool=beamline.spool, wait_at_stop=True) as writer:
        beamline.engine.subscribe(writer)
        beamline.engine(bp.count([det], 3))
        assert beamline.runs_stored == {beamline.run}
        assert writer.status().runs_written == 1
    beamline.assert_whole()


def test_behind_blueskys_own_buffer(beamline: Beamline, writer: Any) -> None:
    buffered = BufferingWrapper(writer)
    beamline.engine.subscribe(buffered)
    beamline.engine(nested())
    beamline.engine(interleaved())
    buffered.shutdown()
    beamline.assert_whole()
