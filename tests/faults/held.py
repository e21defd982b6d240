"""How long each document holds the RunEngine's thread."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from bluesky.callbacks.buffer import BufferingWrapper
from bluesky_tiled_plugins import TiledWriter

from tests.faults.trials import MAPPINGS, Ground, open_ground

Callback = Callable[[str, dict[str, Any]], Any]


def compose_scan(events: int, keys: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The documents of a scan of scalars."""
    uid = str(uuid4())
    names = [f"key_{number}" for number in range(keys)]
    data_key = {"source": "SIM", "dtype": "number", "dtype_numpy": "<f8", "shape": []}
    yield "start", {"uid": uid, "time": time.time(), "plan_name": "scan"}
    yield (
        "descriptor",
        {
            "uid": f"{uid}-d",
            "run_start": uid,
            "time": time.time(),
            "name": "primary",
            "data_keys": dict.fromkeys(names, data_key),
            "configuration": {},
            "hints": {},
            "object_keys": {},
        },
    )
    for number in range(1, events + 1):
        yield (
            "event",
            {
                "uid": f"{uid}-{number}",
                "descriptor": f"{uid}-d",
                "seq_num": number,
                "time": time.time(),
                "data": dict.fromkeys(names, number + 0.5),
                "timestamps": {name: time.time() for name in names},
                "filled": {},
            },
        )
    yield (
        "stop",
        {
            "uid": f"{uid}-s",
            "run_start": uid,
            "time": time.time(),
            "exit_status": "success",
            "num_events": {"primary": events},
        },
    )


@contextmanager
def _ours(client: Any, **options: Any) -> Iterator[Callback]:
    with TemporaryDirectory() as spool:
        if options.pop("spool", False):
            options["spool"] = spool
        with MAPPINGS["sqlite"].writer(client, **options) as writer:
            yield writer


@contextmanager
def _incumbent(client: Any) -> Iterator[Callback]:
    yield TiledWriter(client)


@contextmanager
def _buffered_incumbent(client: Any) -> Iterator[Callback]:
    wrapper = BufferingWrapper(TiledWriter(client))
    try:
        yield wrapper
    finally:
        wrapper.shutdown()


WRITERS: dict[str, Callable[[Any], Any]] = {
    "tiledmap, background": _ours,
    "tiledmap, background with a spool": lambda client: _ours(client, spool=True),
    "TiledWriter in a BufferingWrapper": _buffered_incumbent,
    "TiledWriter": _incumbent,
}


def measure(runs: int, events: int, keys: int, pause: float) -> dict[str, dict[str, float]]:
    """Let all writers take turns with a served Tiled; what a document costs each of them.

    Parameters
    ----------
    pause
        Seconds between two documents, as between the points of a quick scan.

    Returns
    -------
    dict
        By writer: ``p50``, ``p99`` and ``max`` of all documents, in µs.
    """
    held: dict[str, list[float]] = {name: [] for name in WRITERS}
    with open_ground() as ground:
        for turn in range(runs + 1):
            for name, open_writer in WRITERS.items():
                taken = _feed(ground, open_writer, events, keys, pause)
                held[name] += taken if turn else []  # the first turn warms up
    return {name: _quantiles(taken) for name, taken in held.items()}


def _feed(
    ground: Ground, open_writer: Callable[[Any], Any], events: int, keys: int, pause: float
) -> list[float]:
    taken = []
    with open_writer(ground.root) as writer:
        for name, document in compose_scan(events, keys):
            began = time.perf_counter()
            writer(name, document)
            taken.append(time.perf_counter() - began)
            time.sleep(pause)
    return taken


def _quantiles(seconds: list[float]) -> dict[str, float]:
    ranked = sorted(second * 1e6 for second in seconds)
    return {
        "p50": ranked[len(ranked) // 2],
        "p99": ranked[math.ceil(0.99 * len(ranked)) - 1],
        "max": ranked[-1],
    }
