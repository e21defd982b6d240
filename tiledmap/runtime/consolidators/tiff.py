"""TIFF files, each with one datum or a part of it."""

from typing import Any

import numpy as np

from tiledmap.runtime.consolidators.sequence import FileSequence


class TIFFConsolidator(FileSequence):
    """TIFF files, for Tiled's `TiffSequenceAdapter`."""

    def read_file(self, path: str) -> np.ndarray[Any, Any]:
        import tifffile

        return np.asarray(tifffile.imread(path))
