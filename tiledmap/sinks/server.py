"""A client of a Tiled server, by its address."""

from typing import Any


class UnreachableError(Exception):
    """A Tiled server that cannot be used, and why."""


def connect(uri: str, *, api_key: str | None = None) -> Any:
    """Return a Tiled client of a server.

    Parameters
    ----------
    uri
        The server's address, or that of a container in it.
    api_key
        Tiled looks for ``TILED_API_KEY`` in the environment where none is given.

    Raises
    ------
    UnreachableError
        If there is no Tiled server at that address, or it lets nobody in with this key.
    """
    import httpx
    from tiled.client import from_uri
    from tiled.client.context import CannotPrompt
    from tiled.client.utils import ClientError

    try:
        return from_uri(uri, api_key=api_key)
    except ClientError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise UnreachableError(f"{uri} does not accept this API key ({status})") from error
        raise UnreachableError(f"{uri} answers with {status}, unlike a Tiled server") from error
    except (CannotPrompt, RuntimeError) as error:  # Tiled raises the latter for want of a key
        raise UnreachableError(f"{uri} wants an API key") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnreachableError(f"{uri} cannot be reached: {error}") from error
    except (KeyError, ValueError) as error:
        raise UnreachableError(f"{uri} does not answer like a Tiled server") from error
