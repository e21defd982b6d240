"""JPEG files, each with one datum or a part of it."""

from typing import Any

import numpy as np

from tiledmap.runtime.consolidators.sequence import FileSequence


class JPEGConsolidator(FileSequence):
    """JPEG files, for Tiled's `JPEGSequenceAdapter`."""

    def read_file(self, path: str) -> np.ndarray[Any, Any]:
        from PIL import Image

        with Image.open(path) as image:
            return np.asarray(image)
