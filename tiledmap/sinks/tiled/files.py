"""Nodes of files that lie elsewhere: each request says all that such a node is."""

from dataclasses import asdict, replace

import httpx

from tiledmap.runtime.errors import CollisionError, SinkError
from tiledmap.runtime.ops import RegisterFiles, UpdateFiles, ValidateFiles
from tiledmap.sinks.files import by_uri, check_files, is_ahead, new_assets
from tiledmap.sinks.tiled.checks import TO_MAKE_ANEW
from tiledmap.sinks.tiled.encoding import endpoint, external_source
from tiledmap.sinks.tiled.nodes import Catalog, Files, Node, other_kind
from tiledmap.sinks.tiled.requests import RequestError


class ExternalFiles:
    """Performs the ops of files that lie elsewhere."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def register_files(self, op: RegisterFiles) -> None:
        """Make a node of files, or go on with the run's own."""
        check_files(op)
        self._catalog.check_unused(op)
        source = external_source(op.source, op.source.assets)
        node = self._catalog.create(op, self._catalog.parent(op), source=source)
        files = node.files
        if files is None or node.family != op.source.family:
            raise other_kind(op, node.family)
        files.creation = op
        if node.adopted:
            if files.source.mimetype != op.source.mimetype:
                raise CollisionError(f"the run has files of {files.source.mimetype} there", op)
            files.sure, files.behind = False, True
            self._put_source(op, node, files)
        self._catalog.keep(op, node)

    def update_files(self, op: UpdateFiles) -> None:
        """Set what a node of files is."""
        node = self._catalog.known(op)
        files = node.files if isinstance(node, Node) else None
        if files is None or files.source.mimetype != op.source.mimetype:
            raise SinkError("it was not created as a node of such files", op)
        assert isinstance(node, Node)
        self._put_source(op, node, files)

    def _put_source(self, op: RegisterFiles | UpdateFiles, node: Node, files: Files) -> None:
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
        try:
            self._catalog.requests.send(
                "PUT",
                endpoint(node.uri, "data_source"),
                json={"data_source": asdict(source)},
                params=_patch_params(op),
            )
        except RequestError as error:
            files.lost = op.source if error.lost else files.lost
            raise
        files.source, files.sure, files.behind = op.source, True, False
        # What came of a lost request may yet take the place of anything that follows it.
        node.doubtful = files.lost is not None and files.lost != files.source

    def settle(self, node: Node) -> None:
        """Say once more what a node of files is."""
        files = node.files
        assert files is not None
        source = external_source(files.source, files.source.assets, files.source_id)
        self._catalog.requests.send(
            "PUT", endpoint(node.uri, "data_source"), json={"data_source": asdict(source)}
        )

    def _make_anew(self, op: RegisterFiles | UpdateFiles, node: Node, files: Files) -> None:
        """Put a node in the place of one whose files are in another order; the files stay."""
        assert files.creation is not None
        creation = replace(files.creation, source=op.source, metadata=node.metadata)
        self._catalog.delete(op, node, hint=TO_MAKE_ANEW)
        source = external_source(op.source, op.source.assets)
        made = self._catalog.create(creation, self._catalog.parent(creation), source=source)
        assert made.files is not None
        made.files.creation = creation
        self._catalog.keep(creation, made)

    def validate_files(self, op: ValidateFiles) -> tuple[bool, list[str]] | None:
        """Let the server compare the files of a run with what their nodes say."""
        node = self._catalog.node(op)
        uri = endpoint(node.uri, "validate").replace("/api/v1/", "/custom/", 1)
        try:
            answer = self._catalog.requests.ask("GET", uri, params={"fix": op.fix, "read": False})
        except RequestError as error:
            if error.status in (httpx.codes.NOT_FOUND, httpx.codes.BAD_REQUEST):
                return None
            if error.status == httpx.codes.INTERNAL_SERVER_ERROR:  # some file, not the server
                return False, [error.words]
            raise
        return answer["valid"], answer["notes"]


def _patch_params(op: RegisterFiles | UpdateFiles) -> dict[str, str] | None:
    """What readers that follow an array are told of its new part."""
    if not isinstance(op, UpdateFiles) or op.source.family != "array" or not op.extent:
        return None
    return {
        "patch_shape": ",".join(map(str, op.extent)),
        "patch_offset": ",".join(map(str, op.offset)),
    }
