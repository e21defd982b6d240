"""Numbers in text files without a header."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from tiledmap.runtime.consolidators.base import Consolidator, Measured, Part
from tiledmap.runtime.consolidators.reach import Reach
from tiledmap.runtime.consolidators.structure import Chunks, Shape
from tiledmap.runtime.ops import FileSource

_KEYWORDS = (
    "assume_missing",
    "comment",
    "delimiter",
    "dtype",
    "encoding",
    "header",
    "names",
    "nrows",
    "sep",
    "skipfooter",
    "skiprows",
    "usecols",
)
"""What Tiled's adapter passes on to `dask.dataframe.read_csv`."""


class CSVConsolidator(Consolidator):
    """Text files without a header, for Tiled's `CSVArrayAdapter`. Each file is one chunk."""

    default_join: ClassVar[str] = "concat"
    default_join_chunks: ClassVar[bool] = False

    def adapter_parameters(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        given = {"header": None, **parameters}
        return {name: value for name, value in given.items() if name in _KEYWORDS}

    def chunks(self, shape: Shape, parts: Sequence[Part]) -> Chunks:
        # The adapter takes the first dimension's chunks for the numbers of lines of the files.
        lines = tuple(self.array_shape(self.rows(part))[0] for part in parts if part.ranges)
        if self.numbered:
            files = sum(map(self.rows, parts)) * self.files_per_datum
            lines = (shape[0] // files,) * files if files and shape[0] % files == 0 else shape[:1]
        return (lines or (0,), *((length,) for length in shape[1:]))

    def measure(self, source: FileSource, reach: Reach) -> Measured:
        import pandas

        keywords = {k: v for k, v in source.parameters.items() if k != "assume_missing"}
        wanted = keywords.pop("nrows", None)
        tables = []
        for path in self.paths(source, reach):
            with open(path, "rb") as file:
                tables.append(pandas.read_csv(file, **keywords))
        table = pandas.concat(tables)
        columns = [_as_numpy(table.iloc[:, place]) for place in range(table.shape[1])]
        lines = tuple(map(len, tables)) if wanted is None else (int(wanted),)
        dtype, width = _dtype_of(columns, source.dtype)
        return Measured(dtype, (sum(lines), width), (lines, (width,)))


def _as_numpy(column: Any) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = column.to_numpy()
    return array if array.dtype.kind in "biuf" else array.astype(str)


def _dtype_of(
    columns: Sequence[np.ndarray[Any, Any]], declared: np.dtype[Any] | None
) -> tuple[np.dtype[Any], int]:
    """The dtype that readers get, and the length of a row.

    Text has no dtype, so the adapter casts to the declared one: that is right as long as the
    values survive.
    """
    if declared is not None and declared.names:
        if len(declared.names) != len(columns):
            raise ValueError(
                f"its records are declared with {len(declared.names)} fields, and the files "
                f"have {len(columns)} columns"
            )
        fields = [
            (name, declared[name] if _survives(column, declared[name]) else column.dtype)
            for name, column in zip(declared.names, columns, strict=True)
        ]
        return np.dtype(fields), 1
    if declared is not None and all(_survives(column, declared) for column in columns):
        return declared, len(columns)
    return np.result_type(*columns), len(columns)


def _survives(column: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> bool:
    if column.dtype.kind == dtype.kind == "f":
        return True  # a text with more digits than the dtype has is rounded, as is usual
    try:
        with np.errstate(all="ignore"):
            return bool((column.astype(dtype).astype(column.dtype) == column).all())
    except (TypeError, ValueError):
        return False
