"""An array in a Zarr store."""

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from tiledmap.runtime.consolidators.base import Consolidator, Measured
from tiledmap.runtime.consolidators.reach import Reach
from tiledmap.runtime.consolidators.structure import split
from tiledmap.runtime.consolidators.templates import FileNames
from tiledmap.runtime.ops import FileSource

_DESCRIPTIONS = ("zarr.json", ".zarray", ".zattrs")


class ZarrConsolidator(Consolidator):
    """An array in a Zarr store, for Tiled's `ZarrAdapter`.

    The adapter opens one directory, which must be the array's own: ``dataset`` is where it is in
    the store. It serves the array in no other shape than its own.
    """

    asset_parameter: ClassVar[str] = "data_uri"
    takes_many: ClassVar[bool] = False
    is_directory: ClassVar[bool] = True
    reshapes: ClassVar[bool] = False

    def file_names(self, uri: str, parameters: Mapping[str, Any]) -> FileNames:
        within = str(parameters.get("dataset", "")).strip("/")
        return FileNames(f"{uri.rstrip('/')}/{within}" if within else uri)

    def measure(self, source: FileSource, reach: Reach) -> Measured:
        import zarr

        [path] = self.paths(source, reach)
        for name in _DESCRIPTIONS:
            if os.path.lexists(description := os.path.join(path, name)):
                reach.real_path(description)
        array = zarr.open_array(path, mode="r")
        chunks = tuple(map(split, array.shape, array.chunks))
        return Measured(array.dtype, array.shape, chunks)
