"""Who writes: tiledmap, the writers that there are beside it, and the floor that none can be under.

The floor is the same data, ready as Tiled's client takes them: nodes with the metadata that they
have in the end, rows as Arrow tables, arrays as numpy's, files as data sources.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from typing import Any, Protocol, TypeAlias

from bluesky.callbacks.tiled_writer import TiledWriter as BlueskyTiledWriter
from bluesky_tiled_plugins import TiledWriter
from tiled.structures.core import Spec
from tiled.structures.data_source import DataSource

import tiledmap
from benchmarks.works import NamedDocument
from tiledmap.runtime.ops import Path
from tiledmap.sinks.memory import MemorySink, StoredNode
from tiledmap.sinks.tiled.encoding import external_source

BATCH = 10_000
"""Rows that all writers send at once: the others' own number."""
DOCUMENTS_AT_ONCE = 25_000
"""How many documents there are before a writer is given them."""

Act: TypeAlias = Callable[[], None]
"""A part of the work, for which everything is ready."""


class Writer(Protocol):
    """What is measured."""

    def acts(self, documents: Iterable[NamedDocument], at_once: int = ...) -> Iterator[Act]:
        """Make parts of the work ready, one after the other."""

    def finish(self) -> None:
        """Return when everything is in Tiled."""


OpenWriter: TypeAlias = Callable[[Any], AbstractContextManager[Writer]]


@dataclass(frozen=True)
class Callback:
    """A Bluesky callback; `flush` waits for what it has not written yet."""

    take: Callable[[str, dict[str, Any]], Any]
    flush: Callable[[], Any] = lambda: None

    def acts(
        self, documents: Iterable[NamedDocument], at_once: int = DOCUMENTS_AT_ONCE
    ) -> Iterator[Act]:
        """Give so many documents at a time: a million are not kept."""
        waiting = iter(documents)
        while some := list(islice(waiting, at_once)):
            yield partial(self._feed, some)

    def _feed(self, documents: Iterable[NamedDocument]) -> None:
        take = self.take
        for name, document in documents:
            take(name, document)

    def finish(self) -> None:
        self.flush()


@contextmanager
def tiledmap_writer(client: Any, **options: Any) -> Iterator[Callback]:
    """Through the shipped mapping that lays runs out as the others do."""
    with _mapping().writer(client, on_error="raise", **options) as writer:
        yield Callback(writer, writer.flush)


@cache
def _mapping() -> tiledmap.LoadedMapping:
    return tiledmap.load("bluesky-v3", settings={"max_array_size": 16})  # as the others have it


@contextmanager
def tiled_writer(client: Any, make: Callable[..., Any], **options: Any) -> Iterator[Callback]:
    """One of the writers that are there."""
    yield Callback(make(client, **options))


# The floor


@dataclass(frozen=True)
class Floor:
    """Tiled's client, given what is ready."""

    client: Any

    def acts(
        self, documents: Iterable[NamedDocument], at_once: int = DOCUMENTS_AT_ONCE
    ) -> Iterator[Act]:
        """Make all nodes ready."""
        nodes = [(path, _ready(path[-1], node)) for path, node in nodes_of(documents).items()]
        yield partial(self._make, nodes)

    def _make(self, nodes: Iterable[tuple[tuple[str, ...], Callable[[Any], Any]]]) -> None:
        made: dict[tuple[str, ...], Any] = {(): self.client}
        for path, make in nodes:
            made[path] = make(made[path[:-1]])

    def finish(self) -> None:
        """All is there."""


def nodes_of(documents: Iterable[NamedDocument]) -> Mapping[Path, StoredNode]:
    """What documents come to, parents before their children."""
    sink = MemorySink()
    with _mapping().writer(sink, delivery="inline", on_error="raise", **TOGETHER) as writer:
        for name, document in documents:
            writer(name, document)
    return sink.tree


@contextmanager
def _floor(client: Any) -> Iterator[Writer]:
    yield Floor(client)


def _ready(key: str, node: StoredNode) -> Callable[[Any], Any]:
    """What makes a node in its parent; a container's client is given."""
    common: dict[str, Any] = {
        "key": key,
        "metadata": node.metadata,
        "specs": [Spec(spec.name, spec.version) for spec in node.specs],
        "access_tags": None if node.access_tags is None else list(node.access_tags),
    }
    if node.source is not None:
        return partial(_register, data_source=external_source(node.source), **common)
    if node.rows is not None:
        rows = node.rows.combine_chunks()
        tables = [rows.slice(first, BATCH) for first in range(0, rows.num_rows, BATCH)]
        return partial(_append, schema=rows.schema, tables=tables, **common)
    if node.data is not None:
        return partial(_write_array, array=node.data, dims=node.dims, **common)
    if node.family != "container":
        raise TypeError(f"no floor is known for nodes of the family {node.family}")
    return partial(_create, **common)


def _create(parent: Any, **common: Any) -> Any:
    container = parent.create_container(**common)
    return getattr(container, "base", container)  # a composite's own client looks all children up


def _append(parent: Any, *, schema: Any, tables: Iterable[Any], **common: Any) -> None:
    node = parent.create_appendable_table(schema, **common)
    for table in tables:
        node.append_partition(0, table)


def _write_array(parent: Any, *, array: Any, dims: Any, **common: Any) -> None:
    parent.write_array(array, dims=dims, **common)


def _register(parent: Any, *, data_source: DataSource[Any], **common: Any) -> None:
    parent.new(data_source.structure_family, [data_source], **common)


# All of them

TOGETHER: Mapping[str, Any] = {"flush_rows": BATCH, "flush_seconds": 3600.0}
"""Rows are sent in the same batches as the others send."""

INLINE = "tiledmap, inline"
BACKGROUND = "tiledmap, background"
OURS = (INLINE, BACKGROUND)
INCUMBENT = "TiledWriter"
BARE_INCUMBENT = "TiledWriter, normalizer=None"
BLUESKYS = "bluesky's own TiledWriter"
FLOOR = "the floor"

WRITERS: Mapping[str, OpenWriter] = {
    INLINE: partial(tiledmap_writer, delivery="inline", **TOGETHER),
    BACKGROUND: partial(tiledmap_writer, **TOGETHER),
    INCUMBENT: partial(tiled_writer, make=TiledWriter, batch_size=BATCH),
    BARE_INCUMBENT: partial(tiled_writer, make=TiledWriter, batch_size=BATCH, normalizer=None),
    BLUESKYS: partial(tiled_writer, make=BlueskyTiledWriter, batch_size=BATCH),
    FLOOR: _floor,
}

LEFT_OUT: Mapping[tuple[str, str], str] = {
    ("legacy", BARE_INCUMBENT): "leaves the images out: it keeps the ids of their datums as text",
    ("legacy", BLUESKYS): "registers the images' file as bytes, of which none can be read",
}
"""Work that a writer takes without an error, and does not do."""
