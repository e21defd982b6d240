"""Documents that go over 0MQ to the process that writes them."""

import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.preprocessors as bpp
import pytest
from ophyd.sim import det

from tests.faults.server import WARM
from tests.integration.conftest import Beamline
from tests.integration.listeners import PROBE, Listener, Write
from tests.integration.packages import need

need("zmq")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ophyd")


@pytest.fixture
def proxy() -> Iterator[tuple[str, str]]:
    """Where documents are published, and where they are heard."""
    addresses, theirs = multiprocessing.Pipe(duplex=False)
    process = WARM.Process(target=forward, args=(theirs,), daemon=True)
    process.start()
    yield addresses.recv()
    process.kill()
    process.join()


def forward(addresses: Connection) -> None:
    from bluesky.callbacks.zmq import Proxy

    proxy = Proxy("127.0.0.1", "127.0.0.1")
    addresses.send((proxy.in_port, proxy.out_port))
    proxy.start()


def hear(address: str, write: Write, tell: Write) -> None:
    from bluesky.callbacks.zmq import RemoteDispatcher

    dispatcher = RemoteDispatcher(address)
    dispatcher.subscribe(write)
    dispatcher.subscribe(tell)
    dispatcher.start()


def test_a_run_whose_listener_is_killed_is_finished_by_the_next(
    beamline: Beamline, proxy: tuple[str, str]
) -> None:
    from bluesky.callbacks.zmq import Publisher

    published, heard = proxy
    publisher = Publisher(published)
    beamline.engine.subscribe(publisher)
    listener = Listener(hear, heard, beamline)

    def wait_until_heard() -> None:
        """Send probes until one is heard: what is sent before is lost."""
        while not listener.has_accepted(PROBE, timeout=0.05):
            publisher("start", PROBE)

    @bpp.run_decorator()
    def plan() -> Iterator[Any]:
        for _ in range(3):
            yield from bps.trigger_and_read([det])
        assert listener.has_accepted(beamline.documents[-1][1])
        listener.kill()
        listener.start()
        wait_until_heard()
        for _ in range(2):
            yield from bps.trigger_and_read([det])

    wait_until_heard()
    beamline.engine(plan())
    try:
        beamline.assert_whole()
    finally:
        listener.kill()
        publisher.close()
    assert beamline.rows() == 5
