"""Waiting for a server that is away or busy."""

import logging
import random
import threading
import time

from tiledmap.runtime.errors import DeliveryHaltedError, SinkError

logger = logging.getLogger("tiledmap")

_FIRST_DELAY = 0.2
_LONGEST_DELAY = 5.0


class Waiting:
    """Waits as long as it takes, and ends at once when it is halted.

    Attributes
    ----------
    reason
        What is waited for, in words; nothing if nothing is.
    since
        Since when, in seconds since the epoch.
    """

    def __init__(self) -> None:
        self.reason = ""
        self.since = 0.0
        self._halt = threading.Event()
        self._delay = _FIRST_DELAY

    def halt(self) -> None:
        """Wait no more, now and from now on."""
        self._halt.set()

    def check(self) -> None:
        """Raise `DeliveryHaltedError` if nothing is to be tried any more."""
        if self._halt.is_set():
            raise DeliveryHaltedError(self.reason)

    def wait(self, error: SinkError) -> None:
        """Wait before the next try.

        Raises
        ------
        DeliveryHaltedError
            If there is to be none.
        """
        if not self.reason:
            self.since = time.time()
            logger.warning(
                "run %s: %s; documents are kept, and written as soon as that is over",
                error.run,
                error.reason,
            )
        self.reason = error.reason
        self.check()
        if self._halt.wait(max(self._delay * random.uniform(0.5, 1.0), error.pause)):
            raise DeliveryHaltedError(error.reason) from error
        self._delay = min(2 * self._delay, _LONGEST_DELAY)

    def over(self) -> None:
        """Take note that there is no more to wait for."""
        if not self.reason:
            return
        seconds = time.time() - self.since
        logger.warning(
            "writing goes on after %.0f s; it had waited because: %s", seconds, self.reason
        )
        self.reason = ""
        self._delay = _FIRST_DELAY
