"""Tests of parity leave Bluesky's clients as they were."""

from collections.abc import Iterator

import pytest
from bluesky_tiled_plugins import BlueskyRun
from tiled.client.container import DEFAULT_STRUCTURE_CLIENT_DISPATCH


@pytest.fixture(autouse=True)
def same_clients_afterwards() -> Iterator[None]:
    """`.v2` of a run changes, for the whole process, the class of every run looked up later."""
    yield
    DEFAULT_STRUCTURE_CLIENT_DISPATCH["numpy"].set("BlueskyRun", lambda: BlueskyRun)
