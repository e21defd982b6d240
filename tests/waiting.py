"""Wait for what other threads, processes and servers do."""

import time
from collections.abc import Callable

LONGEST_WAIT = 60.0
"""Seconds; nothing takes so long unless it never comes."""


def wait_for(look: Callable[[], object]) -> None:
    """Look until there is what is waited for."""
    deadline = time.monotonic() + LONGEST_WAIT
    while not look():
        assert time.monotonic() < deadline, "what was waited for never came"
        time.sleep(0.01)
