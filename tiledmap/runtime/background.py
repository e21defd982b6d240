"""A thread that writes what a courier has accepted."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from tiledmap.runtime.courier import Courier
from tiledmap.runtime.errors import DeliveryHaltedError
from tiledmap.runtime.waiting import Waiting

logger = logging.getLogger("tiledmap")

_GATHERING = 0.05
"""Seconds after which the thread looks for documents while runs are open.

Nobody wakes it for each of them: that would cost whoever brings them more than all the rest.
"""
_LONGEST_SLEEP = 1.0
_LEAST_HOUSEKEEPING = 0.01
_LAST_REQUEST = 5.0
"""Seconds for which a thread that is told to end may go on with its request."""


class Background:
    """Delivers in a thread of its own, from the first document until it is closed.

    A second thread does what is to be done every so often, however long a request takes.

    Parameters
    ----------
    courier
        Has the documents.
    waiting
        How a server is waited for.
    room
        Told after each turn, for those that wait until less is queued.
    meanwhile
        Called every so often by a thread that nothing else holds up.
    every
        How often, in seconds.
    let_go
        Called at the end, by whoever is the last to need what the courier has.

    Attributes
    ----------
    callers_wait
        Set by callers that wait for room.
    is_asleep
        Whether it does not look for documents by itself, and is to be woken.
    """

    def __init__(
        self,
        courier: Courier,
        waiting: Waiting,
        *,
        room: threading.Condition,
        meanwhile: Callable[[], None],
        every: float,
        let_go: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._courier = courier
        self._waiting = waiting
        self._room = room
        self._meanwhile = meanwhile
        self._every = max(every, _LEAST_HOUSEKEEPING)
        self._let_go = let_go
        self._clock = clock
        self._wake = threading.Event()
        self._turned = threading.Condition()
        self._asked = self._answered = 0
        self._answer = True
        self.is_asleep = True
        self.callers_wait = False
        self._is_closing = self._is_ending = self._has_delivered = self._has_ended = False
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Look now for what is to be done."""
        if self._thread is None:
            self._start()
        self._wake.set()

    def _start(self) -> None:
        with self._turned:
            if self._thread is None:
                thread = threading.Thread(target=self._deliver, name="tiledmap", daemon=True)
                thread.start()
                self._thread = thread

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was accepted is sent; say whether it is.

        With a `timeout`, in seconds, runs that are put off are waited for as well.
        """
        if self._thread is None and not self._courier.has_runs:
            return True
        with self._turned:
            self._asked += 1
            asked = self._asked
            self.wake()

            def is_answered() -> bool:
                return self._answered >= asked and (self._answer or timeout is None)

            self._turned.wait_for(lambda: is_answered() or self._has_ended, timeout)
            return self._has_delivered or (self._answered >= asked and self._answer)

    def close(self, timeout: float) -> bool:
        """Deliver what is left, and end; say whether all was delivered.

        After `timeout` seconds what is left stays where it is; a request that is under way has a
        few seconds more to end.
        """
        if self._thread is None:
            self._let_go()
            return True
        self._is_closing = True
        self._wake.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._waiting.halt()
            self._thread.join(_LAST_REQUEST)
        return self._has_delivered

    def _deliver(self) -> None:
        has_ended = threading.Event()
        house = threading.Thread(
            target=self._keep_house, args=(has_ended,), name="tiledmap-house", daemon=True
        )
        try:
            with suppress(RuntimeError):  # there can be no more threads
                house.start()
            while not self._has_delivered:
                try:
                    self._take_turns()
                    self._rest()
                except DeliveryHaltedError:
                    break
                except BaseException:  # a fault of ours must not keep documents waiting for ever
                    logger.exception("a turn of the delivery has failed; there will be another")
                    time.sleep(_LONGEST_SLEEP)
        finally:
            has_ended.set()
            if house.ident is not None:
                house.join()
            self._let_go()
            with self._turned:
                self._has_ended = True
                self._turned.notify_all()

    def _keep_house(self, has_ended: threading.Event) -> None:
        while not has_ended.wait(self._every):
            try:
                self._meanwhile()
            except Exception:  # as above
                logger.exception("the spool is not looked after; there will be another try")

    def _take_turns(self) -> None:
        """Deliver until nothing is left, and answer those who had asked for that before."""
        asked, is_last = self._asked, self._is_closing
        while self._courier.deliver():
            self._make_room()
        self._make_room()
        if asked > self._answered:
            self._courier.flush()
        is_sent = not self._courier.is_held_up
        if asked > self._answered or is_sent > self._answer:
            with self._turned:
                self._answered, self._answer = asked, is_sent
                self._turned.notify_all()
        if is_last:
            if not self._is_ending:
                self._is_ending = True
                self._courier.end()
            self._has_delivered = not self._courier.is_held_up

    def _make_room(self) -> None:
        if self.callers_wait:
            with self._room:
                self.callers_wait = False
                self._room.notify_all()

    def _rest(self) -> None:
        """Sleep, until woken if there are no runs."""
        if self._has_delivered:
            return
        due = max(self._courier.next_due - self._clock(), 0.0)
        self.is_asleep = True  # first, so that a document that comes now is noticed
        if self._courier.has_runs:
            self.is_asleep = False
            due = min(due, _GATHERING)
        self._wake.wait(min(due, _LONGEST_SLEEP))
        self.is_asleep = False
        self._wake.clear()
