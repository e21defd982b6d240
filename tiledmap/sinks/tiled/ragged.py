"""Arrays whose rows differ in length: ragged where tables are not in SQLite, or else awkward."""

import zlib
from collections.abc import Sequence

import httpx
from tiled.structures.data_source import DataSource

from tiledmap.runtime.errors import DoubledRowsError, SinkError
from tiledmap.runtime.ops import CreateRagged, ExtendRagged, leaves
from tiledmap.sinks.tiled.checks import already_stored
from tiledmap.sinks.tiled.encoding import Array, data_type_of, ragged_array
from tiledmap.sinks.tiled.nodes import Catalog, Held, Node, create_held, hold
from tiledmap.sinks.tiled.requests import RequestError

_SQL_RAGGED = "application/x-ragged+sql"
_BUFFERS = "application/zip"


class NoRaggedError(RequestError):
    """A server that makes no ragged arrays."""


class Ragged:
    """Performs the ops of ragged arrays."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def create_ragged(self, op: CreateRagged) -> None:
        """Make a ragged array with its first rows; where it could not grow, it waits."""
        from tiled.structures.ragged import RaggedStructure

        dtype = next(leaves(op.rows[0])).dtype
        if dtype.kind not in "biufc":
            raise SinkError(f"a ragged array holds numbers, not {dtype}", op)
        if self._catalog.storage == "sqlite":
            self.hold(op)
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
            node = self._catalog.create_or_adopt(
                op, "ragged", (dtype, op.shape), structure, mimetype=_SQL_RAGGED, or_else="awkward"
            )
        except RequestError as error:
            if not error.is_of_server:
                raise
            raise NoRaggedError(error.words, status=error.status, tries=error.tries) from error
        if node.family == "awkward":
            self.hold(op)
            return
        self._write(node, op)
        self._catalog.keep(op, node)

    def extend_ragged(self, op: ExtendRagged) -> None:
        """Append those rows that are not there."""
        node = self._catalog.known(op)
        if isinstance(node, Held):
            node.rows.extend(op.rows[already_stored(op, len(node.rows)) :])
        else:
            self._write(node, op)

    def hold(self, op: CreateRagged) -> None:
        """Let an array wait for the run's end."""
        hold(self._catalog, op, op.rows)

    def _write(self, node: Node, op: CreateRagged | ExtendRagged) -> None:
        from tiled.serialization.ragged import to_zipped_buffers

        first = op.first if isinstance(op, ExtendRagged) else 0
        node.checksum = _checksum(op.rows[max(0, node.sent - first) :], node.checksum)
        node.sent = max(node.sent, first + len(op.rows))
        if node.foul:
            return
        if node.rows is None:
            node.rows = self._catalog.find(node.uri).rows
        assert node.rows is not None
        stored = node.rows
        node.doubtful |= node.lost and stored < node.sent
        node.lost = False
        rows = op.rows[already_stored(op, stored) :]
        if not rows:
            return
        node.rows = None
        try:
            self._catalog.requests.send(
                "PATCH",
                node.links["full"],
                content=to_zipped_buffers(_BUFFERS, ragged_array(rows, op.shape), {}),
                content_type=_BUFFERS,
                params={"offset": str(stored), "shape": str(len(rows)), "extend": True},
            )
        except RequestError as error:
            if error.status == httpx.codes.CONFLICT:  # there are more, though it counts so many
                node.foul = node.doubtful = True
                return
            node.lost = True
            raise
        node.rows = stored + len(rows)

    def settle(self, node: Node) -> None:
        """Read an array back.

        A server stores rows first, and how many there are afterwards: between the two, a request
        that was given up leaves rows that take the place of the next ones.
        """
        try:
            sound = not node.foul and self._read_checksum(node) == (node.sent, node.checksum)
        except RequestError as error:
            if not error.is_of_server:
                raise
            sound = False
        if not sound:
            raise _doubled(node)

    def _read_checksum(self, node: Node) -> tuple[int, int]:
        import awkward
        from tiled.serialization.ragged import from_zipped_buffers

        response = self._catalog.requests.send("GET", node.links["full"], accept=_BUFFERS)
        array = from_zipped_buffers(response.content, None)._impl
        numbers = awkward.to_numpy(awkward.flatten(array, axis=None))
        return len(array), zlib.crc32(numbers.tobytes())

    def write_held(self, held: Held) -> None:
        """Write an array whole, as an awkward one."""
        import awkward
        from tiled.serialization.awkward import to_zipped_buffers
        from tiled.structures.awkward import AwkwardStructure

        op = held.creation
        assert isinstance(op, CreateRagged)
        array = awkward.to_packed(ragged_array(held.rows, op.shape)._impl)
        form, length, buffers = awkward.to_buffers(array)
        structure = AwkwardStructure(length=length, form=form.to_dict())
        source = DataSource(structure_family="awkward", structure=structure)
        node = create_held(self._catalog, held, source, length, structure.form)
        self._catalog.requests.send(
            "PUT",
            node.links["full"],
            content=bytes(to_zipped_buffers(_BUFFERS, (form, length, buffers), {})),
            content_type=_BUFFERS,
        )


def _doubled(node: Node) -> DoubledRowsError:
    assert node.creation is not None
    return DoubledRowsError(
        f"it holds other rows than the {node.sent} that the run has: a request that was given up "
        "as lost came through after all",
        node.creation,
        hint="delete the node and write the run again",
    )


def _checksum(rows: Sequence[Array], before: int) -> int:
    """Of the numbers in rows, and in those before them."""
    for row in rows:
        for leaf in leaves(row):
            before = zlib.crc32(leaf.tobytes(), before)
    return before
