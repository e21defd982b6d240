"""What a request that makes many nodes would give: the floor of small runs, with it and without."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from typing import Any, TypeAlias

import msgpack
import pyarrow as pa
from tiled.client.utils import handle_error
from tiled.structures.data_source import DataSource
from tiled.structures.table import TableStructure
from tiled.utils import APACHE_ARROW_FILE_MIME_TYPE

from benchmarks.bulk_router import ENDPOINT
from benchmarks.works import NamedDocument
from benchmarks.writers import (
    DOCUMENTS_AT_ONCE,
    FLOOR,
    INCUMBENT,
    INLINE,
    WRITERS,
    Act,
    OpenWriter,
    Writer,
    nodes_of,
)
from tiledmap.runtime.ops import Path
from tiledmap.sinks.memory import StoredNode
from tiledmap.sinks.tiled.encoding import arrow_file

NODES_AT_ONCE = "the floor, a run's nodes in one request"
ALL_AT_ONCE = "the floor, a run's nodes and rows in one request"

Nodes: TypeAlias = Sequence[tuple[Path, StoredNode, pa.RecordBatch | None]]


@dataclass(frozen=True)
class BulkFloor:
    """The floor, with the prototype of an endpoint: a run's nodes are containers and tables.

    Parameters
    ----------
    rows_too
        Whether rows come with their nodes.
    """

    client: Any
    rows_too: bool

    def acts(
        self, documents: Iterable[NamedDocument], at_once: int = DOCUMENTS_AT_ONCE
    ) -> Iterator[Act]:
        """Make all nodes ready."""
        nodes = [(path, node, _batch(node)) for path, node in nodes_of(documents).items()]
        runs = groupby(nodes, key=lambda ready: ready[0][0])
        yield partial(self._write, [list(of_run) for _, of_run in runs])

    def _write(self, runs: Iterable[Nodes]) -> None:
        context = self.client.context
        http, api = context.http_client, context.api_uri
        here = "/".join(self.client.path_parts)
        for nodes in runs:
            bodies = [_body(path, node, rows, rows_too=self.rows_too) for path, node, rows in nodes]
            handle_error(http.post(f"{api}{ENDPOINT}/{here}", content=msgpack.packb(bodies)))
            for path, _, rows in () if self.rows_too else nodes:
                if rows is not None:
                    table = "/".join([*self.client.path_parts, *path])
                    handle_error(
                        http.patch(
                            f"{api}table/partition/{table}?partition=0",
                            content=arrow_file(rows),
                            headers={"Content-Type": APACHE_ARROW_FILE_MIME_TYPE},
                        )
                    )

    def finish(self) -> None:
        """All is there."""


def _batch(node: StoredNode) -> pa.RecordBatch | None:
    if node.rows is None:
        return None
    [batch] = node.rows.combine_chunks().to_batches()
    return batch


def _body(
    path: Path, node: StoredNode, rows: pa.RecordBatch | None, *, rows_too: bool
) -> dict[str, Any]:
    """What Tiled's client sends of a node, and its rows."""
    sources = []
    if rows is not None:
        source = DataSource(
            structure=TableStructure.from_schema(rows.schema, 1),
            structure_family="table",
            mimetype="application/x-tiled-sql-table",
        )
        sources.append(asdict(source))
    return {
        "path": path,
        "body": {
            "structure_family": node.family,
            "metadata": node.metadata,
            "specs": [asdict(spec) for spec in node.specs],
            "data_sources": sources,
        },
        "rows": arrow_file(rows) if rows_too and rows is not None else None,
    }


@contextmanager
def _open(client: Any, *, rows_too: bool) -> Iterator[Writer]:
    yield BulkFloor(client, rows_too)


BULK_WRITERS: Mapping[str, OpenWriter] = {
    **{name: WRITERS[name] for name in (INLINE, INCUMBENT, FLOOR)},
    NODES_AT_ONCE: partial(_open, rows_too=False),
    ALL_AT_ONCE: partial(_open, rows_too=True),
}
