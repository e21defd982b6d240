"""Writers that write documents themselves, to compare others with."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from tiledmap.runtime import courier


@contextmanager
def written_as_they_are() -> Iterator[None]:
    """Have writers without a thread and a spool write documents, not what was made of their bytes.

    No document may change meanwhile.
    """
    with (
        patch.object(courier, "encode", lambda *document: document),
        patch.object(courier, "decode", lambda document: document),
    ):
        yield
