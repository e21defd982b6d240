"""Two writers of one run: one writes it, the other is told who does."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.sinks.test_lost_answers import line_to
from tests.sinks.test_tiled import (
    UID,
    WHOLE_RUN,
    WHOLE_TREE,
    close,
    patch,
    perform,
    requests_of,
    rows,
    run_container,
    stream_container,
    table,
    tree,
    while_asking,
)
from tiledmap.runtime.errors import BusyRunError, SinkError
from tiledmap.runtime.ops import CreateContainer, Op
from tiledmap.sinks.embedded import EmbeddedCatalog
from tiledmap.sinks.tiled import TiledSink
from tiledmap.sinks.tiled.claims import Claim

BEGINNING: tuple[Op, ...] = (run_container(), stream_container())

OTHER_WRITER = """
import sys
from tests.sinks.test_tiled import rows, run_container, stream_container, table
from tiled.client import from_uri
from tiledmap.sinks.tiled import TiledSink

sink = TiledSink(from_uri(sys.argv[1], api_key=sys.argv[2]))
for op in (run_container(), stream_container(), table(), rows(0, 2)):
    sink.perform(op)
print("written", flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=["catalog", "served"])
def client(request: pytest.FixtureRequest) -> Any:
    """A client of an empty container, in the process or served."""
    catalog = request.getfixturevalue(request.param)
    return catalog.client if isinstance(catalog, EmbeddedCatalog) else catalog


@contextmanager
def other_writer(server: Server, client: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that has written the beginning of the run, and waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER_WRITER, client.uri, server.api_key],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "written\n"
        yield process
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


def held_by(catalog: EmbeddedCatalog, **changes: Any) -> CreateContainer:
    """The container of a run that a writer elsewhere is writing."""
    claim = {**asdict(Claim.make("theirs")), **changes}
    metadata = {**run_container().metadata, "tiledmap": {"writer": claim}}
    perform(catalog.client, replace(run_container(), metadata=metadata))
    return run_container()


def test_a_run_says_who_writes_it_until_it_is_closed(catalog: EmbeddedCatalog) -> None:
    sink = TiledSink(catalog.client)
    sink.claim(UID, "journal-1")
    sink.perform(run_container())
    writer = catalog.client[UID].metadata["tiledmap"]["writer"]
    assert (writer["id"], writer["pid"]) == ("journal-1", os.getpid())
    sink.perform(close())
    assert catalog.client[UID].metadata == {**run_container().metadata, **close().patch}


def test_a_run_that_a_live_sink_writes_is_busy(catalog: EmbeddedCatalog) -> None:
    live = perform(catalog.client, *BEGINNING)
    with pytest.raises(BusyRunError, match=f"written by process {os.getpid()} on ") as caught:
        perform(catalog.client, run_container())
    assert not caught.value.transient
    assert "tiledmap" in caught.value.hint
    for op in (table(), rows(0, 2), close()):
        live.perform(op)
    assert len(catalog.client[UID, "primary", "internal"].read()) == 2


def test_a_sink_that_was_dropped_keeps_nobody_out(catalog: EmbeddedCatalog) -> None:
    perform(catalog.client, *WHOLE_RUN[:9])
    perform(catalog.client, *WHOLE_RUN)
    assert tree(catalog.client) == WHOLE_TREE


def test_a_released_run_is_anyone_s(catalog: EmbeddedCatalog) -> None:
    sink = perform(catalog.client, *BEGINNING)
    with requests_of(catalog.client) as made:
        sink.release(UID)
    assert [request.method for request in made] == ["PATCH"]
    assert "tiledmap" not in catalog.client[UID].metadata
    other = perform(catalog.client, *BEGINNING)
    with pytest.raises(SinkError, match="was not created"):
        sink.perform(patch({"x": 1}))
    other.perform(close())


def test_a_run_is_forgotten_even_if_its_release_does_not_arrive(catalog: EmbeddedCatalog) -> None:
    sink = perform(catalog.client, *BEGINNING)
    with line_to(catalog.client, 0, "request"):
        sink.release(UID)
    assert "tiledmap" in catalog.client[UID].metadata
    perform(catalog.client, *BEGINNING, close())
    assert "tiledmap" not in catalog.client[UID].metadata


def test_whoever_has_the_run_s_journal_goes_on_with_it(catalog: EmbeddedCatalog) -> None:
    before = held_by(catalog, id="journal-1", pid=1)
    sink = TiledSink(catalog.client)
    sink.claim(UID, "journal-1")
    sink.perform(before)
    assert catalog.client[UID].metadata["tiledmap"]["writer"]["pid"] == os.getpid()


@pytest.mark.parametrize(
    "changes",
    [{"host": "beamline-2"}, {"pid": os.getppid(), "started": None}],
    ids=["another host", "a process whose beginning is not known"],
)
def test_a_writer_that_may_be_alive_keeps_the_run(
    catalog: EmbeddedCatalog, changes: dict[str, Any]
) -> None:
    op = held_by(catalog, **changes)
    with pytest.raises(BusyRunError):
        perform(catalog.client, op)


@pytest.mark.parametrize(
    "changes",
    [{"pid": 2**22 + 1}, {"pid": os.getppid(), "started": 1.0}, {"started": 1.0}, {"pid": 2**62}],
    ids=["no process", "another process of that number", "this number, before", "no number"],
)
def test_a_dead_writer_s_run_is_taken_over(
    catalog: EmbeddedCatalog, changes: dict[str, Any]
) -> None:
    perform(catalog.client, held_by(catalog, **changes), close())
    assert "tiledmap" not in catalog.client[UID].metadata


@pytest.mark.parametrize("own", [1, {"writer": 2}, {"writer": {"id": "x"}}, []], ids=json.dumps)
def test_metadata_of_that_name_that_are_the_run_s_stay(catalog: EmbeddedCatalog, own: Any) -> None:
    metadata = {**run_container().metadata, "tiledmap": own}
    for _ in range(2):
        perform(catalog.client, replace(run_container(), metadata=metadata), close())
    assert catalog.client[UID].metadata == {**metadata, **close().patch}


@pytest.mark.parametrize("died", [True, False], ids=["from a dead writer", "from nobody"])
def test_of_two_that_take_a_run_over_at_once_one_has_it(client: Any, died: bool) -> None:
    """The second comes between the first's look at the run and its claim."""
    first = perform(client, *BEGINNING)
    if not died:
        first.release(UID)
    del first
    second, patches = TiledSink(client), 0

    def interrupt(request: httpx.Request) -> None:
        nonlocal patches
        patches += request.method == "PATCH"
        if request.method == "PATCH" and patches == 1:
            second.perform(run_container())

    with while_asking(client, interrupt), pytest.raises(BusyRunError):
        perform(client, run_container())
    assert client[UID].metadata["tiledmap"]["writer"]["id"] == second._claims[UID].id
    second.perform(close())


def test_another_process_that_lives_keeps_the_run(server: Server, served: Any) -> None:
    with other_writer(server, served) as process:
        with pytest.raises(BusyRunError, match=f"process {process.pid} on .*, which began 20"):
            perform(served, run_container())
        perform(served, replace(run_container(), run="other", path=("other",)))


def test_a_replay_goes_on_where_a_killed_process_ended(server: Server, served: Any) -> None:
    with other_writer(server, served) as process:
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        perform(served, *WHOLE_RUN)  # the process has ended, though its parent has not reaped it
    assert tree(served) == WHOLE_TREE


def test_a_forked_process_leaves_the_runs_of_its_parent_alone(server: Server, served: Any) -> None:
    sink = perform(served, *BEGINNING, table())
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = []
        for op in (rows(0, 2), run_container(), replace(run_container(), path=("x",), run="x")):
            try:
                sink.perform(op)
            except SinkError as error:
                said.append(type(error).__name__)
            else:
                said.append("done")
        os.write(writer, json.dumps(said).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert json.load(pipe) == ["SinkError", "BusyRunError", "done"]
    sink.perform(rows(0, 2))
    sink.perform(close())
    assert len(served[UID, "primary", "internal"].read()) == 2


def test_a_writer_among_other_processes_may_be_alive(catalog: EmbeddedCatalog) -> None:
    """As in a container that has this host's name: its numbers of processes mean others here."""
    gone = {"pid": 2**22 + 1, "started": 0.0}
    here = Claim.make("here").namespace
    assert here is not None
    begin = held_by(catalog, **gone, namespace=here + 1)
    with pytest.raises(BusyRunError):
        perform(catalog.client, begin)


@pytest.mark.parametrize("namespace", [{}, {"namespace": None}, {"namespace": "mine"}])
def test_a_claim_that_does_not_say_among_which_processes_counts_as_one_of_these(
    namespace: dict[str, Any],
) -> None:
    said = {"id": "theirs", "host": socket.gethostname(), "pid": 2**22 + 1, "started": 0.0}
    claim = Claim.read({"tiledmap": {"writer": {**said, **namespace}}})
    assert claim is not None
    assert not claim.may_be_alive()
