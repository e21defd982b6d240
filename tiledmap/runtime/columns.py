"""Columns of tables: their types, and values turned into Arrow arrays without loss.

A column has one of four types, which every database behind Tiled has: bool, int64, float64 and
string; or a list of one of them. The data key chooses among them, never a value. Narrower declared
types (``<i2``, ``<f4``) get the wide one: a reading reaches us as a Python number, and narrowing it
could only lose. A mapping that wants a narrower column says so with ``type``.

pyarrow alone is not exact: it turns 2.5 into 2 for an int64 column, and a `numpy.uint64` of 2**64-1
into -1.0 for a float64 one. So it is given only values of Python and numpy types that it converts
exactly, or refuses; any other column goes value by value.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tiledmap.runtime.documents import numpy_dtype, row_shape
from tiledmap.runtime.exact import bounded_repr, storable_text
from tiledmap.runtime.layout import Document

EXACT_IN_DOUBLE = 2**53

NUMBERS: frozenset[type] = frozenset({bool, float, int, type(None)})
"""Types of Python's own numbers."""
PLAIN = NUMBERS | {str}
"""The same and text: nobody can change them, and Arrow converts them to doubles exactly or not."""
_NUMPY_INTEGERS = {np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32}
_EXACT_TYPES: dict[str, set[type]] = {
    "bool": {bool, np.bool_, type(None)},
    "int": {int, *_NUMPY_INTEGERS, type(None)},
    "float": {*NUMBERS, np.float64, np.float32, np.float16, *_NUMPY_INTEGERS},
    "string": {str, np.str_, type(None)},
    "json": set(),
}
_ARROW = {
    "bool": pa.bool_(),
    "int": pa.int64(),
    "float": pa.float64(),
    "string": pa.string(),
    "json": pa.string(),
}
_PYARROW_REFUSALS = (pa.ArrowException, TypeError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class ColumnType:
    """The type of a column.

    Parameters
    ----------
    kind
        ``bool`` | ``int`` | ``float`` | ``string`` | ``json``: string, holding JSON text.
    item
        The Arrow type of one item.
    depth
        How many lists are around an item; 0 for a scalar. Tiled keeps lists in DuckDB and, one
        deep, in PostgreSQL; SQLite has none.
    """

    kind: str
    item: pa.DataType
    depth: int = 0

    @property
    def arrow(self) -> pa.DataType:
        nested = self.item
        for _ in range(self.depth):
            nested = pa.list_(nested)
        return nested


INTEGER = ColumnType("int", pa.int64())
FLOAT = ColumnType("float", pa.float64())
TEXT = ColumnType("string", pa.string())
JSON_TEXT = ColumnType("json", pa.string())


@dataclass(frozen=True, slots=True)
class Loss:
    """A value that its column cannot hold; a null is in its place."""

    row: int
    value: Any
    reason: str


def column_type(data_key: Document) -> ColumnType:
    """The type of the column for the values of a data key."""
    dtype = numpy_dtype(data_key)
    kind = _kind(dtype)
    if kind == "json" and data_key.get("dtype") == "string":
        kind = "string"
    depth = max(1, len(row_shape(data_key))) if data_key.get("dtype") == "array" else 0
    return JSON_TEXT if kind == "json" else ColumnType(kind, _ARROW[kind], depth)


def _kind(dtype: np.dtype[Any] | None) -> str:
    match dtype.kind if dtype is not None else "":
        case "b":
            return "bool"
        case "i" | "u":
            return "int"
        case "f":
            return "float"
        case "U" | "S":
            return "string"
        case _:
            return "json"


def named_type(name: str, depth: int = 0) -> ColumnType:
    """The type that a mapping names. ``uint64`` is int64: SQLite and PostgreSQL have no other."""
    item = pa.int64() if name == "uint64" else pa.type_for_alias(name)
    if pa.types.is_boolean(item):
        kind = "bool"
    elif pa.types.is_integer(item):
        kind = "int"
    elif pa.types.is_floating(item):
        kind = "float"
    else:
        kind = "string"
    return ColumnType(kind, item, depth)


def to_arrow(
    values: Any, wanted: ColumnType, *, are_plain: bool = False
) -> tuple[pa.Array, list[Loss]]:
    """`values`, a sequence, as an Arrow array of the wanted type, and those that it cannot hold.

    Parameters
    ----------
    are_plain
        Whether it is known that all of them are of `PLAIN` types.
    """
    array = _converted_whole(values, wanted, are_plain)
    if array is not None and _holds_all(array, wanted):
        return array, []
    losses: list[Loss] = []
    exact = _converter(wanted)
    items = []
    for row, value in enumerate(values):
        try:
            items.append(None if value is None else exact(value))
        except Exception as error:  # a value may be of any class, and do what it likes
            losses.append(Loss(row, value, str(error) or type(error).__name__))
            items.append(None)
    return pa.array(items, wanted.arrow), losses


def _converted_whole(values: Any, wanted: ColumnType, are_plain: bool) -> pa.Array | None:
    if isinstance(values, np.ndarray):
        if wanted.depth == 0 and values.ndim == 1 and values.dtype == _numpy_of(wanted.item):
            return pa.array(values)
        values = values.tolist()
    if wanted.depth:
        return None
    is_known = are_plain and wanted.kind == "float"
    if not is_known and not _EXACT_TYPES[wanted.kind].issuperset(map(type, values)):
        return None
    if wanted.item == pa.float32():  # pyarrow turns what is too large for it into inf
        return None
    try:
        return pa.array(values, wanted.item)
    except _PYARROW_REFUSALS:
        return None


def _numpy_of(item: pa.DataType) -> Any:
    return None if pa.types.is_string(item) else item.to_pandas_dtype()


def _holds_all(array: pa.Array, wanted: ColumnType) -> bool:
    # PostgreSQL's text has no NUL. Looked for in all of the text at once.
    text = array.buffers()[2] if wanted.kind == "string" else None
    return text is None or b"\0" not in text.to_pybytes()


def _converter(wanted: ColumnType) -> Callable[[Any], Any]:
    scalar = _scalar_converter(wanted)
    if wanted.depth == 0:
        return scalar

    def listed(value: Any, depth: int) -> Any:
        items = value.tolist() if isinstance(value, np.ndarray) else value
        if not isinstance(items, list | tuple):
            raise TypeError(f"is no list, {wanted.depth} deep")
        if depth > 1:
            return [listed(item, depth - 1) for item in items]
        if wanted.item == pa.float64() and set(map(type, items)) == {float}:
            return items
        return [None if item is None else scalar(item) for item in items]

    return lambda value: listed(value, wanted.depth)


def _scalar_converter(wanted: ColumnType) -> Callable[[Any], Any]:
    match wanted.kind:
        case "bool":
            return exact_bool
        case "int":
            lowest, highest = _range(wanted.item)
            return lambda value: exact_int(value, lowest, highest)
        case "float":
            return exact_float32 if wanted.item == pa.float32() else exact_float
        case "string":
            return exact_text
        case _:
            return json_text


def _range(item: pa.DataType) -> tuple[int, int]:
    limits = np.iinfo(item.to_pandas_dtype())
    return int(limits.min), int(limits.max)


def plain(value: Any) -> Any:
    """A numpy scalar, or array of no dimensions, as Python has it."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    return value


def number_shown(value: Any) -> str:
    """A number as messages name it, whatever it is."""
    return value if isinstance(value, str) else bounded_repr(plain(value), 30)


def exact_bool(value: Any) -> bool:
    """True, False, 1 or 0."""
    value = plain(value)
    if isinstance(value, bool) or (isinstance(value, int | float) and value in (0, 1)):
        return bool(value)
    raise ValueError("is neither true nor false")


def exact_int(value: Any, lowest: int = -(2**63), highest: int = 2**63 - 1) -> int | None:
    """A whole number between the limits. NaN is none: where it is stored, it reads as null does."""
    value = plain(value)
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if not value.is_integer():
            raise ValueError("is no whole number")
    elif not isinstance(value, int):
        raise TypeError("is no number")
    whole = int(value)
    if not lowest <= whole <= highest:
        raise OverflowError(f"is not within {lowest} to {highest}")
    return whole


def exact_float(value: Any) -> float:
    """A number that a double holds."""
    value = plain(value)
    if not isinstance(value, int | float | np.floating):
        raise TypeError("is no number")
    number = float(value)
    if number != value and not math.isnan(number):
        raise ValueError("is no double")
    return number


def exact_float32(value: Any) -> float:
    """A number within the range of single precision, to which it is rounded."""
    number = exact_float(value)
    with np.errstate(over="ignore"):
        single = float(np.float32(number))
    if math.isinf(single) and not math.isinf(number):
        raise OverflowError("is too large for single precision")
    return single


def exact_text(value: Any) -> str:
    """A text that every database takes."""
    value = plain(value)
    if isinstance(value, bytes):
        value = value.decode()
    if not isinstance(value, str):
        raise TypeError("is no text")
    if not storable_text(value):
        raise ValueError("has characters that a database refuses")
    return str(value)


def json_text(value: Any) -> str:
    """`value` as JSON text; its repr, where there is no other way to write it as such."""
    try:
        return json.dumps(value, default=_plain_for_json)
    except (TypeError, ValueError, RecursionError):  # a circle, or a key that is no text
        return json.dumps(bounded_repr(value))


def _plain_for_json(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        items = value.tolist()
        return repr(items) if isinstance(items, np.generic) else items
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return repr(value)


def batches_without_mixture(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """`rows` in runs, none with a null beside a large integer in one column.

    Tiled turns a column of integers that has a null into doubles, in which integers beyond 2**53
    are not exact. Such columns are sent in parts; nearly always there are none.
    """
    marks = [_null_or_large(column) for column in rows.columns if _may_mix(column)]
    start = 0
    seen = [0] * len(marks)
    if marks:
        for row in range(rows.num_rows):
            here = [mark[row] for mark in marks]
            if any(then * now < 0 for then, now in zip(seen, here, strict=True)):
                yield rows.slice(start, row - start)
                start, seen = row, here
            else:
                seen = [now or then for then, now in zip(seen, here, strict=True)]
    yield rows.slice(start)


def has_large_integers(column: pa.Array) -> bool:
    """Whether a double may not hold all of the integers of a column."""
    from pyarrow.compute import min_max  # slow to load, and not needed before there are rows

    limits = min_max(column).as_py().values()
    return any(abs(limit or 0) > EXACT_IN_DOUBLE for limit in limits)


def _may_mix(column: pa.Array) -> bool:
    return bool(pa.types.is_int64(column.type)) and 0 < column.null_count < len(column)


def _null_or_large(column: pa.Array) -> list[int]:
    """-1 for a null, 1 for an integer that a double may not hold, 0 for any other."""
    return [
        -1 if value is None else int(abs(value) > EXACT_IN_DOUBLE) for value in column.to_pylist()
    ]
