"""What writing costs: writers take turns in one run, each with a catalog of its own.

Everything that the writer does not do itself is outside the clock: documents are there before it
is given them, and the first turn only warms up.
"""

import gc
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.targets import Place, Target
from benchmarks.works import NamedDocument, Work, turns
from benchmarks.writers import LEFT_OUT, WRITERS, Act, OpenWriter, Writer

DOCUMENTS_IN_MEMORY = 1_000
"""How many documents there are at a time where memory is measured."""
_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


@dataclass
class Tally:
    """Requests that an HTTP client has made.

    Parameters
    ----------
    methods
        How many, by method.
    sent
        Bytes of their bodies.
    """

    methods: Counter[str] = field(default_factory=Counter)
    sent: int = 0

    def add(self, request: httpx.Request) -> None:
        """Count a request."""
        self.methods[request.method] += 1
        self.sent += len(request.read())

    @contextmanager
    def listening(self, client: Any) -> Iterator[None]:
        """Count the requests that are made through a Tiled client."""
        http = client.context.http_client
        before = http.event_hooks
        http.event_hooks = {**before, "request": [*before["request"], self.add]}
        try:
            yield
        finally:
            http.event_hooks = before


@dataclass(frozen=True)
class Cost:
    """What one turn took.

    Parameters
    ----------
    thread
        CPU seconds of the thread that the documents come from: a RunEngine's.
    process
        CPU seconds of the process; the server is in it where the catalog is.
    returned, landed
        Seconds until all documents were taken, and until all was in Tiled.
    """

    thread: float
    process: float
    returned: float
    landed: float
    methods: Mapping[str, int]
    sent: int


@dataclass(frozen=True)
class Footprint:
    """Resident memory of a process that writes, in bytes.

    Parameters
    ----------
    before
        Before it wrote.
    early, whole
        The most, while a tenth of the documents came, and while all came. A writer that takes
        them all at once has no `early`.
    """

    before: int
    early: int | None
    whole: int


@dataclass(frozen=True)
class Entrant:
    """A writer with its work."""

    label: str
    writer: str
    work: Work


@dataclass(frozen=True)
class Measured:
    """What has come of some entrants.

    Parameters
    ----------
    costs
        By entrant, one for each turn.
    cannot
        Why an entrant cannot do the work.
    """

    costs: Mapping[str, Sequence[Cost]]
    footprints: Mapping[str, Footprint]
    cannot: Mapping[str, str]


def enter(*works: Work, writers: Iterable[str] = tuple(WRITERS)) -> list[Entrant]:
    """Let each writer do each work; where there are several, the labels say which."""
    return [
        Entrant(f"{writer}, {work.units:,}" if len(works) > 1 else writer, writer, work)
        for writer in writers
        for work in works
    ]


def measure(
    target: Target,
    entrants: Sequence[Entrant],
    repeats: int,
    *,
    with_memory: bool = True,
    writers: Mapping[str, OpenWriter] = WRITERS,
) -> Measured:
    """Let entrants take turns; the first turn warms up."""
    costs: dict[str, list[Cost]] = {}
    cannot = {
        entrant.label: LEFT_OUT[entrant.work.name, entrant.writer]
        for entrant in entrants
        if (entrant.work.name, entrant.writer) in LEFT_OUT
    }
    footprints: dict[str, Footprint] = {}
    with ExitStack() as stack:
        clients = {
            entrant.label: stack.enter_context(target.new_place().connect()) for entrant in entrants
        }
        opened = {
            entrant.label: stack.enter_context(writers[entrant.writer](clients[entrant.label]))
            for entrant in entrants
        }
        for number, turn in zip(range(repeats + 1), turns("turn"), strict=False):
            first = number % len(entrants)  # none always follows the same one
            for entrant in (*entrants[first:], *entrants[:first]):
                label = entrant.label
                if label in cannot:
                    continue
                documents = entrant.work.compose(turn, target.files)
                try:
                    cost = cost_of(opened[label], clients[label], documents)
                except Exception as error:  # a writer may fail at work that it is not made for
                    cannot[label] = _in_words(error)
                    costs.pop(label, None)
                    continue
                if number:
                    costs.setdefault(label, []).append(cost)
    if with_memory and _CLEAR_REFS.exists():
        for entrant in entrants:
            if entrant.label not in cannot:
                footprints[entrant.label] = footprint_of(target, entrant)
    return Measured(costs, footprints, cannot)


def cost_of(writer: Writer, client: Any, documents: Iterable[NamedDocument]) -> Cost:
    """Measure one turn of a writer."""
    tally, clock = Tally(), _Clock()
    with tally.listening(client):
        for act in writer.acts(documents):
            clock.time(act)
        thread, returned = clock.thread, clock.wall
        clock.time(writer.finish)
    return Cost(thread, clock.process, returned, clock.wall, dict(tally.methods), tally.sent)


class _Clock:
    """Adds up what acts take.

    The process's CPU time is that from the first act to the end of the last, without what this
    thread takes in between to make the next act ready: other threads go on meanwhile.
    """

    def __init__(self) -> None:
        self.thread = self.process = self.wall = 0.0
        self._ended: tuple[float, float] | None = None

    def time(self, act: Act) -> None:
        with _without_garbage():
            thread, process, wall = time.thread_time(), time.process_time(), time.perf_counter()
            if self._ended is not None:
                of_thread, of_process = self._ended
                self.process += (process - of_process) - (thread - of_thread)
            act()
            self._ended = time.thread_time(), time.process_time()
            self.wall += time.perf_counter() - wall
        self.thread += self._ended[0] - thread
        self.process += self._ended[1] - process


@contextmanager
def _without_garbage() -> Iterator[None]:
    """Let the garbage collector look at none of the documents that are ready.

    At a beamline they come one by one, and do not stay.
    """
    is_frozen = gc.get_freeze_count() > 0  # by somebody who is to find it so
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        if not is_frozen:
            gc.unfreeze()


def _in_words(error: Exception) -> str:
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}"[:300]


# Memory


def footprint_of(target: Target, entrant: Entrant) -> Footprint:
    """Measure a writer's memory, in a process that does nothing else."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as processes:
        asked = processes.submit(_footprint, target.new_place(), target.files, entrant)
        return asked.result()


def _footprint(place: Place, files: Path, entrant: Entrant) -> Footprint:
    work = entrant.work
    documents = sum(1 for _ in work.compose("counted", files))
    with place.connect() as client, WRITERS[entrant.writer](client) as writer:
        for act in writer.acts(work.sample("sample", files)):  # libraries are loaded
            act()
        writer.finish()
        gc.collect()
        before = _resident("VmRSS")
        _CLEAR_REFS.write_text("5")  # the peak begins anew
        early, fed = None, 0
        for act in writer.acts(work.compose("measured", files), DOCUMENTS_IN_MEMORY):
            act()
            fed += DOCUMENTS_IN_MEMORY
            if early is None and fed >= documents / 10:
                early = _resident("VmHWM")
        writer.finish()
        return Footprint(before, early, _resident("VmHWM"))


def _resident(kind: str) -> int:
    for line in _STATUS.read_text().splitlines():
        name, _, size = line.partition(":")
        if name == kind:
            return int(size.split()[0]) * 1024
    raise LookupError(kind)
