"""A spool in a directory of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tiledmap.runtime.journal import Spool


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(directory: Path) -> Iterator[Spool]:
    spool = Spool(directory)
    yield spool
    spool.close()
