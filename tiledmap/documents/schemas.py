"""The JSON schemas of the installed event-model.

They are read from its files: importing event-model takes longer than checking a mapping.
"""

import importlib.metadata
import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

SCHEMA_FILES: dict[str, str] = {
    "start": "run_start",
    "stop": "run_stop",
    "descriptor": "event_descriptor",
    "event": "event",
    "event_page": "event_page",
    "bulk_events": "bulk_events",
    "resource": "resource",
    "datum": "datum",
    "datum_page": "datum_page",
    "bulk_datum": "bulk_datum",
    "stream_resource": "stream_resource",
    "stream_datum": "stream_datum",
}
"""Every type of document, by its name, and the stem of its schema's file."""


def event_model_version() -> str:
    """Return the version of the installed event-model."""
    return importlib.metadata.version("event-model")


@cache
def document_schema(name: str) -> dict[str, Any]:
    """Read the JSON schema of a document type. Read only: it is shared."""
    path = _schemas() / f"{SCHEMA_FILES[name]}.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


@cache
def _schemas() -> Path:
    found = importlib.util.find_spec("event_model")
    places = found.submodule_search_locations if found else None
    if not places:
        raise ModuleNotFoundError("event-model is not installed", name="event_model")
    return Path(next(iter(places)), "schemas")
