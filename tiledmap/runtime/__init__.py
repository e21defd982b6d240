"""All that a generated writer imports: layouts, the callback that follows them, and ops.

Nothing of the compiler is here, and Tiled is loaded only where a Tiled client is written to.
"""

from importlib import import_module
from typing import Any

from tiledmap.runtime.consolidators import find_consolidator
from tiledmap.runtime.delivery import Sink
from tiledmap.runtime.documents import declared
from tiledmap.runtime.errors import WriteError
from tiledmap.runtime.functions import (
    AbsentField,
    basename,
    default,
    first,
    isoformat,
    matches,
    optional,
    pad,
    replace,
    required,
    slug,
    take,
)
from tiledmap.runtime.layout import (
    AssetRule,
    Column,
    Computed,
    Coordinate,
    DataKeyRepair,
    DatumRepair,
    DocumentRepair,
    Dropped,
    EventField,
    Hook,
    KeyColumn,
    Layout,
    Refused,
    Repairs,
    ResourceRepair,
    RootRepair,
    Run,
    Sidecar,
    Stored,
    Stream,
    Table,
    Timestamp,
    Value,
)
from tiledmap.runtime.ops import Spec
from tiledmap.runtime.rules import (
    change,
    like,
    load_facility_function,
    load_function,
    only,
    parse_spec,
    reshape,
    same_text,
    shaped,
    without,
)
from tiledmap.runtime.writer import Writer

API_VERSION = 1

__all__ = [
    "API_VERSION",
    "EXPORTED",
    "AbsentField",
    "AssetRule",
    "Column",
    "Computed",
    "Coordinate",
    "DataKeyRepair",
    "DatumRepair",
    "DocumentRepair",
    "Dropped",
    "EventField",
    "Hook",
    "KeyColumn",
    "Layout",
    "Refused",
    "Repairs",
    "ResourceRepair",
    "RootRepair",
    "Run",
    "Sidecar",
    "Spec",
    "Stored",
    "Stream",
    "Table",
    "Timestamp",
    "Value",
    "WriteError",
    "Writer",
    "basename",
    "change",
    "declared",
    "default",
    "find_consolidator",
    "first",
    "isoformat",
    "like",
    "load_facility_function",
    "load_function",
    "matches",
    "only",
    "open_writer",
    "optional",
    "pad",
    "parse_spec",
    "replace",
    "require_api",
    "required",
    "reshape",
    "same_text",
    "shaped",
    "slug",
    "take",
    "without",
]

_PATIENCE_IN_BACKGROUND = 2.0

EXPORTED = tuple(name for name in __all__ if name not in ("API_VERSION", "EXPORTED"))
"""The names that generated code may import."""


def require_api(version: int) -> None:
    """Refuse a generated module that was made for another version of this package.

    Raises
    ------
    ImportError
        If `version` is not `API_VERSION`.
    """
    if version != API_VERSION:
        raise ImportError(
            f"this writer was compiled for version {version} of tiledmap's run-time interface, "
            f"which is {API_VERSION} here: compile its mapping again"
        )


def open_writer(
    layout: Layout, client: Any, *, api_key: str | None = None, **options: Any
) -> Writer:
    """Make the callback that stores runs as `layout` says.

    Parameters
    ----------
    layout
        The compiled mapping.
    client
        A Tiled client for a container, the address of one on a server, or a sink. A server that is
        away when the writer is made is waited for, unless `delivery` is ``inline``.
    api_key
        For an address; that in ``TILED_API_KEY`` if None.
    options
        As for `Writer`.

    Raises
    ------
    tiledmap.sinks.server.UnreachableError
        If the address leads to no container of a Tiled server that the key opens.
    """
    in_background = options.get("delivery", "background") == "background"
    return Writer(layout, _sink_for(client, api_key, in_background), **options)


def _sink_for(client: Any, api_key: str | None, in_background: bool) -> Sink:
    # In the background the writer itself waits for the server, and can be told to end.
    options: dict[str, Any] = {"patience": _PATIENCE_IN_BACKGROUND} if in_background else {}
    # The one step upward among our packages: a generated module must be able to write into Tiled,
    # and one that writes elsewhere must not load it.
    if isinstance(client, str):
        make_sink = import_module("tiledmap.sinks.distant").DistantSink
        sink: Sink = make_sink(client, api_key=api_key, may_be_away=in_background, **options)
        return sink
    if api_key is not None:
        raise TypeError("api_key is for the address of a server: a client or a sink has its own")
    if hasattr(client, "perform"):
        sink = client
        return sink
    if not hasattr(client, "context"):
        raise TypeError(
            f"{client!r:.80} is no Tiled client, no address of a server and no sink; for a catalog "
            "in a directory: tiledmap.sinks.embedded.open_catalog(…).client"
        )
    sink = import_module("tiledmap.sinks.tiled").TiledSink(client, **options)
    return sink
