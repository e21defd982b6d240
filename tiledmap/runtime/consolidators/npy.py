"""numpy's own files, each with one datum."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from tiledmap.runtime.consolidators.sequence import FileSequence


class NPYConsolidator(FileSequence):
    """NPY files, for Tiled's `NPYSequenceAdapter`; they are named as ophyd's ``NPY_SEQ`` does."""

    defaults: ClassVar[Mapping[str, Any]] = {"template": "%s_%d.npy"}

    def read_file(self, path: str) -> np.ndarray[Any, Any]:
        array: np.ndarray[Any, Any] = np.load(path, allow_pickle=False)
        return array
