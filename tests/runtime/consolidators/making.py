"""Real files, the consolidators that read their documents, and Tiled's adapters that read them."""

from collections import namedtuple
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tiledmap.runtime.consolidators import (
    Consolidator,
    Declared,
    FileResource,
    Part,
    find_consolidator,
    open_consolidator,
)
from tiledmap.runtime.layout import AssetRule
from tiledmap.runtime.ops import FileSource

Array = np.ndarray[Any, Any]

MIMETYPES = {
    "bytes": "application/octet-stream",
    "csv": "text/csv;header=absent",
    "hdf5": "application/x-hdf5",
    "jpeg": "multipart/related;type=image/jpeg",
    "npy": "multipart/related;type=application/x-npy",
    "tiff": "multipart/related;type=image/tiff",
    "zarr": "application/x-zarr",
}


def resource(
    kind: str, uri: str, parameters: Mapping[str, Any] | None = None, uid: str = "resource-1"
) -> FileResource:
    return FileResource(uid, "img", MIMETYPES[kind], uri, dict(parameters or {}))


def asset_rule(kind: str, **options: Any) -> AssetRule:
    return AssetRule(name=kind, consolidator=find_consolidator(kind), at="m.yaml:1", **options)


def open_first(
    first: FileResource,
    kind: str,
    *,
    shape: Sequence[int | None] = (3, 4),
    dtype: Any = "<f8",
    own_dims: tuple[str, ...] = (),
    dims: tuple[str, ...] | None = ("time", "..."),
    sidecars: Mapping[str, str] | None = None,
    **options: Any,
) -> Consolidator:
    """A consolidator for a resource; `options` are the rule's."""
    declared = Declared("img", tuple(shape), None if dtype is None else np.dtype(dtype), own_dims)
    return open_consolidator(asset_rule(kind, **options), first, declared, dims, sidecars)


def open_one(
    kind: str,
    uri: str = "file://localhost/data/img",
    parameters: Mapping[str, Any] | None = None,
    **options: Any,
) -> Consolidator:
    return open_first(resource(kind, uri, parameters), kind, **options)


def part(given: FileResource, *ranges: tuple[int, int]) -> Part:
    return Part(given, ranges)


def uri_of(path: Path) -> str:
    return f"file://localhost{path}"


def save_store(path: Path, values: Any) -> None:
    """An array that is a Zarr store of its own."""
    import zarr

    zarr.save(path, values)


def data_source(source: FileSource) -> Any:
    """The source as Tiled's own value."""
    from tiled.structures.array import ArrayStructure, BuiltinDtype, StructDtype
    from tiled.structures.bytes import BytesStructure
    from tiled.structures.data_source import Asset, DataSource, Management

    structure: Any = BytesStructure()
    if source.family == "array":
        assert source.dtype is not None
        kind = StructDtype if source.dtype.fields else BuiltinDtype
        structure = ArrayStructure(
            data_type=kind.from_numpy_dtype(source.dtype),
            shape=source.shape,
            chunks=source.chunks,
            dims=source.dims,
        )
    return DataSource(
        structure_family=source.family,
        structure=structure,
        mimetype=source.mimetype,
        parameters=dict(source.parameters),
        properties=dict(source.properties),
        assets=[
            Asset(each.uri, each.is_directory, each.parameter, each.num) for each in source.assets
        ],
        management=Management.external,
    )


_Node = namedtuple("_Node", ["metadata_", "specs", "structure_family"])


def open_adapter(source: FileSource) -> Any:
    """Tiled's own adapter for a source."""
    from tiled.mimetypes import DEFAULT_ADAPTERS_BY_MIMETYPE

    adapter = DEFAULT_ADAPTERS_BY_MIMETYPE[source.mimetype]
    node = _Node({}, [], source.family)
    return adapter.from_catalog(data_source(source), node, **source.parameters)


def read(source: FileSource) -> Array:
    """All values, as Tiled reads them."""
    from tiled.ndslice import NDSlice

    values = open_adapter(source).read(NDSlice())
    return np.asarray(values)


def read_blocks(source: FileSource) -> Array:
    """All values, chunk by chunk, as Tiled's clients ask for them."""
    from tiled.ndslice import NDBlock

    assert source.dtype is not None
    adapter = open_adapter(source)
    values = np.empty(source.shape, source.dtype)
    for block in np.ndindex(*map(len, source.chunks)):
        place = NDBlock(block)
        values[tuple(place.slice_from_chunks(source.chunks))] = adapter.read_block(place)
    return values


def assert_sound(source: FileSource) -> None:
    """Its chunks make up its shape, and no file comes twice."""
    assert tuple(map(sum, source.chunks)) == source.shape
    assert all(length >= 0 for lengths in source.chunks for length in lengths)
    uris = [asset.uri for asset in source.assets]
    assert len(set(uris)) == len(uris)
    assert source.dims is None or len(source.dims) == len(source.shape)
