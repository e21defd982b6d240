"""Dense arrays: rows have places, so that writing them again changes nothing."""

import numpy as np
from tiled.structures.array import ArrayStructure
from tiled.structures.data_source import DataSource

from tiledmap.runtime.ops import CreateArray, ExtendArray
from tiledmap.sinks.tiled.checks import already_stored, as_kind
from tiledmap.sinks.tiled.encoding import Array, data_type_of, uploads
from tiledmap.sinks.tiled.nodes import Catalog, Held, Node, create_held, hold
from tiledmap.sinks.tiled.requests import RequestError


class Arrays:
    """Performs the ops of dense arrays."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def create_array(self, op: CreateArray) -> None:
        """Make an array with its first rows; one without elements waits for the run's end."""
        if op.data.size == 0:
            hold(self._catalog, op, [op.data])
            return
        first = next(uploads(op.data))
        kind = (op.data.dtype, op.data.shape[1:])
        node = self._catalog.create_or_adopt(op, "array", kind, _structure(op, first))
        # An array that was there may lack any of its rows: all are written again, in their places.
        node.rows = 0
        if not node.adopted:
            self._catalog.requests.send("PUT", node.links["full"], content=first.tobytes())
            node.rows = len(first)
        self._write(node, op.data[node.rows :], node.rows)
        self._catalog.keep(op, node)

    def extend_array(self, op: ExtendArray) -> None:
        """Write those rows that this sink has not written."""
        node = self._catalog.known(op)
        if isinstance(node, Held):
            node.rows.append(op.data[already_stored(op, sum(map(len, node.rows))) :])
            return
        data = as_kind(op, node.kind)
        assert node.rows is not None
        skipped = already_stored(op, node.rows)
        self._write(node, data[skipped:], op.first + skipped)

    def _write(self, node: Node, data: Array, first: int) -> None:
        for part in uploads(data):
            self._patch(node, part, first)
            first += len(part)
            node.rows = first

    def _patch(self, node: Node, rows: Array, first: int) -> None:
        try:
            self._catalog.requests.send(
                "PATCH",
                node.links["full"],
                content=rows.tobytes(),
                params={
                    "offset": str(first),
                    "shape": ",".join(map(str, rows.shape)),
                    "extend": True,
                },
            )
        except RequestError as error:
            node.doubtful |= error.lost
            raise

    def settle(self, node: Node) -> None:
        """Say an array's length once more: rows that came late may have made it short."""
        dtype, row_shape = node.kind
        assert node.rows is not None
        self._patch(node, np.empty((0, *row_shape), dtype), node.rows)

    def write_held(self, held: Held) -> None:
        """Write an array without elements."""
        op = held.creation
        assert isinstance(op, CreateArray)
        data = np.concatenate(held.rows)
        source = DataSource(structure_family="array", structure=_structure(op, data))
        create_held(self._catalog, held, source, len(data), (data.dtype, data.shape[1:]))


def _structure(op: CreateArray, rows: Array) -> ArrayStructure:
    """An array of these rows, all in one chunk."""
    return ArrayStructure(
        data_type=data_type_of(op, rows.dtype),
        shape=rows.shape,
        chunks=tuple((length,) for length in rows.shape),
        dims=op.dims,
    )
