"""The same documents written by tiledmap and by bluesky-tiled-plugins' TiledWriter."""

import copy
import warnings
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import uuid4

from bluesky_tiled_plugins import TiledWriter

import tiledmap
from tiledmap.sinks.embedded import EmbeddedCatalog

MAX_ARRAY_SIZE = 16
"""What TiledWriter has as its default."""


class Missing(Enum):
    """What a tree has where the other has something."""

    MISSING = "missing"


MISSING = Missing.MISSING


def write_both(catalog: EmbeddedCatalog, documents: list[Any]) -> tuple[Any, Any]:
    """Clients of two containers: what `write_ours` has written, and `write_theirs`."""
    ours = write_ours(catalog, documents, max_array_size=MAX_ARRAY_SIZE)
    return ours, write_theirs(catalog, documents)


def write_ours(
    catalog: EmbeddedCatalog,
    documents: Iterable[tuple[str, Any]],
    mapping: str | Path = "bluesky-v3",
    on_error: str = "raise",
    into: Any = None,
    **settings: Any,
) -> Any:
    """Write documents through a mapping; give a client of the container that they are in."""
    client = into if into is not None else catalog.client.create_container(f"ours-{uuid4().hex}")
    loaded = tiledmap.load(mapping, settings=settings)
    with loaded.writer(client, on_error=on_error) as writer:
        for name, document in documents:
            writer(name, document)
    return client


def write_theirs(
    catalog: EmbeddedCatalog,
    documents: Iterable[tuple[str, Any]],
    into: Any = None,
    **options: Any,
) -> Any:
    """Write documents with TiledWriter; give a client of the container that they are in."""
    client = into if into is not None else catalog.client.create_container(f"theirs-{uuid4().hex}")
    writer = TiledWriter(client, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is deprecated
        for name, document in documents:
            writer(name, copy.deepcopy(document))
    return client


def differences(ours: Any, theirs: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Where two trees differ, with what each has there."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = {}
        for key in sorted({*ours, *theirs}):
            both = ours.get(key, MISSING), theirs.get(key, MISSING)
            found |= differences(*both, f"{path}/{key}")
        return found
    return {} if ours == theirs else {path: (ours, theirs)}


def read_by_clients(*containers: Any) -> list[dict[str, Any]]:
    """What `BlueskyRun`, `BlueskyEventStream`, `documents()` and `.v2` give, for each container.

    After a first `.v2`, this process finds all runs in that form, so it comes last.
    """
    found = [
        {
            uid: {
                "documents": list(run.documents()),
                "streams": {key: _dataset(run[key].read()) for key in run},
                "descriptors": {key: run[key].descriptors for key in run},
            }
            for uid, run in container.items()
        }
        for container in containers
    ]
    for container, runs in zip(containers, found, strict=True):
        for uid, read in runs.items():
            v2 = container[uid].v2
            read["v2"] = {
                stream: {
                    part: _parts(v2[stream][part]) for part in ("data", "config", "timestamps")
                }
                for stream in v2
            }
    return found


def _dataset(dataset: Any) -> dict[str, Any]:
    return {
        str(name): (len(values.dims), values.dtype.str, values.values.tolist())
        for name, values in dataset.variables.items()
    }


def _parts(part: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if hasattr(part, "read"):
            return _dataset(part.read())
        return {key: _parts(part[key]) for key in part}
