"""Ops performed on a Tiled server that need not be there yet."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tiledmap.runtime.errors import SinkError
from tiledmap.runtime.ops import Op, ValidateFiles
from tiledmap.sinks.server import UnreachableError, connect, container_uri
from tiledmap.sinks.tiled import TiledSink

logger = logging.getLogger("tiledmap")


class DistantSink:
    """A `TiledSink` that is connected as soon as its server is there.

    Parameters
    ----------
    uri
        The address of a container on a Tiled server, or of the server.
    api_key
        As `connect` takes it.
    patience
        Seconds for which an op is tried again while the server is away or busy. To connect is tried
        once for each op.
    may_be_away
        False to refuse a server that is away when the sink is made.

    Attributes
    ----------
    uri
        Where it writes to.

    Raises
    ------
    UnreachableError
        If the server can be asked, and waiting does not help.
    """

    def __init__(
        self,
        uri: str,
        *,
        api_key: str | None = None,
        patience: float = 10.0,
        may_be_away: bool = True,
    ) -> None:
        self.uri = container_uri(uri)
        # A key in a closure is not seen by what prints attributes.
        self._make_client: Callable[[bool], Any] = lambda may_prompt: connect(
            uri, api_key=api_key, may_prompt=may_prompt
        )
        self._patience = patience
        self._process = os.getpid()
        self._claims: dict[str, str] = {}
        self._connection: _Connection | None = None
        try:
            self._connect(may_prompt=True)
        except UnreachableError as error:
            if not (error.transient and may_be_away):
                raise
            logger.warning("%s; documents are kept, and written as soon as it is there", error)

    def __repr__(self) -> str:
        return f"<DistantSink {self.uri}>"

    def perform(self, op: Op) -> None:
        """Perform one op as `TiledSink` does.

        Raises
        ------
        SinkError
            As `TiledSink` raises it, or if there is no connection.
        """
        with self._connected(op) as sink:
            sink.perform(op)

    def validate_files(self, op: ValidateFiles) -> tuple[bool, list[str]] | None:
        """Let the server compare the files of a run with what their nodes say."""
        with self._connected(op) as sink:
            return sink.validate_files(op)

    def discard(self, op: Op) -> None:
        """Delete the node of an op with its data, so that a replay of the run makes it anew."""
        with self._connected(op) as sink:
            sink.discard(op)

    def claim(self, run: str, writer: str) -> None:
        """Write a run under an id that a later writer of the same run will know."""
        self._part_from_parent()
        if self._connection is None:
            self._claims[run] = writer
        else:
            self._connection.sink.claim(run, writer)

    def release(self, run: str) -> None:
        """Leave a run that is not closed to others, and forget it."""
        self._part_from_parent()
        if self._connection is None:
            self._claims.pop(run, None)
        else:
            self._connection.sink.release(run)

    def close(self) -> None:
        """Hold no run and no connection any more; the next op connects again."""
        self._part_from_parent()
        self._claims.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @contextmanager
    def _connected(self, op: Op) -> Iterator[TiledSink]:
        self._part_from_parent()
        connection = self._connection
        if connection is None:
            try:
                connection = self._connect(may_prompt=False)  # its thread is not the terminal's
            except UnreachableError as error:
                raise SinkError(str(error), op, transient=error.transient) from error
        with connection.in_use():
            yield connection.sink

    def _connect(self, *, may_prompt: bool) -> "_Connection":
        connection = _Connection(self._make_client(may_prompt), self._patience)
        for run, writer in self._claims.items():
            connection.sink.claim(run, writer)
        self._claims.clear()
        self.uri = connection.sink.uri
        self._connection = connection
        return connection

    def _part_from_parent(self) -> None:
        """Leave connection and runs of the process that this one was forked from to it."""
        if os.getpid() != self._process:
            self._process = os.getpid()
            self._connection = None
            self._claims.clear()


class _Connection:
    """A client of the sink's own, which is not closed under an op.

    A writer that is closed does not wait for ever: its thread may have a request on its way, which
    must not end as one that the server refused.
    """

    def __init__(self, client: Any, patience: float) -> None:
        self.sink = TiledSink(client, patience=patience)
        self._context = client.context
        self._lock = threading.Lock()
        self._is_left = False

    @contextmanager
    def in_use(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            finally:
                if self._is_left:
                    self._context.close()

    def close(self) -> None:
        """Close the client now, or when the op that is under way has ended."""
        self.sink.close()
        self._is_left = True
        if self._lock.acquire(blocking=False):
            self._context.close()
            self._lock.release()
