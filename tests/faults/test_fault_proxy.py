"""The proxy does to requests what it says; without that, no trial would prove anything."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests.faults.fault_proxy import Fate, Fault, FaultProxy, fates, run_proxy


class Listener(ThreadingHTTPServer):
    """A server that notes what it is asked for, and says it again."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.asked: list[str] = []


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Listener]:
    with Listener() as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        yield listener
        listener.shutdown()
        thread.join()


def ask(server: Listener, *fates: Fate) -> list[str | int]:
    """What comes of a request for each fate: a path, a status or an error."""
    answers: list[str | int] = []
    proxy = FaultProxy(server.server_port, lambda trial, number: fates[number])
    with run_proxy(proxy), httpx.Client() as client:
        for number in range(len(fates)):
            try:
                answer = client.get(f"http://127.0.0.1:{proxy.port}/trial-7/{number}")
            except httpx.TransportError:
                answers.append("lost")
            else:
                answers.append(answer.text if answer.is_success else answer.status_code)
    return answers


@pytest.mark.parametrize("reset", [True, False])
def test_a_lost_request_never_comes(server: Listener, reset: bool) -> None:
    assert ask(server, Fate(Fault.LOST_REQUEST, reset=reset), Fate()) == ["lost", "/trial-7/1"]
    assert server.asked == ["/trial-7/1"]


@pytest.mark.parametrize("reset", [True, False])
def test_a_lost_answer_was_given(server: Listener, reset: bool) -> None:
    assert ask(server, Fate(Fault.LOST_ANSWER, reset=reset), Fate()) == ["lost", "/trial-7/1"]
    assert server.asked == ["/trial-7/0", "/trial-7/1"]


def test_an_answer_that_is_cut_off_was_given(server: Listener) -> None:
    assert ask(server, Fate(Fault.CUT_ANSWER), Fate()) == ["lost", "/trial-7/1"]
    assert server.asked == ["/trial-7/0", "/trial-7/1"]


@pytest.mark.parametrize("fault", [Fault.SLOW_REQUEST, Fault.SLOW_ANSWER])
def test_what_is_slow_comes(server: Listener, fault: Fault) -> None:
    assert ask(server, Fate(fault, seconds=0.01)) == ["/trial-7/0"]
    assert server.asked == ["/trial-7/0"]


def test_a_late_request_comes_after_others(server: Listener) -> None:
    late = Fate(Fault.LATE_REQUEST, turns=1)

    assert ask(server, late, Fate(), Fate()) == ["lost", "/trial-7/1", "/trial-7/2"]
    assert server.asked == ["/trial-7/1", "/trial-7/0", "/trial-7/2"]


def test_the_server_is_not_asked_for_what_is_refused(server: Listener) -> None:
    assert ask(server, Fate(Fault.REFUSED, status=429, retry_after=0)) == [429]
    assert server.asked == []


def test_one_seed_gives_one_fate() -> None:
    first, again, other = (fates(seed, 0.5, 1.0) for seed in (1, 1, 2))
    requests = [(trial, number) for trial in range(10) for number in range(20)]

    assert [first(*request) for request in requests] == [again(*request) for request in requests]
    assert [first(*request) for request in requests] != [other(*request) for request in requests]
