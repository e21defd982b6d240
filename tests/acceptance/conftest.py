"""A Tiled server that keeps its catalog and its tables in PostgreSQL, where one is installed."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import free_port, serve


def _programs() -> Path | None:
    """Where PostgreSQL's programs are; Debian keeps them off the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    return next(iter(debian), Path(found).parent if found else None)


def _as_user(command: list[str]) -> list[str]:
    """PostgreSQL refuses to be run by root."""
    if os.getuid() != 0:
        return command
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server, without a database: ``postgresql://…/``."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="tiledmap-pg-") as directory:
        if os.getuid() == 0:
            shutil.chown(directory, "nobody", "nogroup")
        data = Path(directory) / "data"
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {directory} -F"

        def run(*command: str) -> None:
            subprocess.run(
                _as_user([str(programs / command[0]), *command[1:]]),
                check=True,
                cwd="/",
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

        run("initdb", "-D", str(data), "-U", "tiled", "--auth=trust", "--encoding=UTF8")
        run("pg_ctl", "-D", str(data), "-o", options, "-l", f"{directory}/log", "-w", "start")
        try:
            for name in ("tiled_catalog", "tiled_storage"):
                run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "tiled", name)
            yield f"postgresql://tiled@127.0.0.1:{port}/"
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


@pytest.fixture(scope="session")
def postgresql_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of files that the server below reads."""
    return tmp_path_factory.mktemp("postgresql-files")


@pytest.fixture(scope="session")
def postgresql_server(
    postgresql: str, postgresql_files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """``tiled serve`` with its catalog and tables in PostgreSQL."""
    home = tmp_path_factory.mktemp("postgresql")
    subprocess.run(
        [sys.executable, "-m", "tiled", "catalog", "init", f"{postgresql}tiled_catalog"],
        check=True,
        capture_output=True,
    )
    config = f"""\
catalog:
  uri: {postgresql}tiled_catalog
  writable_storage: ["{home}/data", "{postgresql}tiled_storage"]
  readable_storage: ["{postgresql_files}"]
media_types:
  BlueskyRun: {{application/json-seq: "bluesky_tiled_plugins.exporters:json_seq_exporter"}}
"""
    with serve(home, config) as server:
        yield server


@pytest.fixture
def postgresql_client(postgresql_server: Any) -> Iterator[Any]:
    """A client of an empty container on that server."""
    client = postgresql_server.connect()
    yield client.create_container(f"test-{uuid4().hex}")
    client.context.close()
