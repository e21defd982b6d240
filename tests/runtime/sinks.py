"""Sinks that keep a writer waiting, or fail."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tiledmap.runtime.errors import SinkError
from tiledmap.runtime.ops import Op
from tiledmap.sinks.memory import MemorySink

GUARD = 60.0
"""Seconds after which a test that hangs is given up."""


class Unready(MemorySink):
    """Performs ops when it is let, and unless one is refused.

    Attributes
    ----------
    refuse
        What an op is answered with in place of being performed; None to perform it.
    tried
        Every op that was asked for.
    """

    def __init__(self, refuse: Callable[[Op], Exception | None] = lambda op: None) -> None:
        super().__init__()
        self.refuse = refuse
        self.tried: list[Op] = []
        self._may_go_on = threading.Event()
        self._may_go_on.set()
        self._news = threading.Condition()

    def perform(self, op: Op) -> None:
        with self._news:
            self.tried.append(op)
            self._news.notify_all()
        assert self._may_go_on.wait(GUARD)
        if error := self.refuse(op):
            raise error
        super().perform(op)
        with self._news:
            self._news.notify_all()

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that an op brings about."""
        with self._news:
            assert self._news.wait_for(is_so, GUARD)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep ops waiting."""
        self._may_go_on.clear()
        try:
            yield
        finally:
            self._may_go_on.set()


def away(op: Op) -> SinkError:
    """What a sink answers whose server is away."""
    return SinkError("the server does not answer", op, transient=True)
