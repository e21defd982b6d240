"""Appendable tables, to which a server appends whatever it is sent, as often as it is sent."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tiled.structures.table import TableStructure
from tiled.utils import APACHE_ARROW_FILE_MIME_TYPE

from tiledmap.runtime.errors import DoubledRowsError, SinkError, UnfitColumnsError
from tiledmap.runtime.ops import AppendRows, CreateTable, Path
from tiledmap.sinks.tiled.checks import already_stored, beyond_sqlite, changed_by_null, hint_for
from tiledmap.sinks.tiled.encoding import SQL_TABLE, arrow_file, endpoint
from tiledmap.sinks.tiled.nodes import Catalog, Node
from tiledmap.sinks.tiled.requests import RequestError

_PARTITION = {"partition": 0}
_KEY = "seq_num"
_CHECKSUMS = 2**64
_MIXING = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
"""Of SplitMix64: sums of such numbers are equal for the same numbers alone."""


class Tables:
    """Performs the ops of tables."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._unfit: set[Path] = set()

    def create_table(self, op: CreateTable) -> None:
        """Make a table, or go on with the run's own."""
        catalog = self._catalog
        unfit = beyond_sqlite(op.schema)
        if unfit:
            self._unfit.add(op.path)
        if unfit and catalog.storage == "sqlite":
            raise UnfitColumnsError(op, unfit, hint=hint_for(op))
        structure = TableStructure.from_schema(op.schema, 1)
        schema = op.schema.remove_metadata()
        node = catalog.create_or_adopt(op, "table", schema, structure, mimetype=SQL_TABLE)
        catalog.keep(op, node)
        if op.path in self._unfit:
            self._unfit.remove(op.path)
            if not unfit:
                catalog.storage = "sqlite"  # which is known now, so it is not tried again

    def append_rows(self, op: AppendRows) -> None:
        """Append those rows that are not there."""
        node = self._catalog.node(op)
        if (column := changed_by_null(op.rows)) is not None:
            raise SinkError(
                f"column {column!r} has nulls beside integers beyond 2**53, "
                "which Tiled would round",
                op,
            )
        key, end = _key(node.kind), op.first + op.rows.num_rows
        if key is not None:
            node.checksum += _checksum(op.rows.column(key).slice(max(0, node.sent - op.first)))
        node.sent = max(node.sent, end)
        if node.rows is None:
            node.rows, node.found = self._look(node)
            node.foul |= key is None and not _may_be_told(node, end)
            # Rows that are not there after a lost answer may still come.
            node.doubtful |= node.lost and node.rows < node.sent
            node.lost = False
        if node.found is not None and op.first <= node.rows <= end == node.sent:
            assert key is not None
            beyond = _checksum(op.rows.column(key).slice(node.rows - op.first))
            node.foul |= (node.checksum - beyond - node.found) % _CHECKSUMS != 0
            node.found = None
        if node.foul:
            node.doubtful = True
            return
        stored = node.rows
        rows = op.rows.slice(already_stored(op, stored))
        if rows.num_rows == 0:
            return
        node.rows, node.before = None, stored
        try:
            self._catalog.requests.send(
                "PATCH",
                endpoint(node.uri, "table/partition"),
                params=_PARTITION,
                content=arrow_file(rows),
                content_type=APACHE_ARROW_FILE_MIME_TYPE,
            )
        except RequestError as error:
            node.lost |= error.lost
            raise
        node.rows = stored + rows.num_rows

    def settle(self, node: Node) -> None:
        """Look at a table's rows once more."""
        assert node.creation is not None
        there, found = self._look(node)
        if found is not None and there == node.sent:
            node.foul |= (node.checksum - found) % _CHECKSUMS != 0
        if node.foul or there > node.sent:
            held = (
                f"{there} rows, and not just the {node.sent}"
                if there > node.sent
                else f"other rows than the {node.sent}"
            )
            raise DoubledRowsError(
                f"it holds {held} that the run has: a request that was given up as lost came "
                "through after all",
                node.creation,
                hint="delete the table and write the run again",
            )
        if there < (node.rows or 0):
            raise SinkError(f"it holds {there} of the {node.rows} rows stored", node.creation)

    def _look(self, node: Node) -> tuple[int, int | None]:
        """Count a table's rows; the checksum of their key, where it has one, says which."""
        schema = node.kind
        key = _key(schema)
        response = self._catalog.requests.send(
            "GET",
            endpoint(node.uri, "table/partition"),
            params={**_PARTITION, "column": schema.names[key or 0]},
            accept=APACHE_ARROW_FILE_MIME_TYPE,
        )
        try:
            column = pa.ipc.open_file(pa.py_buffer(response.content)).read_all().column(0)
            return len(column), None if key is None else _checksum(column)
        except (pa.ArrowInvalid, IndexError) as error:
            raise RequestError("the server's rows cannot be read", transient=True) from error


def _key(schema: pa.Schema) -> int | None:
    """The column whose numbers tell rows apart; None where a table has none."""
    index: int = schema.get_field_index(_KEY)
    return index if index >= 0 and pa.types.is_integer(schema.field(index).type) else None


def _checksum(column: pa.Array | pa.ChunkedArray) -> int:
    """Of integers, whatever their order: a database need not keep any."""
    numbers = pc.fill_null(column, 0).cast(pa.int64(), safe=False).to_numpy(zero_copy_only=False)
    mixed = numbers.astype(np.uint64)
    for shift, factor in _MIXING:
        mixed = (mixed ^ mixed >> np.uint64(shift)) * np.uint64(factor)
    return int((mixed ^ mixed >> np.uint64(31)).sum())


def _may_be_told(node: Node, end: int) -> bool:
    """Whether the number of rows alone tells which they are.

    It does not where it may have come of rows that were given up, and those sent last are lost.
    """
    if node.before is None or node.rows == node.before:
        return True
    return node.rows == end and not node.doubtful
