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

from tiledmap.runtime.layout import Document

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


def schema_problem(name: str, document: Any) -> str | None:
    """What event-model's schema has against `document`, or None."""
    from jsonschema.exceptions import best_match

    validator = _schema_validators()[name]
    error = best_match(validator.iter_errors(document))
    return None if error is None else f"{error.json_path}: {error.message}"


@cache
def _event_model_validator_class() -> Callable[[Mapping[str, Any]], Any]:
    return type(_schema_validators()["start"])


def addition_problem(schema: Mapping[str, Any], document: Document) -> str | None:
    """What a mapping's own schema has against `document`, or None."""
    from jsonschema.exceptions import best_match

    error = best_match(_event_model_validator_class()(schema).iter_errors(document))
    return None if error is None else f"{error.json_path}: {error.message}"


def standard_descriptor(descriptor: Document) -> dict[str, Any]:
    """A descriptor in the newest form of event-model's schema.

    Every data key, of events and of configuration, has a ``dtype_numpy`` and a shape that is not
    null; data keys of events know their object, and ``external`` is never null.
    """
    standard = dict(descriptor)
    objects = {
        key: name for name, keys in descriptor.get("object_keys", {}).items() for key in keys
    }
    data_keys = {}
    for name, given in descriptor["data_keys"].items():
        data_key = standard_data_key(given)
        if name in objects:
            data_key["object_name"] = objects[name]
        if "external" in data_key and data_key["external"] is None:
            data_key["external"] = ""
        data_keys[name] = data_key
    standard["data_keys"] = data_keys
    if "configuration" in descriptor:
        standard["configuration"] = {
            name: _standard_configuration(given)
            for name, given in descriptor["configuration"].items()
        }
    return standard


def _standard_configuration(configuration: Document) -> dict[str, Any]:
    if "data_keys" not in configuration:
        return dict(configuration)
    data_keys = {
        name: standard_data_key(data_key) for name, data_key in configuration["data_keys"].items()
    }
    return {**configuration, "data_keys": data_keys}


def standard_data_key(data_key: Document) -> dict[str, Any]:
    """A data key with ``dtype_numpy`` from whichever field gives it, and a shape."""
    standard = {
        name: value for name, value in data_key.items() if name not in ("dtype_descr", "dtype_str")
    }
    dtype = [list(field) for field in data_key.get("dtype_descr") or ()] or data_key.get(
        "dtype_numpy", data_key.get("dtype_str")
    )
    dtype = dtype or DTYPE_OF_JSON_TYPE.get(data_key.get("dtype", ""))
    if dtype:
        standard["dtype_numpy"] = numpy_name(dtype)
    if "shape" in standard and standard["shape"] is None:
        standard["shape"] = ()
    return standard


def numpy_name(dtype: Any) -> Any:
    """`dtype` as numpy spells it, ``<i4`` for ``int32``; as it is where numpy does not know it."""
    if not isinstance(dtype, str) or _NUMPY_NAME.fullmatch(dtype):
        return dtype
    try:
        return np.dtype(dtype).str
    except TypeError:
        return dtype


def numpy_dtype(data_key: Document) -> np.dtype[Any] | None:
    """The numpy dtype of a data key, or None where it names none that numpy knows."""
    given = data_key.get("dtype_numpy") or DTYPE_OF_JSON_TYPE.get(data_key.get("dtype", ""))
    try:
        return np.dtype(given if isinstance(given, str) else [tuple(item) for item in given or ()])
    except (TypeError, ValueError):
        return None


def describe(name: str, data_key: Document) -> dict[str, Any]:
    """A data key with its derived fields, as rules see it."""
    shape = data_key.get("shape") or ()
    return {
        **data_key,
        "name": name,
        "size": math.prod(length or 0 for length in shape),
        "ndim": len(shape),
        "device": data_key.get("object_name") or "",
        "dtype_numpy": data_key.get("dtype_numpy")
        or DTYPE_OF_JSON_TYPE.get(data_key.get("dtype", ""), ""),
    }


def declared(data_key: Document) -> dict[str, Any]:
    """A data key without its derived fields, as descriptors hold it."""
    return {name: value for name, value in data_key.items() if name not in DERIVED_FIELDS}


def rename_data_keys(descriptor: Document, names: Mapping[str, str]) -> dict[str, Any]:
    """A descriptor in which data keys have other names, wherever it names them."""

    def renamed(keys: Any) -> list[Any]:
        return [names.get(key, key) for key in keys]

    new = dict(descriptor)
    new["data_keys"] = {
        names.get(key, key): data_key for key, data_key in descriptor["data_keys"].items()
    }
    if "object_keys" in descriptor:
        new["object_keys"] = {
            name: renamed(keys) for name, keys in descriptor["object_keys"].items()
        }
    if "hints" in descriptor:
        new["hints"] = {
            name: {**hint, "fields": renamed(hint["fields"])}
            if isinstance(hint, Mapping) and isinstance(hint.get("fields"), list | tuple)
            else hint
            for name, hint in descriptor["hints"].items()
        }
    return new


def day(start: Document) -> str:
    """The day on which a run started, in UTC, as ISO writes it."""
    return datetime.fromtimestamp(start["time"], UTC).date().isoformat()
