"""Nodes of files that lie elsewhere: each request says all that such a node is."""

from dataclasses import asdict, replace

import httpx

from tiledmap.runtime.errors import CollisionError, SinkError
from tiledmap.runtime.ops import FileSource, RegisterFiles, UpdateFiles, ValidateFiles
from tiledmap.sinks.files import by_uri, check_files, is_ahead, new_assets
from tiledmap.sinks.tiled.checks import TO_MAKE_ANEW
from tiledmap.sinks.tiled.encoding import endpoint, external_source
from tiledmap.sinks.tiled.nodes import Catalog, Files, Node, other_kind
from tiledmap.sinks.tiled.requests import Json, RequestError


class ExternalFiles:
    """Performs the ops of files that lie elsewhere."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def register_files(self, op: RegisterFiles) -> None:
        """Make a node of files, or go on with the run's own."""
        check_files(op)
        self._catalog.check_unused(op)
        source = external_source(op.source)
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
        else:
            files.source = op.source
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
        told = replace(op.source, assets=tuple(new)) if files.sure else op.source
        files.sure = False
        try:
            self._send_source(node, files, told, _patch_params(op))
        except RequestError as error:
            if node.doubtful and error.status == httpx.codes.NOT_FOUND:
                self._put_in_place(node, files, op.source)
                return
            files.lost = op.source if error.lost else files.lost
            raise
        files.source, files.sure, files.behind = op.source, True, False
        # What came of a lost request may yet take the place of anything that follows it.
        node.doubtful |= files.lost is not None and files.lost != files.source

    def settle(self, node: Node) -> None:
        """Say once more what a node of files is, unless it is more than the run has come to."""
        files = node.files
        assert files is not None
        if files.behind:
            return
        try:
            self._send_source(node, files, files.source)
        except RequestError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            self._put_in_place(node, files, files.source)

    def _send_source(
        self, node: Node, files: Files, source: FileSource, params: Json | None = None
    ) -> None:
        body = {"data_source": asdict(external_source(source, files.source_id))}
        self._catalog.requests.send(
            "PUT", endpoint(node.uri, "data_source"), json=body, params=params
        )

    def _make_anew(self, op: RegisterFiles | UpdateFiles, node: Node, files: Files) -> None:
        """Delete a node whose files are in another order, and make it once more; they stay."""
        try:
            self._catalog.delete(op, node, hint=TO_MAKE_ANEW)
        except RequestError as error:
            node.doubtful |= error.lost  # it may yet take what comes in the node's place
            raise
        self._put_in_place(node, files, op.source)

    def _put_in_place(self, gone: Node, files: Files, source: FileSource) -> None:
        """Make a node once more that is gone."""
        assert files.creation is not None
        creation = replace(files.creation, source=source, metadata=gone.metadata)
        made = self._catalog.create(
            creation, self._catalog.parent(creation), source=external_source(source)
        )
        assert made.files is not None
        made.files.creation, made.files.source = creation, source
        made.doubtful |= gone.doubtful
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
            if error.is_of_server:  # which fails at some file
                return False, [error.words]
            raise
        return answer["valid"], answer["notes"]


def _patch_params(op: RegisterFiles | UpdateFiles) -> Json | None:
    """What readers that follow an array are told of its new part."""
    if not isinstance(op, UpdateFiles) or op.source.family != "array" or not op.extent:
        return None
    return {
        "patch_shape": ",".join(map(str, op.extent)),
        "patch_offset": ",".join(map(str, op.offset)),
    }
