"""A Tiled server that keeps its catalog and its tables in PostgreSQL, where one is installed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import serve
from tests.databases import init_catalog


@pytest.fixture(scope="session")
def postgresql_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of files that the server below reads."""
    return tmp_path_factory.mktemp("postgresql-files")


@pytest.fixture(scope="session")
def postgresql_server(
    postgresql: Callable[[str], str],
    postgresql_files: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Any]:
    """``tiled serve`` with its catalog and tables in PostgreSQL."""
    home = tmp_path_factory.mktemp("postgresql")
    catalog, storage = postgresql("tiled_catalog"), postgresql("tiled_storage")
    init_catalog(catalog)
    config = f"""\
catalog:
  uri: {catalog}
  writable_storage: ["{home}/data", "{storage}"]
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
