"""Requests to a Tiled server, each made once: what came of it is told in full.

They go through the client's own HTTP client, with its credentials and headers, but not through
its retries: those repeat for 25 seconds what can never succeed, and give up at once on an
append, which only a look at the table makes safe to repeat.
"""

import math
import random
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import httpx
from tiled.utils import safe_json_dump

Json: TypeAlias = dict[str, Any]

_BUSY = frozenset({408, 425, 429, 502, 503, 504})
_TRIES_OF_SERVER_ERROR = 6


class RequestError(Exception):
    """A request that did not succeed, and how many tries it is worth."""

    def __init__(self, words: str, *, status: int | None = None, tries: float = 1) -> None:
        super().__init__(words)
        self.words = words
        self.status = status
        self.tries = tries


class Requests:
    """Requests through one HTTP client."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

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
        headers = {"Accept": accept}
        if byte_range is not None:
            headers["Range"] = byte_range
        if json is not None:
            content, content_type = safe_json_dump(json), "application/json"
        if content is not None:
            headers["Content-Type"] = content_type
        try:
            response = self._http.request(
                method, url, content=content, headers=headers, params=params
            )
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise RequestError(f"{url!r} cannot be asked for: {error}") from error
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise RequestError(f"the server does not answer: {reason}", tries=math.inf) from error
        except Exception as error:  # of a server in this process
            busy = "database is locked" in str(error)
            raise RequestError(
                f"{type(error).__name__}: {error}",
                status=httpx.codes.INTERNAL_SERVER_ERROR,
                tries=math.inf if busy else 1,
            ) from error
        if response.is_error:
            raise _refusal(response)
        return response


def _refusal(response: httpx.Response) -> RequestError:
    status = response.status_code
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = response.reason_phrase
    words = f"the server says {status}: {detail}"
    if status in _BUSY:
        return RequestError(words, status=status, tries=math.inf)
    if response.is_server_error:  # SQLite may have been locked
        if request_id := response.headers.get("x-tiled-request-id"):
            words += f"; its log has the cause under request {request_id}"
        return RequestError(words, status=status, tries=_TRIES_OF_SERVER_ERROR)
    return RequestError(words, status=status)


def delays() -> Iterator[float]:
    """Seconds to wait before each new try."""
    delay = 0.05
    while True:
        yield delay * random.uniform(0.5, 1.5)
        delay = min(2 * delay, 2.0)
