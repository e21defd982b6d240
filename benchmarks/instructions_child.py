"""What Valgrind counts: events through a generated module, then through a loop that does the least.

Imports nothing that the module does not need itself.
"""

import gc
import sys
from operator import itemgetter
from time import CLOCK_MONOTONIC, clock_getres
from typing import Any

Document = dict[str, Any]

KEYS = [f"key_{number}" for number in range(10)]
RUN = "run"


class Nowhere:
    """A sink that takes everything and does nothing."""

    def perform(self, op: Any) -> None:
        """Take an op."""


def start() -> Document:
    return {"uid": RUN, "time": 0.0}


def descriptor() -> Document:
    data_key = {"source": "SIM", "dtype": "number", "dtype_numpy": "<f8", "shape": []}
    return {
        "uid": "descriptor",
        "run_start": RUN,
        "time": 0.0,
        "name": "primary",
        "data_keys": dict.fromkeys(KEYS, data_key),
        "configuration": {},
        "hints": {},
        "object_keys": {},
    }


def event(seq_num: int) -> Document:
    return {
        "uid": f"event-{seq_num}",
        "descriptor": "descriptor",
        "seq_num": seq_num,
        "time": float(seq_num),
        "data": {key: seq_num + number / 16 for number, key in enumerate(KEYS)},
        "timestamps": dict.fromkeys(KEYS, seq_num + 0.25),
        "filled": {},
    }


def loop(events: list[Document]) -> list[Any]:
    """Put every value of events into its column."""
    values = itemgetter(*KEYS)
    columns: list[Any] = [[] for _ in range(2 + 2 * len(KEYS))]
    for document in events:
        row = (
            document["seq_num"],
            document["time"],
            *values(document["data"]),
            *values(document["timestamps"]),
        )
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    return columns


def separate() -> None:
    """Call a function of the C library that nothing else here calls: Valgrind begins anew."""
    clock_getres(CLOCK_MONOTONIC)


def main(number: int, rows_at_once: int) -> None:
    """Do both, with a separation before and after each."""
    from written_by_tiledmap import LAYOUT

    from tiledmap.runtime import open_writer

    warming = [event(seq_num) for seq_num in range(1, rows_at_once + 1)]
    events = [event(rows_at_once + seq_num) for seq_num in range(1, number + 1)]
    writer = open_writer(
        LAYOUT,
        Nowhere(),
        delivery="inline",
        on_error="raise",
        flush_rows=rows_at_once,
        flush_seconds=1e9,
    )
    writer("start", start())
    writer("descriptor", descriptor())
    for document in warming:
        writer("event", document)
    loop(warming)
    gc.collect()
    gc.freeze()  # at a beamline, events do not stay for the collector to look at
    separate()
    for document in events:
        writer("event", document)
    separate()
    separate()
    loop(events)
    separate()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
