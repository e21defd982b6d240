"""The ops by which a shipped mapping stores documents."""

from collections.abc import Iterable
from typing import Any

import tiledmap
from tiledmap.runtime import Writer
from tiledmap.runtime.ops import Op
from tiledmap.sinks.memory import MemorySink

LAYOUT = tiledmap.load("bluesky-v3").layout


def ops_of(documents: Iterable[tuple[str, dict[str, Any]]], flush_rows: int = 10_000) -> list[Op]:
    """All ops of some documents, with at most so many rows in one."""
    sink = MemorySink()
    with Writer(
        LAYOUT, sink, delivery="inline", flush_rows=flush_rows, flush_seconds=3600.0
    ) as writer:
        for name, document in documents:
            writer(name, document)
    return sink.ops
