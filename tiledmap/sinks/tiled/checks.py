"""What ops ask for, checked before any request: a server finds out late, or never."""

from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tiledmap.runtime.errors import SinkError
from tiledmap.runtime.ops import (
    AppendRows,
    CreateRagged,
    CreateTable,
    ExtendArray,
    ExtendRagged,
    Op,
    RegisterFiles,
    UpdateFiles,
    ValidateFiles,
)
from tiledmap.sinks.tiled.encoding import Array

EXACT_BESIDE_NULL = 2**53
"""Tiled reads a column of integers as floats where one of them is null."""
WIDEST_SURE = 1000
"""Columns of doubles that a row of PostgreSQL always takes."""
TO_MAKE_ANEW = (
    "some of its files come before others that the server knows, so the node must be deleted and "
    "made anew: the key needs the scope delete:node"
)


def already_stored(op: AppendRows | ExtendArray | CreateRagged | ExtendRagged, stored: int) -> int:
    """Count the rows at an op's beginning that are there."""
    first = 0 if isinstance(op, CreateRagged) else op.first
    if stored < first:
        raise SinkError(f"rows {stored} to {first - 1} were never stored, so these cannot be", op)
    return stored - first


def beyond_sqlite(schema: pa.Schema) -> tuple[str, ...]:
    """The columns that SQLite cannot hold, and that PostgreSQL may not."""
    return tuple(
        str(column.name)
        for column in schema
        if pa.types.is_nested(column.type) or pa.types.is_uint64(column.type)
    )


def changed_by_null(rows: pa.RecordBatch) -> str | None:
    """Return the name of a column of integers that would not survive its nulls."""
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        if column.null_count and pa.types.is_integer(column.type):
            extremes = pc.min_max(column).as_py()
            largest = max(abs(extreme or 0) for extreme in extremes.values())
            if largest > EXACT_BESIDE_NULL:
                return str(name)
    return None


def as_kind(op: ExtendArray, kind: tuple[np.dtype[Any], tuple[int, ...]]) -> Array:
    """Rows in the dtype of their array; an error where they do not fit it."""
    dtype, row_shape = kind
    if op.data.shape[1:] != row_shape:
        raise SinkError(f"rows have shape {op.data.shape[1:]}, those of the array {row_shape}", op)
    try:
        return op.data.astype(dtype, casting="safe", copy=False)
    except TypeError as error:
        raise SinkError(f"{op.data.dtype} does not fit the array's {dtype}", op) from error


def hint_for(op: Op) -> str:
    """Return what to do about an op that Tiled's storage most likely refused."""
    if not isinstance(op, CreateTable | AppendRows):
        return ""
    schema = op.schema if isinstance(op, CreateTable) else op.rows.schema
    hints = []
    if any(pa.types.is_list(column.type) for column in schema):
        hints.append(
            "SQLite has no lists, and PostgreSQL no lists of lists: give each array a node of its "
            "own (in bluesky-v3, settings.max_array_size: 0), or keep tables in DuckDB"
        )
    if any(pa.types.is_uint64(column.type) for column in schema):
        hints.append("only DuckDB has uint64: give the column another type, such as int64")
    if len(schema) > WIDEST_SURE:
        hints.append(
            f"PostgreSQL takes {WIDEST_SURE} columns at most (in bluesky-v3, settings.max_columns)"
        )
    return "\n".join(hints)


def hint_for_files(op: Op, status: int | None) -> str:
    """Return what to do about files that a server refused."""
    if not isinstance(op, RegisterFiles | UpdateFiles | ValidateFiles):
        return ""
    match status:
        case httpx.codes.UNSUPPORTED_MEDIA_TYPE if isinstance(op, RegisterFiles):
            return (
                "name the adapter that reads such files in the server's configuration: "
                f'adapters_by_mimetype: {{"{op.source.mimetype}": "package.module:Adapter"}}'
            )
        case httpx.codes.UNAUTHORIZED | httpx.codes.FORBIDDEN if isinstance(op, ValidateFiles):
            return "the key needs the scopes read:data, read:metadata and write:metadata"
        case httpx.codes.UNAUTHORIZED | httpx.codes.FORBIDDEN:
            return (
                "the key needs the scope register, which Tiled gives to administrators and "
                "services, not to users"
            )
    return ""
