"""Where it is written to: a Tiled catalog in this process, a server of its own, PostgreSQL.

Each writer has a catalog of its own, so that none works with what another has left.
"""

import asyncio
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal, Protocol, TypeAlias, get_args
from uuid import uuid4

import pytest
from tiled.client import from_uri

from tests.databases import init_catalog, run_postgresql
from tests.faults.server import TiledServer
from tiledmap.sinks.embedded import open_catalog

TargetName: TypeAlias = Literal["in-process", "served", "postgresql"]
TARGETS: tuple[TargetName, ...] = get_args(TargetName)

MakeDatabase: TypeAlias = Callable[[str], str]


class UnavailableError(Exception):
    """A target that cannot be had here."""


class Place(Protocol):
    """A catalog of one writer's own; other processes can be told of it."""

    def connect(self) -> AbstractContextManager[Any]:
        """Give a Tiled client of its root."""


@dataclass(frozen=True)
class Embedded:
    """A catalog in a directory, served within the process that writes."""

    home: Path
    files: Path
    routers: Sequence[str] = ()

    @contextmanager
    def connect(self) -> Iterator[Any]:
        with open_catalog(self.home, readable_storage=[self.files]) as catalog:
            for router in self.routers:
                module, _, name = router.partition(":")
                app = catalog.client.context.http_client.app
                app.include_router(getattr(import_module(module), name), prefix="/api/v1")
            yield catalog.client


@dataclass(frozen=True)
class Served:
    """A server in another process."""

    uri: str
    api_key: str

    @contextmanager
    def connect(self) -> Iterator[Any]:
        client = from_uri(self.uri, api_key=self.api_key)
        try:
            yield client
        finally:
            client.context.close()


@dataclass(frozen=True)
class Target:
    """Makes places, all of one kind.

    Parameters
    ----------
    files
        The directory of detectors' files.
    """

    name: TargetName
    files: Path
    new_place: Callable[[], Place]


@contextmanager
def open_target(
    name: TargetName, postgresql: str | None = None, routers: Sequence[str] = ()
) -> Iterator[Target]:
    """Have everything that a target needs, until the context ends.

    Parameters
    ----------
    postgresql
        The address of a PostgreSQL server in which databases may be made, without a database's
        name; if None, one is started.
    routers
        What Tiled serves beside its own endpoints, each as ``package.module:router``.

    Raises
    ------
    UnavailableError
        If the target needs a server that is neither given nor installed.
    """
    with ExitStack() as stack:
        home = Path(mkdtemp(prefix="tiledmap-benchmarks-"))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        files = home / "files"
        files.mkdir()
        homes = (home / str(number) for number in count())
        if name == "in-process":
            yield Target(name, files, lambda: Embedded(next(homes), files, routers))
        elif name == "served":
            yield Target(name, files, lambda: _serve_sqlite(stack, next(homes), files, routers))
        else:
            databases = stack.enter_context(_databases(postgresql))
            yield Target(
                name,
                files,
                lambda: _serve_postgresql(stack, next(homes), files, databases, routers),
            )


def _serve_sqlite(stack: ExitStack, home: Path, files: Path, routers: Sequence[str]) -> Place:
    open_catalog(home).close()
    storage = [str(home / "data"), f"sqlite:///{home / 'tables.db'}"]
    return _serve(stack, home, f"sqlite:///{home / 'catalog.db'}", storage, files, routers)


def _serve_postgresql(
    stack: ExitStack,
    home: Path,
    files: Path,
    make_database: MakeDatabase,
    routers: Sequence[str],
) -> Place:
    catalog, tables = (make_database(f"{part}_{home.name}") for part in ("catalog", "tables"))
    init_catalog(catalog)
    (home / "data").mkdir(parents=True)
    return _serve(stack, home, catalog, [str(home / "data"), tables], files, routers)


def _serve(
    stack: ExitStack,
    home: Path,
    catalog: str,
    writable: list[str],
    files: Path,
    routers: Sequence[str],
) -> Place:
    server = TiledServer(home, catalog, writable, [str(files)], routers)
    stack.callback(server.join)
    stack.callback(server.kill)
    return Served(server.uri, server.api_key)


@contextmanager
def _databases(uri: str | None) -> Iterator[MakeDatabase]:
    with ExitStack() as stack:
        try:
            make_database = stack.enter_context(
                run_postgresql() if uri is None else databases_of(uri)
            )
        except (pytest.skip.Exception, pytest.fail.Exception) as error:
            raise UnavailableError(str(error)) from None
        yield make_database


@contextmanager
def databases_of(uri: str) -> Iterator[MakeDatabase]:
    """Make databases in a PostgreSQL server that is there, and drop them in the end."""
    made: list[str] = []
    run = uuid4().hex[:8]

    def make_database(name: str) -> str:
        database = f"tiledmap_benchmarks_{run}_{name}"
        asyncio.run(_administer(uri, f'CREATE DATABASE "{database}"'))
        made.append(database)
        return f"{uri.rstrip('/')}/{database}"

    try:
        yield make_database
    finally:
        for database in made:
            asyncio.run(_administer(uri, f'DROP DATABASE "{database}" WITH (FORCE)'))


async def _administer(uri: str, statement: str) -> None:
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    address = uri.rstrip("/").replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(f"{address}/postgres", isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.execute(text(statement))
    finally:
        await engine.dispose()
