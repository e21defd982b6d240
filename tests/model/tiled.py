"""Tiled's HTTP API on a tree in memory, as far as `TiledSink` uses it.

It answers as Tiled 0.2.20 does, one request after another, and has no faults of its own; where
Tiled takes two steps that a fault may come between, so does the model. `test_conformance.py` holds
the two side by side. An exception is a 500, as it is in Tiled.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any, Literal, TypeAlias

import httpx
import numpy as np
import pyarrow as pa
from jsonpatch import apply_patch
from tiled.serialization import ragged
from tiled.serialization.awkward import from_zipped_buffers as awkward_buffers
from tiled.structures.array import BuiltinDtype, StructDtype
from tiled.structures.ragged import RaggedStructure
from tiled.structures.table import TableStructure

from tests.comparing import plain

Json: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str, ...]
Doubled: TypeAlias = Literal["refused", "dropped", "stored"]

OF_TILED = {"X-Tiled-Request-ID": "1"}
"""A header by which an error of Tiled's own is told from a proxy's."""
BASE = "http://local-tiled-app/api/v1"
"""The address that Tiled has where it runs in-process."""
_LINKS = {
    "container": {"full": "container/full"},
    "array": {"full": "array/full"},
    "awkward": {"full": "awkward/full"},
    "ragged": {"full": "ragged/full"},
    "table": {"partition": "table/partition", "full": "table/full"},
}
_URL = re.compile(
    r"/api/v1/(metadata|register|data_source|stream/close|\w+/(?:full|partition))/(.*)"
)


class RefusalError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(slots=True)
class Chunks:
    """The rows of a ragged array: a server stores them first, and counts them afterwards.

    Parameters
    ----------
    doubled
        What becomes of rows whose number is stored already.
    stored
        The rows of each request, with its number; in the order in which they came.
    counted
        How many rows each number has, as far as the server knows.
    """

    doubled: Doubled
    stored: list[tuple[int, list[Any]]] = field(default_factory=list)
    counted: tuple[int, ...] = ()

    def __len__(self) -> int:
        return sum(self.counted)

    def tolist(self) -> list[Any]:
        """What is read: where a number is stored twice, the second is taken for the next one."""
        found: list[Any] = []
        there = [chunk for chunk in self.stored if chunk[0] < len(self.counted)]
        there.sort(key=lambda chunk: chunk[0])
        for (_, rows), length in zip(there, self.counted, strict=False):
            if len(rows) < length:
                raise ValueError("buffers are too short")
            found += rows[:length]
        return found


@dataclass(slots=True)
class Node:
    """A node of the tree.

    Parameters
    ----------
    source
        Its data source, as JSON; None for a container.
    data
        A table's rows (`pyarrow.Table`), an array (`numpy.ndarray`), the rows of a ragged array
        (`Chunks`), or the buffers of an awkward array.
    """

    family: str
    metadata: Json
    specs: list[Json]
    access_tags: list[str] | None
    source: Json | None = None
    data: Any = None

    @property
    def is_external(self) -> bool:
        return self.source is not None and self.source["management"] == "external"

    @property
    def structure(self) -> Json | None:
        """Its structure, as JSON; the chunks are those that it began with."""
        if self.source is None or self.source["structure"] is None:
            return None
        structure = {**self.source["structure"]}
        if self.family in ("array", "ragged") and not self.is_external:
            structure["shape"] = [len(self.data), *structure["shape"][1:]]
        return structure

    def plain(self) -> Json:
        """The node as a value: two are equal if no reader can tell them apart."""
        source = self.source and {
            **self.source,
            "id": None,
            "structure": self.structure,
            "assets": sorted(self.source["assets"], key=lambda asset: str(asset["data_uri"])),
        }
        if source and not self.is_external:
            for of_portions in ("chunks", "size"):
                source["structure"].pop(of_portions, None)
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if isinstance(self.data, Chunks):
            values["data"] = self.data.tolist()
        value: Json = plain({**values, "source": source})
        return value


@dataclass(slots=True)
class TiledModel(httpx.BaseTransport):
    """A Tiled server that takes requests from any `httpx.Client`.

    Parameters
    ----------
    stores_lists
        Whether tables may hold lists, as in DuckDB and PostgreSQL, or not, as in SQLite.
    shuffle
        Gives the order of rows that are read from a table, as PostgreSQL does, which has none;
        without it they come as they were stored.
    doubled
        What becomes of a ragged array's rows where others have their number: PostgreSQL refuses
        them, while DuckDB drops them without a word.
    indexed
        The kind of ragged arrays for which this holds, others being stored twice: Tiled makes an
        index for the first kind, and finds for any other that there is an index of that name.

    Attributes
    ----------
    nodes
        Every node, by its path.
    """

    stores_lists: bool = True
    shuffle: Random | None = None
    doubled: Doubled = "refused"
    indexed: str | None = None
    nodes: dict[Path, Node] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.begin(request)()

    def begin(self, request: httpx.Request) -> Callable[[], httpx.Response]:
        """Take the first of a request's steps; give what takes the second, if any, and answers."""
        request.read()
        answer = _answer_of(lambda: self._answer(request))
        if isinstance(answer, httpx.Response):
            return lambda: answer
        return lambda: _answer_of(answer)

    def plain(self) -> dict[Path, Json]:
        """The tree as a value."""
        return {path: node.plain() for path, node in self.nodes.items()}

    def _answer(self, request: httpx.Request) -> Any:
        found = _URL.fullmatch(request.url.path)
        if found is None:
            raise RefusalError(404, "Not Found")
        endpoint, rest = found.groups()
        act = _ACTIONS.get((request.method, endpoint))
        if act is None:
            raise RefusalError(405, "Method Not Allowed")
        path = tuple(filter(None, rest.split("/")))
        if path and path not in self.nodes:
            raise RefusalError(404, f"No such entry: {list(path)}")
        return act(self, path, request)

    # Nodes

    def _create(self, path: Path, request: httpx.Request) -> Json:
        body = json.loads(request.content)
        place = (*path, body["id"])
        if place in self.nodes:
            raise RefusalError(409, f"Collision: /{'/'.join(place)}")
        family = body["structure_family"]
        node = Node(family, body["metadata"], body["specs"], body.get("access_tags"))
        if family != "container":
            (source,) = body["data_sources"]
            if source["management"] != "external":
                node.data = self._without_rows(family, source["structure"])
            node.source = {**source, "id": next(self._ids)}
        self.nodes[place] = node
        sources = [] if node.source is None else [node.source]
        links = _links(family, f"{request.url.path.split('/', 4)[4]}/{place[-1]}")
        return {"id": place[-1], "links": links, "data_sources": sources}

    def _without_rows(self, family: str, structure: Json) -> Any:
        """What a new node of the server's own holds before anything is written to it."""
        match family:
            case "table":
                schema = TableStructure.from_json(structure).arrow_schema_decoded
                if not self.stores_lists and any(map(_is_beyond_sqlite, schema.types)):
                    raise ValueError("Unsupported PyArrow type")
                return schema.empty_table()
            case "array":
                return np.zeros(structure["shape"], _dtype(structure))
            case "ragged" if not self.stores_lists:
                raise ValueError("Unsupported PyArrow type")
            case "ragged":
                rows = json.dumps([structure["data_type"], structure["shape"][1:]])
                self.indexed = self.indexed or rows
                return Chunks(self.doubled if self.indexed == rows else "stored")
        return None

    def _describe(self, path: Path, request: httpx.Request) -> Json:
        node = self._node(path)
        attributes = {
            "structure_family": node.family,
            "metadata": node.metadata,
            "specs": node.specs,
            "structure": node.structure,
        }
        if request.url.params.get("include_data_sources") == "true":
            attributes["data_sources"] = [] if node.source is None else [node.source]
        links = _links(node.family, "/".join(path))
        return {"data": {"id": path[-1], "attributes": attributes, "links": links}}

    def _patch_metadata(self, path: Path, request: httpx.Request) -> Json:
        node, body = self._node(path), json.loads(request.content)
        if body["content-type"] != "application/json-patch+json":
            raise RefusalError(406, "valid content types: application/json-patch+json")
        node.metadata = apply_patch(node.metadata, body["metadata"] or [])
        return {"id": path[-1]}

    def _delete(self, path: Path, request: httpx.Request) -> None:
        params = request.url.params
        below = {place: n for place, n in self.nodes.items() if place[: len(path)] == path}
        if len(below) > 1 and params.get("recursive") != "true":
            raise RefusalError(409, "Cannot delete a node that is not empty.")
        owned = any(node.source and not node.is_external for node in below.values())
        if owned and params.get("external_only") != "false":
            raise RefusalError(409, "Some items in this tree are internally managed.")
        for place in below:
            del self.nodes[place]

    def _close_stream(self, path: Path, request: httpx.Request) -> None:
        """Without a streaming cache, nothing happens."""

    def _put_source(self, path: Path, request: httpx.Request) -> None:
        source = json.loads(request.content)["data_source"]
        nodes = self.nodes.values()
        known = next((n.source for n in nodes if n.source and n.source["id"] == source["id"]), None)
        if known is None:
            raise RefusalError(404, f"No data_source {source['id']} on this node.")
        assets = {asset["data_uri"]: asset for asset in [*source["assets"], *known["assets"]]}
        if len({(asset["parameter"], asset["num"]) for asset in assets.values()}) < len(assets):
            raise ValueError("UNIQUE constraint failed")
        known.update(source, assets=list(assets.values()))

    # Data

    def _append_rows(self, path: Path, request: httpx.Request) -> None:
        node = self._node(path)
        if node.family != "table":
            raise RefusalError(405, "This node does not supporting writing a partition.")
        rows = pa.ipc.open_file(request.content).read_all()
        node.data = pa.concat_tables([node.data, rows.cast(node.data.schema)])

    def _read_rows(self, path: Path, request: httpx.Request) -> bytes:
        table = self._node(path, "table").data
        if self.shuffle is not None:
            order = self.shuffle.sample(range(len(table)), len(table))
            table = table.take(pa.array(order, pa.int64()))
        columns = request.url.params.get_list("column") or table.column_names
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, table.select(columns).schema) as writer:
            writer.write_table(table.select(columns))
        return bytes(sink.getvalue())

    def _write_array(self, path: Path, request: httpx.Request) -> None:
        node = self._node(path, "array")
        node.data = _array(request.content, node.data.dtype, node.data.shape)

    def _patch_array(self, path: Path, request: httpx.Request) -> Json | None:
        node, params = self._node(path, "array"), request.url.params
        part = _array(request.content, node.data.dtype, _numbers(params["shape"]))
        offset = _numbers(params["offset"])
        offset += (0,) * (node.data.ndim - len(offset))
        ends = [first + length for first, length in zip(offset, part.shape, strict=False)]
        shape = tuple(map(max, node.data.shape, ends))
        if shape != node.data.shape:
            if params.get("extend") != "true":
                raise RefusalError(409, "Use ?extend=true to extend the array dimensions to fit.")
            grown = np.subtract(shape, node.data.shape)
            node.data = np.pad(node.data, [(0, more) for more in grown])
        node.data[tuple(map(slice, offset, ends))] = part
        return node.structure

    def _append_ragged(self, path: Path, request: httpx.Request) -> Callable[[], Json | None]:
        node, params = self._node(path, "ragged"), request.url.params
        chunks, counted = node.data, node.data.counted
        if params.get("extend") != "true" or _numbers(params["offset"]) != (len(chunks),):
            raise NotImplementedError("Only appending along the leftmost dimension is supported")
        rows = ragged.from_zipped_buffers(request.content, None).tolist()
        is_doubled = any(number == len(counted) for number, _ in chunks.stored)
        if is_doubled and chunks.doubled == "refused":
            raise RefusalError(409, f"A chunk with this index already exists: {len(counted)}")
        if not is_doubled or chunks.doubled == "stored":
            chunks.stored.append((len(counted), rows))

        def count_rows() -> Json | None:
            if self.nodes.get(path) is not node:
                raise LookupError("It was deleted.")
            chunks.counted = (*counted, len(rows))
            return node.structure

        return count_rows

    def _read_ragged(self, path: Path, request: httpx.Request) -> bytes:
        node = self._node(path, "ragged")
        if not node.data.counted:
            raise ValueError("need at least one array to concatenate")
        structure = RaggedStructure.from_json(node.structure)
        rows = ragged.from_json(json.dumps(node.data.tolist()), structure)
        return ragged.to_zipped_buffers("application/zip", rows, {})

    def _write_awkward(self, path: Path, request: httpx.Request) -> None:
        node = self._node(path, "awkward")
        node.data = awkward_buffers(request.content, None, None)

    def _node(self, path: Path, family: str | None = None) -> Node:
        node = self.nodes[path]
        if family not in (None, node.family):
            raise RefusalError(404, f"The node is a {node.family}")
        return node


_ACTIONS: dict[tuple[str, str], Callable[[TiledModel, Path, httpx.Request], Any]] = {
    ("POST", "metadata"): TiledModel._create,
    ("POST", "register"): TiledModel._create,
    ("GET", "metadata"): TiledModel._describe,
    ("PATCH", "metadata"): TiledModel._patch_metadata,
    ("DELETE", "metadata"): TiledModel._delete,
    ("PUT", "data_source"): TiledModel._put_source,
    ("PATCH", "table/partition"): TiledModel._append_rows,
    ("GET", "table/partition"): TiledModel._read_rows,
    ("PUT", "array/full"): TiledModel._write_array,
    ("PATCH", "array/full"): TiledModel._patch_array,
    ("PATCH", "ragged/full"): TiledModel._append_ragged,
    ("GET", "ragged/full"): TiledModel._read_ragged,
    ("PUT", "awkward/full"): TiledModel._write_awkward,
    ("DELETE", "stream/close"): TiledModel._close_stream,
}


def _answer_of(act: Callable[[], Any]) -> Any:
    """The answer to what is done; or what is to be done next, before there is one."""
    try:
        answer = act()
    except RefusalError as refusal:
        return httpx.Response(refusal.status, json={"detail": refusal.detail})
    except Exception as error:
        return httpx.Response(500, json={"detail": str(error)}, headers=OF_TILED)
    if callable(answer):
        return answer
    if isinstance(answer, bytes):
        return httpx.Response(200, content=answer)
    return httpx.Response(200, json=answer)


def connect(transport: httpx.BaseTransport) -> Any:
    """A client of the root, as far as `TiledSink` needs one."""
    http = httpx.Client(transport=transport, trust_env=False)
    return SimpleNamespace(uri=f"{BASE}/metadata/", context=SimpleNamespace(http_client=http))


def _links(family: str, place: str) -> dict[str, str]:
    links = {name: f"{BASE}/{of}/{place}" for name, of in _LINKS.get(family, {}).items()}
    if family == "table":
        links["partition"] += "?partition={index}"
    return {**links, "self": f"{BASE}/metadata/{place}"}


def _dtype(structure: Json) -> np.dtype[Any]:
    kind = StructDtype if "fields" in structure["data_type"] else BuiltinDtype
    return kind.from_json(structure["data_type"]).to_numpy_dtype()


def _array(content: bytes, dtype: np.dtype[Any], shape: Path) -> np.ndarray[Any, Any]:
    return np.frombuffer(content, dtype).reshape(shape).copy()


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def _is_beyond_sqlite(kind: pa.DataType) -> bool:
    return pa.types.is_nested(kind) or pa.types.is_uint64(kind)
