"""What comes of one request: success, or an error that says what it is worth to try again."""

import os
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import ALL_SCOPES, Server, serve
from tests.model.tiled import OF_TILED, TiledModel, connect
from tests.model.world import Clock
from tests.sinks.test_files import register, sequence, update
from tests.sinks.test_tiled import (
    close,
    patch,
    rows,
    run_container,
    stored,
    stream_container,
    table,
)
from tiledmap.runtime.errors import DoubledRowsError, SinkError
from tiledmap.runtime.ops import Op
from tiledmap.runtime.waiting import Waiting
from tiledmap.sinks.embedded import EmbeddedCatalog, open_catalog
from tiledmap.sinks.tiled import TiledSink
from tiledmap.sinks.tiled import sink as sink_module
from tiledmap.sinks.tiled.requests import LONGEST_PAUSE, LONGEST_WORDS, RequestError, Requests

KEY = "5ecre7" * 6


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> Requests:
    headers = {"Authorization": f"Apikey {KEY}"}
    return Requests(httpx.Client(transport=httpx.MockTransport(answer), headers=headers))


def error_of(status: int, detail: Any = "no", **headers: str) -> RequestError:
    requests = answering(
        lambda request: httpx.Response(status, json={"detail": detail}, headers=headers)
    )
    with pytest.raises(RequestError) as caught:
        requests.ask("GET", "http://tiled/")
    return caught.value


@pytest.mark.parametrize(
    ("status", "transient", "lost"),
    [
        (400, False, False),
        (401, False, False),
        (403, False, False),
        (404, False, False),
        (408, True, False),
        (409, False, False),
        (422, False, False),
        (425, True, False),
        (429, True, False),
        (500, True, True),
        (502, True, True),
        (503, True, True),
        (504, True, True),
        (507, True, True),
        (520, True, True),
        (524, True, True),
    ],
)
def test_waiting_helps_against_some_answers(status: int, transient: bool, lost: bool) -> None:
    error = error_of(status)
    assert (error.transient, error.lost) == (transient, lost)
    assert error.words == f"the server says {status}: no"


def test_a_500_of_tiled_is_a_refusal_and_one_of_a_proxy_is_none(served: Any) -> None:
    body = {"content-type": "application/json-patch+json", "specs": None, "access_tags": None}
    absent = {**body, "metadata": [{"op": "remove", "path": "/absent"}]}
    with pytest.raises(RequestError, match="its log has the cause under request") as caught:
        Requests(served.context.http_client).send("PATCH", served.uri, json=absent)
    assert (caught.value.status, caught.value.transient, caught.value.lost) == (500, False, False)
    error = error_of(500, **{"X-Tiled-Request-ID": ""})
    assert (error.transient, error.lost) == (False, False)


@pytest.mark.parametrize("status", [500, 520, 524])
def test_rows_to_which_a_proxy_answered_may_come_late(status: int) -> None:
    model, late = TiledModel(), list[httpx.Request]()

    def give_up(request: httpx.Request) -> httpx.Response:
        if "/table/" in request.url.path and not late:
            late.append(request)
            return httpx.Response(status, text="a time-out occurred")
        return model.handle_request(request)

    sink = TiledSink(connect(httpx.MockTransport(give_up)))
    for op in (run_container(), stream_container(), table(), rows(0, 2), rows(2, 3)):
        sink.perform(op)
    model.handle_request(late[0])
    with pytest.raises(DoubledRowsError, match="it holds 7 rows"):
        sink.perform(close())


@pytest.mark.parametrize("op", [rows(2, 3), patch({"more": 1}), close()], ids=lambda op: type(op))
def test_a_database_that_is_away_for_a_while_is_waited_for(
    op: Op, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiled answers 500 then, as it does to what it cannot store."""
    clock = Clock()
    monkeypatch.setattr(sink_module, "time", clock)
    model, away = TiledModel(), False

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(500, headers=OF_TILED) if away else model.handle_request(request)

    sink = TiledSink(connect(httpx.MockTransport(answer)))
    for each in (run_container(), stream_container(), table(), rows(0, 2)):
        sink.perform(each)
    away = True
    since, transient = clock.monotonic(), True
    while transient:
        with pytest.raises(SinkError) as caught:
            sink.perform(op)
        transient = caught.value.transient
    assert 60 < clock.monotonic() - since < 70
    away = False
    sink.perform(op)


def test_what_a_database_may_not_be_able_to_store_is_final_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sink_module, "time", Clock())
    model = TiledModel()

    def answer(request: httpx.Request) -> httpx.Response:
        if "/table/" in request.url.path:
            return httpx.Response(500, headers=OF_TILED)
        return model.handle_request(request)

    sink = TiledSink(connect(httpx.MockTransport(answer)))
    for op in (run_container(), stream_container(), table()):
        sink.perform(op)
    with pytest.raises(SinkError) as caught:
        sink.perform(rows(0, 2))
    assert not caught.value.transient


@pytest.mark.parametrize(
    ("failure", "lost"),
    [
        (httpx.ConnectError, False),
        (httpx.ConnectTimeout, False),
        (httpx.PoolTimeout, False),
        (httpx.ReadError, True),
        (httpx.ReadTimeout, True),
        (httpx.WriteError, True),
        (httpx.WriteTimeout, True),
        (httpx.RemoteProtocolError, True),
        (httpx.DecodingError, True),
    ],
)
def test_an_answer_that_does_not_come_may_come_yet(
    failure: type[httpx.RequestError], lost: bool
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise failure("went wrong", request=request)

    with pytest.raises(RequestError, match="went wrong") as caught:
        answering(fail).send("GET", "http://tiled/")
    assert caught.value.transient
    assert caught.value.lost == lost


@pytest.mark.parametrize("body", [b'{"half": ', b"<html>back soon</html>", b"\xff"])
def test_an_answer_that_cannot_be_read_is_lost(body: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        answering(lambda request: httpx.Response(200, content=body)).ask("GET", "http://tiled/")
    assert caught.value.transient
    assert caught.value.lost


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("1e9", LONGEST_PAUSE),
        ("-1", 0),
        ("nan", 0),
        ("soon", 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", LONGEST_PAUSE),
        ("", 0),
    ],
)
def test_a_server_is_left_alone_as_long_as_it_asks(retry_after: str, pause: float) -> None:
    assert error_of(429, **{"Retry-After": retry_after}).pause == pause


def test_a_longer_pause_than_there_is_patience_for_ends_the_tries(
    catalog: EmbeddedCatalog,
) -> None:
    http = catalog.client.context.http_client
    made = []

    def busy(request: httpx.Request) -> httpx.Response:
        made.append(request)
        return httpx.Response(503, headers={"Retry-After": "30"}, request=request)

    http._transport = httpx.MockTransport(busy)
    with pytest.raises(SinkError) as caught:
        TiledSink(catalog.client).perform(run_container())
    assert caught.value.transient
    assert caught.value.pause == 30
    assert len(made) == 1


def test_whoever_delivers_waits_as_long_as_a_server_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    waiting = Waiting()

    def wait(event: threading.Event, seconds: float | None = None) -> bool:
        waited.append(seconds or 0.0)
        return False

    monkeypatch.setattr(threading.Event, "wait", wait)
    waiting.wait(SinkError("busy", close(), transient=True, pause=30))
    waiting.wait(SinkError("busy", close(), transient=True))
    assert waited[0] == 30
    assert 0 < waited[1] < 1


# What is said


def test_a_hostile_server_s_words_are_bounded_and_on_one_line() -> None:
    words = error_of(400, "\x1b[2J\r\nroot:\u202e" + "x" * 10_000).words
    assert words.isprintable()
    assert len(words) < LONGEST_WORDS + 50


@pytest.mark.parametrize("status", [400, 401, 500, 503])
def test_no_key_is_passed_on(status: int) -> None:
    detail = f"http://tiled/api/v1/?api_key=other and Authorization: Apikey {KEY}, {KEY}"
    assert "other" not in error_of(status, detail).words
    assert KEY not in error_of(status, detail).words


def test_a_key_that_http_cannot_carry_is_not_quoted(server: Server) -> None:
    client = httpx.Client(headers={"Authorization": f"Apikey {KEY}\n"})
    with pytest.raises(RequestError) as caught:
        Requests(client).send("GET", server.uri)
    assert not caught.value.transient
    assert caught.value.__cause__ is None
    assert KEY not in caught.value.words


# Connections


@contextmanager
def scripted(*answers: bytes) -> Iterator[tuple[str, list[int]]]:
    """A server that gives each answer and hangs up; its address, and its visitors' ports."""
    visitors: list[int] = []

    def run(listener: socket.socket) -> None:
        for answer in answers:
            line, (_, port) = listener.accept()
            visitors.append(port)
            with line:
                line.recv(65536)
                line.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=run, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", visitors
        thread.join()


def test_after_a_hang_up_there_is_a_new_connection() -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    truncated = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}"
    garbled = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
    with scripted(b"", truncated, garbled, whole) as (uri, visitors), httpx.Client() as client:
        requests = Requests(client)
        for _ in range(3):
            with pytest.raises(RequestError) as caught:
                requests.ask("GET", uri)
            assert caught.value.lost
        assert requests.ask("GET", uri) == {}
    assert len(set(visitors)) == 4


def test_a_forked_process_has_connections_of_its_own(server: Server, served: Any) -> None:
    requests = Requests(served.context.http_client)
    requests.ask("GET", served.uri)
    before = _ports(served)
    child = os.fork()
    if child == 0:
        requests.ask("GET", served.uri)
        os._exit(0 if _ports(served).isdisjoint(before) else 1)
    assert os.waitpid(child, 0)[1] == 0
    requests.ask("GET", served.uri)
    assert _ports(served) == before


def _ports(client: Any) -> set[int]:
    """The ports from which a client has connections."""
    pool = client.context.http_client._transport.transport._pool
    streams = [each._connection._network_stream for each in pool.connections]
    return {stream.get_extra_info("client_addr")[1] for stream in streams}


def test_a_catalog_in_the_process_is_of_no_use_after_a_fork(catalog: EmbeddedCatalog) -> None:
    requests = Requests(catalog.client.context.http_client)
    requests._process = -1
    with pytest.raises(RequestError, match="open in the process that this one was forked from"):
        requests.ask("GET", catalog.client.uri)


# Credentials


@pytest.fixture(scope="module")
def login_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("login")


@pytest.fixture(scope="module")
def login_server(login_home: Path) -> Iterator[Server]:
    """A server that lets alice in, and renews her login."""
    open_catalog(login_home).close()
    config = f"""\
authentication:
  providers:
    - provider: toy
      authenticator: tiled.authenticators:DictionaryAuthenticator
      args: {{users_to_passwords: {{alice: secret}}}}
  tiled_admins: [{{provider: toy, id: alice}}]
  secret_keys: ["{KEY}"]
database: {{uri: "sqlite:///{login_home}/authentication.db", init_if_not_exists: true}}
catalog:
  uri: sqlite:///{login_home}/catalog.db
  writable_storage: ["{login_home}/data", "sqlite:///{login_home}/tables.db"]
"""
    with serve(login_home, config) as server:
        yield server


def log_in(context: Any, *, renewable: bool = True) -> None:
    """Log alice in; Tiled renews what it keeps in a file, not what it has in memory."""
    [provider] = context.server_info.authentication.providers
    tokens = httpx.post(
        provider.links["auth_endpoint"], data={"username": "alice", "password": "secret"}
    )
    context.configure_auth(tokens.raise_for_status().json(), remember_me=renewable)


def end_login(auth: Any) -> str:
    """Put an access token that ended an hour ago in the place of the one in use; return it."""
    from tiled.server.authentication import create_access_token, decode_token

    claims = decode_token(auth.tokens["access_token"], [KEY])
    ended: str = create_access_token(claims, KEY, timedelta(hours=-1))
    auth.sync_set_token("access_token", ended)
    return ended


def end_key(home: Path, key: str) -> None:
    """Let an API key have expired an hour ago."""
    with closing(sqlite3.connect(home / "authentication.db", timeout=60)) as database, database:
        changed = database.execute(
            "UPDATE api_keys SET expiration_time = datetime('now', '-1 hour')"
            " WHERE first_eight = ?",
            [key[:8]],
        )
        assert changed.rowcount == 1


@pytest.fixture
def login_client(
    login_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    from tiled.client import from_context
    from tiled.client.context import Context

    monkeypatch.setenv("TILED_CACHE_DIR", str(tmp_path))
    context = Context(login_server.uri)
    log_in(context)
    yield from_context(context)
    context.close()


def test_a_login_that_ends_while_a_run_is_written_is_renewed(login_client: Any) -> None:
    sink = TiledSink(login_client)
    run = f"run-{uuid4().hex}"
    sink.perform(run_container(run, run))
    auth = login_client.context.http_client.auth
    ended = end_login(auth)
    sink.perform(close(run, run))
    assert auth.tokens["access_token"] != ended
    assert "stop" in login_client[run].metadata


def test_a_login_that_cannot_be_renewed_waits_for_another(login_client: Any) -> None:
    sink = TiledSink(login_client)
    run = f"run-{uuid4().hex}"
    log_in(login_client.context, renewable=False)
    sink.perform(run_container(run, run))
    end_login(login_client.context.http_client.auth)
    for _ in range(2):
        with pytest.raises(SinkError, match="lets nobody in") as caught:
            sink.perform(close(run, run))
        assert caught.value.transient
        assert "log in again" in caught.value.hint
    log_in(login_client.context)
    sink.perform(close(run, run))
    assert "stop" in login_client[run].metadata


@contextmanager
def with_key(login_client: Any, **settings: Any) -> Iterator[tuple[Any, str]]:
    """A client with a new key of alice's, and the key."""
    from tiled.client import from_uri

    context = login_client.context
    key = context.create_api_key(**settings)["secret"]
    client = from_uri(str(context.api_uri), api_key=key)
    yield client, key
    client.context.close()


def test_a_key_that_has_expired_waits_for_another(login_client: Any, login_home: Path) -> None:
    run = f"run-{uuid4().hex}"
    with with_key(login_client, expires_in=600, scopes=["inherit"]) as (client, key):
        sink = TiledSink(client)
        sink.perform(run_container(run, run))
        end_key(login_home, key)
        with pytest.raises(SinkError) as caught:
            sink.perform(close(run, run))
    assert caught.value.transient
    assert "log in again" in caught.value.hint
    assert key not in str(caught.value)


def test_a_key_that_may_not_delete_is_told_why_it_must(login_client: Any, tmp_path: Path) -> None:
    scopes = [scope for scope in ALL_SCOPES if not scope.startswith("delete:")]
    later = sequence(tmp_path, 4).assets[2:]
    early = sequence(
        tmp_path, 2, assets=tuple(replace(asset, num=n) for n, asset in enumerate(later))
    )
    with with_key(login_client, expires_in=600, scopes=scopes) as (client, _):
        sink = TiledSink(client)
        for op in (run_container(), stream_container(), register(early)):
            sink.perform(op)
        with pytest.raises(SinkError, match="401: Not enough permissions") as caught:
            sink.perform(update(sequence(tmp_path, 4), 2))
        assert not caught.value.transient
        assert "delete:node" in caught.value.hint
        assert stored(client, "img").shape[0] == 2
