"""What Tiled keeps as it was: JSON data, within limits."""

from typing import Any

from tiledmap.runtime.errors import SinkError
from tiledmap.runtime.exact import storable_text
from tiledmap.runtime.ops import Op

DEEPEST_METADATA = 400


def check_metadata(op: Op, metadata: Any, depth: int = 0) -> None:
    """Refuse what is not JSON data that Tiled gives back as it was."""
    match metadata:
        case None | bool():
            return
        case str():
            storable = storable_text(metadata)
        case int():
            storable = -(2**63) <= metadata < 2**64
        case float():
            storable = abs(metadata) < 2.0**64
        case dict() if depth <= DEEPEST_METADATA:
            for key, value in metadata.items():
                check_metadata(op, key, depth + 1)
                check_metadata(op, value, depth + 1)
            return
        case list() | tuple() if depth <= DEEPEST_METADATA:
            for value in metadata:
                check_metadata(op, value, depth + 1)
            return
        case _:
            storable = False
    if not storable:
        raise SinkError(f"its metadata holds {metadata!r:.80}, which Tiled does not keep", op)
