"""Requests to a Tiled server, each made once: what came of it is told in full.

They go through the client's own HTTP client, with its credentials and headers, but not through
its retries: those repeat for 25 seconds what can never succeed, and give up at once on an
append, which only a look at the table makes safe to repeat.
"""

import math
import os
import random
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import httpx
from tiled.client.auth import CannotRefreshAuthentication
from tiled.utils import safe_json_dump

Json: TypeAlias = dict[str, Any]

LONGEST_WORDS = 500
"""Characters of what a server says that are passed on."""
LONGEST_PAUSE = 60.0
"""Seconds that a server may ask to be left alone."""
LONGEST_UPLOAD = 300.0
"""Seconds for which rows may be on their way: a request that is given up may still be running."""
LOG_IN_AGAIN = (
    "the credentials worked before: log in again with client.context.authenticate(), "
    "or give the client a key that has not expired"
)
_BUSY = frozenset({408, 425, 429})
_REQUEST_ID = "x-tiled-request-id"
_TRIES_OF_SERVER_ERROR = 6
_SECRET = re.compile(r"(?i)(api_key=|apikey |bearer )[^\s&'\"]+")


class RequestError(Exception):
    """A request that did not succeed.

    Parameters
    ----------
    words
        Why, in the server's words where it gave any.
    status
        Of its answer; None where there is none.
    tries
        How many tries it is worth.
    transient
        True where it may succeed when the server is well again.
    lost
        True where the server may have acted on it, or may still be going to.
    pause
        Seconds that the server asked to be left alone.
    """

    def __init__(
        self,
        words: str,
        *,
        status: int | None = None,
        tries: float = 1,
        transient: bool = False,
        lost: bool = False,
        pause: float = 0.0,
    ) -> None:
        super().__init__(words)
        self.words = words
        self.status = status
        self.tries = math.inf if transient and tries == 1 else tries
        self.transient = transient
        self.lost = lost
        self.pause = pause

    @property
    def is_of_server(self) -> bool:
        """Whether the server failed at just this: it is neither busy nor behind a proxy that is."""
        return self.status == httpx.codes.INTERNAL_SERVER_ERROR and not self.transient


class ExpiredLoginError(RequestError):
    """Credentials that the server took before, and takes no more."""

    def __init__(self, words: str) -> None:
        super().__init__(words, status=httpx.codes.UNAUTHORIZED, transient=True)
        self.tries = 1  # nothing that a sink could wait for


class Requests:
    """Requests through one HTTP client.

    In a process that was forked they have connections of their own: two processes that share one
    would read each other's answers.
    """

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._process = os.getpid()
        self._let_in = False

    def ask(self, method: str, url: str, **options: Any) -> Any:
        """Make a request as `send` does, and give the JSON data that it is answered with.

        Raises
        ------
        RequestError
            If there are none; an answer that cannot be read is as good as lost.
        """
        response = self.send(method, url, **options)
        try:
            return response.json()
        except ValueError:
            raise _lost("its answer cannot be read") from None

    def send(
        self,
        method: str,
        url: str,
        *,
        json: Json | None = None,
        content: bytes | None = None,
        content_type: str = "application/octet-stream",
        params: Mapping[str, Any] | None = None,
        accept: str = "application/json",
        byte_range: str | None = None,
    ) -> httpx.Response:
        """Make a request and give its answer.

        Raises
        ------
        RequestError
            If the answer is no success, or there is none.
        """
        if os.getpid() != self._process:
            self._part_from_parent()
        timeout = httpx.Timeout(self._http.timeout)
        if content is not None and timeout.read is not None:
            timeout.read = max(timeout.read, LONGEST_UPLOAD)
        headers = {"Accept": accept}
        if byte_range is not None:
            headers["Range"] = byte_range
        if json is not None:
            content, content_type = safe_json_dump(json), "application/json"
        if content is not None:
            headers["Content-Type"] = content_type
        try:
            request = self._http.build_request(
                method, url, content=content, headers=headers, params=params, timeout=timeout
            )
            response = self._http.send(request)
        except Exception as error:
            raise self._failure(error) from _harmless(error)
        if response.is_error:
            raise self._refusal(response)
        self._let_in = True
        return response

    def _part_from_parent(self) -> None:
        """Leave the connections of the process that this one was forked from to it."""
        if hasattr(self._http, "app"):
            raise RequestError(
                "the catalog is open in the process that this one was forked from: "
                "open it here, or use a Tiled server"
            )
        self._http._transport.close()  # of sockets, this process's copies alone
        self._process = os.getpid()

    def _failure(self, error: Exception) -> RequestError:
        """What an exception in place of an answer means."""
        match error:
            case httpx.HTTPStatusError():  # of a request for new credentials
                return self._refusal(error.response)
            case CannotRefreshAuthentication():
                return ExpiredLoginError("the server lets nobody in with these credentials")
            case httpx.UnsupportedProtocol() | httpx.InvalidURL() | httpx.TooManyRedirects():
                return RequestError("the server's address is none that can be asked")
            case httpx.LocalProtocolError():
                return RequestError("its address or credentials have characters that HTTP has not")
            case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout():
                words = self._passed_on(str(error) or type(error).__name__)
                return RequestError(f"the server does not answer: {words}", transient=True)
            case httpx.RequestError():
                return _lost(self._passed_on(str(error) or type(error).__name__))
        busy = "database is locked" in str(error)
        return RequestError(  # of a server in this process
            self._passed_on(f"{type(error).__name__}: {error}"),
            status=httpx.codes.INTERNAL_SERVER_ERROR,
            transient=busy,
        )

    def _refusal(self, response: httpx.Response) -> RequestError:
        """What an answer that is no success means."""
        status = response.status_code
        try:
            detail = response.json()["detail"]
        except (ValueError, KeyError, TypeError, httpx.StreamError):
            detail = response.reason_phrase
        words = f"the server says {status}: {self._passed_on(str(detail))}"
        own = status == httpx.codes.INTERNAL_SERVER_ERROR and _REQUEST_ID in response.headers
        # A proxy says any other of a server that may be working on the request.
        lost = response.is_server_error and not own
        if status in _BUSY or lost:
            pause = _pause(response.headers.get("retry-after", ""))
            return RequestError(words, status=status, transient=True, lost=lost, pause=pause)
        if status == httpx.codes.UNAUTHORIZED and self._let_in and _is_about_login(str(detail)):
            return ExpiredLoginError(words)
        if own:  # SQLite may have been locked
            if request_id := response.headers[_REQUEST_ID]:
                words += f"; its log has the cause under request {self._passed_on(request_id)}"
            return RequestError(words, status=status, tries=_TRIES_OF_SERVER_ERROR)
        return RequestError(words, status=status)

    def _passed_on(self, words: str) -> str:
        """Words of others: without credentials, on one line, and not without end."""
        for secret in self._secrets():
            words = words.replace(secret, "…")
        words = _SECRET.sub(r"\1…", words[: 2 * LONGEST_WORDS])
        words = "".join(letter if letter.isprintable() else " " for letter in words)
        return words if len(words) <= LONGEST_WORDS else f"{words[:LONGEST_WORDS]}…"

    def _secrets(self) -> Iterator[str]:
        yield from self._http.headers.get("authorization", "").split()[1:]
        yield from filter(None, getattr(self._http.auth, "tokens", {}).values())


def _lost(reason: str) -> RequestError:
    return RequestError(f"the server's answer did not come: {reason}", transient=True, lost=True)


def _harmless(error: Exception) -> Exception | None:
    """An exception as a cause that may be logged: none that quotes headers or addresses."""
    quotes = httpx.LocalProtocolError | httpx.HTTPStatusError | httpx.InvalidURL
    return None if isinstance(error, quotes) else error


def _is_about_login(detail: str) -> bool:
    """Whether a 401 says that nobody is let in, rather than that a scope is missing.

    A key that has expired has no scopes at all (``tiled.server.authentication``).
    """
    return "Not enough permissions" not in detail or detail.endswith("had scopes []")


def _pause(retry_after: str) -> float:
    """Read ``Retry-After``: seconds, or a date."""
    try:
        pause = float(retry_after)
    except ValueError:
        try:
            pause = (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return 0.0
    return min(max(pause, 0.0), LONGEST_PAUSE) if pause == pause else 0.0


def delays() -> Iterator[float]:
    """Seconds to wait before each new try."""
    delay = 0.05
    while True:
        yield delay * random.uniform(0.5, 1.5)
        delay = min(2 * delay, 2.0)
