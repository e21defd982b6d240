"""What a run costs: tiledmap, bluesky-tiled-plugins' TiledWriter, and the floor, side by side.

    python -m benchmarks [--events 20000] [--keys 10] [--repeats 5] [--json FILE]

The three take turns on the same documents, each into its own embedded catalog. Printed are CPU
microseconds per event on the calling thread (the RunEngine's, at a beamline) and in the whole
process (the Tiled server is in it), as medians, and their ratios. The floor is the same rows,
ready as Arrow tables, handed to Tiled's client.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa

import tiledmap
from tiledmap.sinks.embedded import open_catalog

BATCH = 10_000


@dataclass(frozen=True)
class Work:
    """How much of it: rows and columns."""

    events: int
    keys: int

    def documents(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The documents of one run."""
        uid = str(uuid.uuid4())
        names = [f"key_{number}" for number in range(self.keys)]
        data_keys = {
            name: {"source": f"SIM:{name}", "dtype": "number", "dtype_numpy": "<f8", "shape": []}
            for name in names
        }
        yield "start", {"uid": uid, "time": 0.0}
        yield (
            "descriptor",
            {
                "uid": f"{uid}-d",
                "run_start": uid,
                "time": 0.0,
                "name": "primary",
                "data_keys": data_keys,
                "configuration": {},
                "hints": {},
                "object_keys": {},
            },
        )
        for number in range(1, self.events + 1):
            yield (
                "event",
                {
                    "uid": f"{uid}-{number}",
                    "descriptor": f"{uid}-d",
                    "seq_num": number,
                    "time": float(number),
                    "data": dict.fromkeys(names, number + 0.5),
                    "timestamps": dict.fromkeys(names, float(number)),
                    "filled": {},
                },
            )
        yield (
            "stop",
            {"uid": f"{uid}-s", "run_start": uid, "time": 1.0, "exit_status": "success"},
        )

    def tables(self) -> list[pa.Table]:
        """The rows of the same run, as the tables that a writer would send."""
        columns: dict[str, Any] = {
            "seq_num": pa.array(range(1, self.events + 1), pa.int64()),
            "time": pa.array(map(float, range(1, self.events + 1)), pa.float64()),
        }
        for number in range(self.keys):
            columns[f"key_{number}"] = pa.array(
                [row + 0.5 for row in range(1, self.events + 1)], pa.float64()
            )
            columns[f"ts_key_{number}"] = columns["time"]
        table = pa.table(columns)
        return [table.slice(first, BATCH) for first in range(0, self.events, BATCH)]


@dataclass(frozen=True)
class Cost:
    """CPU seconds of one run."""

    thread: float
    process: float


def measure(act: Callable[[], None]) -> Cost:
    """The CPU time that `act` takes, on this thread and in the process."""
    thread, process = time.thread_time(), time.process_time()
    act()
    return Cost(time.thread_time() - thread, time.process_time() - process)


def with_tiledmap(client: Any, work: Work) -> Callable[[], None]:
    """One run through a compiled mapping."""
    writer = tiledmap.load("bluesky-v3").writer(
        client, delivery="inline", flush_rows=BATCH, flush_seconds=3600.0
    )
    return _replay(writer, work)


def with_tiled_writer(client: Any, work: Work, **options: Any) -> Callable[[], None]:
    """One run through the incumbent."""
    from bluesky_tiled_plugins import TiledWriter

    return _replay(TiledWriter(client, batch_size=BATCH, **options), work)


def with_ready_tables(client: Any, work: Work) -> Callable[[], None]:
    """The floor: the same rows as ready tables."""
    tables = work.tables()

    def act() -> None:
        run = client.create_container(key=str(uuid.uuid4()))
        stream = run.create_container(key="primary")
        node = stream.create_appendable_table(schema=tables[0].schema, key="internal")
        for table in tables:
            node.append_partition(0, table)

    return act


def _replay(callback: Callable[[str, dict[str, Any]], Any], work: Work) -> Callable[[], None]:
    documents = list(work.documents())

    def act() -> None:
        for name, document in documents:
            callback(name, document)

    return act


WRITERS: dict[str, Callable[[Any, Work], Callable[[], None]]] = {
    "tiledmap": with_tiledmap,
    "TiledWriter": with_tiled_writer,
    "TiledWriter, normalizer=None": lambda client, work: with_tiled_writer(
        client, work, normalizer=None
    ),
    "floor": with_ready_tables,
}


def compare(work: Work, repeats: int) -> dict[str, dict[str, float]]:
    """Run all writers in turns; median microseconds per event and spreads."""
    costs: dict[str, list[Cost]] = {name: [] for name in WRITERS}
    with tempfile.TemporaryDirectory() as directory:
        catalogs = {
            name: open_catalog(Path(directory) / str(number)) for number, name in enumerate(WRITERS)
        }
        for turn in range(repeats + 1):
            for name, make in WRITERS.items():
                cost = measure(make(catalogs[name].client, work))
                if turn:  # the first turn warms up
                    costs[name].append(cost)
        for catalog in catalogs.values():
            catalog.close()
    return {name: _summary(found, work.events) for name, found in costs.items()}


def _summary(costs: list[Cost], events: int) -> dict[str, float]:
    thread = sorted(cost.thread / events * 1e6 for cost in costs)
    process = sorted(cost.process / events * 1e6 for cost in costs)
    return {
        "thread_us": statistics.median(thread),
        "thread_spread_us": thread[-1] - thread[0],
        "process_us": statistics.median(process),
        "process_spread_us": process[-1] - process[0],
    }


def main() -> None:
    """Measure, print a table, and write the figures where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--keys", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    results = compare(Work(arguments.events, arguments.keys), arguments.repeats)
    ours = results["tiledmap"]
    print(f"{arguments.events} events of {arguments.keys} scalar keys, CPU µs per event\n")
    print(f"{'':32}{'thread':>10}{'ratio':>8}{'process':>10}{'ratio':>8}")
    for name, found in results.items():
        print(
            f"{name:32}{found['thread_us']:10.2f}{found['thread_us'] / ours['thread_us']:8.2f}"
            f"{found['process_us']:10.2f}{found['process_us'] / ours['process_us']:8.2f}"
        )
    if arguments.json:
        packages = ("tiledmap", "tiled", "bluesky-tiled-plugins", "event-model", "pyarrow")
        report = {
            "machine": {"python": platform.python_version(), "arch": platform.machine()},
            "versions": {name: version(name) for name in packages},
            "events": arguments.events,
            "keys": arguments.keys,
            "repeats": arguments.repeats,
            "results": results,
        }
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
