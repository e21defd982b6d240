"""Everything that a reader can find in a Tiled node, as plain data that can be compared."""

import io
from typing import Any

import numpy as np

from tests.comparing import plain

UNLIKE_BY_DESIGN = frozenset({"notes", "_exact"})
"""Metadata that says how a run was written, in each writer's own words."""


def snapshot(node: Any) -> dict[str, Any]:
    """A node and all that is below it: families, specs, metadata, structures, values."""
    node = getattr(node, "base", node)
    attributes = node.item["attributes"]
    family = str(node.structure_family.value)
    seen: dict[str, Any] = {
        "family": family,
        "specs": [(spec.name, spec.version) for spec in node.specs],
        "access_tags": attributes["access_tags"],
        "metadata": plain(
            {key: value for key, value in node.metadata.items() if key not in UNLIKE_BY_DESIGN}
        ),
    }
    match family:
        case "container":
            children = {key: snapshot(child) for key, child in node.items()}
            seen["children"] = with_dims_in_order(children)
        case "table":
            seen["columns"] = table_columns(node)
        case "array":
            seen["array"] = array(node)
        case "ragged":
            seen["rows"] = [plain(np.asarray(row)) for row in node.read()]
        case "bytes":
            seen["files"] = contents(node)
    if family in ("array", "bytes"):
        seen["source"] = source(node)
    return seen


def with_dims_in_order(children: dict[str, Any]) -> dict[str, Any]:
    """Number the dims that are named by their length in the order of the nodes' names.

    TiledWriter numbers them in the order of a set, which is another in each process.
    """
    numbers: dict[str, str] = {}
    for key in sorted(children):
        array = children[key].get("array")
        if array and array["dims"]:
            array["dims"] = [
                numbers.setdefault(dim, f"size {len(numbers)}") if dim[:8] == "dim_int_" else dim
                for dim in array["dims"]
            ]
    return children


def table_columns(node: Any) -> dict[str, Any]:
    """A table's columns by name, read one by one as the server keeps them."""
    schema = node.structure().arrow_schema_decoded
    return {
        name: {"type": str(schema.field(name).type), "values": plain(as_list(node[name].read()))}
        for name in node.columns
    }


def as_list(values: Any) -> Any:
    """Values as nested lists."""
    if isinstance(values, np.ndarray) and values.dtype == object:
        return [as_list(value) for value in values]
    return values.tolist() if hasattr(values, "tolist") else values


def array(node: Any) -> dict[str, Any]:
    """An array: its dtype, dims, chunks and values."""
    return {
        "dtype": node.dtype.str,
        "shape": node.shape,
        "chunks": node.chunks,
        "dims": node.dims,
        "values": plain(node.read().tolist()),
    }


def source(node: Any) -> dict[str, Any]:
    """Where Tiled reads an array or bytes from; what it manages itself lies where it likes."""
    (found,) = node.data_sources()
    if found.management != "external":
        return {"management": found.management}
    return {
        "management": "external",
        "mimetype": found.mimetype,
        "structure": plain(found.structure),
        "parameters": plain(found.parameters),
        "properties": plain(found.properties),
        "assets": [
            {
                "uri": asset.data_uri,
                "parameter": asset.parameter,
                "num": asset.num,
                "is_directory": asset.is_directory,
            }
            for asset in found.assets
        ],
    }


def contents(node: Any) -> dict[str, bytes]:
    """The files of a node of bytes, by name."""
    exported: dict[str, io.BytesIO] = {}
    node.raw_export(exported)
    return {key.rpartition("/")[2]: exported[key].getvalue() for key in sorted(exported)}
