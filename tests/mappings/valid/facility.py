"""What `everything.yaml` loads: a hook and a consolidator, as a facility would write them."""

from typing import Any


def decode_names(document: dict[str, Any]) -> dict[str, Any]:
    """Rewrite a start document."""
    return {**document, "decoded": True}
