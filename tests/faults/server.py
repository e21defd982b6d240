"""A Tiled server in a process of its own, which may be killed at any time and started again."""

import json
import multiprocessing
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

from tiled.client import from_uri

from tests.databases import free_port, init_catalog, run_postgresql
from tiledmap.sinks.embedded import open_catalog

Storage: TypeAlias = Literal["sqlite", "postgresql"]

WARM = multiprocessing.get_context("forkserver")
"""Starts processes that have Tiled and tiledmap imported: in tenths of seconds, not in seconds."""
WARM.set_forkserver_preload(
    [
        "tiled.commandline.main",
        "tiled.server.app",
        "tiled.catalog",
        *(f"tiled.adapters.{name}" for name in ("awkward", "hdf5", "sql", "tiff", "zarr")),
        *("adbc_driver_sqlite.dbapi", "aiosqlite", "adbc_driver_postgresql.dbapi", "asyncpg"),
        *("obstore.store", "uvicorn", "zarr.storage"),
        "tests.faults.child",
    ]
)


class TiledServer:
    """``tiled serve config``, always on the same port.

    Parameters
    ----------
    home
        A directory for its log.
    catalog
        The address of its catalog's database.
    writable
        Where it keeps tables and arrays: addresses, directories.
    readable
        Directories of files that it may read.
    routers
        What it serves beside Tiled's own endpoints, each as ``package.module:router``.

    Attributes
    ----------
    is_killed
        Whether it was killed and not started again.
    """

    def __init__(
        self,
        home: Path,
        catalog: str,
        writable: Sequence[str],
        readable: Sequence[str] = (),
        routers: Sequence[str] = (),
    ) -> None:
        self.is_killed = True
        self.port = free_port()
        self.api_key = secrets.token_hex(16)
        self._log = home / "server.log"
        storage = {"writable_storage": [*writable], "readable_storage": [*readable]}
        configuration = {"catalog": {"uri": catalog, **storage}, "routers": [*routers]}
        path = home / "config.yml"
        path.write_text(json.dumps(configuration))
        self._arguments = ["serve", "config", str(path), "--port", str(self.port)]
        self.start()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = WARM.Process(
            target=_serve, args=(self._arguments, self.api_key, self._log), daemon=True
        )
        self._process.start()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.is_alive():
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                time.sleep(0.02)
            else:
                self.is_killed = False
                return
        raise RuntimeError(f"the Tiled server did not start:\n{self._log.read_text()}")

    def kill(self) -> None:
        """End it at once, with SIGKILL."""
        self.is_killed = True
        self._process.kill()

    def join(self) -> None:
        """Wait until it has ended."""
        self._process.join()

    def restart_if_killed(self) -> None:
        """Start it again on what it has left behind."""
        if self.is_killed:
            self.join()
            self.start()

    @contextmanager
    def connect(self, uri: str | None = None, **options: Any) -> Iterator[Any]:
        """A client of it, or of a proxy before it."""
        client = from_uri(uri or self.uri, api_key=self.api_key, **options)
        yield client
        client.context.close()


def _serve(arguments: Sequence[str], api_key: str, log: Path) -> None:
    from tiled.commandline.main import cli_app

    os.environ["TILED_SINGLE_USER_API_KEY"] = api_key
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    cli_app(arguments)


@contextmanager
def serve_sqlite(home: Path) -> Iterator[TiledServer]:
    """Serve a new catalog that keeps everything in SQLite and in files, until the context ends."""
    open_catalog(home).close()
    catalog, tables = (f"sqlite:///{home / name}.db" for name in ("catalog", "tables"))
    with _serve_new(home, catalog, tables) as server:
        yield server


@contextmanager
def serve_postgresql(home: Path) -> Iterator[TiledServer]:
    """Serve a new catalog that keeps all but dense arrays in PostgreSQL, until the context ends."""
    (home / "data").mkdir()
    with run_postgresql() as make_database:
        catalog, tables = make_database("catalog"), make_database("tables")
        init_catalog(catalog)
        with _serve_new(home, catalog, tables) as server:
            yield server


@contextmanager
def _serve_new(home: Path, catalog: str, tables: str) -> Iterator[TiledServer]:
    server = TiledServer(home, catalog, [str(home / "data"), tables])
    try:
        yield server
    finally:
        server.kill()
        server.join()


SERVE: dict[Storage, Callable[[Path], AbstractContextManager[TiledServer]]] = {
    "sqlite": serve_sqlite,
    "postgresql": serve_postgresql,
}
