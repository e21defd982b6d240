"""Ops performed on a Tiled catalog, served or embedded.

Each op is one request where that can be: what a creation answers is kept until the run is closed,
so nothing that this sink made is asked for again. Every op may be performed again, after a lost
answer, a restart or a replay: a node that is there already is taken over if it is the same run's
and of the same kind, and rows that are stored already are not stored again.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from tiledmap.runtime.errors import (
    BusyRunError,
    CollisionError,
    DoubledRowsError,
    SinkError,
    UnfitColumnsError,
    incomplete,
)
from tiledmap.runtime.exact import EXACT_KEY
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
    RegisterFiles,
    UpdateFiles,
    ValidateFiles,
)
from tiledmap.runtime.unfinished import has_better_end
from tiledmap.sinks.patches import merged, pointer
from tiledmap.sinks.tiled import claims
from tiledmap.sinks.tiled.arrays import Arrays
from tiledmap.sinks.tiled.checks import beyond_sqlite, hint_for, hint_for_files
from tiledmap.sinks.tiled.claims import Claim
from tiledmap.sinks.tiled.encoding import endpoint
from tiledmap.sinks.tiled.files import ExternalFiles
from tiledmap.sinks.tiled.nodes import Catalog, Held, Node, Storage
from tiledmap.sinks.tiled.ragged import NoRaggedError, Ragged
from tiledmap.sinks.tiled.requests import (
    LOG_IN_AGAIN,
    ExpiredLoginError,
    Json,
    RequestError,
    Requests,
    delays,
)
from tiledmap.sinks.tiled.tables import Tables

T = TypeVar("T")
OpT = TypeVar("OpT", bound=Op)

_LONGEST_ILLNESS = 60.0
"""Seconds for which a server may answer 500 to what cannot be the fault of the op."""
_LOOKS = (0.0, 0.1, 0.4)
"""Seconds before each look at what is in doubt: what was given up may come a little later yet."""
_OF_ATTEMPTS = ("notes", EXACT_KEY, claims.KEY)
"""Keys of a run's metadata that an earlier attempt may have left, and its last word sets right."""


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

    Attributes
    ----------
    uri
        Where it writes to; "" in this process.

    Notes
    -----
    Two things cannot grow on every server, and are written when the run is closed: an array without
    elements and, where tables are kept in SQLite, a ragged array. Neither can be read before, and
    both are lost if the process ends before. The ragged array becomes an awkward array, in which
    every row keeps its length and dtype, but which has no dims and which the ``read()`` of a whole
    Bluesky stream refuses; it is read by itself.

    A run that is being written says so in its metadata, under ``tiledmap``, until it is closed.
    """

    def __init__(
        self,
        client: Any,
        *,
        storage: Storage | None = None,
        patience: float = 10.0,
        close_streams: bool = False,
    ) -> None:
        http = client.context.http_client
        self.uri = "" if hasattr(http, "app") else client.uri
        self._requests = Requests(http)
        self._catalog = Catalog(self._requests, client.uri, storage)
        self._tables = Tables(self._catalog)
        self._arrays = Arrays(self._catalog)
        self._ragged = Ragged(self._catalog)
        self._files = ExternalFiles(self._catalog)
        self._patience = patience
        self._close_streams = close_streams
        self._process = os.getpid()
        self._writers: dict[str, str] = {}
        self._claims: dict[str, Claim] = {}
        self._refused: tuple[Op, float] | None = None

    def perform(self, op: Op) -> None:
        """Perform one op; one that was performed before changes nothing.

        Raises
        ------
        BusyRunError
            If another writer is writing the run.
        CollisionError
            If the place of a new node is taken by something else.
        DoubledRowsError
            If a node has more rows than the run, which is found when the run is closed. Performing
            the same `CloseRun` again closes it nevertheless.
        SinkError
            If the op could not be performed; its `transient` says whether it may be later.
        """
        self._part_from_parent()
        match op:
            case CreateContainer():
                self._attempt(op, self._create_container)
            case CreateTable():
                self._attempt(op, self._tables.create_table)
            case AppendRows():
                self._attempt(op, self._tables.append_rows)
            case CreateArray():
                self._attempt(op, self._arrays.create_array)
            case ExtendArray():
                self._attempt(op, self._arrays.extend_array)
            case CreateRagged():
                self._create_ragged(op)
            case ExtendRagged():
                self._attempt(op, self._ragged.extend_ragged)
            case RegisterFiles():
                self._attempt(op, self._files.register_files)
            case UpdateFiles():
                self._attempt(op, self._files.update_files)
            case PatchMetadata():
                self._attempt(op, self._patch_metadata)
            case CloseRun():
                self._close_run(op)
            case _:
                raise SinkError(f"there is no way to perform {type(op).__name__}", op)

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
        return self._attempt(op, self._files.validate_files)

    def claim(self, run: str, writer: str) -> None:
        """Write a run under an id that a later writer of the same run will know, as its journal's.

        Whoever comes with the same id goes on where this writer ended; whoever comes with another
        is kept out while this one may be alive.
        """
        self._part_from_parent()
        self._writers[run] = writer

    def release(self, run: str) -> None:
        """Leave a run that is not closed to others, and forget it."""
        self._part_from_parent()
        nodes, claim = self._forget(run)
        node = next(iter(nodes.values()), None)
        if claim is None or not isinstance(node, Node):
            return
        place = pointer(claims.KEY)
        # One try: a claim that stays is not heeded once this process has ended.
        with suppress(RequestError):
            for other in nodes.values():
                if isinstance(other, Node) and other.waiting:
                    self._catalog.patch(other, {})
            self._catalog.send_patch(
                node,
                [
                    {"op": "test", "path": place, "value": claim.as_metadata()},
                    {"op": "remove", "path": place},
                ],
            )

    def close(self) -> None:
        """Hold no run any more. No request is made: what a run says of its writer stays."""
        self._catalog.runs.clear()
        self._writers.clear()
        self._claims.clear()

    def discard(self, op: Op) -> None:
        """Delete the node of an op with its data, so that a replay of the run makes it anew.

        Raises
        ------
        SinkError
            If the server does not let it be deleted.
        """
        self._part_from_parent()
        node = self._catalog.known(op)
        if isinstance(node, Node):
            self._attempt(op, partial(self._catalog.delete, node=node))
        del self._catalog.nodes(op)[op.path]

    # How ops are tried

    def _attempt(self, op: OpT, action: Callable[[OpT], T]) -> T:
        """Perform an action, again where that may help."""
        deadline = time.monotonic() + self._patience
        tries = enumerate(delays(), start=1)
        while True:
            number, delay = next(tries)
            try:
                return action(op)
            except RequestError as error:
                if error.status == httpx.codes.NOT_FOUND:
                    self._catalog.shared.clear()  # one may have been deleted: look again
                delay = max(delay, error.pause)
                # However long it took until an answer was lost, a fresh connection gets one try.
                is_first_loss = error.lost and not error.pause and number == 1 and self._patience
                is_late = time.monotonic() + delay > deadline and not is_first_loss
                if number >= error.tries or is_late:
                    error.transient = error.transient or self._may_recover(error, op)
                    raise _failure(error, op) from error
            time.sleep(delay)

    def _may_recover(self, error: RequestError, op: Op) -> bool:
        """Whether a server's error may be one of its storage, as of a database that is away."""
        if error.tries == 1 or not self._is_sound(op):
            return False
        now = time.monotonic()
        if self._refused is None or self._refused[0] is not op:
            self._refused = op, now
        return now - self._refused[1] < _LONGEST_ILLNESS

    def _is_sound(self, op: Op) -> bool:
        """Whether an op is of a kind that the server has taken before."""
        match op:
            case AppendRows():
                return bool(self._catalog.node(op).before)
            case CreateNode():  # it was made, and is being looked at or deleted
                return isinstance(self._catalog.nodes(op).get(op.path), Node)
            case ExtendArray() | PatchMetadata() | CloseRun():
                return True
        return False

    def _part_from_parent(self) -> None:
        """Leave the runs of the process that this one was forked from to it."""
        if os.getpid() != self._process:
            self._process = os.getpid()
            self.close()

    # Containers

    def _create_container(self, op: CreateContainer) -> None:
        nodes = self._catalog.nodes(op)
        inside = _is_inside(op.path, nodes)
        if op.shared:
            known = nodes if inside else self._catalog.shared
            if op.path not in known:
                known[op.path] = self._make_container(op, inside)
        elif inside:
            self._catalog.check_unused(op)
            nodes[op.path] = self._make_container(op, inside)
        else:
            nodes.clear()  # a run that comes again is replayed from its start
            nodes[op.path] = self._open_run(op)

    def _make_container(self, op: CreateContainer, inside: bool, extra: Json | None = None) -> Node:
        parent = self._catalog.parent(op)
        for key in op.keys:
            node = self._catalog.create(op, parent, key=key, extra=extra)
            if not node.adopted:
                return node
            if node.family == "container" and (op.shared or inside or _uid(node) == op.run):
                return node
        owner = f"run {_uid(node)}" if _uid(node) else "something that is no run"
        raise CollisionError(f"the place is taken by a {node.family} of {owner}", op)

    # Whose a run is

    def _open_run(self, op: CreateContainer) -> Node:
        """Make a run's own container, or go on with it if no one else does."""
        claim = Claim.make(self._writers.setdefault(op.run, uuid4().hex))
        self._claims[op.run] = claim
        node = self._make_container(op, False, {claims.KEY: claim.as_metadata()})
        if node.adopted and claims.KEY not in op.metadata:
            self._take_over(op, node, claim)
        return node

    def _take_over(self, op: CreateContainer, node: Node, claim: Claim) -> None:
        """Claim a run that was there before, unless another writer has it."""
        assert node.stored is not None
        self._check_free(op, node.stored, claim)
        if Claim.read(node.stored) == claim:
            return
        place = pointer(claims.KEY)
        if claims.KEY in node.stored:
            unchanged = {"op": "test", "path": place, "value": node.stored[claims.KEY]}
        else:  # a patch cannot ask that something is absent
            unchanged = {"op": "test", "path": "", "value": node.stored}
        added = {"op": "add", "path": place, "value": claim.as_metadata()}
        refusal = None
        try:
            self._catalog.send_patch(node, [unchanged, added])
        except RequestError as error:
            if error.status != httpx.codes.INTERNAL_SERVER_ERROR:
                raise
            refusal = error  # another may have been quicker
        # Of two that came at the same time, one finds the other's claim in place of its own.
        node.stored = self._catalog.find(node.uri).metadata
        self._check_free(op, node.stored, claim)
        if refusal is not None:
            raise refusal

    def _check_free(self, op: CreateContainer, stored: Json, claim: Claim) -> None:
        holder = Claim.read(stored)
        if holder is None or holder.id == claim.id or not holder.may_be_alive():
            return
        self._forget(op.run)
        raise BusyRunError(
            f"it is being written by {holder}",
            op,
            hint="if that writer is gone, write the run on its host, "
            f"or remove {claims.KEY!r} from the metadata of the run",
        )

    def _forget(self, run: str) -> tuple[dict[Path, Node | Held], Claim | None]:
        self._writers.pop(run, None)
        return self._catalog.runs.pop(run, {}), self._claims.pop(run, None)

    # What waits for the run's end

    def _create_ragged(self, op: CreateRagged) -> None:
        try:
            self._attempt(op, self._ragged.create_ragged)
        except SinkError as error:
            if not isinstance(error.__cause__, NoRaggedError):
                raise
            self._ragged.hold(op)  # SQLite, as far as can be told

    def _write_held(self, held: Held) -> None:
        parts = self._arrays if isinstance(held.creation, CreateArray) else self._ragged

        def write(_: Op) -> None:
            parts.write_held(held)
            if held.doubtful:  # what a lost request has deleted since is made once more
                held.doubtful = False
                parts.write_held(held)

        try:
            self._attempt(held.creation, write)
        except SinkError as error:
            if error.transient:
                raise
            held.failure = error

    # Metadata, and a run's end

    def _patch_metadata(self, op: PatchMetadata) -> None:
        node = self._catalog.known(op)
        if isinstance(node, Held):
            node.metadata = merged(node.metadata, op.patch)
        elif node.adopted:
            self._catalog.patch_later(node, op.patch)
        else:
            self._catalog.patch(node, op.patch)

    def _close_run(self, op: CloseRun) -> None:
        """Write what waited and look at what is in doubt, then say the last word."""
        run, nodes = self._catalog.node(op), self._catalog.nodes(op)
        for path, node in list(nodes.items()):
            if isinstance(node, Held):
                if node.failure is None:
                    self._write_held(node)
                if node.failure is None:
                    del nodes[path]
        self._settle(nodes)
        failures = [node.failure for node in nodes.values() if node.failure is not None]
        made = [node for node in nodes.values() if isinstance(node, Node)]
        for node in made:
            if node.waiting and node is not run and node.failure is None:
                self._attempt(op, partial(self._set_waiting, node))
        self._attempt(op, partial(self._say_last, run, failures))
        if self._close_streams:
            for node in reversed(made):
                self._close_stream(op, node)
        self._forget(op.run)
        if failures:
            raise failures[0]

    def _set_waiting(self, node: Node, op: Op) -> None:
        self._catalog.patch(node, {})

    def _say_last(self, run: Node, failures: Sequence[SinkError], op: CloseRun) -> None:
        patch = op.patch
        if run.stored is None:
            run.stored = self._catalog.find(run.uri).metadata
        if has_better_end(run.stored, patch):
            patch = {}
        if failures:
            own = patch.get("notes", run.metadata.get("notes", []))
            own = own if isinstance(own, list) else [own]
            losses = [incomplete(failure.path, failure.explained) for failure in failures]
            patch = {**patch, "notes": [*own, *losses]}
        self._catalog.patch(run, patch, _OF_ATTEMPTS)

    def _settle(self, nodes: Mapping[Path, Node | Held]) -> None:
        """Look at those nodes to which a request may come that was given up as lost."""
        doubtful = [path for path, node in nodes.items() if isinstance(node, Node) if node.doubtful]
        for pause in _LOOKS if doubtful else ():
            time.sleep(pause)
            for path in doubtful:  # at each look, another node may have taken one's place
                if isinstance(node := nodes[path], Node) and node.failure is None:
                    self._look_at(node)
        for path in doubtful:
            if isinstance(node := nodes[path], Node):
                node.doubtful = False

    def _look_at(self, node: Node) -> None:
        of_family: dict[str, Tables | Arrays | Ragged] = {
            "table": self._tables,
            "array": self._arrays,
            "ragged": self._ragged,
        }
        parts = self._files if node.files is not None else of_family[node.family]
        assert node.creation is not None
        try:
            self._attempt(node.creation, lambda _: parts.settle(node))
        except DoubledRowsError:
            node.doubtful = False
            raise
        except SinkError as error:
            if error.transient:
                raise
            node.failure = error

    def _close_stream(self, op: CloseRun, node: Node) -> None:
        if not node.closed:
            uri = endpoint(node.uri, "stream/close")
            self._attempt(op, lambda _: self._requests.send("DELETE", uri))
            node.closed = True


def _failure(error: RequestError, op: Op) -> SinkError:
    """What the last try of an op has come to."""
    if isinstance(op, CreateTable) and error.is_of_server and (unfit := beyond_sqlite(op.schema)):
        return UnfitColumnsError(op, unfit, words=error.words, hint=hint_for(op))
    hint = hint_for_files(op, error.status) or hint_for(op)
    if isinstance(error, ExpiredLoginError):
        hint = LOG_IN_AGAIN
    return SinkError(error.words, op, transient=error.transient, pause=error.pause, hint=hint)


def _uid(node: Node) -> Any:
    start = (node.stored or {}).get("start")
    return start.get("uid") if isinstance(start, dict) else None


def _is_inside(path: Path, nodes: Mapping[Path, Any]) -> bool:
    """Whether a node is below another of its run."""
    return any(path[:length] in nodes for length in range(1, len(path)))
