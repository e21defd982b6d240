"""Files of which each holds one array of the same shape: images, mostly."""

from typing import Any, ClassVar

import numpy as np

from tiledmap.runtime.consolidators.base import Consolidator, Measured
from tiledmap.runtime.consolidators.reach import Reach
from tiledmap.runtime.consolidators.structure import Chunks, Shape
from tiledmap.runtime.ops import FileSource


class FileSequence(Consolidator):
    """A sequence of files, as Tiled's `FileSequenceAdapter` stacks them.

    A subclass says how one file is read, as the adapter reads it.
    """

    array_per_file: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("template",)

    def read_file(self, path: str) -> np.ndarray[Any, Any]:
        """The array in one file."""
        raise NotImplementedError

    def inner_chunks(self, shape: Shape) -> Chunks:
        # The adapter reads whole files, and refuses to read a part of one as a chunk.
        return tuple((length,) for length in shape[1:])

    def measure(self, source: FileSource, reach: Reach) -> Measured:
        """Of the first and the last file: the adapter takes all to be alike."""
        paths = self.paths(source, reach)
        first, last = self.read_file(paths[0]), self.read_file(paths[-1])
        if (first.shape, first.dtype) != (last.shape, last.dtype):
            raise ValueError(
                f"its files differ: the first holds {first.shape} of {first.dtype}, the last "
                f"{last.shape} of {last.dtype}"
            )
        shape = (len(paths), *first.shape)
        chunks = ((1,) * len(paths), *((length,) for length in first.shape))
        return Measured(first.dtype, shape, chunks)
