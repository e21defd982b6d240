"""Writers by a server's address, whether the server is there or not."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import tiledmap
from tests.conftest import Server, free_port, serve
from tests.runtime.layouts import NUMBERS, numbers
from tests.runtime.sinks import GUARD
from tests.runtime.test_processes import run, values
from tests.security.test_secrets import everything_in, tell, told_by
from tests.sinks.test_tiled import close, run_container
from tests.waiting import wait_for
from tiledmap.runtime import Writer
from tiledmap.runtime.errors import SinkError
from tiledmap.runtime.journal import survey
from tiledmap.sinks.distant import DistantSink
from tiledmap.sinks.embedded import open_catalog
from tiledmap.sinks.server import UnreachableError

MAPPING = tiledmap.load("bluesky-v3")
WRONG_KEY = "s3cret0key0that0nobody0may0see"


def send(writer: Writer, uid: str) -> None:
    for name, document in numbers(uid):
        writer(name, document)


@pytest.fixture
def sink(server: Server, served: Any) -> Iterator[DistantSink]:
    sink = DistantSink(served.uri, api_key=server.api_key)
    yield sink
    sink.close()


# A server that comes later


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The directory of a catalog with a container of a beamline in it."""
    home = tmp_path / "home"
    with open_catalog(home) as catalog:
        catalog.client.create_container("smi").create_container("raw")
    return home


def config(home: Path) -> str:
    return f"""\
catalog:
  uri: sqlite:///{home}/catalog.db
  writable_storage: ["{home}/data", "sqlite:///{home}/tables.db"]
"""


@pytest.mark.parametrize("with_spool", [True, False])
def test_a_writer_is_made_and_takes_documents_before_its_server_is_there(
    home: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    with_spool: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    key = "0123456789abcdef" * 2
    monkeypatch.setattr("secrets.token_hex", lambda size: key)
    port = free_port()
    address = f"http://127.0.0.1:{port}/api/v1/metadata/smi/raw"
    spool = tmp_path / "spool" if with_spool else None
    with MAPPING.writer(f"{address}?api_key={key}", spool=spool) as writer:
        assert [record.message for record in caplog.records if record.name == "tiledmap"] == [
            f"{address} cannot be reached: [Errno 111] Connection refused; "
            "documents are kept, and written as soon as it is there"
        ]
        send(writer, "run-1")
        wait_for(lambda: writer.status().waiting_for)
        assert writer.status().server == address
        told = [tell(writer), tell(writer._sink), tell(writer.status()), everything_in(tmp_path)]
        with serve(home, config(home), port=port) as server:
            assert writer.flush(GUARD)
            told += [tell(writer._sink), *map(told_by, caplog.records)]
            container = server.connect()["smi", "raw"]
            assert writer._sink.uri == container.uri == address
            assert values(container, "run-1") == NUMBERS
            container.context.close()
            writer.close()
    assert key not in "".join(told)
    assert not with_spool or survey(tmp_path / "spool") == []


def test_an_op_says_that_the_server_is_away(caplog: pytest.LogCaptureFixture) -> None:
    sink = DistantSink(f"http://127.0.0.1:{free_port()}?api_key={WRONG_KEY}")
    for act in (sink.perform, sink.discard, sink.validate_files):
        with pytest.raises(SinkError, match="cannot be reached") as caught:
            act(run_container())  # type: ignore[arg-type]  # no request comes of it
        assert caught.value.transient
    assert [record.levelname for record in caplog.records if record.name == "tiledmap"] == [
        "WARNING"
    ]
    assert WRONG_KEY not in f"{caplog.text} {caught.value} {sink!r} {vars(sink)}"


def test_who_writes_a_run_is_remembered_until_there_is_a_connection(
    server: Server, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UnreachableError("it is away", transient=True)

    with monkeypatch.context() as away:
        away.setattr("tiledmap.sinks.distant.connect", refuse)
        sink = DistantSink(served.uri, api_key=server.api_key)
        sink.claim("run-1", "journal-1")
        sink.claim("run-2", "journal-2")
        sink.release("run-2")
    sink.perform(run_container())
    sink.claim("run-3", "journal-3")
    assert sink._connection is not None
    known = sink._connection.sink._writers
    assert (known["run-1"], known["run-3"]) == ("journal-1", "journal-3")
    assert "run-2" not in known
    sink.close()


# What is wrong, and will be


def test_a_wrong_key_is_refused_when_the_writer_is_made(
    server: Server, served: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(UnreachableError, match="does not accept this API key") as caught:
        MAPPING.writer(served.uri, api_key=WRONG_KEY)
    assert WRONG_KEY not in f"{caplog.text} {caught.value}"


def test_a_wrong_address_is_refused_when_the_writer_is_made(server: Server, served: Any) -> None:
    with pytest.raises(UnreachableError, match="nothing there that this key may see"):
        MAPPING.writer(f"{served.uri}/nowhere", api_key=server.api_key)
    with MAPPING.writer(served.uri, api_key=server.api_key) as writer:
        send(writer, "run-1")
    with pytest.raises(UnreachableError, match="is no container for runs, but holds data: table"):
        MAPPING.writer(f"{served.uri}/run-1/primary/internal", api_key=server.api_key)


def test_who_writes_at_once_needs_the_server(server: Server, served: Any) -> None:
    with pytest.raises(UnreachableError, match="cannot be reached"):
        MAPPING.writer(f"http://127.0.0.1:{free_port()}", delivery="inline")
    with MAPPING.writer(served.uri, api_key=server.api_key, delivery="inline") as writer:
        send(writer, "run-1")
    assert values(served, "run-1") == NUMBERS


def test_a_server_that_refuses_later_ends_the_wait(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UnreachableError("it is away", transient=True)

    with monkeypatch.context() as away:
        away.setattr("tiledmap.sinks.distant.connect", refuse)
        sink = DistantSink(served.uri, api_key=WRONG_KEY)
    with pytest.raises(SinkError, match="does not accept this API key") as caught:
        sink.perform(run_container())
    assert not caught.value.transient


# Its end, and going on


def test_a_writer_that_was_closed_connects_again(server: Server, served: Any) -> None:
    writer = MAPPING.writer(served.uri, api_key=server.api_key)
    clients = []
    for uid in ("run-1", "run-2"):
        send(writer, uid)
        assert writer.flush(GUARD)
        clients.append(writer._sink._connection._context.http_client)
        writer.close()
        assert clients[-1].is_closed
    assert clients[0] is not clients[1]
    assert values(served, "run-1") == values(served, "run-2") == NUMBERS


def test_a_client_is_not_closed_under_an_op(sink: DistantSink) -> None:
    sink.perform(run_container())
    assert sink._connection is not None
    http = sink._connection._context.http_client
    transport, begun, may_go_on = http._transport, threading.Event(), threading.Event()

    def late(request: httpx.Request) -> httpx.Response:
        begun.set()
        assert may_go_on.wait(GUARD)
        return httpx.Response(503, request=request)

    http._transport = httpx.MockTransport(late)
    sink._connection.sink._patience = 0
    failures: list[SinkError] = []

    def perform() -> None:
        try:
            sink.perform(close())
        except SinkError as error:
            failures.append(error)

    thread = threading.Thread(target=perform)
    thread.start()
    assert begun.wait(GUARD)
    sink.close()
    assert not http.is_closed
    may_go_on.set()
    thread.join(GUARD)
    assert http.is_closed
    assert [failure.transient for failure in failures] == [True]
    transport.close()


FORKED = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of forks where there are threads

uri, api_key, spool, comes = sys.argv[1:]
writer = MAPPING.writer(uri, api_key=api_key, spool=spool)
if comes == "after a run":
    send(writer, "parent", last=4)
    assert writer.flush(60)
parents = writer._sink._connection
child = os.fork()
if child == 0:
    send(writer, "child")
    ok = writer.flush(60) and writer._sink._connection is not parents
    os._exit(0 if writer.close() and ok else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
send(writer, "parent", first=4 if comes == "after a run" else 0)
assert writer.flush(60) and writer._sink._connection is parents
"""


@pytest.mark.parametrize("comes", ["first", "after a run"])
def test_a_forked_process_has_a_client_of_its_own(
    server: Server, served: Any, tmp_path: Path, comes: str
) -> None:
    ended = run(FORKED, served.uri, server.api_key, tmp_path / "spool", comes)
    assert (ended.stdout, ended.stderr) == ("0\n", "")
    assert values(served, "parent") == values(served, "child") == NUMBERS
    assert survey(tmp_path / "spool") == []
