"""A client by a server's address: what is refused, what is worth waiting for, and how soon."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tiled.client.context import Context

from tests.conftest import PolicyServer, Server, free_port
from tiledmap.sinks.server import UnreachableError, connect, container_uri

KEY = "5ecre7" * 6


def refused(uri: str, **options: Any) -> UnreachableError:
    with pytest.raises(UnreachableError) as caught:
        connect(uri, **options)
    return caught.value


class Stub(ThreadingHTTPServer):
    """Answers every request with one status, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status = 200
        self.asked: list[str] = []
        self.uri = f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: Stub

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.path} {self.headers}")
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as stub:
        threading.Thread(target=stub.serve_forever, args=(0.05,)).start()
        yield stub
        stub.shutdown()


@pytest.fixture
def asked_by_tiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Tiled's client asks, which tries for 25 seconds."""
    asked: list[str] = []

    def note(uri: str, **options: Any) -> None:
        asked.append(uri)

    monkeypatch.setattr(Context, "from_any_uri", note)
    return asked


@pytest.mark.parametrize("host", ["127.0.0.1", "tiled.invalid"])
def test_a_server_that_is_away_is_told_at_once(host: str, asked_by_tiled: list[str]) -> None:
    error = refused(f"http://{host}:{free_port()}/api/v1")
    assert error.transient
    assert "cannot be reached" in str(error)
    assert asked_by_tiled == []


def test_a_silent_server_is_told_within_seconds(asked_by_tiled: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = refused(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert error.transient
    assert "timed out" in str(error)
    assert asked_by_tiled == []


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_without_time_is_told_at_its_first_answer(stub: Stub, status: int) -> None:
    stub.status = status
    error = refused(stub.uri)
    assert error.transient
    assert str(error) == f"{stub.uri} answers with {status}"
    assert len(stub.asked) == 1


@pytest.mark.parametrize(
    ("status", "transient", "words"),
    [
        (500, True, "answers with 500"),
        (400, False, "answers with 400, unlike a Tiled server"),
        (404, False, "no Tiled server, or nothing there that this key may see"),
        (403, False, "does not accept this API key (403)"),
        (200, False, "does not answer like a Tiled server"),
    ],
)
def test_what_other_answers_mean(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, status: int, transient: bool, words: str
) -> None:
    monkeypatch.setattr("tiled.client.utils.TILED_RETRY_ATTEMPTS", 1)
    stub.status = status
    error = refused(stub.uri)
    assert error.transient is transient
    assert str(error) == f"{stub.uri} {words}" or words in str(error)


def test_nobody_is_given_credentials_before_tiled_is(stub: Stub) -> None:
    stub.status = 503
    refused(f"{stub.uri.replace('//', f'//alice:{KEY}@')}?api_key={KEY}")
    refused(stub.uri, api_key=KEY)
    assert len(stub.asked) == 2
    assert KEY not in "".join(stub.asked)
    assert "Authorization" not in "".join(stub.asked)


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}ü"])
def test_a_key_that_no_header_can_hold_is_not_told(
    server: Server, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr("tiled.client.utils.TILED_RETRY_ATTEMPTS", 1)
    error = refused(server.uri, api_key=key)
    assert not error.transient
    assert "characters that HTTP has not" in str(error)
    assert KEY not in str(error)
    assert error.__cause__ is None


@pytest.mark.parametrize("uri", ["catalog", "localhost:8000", "ftp://localhost", "http://a:b/c"])
def test_an_address_that_is_none_is_not_waited_for(uri: str) -> None:
    error = refused(uri)
    assert not error.transient
    assert "cannot be reached" in str(error)


def test_nobody_is_asked_to_log_in_where_that_is_not_wanted(
    policy_server: PolicyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Context, "authenticate", lambda self, **_: pytest.fail("it asks"))
    error = refused(policy_server.uri, may_prompt=False)
    assert not error.transient
    assert "wants an API key" in str(error)


@pytest.mark.parametrize("end", ["", "/"])
def test_an_address_is_that_of_the_client_which_is_made_of_it(
    server: Server, served: Any, end: str
) -> None:
    home = server.uri.removesuffix("/api/v1")
    for uri in (home, f"{home}/api", server.uri, f"{server.uri}/metadata", served.uri):
        client = connect(f"{uri}{end}", api_key=server.api_key)
        client.context.close()
        assert container_uri(f"{uri}{end}?api_key={KEY}") == client.uri
