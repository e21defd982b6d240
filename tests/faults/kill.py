"""SIGKILL for the writer, for the Tiled server or for both, and a writer that goes on."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from random import Random
from signal import SIGKILL
from typing import Any, Literal

from tests.faults.child import PATIENCE, feed
from tests.faults.fault_proxy import FaultProxy, fates, run_proxy
from tests.faults.runs import compose_documents
from tests.faults.server import WARM, Storage, TiledServer
from tests.faults.trials import Ground, Outcome, kind_of, open_ground
from tiledmap.runtime.journal import survey
from tiledmap.runtime.routing import Routing

RATE = 0.1
"""How many of all requests meet another fault, of the network."""


@dataclass(frozen=True, slots=True)
class Blow:
    """Who is killed, and when.

    Parameters
    ----------
    victim
        ``the writer``, ``the server`` or ``both``.
    moment
        ``accepted``: the writer has accepted that many documents since the last blow. ``asked``:
        the server is about to be asked for the `count`-th time. ``answered``: it has answered that
        often, of which nobody knows yet. ``milliseconds``: so many have passed.
    """

    victim: str
    moment: Literal["accepted", "asked", "answered", "milliseconds"]
    count: int


def _draw_blow(chance: Random) -> Blow:
    most = {"accepted": 8, "asked": 6, "answered": 6, "milliseconds": 300}
    moment: Any = chance.choice([*most])
    victim = chance.choice(["the writer", "the server", "both"])
    return Blow(victim, moment, chance.randint(1, most[moment]))


class _Killer:
    """Strikes one blow after the other, each when its moment has come."""

    def __init__(self, server: TiledServer, blows: Iterable[Blow]) -> None:
        self.struck: list[Blow] = []
        self._server = server
        self._writer: Any = None
        self._blows = deque(blows)
        self._lock = threading.Lock()
        self._lie_in_wait()

    def lie_in_wait_for(self, writer: Any) -> None:
        """Take another writer for the next victim."""
        self._writer = writer
        self._lie_in_wait()

    def see(self, moment: str) -> None:
        """Take note of what happens, and strike if it is time."""
        with self._lock:  # the proxy has a thread of its own
            if not self._blows or self._server.is_killed:
                return
            self._seen[moment] += 1
            self._seen["milliseconds"] = int(1000 * (time.monotonic() - self._since))
            if self._seen[self._blows[0].moment] >= self._blows[0].count:
                self._strike(self._blows.popleft())

    def _strike(self, blow: Blow) -> None:
        self.struck.append(blow)
        self._lie_in_wait()
        if blow.victim != "the server":
            self._writer.kill()
        if blow.victim != "the writer":
            self._server.kill()

    def _lie_in_wait(self) -> None:
        self._seen = Counter[str]()
        self._since = time.monotonic()


class _Trial:
    """Documents that one process after the other writes, until all are in Tiled."""

    def __init__(self, number: int, seed: int, ground: Ground, proxy: FaultProxy) -> None:
        self.kind = kind_of(seed, number)
        self.documents = compose_documents(self.kind)
        self._chance = chance = Random(f"{seed}-{number}")
        self._server = ground.server
        self._storage = ground.storage
        self._uri = f"{proxy.uri}/metadata/trial-{number}"
        self._spool = ground.spool(number)
        self._options = {
            "spool": self._spool,
            "flush_rows": chance.choice([1, 4, 100]),
            "flush_seconds": chance.choice([0.02, 0.25]),
        }
        blows = [_draw_blow(chance) for _ in range(chance.randint(1, 4))]
        self.killer = _Killer(self._server, blows)

        def watch(trial: int, request: int, moment: str) -> None:
            if trial == number:  # a request of the trial before may still be on its way
                self.killer.see(moment)

        proxy.watch = watch

    def run(self) -> dict[str, Any]:
        """Write all documents, in spite of the blows; say how a writer ended that was not hit."""
        first = 0
        while True:
            accepted, exitcode = self._write(first)
            if exitcode != -SIGKILL:
                return {"exit code of a writer": (exitcode, 0)} if exitcode else {}
            first = self._count_kept(accepted)

    def _write(self, first: int) -> tuple[int, int]:
        """Have a process go on with a document; give how many it has accepted, and how it ended."""
        receiver, sender = WARM.Pipe(duplex=False)
        where = (self._uri, self._server.api_key, self._storage, self._options)
        pace = self._chance.getrandbits(32)
        writer = WARM.Process(target=feed, args=(*where, self.kind, first, pace, sender))
        writer.start()
        sender.close()
        self.killer.lie_in_wait_for(writer)
        accepted = first
        for number in _receive(receiver):
            accepted = max(accepted, number)
            self.killer.see("accepted" if number else "nothing")
            self._server.restart_if_killed()
        writer.join()
        self._server.restart_if_killed()
        return accepted, writer.exitcode

    def _count_kept(self, accepted: int) -> int:
        """Count the documents that need not be given again.

        One more than were accepted, where the process was killed before it could say so.
        """
        if accepted == len(self.documents):
            return accepted
        routing, expected = Routing(), Counter[str]()
        for name, document in self.documents[: accepted + 1]:
            (run,) = routing.route(name, document).runs
            expected[run] += 1
        journals = {journal.run: journal.documents for journal in survey(self._spool)}
        is_kept = journals[run] == expected[run] if run in journals else name == "stop"
        return accepted + is_kept


def _receive(receiver: Connection) -> Iterator[int]:
    """What comes from another process until it ends, and 0 when nothing has come for a while."""
    with suppress(EOFError):
        while True:
            yield receiver.recv() if receiver.poll(0.01) else 0


def try_kill(
    kills: int,
    seed: int,
    first: int = 0,
    storage: Storage = "sqlite",
    advance: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Kill that often, or a bit more, and compare what is there at last with a clean write.

    Parameters
    ----------
    first
        The number of the first trial, each of which may be repeated alone.
    storage
        Where the server keeps its catalog and tables.
    """
    outcome = Outcome(seed)
    decide = fates(seed, RATE, PATIENCE)
    with open_ground(storage) as ground, run_proxy(FaultProxy(ground.server.port, decide)) as proxy:
        while (done := outcome.happened.total()) < kills:
            advance(done)
            number = first + outcome.trials
            ground.root.create_container(f"trial-{number}")
            trial = _Trial(number, seed, ground, proxy)
            different = trial.run() or ground.differences(number, trial.kind)
            outcome.add(number, trial.documents, different)
            outcome.happened.update(f"{blow.victim} killed" for blow in trial.killer.struck)
    return outcome
