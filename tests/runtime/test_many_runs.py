import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.layouts import LAYOUT, NUMBERS, numbers
from tests.runtime.sinks import GUARD
from tiledmap.runtime import courier
from tiledmap.runtime.errors import SinkError
from tiledmap.runtime.journal import Spool
from tiledmap.runtime.ops import Op
from tiledmap.runtime.writer import Writer
from tiledmap.sinks.memory import MemorySink

RUNS = [f"run-{number}" for number in range(20)]
MOST = 3


class Absent(MemorySink):
    """A sink that is away until it is told to be there."""

    is_there = False

    def perform(self, op: Op) -> None:
        if not self.is_there:
            raise SinkError("away", op, transient=True)
        super().perform(op)


def open_files(directory: Path) -> int:
    targets = []
    for fd in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # another thread has closed it meanwhile
            targets.append(os.readlink(f"/proc/self/fd/{fd}"))
    return sum(target.startswith(str(directory)) for target in targets)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no /proc")
@pytest.mark.parametrize("is_restarted", [False, True])
def test_few_files_are_open_however_many_runs_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_restarted: bool
) -> None:
    monkeypatch.setattr(courier, "_MOST_JOURNEYS", MOST)
    sink = Absent()
    options: dict[str, Any] = {"fallback": LAYOUT, "spool": tmp_path}
    writer = Writer(LAYOUT, sink, **options)
    for run in RUNS:
        for name, document in numbers(run):
            writer(name, document)
    if is_restarted:
        writer.close(timeout=0)
        writer = Writer(LAYOUT, sink, **options)
    files = open_files(tmp_path)
    assert MOST <= files <= MOST + 4  # and the directory, and the writer's status
    assert writer.status().queue_bytes > 0
    sink.is_there = True
    assert writer.flush()
    assert sorted(path[0] for path in sink.tree if len(path) == 1) == sorted(RUNS)
    for run in RUNS:
        rows = sink.tree[run, "primary", "internal"].rows
        assert rows is not None
        assert rows["x"].to_pylist() == NUMBERS
        assert sink.tree[(run,)].closed
    writer.close()
    assert list(tmp_path.iterdir()) == []


def runs_in(sink: MemorySink) -> list[str]:
    return sorted(path[0] for path in sink.tree if len(path) == 1)


def test_runs_without_an_end_keep_no_others_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "_MOST_JOURNEYS", MOST)
    options: dict[str, Any] = {"fallback": LAYOUT, "spool": tmp_path}
    writer = Writer(LAYOUT, Absent(), **options)
    dead = [f"dead-{number}" for number in range(2 * MOST)]
    for run in dead:
        for name, document in [*numbers(run)][:3]:
            writer(name, document)
    writer.close(timeout=0)
    sink = Absent()
    sink.is_there = True
    with Writer(LAYOUT, sink, **options) as writer:
        for run in RUNS:
            for name, document in numbers(run):
                writer(name, document)
        assert writer.flush(GUARD)
        assert runs_in(sink) == sorted([*dead, *RUNS])
    assert len(list(tmp_path.glob("*.journal"))) == len(dead)


def test_a_run_that_someone_looks_at_while_it_is_its_turn_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "_MOST_JOURNEYS", MOST)
    monkeypatch.setattr(courier, "_FIRST_DELAY", 0.05)
    sink = Absent()
    with Writer(LAYOUT, sink, fallback=LAYOUT, spool=tmp_path) as writer:
        for run in RUNS:
            for name, document in numbers(run):
                writer(name, document)
        other = Spool(tmp_path)
        looked_at = list(other.leftovers())
        assert len(looked_at) > len(RUNS) / 2  # the rest is under way
        sink.is_there = True
        assert not writer.flush(1.0)
        for journal in looked_at:
            journal.close()
        other.close()
        assert writer.flush(GUARD)
        assert runs_in(sink) == sorted(RUNS)
    assert list(tmp_path.iterdir()) == []
