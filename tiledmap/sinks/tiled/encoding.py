"""Rows, arrays and their structures in the forms in which Tiled takes and gives them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from tiled.structures.array import ArrayStructure, BuiltinDtype, StructDtype
from tiled.structures.bytes import BytesStructure
from tiled.structures.data_source import Asset as TiledAsset
from tiled.structures.data_source import DataSource, Management
from tiled.structures.table import TableStructure

from tiledmap.runtime.errors import SinkError
from tiledmap.runtime.ops import Asset, FileSource, Op, Spec, leaves

Array: TypeAlias = np.ndarray[Any, Any]

SQL_TABLE = "application/x-tiled-sql-table"
LARGEST_UPLOAD = 100_000_000
"""Bytes of an array in one request."""


def endpoint(uri: str, name: str) -> str:
    """Return the address of a node at another endpoint than that of its metadata."""
    return uri.replace("/metadata/", f"/{name}/", 1)


def node_body(
    key: str,
    source: DataSource[Any] | None = None,
    *,
    metadata: Mapping[str, Any] | None = None,
    specs: Sequence[Spec] = (),
    access_tags: Sequence[str] | None = None,
) -> dict[str, Any]:
    """What a server is sent to make a node; without `source`, a container."""
    return {
        "id": key,
        "structure_family": "container" if source is None else source.structure_family,
        "metadata": metadata or {},
        "specs": [{"name": spec.name, "version": spec.version} for spec in specs],
        "access_tags": None if access_tags is None else list(access_tags),
        "data_sources": [] if source is None else [asdict(source)],
    }


def data_type_of(op: Op, dtype: np.dtype[Any]) -> BuiltinDtype | StructDtype:
    """A dtype in Tiled's words; an error where it has none."""
    if dtype.hasobject:
        raise SinkError("Tiled stores no arrays of Python objects", op)
    if dtype.fields is None:
        return BuiltinDtype.from_numpy_dtype(dtype)
    if any(field_type.subdtype for field_type, *_ in dtype.fields.values()):
        raise SinkError(f"Tiled stores no arrays inside of records: {dtype}", op)
    return StructDtype.from_numpy_dtype(dtype)


def external_source(source: FileSource, source_id: int | None = None) -> DataSource[Any]:
    """Files as Tiled's data source.

    Parameters
    ----------
    source_id
        Which data source of the catalog it is; None for a new one.
    """
    return DataSource(
        structure_family=source.family,
        structure=_structure(source),
        id=source_id,
        mimetype=source.mimetype,
        parameters=dict(source.parameters),
        properties=dict(source.properties),
        assets=[
            TiledAsset(asset.uri, asset.is_directory, asset.parameter, asset.num)
            for asset in source.assets
        ],
        management=Management.external,
    )


def _structure(source: FileSource) -> ArrayStructure | BytesStructure:
    if source.dtype is None:
        return BytesStructure()
    kind = BuiltinDtype if source.dtype.fields is None else StructDtype
    return ArrayStructure(
        data_type=kind.from_numpy_dtype(source.dtype),
        shape=source.shape,
        chunks=source.chunks,
        dims=source.dims,
    )


def known_source(json: Mapping[str, Any]) -> FileSource:
    """Read what matters to a replay from a data source that Tiled has: its files and shape."""
    return FileSource(
        family=json["structure_family"],
        mimetype=json["mimetype"],
        assets=tuple(
            Asset(asset["data_uri"], asset["parameter"], asset["num"], asset["is_directory"])
            for asset in json["assets"]
        ),
        shape=tuple((json["structure"] or {}).get("shape", ())),
    )


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
    arrays = [leaf.reshape(-1, *shape[varying:]) for row in rows for leaf in leaves(row)]
    array = awkward.Array(np.concatenate(arrays))
    lengths = [_lengths(row, varying) for row in rows]
    for axis in reversed(range(varying)):
        of_axis = [length for of_row in lengths for length in of_row[axis]]
        array = awkward.unflatten(array, np.array(of_axis, np.int64))
    return make_ragged_array(ragged.array(array), shape=(len(rows), *shape))


def _lengths(row: Array, varying: int) -> list[list[int]]:
    """For each of the first dimensions of a row, the lengths of all lists in it."""
    if row.dtype.kind != "O":
        return [[row.shape[axis]] * math.prod(row.shape[:axis]) for axis in range(varying)]
    inner = [_lengths(item, varying - 1) for item in row]
    below = [[length for each in inner for length in each[axis]] for axis in range(varying - 1)]
    return [[len(row)], *below]
