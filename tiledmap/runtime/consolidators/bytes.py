"""Files of which nothing is known, to be downloaded as they are."""

from typing import Any, ClassVar

from tiledmap.runtime.consolidators.base import Consolidator, Part


class BytesConsolidator(Consolidator):
    """Opaque files, for Tiled's `BytesAdapter`."""

    family: ClassVar[str] = "bytes"

    @property
    def metadata(self) -> dict[str, Any]:
        return {name: value for name, value in super().metadata.items() if name == "spec"}

    def rows(self, part: Part) -> int:
        """How many files a part has."""
        if self.numbered:
            return super().rows(part) * self.files_per_datum
        return 1 if part.ranges else 0
