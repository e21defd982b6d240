"""Two Tiled servers on one PostgreSQL and one Redis: what one takes, the other shows and tells."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from bluesky_tiled_plugins.streaming import BlueskyStreamUpdate, subscribe_to_streams
from event_model import compose_run
from tiled.client import from_uri

import tiledmap
from tests.conftest import Server, serve
from tests.databases import init_catalog, run_redis
from tests.parity.snapshot import snapshot
from tests.waiting import wait_for
from tiledmap.sinks.tiled import TiledSink

NamedDocument = tuple[str, dict[str, Any]]
Start = Callable[[], Any]

# Of the way in which Tiled's client calls websockets.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager")

MAPPING = tiledmap.load("bluesky-v3")
DELIVERIES = pytest.mark.parametrize("delivery", ["inline", "background"])
SCALAR = {"source": "sim", "dtype": "number", "shape": [], "dtype_numpy": "<f8"}
IMAGE = {"source": "sim", "dtype": "array", "shape": [8, 8], "dtype_numpy": "<i4"}


@pytest.fixture(scope="module")
def start_replica(
    postgresql: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Any]]:
    """Start one more Tiled server on the same databases, as a context."""
    home = tmp_path_factory.mktemp("replicas")
    catalog, tables = postgresql("replicas_catalog"), postgresql("replicas_tables")
    init_catalog(catalog)
    with run_redis() as redis:
        config = f"""\
catalog:
  uri: {catalog}
  writable_storage: ["{home}/data", "{tables}"]
streaming_cache: {{uri: "{redis}"}}
"""

        def start() -> Any:
            return serve(tmp_path_factory.mktemp("replica"), config, "--scalable")

        yield start


@pytest.fixture(scope="module")
def lasting(start_replica: Start) -> Iterator[Server]:
    """The replica that readers use."""
    with start_replica() as server:
        yield server


@pytest.fixture(scope="module")
def other(start_replica: Start) -> Iterator[Server]:
    """The replica that runs are written through."""
    with start_replica() as server:
        yield server


@contextmanager
def connected(server: Server, *path: str) -> Iterator[Any]:
    """A client of one replica, of the node at `path`."""
    client = from_uri("/".join((server.uri, "metadata", *path)), api_key=server.api_key)
    yield client
    client.context.close()


@contextmanager
def container(server: Server) -> Iterator[str]:
    """The key of a new container, which is gone in the end."""
    key = f"test-{uuid4().hex}"
    with connected(server) as client:
        client.create_container(key)
        yield key
        client.delete_contents(key, recursive=True, external_only=False)


def run_of(rows: int) -> list[NamedDocument]:
    """A run with a number, which goes to a table, and an image, which goes to an array."""
    run = compose_run(metadata={"plan_name": "count"})
    stream = run.compose_descriptor(name="primary", data_keys={"I0": SCALAR, "camera": IMAGE})
    events = [
        stream.compose_event(
            data={"I0": float(row), "camera": np.full((8, 8), row).tolist()},
            timestamps={"I0": float(row), "camera": float(row)},
        )
        for row in range(rows)
    ]
    return [
        ("start", dict(run.start_doc)),
        ("descriptor", dict(stream.descriptor_doc)),
        *(("event", dict(event)) for event in events),
        ("stop", dict(run.compose_stop())),
    ]


def write(client: Any, documents: Sequence[NamedDocument]) -> None:
    """Write documents, and tell those who follow a run when it has ended."""
    sink = TiledSink(client, close_streams=True)
    with MAPPING.writer(sink, flush_rows=1, on_error="raise") as writer:
        for name, document in documents:
            writer(name, document)


def rows_of(container: Any, uid: str) -> tuple[list[float], int] | None:
    """The numbers of a run's table, and the length of its array; None where one is not there."""
    try:
        stream = container[uid]["primary"].base
        return list(stream["internal"].read()["I0"]), len(stream["camera"])
    except KeyError:
        return None


@DELIVERIES
def test_rows_written_through_one_replica_are_read_and_followed_through_another(
    other: Server, lasting: Server, delivery: str
) -> None:
    documents = run_of(5)
    uid = documents[0][1]["uid"]
    followed: dict[str, list[Any]] = {"I0": [], "camera": []}
    ended = threading.Event()

    def follow(update: BlueskyStreamUpdate) -> None:
        data = update.data()
        for key in update.data_keys:
            followed[key] += data[key].tolist() if key == "I0" else data[:, 0, 0].tolist()

    def end(_: Any) -> None:
        ended.set()

    with (
        container(lasting) as key,
        connected(other, key) as through_other,
        connected(lasting, key) as reader,
        subscribe_to_streams(reader, follow, streams=None),
        MAPPING.writer(
            TiledSink(through_other, close_streams=True),
            delivery=delivery,
            flush_rows=1,
            on_error="raise",
        ) as writer,
    ):
        for name, document in documents[:3]:
            writer(name, document)
        wait_for(lambda: rows_of(reader, uid) == ([0.0], 1))
        table = reader[uid]["primary"].base["internal"].subscribe()
        table.stream_closed.add_callback(end)
        table.start_in_thread()
        for row, (name, document) in enumerate(documents[3:-1], start=2):
            writer(name, document)
            expected = [float(number) for number in range(row)], row
            wait_for(lambda expected=expected: rows_of(reader, uid) == expected)
        assert not ended.is_set()
        writer(*documents[-1])
        wait_for(ended.is_set)
        wait_for(lambda: followed == {"I0": [0.0, 1.0, 2.0, 3.0, 4.0], "camera": [0, 1, 2, 3, 4]})
        assert reader[uid].stop["exit_status"] == "success"


def test_a_replay_through_another_replica_changes_nothing(other: Server, lasting: Server) -> None:
    documents = run_of(5)
    uid = documents[0][1]["uid"]
    with (
        container(lasting) as key,
        connected(other, key) as through_other,
        connected(lasting, key) as through_lasting,
    ):
        write(through_other, documents)
        before = snapshot(through_other)
        write(through_lasting, documents)
        assert list(before["children"]) == [uid]
        assert snapshot(through_other) == snapshot(through_lasting) == before


@DELIVERIES
def test_a_run_whose_replica_was_killed_is_completed_through_another(
    start_replica: Start, lasting: Server, delivery: str
) -> None:
    documents = run_of(6)
    uid = documents[0][1]["uid"]
    beginning = [0.0, 1.0, 2.0], 3
    with (
        container(lasting) as clean,
        container(lasting) as torn,
        connected(lasting, clean) as clean_client,
        connected(lasting, torn) as torn_client,
    ):
        write(clean_client, documents)
        with start_replica() as killed, connected(killed, torn) as client:
            sink = TiledSink(client, close_streams=True, patience=0)
            writer = MAPPING.writer(sink, delivery=delivery, flush_rows=1)
            for name, document in documents[:5]:
                writer(name, document)
            wait_for(lambda: rows_of(torn_client, uid) == beginning)
            os.kill(killed.pid, signal.SIGKILL)
            for name, document in documents[5:]:
                writer(name, document)
            writer.close(timeout=1)
        assert rows_of(torn_client, uid) == beginning
        assert "stop" not in torn_client[uid].metadata

        write(torn_client, documents)

        assert snapshot(torn_client) == snapshot(clean_client)
