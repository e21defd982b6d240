"""What a Tiled server says of all that is below a container, as plain data that can be compared."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
from tiled.structures.array import ArrayStructure
from tiled.utils import APACHE_ARROW_FILE_MIME_TYPE

from tests.comparing import plain

_TRIES = 10
_PAUSE = 0.3


def read_tree(container: Any, orders_rows: bool = True) -> dict[str, Any]:
    """Read the children of a container, by key: specs, metadata, sources, values in their order.

    Parameters
    ----------
    orders_rows
        Whether the server gives the rows of tables in their order; they are put in one otherwise.
    """
    return _read(container.context.http_client.get, container.uri, orders_rows)


def _read(get: Callable[..., httpx.Response], uri: str, orders_rows: bool) -> dict[str, Any]:
    tree = {}
    for item in _items(get, uri.replace("/metadata/", "/search/", 1)):
        attributes, links = item["attributes"], item["links"]
        tree[item["id"]] = {
            "family": attributes["structure_family"],
            "specs": attributes["specs"],
            "metadata": plain(attributes["metadata"]),
            "access_tags": attributes["access_tags"],
            "holds": _readable(get, links, attributes, orders_rows),
        }
    return tree


def _items(get: Callable[..., httpx.Response], uri: str) -> Iterator[dict[str, Any]]:
    parameters: Any = {"page[limit]": 300, "include_data_sources": True}
    while uri:
        page = get(uri, params=parameters).raise_for_status().json()
        yield from page["data"]
        uri, parameters = page["links"]["next"], None


def _readable(*node: Any) -> Any:
    """What a node holds, or that it cannot be read."""
    try:
        return _content(*node)
    except httpx.HTTPStatusError as error:
        return f"cannot be read: {error.response.status_code}"


def _content(
    get: Callable[..., httpx.Response],
    links: Mapping[str, str],
    attributes: Mapping[str, Any],
    orders_rows: bool,
) -> Any:
    """What a node holds: its children, or the files that it names, or its values."""

    def download(link: str, media_type: str, **parameters: Any) -> httpx.Response:
        for _ in range(_TRIES):
            answer = get(link, params=parameters, headers={"Accept": media_type})
            if answer.status_code != httpx.codes.INTERNAL_SERVER_ERROR:
                break
            time.sleep(_PAUSE)  # what came late may be written at this moment
        return answer.raise_for_status()

    family, structure = attributes["structure_family"], attributes["structure"]
    sources = attributes["data_sources"] or []
    if any(source["management"] == "external" for source in sources):
        return [_named(source) for source in sources]
    match family:
        case "container":
            return _read(get, links["self"], orders_rows)
        case "table":
            partition = links["partition"].format(index=0)
            answer = download(partition, APACHE_ARROW_FILE_MIME_TYPE, partition=0)
            rows = pa.ipc.open_file(answer.content).read_all()
            return plain(rows if orders_rows else rows.sort_by(rows.column_names[0]))
        case "array":
            kind = ArrayStructure.from_json(structure)
            content = b""  # an array without elements cannot be downloaded
            if 0 not in kind.shape:
                content = download(links["full"], "application/octet-stream").content
            data = np.frombuffer(content, kind.data_type.to_numpy_dtype())
            return {"dims": kind.dims, "values": plain(data.reshape(kind.shape))}
    return plain(download(links["full"], "application/json").json())


def _named(source: Mapping[str, Any]) -> dict[str, Any]:
    """A data source without the catalog's own numbers."""
    assets = [{**asset, "id": None} for asset in source["assets"]]
    return {**source, "id": None, "assets": assets}
