"""However documents are delivered, the same is stored.

Runs are interleaved at random, some with resources that name no run. They are written at once, by a
thread, through a spool, and by writers of which one after the other ends at any moment, with
documents that it has not written and an answer that it has not heard. The trees and the notes are
those of one writer that writes each document itself.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.comparing import plain
from tests.laws.test_hostile_documents import (
    HEALTHY,
    SETTINGS,
    VALUES,
    WHOLE_RUN,
    Change,
    Unfriendly,
    changes,
    documents,
    hostile,
    interleaved,
    layout,
)
from tests.runtime.originals import written_as_they_are
from tests.runtime.sinks import GUARD
from tiledmap.runtime import Layout, Writer
from tiledmap.runtime.errors import SinkError
from tiledmap.runtime.journal import survey
from tiledmap.runtime.journal.codec import DEEPEST_KEPT
from tiledmap.runtime.ops import Op
from tiledmap.sinks.memory import MemorySink
from tiledmap.testing import strategies

__all__ = ["layout"]

Documents = list[tuple[Any, Any]]
WAYS: list[dict[str, Any]] = [
    {"delivery": "inline"},
    {"delivery": "background"},
    {"delivery": "background", "queue_bytes": 500},
    {"delivery": "background", "spool": True},
    {"delivery": "inline", "spool": True},
]


class Moody(MemorySink):
    """A sink that goes away after a number of ops, and may have performed the last one."""

    ops_left: float = float("inf")
    answer_is_lost = False

    def perform(self, op: Op) -> None:
        self.ops_left -= 1
        if self.ops_left >= 0:
            super().perform(op)
            return
        if self.ops_left == -1 and self.answer_is_lost:
            super().perform(op)
        raise SinkError("the server does not answer", op, transient=True)


def stored(sink: MemorySink) -> dict[Any, Any]:
    """Everything in a sink as plain data; in which order problems were found does not matter."""
    nodes = {path: plain(asdict(node)) for path, node in sink.tree.items()}
    for node in nodes.values():
        if isinstance(node["metadata"].get("notes"), list):
            node["metadata"]["notes"].sort(key=str)
    return nodes


def write(layout: Layout, sent: Documents, sink: MemorySink | None = None, **options: Any) -> Any:
    sink = sink or MemorySink()
    with Writer(layout, sink, flush_seconds=3600.0, **options) as writer:
        for name, document in sent:
            writer(name, document)
        assert writer.flush(GUARD)
    return stored(sink)


def write_cleanly(layout: Layout, sent: Documents, **options: Any) -> Any:
    """What one writer stores that writes each document itself."""
    with written_as_they_are():
        return write(layout, sent, delivery="inline", **options)


def differing(tree: Any, wanted: Any) -> dict[Any, Any]:
    return {
        path: (tree.get(path), wanted.get(path))
        for path in {**wanted, **tree}
        if tree.get(path) != wanted.get(path)
    }


def deliver(layout: Layout, sent: Documents, way: dict[str, Any], flush_rows: int) -> Any:
    options = {**way, "flush_rows": flush_rows}
    if "spool" not in way:
        return write(layout, sent, **options)
    with TemporaryDirectory() as spool:
        tree = write(layout, sent, **{**options, "spool": spool})
        assert survey(spool) == []
        return tree


@st.composite
def interleaved_runs(draw: st.DrawFn, *, named: bool = False) -> Documents:
    """The documents of one to three runs that take turns; `named` if each names its run."""
    left = [list(draw(strategies.runs(f"run-{n}"))) for n in range(draw(st.integers(1, 3)))]
    if len(left) > 1 and named:
        for number, run in enumerate(left):
            for name, document in run:
                if "resource" in name:
                    document["run_start"] = f"run-{number}"
    sent: Documents = []
    while left := [run for run in left if run]:
        sent.append(draw(st.sampled_from(left)).pop(0))
    return sent


@pytest.mark.parametrize("way", WAYS, ids=str)
@given(sent=interleaved_runs(), flush_rows=st.integers(1, 4))
@settings(SETTINGS, max_examples=60)
def test_runs_are_stored_alike(
    layout: Layout, way: dict[str, Any], sent: Documents, flush_rows: int
) -> None:
    clean = write_cleanly(layout, sent, flush_rows=flush_rows)

    assert differing(deliver(layout, sent, way, flush_rows), clean) == {}


def is_kept(change: Change) -> bool:
    """Whether its value can be kept: of no unknown class, nor so deep that a check overflows."""
    value, depth = VALUES[change.value], 0
    while isinstance(value, list) and value and value[0] is not value:
        value, depth = value[0], depth + 1
    if isinstance(value, dict):
        value = next(iter(value.values()), None)
    return depth < DEEPEST_KEPT and not isinstance(value, Unfriendly | type)


@pytest.mark.parametrize("way", WAYS, ids=str)
@given(
    changes=changes(WHOLE_RUN).filter(lambda changes: all(map(is_kept, changes))),
    flush_rows=st.integers(1, 4),
)
@settings(SETTINGS, max_examples=60)
def test_hostile_runs_are_stored_alike(
    layout: Layout, way: dict[str, Any], changes: Sequence[Change], flush_rows: int
) -> None:
    sent = interleaved(documents(HEALTHY), hostile(changes))
    with TemporaryDirectory() as spool:
        clean = write_cleanly(layout, sent, flush_rows=flush_rows)
        options = {**way, "flush_rows": flush_rows, **({"spool": spool} if "spool" in way else {})}

        assert differing(write(layout, sent, **options), clean) == {}


Ends = list[tuple[int, int, bool]]
ENDS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.booleans()), max_size=4)
"""For each writer that ends: documents that it took, ops that it performed, an answer lost."""


def end_writers(
    layout: Layout, sent: Documents, sink: Moody, spool: str, ends: Ends, flush_rows: int
) -> Documents:
    """Have one writer after the other end; give the documents that are left."""
    for documents_taken, sink.ops_left, sink.answer_is_lost in ends:
        writer = Writer(layout, sink, flush_seconds=0.0, flush_rows=flush_rows, spool=spool)
        for name, document in sent[:documents_taken]:
            writer(name, document)
        while sink.ops_left >= 0 and not writer.flush(timeout=0.01):
            pass
        writer.close(timeout=0)
        sent = sent[documents_taken:]
    sink.ops_left = float("inf")
    return sent


@given(
    sent=interleaved_runs(named=True),
    ends=ENDS,
    flush_rows=st.integers(1, 4),
    delivery=st.sampled_from(["background", "inline"]),
)
@settings(SETTINGS, max_examples=150)
def test_writers_that_end_at_any_moment_lose_and_double_nothing(
    layout: Layout, sent: Documents, ends: Ends, flush_rows: int, delivery: str
) -> None:
    clean = write_cleanly(layout, sent, flush_rows=flush_rows)
    sink = Moody()
    with TemporaryDirectory() as spool:
        rest = end_writers(layout, sent, sink, spool, ends, flush_rows)
        options: Any = {"delivery": delivery, "flush_rows": flush_rows}
        tree = write(layout, rest, sink, spool=spool, **options)

        assert differing(tree, clean) == {}
        assert survey(spool) == []


@given(sent=interleaved_runs(named=True), ends=ENDS, flush_rows=st.integers(1, 4))
@settings(SETTINGS, max_examples=50)
def test_what_comes_no_more_is_closed_as_if_it_had_been_at_once(
    layout: Layout, sent: Documents, ends: Ends, flush_rows: int
) -> None:
    sink = Moody()
    with TemporaryDirectory() as spool:
        rest = end_writers(layout, sent, sink, spool, ends, flush_rows)
        taken = sent[: len(sent) - len(rest)]
        options: Any = {"flush_rows": flush_rows, "close_unfinished": True}
        clean = write_cleanly(layout, taken, **options)

        assert differing(write(layout, [], sink, spool=spool, **options), clean) == {}
        assert survey(spool) == []


@given(sent=interleaved_runs())
@settings(SETTINGS, max_examples=30)
def test_a_spool_can_be_delivered_twice(layout: Layout, sent: Documents) -> None:
    """As when a writer is killed after the last op and before it has removed the journal."""
    with TemporaryDirectory() as home:
        spool, sink, away = Path(home) / "spool", MemorySink(), Moody()
        away.ops_left = 0
        writer = Writer(layout, away, spool=spool)
        for name, document in sent:
            writer(name, document)
        writer.close(timeout=0)
        journals = {path: path.read_bytes() for path in spool.glob("*.journal")}
        clean = write(layout, [], sink, spool=spool)
        for path, content in journals.items():
            path.write_bytes(content)

        assert differing(write(layout, [], sink, spool=spool), clean) == {}
