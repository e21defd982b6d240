"""Writers in processes that end, fork, are spawned, or are killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tiledmap
from tests.conftest import Server
from tests.runtime.layouts import NUMBERS, numbers
from tests.runtime.sinks import GUARD
from tiledmap.runtime.journal import survey
from tiledmap.sinks.embedded import open_catalog

ROOT = Path(__file__).parents[2]

BEGINNING = """
import multiprocessing, os, sys
from pathlib import Path
import tiledmap
from tests.runtime.layouts import numbers
from tiledmap.sinks.embedded import open_catalog

def connect(uri, api_key):
    from tiled.client import from_uri
    return from_uri(uri, api_key=api_key)

def send(writer, uid, first=0, last=None):
    for name, document in list(numbers(uid))[first:last]:
        writer(name, document)

MAPPING = tiledmap.load("bluesky-v3")
"""


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own, and wait for its end."""
    return subprocess.run(
        [sys.executable, "-c", BEGINNING + code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=4 * GUARD,
    )


def values(client: Any, uid: str) -> list[float]:
    """What is stored of a run that has ended."""
    assert "stop" in client[uid].metadata
    column: list[float] = client[uid]["primary", "internal"].read()["x"].to_list()
    return column


@pytest.mark.parametrize("delivery", ["background", "inline"])
def test_what_waits_is_written_when_the_interpreter_ends(tmp_path: Path, delivery: str) -> None:
    code = """
client = open_catalog(sys.argv[1]).client
options = {"flush_seconds": 3600, "close_unfinished": True}
writer = MAPPING.writer(client, delivery=sys.argv[2], **options)
send(writer, "run-1", last=-1)
"""
    ended = run(code, tmp_path / "catalog", delivery)
    assert (ended.returncode, ended.stderr) == (0, "")
    with open_catalog(tmp_path / "catalog") as catalog:
        assert values(catalog.client, "run-1") == NUMBERS


def test_what_waits_for_a_server_is_written_when_the_interpreter_ends(
    server: Server, served: Any
) -> None:
    ended = run(
        """
writer = MAPPING.writer(connect(*sys.argv[1:]))
send(writer, "run-1")
""",
        served.uri,
        server.api_key,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert values(served, "run-1") == NUMBERS


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_that_python_starts_have_writers_of_their_own(
    server: Server, served: Any, tmp_path: Path, method: str
) -> None:
    script = tmp_path / "script.py"
    code = """
def work(uid, uri, api_key, spool):
    send(MAPPING.writer(connect(uri, api_key), spool=spool), uid)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    processes = [context.Process(target=work, args=(uid, *sys.argv[2:])) for uid in ("a", "b")]
    for process in processes: process.start()
    for process in processes: process.join()
    print([process.exitcode for process in processes])
"""
    script.write_text(BEGINNING + code)
    command = [script, method, served.uri, server.api_key, tmp_path / "spool"]
    ended = subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=4 * GUARD,
    )
    assert (ended.stdout, ended.stderr) == ("[0, 0]\n", "")
    assert values(served, "a") == values(served, "b") == NUMBERS
    assert survey(tmp_path / "spool") == []


FORK = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of forks where there are threads

writer = MAPPING.writer(connect(*sys.argv[1:3]), spool=sys.argv[3])
send(writer, "parent", last=4)
assert writer.flush(60)
child = os.fork()
"""


def test_a_forked_process_leaves_its_parents_runs_alone_and_writes_its_own(
    server: Server, served: Any, tmp_path: Path
) -> None:
    code = """
if child == 0:
    assert writer.flush() and writer.close()
    assert writer.status().runs_open == ()
    send(writer, "child")
    os._exit(0 if writer.close() else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
send(writer, "parent", first=4)
"""
    ended = run(FORK + code, served.uri, server.api_key, tmp_path / "spool")
    assert (ended.stdout, ended.stderr) == ("0\n", "")
    assert values(served, "parent") == values(served, "child") == NUMBERS
    assert survey(tmp_path / "spool") == []


def test_a_spool_is_free_when_its_writer_is_killed_though_a_forked_process_lives(
    server: Server, served: Any, tmp_path: Path
) -> None:
    code = """
if child == 0:
    import time
    os.close(1); os.close(2)
    time.sleep(3600)
print(child, flush=True)
os.kill(os.getpid(), 9)
"""
    ended = run(FORK + code, served.uri, server.api_key, tmp_path / "spool")
    try:
        assert ended.returncode == -signal.SIGKILL
        assert [journal.run for journal in survey(tmp_path / "spool")] == ["parent"]
        mapping = tiledmap.load("bluesky-v3")
        with mapping.writer(served, spool=tmp_path / "spool") as writer:
            for name, document in list(numbers("parent"))[4:]:
                writer(name, document)
            assert writer.flush(GUARD)
    finally:
        os.kill(int(ended.stdout), signal.SIGKILL)
    assert values(served, "parent") == NUMBERS
    assert survey(tmp_path / "spool") == []
