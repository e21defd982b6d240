"""The process that writes runs until it is killed."""

import logging
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from random import Random
from typing import Any

import httpx
from tiled.client import from_uri

from tests.faults.runs import compose_documents
from tests.faults.server import Storage
from tests.faults.trials import MAPPINGS

PATIENCE = 1.0
"""Seconds after which the writer's client gives a request up."""

for mapping in MAPPINGS.values():
    mapping.layout  # noqa: B018  compiled once, before processes are forked from this one


def feed(
    uri: str,
    api_key: str,
    storage: Storage,
    options: Mapping[str, Any],
    kind: str,
    first: int,
    pace: int,
    accepted: Connection,
) -> None:
    """Finish what the spool holds, and go on with the documents from `first` on.

    Parameters
    ----------
    uri
        Of the container to write to.
    storage
        The server's.
    options
        Of the writer.
    kind
        The seed of the documents.
    pace
        The seed of the pauses between them.
    accepted
        Told after each document how many were accepted.
    """
    logging.disable()  # what is tried again and mended is said at length
    chance = Random(pace)
    client = from_uri(uri, api_key=api_key, timeout=httpx.Timeout(PATIENCE))
    with MAPPINGS[storage].writer(client, **options) as writer:
        for number, (name, document) in enumerate(compose_documents(kind)[first:], first + 1):
            writer(name, document)
            accepted.send(number)
            time.sleep(chance.choice([0, 0, 0, 0.01, 0.03]))
        if not writer.flush(timeout=60) or not writer.close(timeout=60):
            raise RuntimeError(writer.status())
