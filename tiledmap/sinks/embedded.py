"""A Tiled catalog on a directory, in this process: no server to start, nothing to configure.

The directory holds ``catalog.db`` (SQLite: the tree and its metadata), ``tables.db`` (SQLite) or
``tables.duckdb``, and ``data/`` (arrays, as Zarr). Any Tiled server can serve it later.
"""

import asyncio
import importlib.util
import logging
import os
import sqlite3
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias
from uuid import uuid4

Storage: TypeAlias = Literal["sqlite", "duckdb"]

_TABLES = {"sqlite": "tables.db", "duckdb": "tables.duckdb"}


class EmbeddedCatalog:
    """A catalog that is open in this process.

    Attributes
    ----------
    client
        A Tiled client of the catalog's root, like one of a server.
    directory
        Where everything is kept.
    storage
        Where tables are kept: ``sqlite`` or ``duckdb``.
    """

    def __init__(self, client: Any, directory: Path, storage: Storage) -> None:
        self.client = client
        self.directory = directory
        self.storage = storage
        self._open = True

    def close(self) -> None:
        """Let go of the directory. Clients made from `client` do not work any more."""
        if self._open:
            self._open = False
            self.client.context.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "" if self._open else " closed"
        return f"<EmbeddedCatalog {str(self.directory)!r} {self.storage}{state}>"


def open_catalog(
    directory: str | os.PathLike[str],
    *,
    readable_storage: Sequence[str | os.PathLike[str]] = (),
    storage: Storage = "sqlite",
    adapters: Mapping[str, str] | None = None,
) -> EmbeddedCatalog:
    """Open the catalog in a directory; make both where they are missing.

    Parameters
    ----------
    directory
        The catalog's own directory.
    readable_storage
        Directories with files that nodes may refer to, such as a detector's.
    storage
        ``sqlite`` lets several processes work in the directory. ``duckdb`` also takes lists and
        uint64 in tables and ragged arrays that grow, but one process alone may open it.
    adapters
        By mimetype, ``package.module:Class`` of the adapter that reads files of it; Tiled's own
        need not be named.

    Raises
    ------
    ModuleNotFoundError
        If Tiled's server is not installed.
    """
    if storage not in _TABLES:
        raise ValueError(f"storage is 'sqlite' or 'duckdb', not {storage!r}")
    try:
        with warnings.catch_warnings():
            # Tiled's import of starlette's test client, which serves it as a transport.
            warnings.filterwarnings("ignore", message="Using `httpx` with `starlette")
            import starlette.testclient  # noqa: F401
        from tiled.client import Context, from_context
        from tiled.server.app import build_app_from_config
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"An embedded catalog needs Tiled's server ({error.name} is missing): "
            "pip install 'tiledmap[server]'",
            name=error.name,
        ) from error

    logging.getLogger("tiled.server.app").setLevel(logging.WARNING)  # it greets at every start
    home = Path(directory).expanduser().resolve()
    (home / "data").mkdir(parents=True, exist_ok=True)
    catalog = home / "catalog.db"
    tables = home / _TABLES[storage]
    if not catalog.exists():
        _create_once(catalog, _initialize_catalog)
    if storage == "sqlite" and not tables.exists():
        _create_once(tables, _initialize_tables)
    with warnings.catch_warnings():
        # Of Tiled's configuration, in which an adapter has taken the place of its own name.
        warnings.filterwarnings("ignore", message="Pydantic serializer warnings")
        configuration = _configuration(home, storage, readable_storage, adapters or {})
        app = build_app_from_config(configuration)
    context = Context.from_app(app)
    _make_safe_to_read(context.http_client)
    return EmbeddedCatalog(from_context(context), home, storage)


def _make_safe_to_read(http: Any) -> None:
    """Let readers look in at any time while a run is written.

    The threads of this process take turns: DuckDB's one connection is shared by all threads of
    Tiled, and a reader that comes in the middle makes an append fail, or the process crash. And a
    reader gets of an array what it expects, though the array may have grown since it was looked up.
    """
    send, turn = http.send, threading.RLock()

    def send_in_turn(request: Any, **options: Any) -> Any:
        request.url = _for_expected_part(request.url)
        with turn:
            return send(request, **options)

    http.send = send_in_turn


def _for_expected_part(url: Any) -> Any:
    expected = url.params.get("expected_shape", "scalar")
    if expected == "scalar" or "slice" in url.params or "/array/full/" not in url.path:
        return url
    return url.copy_set_param("slice", ",".join(f":{length}" for length in expected.split(",")))


def _configuration(
    home: Path,
    storage: Storage,
    readable_storage: Sequence[str | os.PathLike[str]],
    adapters: Mapping[str, str],
) -> dict[str, Any]:
    """Tiled's own configuration, as ``tiled serve config`` would read it."""
    others = [other for other in _TABLES if other != storage and (home / _TABLES[other]).exists()]
    configuration: dict[str, Any] = {
        "catalog": {
            "uri": f"sqlite:///{home / 'catalog.db'}",
            # New tables go to the first database; the other one keeps what it has.
            "writable_storage": [
                str(home / "data"),
                *(f"{name}:///{home / _TABLES[name]}" for name in (storage, *others)),
            ],
            "readable_storage": [os.fspath(path) for path in readable_storage],
            "adapters_by_mimetype": dict(adapters),
        },
    }
    if importlib.util.find_spec("bluesky_tiled_plugins") is not None:
        configuration["media_types"] = {
            "BlueskyRun": {
                "application/json-seq": "bluesky_tiled_plugins.exporters:json_seq_exporter"
            }
        }
        configuration["routers"] = ["bluesky_tiled_plugins.routers.validator:router"]
    return configuration


def _create_once(path: Path, initialize: Callable[[Path], None]) -> None:
    """Make a file that appears only when it is complete, whoever else is making it."""
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        initialize(draft)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _initialize_catalog(path: Path) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine
    from tiled.alembic_utils import stamp_head
    from tiled.catalog.alembic_constants import ALEMBIC_DIR, ALEMBIC_INI_TEMPLATE_PATH
    from tiled.catalog.core import initialize_database
    from tiled.utils import ensure_specified_sql_driver

    uri = ensure_specified_sql_driver(f"sqlite:///{path}")

    async def create_tables() -> None:
        engine = create_async_engine(uri)
        try:
            await initialize_database(engine)
        finally:
            await engine.dispose()

    def initialize() -> None:
        asyncio.run(create_tables())
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="No path_separator found in configuration")
            stamp_head(ALEMBIC_INI_TEMPLATE_PATH, ALEMBIC_DIR, uri)

    with ThreadPoolExecutor(max_workers=1) as thread:  # a notebook's own thread runs a loop
        thread.submit(initialize).result()


def _initialize_tables(path: Path) -> None:
    """Let readers and the writer of tables work at the same time."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
