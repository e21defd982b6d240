"""What a server needs to read the frames of an Eiger through its master file."""

from typing import Any

import h5py
import numpy as np
from tiled.adapters.array import ArrayAdapter
from tiled.utils import path_from_uri


class EigerMasterAdapter(ArrayAdapter):  # type: ignore[misc]
    """Frames that lie in several files, to which a group of a master file links.

    Parameters of a data source: ``dataset`` is the group with the links; the asset for ``master``
    is the master file.
    """

    @classmethod
    def from_catalog(
        cls, data_source: Any, node: Any, /, dataset: str = "entry/data", **_: Any
    ) -> "EigerMasterAdapter":
        [master] = [asset for asset in data_source.assets if asset.parameter == "master"]
        with h5py.File(path_from_uri(master.data_uri), "r") as file:
            links = file[dataset]
            images = np.concatenate([links[name][()] for name in sorted(links)])
        return cls(images, data_source.structure, metadata=node.metadata_, specs=node.specs)
