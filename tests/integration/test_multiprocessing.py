"""A RunEngine that is not in the process where everything began."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import bluesky.plans as bp
import pytest
from bluesky import RunEngine
from ophyd.sim import det
from tiled.client import from_uri

import tiledmap
from tests.faults.server import WARM
from tests.integration.conftest import Beamline
from tiledmap.runtime import Writer

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ophyd")


def make_writer(uri: str, api_key: str, spool: Path) -> Writer:
    return tiledmap.load("bluesky-v3").writer(from_uri(uri, api_key=api_key), spool=spool)


def scan(writer: Writer, documents: Connection) -> None:
    engine = RunEngine(call_returns_result=False)
    engine.subscribe(writer)
    engine(bp.count([det], 3), lambda name, document: documents.send((name, document)))
    if not writer.flush(timeout=30):
        raise RuntimeError(writer.status())


def scan_alone(documents: Connection, *place: Any) -> None:
    with make_writer(*place) as writer:
        scan(writer, documents)


def scan_before_in_and_after_a_fork(documents: Connection, *place: Any) -> None:
    with make_writer(*place) as writer:
        scan(writer, documents)
        forked = multiprocessing.get_context("fork").Process(target=scan, args=(writer, documents))
        forked.start()
        forked.join()
        scan(writer, documents)
    if forked.exitcode:
        raise RuntimeError(f"the process that was forked has ended with {forked.exitcode}")


@pytest.mark.parametrize(
    ("context", "plan", "scans"),
    [
        pytest.param(multiprocessing.get_context("spawn"), scan_alone, 1, id="spawned"),
        pytest.param(WARM, scan_before_in_and_after_a_fork, 3, id="forked"),
    ],
)
def test_runs_of_another_process(
    context: Any, plan: Callable[..., None], scans: int, beamline: Beamline
) -> None:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    place = (beamline.container.uri, beamline.server.api_key, beamline.spool)
    process = context.Process(target=plan, args=(sender, *place))
    process.start()
    sender.close()
    try:
        while True:
            beamline.documents.append(receiver.recv())
    except EOFError:
        process.join()

    assert process.exitcode == 0
    assert [name for name, _ in beamline.documents].count("stop") == scans
    beamline.assert_whole()
