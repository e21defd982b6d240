"""Documents put into one standard form before anything is decided about them.

Nothing here changes what it is given: whatever differs is a copy.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np

from tiledmap.runtime.errors import in_words
from tiledmap.runtime.layout import Document
from tiledmap.runtime.schema_check import Check, plain_check

DERIVED_FIELDS = ("name", "size", "ndim", "device")
"""What `describe` adds to a data key and a descriptor's own data keys do not have."""

DTYPE_OF_JSON_TYPE = {
    "number": "<f8",
    "array": "<f8",
    "boolean": "|b1",
    "string": "<U0",
    "integer": "<i8",
}
_NUMPY_NAME = re.compile("[|<>][tbiufcmMOSUV][0-9]+")


@cache
def _schema_validators() -> Mapping[str, Any]:
    # Here, because importing event-model takes longer than importing all of this package.
    from event_model import DocumentNames, schema_validators

    return {name.name: schema_validators[name] for name in DocumentNames if name.name != "any"}


@cache
def _plain_check(name: str) -> Check:
    return plain_check(_schema_validators()[name].schema)


def schema_problem(name: str, document: Any) -> str | None:
    """What event-model's schema has against `document`, or None."""
    if _plain_check(name)(document):
        return None
    validator = _schema_validators()[name]
    try:
        error = _best_error(validator, document)
        if error is not None:  # perhaps only of numpy's numbers, which it does not know
            error = _best_error(validator, as_python(document))
    except Exception as failure:  # keys that are no text, circles, arrays of no dimensions
        return f"the schema cannot be applied: {in_words(failure)}"
    return None if error is None else f"{error.json_path}: {error.message}"


def _best_error(validator: Any, document: Any) -> Any:
    """The error that says most; None if there is none."""
    from jsonschema.exceptions import best_match

    errors = list(validator.iter_errors(document))
    # Where one field is wrong, the schema knows none of the others either; that says nothing.
    telling = [error for error in errors if error.validator != "unevaluatedProperties"]
    return best_match(telling or errors)


def as_python(value: Any) -> Any:
    """`value` with Python's own numbers in place of numpy's."""
    match value:
        case np.generic():
            return value.item()
        case dict():
            return {key: as_python(item) for key, item in value.items()}
        case list() | tuple():
            return [as_python(item) for item in value]
        case _:
            return value


@cache
def _event_model_validator_class() -> Callable[[Mapping[str, Any]], Any]:
    return type(_schema_validators()["start"])


def addition_problem(schema: Mapping[str, Any], document: Document) -> str | None:
    """What a mapping's own schema has against `document`, or None."""
    try:
        validator = _event_model_validator_class()(schema)
        error = _best_error(validator, as_python(document))
    except Exception as failure:
        return f"the mapping's schema cannot be applied: {in_words(failure)}"
    return None if error is None else f"{error.json_path}: {error.message}"


def standard_descriptor(descriptor: Document) -> dict[str, Any]:
    """A descriptor in the newest form of event-model's schema.

    Every data key, of events and of configuration, has a ``dtype_numpy`` and a shape that is not
    null; data keys of events know their object, and ``external`` is never null.
    """
    standard = dict(descriptor)
    objects = {
        key: name
        for name, keys in _mapping(descriptor.get("object_keys")).items()
        for key in _items(keys)
        if isinstance(key, str)
    }
    data_keys = {}
    for name, given in _mapping(descriptor.get("data_keys")).items():
        data_key = standard_data_key(_mapping(given))
        if name in objects:
            data_key["object_name"] = objects[name]
        if "external" in data_key and data_key["external"] is None:
            data_key["external"] = ""
        data_keys[name] = data_key
    standard["data_keys"] = data_keys
    if isinstance(configuration := descriptor.get("configuration"), Mapping):
        standard["configuration"] = {
            name: _standard_configuration(given) for name, given in configuration.items()
        }
    return standard


def _standard_configuration(configuration: Any) -> Any:
    if not isinstance(data_keys := _mapping(configuration).get("data_keys"), Mapping):
        return configuration
    standard = {
        name: standard_data_key(data_key) if isinstance(data_key, Mapping) else data_key
        for name, data_key in data_keys.items()
    }
    return {**configuration, "data_keys": standard}


def _mapping(value: Any) -> Mapping[Any, Any]:
    """`value`, or nothing where it is no mapping: a bad field must not cost a stream."""
    return value if isinstance(value, Mapping) else {}


def _items(value: Any) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else ()


def standard_data_key(data_key: Document) -> dict[str, Any]:
    """A data key with ``dtype_numpy`` from whichever field gives it, and a shape."""
    standard = {
        name: value for name, value in data_key.items() if name not in ("dtype_descr", "dtype_str")
    }
    dtype = (
        [list(field) for field in _items(data_key.get("dtype_descr")) if _items(field)]
        or data_key.get("dtype_numpy", data_key.get("dtype_str"))
        or _default_dtype(data_key)
    )
    if dtype:
        standard["dtype_numpy"] = numpy_name(dtype)
    if "shape" in standard and not isinstance(standard["shape"], list | tuple):
        standard["shape"] = ()
    return standard


def _default_dtype(data_key: Document) -> str | None:
    dtype = data_key.get("dtype")
    return DTYPE_OF_JSON_TYPE.get(dtype) if isinstance(dtype, str) else None


def numpy_name(dtype: Any) -> Any:
    """`dtype` as numpy spells it, ``<i4`` for ``int32``; as it is where numpy does not know it."""
    if not isinstance(dtype, str) or _NUMPY_NAME.fullmatch(dtype):
        return dtype
    try:
        return np.dtype(dtype).str
    except (TypeError, ValueError, SyntaxError):
        return dtype


def numpy_dtype(data_key: Document) -> np.dtype[Any] | None:
    """The numpy dtype of a data key, or None where it names none that numpy knows."""
    given = data_key.get("dtype_numpy") or _default_dtype(data_key)
    try:
        return np.dtype(given if isinstance(given, str) else [tuple(item) for item in given or ()])
    except (TypeError, ValueError, SyntaxError):
        return None


def row_shape(data_key: Document) -> tuple[int | None, ...]:
    """The shape that a data key declares; None for each length that is not known before."""
    return tuple(
        length if isinstance(length, int) and length >= 0 else None
        for length in data_key.get("shape") or ()
    )


def describe(name: str, data_key: Document) -> dict[str, Any]:
    """A data key with its derived fields, as rules see it.

    One that lacks what the schema requires has a ``dtype`` of no kind, and no dimensions.
    """
    shape = row_shape(data_key)
    return {
        "dtype": "",
        "shape": (),
        **data_key,
        "name": name,
        "size": math.prod(length or 0 for length in shape),
        "ndim": len(shape),
        "device": data_key.get("object_name") or "",
        "dtype_numpy": data_key.get("dtype_numpy") or _default_dtype(data_key) or "",
    }


def declared(data_key: Document) -> dict[str, Any]:
    """A data key without its derived fields, as descriptors hold it."""
    return {name: value for name, value in data_key.items() if name not in DERIVED_FIELDS}


def rename_data_keys(descriptor: Document, names: Mapping[str, str]) -> dict[str, Any]:
    """A descriptor in which data keys have other names, wherever it names them."""

    def renamed(keys: Any) -> Any:
        if not _items(keys):
            return keys
        return [names.get(key, key) if isinstance(key, str) else key for key in keys]

    new = dict(descriptor)
    new["data_keys"] = {
        names.get(key, key): data_key for key, data_key in descriptor["data_keys"].items()
    }
    if isinstance(object_keys := descriptor.get("object_keys"), Mapping):
        new["object_keys"] = {name: renamed(keys) for name, keys in object_keys.items()}
    if isinstance(hints := descriptor.get("hints"), Mapping):
        new["hints"] = {
            name: {**hint, "fields": renamed(hint["fields"])}
            if isinstance(hint, Mapping) and "fields" in hint
            else hint
            for name, hint in hints.items()
        }
    return new


def day(start: Document) -> str:
    """The day on which a run started, in UTC, as ISO writes it."""
    return datetime.fromtimestamp(start["time"], UTC).date().isoformat()
