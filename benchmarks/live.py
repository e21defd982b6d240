"""How soon a row can be read, by a reader that asks again and again, while a scan goes on."""

import math
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, TypeAlias
from uuid import uuid4

import httpx
import pyarrow as pa
from bluesky_tiled_plugins import TiledWriter
from tiled.utils import APACHE_ARROW_FILE_MIME_TYPE

from benchmarks.measure import Tally
from benchmarks.report import Figure, Result
from benchmarks.targets import Place, Target
from benchmarks.works import NamedDocument, scalar_run, uid_of
from benchmarks.writers import BACKGROUND, INCUMBENT, Callback, tiled_writer, tiledmap_writer

RATE = 50.0
"""Events per second."""
PAUSE = 0.02
"""Seconds that the reader lets pass after each answer."""
PATIENCE = 60.0
"""Seconds after the scan that the reader waits for rows."""

OpenCallback: TypeAlias = Callable[[Any], AbstractContextManager[Callback]]

WRITERS: dict[str, OpenCallback] = {
    BACKGROUND: tiledmap_writer,  # as it is if nothing is said
    INCUMBENT: partial(tiled_writer, make=TiledWriter),
    f"{INCUMBENT}, batch_size=1": partial(tiled_writer, make=TiledWriter, batch_size=1),
}


@dataclass(frozen=True)
class Scan:
    """What has become of one scan.

    Parameters
    ----------
    called
        When the writer was given each event.
    held
        For how many seconds that held the caller.
    seen
        When the reader had an answer, and how many rows were in it.
    requests
        How many the writer made.
    seconds
        How long it took until all was in Tiled.
    """

    called: Sequence[float]
    held: Sequence[float]
    seen: Sequence[tuple[float, int]]
    requests: int
    seconds: float

    def delays(self) -> list[float]:
        """How long after its event each row could be read."""
        answers = iter(self.seen)
        delays, moment, rows = [], 0.0, 0
        for number, called in enumerate(self.called, start=1):
            while rows < number:
                moment, rows = next(answers)
            delays.append(moment - called)
        return delays


def watch(target: Target, seconds: float) -> dict[str, Result]:
    """Let each writer write a scan; say how soon its rows could be read."""
    results = {}
    for name, open_writer in WRITERS.items():
        place = target.new_place()
        scan_and_follow(place, target.files, open_writer, 0.2)  # warms up
        results[name] = _result(scan_and_follow(place, target.files, open_writer, seconds))
    return results


def scan_and_follow(place: Place, files: Path, open_writer: OpenCallback, seconds: float) -> Scan:
    """Write a scan at its pace, while another process reads it."""
    events, turn = max(2, round(RATE * seconds)), uuid4().hex
    documents = list(scalar_run(turn, files, events=events, keys=10))
    table = (uid_of(turn), "primary", "internal")
    fresh = multiprocessing.get_context("spawn")
    tally = Tally()
    with (
        fresh.Manager() as manager,
        ProcessPoolExecutor(1, mp_context=fresh) as processes,
        place.connect() as client,
        open_writer(client) as writer,
    ):
        is_ready = manager.Event()
        reader = processes.submit(follow, place, table, events, seconds + PATIENCE, is_ready)
        is_ready.wait()
        with tally.listening(client):
            began = time.monotonic()
            called, held = _pace(writer, documents)
            writer.finish()
            ended = time.monotonic()
        seen = reader.result()
    return Scan(called, held, seen, tally.methods.total(), ended - began)


def _pace(writer: Callback, documents: Sequence[NamedDocument]) -> tuple[list[float], list[float]]:
    """Give a writer each event when it is due; when it was given, and for how long that held."""
    called: list[float] = []
    held: list[float] = []
    due = time.monotonic()
    for name, document in documents:
        if name != "event":
            writer.take(name, document)
            continue
        time.sleep(max(0.0, due - time.monotonic()))
        due += 1 / RATE
        called.append(time.monotonic())
        writer.take(name, document)
        held.append(time.monotonic() - called[-1])
    return called, held


def follow(
    place: Place, table: tuple[str, ...], rows: int, seconds: float, is_ready: Event
) -> list[tuple[float, int]]:
    """Ask for a table's rows until all are there; when there was an answer, and how many."""
    seen = [(time.monotonic(), 0)]
    deadline = time.monotonic() + seconds
    with place.connect() as client:
        uri = client.uri.replace("/metadata/", "/table/partition/", 1).rstrip("/")
        is_ready.set()
        while seen[-1][1] < rows:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{seen[-1][1]} of {rows} rows can be read")
            number = _count_rows(client.context.http_client, "/".join((uri, *table)))
            if number > seen[-1][1]:
                seen.append((time.monotonic(), number))
            time.sleep(PAUSE)
    return seen


def _count_rows(http: httpx.Client, uri: str) -> int:
    answer = http.get(
        uri,
        params={"partition": 0, "column": "seq_num"},
        headers={"Accept": APACHE_ARROW_FILE_MIME_TYPE},
    )
    if answer.status_code == httpx.codes.NOT_FOUND:  # not yet
        return 0
    answer.raise_for_status()
    return int(pa.ipc.open_file(answer.content).read_all().num_rows)


def _result(scan: Scan) -> Result:
    delays = sorted(scan.delays())
    held = sorted(second * 1e6 for second in scan.held)
    figures = {
        "readable_p50_s": delays[len(delays) // 2],
        "readable_p99_s": _quantile(delays, 0.99),
        "readable_max_s": delays[-1],
        "held_p50_us": held[len(held) // 2],
        "held_p99_us": _quantile(held, 0.99),
        "held_max_us": held[-1],
        "requests_per_s": scan.requests / scan.seconds,
    }
    return Result(figures={name: Figure(values=[value]) for name, value in figures.items()})


def _quantile(ranked: Sequence[float], part: float) -> float:
    return ranked[math.ceil(part * len(ranked)) - 1]
