"""An embedded catalog is a Tiled catalog like any other, without a server."""

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tiledmap.runtime.ops import AppendRows, CloseRun, CreateContainer, CreateTable, Spec
from tiledmap.sinks.embedded import EmbeddedCatalog, open_catalog
from tiledmap.sinks.tiled import TiledSink

SCHEMA = pa.schema([("seq_num", pa.int64()), ("x", pa.float64())])


def store_table(sink: TiledSink, run: str, batches: int, size: int) -> None:
    """Store a run with one table of `batches` batches of `size` rows."""
    sink.perform(
        CreateContainer(run=run, path=(run,), at="m.yaml:1", metadata={"start": {"uid": run}})
    )
    table = (run, "internal")
    sink.perform(CreateTable(run=run, path=table, at="m.yaml:2", metadata={}, schema=SCHEMA))
    for first in range(0, batches * size, size):
        numbers = np.arange(first, first + size)
        rows = pa.record_batch([numbers, numbers / 2], schema=SCHEMA)
        sink.perform(AppendRows(run=run, path=table, at="m.yaml:3", rows=rows, first=first))
    sink.perform(CloseRun(run=run, path=(run,), at="m.yaml:4", patch={"stop": {"uid": "s"}}))


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    with open_catalog(tmp_path) as catalog:
        catalog.client.create_container("a", metadata={"colour": "blue"})
        catalog.client["a"].write_array(np.arange(6).reshape(2, 3), key="counts")
        store_table(TiledSink(catalog.client), "run", batches=1, size=3)
    with open_catalog(tmp_path) as catalog:
        assert catalog.client["a"].metadata["colour"] == "blue"
        assert catalog.client["a/counts"].read().tolist() == [[0, 1, 2], [3, 4, 5]]
        assert list(catalog.client["run/internal"].read()["seq_num"]) == [0, 1, 2]


def test_it_lives_in_one_directory(tmp_path: Path) -> None:
    home = tmp_path / "not yet there" / "100% mine"
    with open_catalog(home) as catalog:
        store_table(TiledSink(catalog.client), "run", batches=1, size=1)
        catalog.client.write_array(np.ones(3), key="ones")
        assert catalog.client["ones"].read().tolist() == [1, 1, 1]
    assert {"catalog.db", "tables.db", "data"} <= {entry.name for entry in home.iterdir()}
    assert not [entry for entry in home.iterdir() if entry.name.startswith(".")]


def test_it_opens_inside_a_running_event_loop(tmp_path: Path) -> None:
    async def notebook_cell() -> list[str]:
        with open_catalog(tmp_path) as catalog:
            catalog.client.create_container("a")
            return list(catalog.client)

    assert asyncio.run(notebook_cell()) == ["a"]


def test_it_says_what_it_is(tmp_path: Path) -> None:
    catalog = open_catalog(tmp_path)
    assert repr(catalog) == f"<EmbeddedCatalog '{tmp_path}' sqlite>"
    catalog.close()
    catalog.close()
    assert repr(catalog) == f"<EmbeddedCatalog '{tmp_path}' sqlite closed>"


def test_an_unknown_storage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'sqlite' or 'duckdb', not 'oracle'"):
        open_catalog(tmp_path, storage="oracle")  # type: ignore[arg-type]


def test_tables_of_both_databases_are_read_whichever_is_used_now(tmp_path: Path) -> None:
    with open_catalog(tmp_path, storage="duckdb") as catalog:
        store_table(TiledSink(catalog.client), "old", batches=1, size=2)
    with open_catalog(tmp_path) as catalog:
        store_table(TiledSink(catalog.client), "new", batches=1, size=3)
        assert [len(catalog.client[run, "internal"].read()) for run in ("old", "new")] == [2, 3]


def test_files_of_readable_storage_can_be_read(tmp_path: Path) -> None:
    detector = tmp_path / "detector"
    detector.mkdir()
    (detector / "a.csv").write_text("x\n1\n2\n")
    from tiled.client.register import register

    with open_catalog(tmp_path / "catalog", readable_storage=[detector]) as catalog:
        asyncio.run(register(catalog.client, detector / "a.csv"))
        assert list(catalog.client["a"].read()["x"]) == [1, 2]


def test_runs_give_back_their_documents(catalog: EmbeddedCatalog) -> None:
    sink = TiledSink(catalog.client)
    start = {"uid": "r" * 36, "time": 1.0, "scan_id": 1}
    stop = {"uid": "s", "time": 2.0, "run_start": "r" * 36, "exit_status": "success"}
    run = start["uid"]
    sink.perform(
        CreateContainer(
            run=run,
            path=(run,),
            at="m.yaml:1",
            metadata={"start": start},
            specs=(Spec("BlueskyRun", "3.0"),),
        )
    )
    sink.perform(CloseRun(run=run, path=(run,), at="m.yaml:2", patch={"stop": stop}))
    documents = list(catalog.client[run].documents())
    assert [name for name, _ in documents] == ["start", "stop"]
    assert documents[-1][1]["exit_status"] == "success"


def test_a_table_can_be_read_while_it_is_written(catalog: EmbeddedCatalog) -> None:
    batches, size = 60, 5
    lengths: list[int] = []
    done = threading.Event()

    def read_repeatedly() -> None:
        while not done.is_set():
            if "run" in catalog.client and "internal" in catalog.client["run"]:
                numbers = catalog.client["run/internal"].read()["seq_num"]
                assert list(numbers) == list(range(len(numbers)))
                lengths.append(len(numbers))

    with ThreadPoolExecutor(max_workers=1) as thread:
        reader = thread.submit(read_repeatedly)
        try:
            store_table(TiledSink(catalog.client), "run", batches, size)
        finally:
            done.set()
        reader.result()
    assert lengths == sorted(lengths)
    assert len(set(lengths)) > 2
    assert len(catalog.client["run/internal"].read()) == batches * size


WRITE_TWENTY = """
import sys
sys.path.insert(0, {tests!r})
from test_embedded import store_table
from tiledmap.sinks.embedded import open_catalog
from tiledmap.sinks.tiled import TiledSink
with open_catalog(sys.argv[1]) as catalog:
    store_table(TiledSink(catalog.client, patience=60), sys.argv[2], 20, 5)
"""


def test_two_processes_can_write_to_one_directory(tmp_path: Path) -> None:
    program = WRITE_TWENTY.format(tests=str(Path(__file__).parent))
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), run]) for run in "ab"
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    with open_catalog(tmp_path) as catalog:
        for run in "ab":
            assert list(catalog.client[run, "internal"].read()["seq_num"]) == list(range(100))
            assert catalog.client[run].metadata["stop"] == {"uid": "s"}


def test_a_missing_server_is_explained(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['tiled.server.app'] = None\n"
        "from tiledmap.sinks.embedded import open_catalog\n"
        "open_catalog(sys.argv[1])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True
    )
    assert "pip install 'tiledmap[server]'" in answer.stderr
    assert not list(tmp_path.iterdir())
