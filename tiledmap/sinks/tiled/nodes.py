"""The nodes of runs that are being written: what is known of each, made, found and patched."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

import httpx
from tiled.structures.data_source import DataSource, Management

from tiledmap.runtime.errors import CollisionError, SinkError
from tiledmap.runtime.ops import (
    CreateArray,
    CreateNode,
    CreateRagged,
    FileSource,
    Op,
    Path,
    RegisterFiles,
)
from tiledmap.sinks.patches import json_patch, merged, pointer
from tiledmap.sinks.tiled import claims
from tiledmap.sinks.tiled.encoding import (
    Array,
    endpoint,
    kind_and_rows,
    known_source,
    node_body,
)
from tiledmap.sinks.tiled.requests import Json, RequestError, Requests

Storage: TypeAlias = Literal["sqlite", "duckdb", "postgresql"]

TO_DELETE = "the key needs the scopes delete:node and delete:revision"


@dataclass(slots=True)
class Files:
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
    lost
        What it may yet be made, by a request whose answer did not come.
    """

    source_id: int
    source: FileSource
    sure: bool = True
    behind: bool = False
    creation: RegisterFiles | None = None
    lost: FileSource | None = None


@dataclass(slots=True)
class Node:
    """What is known of a node that a run writes to.

    Parameters
    ----------
    metadata
        What the run has given it.
    stored
        What the server has; None where it must be asked.
    adopted
        True for a node that was there before.
    rows
        Rows that are stored; None where the server must be asked.
    before
        Rows of a table that were there when some were sent last; None where none were.
    sent
        Rows that the run has sent, whatever became of them.
    checksum
        Of the numbers in those rows: all of them where they are ragged, those of the key of a
        table.
    found
        The checksum of what a table held when it was looked at, until the run has come so far.
    waiting
        Keys of metadata that are to be set at the run's end.
    foul
        True where it has other rows than the run, as far as can be told: no more are sent, and it
        is to be made anew.
    lost
        True after rows whose request the server may yet be going to act on.
    doubtful
        True where the server may hold other rows than these, to be looked at before the run is
        closed.
    kind
        What two nodes of one family must agree on: a schema, or (dtype, shape of a row).
    files
        Where its data are files that lie elsewhere.
    creation
        The op that it comes from.
    closed
        True where readers that follow it were told that it is complete.
    failure
        What was found to be wrong with it at the run's end.
    """

    links: Mapping[str, str]
    family: str
    metadata: Json
    stored: Json | None
    adopted: bool = False
    rows: int | None = 0
    before: int | None = None
    sent: int = 0
    checksum: int = 0
    found: int | None = None
    waiting: set[str] = field(default_factory=set)
    foul: bool = False
    lost: bool = False
    doubtful: bool = False
    kind: Any = None
    files: Files | None = None
    creation: CreateNode | None = None
    closed: bool = False
    failure: SinkError | None = None

    @property
    def uri(self) -> str:
        return self.links["self"]


@dataclass(slots=True)
class Held:
    """A node that cannot grow on this server: its rows wait here for the run's end.

    Parameters
    ----------
    failure
        Why it was not written.
    doubtful
        True after a request to delete an earlier one that the server may yet be going to act on.
    """

    creation: CreateArray | CreateRagged
    metadata: Json
    rows: list[Array] = field(default_factory=list)
    failure: SinkError | None = None
    doubtful: bool = False


class Catalog:
    """A Tiled catalog, and the nodes that runs are writing to.

    Parameters
    ----------
    uri
        The container that ops' paths start from.
    storage
        Where it keeps tables, if known.
    """

    def __init__(self, requests: Requests, uri: str, storage: Storage | None) -> None:
        self.requests = requests
        self.storage = storage
        self.root = Node({"self": uri}, "container", {}, None)
        self.shared: dict[Path, Node] = {}
        self.runs: dict[str, dict[Path, Node | Held]] = {}

    # What is known

    def nodes(self, op: Op) -> dict[Path, Node | Held]:
        """The nodes of an op's run."""
        return self.runs.setdefault(op.run, {})

    def parent(self, op: Op) -> Node:
        """The node in which that of an op is, or is to be."""
        path = op.path[:-1]
        if not path:
            return self.root
        node = self.runs.get(op.run, {}).get(path) or self.shared.get(path)
        if not isinstance(node, Node):
            raise SinkError(f"its parent {'/'.join(path)} was not created", op)
        return node

    def known(self, op: Op) -> Node | Held:
        """The node of an op."""
        node = self.runs.get(op.run, {}).get(op.path)
        if node is None:
            raise SinkError("it was not created", op)
        return node

    def node(self, op: Op) -> Node:
        """The node of an op whose data never wait for the run's end."""
        node = self.known(op)
        assert isinstance(node, Node)
        return node

    def keep(self, op: CreateNode, node: Node | Held) -> None:
        """Know a node from now on: it is there with all that its creation says."""
        self.nodes(op)[op.path] = node

    def check_unused(self, op: CreateNode) -> None:
        """Refuse a place that the run has given to another node."""
        if op.path in self.nodes(op):
            raise CollisionError("two things of this run are written to this place", op)

    def is_resumed(self, op: Op) -> bool:
        """Whether a run was begun before."""
        return any(isinstance(node, Node) and node.adopted for node in self.nodes(op).values())

    # What the server is asked

    def create_or_adopt(
        self,
        op: CreateNode,
        family: str,
        kind: Any,
        structure: Any,
        *,
        mimetype: str | None = None,
        or_else: str | None = None,
    ) -> Node:
        """Make a node of a run, or take over the one of the same kind that the run has there."""
        self.check_unused(op)
        source = DataSource(structure_family=family, structure=structure, mimetype=mimetype)
        node = self.create(op, self.parent(op), source=source)
        if not node.adopted:
            node.kind = kind
        elif node.family != or_else and (node.family, node.kind) != (family, kind):
            raise other_kind(op, node.family)
        return node

    def create(
        self,
        op: CreateNode,
        parent: Node,
        *,
        source: DataSource[Any] | None = None,
        key: str | None = None,
        metadata: Json | None = None,
        extra: Json | None = None,
    ) -> Node:
        """Make a node, or find the one that has its place; without `source`, a container.

        A node with data is in doubt where somebody was here before, an earlier try included:
        whoever it was may have more of its data on their way.

        Parameters
        ----------
        extra
            Metadata that are not the run's.
        """
        key = op.path[-1] if key is None else key
        metadata = op.metadata if metadata is None else metadata
        sent = {**(extra or {}), **metadata}
        external = source is not None and source.management is Management.external
        body = node_body(key, source, metadata=sent, specs=op.specs, access_tags=op.access_tags)
        uri = endpoint(parent.uri, "register") if external else parent.uri
        try:
            made = self.requests.ask("POST", uri, json=body)
        except RequestError as error:
            if error.status != httpx.codes.CONFLICT:
                raise
            node = self.find(f"{parent.uri.rstrip('/')}/{quote(key, safe='')}", external)
            node.metadata, node.creation = metadata, op
            node.doubtful = source is not None
            return node
        # What a server's validator has made of the metadata is said, and may be stored.
        stored = None if "metadata" in made else sent
        node = Node(made["links"], body["structure_family"], metadata, stored, creation=op)
        node.files = _files(made) if external else None
        node.doubtful = source is not None and self.is_resumed(op)
        return node

    def find(self, uri: str, external: bool = False) -> Node:
        """Look a node up; of an external one, its files, too."""
        params = {"include_data_sources": True} if external else None
        item = self.requests.ask("GET", uri, params=params)["data"]
        attributes = item["attributes"]
        family, metadata = attributes["structure_family"], attributes["metadata"]
        kind, rows = kind_and_rows(family, attributes["structure"])
        node = Node(item["links"], family, metadata, metadata, True, rows, kind=kind)
        node.files = _files(attributes) if external else None
        return node

    def patch(self, node: Node, patch: Json, also: Iterable[str] = ()) -> None:
        """Patch a node's metadata.

        Parameters
        ----------
        also
            Keys to make what the run has given, whatever the server has there.
        """
        wanted: Json = merged(node.metadata, patch)
        if node.stored is None:
            node.stored = self.find(node.uri).metadata
        keys = dict.fromkeys((*patch, *also, *node.waiting))
        steps = list(json_patch(keys, node.stored, wanted))
        if steps:
            rest = {key: value for key, value in node.stored.items() if key not in keys}
            changed = {key: wanted[key] for key in keys if key in wanted}
            unchanged = _unchanged(node.stored)
            node.stored = None
            self.send_patch(node, [unchanged, *steps])
            node.stored = rest | changed
        node.waiting.clear()
        node.metadata = wanted

    def patch_later(self, node: Node, patch: Json) -> None:
        """Patch a node's metadata at the end of a run that was begun before.

        On the way there a replay would put older states in the place of newer ones, and each of
        these requests could come late.
        """
        node.metadata = merged(node.metadata, patch)
        node.waiting |= patch.keys()

    def send_patch(self, node: Node, steps: list[Json]) -> None:
        """Send a JSON Patch of a node's metadata.

        Tiled takes a merge patch without access tags to mean "no access tags".
        """
        body = {
            "content-type": "application/json-patch+json",
            "metadata": steps,
            "specs": None,
            "access_tags": None,
        }
        self.requests.send("PATCH", node.uri, json=body, params={"drop_revision": True})

    def delete(self, op: Op, node: Node, hint: str = TO_DELETE) -> None:
        """Delete a node with what it holds; files that lie elsewhere stay."""
        everything = node.files is None
        params = {"external_only": False} if everything else None
        try:
            self.requests.send("DELETE", node.uri, params=params)
        except RequestError as error:
            if error.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
                if not error.transient:
                    raise SinkError(error.words, op, hint=hint) from error
                raise
            if error.status != httpx.codes.NOT_FOUND:  # as after an answer that was lost
                raise


def _unchanged(stored: Json) -> Json:
    """The step of a patch that fails where it comes late, after a newer one.

    The claim on a run stands for all of its metadata: it goes when the run is closed.
    """
    if claims.KEY in stored:
        return {"op": "test", "path": pointer(claims.KEY), "value": stored[claims.KEY]}
    return {"op": "test", "path": "", "value": stored}


def hold(catalog: Catalog, op: CreateArray | CreateRagged, rows: Sequence[Array]) -> None:
    """Let a node wait for the run's end."""
    catalog.check_unused(op)
    catalog.parent(op)
    catalog.keep(op, Held(op, op.metadata, list(rows)))


def create_held(
    catalog: Catalog, held: Held, source: DataSource[Any], rows: int, kind: Any
) -> Node:
    """Make the node of what waited, in the place of what an earlier attempt wrote there.

    Such a node is written once: one that has other rows, as after a run that broke off, is deleted.
    """
    op, family = held.creation, source.structure_family
    node = catalog.create(op, catalog.parent(op), source=source, metadata=held.metadata)
    same_kind = node.family == family and (family == "awkward" or node.kind == kind)
    if node.adopted and same_kind and (node.rows, node.kind) != (rows, kind):
        try:
            catalog.delete(op, node)
        except RequestError as error:
            held.doubtful |= error.lost
            raise
        node = catalog.create(op, catalog.parent(op), source=source, metadata=held.metadata)
    if node.adopted:
        if (node.family, node.rows, node.kind) != (family, rows, kind):
            raise other_kind(op, "array" if family == "array" else f"{family} array")
        if node.stored != held.metadata:
            catalog.patch(node, {}, also=held.metadata)
    return node


def other_kind(op: CreateNode, family: str) -> CollisionError:
    """The error of a place where the run has something else."""
    return CollisionError(f"the run has another {family} in this place already", op)


def _files(item: Mapping[str, Any]) -> Files | None:
    """Read from what the server says of a node which files it has; None if it has none."""
    sources = item.get("data_sources") or []
    if len(sources) != 1 or sources[0]["management"] != Management.external.value:
        return None
    return Files(sources[0]["id"], known_source(sources[0]))
