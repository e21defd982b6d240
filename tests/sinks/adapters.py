"""What a facility gives its server so that it can read files of the facility's own."""

from pathlib import Path
from typing import Any

import numpy as np
from tiled.adapters.array import ArrayAdapter
from tiled.utils import path_from_uri


class ScaledText(ArrayAdapter):  # type: ignore[misc]
    """Numbers as text, one a line, times the one number in a file beside."""

    @classmethod
    def from_catalog(cls, data_source: Any, node: Any, /, *, unit: str, **_: Any) -> "ScaledText":
        paths = {
            asset.parameter: Path(path_from_uri(asset.data_uri)) for asset in data_source.assets
        }
        factor = float(paths["scale"].read_text())
        numbers = np.loadtxt(paths["data_uri"], ndmin=1) * factor
        metadata = {**node.metadata_, "unit": unit}
        return cls(numbers, data_source.structure, metadata=metadata, specs=node.specs)
