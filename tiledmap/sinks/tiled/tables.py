"""Appendable tables, to which a server appends whatever it is sent, as often as it is sent."""

import pyarrow as pa
from tiled.structures.table import TableStructure
from tiled.utils import APACHE_ARROW_FILE_MIME_TYPE

from tiledmap.runtime.errors import DoubledRowsError, SinkError, UnfitColumnsError
from tiledmap.runtime.ops import AppendRows, CreateTable, Path
from tiledmap.sinks.tiled.checks import already_stored, beyond_sqlite, changed_by_null, hint_for
from tiledmap.sinks.tiled.encoding import SQL_TABLE, arrow_file
from tiledmap.sinks.tiled.nodes import Catalog, Node
from tiledmap.sinks.tiled.requests import RequestError


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
            raise UnfitColumnsError("SQLite cannot hold it", op, unfit, hint=hint_for(op))
        structure = TableStructure.from_schema(op.schema, 1)
        schema = op.schema.remove_metadata()
        node = catalog.create_or_adopt(op, "table", schema, structure, mimetype=SQL_TABLE)
        node.doubtful = catalog.is_resumed(op)  # whoever was here may have rows on their way
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
        node.sent = max(node.sent, op.first + op.rows.num_rows)
        if node.rows is None:
            node.column = self._read_column(node)
            node.rows = len(node.column)
            # Rows that are not there after a lost answer may still come.
            node.doubtful |= node.lost and node.rows < node.sent
            node.lost = False
        node.foul |= not _agrees(op, node.column)
        if node.foul:
            node.doubtful = True
            return
        stored = node.rows
        rows = op.rows.slice(already_stored(op, stored))
        if rows.num_rows == 0:
            return
        node.rows = None
        try:
            self._catalog.requests.send(
                "PATCH",
                node.links["partition"].format(index=0),
                content=arrow_file(rows),
                content_type=APACHE_ARROW_FILE_MIME_TYPE,
            )
        except RequestError as error:
            node.lost |= error.lost
            raise
        node.rows = stored + rows.num_rows

    def settle(self, node: Node) -> None:
        """Count a table's rows once more."""
        assert node.creation is not None
        there = len(self._read_column(node))
        if node.foul or there > node.sent:
            raise DoubledRowsError(
                f"it holds {there} rows, and not just the {node.sent} that the run has: a request "
                "that was given up as lost came through after all",
                node.creation,
                hint="delete the table and write the run again",
            )
        if there < (node.rows or 0):
            raise SinkError(f"it holds {there} of the {node.rows} rows stored", node.creation)

    def _read_column(self, node: Node) -> pa.ChunkedArray:
        """Read a table's first column: how many rows there are, and which."""
        response = self._catalog.requests.send(
            "GET",
            node.links["partition"].format(index=0),
            params={"partition": 0, "column": node.kind.names[0]},
            accept=APACHE_ARROW_FILE_MIME_TYPE,
        )
        try:
            return pa.ipc.open_file(pa.py_buffer(response.content)).read_all().column(0)
        except (pa.ArrowInvalid, IndexError) as error:
            raise RequestError(
                "the server's count of rows cannot be read", transient=True
            ) from error


def _agrees(op: AppendRows, column: pa.ChunkedArray | None) -> bool:
    """Whether those rows of an op that are there are in their place, as far as can be told.

    A row that was doubled stands where another should be. Integers tell, as ``seq_num`` is.
    """
    if column is None or not pa.types.is_integer(column.type):
        return True
    there = column.slice(op.first, op.rows.num_rows)
    own = op.rows.column(0).slice(0, len(there))
    same = there.cast(own.type, safe=False).equals(pa.chunked_array([own]))
    return own.null_count > 0 or bool(same)
