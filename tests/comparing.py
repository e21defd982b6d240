"""Ops and nodes as plain data that can be compared and read in a failed test."""

from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa

from tiledmap.runtime.ops import Op


def described(op: Op) -> dict[str, Any]:
    """An op as plain data."""
    return {
        "op": type(op).__name__,
        **{field.name: plain(getattr(op, field.name)) for field in fields(op)},
    }


def plain(value: Any) -> Any:
    """A value as plain data; NaN, of complex numbers too, compares as its text."""
    match value:
        case np.ndarray():
            return {"dtype": value.dtype.str, "shape": value.shape, "data": plain(value.tolist())}
        case pa.RecordBatch() | pa.Table():
            return {"schema": str(value.schema), "rows": plain(value.to_pydict())}
        case pa.Schema():
            return str(value)
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case float() | complex() if value != value:
            return str(value)
        case _:
            return value
