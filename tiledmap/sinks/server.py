"""A client of a Tiled server, by its address."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from tiledmap.runtime.journal.spool import without_credentials


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


def connect(uri: str, *, api_key: str | None = None) -> Any:
    """Return a Tiled client of a server.

    Parameters
    ----------
    uri
        The server's address, or that of a container in it; ``?api_key=…`` may follow.
    api_key
        That of `uri` if None; Tiled looks for ``TILED_API_KEY`` in the environment where neither
        gives one.

    Raises
    ------
    UnreachableError
        If there is no Tiled server at that address, or it lets nobody in with this key.
    """
    import httpx
    from tiled.client.context import CannotPrompt
    from tiled.client.utils import ClientError

    shown = without_credentials(uri)
    try:
        return _client(*_without_key(uri, api_key))
    except ClientError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise UnreachableError(f"{shown} does not accept this API key ({status})") from error
        raise UnreachableError(f"{shown} answers with {status}, unlike a Tiled server") from error
    except (CannotPrompt, RuntimeError) as error:  # Tiled raises the latter for want of a key
        raise UnreachableError(f"{shown} wants an API key") from error
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise UnreachableError(f"{shown} cannot be reached: {error}") from error
    except httpx.HTTPError as error:
        raise UnreachableError(f"{shown} cannot be reached: {error}", transient=True) from error
    except (KeyError, ValueError) as error:
        raise UnreachableError(f"{shown} does not answer like a Tiled server") from error


def _without_key(uri: str, api_key: str | None) -> tuple[str, str | None]:
    """Part an address from the key in it: Tiled's first request would have it in its address."""
    parts = urlsplit(uri)
    query = parse_qs(parts.query)
    keys = query.pop("api_key", [None])
    address = urlunsplit(parts._replace(query=urlencode(query, doseq=True)))
    return address, keys[0] if api_key is None else api_key


def _client(uri: str, api_key: str | None) -> Any:
    from tiled.client import from_context
    from tiled.client.context import Context

    context, path = Context.from_any_uri(uri, api_key=api_key)
    try:
        return from_context(context, node_path_parts=path)
    except BaseException:
        context.close()
        raise
