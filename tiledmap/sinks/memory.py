"""A sink that keeps what it is given, and refuses what Tiled would refuse.

Previews and tests read its tree; its rules are those of Tiled's catalog as far as they matter to a
writer, so that what fits here fits there.
"""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from tiledmap.runtime.errors import CollisionError, SinkError
from tiledmap.runtime.exact import EXACT_KEY
from tiledmap.runtime.names import node_key_problem
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
    Spec,
    UpdateFiles,
    ValidateFiles,
)
from tiledmap.runtime.unfinished import has_better_end
from tiledmap.sinks.files import check_files, is_ahead
from tiledmap.sinks.metadata import check_metadata
from tiledmap.sinks.patches import merged


@dataclass(slots=True)
class StoredNode:
    """A node as it would be in Tiled.

    Parameters
    ----------
    family
        ``container`` | ``table`` | ``array`` | ``ragged`` | ``bytes``.
    rows
        A table's rows.
    data
        An array's data.
    ragged
        A ragged array's rows.
    shape
        That of one ragged row.
    source
        What an ``array`` or ``bytes`` is whose data are files that lie elsewhere.
    """

    family: str
    metadata: dict[str, Any]
    specs: tuple[Spec, ...]
    access_tags: tuple[str, ...] | None
    rows: pa.Table | None = None
    data: np.ndarray[Any, Any] | None = None
    ragged: tuple[np.ndarray[Any, Any], ...] = ()
    shape: tuple[int | None, ...] | None = None
    dims: tuple[str, ...] | None = None
    source: FileSource | None = None
    closed: bool = False


@dataclass(slots=True)
class MemorySink:
    """Performs ops on a tree in memory.

    `tree` has every node by the path where it came to lie; `ops` every op that was performed.
    """

    ops: list[Op] = field(default_factory=list)
    tree: dict[Path, StoredNode] = field(default_factory=dict)
    _moved: dict[str, tuple[Path, Path]] = field(default_factory=dict)
    _made: dict[str, set[Path]] = field(default_factory=dict)
    _behind: set[Path] = field(default_factory=set)
    _given: dict[Path, dict[str, Any]] = field(default_factory=dict)

    def perform(self, op: Op) -> None:
        """Perform one op.

        Raises
        ------
        SinkError
            If Tiled would not take it.
        """
        _PERFORMERS[type(op)](self, op)
        self.ops.append(op)

    def place(self, op: Op) -> Path:
        """Where the node of an op lies: a run's key may have been taken."""
        named, lies = self._moved.get(op.run, ((), ()))
        if named and op.path[: len(named)] == named:
            return (*lies, *op.path[len(named) :])
        return op.path

    def _node(self, op: Op, family: str) -> StoredNode:
        node = self.tree.get(self.place(op))
        if node is None:
            raise SinkError("there is no such node", op)
        if node.family != family:
            raise SinkError(f"is no {family} but a {node.family}", op)
        return node

    def _create(self, op: CreateNode, node: StoredNode) -> StoredNode:
        """Put `node` into the tree, or give the one that the run made there before."""
        path = self.place(op)
        parent = path[:-1]
        if node_key_problem(path[-1]):
            raise SinkError("its key cannot be the key of a node", op)
        if parent and (parent not in self.tree or self.tree[parent].family != "container"):
            raise SinkError("its parent is no container", op)
        check_metadata(op, op.metadata)
        made = self._made.setdefault(op.run, set())
        there = self.tree.setdefault(path, node)
        if path in made or there.family != node.family:
            raise CollisionError(f"its place is taken by a {there.family}", op)
        made.add(path)
        self._given[path] = deepcopy(op.metadata)
        return there

    def create_container(self, op: CreateContainer) -> None:
        """Make a container, or take the one that is there where the op allows it."""
        node = StoredNode("container", deepcopy(op.metadata), op.specs, op.access_tags)
        made = self._made.setdefault(op.run, set())
        if op.shared:
            if self.tree.get(op.path) is None:
                self._create(op, node)
            elif self.tree[op.path].family != "container":
                raise CollisionError("its place is taken by something else", op)
        elif any(self.place(op)[:depth] in made for depth in range(1, len(op.path))):
            self._create(op, node)
        else:
            self._open_run(op, node)

    def _open_run(self, op: CreateContainer, node: StoredNode) -> None:
        """Make a run's own container; a run that comes again goes on in the one it has."""
        for path in ((*op.path[:-1], key) for key in op.keys):
            if path not in self.tree or _run_uid(self.tree[path]) == op.run:
                self._moved[op.run] = (op.path, path)
                self._made[op.run] = set()
                self._create(op, node)
                return
        raise CollisionError("its place is taken by something else", op)

    def create_table(self, op: CreateTable) -> None:
        """Make a table without rows."""
        names = [name.casefold() for name in op.schema.names]
        if len(set(names)) < len(names):
            raise SinkError("two columns have the same name", op)
        node = StoredNode("table", deepcopy(op.metadata), op.specs, op.access_tags)
        node.rows = op.schema.empty_table()
        there = self._create(op, node)
        if there.rows is None or there.rows.schema != op.schema:
            raise CollisionError("the run has a table of another schema there", op)

    def append_rows(self, op: AppendRows) -> None:
        """Append rows; those that are there already are passed over."""
        node = self._node(op, "table")
        assert node.rows is not None
        if op.rows.schema != node.rows.schema:
            raise SinkError("its rows have another schema", op)
        new = pa.Table.from_batches([op.rows]).slice(_overlap(op, op.first, node.rows.num_rows))
        node.rows = pa.concat_tables([node.rows, new])

    def create_array(self, op: CreateArray) -> None:
        """Make an array with its first rows."""
        if op.data.dtype.kind == "O":
            raise SinkError("an array of objects cannot be stored", op)
        if op.dims is not None and len(op.dims) != op.data.ndim:
            raise SinkError("it has another number of dims than of dimensions", op)
        node = StoredNode("array", deepcopy(op.metadata), op.specs, op.access_tags, dims=op.dims)
        node.data = op.data[:0].copy()
        there = self._create(op, node)
        if there.data is None:
            raise CollisionError("the run has files there", op)
        self._grow_array(op, there, op.data, 0)

    def extend_array(self, op: ExtendArray) -> None:
        """Add rows to an array."""
        self._grow_array(op, self._node(op, "array"), op.data, op.first)

    def _grow_array(self, op: Op, node: StoredNode, data: np.ndarray[Any, Any], first: int) -> None:
        if node.data is None:
            raise SinkError("its data are files, which rows cannot be added to", op)
        if data.dtype != node.data.dtype or data.shape[1:] != node.data.shape[1:]:
            raise SinkError("its rows have another dtype or shape", op)
        new = data[_overlap(op, first, len(node.data)) :]
        node.data = np.concatenate([node.data, new])

    def create_ragged(self, op: CreateRagged) -> None:
        """Make a ragged array with its first rows."""
        node = StoredNode("ragged", deepcopy(op.metadata), op.specs, op.access_tags, dims=op.dims)
        node.shape = op.shape
        self._grow_ragged(op, self._create(op, node), 0)

    def extend_ragged(self, op: ExtendRagged) -> None:
        """Add rows to a ragged array."""
        self._grow_ragged(op, self._node(op, "ragged"), op.first)

    def _grow_ragged(self, op: CreateRagged | ExtendRagged, node: StoredNode, first: int) -> None:
        if op.shape != node.shape:
            raise SinkError("its rows have another shape", op)
        node.ragged += op.rows[_overlap(op, first, len(node.ragged)) :]

    def register_files(self, op: RegisterFiles) -> None:
        """Make a node of files; a run that comes again goes on with the one it has."""
        check_files(op)
        node = StoredNode(op.source.family, deepcopy(op.metadata), op.specs, op.access_tags)
        node.source = op.source
        there = self._create(op, node)
        if there.source is None or there.source.mimetype != op.source.mimetype:
            raise CollisionError("the run has something else there", op)
        self._behind.add(self.place(op))
        self._set_source(op, there, there.source)

    def update_files(self, op: UpdateFiles) -> None:
        """Set what a node of files is."""
        node = self._node(op, op.source.family)
        if node.source is None or node.source.mimetype != op.source.mimetype:
            raise SinkError("it is no node of such files", op)
        check_files(op)
        self._set_source(op, node, node.source)

    def _set_source(
        self, op: RegisterFiles | UpdateFiles, node: StoredNode, before: FileSource
    ) -> None:
        path = self.place(op)
        if path in self._behind and is_ahead(before, op.source):
            return
        self._behind.discard(path)
        node.source = op.source

    def validate_files(self, op: ValidateFiles) -> tuple[bool, list[str]] | None:
        """Return None: there is no server that could look at files."""
        return None

    def patch_metadata(self, op: PatchMetadata) -> None:
        """Merge a patch into a node's metadata."""
        self._patch(op, op.patch)

    def close_run(self, op: CloseRun) -> None:
        """Write a run's last metadata, and remove what earlier attempts have noted."""
        node = self._patch(op, (*op.patch, "notes", EXACT_KEY))
        node.closed = True

    def _patch(self, op: PatchMetadata | CloseRun, keys: Iterable[str]) -> StoredNode:
        """Make each of `keys` what the run has given, whatever an earlier attempt has left."""
        path = self.place(op)
        node = self.tree.get(path)
        if node is None:
            raise SinkError("there is no such node", op)
        check_metadata(op, op.patch)
        if has_better_end(node.metadata, op.patch):
            return node
        given = self._given[path] = merged(self._given.get(path, node.metadata), op.patch)
        rest = {key: value for key, value in node.metadata.items() if key not in keys}
        node.metadata = rest | {key: given[key] for key in keys if key in given}
        return node


_PERFORMERS: dict[type[Op], Callable[[MemorySink, Any], None]] = {
    CreateContainer: MemorySink.create_container,
    CreateTable: MemorySink.create_table,
    AppendRows: MemorySink.append_rows,
    CreateArray: MemorySink.create_array,
    ExtendArray: MemorySink.extend_array,
    CreateRagged: MemorySink.create_ragged,
    ExtendRagged: MemorySink.extend_ragged,
    RegisterFiles: MemorySink.register_files,
    UpdateFiles: MemorySink.update_files,
    PatchMetadata: MemorySink.patch_metadata,
    CloseRun: MemorySink.close_run,
}


def _run_uid(node: StoredNode | None) -> Any:
    start = node.metadata.get("start") if node is not None else None
    return start.get("uid") if isinstance(start, Mapping) else None


def _overlap(op: Op, first: int, there: int) -> int:
    """How many of the rows that begin with `first` are there already."""
    if first > there:
        raise SinkError(f"rows {there} to {first - 1} are missing before these", op)
    return there - first
