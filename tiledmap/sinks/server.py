"""A client of a Tiled server, by its address."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx

from tiledmap.runtime.journal.spool import without_credentials

_FIRST_ANSWER = 5.0
"""Seconds that a server has for it."""
_AWAY = frozenset({429, 502, 503, 504})
"""What is answered for a server that is not there, or has no time."""


class UnreachableError(Exception):
    """A Tiled server that cannot be used, and why.

    Parameters
    ----------
    transient
        True where it may be there later.
    """

    def __init__(self, reason: str, *, transient: bool = False) -> None:
        super().__init__(reason)
        self.transient = transient


def connect(uri: str, *, api_key: str | None = None, may_prompt: bool = True) -> Any:
    """Return a Tiled client of a container on a server.

    Parameters
    ----------
    uri
        The server's address, or that of a container in it; ``?api_key=…`` may follow.
    api_key
        That of `uri` if None; Tiled looks for ``TILED_API_KEY`` in the environment where neither
        gives one.
    may_prompt
        Whether Tiled may ask whoever sits at the terminal to log in.

    Raises
    ------
    UnreachableError
        If there is no Tiled server at that address, it lets nobody in with this key, or no runs can
        be stored there.
    """
    from tiled.client.context import CannotPrompt

    shown = without_credentials(uri)
    try:
        address, key = _without_key(uri, api_key)
        _ask_once(address)
        return _client(address, key, shown, may_prompt)
    except httpx.HTTPStatusError as error:
        raise _refusal(shown, error.response.status_code) from error
    except (CannotPrompt, RuntimeError) as error:  # Tiled raises the latter for want of a key
        raise UnreachableError(f"{shown} wants an API key") from error
    except httpx.UnsupportedProtocol as error:
        raise UnreachableError(f"{shown} cannot be reached: {error}") from error
    # What these say may quote the key.
    except httpx.InvalidURL:
        raise UnreachableError(f"{shown} cannot be reached: it is no address") from None
    except (httpx.LocalProtocolError, UnicodeEncodeError):
        reason = f"the address {shown} or its API key has characters that HTTP has not"
        raise UnreachableError(reason) from None
    except httpx.HTTPError as error:
        reason = f"{shown} cannot be reached: {str(error) or type(error).__name__}"
        raise UnreachableError(reason, transient=True) from error
    except (KeyError, ValueError) as error:
        raise UnreachableError(f"{shown} does not answer like a Tiled server") from error


def container_uri(uri: str) -> str:
    """What a client of the container at an address has as its ``uri``, without asking the server.

    >>> container_uri("https://tiled.example.org?api_key=secret")
    'https://tiled.example.org/api/v1/metadata/'
    """
    parts = urlsplit(without_credentials(uri))
    api, _, node = parts.path.partition("/metadata")
    api = api.rstrip("/")
    if "/metadata" not in parts.path:  # as `tiled.client.context.Context.from_any_uri` has it
        if "/api" not in api:
            api += "/api/v1"
        elif "/v1" not in api:
            api += "/v1"
    return urlunsplit(parts._replace(path=f"{api}/metadata/{node.strip('/')}"))


def _without_key(uri: str, api_key: str | None) -> tuple[str, str | None]:
    """Part an address from the key in it: Tiled's first request would have it in its address.

    User and password go, too: nothing but that request would have them.
    """
    parts = urlsplit(uri)
    query = parse_qs(parts.query)
    keys = query.pop("api_key", [None])
    host = parts.netloc.rpartition("@")[2]
    address = urlunsplit(parts._replace(netloc=host, query=urlencode(query, doseq=True)))
    return address, keys[0] if api_key is None else api_key


def _ask_once(address: str) -> None:
    """Let a server answer anything: Tiled's client asks an absent one ten times, for 25 seconds."""
    answer = httpx.get(address, timeout=_FIRST_ANSWER)
    if answer.status_code in _AWAY:
        answer.raise_for_status()


def _client(address: str, key: str | None, shown: str, may_prompt: bool) -> Any:
    from tiled.client import from_context
    from tiled.client.context import Context

    (key or "").encode("ascii")  # Tiled would fail with a connection open
    context, path = Context.from_any_uri(address, api_key=key)
    try:
        if not may_prompt:
            _log_in_unasked(context)
        client = from_context(context, node_path_parts=path)
        # Tiled itself would let anything be written below a table, where nobody finds it.
        family = client.structure_family.value
        if family != "container":
            raise UnreachableError(f"{shown} is no container for runs, but holds data: {family}")
    except BaseException:
        context.close()
        raise
    return client


def _log_in_unasked(context: Any) -> None:
    """Use a login that Tiled has kept, where one is needed."""
    from tiled.client.context import CannotPrompt

    login = context.server_info.authentication
    must_log_in = login.required and login.providers and not context.authenticated
    if must_log_in and not context.use_cached_tokens():
        raise CannotPrompt


def _refusal(shown: str, status: int) -> UnreachableError:
    """What an answer that is no success means."""
    if status in (401, 403):
        return UnreachableError(f"{shown} does not accept this API key ({status})")
    if status == 404:
        reason = "no Tiled server, or nothing there that this key may see"
        return UnreachableError(f"{shown} answers with 404: {reason}")
    if status in _AWAY or status >= 500:
        return UnreachableError(f"{shown} answers with {status}", transient=True)
    return UnreachableError(f"{shown} answers with {status}, unlike a Tiled server")
