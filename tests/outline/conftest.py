"""Mappings for the tests of outlines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outline.mappings import VALID


@pytest.fixture(autouse=True, scope="module")
def facility() -> Iterator[None]:
    """The functions of hooks that mappings for tests name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(VALID)
        yield


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a mapping that was made up is written."""
    return tmp_path_factory.mktemp("mappings") / "generated.yaml"
