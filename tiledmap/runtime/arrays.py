"""Values that are stored as arrays: stacked by event, exactly, in step with the tables.

Every event has a row in every array of its stream, so that rows of arrays and tables never shift
against each other. Where the values differ from what the data key declares, the values win when the
node is made, and each departure is noted.
"""

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

import numpy as np

from tiledmap.runtime.columns import EXACT_IN_DOUBLE, json_text, number_shown
from tiledmap.runtime.ops import (
    CreateArray,
    CreateNode,
    CreateRagged,
    ExtendArray,
    ExtendRagged,
    Op,
    Path,
)

Array = np.ndarray[Any, Any]

ROOM_FOR_TEXT = 64
"""Characters for a text whose data key declares none, at least; the first rows fix it for ever."""


class Remarks(Protocol):
    """Who is told what became of the values of one data key."""

    def note(self, text: str) -> None:
        """Say what a reader should know."""

    def lost(self, seq_num: Any, value: Any, reason: str) -> None:
        """Say that a value could not be stored."""


class DimensionNames:
    """Names of the dimensions of a stream's arrays: equal lengths of two arrays share a name.

    They are those of `bluesky-tiled-plugins`, so that its datasets align, except that two
    dimensions of one array never share a name: xarray cannot work with such arrays.
    """

    def __init__(self) -> None:
        self._names: dict[tuple[int, int], str] = {}

    def of(self, shape: Sequence[int | None]) -> tuple[str, ...]:
        """Names for the dimensions of one row of this shape."""
        return tuple(
            f"dim_rgd_{axis + 1}"
            if length is None
            else self._names.setdefault(
                (length, list(shape[:axis]).count(length)), f"dim_int_{len(self._names) + 1}"
            )
            for axis, length in enumerate(shape)
        )

    def fill_in(
        self,
        dims: tuple[str, ...] | None,
        own: Sequence[str],
        shape: Sequence[int | None],
    ) -> tuple[str, ...] | None:
        """`dims` with its ``...`` replaced by the data key's own names, or made ones."""
        if dims is None or "..." not in dims:
            return dims
        before, after = dims[: dims.index("...")], dims[dims.index("...") + 1 :]
        lengths = [None, *shape][len(before) : 1 + len(shape) - len(after)]
        middle = tuple(own) if own and len(own) == len(lengths) else self.of(lengths)
        return (*before, *middle, *after)


@dataclass(slots=True)
class ArrayNode:
    """What stays the same of a node for the values of one data key."""

    template: CreateNode
    declared: np.dtype[Any] | None
    shape: tuple[int | None, ...]
    dims: tuple[str, ...] | None
    own_dims: tuple[str, ...]
    names: DimensionNames
    remarks: Remarks

    @property
    def run(self) -> str:
        return self.template.run

    @property
    def path(self) -> Path:
        return self.template.path

    @property
    def at(self) -> str:
        return self.template.at

    def dims_of(self, shape: tuple[int | None, ...]) -> tuple[str, ...] | None:
        """The names of all dimensions of the node, for rows of this shape."""
        dims = self.names.fill_in(self.dims, self.own_dims, shape)
        if dims is not None and len(dims) != len(shape) + 1:
            self.remarks.note(
                f"its dimensions are not named: {len(dims)} names for {len(shape) + 1} dimensions"
            )
            return None
        return dims

    def metadata(self, dtype: np.dtype[Any]) -> dict[str, Any]:
        """The node's metadata, with the dtype that it has in the end."""
        metadata = self.template.metadata
        return {**metadata, "dtype_numpy": str(dtype)} if "dtype_numpy" in metadata else metadata


@dataclass(slots=True)
class DenseRows:
    """A data key whose values are the rows of one dense array."""

    node: ArrayNode
    _waiting: list[tuple[Any, Any]] = field(default_factory=list)
    _dtype: np.dtype[Any] | None = None
    _shape: tuple[int, ...] = ()
    _sent: int = 0
    _as_json: bool = False

    def write(self, values: Sequence[Any], seq_nums: Sequence[Any]) -> Iterator[Op]:
        """Ops for more rows.

        The node is made with the first row that has elements: its shape is fixed from then on.
        """
        self._waiting += zip(seq_nums, values, strict=True)
        if self._dtype is not None or any(_has_elements(value) for _, value in self._waiting):
            yield from self._write_waiting()

    def finish(self) -> Iterator[Op]:
        """Ops for rows that have waited for one with elements, in vain."""
        if any(value is not None for _, value in self._waiting):
            yield from self._write_waiting()
        elif self._waiting:
            self.node.remarks.note(f"none of {len(self._waiting)} events has a value")

    def _write_waiting(self) -> Iterator[Op]:
        rows, self._waiting = self._waiting, []
        if self._dtype is None:
            self._dtype = self._first_dtype([value for _, value in rows if value is not None])
        cells = [(seq_num, value, self._fitting(seq_num, value)) for seq_num, value in rows]
        if self._sent == 0:
            self._shape = self._first_shape([cell.shape for *_, cell in cells if cell is not None])
        data = np.full((len(cells), *self._shape), filler(self._dtype), self._dtype)
        for row, (seq_num, value, cell) in enumerate(cells):
            if cell is not None:
                self._place(data[row : row + 1], seq_num, value, cell)
        yield self._op(data)
        self._sent += len(data)

    def _op(self, data: Array) -> Op:
        node = self.node
        if self._sent:
            return ExtendArray(
                run=node.run, path=node.path, at=node.at, data=data, first=self._sent
            )
        return CreateArray(
            run=node.run,
            path=node.path,
            at=node.at,
            metadata=node.metadata(data.dtype),
            specs=node.template.specs,
            access_tags=node.template.access_tags,
            data=data,
            dims=node.dims_of(data.shape[1:]),
        )

    def _first_dtype(self, values: list[Any]) -> np.dtype[Any]:
        declared = self.node.declared
        arrays = [_natural(value) for value in values]
        if declared is not None and declared.kind in "SU":
            return _roomy(declared, arrays)
        if declared is not None and all(_cast(array, declared) is not None for array in arrays):
            return declared
        natural = _common_dtype([array for array in arrays if array.size] or arrays)
        if natural is not None:
            self._note_dtype(natural)
            return natural
        if declared is None or declared.kind in "OV":
            self._as_json = True
            self.node.remarks.note("its values are stored as JSON text")
            return _roomy(np.dtype("U"), [np.array(json_text(value)) for value in values])
        return declared

    def _note_dtype(self, stored: np.dtype[Any]) -> None:
        if self.node.declared is not None and self.node.declared.kind != "O":
            self.node.remarks.note(
                f"declared as {self.node.declared}, stored as {stored}, as its values are"
            )

    def _fitting(self, seq_num: Any, value: Any) -> Array | None:
        assert self._dtype is not None
        if value is None:
            self.node.remarks.note(f"event {number_shown(seq_num)} has no value; its row is filled")
            return None
        array = _natural(json_text(value) if self._as_json else value)
        cell = _cast(array, self._dtype)
        if cell is None:
            self.node.remarks.lost(seq_num, value, f"is no {self._dtype} without a loss")
        elif _is_rounded(array, cell):
            self.node.remarks.note(f"its values are rounded to {self._dtype}, as it is declared")
        return cell

    def _first_shape(self, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        declared = tuple(length or 0 for length in self.node.shape)
        if not shapes or set(shapes) == {declared}:
            return declared
        if len(set(shapes)) == 1:
            self.node.remarks.note(f"declared with the shape {declared}, stored as {shapes[0]}")
            return shapes[0]
        ranks = {len(shape) for shape in shapes}
        rank = len(declared) if len(declared) in ranks else len(shapes[0])
        same_rank = [shape for shape in shapes if len(shape) == rank]
        if len(declared) == rank:
            same_rank.append(declared)
        return tuple(map(max, zip(*same_rank, strict=True)))

    def _place(self, row: Array, seq_num: Any, value: Any, cell: Array) -> None:
        wanted = row.shape[1:]
        if cell.ndim != len(wanted) or any(map(operator.gt, cell.shape, wanted)):
            reason = f"its shape is {cell.shape}, that of the array's rows {wanted}"
            self.node.remarks.lost(seq_num, value, reason)
            return
        if cell.shape != wanted:
            self.node.remarks.note(
                f"event {number_shown(seq_num)} has the shape {cell.shape}; its row is filled up "
                f"to {wanted} with {filler(row.dtype)!r}"
            )
        row[0, *map(slice, cell.shape)] = cell  # type: ignore[index]


@dataclass(slots=True)
class RaggedRows:
    """A data key whose values differ in length, stored as a ragged array."""

    node: ArrayNode
    _sent: int = 0

    def write(self, values: Sequence[Any], seq_nums: Sequence[Any]) -> Iterator[Op]:
        """Ops for more rows."""
        declared = self.node.declared
        if declared is None or declared.kind in "OV":
            declared = np.dtype("f8")
        empty = np.empty([length or 0 for length in self.node.shape or (None,)], declared)
        rows = tuple(
            self._fitting(value, seq_num, empty)
            for value, seq_num in zip(values, seq_nums, strict=True)
        )
        if rows:
            yield self._op(rows, declared)
            self._sent += len(rows)

    def finish(self) -> Iterator[Op]:
        """No ops: no row ever waits."""
        return iter(())

    def _fitting(self, value: Any, seq_num: Any, empty: Array) -> Array:
        if value is None:
            self.node.remarks.note(f"event {number_shown(seq_num)} has no value; its row is empty")
            return empty
        array = _natural(value)
        if array.size == 0 and array.ndim < empty.ndim:
            return empty
        shape = self.node.shape or (None,)
        cell = _ragged_row(value, empty.dtype, shape)
        if cell is None:
            reason = f"is no {empty.dtype} of the shape {_shown(shape)}"
            self.node.remarks.lost(seq_num, value, reason)
            return empty
        return cell

    def _op(self, rows: tuple[Array, ...], dtype: np.dtype[Any]) -> Op:
        node = self.node
        shape = node.shape or (None,)
        if self._sent:
            return ExtendRagged(
                run=node.run, path=node.path, at=node.at, rows=rows, shape=shape, first=self._sent
            )
        return CreateRagged(
            run=node.run,
            path=node.path,
            at=node.at,
            metadata=node.template.metadata,
            specs=node.template.specs,
            access_tags=node.template.access_tags,
            rows=rows,
            shape=shape,
            dims=node.dims_of(shape),
        )


def _ragged_row(value: Any, dtype: np.dtype[Any], shape: tuple[int | None, ...]) -> Array | None:
    """`value` as an array of this shape; of arrays, where its lists differ in length; or None."""
    array = _natural(value)
    if array.ndim == len(shape) and array.dtype.kind != "O":
        if any(
            length not in (None, found) for length, found in zip(shape, array.shape, strict=True)
        ):
            return None
        return array if dtype.kind == array.dtype.kind == "U" else _cast(array, dtype)
    if len(shape) == 1 or not isinstance(value, list | tuple) or shape[0] not in (None, len(value)):
        return None
    row = np.empty(len(value), object)
    for place, item in enumerate(value):
        row[place] = _ragged_row(item, dtype, shape[1:])
    return None if any(item is None for item in row) else row


def _shown(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('?' if length is None else str(length) for length in shape)}]"


def filler(dtype: np.dtype[Any]) -> Any:
    """What stands where there is no value."""
    match dtype.kind:
        case "f" | "c":
            return float("nan")
        case "U":
            return ""
        case "S":
            return b""
        case "m" | "M":
            return np.array("NaT", dtype)[()]
        case _:
            return dtype.type(0).item()


def _natural(value: Any) -> Array:
    """`value` as the array that holds it exactly; of objects where none does."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind != "O" or value.ndim == 0 else _natural(value.tolist())
    try:
        array = np.asarray(value)
    except Exception:  # rows of several lengths, or of a class that does what it likes
        return _of_objects(value)
    if array.dtype.kind in "US":
        # numpy makes text of numbers beside text, and drops NULs at the end.
        kept = _kept_text if array.dtype.kind == "U" else _kept_bytes
        return array if all(map(kept, _flat(value))) else _of_objects(value)
    if _kept_integers(array, value):
        return array
    if all(isinstance(item, int) and 0 <= item < 2**64 for item in _flat(value)):
        return np.asarray(value, np.uint64)
    return _of_objects(value)


def _kept_text(item: Any) -> bool:
    return isinstance(item, str) and not item.endswith("\0")


def _kept_bytes(item: Any) -> bool:
    return isinstance(item, bytes) and not item.endswith(b"\0")


def _kept_integers(array: Array, value: Any) -> bool:
    """Whether no integer has lost digits because numpy made a double of it."""
    if array.dtype.kind != "f" or not (np.abs(array) >= EXACT_IN_DOUBLE).any():
        return True
    return all(not isinstance(item, int) or int(float(item)) == item for item in _flat(value))


def _common_dtype(arrays: Sequence[Array]) -> np.dtype[Any] | None:
    """The dtype that holds all of `arrays` without a loss, or None."""
    if any(array.dtype.kind in "OV" for array in arrays):
        return None
    if {"U", "S"} & {array.dtype.kind for array in arrays}:
        kinds = {array.dtype.kind for array in arrays}
        return _roomy(arrays[0].dtype.type().dtype, arrays) if len(kinds) == 1 else None
    try:
        common = np.result_type(*(array.dtype for array in arrays))
    except TypeError:  # nothing is common to times and numbers
        return None
    return common if all(_cast(array, common) is not None for array in arrays) else None


def _is_rounded(array: Array, cell: Array) -> bool:
    if cell is array or array.dtype.kind not in "fc" or not array.size:
        return False
    return not np.array_equal(cell, array, equal_nan=True)


def _has_elements(value: Any) -> bool:
    return value is not None and _natural(value).size > 0


def _of_objects(value: Any) -> Array:
    array = np.empty((), object)
    array[()] = value
    return array


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        return chain.from_iterable(map(_flat, value))
    return iter((value,))


def _roomy(dtype: np.dtype[Any], arrays: Sequence[Array]) -> np.dtype[Any]:
    """A text dtype for these and, where the declared one has no length, for longer ones to come."""
    character = np.dtype(f"{dtype.kind}1").itemsize
    lengths = [a.dtype.itemsize // character for a in arrays if a.dtype.kind == dtype.kind]
    widest = max(lengths, default=0)
    declared = dtype.itemsize // character
    room = max(declared, widest) if declared else max(2 * widest, ROOM_FOR_TEXT)
    return np.dtype(f"{dtype.kind}{room}")


def _cast(array: Array, dtype: np.dtype[Any]) -> Array | None:
    """`array` in another dtype, or None if that would lose anything but a float's last digits."""
    if array.dtype == dtype:
        return array
    given = array.dtype.kind
    if given == "O":
        return None
    if array.size == 0:
        return np.empty(array.shape, dtype)
    if not _comparable(given, dtype.kind):
        return None
    with np.errstate(all="ignore"):
        try:
            cell = array.astype(dtype)
            back = (cell if given == "c" else cell.real).astype(array.dtype)
        except (TypeError, ValueError):  # records of other fields
            return None
        if given == dtype.kind and given in "fc" and dtype.itemsize < array.dtype.itemsize:
            return None if bool((np.isinf(cell) & ~np.isinf(array)).any()) else cell
        kept = _in_range(array, cell) and np.array_equal(back, array, equal_nan=given in "fcmM")
    return cell if kept else None


def _in_range(array: Array, cell: Array) -> bool:
    """Whether casting `array` to `cell` and back is defined: beyond a range, a cast may wrap."""
    match array.dtype.kind, cell.dtype.kind:
        case "i" | "u", "i" | "u":
            return bool(((array < 0) == (cell < 0)).all())
        case "f", "i" | "u":
            floats, limits = array, np.iinfo(cell.dtype)
        case "i" | "u", "f":
            floats, limits = cell, np.iinfo(array.dtype)
        case _:
            return True
    return bool(((floats >= float(limits.min)) & (floats < float(limits.max) + 1)).all())


def _comparable(given: str, wanted: str) -> bool:
    if wanted in "biuf":
        return given in "biuf"
    if wanted == "c":
        return given in "biufc"
    return given == wanted
