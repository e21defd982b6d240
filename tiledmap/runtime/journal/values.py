"""What msgpack does not know, as lists that it does; and back.

A value of any other type becomes a list that begins with a mark, an extension type without data.
Whatever comes back is treated by a writer as the value that it stands for: it is of the same base
classes, its type has the same name, it has the same text and repr. No code of the value's class is
needed for that, and none is run.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from functools import lru_cache
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from types import new_class
from typing import Any, NoReturn
from uuid import UUID

import numpy as np
from msgpack import ExtType

from tiledmap.runtime.errors import in_words

Shown = str | tuple[str, str] | None
"""A repr, or what is raised instead; None where it is as the base class has it."""

KINDS_OF_DTYPES = "biufcmMSUV"


class Mark(IntEnum):
    """What a list stands for."""

    TUPLE = 1
    INTEGER = 2
    COMPLEX = 3
    RANGE = 4
    DECIMAL = 5
    FRACTION = 6
    UUID = 7
    DATETIME = 8
    ORDERED = 9
    NUMPY_TEXT = 10
    NUMPY_SCALAR = 11
    ARRAY = 12
    OBJECTS = 13
    MASKED = 14
    NAMED = 15
    MEMBER = 16
    STAND_IN = 17
    CIRCLE = 18
    SET = 19
    FROZENSET = 20


NUMBER = 32
"""Extension type of one number of numpy's: its dtype in three characters, then its bytes."""

MARKS: dict[int, Mark] = {int(mark): mark for mark in Mark}
MARKERS: dict[Mark, ExtType] = {mark: ExtType(int(mark), b"") for mark in Mark}

_NUMBERS: dict[type, bytes] = {
    kind: np.dtype(kind).str.encode()
    for kind in (
        *(np.bool_, np.int8, np.int16, np.int32, np.int64),
        *(np.uint8, np.uint16, np.uint32, np.uint64, np.float16, np.float32, np.float64),
    )
}
_DTYPE_OF_NUMBER = {
    order + name[1:]: np.dtype((order + name[1:]).decode())
    for name in _NUMBERS.values()
    for order in (b"<", b">", b"|")
    if (order == b"|") == (name[:1] == b"|")
}


_RAISED: dict[str, type[Exception]] = {
    kind.__name__: kind for kind in (TypeError, ValueError, RecursionError, RuntimeError)
}
"""What a repr may raise, as far as it makes a difference to a writer."""


class Unstorable:
    """Stands for a value of a class that is not known here."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    def __repr__(self) -> str:
        return _say(self._shown)


class Circle(Unstorable):
    """Stands for a list or mapping around the place where it is, so many levels up."""

    def __init__(self, shown: Shown, levels: int) -> None:
        super().__init__(shown)
        self.levels = levels


class _LikeSequence(Unstorable):
    """Stands for what numpy makes an array of, because it has items."""

    def __init__(self, shown: Shown, array: np.ndarray[Any, Any]) -> None:
        super().__init__(shown)
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, index: Any) -> Any:
        return self._array[index]


class _LikeArray(Unstorable):
    """Stands for what numpy makes an array of, because it says how."""

    def __init__(self, shown: Shown, length: int | tuple[str, str], array: Any) -> None:
        super().__init__(shown)
        self._length = length
        self._array = array

    def __len__(self) -> int:
        return self._length if isinstance(self._length, int) else _raise(*self._length)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self._array if dtype is None else self._array.astype(dtype)


class _OtherMapping(Mapping[Any, Any]):
    def __init__(self, items: Mapping[Any, Any]) -> None:
        self._items = items

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


_BASES: dict[type, Callable[[Any], Any]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    complex: lambda value: complex(value.real, value.imag),
    bytes: lambda value: bytes(memoryview(value)),
    bytearray: lambda value: bytes(memoryview(value)),
    dict: lambda value: dict(value.items()),
    list: list,
    tuple: list,
    datetime: lambda value: value.isoformat(),
    date: lambda value: value.isoformat(),
    time: lambda value: value.isoformat(),
    PureWindowsPath: str,
    PurePath: str,
    UUID: str,
    Mapping: lambda value: dict(value.items()),
}
"""Classes that a writer looks for, the narrower first, and what an instance of each consists of."""

_MADE_OF: dict[str, tuple[type, type]] = {
    **{base.__name__: (base, base) for base in (str, int, float, complex, bytes, dict, list)},
    **{base.__name__: (base, str) for base in (datetime, date, time, PureWindowsPath, UUID)},
    "PurePath": (PurePosixPath, str),
    "bytearray": (bytearray, bytes),
    "tuple": (tuple, list),
    "Mapping": (_OtherMapping, dict),
}
"""What such instances are made of."""

_MOMENTS: dict[str, type[datetime | date | time]] = {
    kind.__name__: kind for kind in (datetime, date, time)
}


# ---------------------------------------------------------------- to lists


def reduce(value: Any, hold: Callable[[np.ndarray[Any, Any]], int]) -> list[Any] | ExtType:
    """A value of no type that msgpack knows, as a list whose items it may not know; never raises.

    Parameters
    ----------
    hold
        Keeps the elements of an array, and says where.
    """
    dtype = _NUMBERS.get(type(value))
    if dtype is not None:
        return ExtType(NUMBER, dtype + value.tobytes())
    try:
        return _reduced(value, hold)
    except Exception:  # a value may be of any class, and do what it likes
        return stand_in(value, hold)


def _reduced(value: Any, hold: Callable[[np.ndarray[Any, Any]], int]) -> list[Any]:
    kind = type(value)
    if (reducer := _REDUCERS.get(kind)) is not None:
        return reducer(value)
    if isinstance(value, Enum):
        return _member(value)
    if isinstance(value, np.ndarray):
        return _array(value, hold)
    if isinstance(value, np.generic):
        return [MARKERS[Mark.NUMPY_SCALAR], _array(np.asarray(value), hold)]
    for base, content in _BASES.items():
        if isinstance(value, base):
            return [MARKERS[Mark.NAMED], *_named(value, base), content(value)]
    return stand_in(value, hold)


def _moment(value: datetime | date | time) -> list[Any]:
    fold: int = getattr(value, "fold", 0)
    if fold or getattr(value, "tzinfo", None) not in (None, UTC):
        base = type(value)
        return [MARKERS[Mark.NAMED], *_named(value, base), value.isoformat()]
    return [MARKERS[Mark.DATETIME], type(value).__name__, value.isoformat()]


_REDUCERS: dict[type, Callable[[Any], list[Any]]] = {
    tuple: lambda value: [MARKERS[Mark.TUPLE], *value],
    set: lambda value: [MARKERS[Mark.SET], *value],
    frozenset: lambda value: [MARKERS[Mark.FROZENSET], *value],
    int: lambda value: [MARKERS[Mark.INTEGER], hex(value)],
    complex: lambda value: [MARKERS[Mark.COMPLEX], value.real, value.imag],
    range: lambda value: [MARKERS[Mark.RANGE], value.start, value.stop, value.step],
    Decimal: lambda value: [MARKERS[Mark.DECIMAL], str(value)],
    Fraction: lambda value: [MARKERS[Mark.FRACTION], value.numerator, value.denominator],
    UUID: lambda value: [MARKERS[Mark.UUID], value.hex],
    datetime: _moment,
    date: _moment,
    time: _moment,
    OrderedDict: lambda value: [MARKERS[Mark.ORDERED], dict(value)],
    np.str_: lambda value: [MARKERS[Mark.NUMPY_TEXT], str.__str__(value)],
    np.bytes_: lambda value: [MARKERS[Mark.NUMPY_TEXT], bytes(memoryview(value))],
}


def _named(value: Any, base: type) -> list[Any]:
    """The names and texts of a value of a class that is derived from `base`."""
    kind = type(value)
    said = None
    if kind.__str__ not in (base.__str__, object.__str__):
        with suppress(Exception):
            said = str.__str__(str(value))
    is_own = kind.__repr__ is not base.__repr__ or issubclass(base, datetime | date | time)
    return [base.__name__, kind.__name__, said, _shown(value) if is_own else None]


def _member(value: Enum) -> list[Any]:
    base = next((base for base in (str, int, float, bytes) if isinstance(value, base)), None)
    base_name, content = (base.__name__, _BASES[base](value)) if base else ("", None)
    names = (base_name, type(value).__name__, str(value.name))
    texts = (str.__str__(str(value)), _shown(value))
    return [MARKERS[Mark.MEMBER], *names, *texts, content, value.value]


def _shown(value: Any) -> Shown:
    try:
        return str.__str__(repr(value))
    except Exception as error:  # it may be nested too deeply, or of any class
        return _raised(error)


def _length(value: Any) -> int | tuple[str, str]:
    try:
        return len(value)
    except Exception as error:
        return _raised(error)


def _raised(error: Exception) -> tuple[str, str]:
    kinds = (kind for kind in _RAISED.values() if isinstance(error, kind))
    return next(kinds, RuntimeError).__name__, in_words(error).partition(": ")[2]


def _array(value: np.ndarray[Any, Any], hold: Callable[[np.ndarray[Any, Any]], int]) -> list[Any]:
    if isinstance(value, np.ma.MaskedArray):
        parts = np.asarray(value.data), np.ma.getmaskarray(value)
        return [MARKERS[Mark.MASKED], *(_array(part, hold) for part in parts)]
    array = np.asarray(value)
    shape = list(array.shape)
    if array.dtype.kind == "O":
        return [MARKERS[Mark.OBJECTS], shape, array.ravel().tolist()]
    if array.dtype.hasobject or array.dtype.kind not in KINDS_OF_DTYPES:
        return stand_in(value, hold)
    descr = np.lib.format.dtype_to_descr(array.dtype)
    return [MARKERS[Mark.ARRAY], descr, shape, hold(array)]


def stand_in(value: Any, hold: Callable[[np.ndarray[Any, Any]], int] | None = None) -> list[Any]:
    """What is known of a value that nothing else can hold; never raises."""
    array = length = None
    if hold is not None:
        with suppress(Exception):
            length = _length(value) if hasattr(value, "__array__") else None
            made = np.asarray(value)
            if not isinstance(value, np.ndarray) and (made.ndim or made.dtype.kind != "O"):
                array = _array(made, hold)
    return [MARKERS[Mark.STAND_IN], type(value).__name__, _shown(value), length, array]


def circle(value: Any, levels: int) -> list[Any]:
    """A list or mapping that is around the place where it is."""
    return [MARKERS[Mark.CIRCLE], type(value).__name__, _shown(value), levels]


# ---------------------------------------------------------------- and back


def number(data: bytes) -> Any:
    """A number of numpy's."""
    (value,) = np.frombuffer(data, _DTYPE_OF_NUMBER[data[:3]], offset=3)
    return value


def array_within(buffer: bytes, descr: Any, shape: list[int], start: int) -> Any:
    """An array whose elements lie in `buffer`, which it does not copy.

    Raises
    ------
    Exception
        If that is no array, or `buffer` too short for it.
    """
    dtype: np.dtype[Any] = np.lib.format.descr_to_dtype(descr)
    if dtype.hasobject or dtype.kind not in KINDS_OF_DTYPES:
        raise ValueError(f"an array of {dtype}")
    if min(shape, default=0) < 0 or math.prod(shape) > len(buffer):
        raise ValueError(f"an array of the shape {shape}")
    return np.ndarray(shape, dtype, buffer, start)


def _objects(shape: list[int], items: list[Any]) -> Any:
    if math.prod(shape) != len(items):
        raise ValueError("an array of other items")
    array = np.empty(len(items), object)
    for place, item in enumerate(items):
        array[place] = item
    return array.reshape(shape)


def _moment_of(kind: str, text: str) -> Any:
    return _MOMENTS[kind].fromisoformat(text)


def _numpy_text(content: str | bytes) -> Any:
    return np.str_(content) if isinstance(content, str) else np.bytes_(content)


def _say(text: Any) -> str:
    if isinstance(text, str):
        return text
    return _raise(*text)


def _raise(kind: str, reason: str) -> NoReturn:
    raise _RAISED[kind](reason)


def _saying(method: str) -> Callable[[Any], str]:
    def say(self: Any, *_: Any) -> str:
        return _say(self.told[method])

    return say


@lru_cache(maxsize=1024)
def _class(name: str, base: type, methods: tuple[str, ...]) -> Any:
    """A class whose instances say by these methods what they are told to."""
    return type(name, (base,), {method: _saying(method) for method in methods})


def _named_again(base_name: str, name: str, said: Any, shown: Any, content: Any) -> Any:
    base, of = _MADE_OF[base_name]
    if type(content) is not of:
        raise TypeError(f"a {base_name} made of a {type(content).__name__}")
    texts = {"__str__": said, "__repr__": shown}
    if issubclass(base, date | time):
        texts["isoformat"] = content
    told = {method: text for method, text in texts.items() if text is not None}
    value = _instance(_class(name, base, tuple(told)), base, content)
    value.told = told
    return value


def _instance(kind: Any, base: type, content: Any) -> Any:
    if not issubclass(base, date | time):
        return kind(content)
    try:
        return kind.fromisoformat(content)
    except ValueError:  # pandas' NaT is a datetime, too
        return kind() if base is time else kind(1, 1, 1)


def _make_member(
    base_name: str, type_name: str, name: str, said: Any, shown: Any, content: Any, value: Any
) -> Any:
    base, of = _MADE_OF[base_name] if base_name else (object, type(None))
    if type(content) is not of:
        raise TypeError(f"a {base_name} made of a {type(content).__name__}")

    def new(cls: Any, *_: Any) -> Any:
        member: Any = base.__new__(cls, content) if base_name else object.__new__(cls)
        member._value_ = value
        member.told = {"__str__": said, "__repr__": shown}
        return member

    bases: Any = (base, Enum) if base_name else (Enum,)
    body = {"__new__": new, **{method: _saying(method) for method in ("__str__", "__repr__")}}
    kind: Any = new_class(type_name, bases, {}, lambda own: own.update({**body, name: 0}))
    return kind[name]


_known_member = lru_cache(maxsize=1024, typed=True)(_make_member)


def _member_again(*parts: Any) -> Any:
    try:
        return _known_member(*parts)
    except TypeError:  # its value cannot be hashed
        return _make_member(*parts)


def _stand_in_again(name: str, shown: Any, length: Any, array: Any) -> Any:
    if length is not None:
        return _class(name, _LikeArray, ())(shown, length, array)
    if array is not None:
        return _class(name, _LikeSequence, ())(shown, array)
    return _class(name, Unstorable, ())(shown)


def _circle_again(name: str, shown: Any, levels: int) -> Any:
    return _class(name, Circle, ())(shown, levels)


RESTORERS: dict[Mark, Callable[..., Any]] = {
    Mark.TUPLE: lambda *items: items,
    Mark.SET: lambda *items: set(items),
    Mark.FROZENSET: lambda *items: frozenset(items),
    Mark.INTEGER: lambda text: int(text, 16),
    Mark.COMPLEX: lambda real, imaginary: complex(real, imaginary),
    Mark.RANGE: range,
    Mark.DECIMAL: Decimal,
    Mark.FRACTION: Fraction,
    Mark.UUID: UUID,
    Mark.DATETIME: _moment_of,
    Mark.ORDERED: OrderedDict,
    Mark.NUMPY_TEXT: _numpy_text,
    Mark.NUMPY_SCALAR: lambda array: array[()],
    Mark.OBJECTS: _objects,
    Mark.MASKED: lambda data, mask: np.ma.MaskedArray(data, mask),
    Mark.NAMED: _named_again,
    Mark.MEMBER: _member_again,
    Mark.STAND_IN: _stand_in_again,
    Mark.CIRCLE: _circle_again,
}
"""What makes a value of the items behind its mark; `Mark.ARRAY` needs the payload."""


def closed(value: Any, above: tuple[Any, ...] = ()) -> Any:
    """`value` with each list and mapping that is inside itself in its place."""
    if isinstance(value, Circle):
        return above[-value.levels] if 0 < value.levels <= len(above) else value
    above = (*above, value)
    if type(value) is tuple:
        return tuple([closed(item, above) for item in value])
    if type(value) is dict:
        value.update({key: closed(item, above) for key, item in value.items()})
    if type(value) is list:
        value[:] = [closed(item, above) for item in value]
    return value
