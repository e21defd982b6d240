"""Processes that hear of a RunEngine's documents, and write them."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from tiled.client import from_uri

import tiledmap
from tests.faults.server import WARM
from tests.integration.conftest import Beamline
from tests.waiting import LONGEST_WAIT

Write = Callable[[str, Any], None]
Hear = Callable[[str, Write, Write], None]
"""Writes each document that comes from an address, and then tells that it has; never returns."""

PROBE = {"uid": "probe"}
"""Written nowhere: tells that somebody listens."""


class Listener:
    """A process that writes what it hears, and may be killed and started again.

    Parameters
    ----------
    hear
        What it does.
    address
        Where documents come from.
    beamline
        Where they are to be stored.
    """

    def __init__(self, hear: Hear, address: str, beamline: Beamline) -> None:
        uri, api_key = beamline.container.uri, beamline.server.api_key
        self._arguments = (hear, address, uri, api_key, beamline.spool)
        self.start()

    def start(self) -> None:
        self._accepted, theirs = multiprocessing.Pipe(duplex=False)
        arguments = (*self._arguments, theirs)
        self._process = WARM.Process(target=_write, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def kill(self) -> None:
        """End it at once, with SIGKILL."""
        self._process.kill()
        self._process.join()

    def has_accepted(self, document: Any, timeout: float = LONGEST_WAIT) -> bool:
        """Whether it accepts a document within some seconds."""
        while self._accepted.poll(timeout):
            if self._accepted.recv() == document["uid"]:
                return True
        return False


def _write(
    hear: Hear,
    address: str,
    uri: str,
    api_key: str,
    spool: str,
    accepted: Connection,
) -> None:
    writer = tiledmap.load("bluesky-v3").writer(from_uri(uri, api_key=api_key), spool=spool)

    def write(name: str, document: Any) -> None:
        if document != PROBE:
            writer(name, document)

    def tell(name: str, document: Any) -> None:
        accepted.send(document["uid"])

    hear(address, write, tell)
