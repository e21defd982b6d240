"""Real Tiled catalogs for every test that wants one."""

import asyncio
import gc
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, settings

from tests.databases import free_port, run_postgresql
from tiledmap.sinks.embedded import EmbeddedCatalog, open_catalog

RUNS = Path(__file__).parent / "runs"
MEMORY = Path("/dev/shm")
ENOUGH = 4 << 30

# Whether a test passes must not depend on how busy the machine is.
settings.register_profile(
    "at-any-speed",
    settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("at-any-speed")


def pytest_configure(config: pytest.Config) -> None:
    """Have all that tests write in memory, where there is room.

    A database waits for the disk at each commit, which is most of the time that a catalog takes.
    """
    is_asked_for = config.getoption("basetemp") is not None or "TMPDIR" in os.environ
    if not is_asked_for and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ENOUGH:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # it is asked for again
    gc.set_threshold(50_000, 20, 20)  # what is looked for more often is seldom found


@pytest.fixture(autouse=True, scope="module")
def _what_is_left_is_not_gone_through() -> None:
    """Take what earlier modules have left from the garbage collector.

    Each application of Tiled that was open leaves so many objects that most of the time would be
    spent on going through them again and again.
    """
    gc.collect()
    gc.freeze()


def pytest_runtest_setup() -> None:
    """Let an application of Tiled remember what others have depended on.

    FastAPI reads the signatures of the same dependencies again for each of its two hundred routes,
    which is a third of the time that it takes to open a catalog.
    """
    fastapi = sys.modules.get("fastapi.dependencies.utils")
    if fastapi is not None and not hasattr(fastapi.get_typed_signature, "cache_info"):
        fastapi.get_typed_signature = lru_cache(maxsize=1_000)(fastapi.get_typed_signature)


@pytest.fixture(scope="session")
def runs() -> Path:
    """The directory of recorded documents."""
    return RUNS


@pytest.fixture(scope="session")
def wide_run() -> list[tuple[str, dict[str, Any]]]:
    """The documents of a run of three events with 1,100 numbers each."""
    from event_model import compose_run

    run = compose_run(metadata={"plan_name": "wide"})
    keys = [f"key_{number:04}" for number in range(1_100)]
    number = {"source": "sim", "dtype": "number", "shape": [], "dtype_numpy": "<f8"}
    stream = run.compose_descriptor(name="primary", data_keys=dict.fromkeys(keys, number))
    events = [
        stream.compose_event(
            data={key: float(row * index) for index, key in enumerate(keys)},
            timestamps=dict.fromkeys(keys, float(row)),
        )
        for row in range(3)
    ]
    return [
        ("start", dict(run.start_doc)),
        ("descriptor", dict(stream.descriptor_doc)),
        *(("event", dict(event)) for event in events),
        ("stop", dict(run.compose_stop())),
    ]


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    """An embedded catalog with its tables in SQLite."""
    with open_catalog(tmp_path / "catalog") as catalog:
        yield catalog


@pytest.fixture
def duckdb_catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    """An embedded catalog with its tables in DuckDB."""
    with open_catalog(tmp_path / "duckdb-catalog", storage="duckdb") as catalog:
        yield catalog


@dataclass(frozen=True)
class Server:
    """A Tiled server in a process of its own."""

    uri: str
    api_key: str
    pid: int

    def connect(self) -> Any:
        from tiled.client import from_uri

        return from_uri(self.uri, api_key=self.api_key)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``tiled serve`` on the directory of an embedded catalog: SQLite for everything."""
    home = tmp_path_factory.mktemp("served")
    open_catalog(home).close()
    config = f"""\
catalog:
  uri: sqlite:///{home}/catalog.db
  writable_storage: ["{home}/data", "sqlite:///{home}/tables.db"]
media_types:
  BlueskyRun: {{application/json-seq: "bluesky_tiled_plugins.exporters:json_seq_exporter"}}
"""
    with serve(home, config) as server:
        yield server


@contextmanager
def serve(home: Path, config: str, *options: str, port: int | None = None) -> Iterator[Server]:
    """Run ``tiled serve`` with a configuration until the context ends."""
    (home / "config.yml").write_text(config)
    port, api_key = port or free_port(), secrets.token_hex(16)
    command = ["serve", "config", str(home / "config.yml"), "--port", str(port), *options]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tiled", *command],
            env={**os.environ, "TILED_SINGLE_USER_API_KEY": api_key},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    server = Server(f"http://127.0.0.1:{port}/api/v1", api_key, process.pid)
    try:
        _wait_for(process, server, home / "log")
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(process: subprocess.Popen[bytes], server: Server, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{server.uri}/").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the Tiled server did not start:\n{log.read_text()}")


ALL_SCOPES = (
    "read:metadata",
    "read:data",
    "write:metadata",
    "write:data",
    "create:node",
    "delete:node",
    "delete:revision",
    "register",
)


@dataclass(frozen=True)
class PolicyServer:
    """A Tiled server with users and access tags.

    The user alice owns the tag ``beamline``; ``other`` is the administrator's.
    """

    uri: str

    def api_key(
        self, user: str, scopes: Sequence[str], access_tags: Sequence[str] | None = None
    ) -> str:
        """A new API key of a user."""
        password = {"username": user, "password": "secret"}
        login = httpx.post(f"{self.uri}/auth/provider/toy/token", data=password)
        token = login.raise_for_status().json()["access_token"]
        answer = httpx.post(
            f"{self.uri}/auth/apikey",
            headers={"Authorization": f"Bearer {token}"},
            json={"scopes": scopes, "expires_in": 3600, "access_tags": access_tags},
        )
        return str(answer.raise_for_status().json()["secret"])

    @contextmanager
    def connect_as(
        self, user: str, scopes: Sequence[str], access_tags: Sequence[str] | None = None
    ) -> Iterator[Any]:
        """Connect with a new API key of a user."""
        from tiled.client import from_uri

        client = from_uri(self.uri, api_key=self.api_key(user, scopes, access_tags))
        yield client
        client.context.close()


Tags = Mapping[str, Mapping[str, Sequence[str]]]
"""Which users have which scopes where, by tag; those who may create nodes own the tag."""


@pytest.fixture(scope="session")
def policy_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PolicyServer]:
    """``tiled serve`` with users and a policy of access tags."""
    tags = {"beamline": {"alice": ALL_SCOPES}, "other": {"admin": ALL_SCOPES}}
    with serve_with_policy(tmp_path_factory.mktemp("policy"), tags, "beamline") as server:
        yield server


@contextmanager
def serve_with_policy(
    home: Path, tags: Tags, *top_level: str, readable_storage: Sequence[Path] = ()
) -> Iterator[PolicyServer]:
    """Run ``tiled serve`` with a policy of access tags, of which the root has those of `top_level`.

    Its users are alice, bob and admin, who is its administrator.
    """
    open_catalog(home).close()
    asyncio.run(_define_tags(home, tags))
    config = f"""\
authentication:
  providers:
    - provider: toy
      authenticator: tiled.authenticators:DictionaryAuthenticator
      args: {{users_to_passwords: {{alice: secret, bob: secret, admin: secret}}}}
  tiled_admins: [{{provider: toy, id: admin}}]
  secret_keys: ["{secrets.token_hex(16)}"]
database: {{uri: "sqlite:///{home}/authentication.db", init_if_not_exists: true}}
access_control:
  access_policy: tiled.access_control.access_policies:TagBasedAccessPolicy
  args: {{provider: toy, access_tags_parser: "tiled.access_control.access_tags:AccessTagsParser"}}
catalog:
  uri: sqlite:///{home}/catalog.db
  writable_storage: ["{home}/data", "sqlite:///{home}/tables.db"]
  readable_storage: {[str(path) for path in readable_storage]}
  top_level_access_tags: {["public", *top_level]}
"""
    with serve(home, config) as server:
        yield PolicyServer(server.uri)


async def _define_tags(home: Path, tags: Tags) -> None:
    from tiled.access_control.access_tags import AccessTagsCompiler
    from tiled.server.connection_pool import close_database_connection_pool
    from tiled.server.settings import DatabaseSettings

    database = DatabaseSettings(uri=f"sqlite+aiosqlite:///{home}/catalog.db")
    definitions = {
        "tags": {
            tag: {"users": [{"name": user, "scopes": list(of)} for user, of in scopes.items()]}
            for tag, scopes in tags.items()
        },
        "tag_owners": {
            tag: {"users": [{"name": user} for user, of in scopes.items() if "create:node" in of]}
            for tag, scopes in tags.items()
        },
    }
    compiler = AccessTagsCompiler(list(ALL_SCOPES), definitions, database, lambda group: [])
    compiler.load_tag_config()
    await compiler.compile()
    await close_database_connection_pool(database)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[str], str]]:
    """A PostgreSQL server: makes a database of a name, and gives its address."""
    with run_postgresql() as make_database:
        yield make_database


@pytest.fixture
def served(server: Server) -> Iterator[Any]:
    """A client of an empty container on a Tiled server."""
    client = server.connect()
    yield client.create_container(f"test-{uuid4().hex}")
    client.context.close()
