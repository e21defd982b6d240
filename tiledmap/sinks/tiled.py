"""Ops performed on a Tiled catalog, served or embedded.

Each op is one request where that can be: what a creation answers is kept until the run is closed,
so nothing that this sink made is asked for again. Every op may be performed again, after a lost
answer, a restart or a replay: a node that is there already is taken over if it is the same run's
and of the same kind, and rows that are stored already are not stored again.

Requests go through the client's own HTTP client, with its credentials and headers, but not through
its retries: those repeat for 25 seconds what can never succeed, and give up at once on an
append, which only a look at the table makes safe to repeat.
"""

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tiled.structures.array import ArrayStructure, BuiltinDtype, StructDtype
from tiled.structures.data_source import DataSource
from tiled.structures.table import TableStructure
from tiled.utils import APACHE_ARROW_FILE_MIME_TYPE, safe_json_dump

from tiledmap.runtime.errors import CollisionError, SinkError
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
from tiledmap.sinks.memory import merged

Array: TypeAlias = np.ndarray[Any, Any]
Json: TypeAlias = dict[str, Any]
Storage: TypeAlias = Literal["sqlite", "duckdb", "postgresql"]

LARGEST_UPLOAD = 100_000_000
"""Bytes of an array in one request."""
EXACT_BESIDE_NULL = 2**53
"""Tiled reads a column of integers as floats where one of them is null."""
WIDEST_SURE = 1000
"""Columns of doubles that a row of PostgreSQL always takes."""

_SQL_TABLE = "application/x-tiled-sql-table"
_SQL_RAGGED = "application/x-ragged+sql"
_BUSY = frozenset({408, 425, 429, 502, 503, 504})
_TRIES_OF_SERVER_ERROR = 6


class _RequestError(Exception):
    """A request that did not succeed, and how many tries it is worth."""

    def __init__(self, words: str, *, status: int | None = None, tries: float = 1) -> None:
        super().__init__(words)
        self.words = words
        self.status = status
        self.tries = tries


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
        self._http: httpx.Client = client.context.http_client
        self._root = _Node({"self": client.uri}, "container", {})
        self._storage = storage
        self._patience = patience
        self._close_streams = close_streams
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
        for tries, delay in enumerate(_delays(), start=1):
            try:
                action(op)
                return
            except _RequestError as error:
                if error.status == httpx.codes.NOT_FOUND:
                    self._shared.clear()  # one of them may have been deleted: look again
                if tries >= error.tries or time.monotonic() + delay > deadline:
                    raise SinkError(
                        error.words, op, transient=error.tries > 1, hint=_hint(op)
                    ) from error
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
        key = op.path[-1]
        keys = [key]
        if op.on_collision == "suffix_uid" and not op.shared and not inside:
            keys.append(f"{key}_{op.run[:8]}")
        for key in keys:
            node = self._create(op, parent, "container", key=key)
            if not node.adopted:
                return node
            if node.family == "container" and (op.shared or inside or _uid(node) == op.run):
                return node
        owner = f"run {_uid(node)}" if _uid(node) else "something that is no run"
        raise CollisionError(f"the place is taken by a {node.family} of {owner}", op)

    # Tables

    def _create_table(self, op: CreateTable) -> None:
        if self._storage == "sqlite" and (columns := _beyond_sqlite(op.schema)):
            raise SinkError(f"SQLite cannot hold {', '.join(columns)}", op, hint=_hint(op))
        structure = TableStructure.from_schema(op.schema, 1)
        schema = op.schema.remove_metadata()
        self._keep(op, self._create_or_adopt(op, "table", schema, structure, mimetype=_SQL_TABLE))

    def _append_rows(self, op: AppendRows) -> None:
        node = self._node(op)
        if (column := _changed_by_null(op.rows)) is not None:
            raise SinkError(
                f"column {column!r} has nulls beside integers beyond 2**53, "
                "which Tiled would round",
                op,
            )
        if node.rows is None:
            node.rows = self._count_rows(node)
        stored = node.rows
        rows = op.rows.slice(_already_stored(op, stored))
        if rows.num_rows == 0:
            return
        node.rows = None
        self._send(
            "PATCH",
            node.links["partition"].format(index=0),
            content=_arrow_file(rows),
            content_type=APACHE_ARROW_FILE_MIME_TYPE,
        )
        node.rows = stored + rows.num_rows

    def _count_rows(self, node: _Node) -> int:
        response = self._send(
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
        first = next(_uploads(op.data))
        structure = ArrayStructure(
            data_type=_data_type(op, op.data.dtype),
            shape=first.shape,
            chunks=tuple((length,) for length in first.shape),
            dims=op.dims,
        )
        kind = (op.data.dtype, op.data.shape[1:])
        node = self._create_or_adopt(op, "array", kind, structure)
        written = 0
        if not node.adopted:
            self._send("PUT", node.links["full"], content=first.tobytes())
            node.rows = written = len(first)
        # A node that was there may lack its first rows: they are written again, in their place.
        self._write_array(node, op.data[written:], written)
        self._keep(op, node)

    def _extend_array(self, op: ExtendArray) -> None:
        node = self._known(op)
        if isinstance(node, _Held):
            node.rows.append(op.data[_already_stored(op, sum(map(len, node.rows))) :])
            return
        data = _as_kind(op, node.kind)
        assert node.rows is not None
        skipped = _already_stored(op, node.rows)
        self._write_array(node, data[skipped:], op.first + skipped)

    def _write_array(self, node: _Node, data: Array, first: int) -> None:
        """Write rows in their place; doing so again changes nothing."""
        for part in _uploads(data):
            structure = self._send(
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
            data_type=_data_type(op, dtype),
            shape=(0, *op.shape),
            size=sum(row.size for row in op.rows),  # Tiled counts no further than the first rows
            chunks=((), *(None if length is None else (length,) for length in op.shape)),
            dims=op.dims,
        )
        try:
            node = self._create_or_adopt(
                op, "ragged", (dtype, op.shape), structure, mimetype=_SQL_RAGGED, or_else="awkward"
            )
        except _RequestError as error:
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
            node.rows.extend(op.rows[_already_stored(op, len(node.rows)) :])
        else:
            self._write_ragged(node, op)

    def _write_ragged(self, node: _Node, op: CreateRagged | ExtendRagged) -> None:
        from tiled.serialization.ragged import to_zipped_buffers

        if node.rows is None:
            node.rows = self._find(node.uri).rows
        assert node.rows is not None
        stored = node.rows
        rows = op.rows[_already_stored(op, stored) :]
        if not rows:
            return
        node.rows = None
        self._send(
            "PATCH",
            node.links["full"],
            content=to_zipped_buffers("application/zip", _ragged(rows, op.shape), {}),
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
            data_type=_data_type(op, data.dtype),
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

        array = awkward.to_packed(_ragged(held.rows, op.shape)._impl)
        form, length, buffers = awkward.to_buffers(array)
        structure = AwkwardStructure(length=length, form=form.to_dict())
        node = self._create(op, self._parent(op), "awkward", structure, metadata=held.metadata)
        if node.adopted and (node.rows, node.kind) != (length, structure.form):
            raise _other_kind(op, "awkward array")
        self._send(
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
            except _RequestError as error:
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
                self._send("DELETE", node.uri.replace("/metadata/", "/stream/close/", 1))
        del self._runs[op.run]
        if failures:
            raise failures[0]

    def _patch(self, node: _Node, patch: Json) -> None:
        # As a JSON Patch: Tiled takes a merge patch without access tags to mean "no access tags".
        steps = list(_json_patch(patch, node.metadata))
        if steps:
            body = {
                "content-type": "application/json-patch+json",
                "metadata": steps,
                "specs": None,
                "access_tags": None,
            }
            self._send("PATCH", node.uri, json=body, params={"drop_revision": True})

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
            made = self._send("POST", parent.uri, json=body).json()
        except _RequestError as error:
            if error.status != httpx.codes.CONFLICT:
                raise
            return self._find(f"{parent.uri.rstrip('/')}/{quote(key, safe='')}")
        # A server's validator may have changed the metadata.
        return _Node(made["links"], family, made.get("metadata", metadata))

    def _find(self, uri: str) -> _Node:
        item = self._send("GET", uri).json()["data"]
        attributes = item["attributes"]
        family = attributes["structure_family"]
        kind, rows = _kind_and_rows(family, attributes["structure"])
        return _Node(item["links"], family, attributes["metadata"], True, rows, kind)

    # Requests

    def _send(
        self,
        method: str,
        url: str,
        *,
        json: Json | None = None,
        content: bytes | None = None,
        content_type: str = "application/octet-stream",
        params: Mapping[str, Any] | None = None,
        accept: str = "application/json",
    ) -> httpx.Response:
        headers = {"Accept": accept}
        if json is not None:
            content, content_type = safe_json_dump(json), "application/json"
        if content is not None:
            headers["Content-Type"] = content_type
        try:
            response = self._http.request(
                method, url, content=content, headers=headers, params=params
            )
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise _RequestError(f"{url!r} cannot be asked for: {error}") from error
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise _RequestError(f"the server does not answer: {reason}", tries=math.inf) from error
        except Exception as error:  # of a server in this process
            busy = "database is locked" in str(error)
            raise _RequestError(
                f"{type(error).__name__}: {error}",
                status=httpx.codes.INTERNAL_SERVER_ERROR,
                tries=math.inf if busy else 1,
            ) from error
        if response.is_error:
            raise _refusal(response)
        return response


def _refusal(response: httpx.Response) -> _RequestError:
    status = response.status_code
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = response.reason_phrase
    words = f"the server says {status}: {detail}"
    if status in _BUSY:
        return _RequestError(words, status=status, tries=math.inf)
    if response.is_server_error:  # SQLite may have been locked
        if request_id := response.headers.get("x-tiled-request-id"):
            words += f"; its log has the cause under request {request_id}"
        return _RequestError(words, status=status, tries=_TRIES_OF_SERVER_ERROR)
    return _RequestError(words, status=status)


def _delays() -> Iterator[float]:
    delay = 0.05
    while True:
        yield delay * random.uniform(0.5, 1.5)
        delay = min(2 * delay, 2.0)


def _hint(op: Op) -> str:
    """Return what to do about an op that Tiled's storage most likely refused."""
    if not isinstance(op, CreateTable | AppendRows):
        return ""
    schema = op.schema if isinstance(op, CreateTable) else op.rows.schema
    hints = []
    if any(pa.types.is_list(column.type) for column in schema):
        hints.append(
            "SQLite has no lists: give each array a node of its own "
            "(in bluesky-v3, settings.max_array_size: 0), or keep tables in DuckDB or PostgreSQL"
        )
    if any(pa.types.is_uint64(column.type) for column in schema):
        hints.append("only DuckDB has uint64: give the column another type, such as int64")
    if len(schema) > WIDEST_SURE:
        hints.append(
            f"PostgreSQL takes {WIDEST_SURE} columns at most (in bluesky-v3, settings.max_columns)"
        )
    return "\n".join(hints)


# What ops say, checked


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


def _already_stored(op: AppendRows | ExtendArray | CreateRagged | ExtendRagged, stored: int) -> int:
    """Count the rows at an op's beginning that are there."""
    first = 0 if isinstance(op, CreateRagged) else op.first
    if stored < first:
        raise SinkError(f"rows {stored} to {first - 1} were never stored, so these cannot be", op)
    return stored - first


def _beyond_sqlite(schema: pa.Schema) -> list[str]:
    return [
        f"column {column.name!r} of {column.type}"
        for column in schema
        if pa.types.is_nested(column.type) or pa.types.is_uint64(column.type)
    ]


def _changed_by_null(rows: pa.RecordBatch) -> str | None:
    """Return the name of a column of integers that would not survive its nulls."""
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        if column.null_count and pa.types.is_integer(column.type):
            extremes = pc.min_max(column).as_py()
            largest = max(abs(extreme or 0) for extreme in extremes.values())
            if largest > EXACT_BESIDE_NULL:
                return str(name)
    return None


def _as_kind(op: ExtendArray, kind: tuple[np.dtype[Any], tuple[int, ...]]) -> Array:
    dtype, row_shape = kind
    if op.data.shape[1:] != row_shape:
        raise SinkError(f"rows have shape {op.data.shape[1:]}, those of the array {row_shape}", op)
    try:
        return op.data.astype(dtype, casting="safe", copy=False)
    except TypeError as error:
        raise SinkError(f"{op.data.dtype} does not fit the array's {dtype}", op) from error


# Tiled's words


def _data_type(op: Op, dtype: np.dtype[Any]) -> BuiltinDtype | StructDtype:
    if dtype.hasobject:
        raise SinkError("Tiled stores no arrays of Python objects", op)
    if dtype.fields is None:
        return BuiltinDtype.from_numpy_dtype(dtype)
    if any(field_type.subdtype for field_type, *_ in dtype.fields.values()):
        raise SinkError(f"Tiled stores no arrays inside of records: {dtype}", op)
    return StructDtype.from_numpy_dtype(dtype)


def _kind_and_rows(family: str, structure: Json) -> tuple[Any, int | None]:
    """Read from a node's structure what `_Node` keeps of it."""
    match family:
        case "table":
            schema = TableStructure.from_json(structure).arrow_schema_decoded
            return schema.remove_metadata(), None
        case "array" | "ragged":
            data_type = structure["data_type"]
            kind = StructDtype if "fields" in data_type else BuiltinDtype
            rows, *row_shape = structure["shape"]
            return (kind.from_json(data_type).to_numpy_dtype(), tuple(row_shape)), rows
        case "awkward":
            return structure["form"], structure["length"]
    return None, None


def _uploads(data: Array) -> Iterator[Array]:
    """Part an array into pieces of whole rows, each small enough for one request."""
    if len(data):
        step = max(1, LARGEST_UPLOAD * len(data) // max(1, data.nbytes))
        for first in range(0, len(data), step):
            yield data[first : first + step]


def _arrow_file(rows: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return bytes(sink.getvalue())


def _ragged(rows: Sequence[Array], shape: tuple[int | None, ...]) -> Any:
    """Return rows as the one array that Tiled takes, of the dtype that they have."""
    import awkward
    import ragged
    from tiled.structures.ragged import make_ragged_array

    varying = len(shape) - shape[::-1].index(None)  # dimensions up to the last that varies
    array = awkward.Array(np.concatenate([row.reshape(-1, *shape[varying:]) for row in rows]))
    for axis in reversed(range(varying)):
        lengths = [
            length for row in rows for length in [row.shape[axis]] * math.prod(row.shape[:axis])
        ]
        array = awkward.unflatten(array, lengths)
    return make_ragged_array(ragged.array(array), shape=(len(rows), *shape))


# Patches


def _json_patch(patch: Json, metadata: Json, place: str = "") -> Iterator[Json]:
    """Yield the steps, RFC 6902, that do to `metadata` what a merge patch would."""
    for key, value in patch.items():
        path = f"{place}/{key.replace('~', '~0').replace('/', '~1')}"
        old = metadata.get(key)
        if value is None:
            if key in metadata:
                yield {"op": "remove", "path": path}
        elif isinstance(value, dict) and isinstance(old, dict):
            yield from _json_patch(value, old, path)
        else:
            new = merged({}, value) if isinstance(value, dict) else value
            yield {"op": "add", "path": path, "value": new}
