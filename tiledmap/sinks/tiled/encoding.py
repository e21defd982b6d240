"""Rows, arrays and their structures in the forms in which Tiled takes and gives them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from tiled.structures.array import BuiltinDtype, StructDtype
from tiled.structures.table import TableStructure

from tiledmap.runtime.errors import SinkError
from tiledmap.runtime.ops import Op

Array: TypeAlias = np.ndarray[Any, Any]

LARGEST_UPLOAD = 100_000_000
"""Bytes of an array in one request."""


def data_type_of(op: Op, dtype: np.dtype[Any]) -> BuiltinDtype | StructDtype:
    """A dtype in Tiled's words; an error where it has none."""
    if dtype.hasobject:
        raise SinkError("Tiled stores no arrays of Python objects", op)
    if dtype.fields is None:
        return BuiltinDtype.from_numpy_dtype(dtype)
    if any(field_type.subdtype for field_type, *_ in dtype.fields.values()):
        raise SinkError(f"Tiled stores no arrays inside of records: {dtype}", op)
    return StructDtype.from_numpy_dtype(dtype)


def kind_and_rows(family: str, structure: Mapping[str, Any]) -> tuple[Any, int | None]:
    """Read from a node's structure what `_Node` keeps of it."""
    match family:
        case "table":
            schema = TableStructure.from_json(structure).arrow_schema_decoded
            return schema.remove_metadata(), None
        case "array" | "ragged":
            data_type = structure["data_type"]
            kind = StructDtype if "fields" in data_type else BuiltinDtype
            rows, *row_shape = structure["shape"]
            return (kind.from_json(data_type).to_numpy_dtype(), tuple(row_shape)), rows
        case "awkward":
            return structure["form"], structure["length"]
    return None, None


def uploads(data: Array) -> Iterator[Array]:
    """Part an array into pieces of whole rows, each small enough for one request."""
    if len(data):
        step = max(1, LARGEST_UPLOAD * len(data) // max(1, data.nbytes))
        for first in range(0, len(data), step):
            yield data[first : first + step]


def arrow_file(rows: pa.RecordBatch) -> bytes:
    """Rows as an Arrow file."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return bytes(sink.getvalue())


def ragged_array(rows: Sequence[Array], shape: tuple[int | None, ...]) -> Any:
    """Return rows as the one array that Tiled takes, of the dtype that they have."""
    import awkward
    import ragged
    from tiled.structures.ragged import make_ragged_array

    varying = len(shape) - shape[::-1].index(None)  # dimensions up to the last that varies
    array = awkward.Array(np.concatenate([row.reshape(-1, *shape[varying:]) for row in rows]))
    for axis in reversed(range(varying)):
        lengths = [
            length for row in rows for length in [row.shape[axis]] * math.prod(row.shape[:axis])
        ]
        array = awkward.unflatten(array, lengths)
    return make_ragged_array(ragged.array(array), shape=(len(rows), *shape))
