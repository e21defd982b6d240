"""The catalog that runs are written to: a server's, or one in a directory."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tiledmap.cli.mistakes import Mistake, missing_package

_LOOKS_LIKE_HOST = re.compile(r"[\w.-]+:\d+(/|$)")


@contextmanager
def open_destination(
    to: str, api_key_env: str | None = None, *, create: bool = True
) -> Iterator[Any]:
    """Open a Tiled client of a server's address, or of the embedded catalog in a directory.

    Parameters
    ----------
    api_key_env
        The environment variable that holds the server's API key.
    create
        Make the catalog in a directory where there is none.
    """
    if "://" in to:
        client = _server(to, _api_key(api_key_env))
        try:
            yield client
        finally:
            client.context.close()
        return
    if api_key_env is not None:
        raise Mistake("--api-key-env is for a server; a directory has no key")
    if not to:  # which would be the working directory
        raise Mistake("the name of the directory is empty")
    catalog = _embedded(Path(to), create)
    try:
        yield catalog.client
    finally:
        catalog.close()


def as_shown(to: str) -> str:
    """A destination as it is printed: a server's address may hold a key."""
    from tiledmap.runtime.journal.spool import without_credentials

    return without_credentials(to) if "://" in to else to


def _server(uri: str, api_key: str | None) -> Any:
    from tiledmap.sinks.server import UnreachableError, connect

    try:
        return connect(uri, api_key=api_key)
    except UnreachableError as error:
        raise Mistake(str(error)) from error


def _embedded(directory: Path, create: bool) -> Any:
    from tiledmap.sinks.embedded import open_catalog

    if _LOOKS_LIKE_HOST.match(str(directory)) and not directory.exists():
        raise Mistake(
            f"'{directory}' is not a directory",
            f"a server's address begins with http: http://{directory}",
        )
    if directory.exists() and not directory.is_dir():
        raise Mistake(f"'{directory}' is not a directory")
    if not create and not (directory / "catalog.db").exists():
        raise Mistake(f"there is no catalog in '{directory}'")
    try:
        return open_catalog(directory)
    except ModuleNotFoundError as error:
        raise missing_package(error, "a catalog in a directory", "server") from error
    except OSError as error:
        raise Mistake(f"'{directory}' cannot hold a catalog: {error.strerror}") from error


def _api_key(variable: str | None) -> str | None:
    if variable is None:
        return None
    key = os.environ.get(variable)
    if not key:
        raise Mistake(f"the environment variable {variable} is not set")
    return key
