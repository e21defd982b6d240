"""A tree of nodes as it is shown, wherever it was read from."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from tiledmap.runtime.ops import CreateNode

if TYPE_CHECKING:
    from tiledmap.runtime.ops import FileSource
    from tiledmap.sinks.memory import MemorySink, StoredNode

Path: TypeAlias = tuple[str, ...]


@dataclass(slots=True)
class TreeNode:
    """What is shown of a node.

    Parameters
    ----------
    columns
        Of a table: name and type of each.
    rows
        Of a table: how many, where that is known.
    shape, dtype, dims
        Of an array.
    mimetype, files
        Of a node whose data are files: their kind, and where they are, in order.
    made_by
        The mapping's line that asked for the node, where that is known.
    """

    key: str
    family: str
    specs: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    access_tags: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    rows: int | None = None
    shape: tuple[int | None, ...] | None = None
    dtype: str = ""
    dims: tuple[str, ...] = ()
    mimetype: str = ""
    files: tuple[str, ...] = ()
    made_by: str = ""
    children: list["TreeNode"] = field(default_factory=list)

    @property
    def lengths(self) -> str:
        """The shape of an array as people read it, such as ``4 x ?``."""
        shape = self.shape or ()
        return " x ".join("?" if length is None else str(length) for length in shape) or "scalar"

    def as_json(self) -> dict[str, Any]:
        """Return the node and all below it as JSON data, without what is not there."""
        entries = {
            "key": self.key,
            "family": self.family,
            "specs": list(self.specs),
            "access_tags": list(self.access_tags),
            "metadata": dict(self.metadata),
            "columns": dict(self.columns),
            "rows": self.rows,
            "shape": list(self.shape) if self.shape is not None else None,
            "dtype": self.dtype,
            "dims": list(self.dims),
            "mimetype": self.mimetype,
            "files": list(self.files),
            "made_by": self.made_by,
            "children": [child.as_json() for child in self.children],
        }
        return {name: value for name, value in entries.items() if value not in (None, "", [], {})}


def trees_of_memory(sink: "MemorySink") -> list[TreeNode]:
    """Return the nodes at the top of what was written to memory, with all below them."""
    made_by = {sink.place(op): op.at for op in sink.ops if isinstance(op, CreateNode)}
    top = TreeNode("", "container")
    shown: dict[Path, TreeNode] = {(): top}
    # A parent's path is shorter than its children's, and they keep the order of their making.
    for path, stored in sorted(sink.tree.items(), key=lambda item: len(item[0])):
        shown[path] = _stored(path[-1], stored, made_by.get(path, ""))
        shown[path[:-1]].children.append(shown[path])
    return top.children


def _stored(key: str, stored: "StoredNode", made_by: str) -> TreeNode:
    node = TreeNode(
        key,
        stored.family,
        specs=tuple(map(str, stored.specs)),
        metadata=stored.metadata,
        access_tags=stored.access_tags or (),
        dims=stored.dims or (),
        made_by=made_by,
    )
    if stored.rows is not None:
        node.rows = stored.rows.num_rows
        node.columns = _columns(stored.rows.schema)
    elif stored.source is not None:
        _describe_files(node, stored.source)
    elif stored.data is not None:
        node.shape, node.dtype = stored.data.shape, str(stored.data.dtype)
    elif stored.shape is not None:
        node.shape = (len(stored.ragged), *stored.shape)
        node.dtype = str(stored.ragged[0].dtype) if stored.ragged else ""
    return node


def _describe_files(node: TreeNode, source: "FileSource") -> None:
    node.mimetype = source.mimetype
    node.files = tuple(asset.uri for asset in source.assets)
    if source.dtype is not None:
        node.shape, node.dtype = source.shape, str(source.dtype)
        node.dims = source.dims or ()


def _columns(schema: Any) -> tuple[tuple[str, str], ...]:
    return tuple((column.name, str(column.type)) for column in schema)


def tree_of_client(client: Any, key: str) -> TreeNode:
    """Read a node of a Tiled catalog and all below it."""
    # A composite hides its tables among their columns; its base shows nodes as they are.
    client = getattr(client, "base", client)
    attributes = client.item["attributes"]
    node = TreeNode(
        key,
        client.structure_family.value,
        specs=tuple(_spec(spec) for spec in client.specs),
        metadata=dict(attributes["metadata"]),
        access_tags=tuple((attributes.get("access_blob") or {}).get("tags", ())),
    )
    match node.family:
        case "container":
            node.children = [tree_of_client(client[child], child) for child in client]
        case "table":
            node.columns = _columns(client.structure().arrow_schema_decoded)
        case "array" | "ragged":
            _describe_array(node, client.structure())
    return node


def _describe_array(node: TreeNode, structure: Any) -> None:
    node.shape = tuple(structure.shape)
    node.dims = tuple(structure.dims or ())
    node.dtype = str(structure.data_type.to_numpy_dtype())


def _spec(spec: Any) -> str:
    return spec.name if spec.version is None else f"{spec.name}/{spec.version}"


def find_runs(client: Any, uids: Collection[str]) -> list[tuple[Path, Any]]:
    """Find the nodes of runs, wherever a mapping put them; in the order of `uids`."""
    order = {uid: place for place, uid in enumerate(uids)}
    found = {uid: (path, node) for uid, path, node in _runs(client, ()) if uid in order}
    return [found[uid] for uid in sorted(found, key=order.__getitem__)]


def descend(client: Any, path: Path) -> Any:
    """Return the node at a path, tables of a composite included."""
    for key in path:
        client = getattr(client, "base", client)[key]
    return client


def _runs(client: Any, above: Path) -> Iterator[tuple[str, Path, Any]]:
    for key, node in client.items():
        start = node.metadata.get("start")
        if start is not None:
            yield start.get("uid", ""), (*above, key), node
        elif node.structure_family == "container":
            yield from _runs(node, (*above, key))
