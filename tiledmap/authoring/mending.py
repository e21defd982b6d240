"""What is wrong with the description of a data key, where its values or numpy prove it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import numpy as np

from tiledmap.authoring.seen import FormSeen
from tiledmap.authoring.values import ValuesSeen
from tiledmap.authoring.words import lengths
from tiledmap.runtime.columns import column_type
from tiledmap.runtime.documents import numpy_dtype, row_shape

_EPICS = re.compile(r"(?:DBF|DBR|TIME|CTRL|STS|GR)_", re.IGNORECASE)
_OTHER_NAMES = {
    "double": "float64",
    "enum": "int32",
    "long": "int32",
    "char": "int8",
    "uchar": "uint8",
    "ushort": "uint16",
    "ulong": "uint32",
    "real": "float64",
    "text": "<U",
    "string": "<U",
    "boolean": "bool",
    "logical": "bool",
}
_JSON_TYPES = {"bool": "boolean", "int64": "integer", "float64": "number", "<U": "string"}


@dataclass(frozen=True, slots=True)
class Mend:
    """Fields of a repair of data keys, and why."""

    fields: Mapping[str, Any]
    reason: str


def mend(
    data_key: Mapping[str, Any], values: ValuesSeen, stored: np.dtype[Any] | None = None
) -> Mend | None:
    """What puts a description right, where it is plain; None where nothing must be done.

    Parameters
    ----------
    stored
        As which values stand in a file that was seen.
    """
    if "external" in data_key:
        return _mend_name(data_key) if stored is None else _mend_stored(data_key, stored)
    if not values.count or values.uneven:
        return _mend_name(data_key)
    if data_key.get("dtype") == "array":
        return _mend_array(data_key, values)
    return _mend_scalar(data_key, values)


def mend_all(forms: Sequence[FormSeen], stored: np.dtype[Any] | None) -> tuple[Mend | None, bool]:
    """What puts all descriptions of one data key right.

    Parameters
    ----------
    stored
        As for `mend`.

    Returns
    -------
    Mend or None
        None where nothing must be done.
    bool
        Whether it puts right what is wrong, and changes nothing that is not.
    """
    wrong = [form for form in forms if mend(form.data_key, form.values, stored) is not None]
    if not wrong:
        return None, True
    needed = mend(wrong[0].data_key, reduce(or_, (form.values for form in forms)), stored)
    if needed is None:
        return mend(wrong[0].data_key, wrong[0].values, stored), False
    return needed, all(
        mend(_mended(form.data_key, needed), form.values, stored) is None
        if form in wrong
        else _is_kept(form.data_key, needed)
        for form in forms
    )


def _mended(data_key: Mapping[str, Any], needed: Mend) -> dict[str, Any]:
    changed: dict[str, Any] = {**data_key, **needed.fields.get("set", {})}
    if "dtype" in needed.fields:
        changed["dtype_numpy"] = needed.fields["dtype"]
    if "shape" in needed.fields:
        changed["shape"] = needed.fields["shape"]["lengths"]
    return changed


def _is_kept(data_key: Mapping[str, Any], needed: Mend) -> bool:
    changed = _mended(data_key, needed)
    return numpy_dtype(changed) == numpy_dtype(data_key) and row_shape(changed) == row_shape(
        data_key
    )


def known_dtype(name: Any) -> str | None:
    """The dtype that a name stands for which numpy does not know, as EPICS and others have it."""
    if not isinstance(name, str):
        return None
    plain = _EPICS.sub("", name.strip()).lower()
    try:
        return np.dtype(_OTHER_NAMES.get(plain, plain)).name if plain else None
    except (TypeError, ValueError, SyntaxError):
        return None


def is_named(data_key: Mapping[str, Any]) -> bool:
    """Whether numpy knows the dtype of a data key, or it names none."""
    return numpy_dtype(data_key) is not None


def _mend_name(data_key: Mapping[str, Any]) -> Mend | None:
    if is_named(data_key):
        return None
    name = data_key["dtype_numpy"]
    known = known_dtype(name)
    return (known and Mend({"dtype": known}, f"numpy does not know the dtype {name!r}.")) or None


def _mend_stored(data_key: Mapping[str, Any], stored: np.dtype[Any]) -> Mend | None:
    """What Tiled reads is what files hold, whatever is said of it."""
    if numpy_dtype(data_key) == stored:
        return None
    name = stored.name if stored.isnative else stored.str
    said = data_key.get("dtype_numpy")
    return Mend({"dtype": name}, f"Its files hold {name}, not {said}.")


def _mend_scalar(data_key: Mapping[str, Any], values: ValuesSeen) -> Mend | None:
    shape = values.common_shape
    if shape:
        fields = {"shape": {"lengths": list(shape)}, "set": {"dtype": "array"}}
        dtype = _dtype_of(values)
        more = {} if dtype is None or _fits(data_key, values) else {"dtype": dtype}
        return Mend({**more, **fields}, "Described as single values; they are arrays.")
    if shape is None or _fits(data_key, values):
        return None
    dtype = _dtype_of(values)
    if dtype is None:
        return None
    said = data_key.get("dtype_numpy") or data_key.get("dtype")
    if not is_named(data_key):
        reason = f"numpy does not know the dtype {said!r}; the values are {_words(dtype, values)}."
    else:
        reason = f"Described as {said}; the values are {_words(dtype, values)}."
    return Mend({"dtype": dtype, "set": {"dtype": _JSON_TYPES[dtype]}}, reason)


def _mend_array(data_key: Mapping[str, Any], values: ValuesSeen) -> Mend | None:
    fields: dict[str, Any] = {}
    reasons: list[str] = []
    shape, declared = values.common_shape, row_shape(data_key)
    if shape == ():
        dtype = _dtype_of(values)
        if dtype is None:
            return None
        if not _fits(data_key, values):
            fields["dtype"] = dtype
        fields |= {"shape": {"lengths": []}, "set": {"dtype": _JSON_TYPES[dtype]}}
        return Mend(fields, "Described as arrays; the values are single.")
    if shape is not None and not _covers(declared, shape):
        fields["shape"] = {"lengths": list(shape)}
        reasons.append(f"Described as {_shown(declared)}; the values are {_shown(shape)}.")
    if not _fits(data_key, values) and (dtype := _dtype_of(values)) is not None:
        fields["dtype"] = dtype
        said = data_key.get("dtype_numpy") or "arrays of anything"
        if is_named(data_key):
            reasons.append(f"Described as {said}; the values are {_words(dtype, values)}.")
        else:
            reasons.append(f"numpy does not know the dtype {said!r}.")
    return Mend(fields, " ".join(reasons)) if fields else None


def _covers(declared: tuple[int | None, ...], found: tuple[int | None, ...]) -> bool:
    """Whether values of this shape are as they are described."""
    return len(declared) == len(found) and all(
        length is None or length == there for length, there in zip(declared, found, strict=True)
    )


def _fits(data_key: Mapping[str, Any], values: ValuesSeen) -> bool:
    """Whether a column or an array of the declared type holds all of the values."""
    if not is_named(data_key):
        return False
    if not values.kinds:
        return True
    match column_type(data_key).kind:
        case "bool":
            return values.numbers and (values.kinds == {"boolean"} or values.logical)
        case "int":
            return values.numbers and "number" not in values.kinds
        case "float":
            return values.numbers and not values.large
        case "string":
            return values.kinds == {"string"}
    return True


def _dtype_of(values: ValuesSeen) -> str | None:
    """The dtype of all values; None where no one dtype is."""
    if values.kinds == {"string"}:
        return "<U"
    if not values.numbers:
        return None
    if values.kinds == {"boolean"}:
        return "bool"
    if "number" in values.kinds:
        return None if values.large else "float64"
    return "float64" if values.kinds == {"whole number"} else "int64"


def _words(dtype: str, values: ValuesSeen) -> str:
    return {
        "<U": "texts",
        "bool": "truths",
        "int64": "whole numbers, some beyond 2**53" if values.large else "whole numbers",
        "float64": "numbers with a fraction",
    }[dtype]


def _shown(shape: tuple[int | None, ...]) -> str:
    return lengths(shape) or "single values"
