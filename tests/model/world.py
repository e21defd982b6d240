"""Processes that write runs to a model of Tiled, through a network where requests meet faults."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx
import pytest
from greenlet import GreenletExit, getcurrent, greenlet

from tests.model.tiled import OF_TILED, TiledModel, connect
from tiledmap.runtime.delivery import Delivery
from tiledmap.runtime.errors import SinkError
from tiledmap.sinks.tiled import TiledSink, sink
from tiledmap.sinks.tiled.claims import Claim

MOST_BEGINNINGS = 5
"""How often a process begins a run again by itself, as one with a journal does."""
MOST_REQUESTS = 2_000
MOST_SERVER_ERRORS = 2
"""How often a creation is answered with 500 by a server that can hold what is created."""
PATIENCE = 0.3
"""Seconds, of a clock that nobody waits for."""


@dataclass(frozen=True)
class Fault:
    """What becomes of a request.

    Parameters
    ----------
    acted
        When the server acts on it: ``now``, ``later`` or ``never``; ``half``, where it takes the
        first of two steps alone; ``half, later``, where the second follows some time.
    told
        What the process is told: the status of an error, or an exception; None if it dies.
    """

    acted: str
    told: int | type[httpx.TransportError] | None


@dataclass(frozen=True)
class Attempt:
    """One writing of a run from its beginning.

    Parameters
    ----------
    items
        What is to be written, each the arguments of `take`.
    delivery
        Where the ops that come of it go.
    """

    items: Sequence[tuple[Any, ...]]
    take: Callable[..., None]
    delivery: Delivery


Begin = Callable[[TiledSink, str, int], Attempt]
"""Begins to write a run to a sink, so many rows at a time."""


class Unhurried:
    """The patience of a process that waits as long as it takes."""

    def check(self) -> None: ...

    def wait(self, error: SinkError) -> None: ...

    def over(self) -> None: ...


class Clock:
    """Passes when it is slept on."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


class Process:
    """Something that writes, suspended at each of its requests.

    Attributes
    ----------
    request
        What it asks for; None where it is at work no more.
    """

    def __init__(self, write: Callable[[], None]) -> None:
        self._greenlet = greenlet(write)
        self.request: httpx.Request | None = self._greenlet.switch()

    def go_on(self, told: httpx.Response | Exception) -> None:
        """Give it an answer, and let it come to its next request."""
        if isinstance(told, Exception):
            self.request = self._greenlet.throw(told)
        else:
            self.request = self._greenlet.switch(told)

    def die(self) -> None:
        """End where it is."""
        self._greenlet.throw(GreenletExit)
        self.request = None


class World:
    """A model of Tiled, the processes that write to it, and the requests that are on their way.

    Parameters
    ----------
    runs
        The uids of the runs that every process writes.
    begin
        How it begins to write one.

    Attributes
    ----------
    stored
        The runs that a process took to be stored, that nobody has touched since, and of which
        nothing was on its way when they were being closed: what comes between a last look and the
        last word, no one can know.
    """

    def __init__(self, model: TiledModel, runs: Sequence[str], begin: Begin) -> None:
        self.model = model
        self.stored: set[str] = set()
        self._runs = runs
        self._begin = begin
        self._processes: dict[str, Process] = {}
        self._late: list[tuple[httpx.Request, Callable[[], httpx.Response]]] = []
        self._server_errors = Counter[tuple[Process, str, bytes]]()
        self._patches = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        self._patches.setattr(sink, "time", Clock())
        self._patches.setattr(Claim, "may_be_alive", lambda claim: self._is_at_work(claim.id))
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.die()
        self._patches.undo()

    def process(self, name: str, flush_rows: int) -> Process:
        """Give the process of a name, which begins if it is not at work."""
        if not self._is_at_work(name):
            self._processes[name] = Process(lambda: self._write(name, flush_rows))
        return self._processes[name]

    def advance(self, process: Process, requests: int = MOST_REQUESTS) -> None:
        """Let so many requests of a process succeed."""
        for _ in range(requests):
            if process.request is None:
                return
            process.go_on(self._act(process.request))
        assert requests < MOST_REQUESTS, "a process that never ends"

    def fail(self, process: Process, fault: Fault) -> None:
        """Let the next request of a process meet a fault."""
        request = process.request
        if request is None:
            return
        match fault.acted:
            case "now":
                self._act(request)
            case "half":
                self._begin_to_act(request)
            case "later":
                self._late.append((request, lambda: self._act(request)))
            case "half, later":
                self._late.append((request, self._begin_to_act(request)))
        if fault.told is None:
            process.die()
        elif isinstance(fault.told, int):
            status = fault.told
            if (status, request.method) == (500, "POST"):
                creation = process, str(request.url), request.content
                self._server_errors[creation] += 1
                # With more of them a server says of a new node that its storage cannot hold it.
                status = 503 if self._server_errors[creation] > MOST_SERVER_ERRORS else 500
            headers = OF_TILED if status == 500 else None
            process.go_on(httpx.Response(status, json={"detail": "a fault"}, headers=headers))
        else:
            process.go_on(fault.told("a fault", request=request))

    def arrive(self) -> None:
        """Act on the first of the requests that are on their way."""
        if self._late:
            request, act = self._late.pop(0)
            self._touch(request)
            act()

    def finish(self) -> None:
        """Let all that is on its way arrive, and all that is at work succeed."""
        while self._late:
            self.arrive()
        for process in self._processes.values():
            self.advance(process)

    def _is_at_work(self, name: str) -> bool:
        return name in self._processes and self._processes[name].request is not None

    def _awaits(self, uid: str) -> bool:
        return any(uid == self._run_of(request) for request, _ in self._late)

    def _act(self, request: httpx.Request) -> httpx.Response:
        return self._begin_to_act(request)()

    def _begin_to_act(self, request: httpx.Request) -> Callable[[], httpx.Response]:
        self._touch(request)
        return self.model.begin(request)

    def _touch(self, request: httpx.Request) -> None:
        if request.method != "GET":
            self.stored.discard(self._run_of(request))

    def _run_of(self, request: httpx.Request) -> str:
        said = request.url.path.encode() + request.content
        return next(uid for uid in self._runs if uid.encode() in said)

    # What a process does

    def _write(self, name: str, flush_rows: int) -> None:
        client = connect(httpx.MockTransport(lambda request: getcurrent().parent.switch(request)))
        sink = TiledSink(client, patience=PATIENCE)
        writings = [self._write_run(sink, uid, name, flush_rows) for uid in self._runs]
        while writings:  # the runs take turns
            writings = [writing for writing in writings if next(writing, "ended") is None]

    def _write_run(self, sink: TiledSink, uid: str, name: str, flush_rows: int) -> Iterator[None]:
        """Write a run, and once more where that may mend it."""
        for _ in range(MOST_BEGINNINGS):
            sink.claim(uid, name)
            attempt = self._begin(sink, uid, flush_rows)
            for item in attempt.items:
                yield
                quiet = not self._awaits(uid)
                attempt.take(*item)
            delivery = attempt.delivery
            if quiet and not delivery.losses() and not self._awaits(uid):
                self.stored.add(uid)
            if delivery.doubled is None:
                return
            try:
                sink.discard(delivery.doubled)
            except SinkError:
                return
