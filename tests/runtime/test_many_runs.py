import os
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.layouts import LAYOUT, NUMBERS, numbers
from tiledmap.runtime import courier
from tiledmap.runtime.errors import SinkError
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
    links = [Path("/proc/self/fd", fd) for fd in os.listdir("/proc/self/fd")]
    targets = [os.readlink(link) for link in links if link.is_symlink()]
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
