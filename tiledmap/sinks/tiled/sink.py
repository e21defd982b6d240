"""Ops performed on a Tiled catalog, served or embedded.

Each op is one request where that can be: what a creation answers is kept until the run is closed,
so nothing that this sink made is asked for again. Every op may be performed again, after a lost
answer, a restart or a replay: a node that is there already is taken over if it is the same run's
and of the same kind, and rows that are stored already are not stored again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

import httpx
import numpy as np
import pyarrow as pa
from tiled.structures.array import ArrayStructure
from tiled.structures.data_source import DataSource
from tiled.structures.table import TableStructure
from tiled.utils import APACHE_ARROW_FILE_MIME_TYPE

from tiledmap.runtime.errors import CollisionError, SinkError, UnfitColumnsError
from tiledmap.runtime.ops import (
    AppendRows,
    CloseRun,
    CreateArray,
    CreateContainer,
    CreateNode,
    CreateRagged,
    CreateTable,
    ExtendArray,
    ExtendRagged,
    Op,
    PatchMetadata,
    Path,
)
from tiledmap.sinks.patches import json_patch, merged
from tiledmap.sinks.tiled.checks import (
    already_stored,
    as_kind,
    beyond_sqlite,
    changed_by_null,
    hint_for,
)
from tiledmap.sinks.tiled.encoding import (
    Array,
    arrow_file,
    data_type_of,
    kind_and_rows,
    ragged_array,
    uploads,
)
from tiledmap.sinks.tiled.requests import Json, RequestError, Requests, delays

Storage: TypeAlias = Literal["sqlite", "duckdb", "postgresql"]

_SQL_TABLE = "application/x-tiled-sql-table"
_SQL_RAGGED = "application/x-ragged+sql"


@dataclass(slots=True)
class _Node:
    """What is known of a node that a run writes to."""

    links: Mapping[str, str]
    family: str
    metadata: Json
    adopted: bool = False
    """True for a node that was there before."""
    rows: int | None = 0
    """Rows that are stored; None where the server must be asked."""
    kind: Any = None
    """What two nodes of one family must agree on: a schema, or (dtype, shape of a row)."""

    @property
    def uri(self) -> str:
        return self.links["self"]


@dataclass(slots=True)
class _Held:
    """A node that cannot grow on this server: its rows wait here for the run's end."""

    creation: CreateArray | CreateRagged
    metadata: Json
    rows: list[Array] = field(default_factory=list)


class TiledSink:
    """Performs ops on a Tiled catalog.

    Parameters
    ----------
    client
        A Tiled client of the container that ops' paths start from.
    storage
        Where that Tiled keeps tables, if known: what it cannot hold is then refused before any
        request.
    patience
        Seconds for which an op is tried again while the server is away or busy.
    close_streams
        True to tell a server with a streaming cache, at a run's end, that its nodes are complete.

    Notes
    -----
    Two things cannot grow on every server, and are written when the run is closed: an array without
    elements and, where tables are kept in SQLite, a ragged array. Neither can be read before, and
    both are lost if the process ends before. The ragged array becomes an awkward array, in which
    every row keeps its length and dtype, but which has no dims and which the ``read()`` of a whole
    Bluesky stream refuses; it is read by itself.
    """

    def __init__(
        self,
        client: Any,
        *,
        storage: Storage | None = None,
        patience: float = 10.0,
        close_streams: bool = False,
    ) -> None:
        self._requests = Requests(client.context.http_client)
        self._root = _Node({"self": client.uri}, "container", {})
        self._storage = storage
        self._patience = patience
        self._close_streams = close_streams
        self._unfit: set[Path] = set()
        self._shared: dict[Path, _Node] = {}
        self._runs: dict[str, dict[Path, _Node | _Held]] = {}
        self._actions: dict[type[Op], Callable[[Any], None]] = {
            CreateContainer: self._create_container,
            CreateTable: self._create_table,
            AppendRows: self._append_rows,
            CreateArray: self._create_array,
            ExtendArray: self._extend_array,
            CreateRagged: self._create_ragged,
            ExtendRagged: self._extend_ragged,
            PatchMetadata: self._patch_metadata,
            CloseRun: self._close_run,
        }

    def perform(self, op: Op) -> None:
        """Perform one op; one that was performed before changes nothing.

        Raises
        ------
        CollisionError
            If the place of a new node is taken by something else.
        SinkError
            If the op could not be performed; its `transient` says whether it may be later.
        """
        action = self._actions[type(op)]
        deadline = time.monotonic() + self._patience
        for tries, delay in enumerate(delays(), start=1):
            try:
                action(op)
                return
            except RequestError as error:
                if error.status == httpx.codes.NOT_FOUND:
                    self._shared.clear()  # one of them may have been deleted: look again
                if tries >= error.tries or time.monotonic() + delay > deadline:
                    raise _failure(error, op) from error
            time.sleep(delay)

    # Containers

    def _create_container(self, op: CreateContainer) -> None:
        nodes = self._runs.setdefault(op.run, {})
        inside = _is_inside(op.path, nodes)
        if op.shared:
            known = nodes if inside else self._shared
            if op.path not in known:
                known[op.path] = self._make_container(op, inside)
            return
        if inside:
            _check_unused(op, nodes)
        else:
            nodes.clear()  # a run that comes again is replayed from its start
        nodes[op.path] = self._make_container(op, inside)

    def _make_container(self, op: CreateContainer, inside: bool) -> _Node:
        parent = self._parent(op)
        for key in op.keys:
            node = self._create(op, parent, "container", key=key)
            if not node.adopted:
                return node
            if node.family == "container" and (op.shared or inside or _uid(node) == op.run):
                return node
        owner = f"run {_uid(node)}" if _uid(node) else "something that is no run"
        raise CollisionError(f"the place is taken by a {node.family} of {owner}", op)

    # Tables

    def _create_table(self, op: CreateTable) -> None:
        unfit = beyond_sqlite(op.schema)
        if unfit:
            self._unfit.add(op.path)
        if unfit and self._storage == "sqlite":
            raise UnfitColumnsError("SQLite cannot hold it", op, unfit, hint=hint_for(op))
        structure = TableStructure.from_schema(op.schema, 1)
        schema = op.schema.remove_metadata()
        self._keep(op, self._create_or_adopt(op, "table", schema, structure, mimetype=_SQL_TABLE))
        if op.path in self._unfit:
            self._unfit.remove(op.path)
            if not unfit:
                self._storage = "sqlite"  # which is known now, so it is not tried again

    def _append_rows(self, op: AppendRows) -> None:
        node = self._node(op)
        if (column := changed_by_null(op.rows)) is not None:
            raise SinkError(
                f"column {column!r} has nulls beside integers beyond 2**53, "
                "which Tiled would round",
                op,
            )
        if node.rows is None:
            node.rows = self._count_rows(node)
        stored = node.rows
        rows = op.rows.slice(already_stored(op, stored))
        if rows.num_rows == 0:
            return
        node.rows = None
        self._requests.send(
            "PATCH",
            node.links["partition"].format(index=0),
            content=arrow_file(rows),
            content_type=APACHE_ARROW_FILE_MIME_TYPE,
        )
        node.rows = stored + rows.num_rows

    def _count_rows(self, node: _Node) -> int:
        response = self._requests.send(
            "GET",
            node.links["partition"].format(index=0),
            params={"partition": 0, "column": node.kind.names[0]},
            accept=APACHE_ARROW_FILE_MIME_TYPE,
        )
        return int(pa.ipc.open_file(pa.py_buffer(response.content)).read_all().num_rows)

    # Arrays

    def _create_array(self, op: CreateArray) -> None:
        if op.data.size == 0:
            self._hold(op, [op.data])
            return
        first = next(uploads(op.data))
        structure = ArrayStructure(
            data_type=data_type_of(op, op.data.dtype),
            shape=first.shape,
            chunks=tuple((length,) for length in first.shape),
            dims=op.dims,
        )
        kind = (op.data.dtype, op.data.shape[1:])
        node = self._create_or_adopt(op, "array", kind, structure)
        written = 0
        if not node.adopted:
            self._requests.send("PUT", node.links["full"], content=first.tobytes())
            node.rows = written = len(first)
        # A node that was there may lack its first rows: they are written again, in their place.
        self._write_array(node, op.data[written:], written)
        self._keep(op, node)

    def _extend_array(self, op: ExtendArray) -> None:
        node = self._known(op)
        if isinstance(node, _Held):
            node.rows.append(op.data[already_stored(op, sum(map(len, node.rows))) :])
            return
        data = as_kind(op, node.kind)
        assert node.rows is not None
        skipped = already_stored(op, node.rows)
        self._write_array(node, data[skipped:], op.first + skipped)

    def _write_array(self, node: _Node, data: Array, first: int) -> None:
        """Write rows in their place; doing so again changes nothing."""
        for part in uploads(data):
            structure = self._requests.send(
                "PATCH",
                node.links["full"],
                content=part.tobytes(),
                params={
                    "offset": str(first),
                    "shape": ",".join(map(str, part.shape)),
                    "extend": True,
                },
            ).json()
            first += len(part)
            node.rows = structure["shape"][0]

    def _create_ragged(self, op: CreateRagged) -> None:
        from tiled.structures.ragged import RaggedStructure

        dtype = op.rows[0].dtype
        if dtype.kind not in "biufc":
            raise SinkError(f"a ragged array holds numbers, not {dtype}", op)
        if self._storage == "sqlite":
            self._hold(op, op.rows)
            return
        structure = RaggedStructure(
            data_type=data_type_of(op, dtype),
            shape=(0, *op.shape),
            size=sum(row.size for row in op.rows),  # Tiled counts no further than the first rows
            chunks=((), *(None if length is None else (length,) for length in op.shape)),
            dims=op.dims,
        )
        try:
            node = self._create_or_adopt(
                op, "ragged", (dtype, op.shape), structure, mimetype=_SQL_RAGGED, or_else="awkward"
            )
        except RequestError as error:
            if error.status != httpx.codes.INTERNAL_SERVER_ERROR:
                raise
            self._hold(op, op.rows)  # SQLite, as far as can be told
            return
        if node.family == "awkward":
            self._hold(op, op.rows)
            return
        self._write_ragged(node, op)
        self._keep(op, node)

    def _extend_ragged(self, op: ExtendRagged) -> None:
        node = self._known(op)
        if isinstance(node, _Held):
            node.rows.extend(op.rows[already_stored(op, len(node.rows)) :])
        else:
            self._write_ragged(node, op)

    def _write_ragged(self, node: _Node, op: CreateRagged | ExtendRagged) -> None:
        from tiled.serialization.ragged import to_zipped_buffers

        if node.rows is None:
            node.rows = self._find(node.uri).rows
        assert node.rows is not None
        stored = node.rows
        rows = op.rows[already_stored(op, stored) :]
        if not rows:
            return
        node.rows = None
        self._requests.send(
            "PATCH",
            node.links["full"],
            content=to_zipped_buffers("application/zip", ragged_array(rows, op.shape), {}),
            content_type="application/zip",
            params={"offset": str(stored), "shape": str(len(rows)), "extend": True},
        )
        node.rows = stored + len(rows)

    # What waits for the run's end

    def _hold(self, op: CreateArray | CreateRagged, rows: Sequence[Array]) -> None:
        nodes = self._runs.setdefault(op.run, {})
        _check_unused(op, nodes)
        self._parent(op)
        nodes[op.path] = _Held(op, op.metadata, list(rows))

    def _write_held(self, held: _Held) -> None:
        if isinstance(held.creation, CreateArray):
            self._write_empty(held, held.creation)
        else:
            self._write_awkward(held, held.creation)

    def _write_empty(self, held: _Held, op: CreateArray) -> None:
        data = np.concatenate(held.rows)
        structure = ArrayStructure(
            data_type=data_type_of(op, data.dtype),
            shape=data.shape,
            chunks=tuple((length,) for length in data.shape),
            dims=op.dims,
        )
        node = self._create(op, self._parent(op), "array", structure, metadata=held.metadata)
        if node.adopted and (node.rows, node.kind) != (len(data), (data.dtype, data.shape[1:])):
            raise _other_kind(op, "array")

    def _write_awkward(self, held: _Held, op: CreateRagged) -> None:
        import awkward
        from tiled.serialization.awkward import to_zipped_buffers
        from tiled.structures.awkward import AwkwardStructure

        array = awkward.to_packed(ragged_array(held.rows, op.shape)._impl)
        form, length, buffers = awkward.to_buffers(array)
        structure = AwkwardStructure(length=length, form=form.to_dict())
        node = self._create(op, self._parent(op), "awkward", structure, metadata=held.metadata)
        if node.adopted and (node.rows, node.kind) != (length, structure.form):
            raise _other_kind(op, "awkward array")
        self._requests.send(
            "PUT",
            node.links["full"],
            content=bytes(to_zipped_buffers("application/zip", (form, length, buffers), {})),
            content_type="application/zip",
        )

    # Metadata

    def _patch_metadata(self, op: PatchMetadata) -> None:
        node = self._known(op)
        if isinstance(node, _Node):
            self._patch(node, op.patch)
        node.metadata = merged(node.metadata, op.patch)

    def _close_run(self, op: CloseRun) -> None:
        """Write what waited, then the last word, whatever became of the rest."""
        nodes = self._runs.get(op.run, {})
        failures: list[SinkError] = []
        for path, held in [(path, node) for path, node in nodes.items() if isinstance(node, _Held)]:
            try:
                self._write_held(held)
            except RequestError as error:
                if error.tries > 1:
                    raise
                failures.append(SinkError(error.words, held.creation))
            except SinkError as error:
                failures.append(error)
            del nodes[path]
        self._patch(self._node(op), op.patch)
        if self._close_streams:
            for node in reversed(nodes.values()):
                assert isinstance(node, _Node)
                self._requests.send("DELETE", node.uri.replace("/metadata/", "/stream/close/", 1))
        del self._runs[op.run]
        if failures:
            raise failures[0]

    def _patch(self, node: _Node, patch: Json) -> None:
        # As a JSON Patch: Tiled takes a merge patch without access tags to mean "no access tags".
        steps = list(json_patch(patch, node.metadata))
        if steps:
            body = {
                "content-type": "application/json-patch+json",
                "metadata": steps,
                "specs": None,
                "access_tags": None,
            }
            self._requests.send("PATCH", node.uri, json=body, params={"drop_revision": True})

    # Nodes

    def _parent(self, op: Op) -> _Node:
        path = op.path[:-1]
        if not path:
            return self._root
        node = self._runs.get(op.run, {}).get(path) or self._shared.get(path)
        if not isinstance(node, _Node):
            raise SinkError(f"its parent {'/'.join(path)} was not created", op)
        return node

    def _known(self, op: Op) -> _Node | _Held:
        node = self._runs.get(op.run, {}).get(op.path)
        if node is None:
            raise SinkError("it was not created", op)
        return node

    def _node(self, op: Op) -> _Node:
        node = self._known(op)
        assert isinstance(node, _Node)
        return node

    def _create_or_adopt(
        self,
        op: CreateNode,
        family: str,
        kind: Any,
        structure: Any,
        *,
        mimetype: str | None = None,
        or_else: str | None = None,
    ) -> _Node:
        """Make a node of a run, or take over the one of the same kind that the run has there."""
        _check_unused(op, self._runs.setdefault(op.run, {}))
        node = self._create(op, self._parent(op), family, structure, mimetype=mimetype)
        if not node.adopted:
            node.kind = kind
        elif node.family != or_else and (node.family, node.kind) != (family, kind):
            raise _other_kind(op, node.family)
        return node

    def _keep(self, op: CreateNode, node: _Node) -> None:
        """Know a node from now on: it is there with all that its creation says."""
        self._runs[op.run][op.path] = node

    def _create(
        self,
        op: CreateNode,
        parent: _Node,
        family: str,
        structure: Any = None,
        *,
        key: str | None = None,
        mimetype: str | None = None,
        metadata: Json | None = None,
    ) -> _Node:
        """Make a node, or find the one that has its place."""
        key = op.path[-1] if key is None else key
        metadata = op.metadata if metadata is None else metadata
        source = DataSource(structure_family=family, structure=structure, mimetype=mimetype)
        body = {
            "id": key,
            "structure_family": family,
            "metadata": metadata,
            "specs": [{"name": spec.name, "version": spec.version} for spec in op.specs],
            "access_tags": None if op.access_tags is None else list(op.access_tags),
            "data_sources": [] if structure is None else [asdict(source)],
        }
        try:
            made = self._requests.send("POST", parent.uri, json=body).json()
        except RequestError as error:
            if error.status != httpx.codes.CONFLICT:
                raise
            return self._find(f"{parent.uri.rstrip('/')}/{quote(key, safe='')}")
        # A server's validator may have changed the metadata.
        return _Node(made["links"], family, made.get("metadata", metadata))

    def _find(self, uri: str) -> _Node:
        item = self._requests.send("GET", uri).json()["data"]
        attributes = item["attributes"]
        family = attributes["structure_family"]
        kind, rows = kind_and_rows(family, attributes["structure"])
        return _Node(item["links"], family, attributes["metadata"], True, rows, kind)


def _failure(error: RequestError, op: Op) -> SinkError:
    """What the last try of an op has come to."""
    if isinstance(op, CreateTable) and error.status == httpx.codes.INTERNAL_SERVER_ERROR:
        unfit = beyond_sqlite(op.schema)
        if unfit:
            return UnfitColumnsError(error.words, op, unfit, hint=hint_for(op))
    return SinkError(error.words, op, transient=error.tries > 1, hint=hint_for(op))


def _uid(node: _Node) -> Any:
    start = node.metadata.get("start")
    return start.get("uid") if isinstance(start, dict) else None


def _is_inside(path: Path, nodes: Mapping[Path, Any]) -> bool:
    """Whether a node is below another of its run."""
    return any(path[:length] in nodes for length in range(1, len(path)))


def _check_unused(op: CreateNode, nodes: Mapping[Path, Any]) -> None:
    if op.path in nodes:
        raise CollisionError("two things of this run are written to this place", op)


def _other_kind(op: CreateNode, family: str) -> CollisionError:
    return CollisionError(f"the run has another {family} in this place already", op)
