"""Ops performed on a Tiled catalog, served or embedded.

Each op is one request where that can be: what a creation answers is kept until the run is closed,
so nothing that this sink made is asked for again. Every op may be performed again, after a lost
answer, a restart or a replay: a node that is there already is taken over if it is the same run's
and of the same kind, and rows that are stored already are not stored again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeAlias, TypeVar
from urllib.parse import quote

import httpx
import numpy as np
import pyarrow as pa
from tiled.structures.array import ArrayStructure
from tiled.structures.data_source import DataSource, Management
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
    FileSource,
    Op,
    PatchMetadata,
    Path,
    RegisterFiles,
    UpdateFiles,
    ValidateFiles,
    leaves,
)
from tiledmap.sinks.files import by_uri, check_files, is_ahead, new_assets
from tiledmap.sinks.patches import json_patch, merged
from tiledmap.sinks.tiled.checks import (
    TO_MAKE_ANEW,
    already_stored,
    as_kind,
    beyond_sqlite,
    changed_by_null,
    hint_for,
    hint_for_files,
)
from tiledmap.sinks.tiled.encoding import (
    SQL_TABLE,
    Array,
    arrow_file,
    data_type_of,
    endpoint,
    external_source,
    kind_and_rows,
    known_source,
    node_body,
    ragged_array,
    uploads,
)
from tiledmap.sinks.tiled.requests import Json, RequestError, Requests, delays

T = TypeVar("T")
Storage: TypeAlias = Literal["sqlite", "duckdb", "postgresql"]

_SQL_RAGGED = "application/x-ragged+sql"


@dataclass(slots=True)
class _Files:
    """What the server holds of a node's files.

    Parameters
    ----------
    source_id
        Tiled's number of the data source.
    source
        What it is there.
    sure
        False where the server may hold some other state, after an answer that did not come.
    behind
        True where a replay has not come to what is there.
    creation
        What makes the node anew.
    """

    source_id: int
    source: FileSource
    sure: bool = True
    behind: bool = False
    creation: RegisterFiles | None = None


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
    files: _Files | None = None
    """Where its data are files that lie elsewhere."""

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
            RegisterFiles: self._register_files,
            UpdateFiles: self._update_files,
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
        self._attempt(self._actions[type(op)], op)

    def validate_files(self, op: ValidateFiles) -> tuple[bool, list[str]] | None:
        """Let the server compare the files of a run with what their nodes say.

        Returns
        -------
        tuple
            Whether they agree in the end, and what it found or put right. None where the server
            has no such route, which comes with bluesky-tiled-plugins, or has it for other runs.

        Raises
        ------
        SinkError
            If the server could not say.
        """
        return self._attempt(self._validate_files, op)

    def _attempt(self, action: Callable[[Any], T], op: Op) -> T:
        """Perform an action, again where that may help."""
        deadline = time.monotonic() + self._patience
        tries = enumerate(delays(), start=1)
        while True:
            number, delay = next(tries)
            try:
                return action(op)
            except RequestError as error:
                if error.status == httpx.codes.NOT_FOUND:
                    self._shared.clear()  # one of them may have been deleted: look again
                if number >= error.tries or time.monotonic() + delay > deadline:
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
            node = self._create(op, parent, key=key)
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
        self._keep(op, self._create_or_adopt(op, "table", schema, structure, mimetype=SQL_TABLE))
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

        dtype = next(leaves(op.rows[0])).dtype
        if dtype.kind not in "biufc":
            raise SinkError(f"a ragged array holds numbers, not {dtype}", op)
        if self._storage == "sqlite":
            self._hold(op, op.rows)
            return
        structure = RaggedStructure(
            data_type=data_type_of(op, dtype),
            shape=(0, *op.shape),
            # Tiled counts no further than the first rows.
            size=sum(leaf.size for row in op.rows for leaf in leaves(row)),
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

    # Files that lie elsewhere

    def _register_files(self, op: RegisterFiles) -> None:
        check_files(op)
        _check_unused(op, self._runs.setdefault(op.run, {}))
        source = external_source(op.source, op.source.assets)
        node = self._create(op, self._parent(op), source=source)
        files = node.files
        if files is None or node.family != op.source.family:
            raise _other_kind(op, node.family)
        files.creation = op
        if node.adopted:
            if files.source.mimetype != op.source.mimetype:
                raise CollisionError(f"the run has files of {files.source.mimetype} there", op)
            files.sure, files.behind = False, True
            self._put_source(op, node, files)
        self._keep(op, node)

    def _update_files(self, op: UpdateFiles) -> None:
        node = self._known(op)
        files = node.files if isinstance(node, _Node) else None
        if files is None or files.source.mimetype != op.source.mimetype:
            raise SinkError("it was not created as a node of such files", op)
        assert isinstance(node, _Node)
        self._put_source(op, node, files)

    def _put_source(self, op: RegisterFiles | UpdateFiles, node: _Node, files: _Files) -> None:
        """Set what a node of files is, unless a replay is told of what is there already."""
        if files.behind and is_ahead(files.source, op.source):
            return
        known = by_uri(files.source)
        if isinstance(op, UpdateFiles):
            check_files(op, known)
        new = new_assets(op.source, known)
        if new is None:
            self._make_anew(op, node, files)
            return
        # A server adds the files that it is told of to those that it knows.
        source = external_source(
            op.source, new if files.sure else op.source.assets, files.source_id
        )
        files.sure = False
        self._requests.send(
            "PUT",
            endpoint(node.uri, "data_source"),
            json={"data_source": asdict(source)},
            params=_patch_params(op),
        )
        files.source, files.sure, files.behind = op.source, True, False

    def _make_anew(self, op: RegisterFiles | UpdateFiles, node: _Node, files: _Files) -> None:
        """Put a node in the place of one whose files are in another order; the files stay."""
        assert files.creation is not None
        creation = replace(files.creation, source=op.source, metadata=node.metadata)
        try:
            self._requests.send("DELETE", node.uri)
        except RequestError as error:
            if error.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
                raise SinkError(error.words, op, hint=TO_MAKE_ANEW) from error
            if error.status != httpx.codes.NOT_FOUND:  # as after an answer that was lost
                raise
        source = external_source(op.source, op.source.assets)
        made = self._create(creation, self._parent(creation), source=source)
        assert made.files is not None
        made.files.creation = creation
        self._keep(creation, made)

    def _validate_files(self, op: ValidateFiles) -> tuple[bool, list[str]] | None:
        uri = endpoint(self._node(op).uri, "validate").replace("/api/v1/", "/custom/", 1)
        try:
            answer = self._requests.send("GET", uri, params={"fix": op.fix, "read": False}).json()
        except RequestError as error:
            if error.status in (httpx.codes.NOT_FOUND, httpx.codes.BAD_REQUEST):
                return None
            if error.status == httpx.codes.INTERNAL_SERVER_ERROR:  # some file, not the server
                return False, [error.words]
            raise
        return answer["valid"], answer["notes"]

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
        source = DataSource(structure_family="array", structure=structure)
        node = self._create(op, self._parent(op), source=source, metadata=held.metadata)
        if node.adopted and (node.rows, node.kind) != (len(data), (data.dtype, data.shape[1:])):
            raise _other_kind(op, "array")

    def _write_awkward(self, held: _Held, op: CreateRagged) -> None:
        import awkward
        from tiled.serialization.awkward import to_zipped_buffers
        from tiled.structures.awkward import AwkwardStructure

        array = awkward.to_packed(ragged_array(held.rows, op.shape)._impl)
        form, length, buffers = awkward.to_buffers(array)
        structure = AwkwardStructure(length=length, form=form.to_dict())
        source = DataSource(structure_family="awkward", structure=structure)
        node = self._create(op, self._parent(op), source=source, metadata=held.metadata)
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
                self._requests.send("DELETE", endpoint(node.uri, "stream/close"))
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
        source = DataSource(structure_family=family, structure=structure, mimetype=mimetype)
        node = self._create(op, self._parent(op), source=source)
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
        *,
        source: DataSource[Any] | None = None,
        key: str | None = None,
        metadata: Json | None = None,
    ) -> _Node:
        """Make a node, or find the one that has its place; without `source`, a container."""
        key = op.path[-1] if key is None else key
        metadata = op.metadata if metadata is None else metadata
        external = source is not None and source.management is Management.external
        body = node_body(key, source, metadata=metadata, specs=op.specs, access_tags=op.access_tags)
        uri = endpoint(parent.uri, "register") if external else parent.uri
        try:
            made = self._requests.send("POST", uri, json=body).json()
        except RequestError as error:
            if error.status != httpx.codes.CONFLICT:
                raise
            return self._find(f"{parent.uri.rstrip('/')}/{quote(key, safe='')}", external)
        # A server's validator may have changed the metadata.
        node = _Node(made["links"], body["structure_family"], made.get("metadata", metadata))
        node.files = _files(made) if external else None
        return node

    def _find(self, uri: str, external: bool = False) -> _Node:
        """Look a node up; of an external one, its files, too."""
        params = {"include_data_sources": True} if external else None
        item = self._requests.send("GET", uri, params=params).json()["data"]
        attributes = item["attributes"]
        family = attributes["structure_family"]
        kind, rows = kind_and_rows(family, attributes["structure"])
        node = _Node(item["links"], family, attributes["metadata"], True, rows, kind)
        node.files = _files(attributes) if external else None
        return node


def _failure(error: RequestError, op: Op) -> SinkError:
    """What the last try of an op has come to."""
    if isinstance(op, CreateTable) and error.status == httpx.codes.INTERNAL_SERVER_ERROR:
        unfit = beyond_sqlite(op.schema)
        if unfit:
            return UnfitColumnsError(error.words, op, unfit, hint=hint_for(op))
    hint = hint_for_files(op, error.status) or hint_for(op)
    return SinkError(error.words, op, transient=error.tries > 1, hint=hint)


def _files(item: Mapping[str, Any]) -> _Files | None:
    """Read from what the server says of a node which files it has; None if it has none."""
    sources = item.get("data_sources") or []
    if len(sources) != 1 or sources[0]["management"] != Management.external.value:
        return None
    return _Files(sources[0]["id"], known_source(sources[0]))


def _patch_params(op: RegisterFiles | UpdateFiles) -> dict[str, str] | None:
    """What readers that follow an array are told of its new part."""
    if not isinstance(op, UpdateFiles) or op.source.family != "array" or not op.extent:
        return None
    return {
        "patch_shape": ",".join(map(str, op.extent)),
        "patch_offset": ",".join(map(str, op.offset)),
    }


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
