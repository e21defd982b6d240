"""The published JSON schema of the mapping language, for editors.

It is pydantic's own, put simply: one JSON type for each field wherever one will do, since an editor
that meets ``anyOf`` can neither complete nor say what is wrong.
"""

from enum import StrEnum
from typing import Any

from tiledmap.language.nodes import (
    LANGUAGE_VERSION,
    ColumnType,
    CopiedDocument,
    HookedDocument,
    Join,
    Mapping,
    Node,
    OnCollision,
    Profile,
    ScalarType,
    Store,
    StructureFrom,
    Unfinished,
    Unmapped,
    Untagged,
)

NAME = f"mapping-v{LANGUAGE_VERSION}"
"""The schema's name among the published ones."""

WORDS: dict[type[StrEnum], dict[str, str]] = {
    ScalarType: {
        "string": "Text.",
        "integer": "A whole number.",
        "number": "A number.",
        "boolean": "true or false.",
    },
    ColumnType: {
        "bool": "Truth values.",
        "int8": "Whole numbers of 8 bits.",
        "int16": "Whole numbers of 16 bits.",
        "int32": "Whole numbers of 32 bits.",
        "int64": "Whole numbers of 64 bits.",
        "uint8": "Whole numbers of 8 bits, none negative.",
        "uint16": "Whole numbers of 16 bits, none negative.",
        "uint32": "Whole numbers of 32 bits, none negative.",
        "uint64": "Whole numbers of 64 bits, none negative.",
        "float32": "Floating-point numbers of 32 bits.",
        "float64": "Floating-point numbers of 64 bits.",
        "string": "Text.",
    },
    Store: {
        "table": "As columns of a table.",
        "array": "As an array node that grows.",
        "ragged": "As lists whose lengths may differ.",
        "files": "As files, registered where they lie.",
    },
    Join: {"stack": "Each adds to a new first dimension.", "concat": "Along the first dimension."},
    OnCollision: {
        "resume": "Go on writing into the node.",
        "suffix_uid": "Write another node, with the run's uid after the key.",
        "refuse": "Do not store the run.",
    },
    Untagged: {"store": "Store it without access tags.", "refuse": "Do not store it."},
    Unfinished: {
        "leave": "It stays as far as it came, without a stop document.",
        "close": "It gets a stop document that tiledmap makes up, and that says so.",
    },
    StructureFrom: {
        "documents": "What the data key says, with what joining the files makes of it.",
        "file": "The file itself, read where the writer runs.",
    },
    Profile: {
        "bluesky-v3": "The clients of bluesky-tiled-plugins.",
        "free": "Nobody's in particular; any layout will do.",
    },
    CopiedDocument: {
        "start": "The run start document.",
        "stop": "The run stop document.",
        "descriptor": "The event descriptor.",
        "data_key": "The data key.",
        "data_keys": "The data keys of the node's columns, by name.",
    },
    Unmapped: {"pass": "Leave the path as it is.", "error": "Report it."},
    HookedDocument: {
        "start": "Run start documents.",
        "descriptor": "Event descriptors.",
        "event": "Events.",
        "event_page": "Event pages.",
        "resource": "Resource documents.",
        "datum": "Datum documents.",
        "stream_resource": "Stream resources.",
        "stream_datum": "Stream datums.",
        "stop": "Run stop documents.",
    },
}
"""What each word of an enumeration means."""


def mapping_schema() -> dict[str, Any]:
    """Make the JSON schema of a mapping file."""
    return schema_of(Mapping, NAME, f"tiledmap mapping, version {LANGUAGE_VERSION}", WORDS)


def schema_of(
    statement: type[Node],
    name: str,
    title: str,
    words: dict[type[StrEnum], dict[str, str]],
) -> dict[str, Any]:
    """Make the JSON schema of a file that is a statement.

    Parameters
    ----------
    name
        The schema's name among the published ones.
    words
        What each word of its enumerations means.
    """
    schema = statement.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs")
    lists = {name: item for name, item in definitions.items() if name.startswith("Items_")}
    kept = {
        name: _definition(item, lists)
        for name, item in sorted(definitions.items())
        if name not in lists
    }
    for enum, meanings in words.items():
        definition = kept[enum.__name__]
        definition["enumDescriptions"] = [meanings[word] for word in definition["enum"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:tiledmap:schema:{name}",
        "title": title,
        **_definition(schema, lists),
        "$defs": kept,
    }


def _definition(schema: dict[str, Any], lists: dict[str, Any]) -> dict[str, Any]:
    """Simplify the schema of a statement or an enumeration."""
    plain = {key: value for key, value in schema.items() if key != "title"}
    plain["description"] = _words(schema["description"])
    if "properties" not in schema:
        return plain
    properties = dict(schema["properties"])
    if inlined := properties.pop("entries", None):
        plain["additionalProperties"] = {"description": inlined["description"]}
    plain["properties"] = {key: _field(value, lists) for key, value in properties.items()}
    return plain


def _field(schema: dict[str, Any], lists: dict[str, Any]) -> dict[str, Any]:
    """Simplify the schema of a field: one type, no null, no title."""
    plain = {key: value for key, value in schema.items() if key not in ("title", "default")}
    for alternative in plain.pop("anyOf", []):
        if alternative != {"type": "null"}:
            plain |= alternative
    name = plain.get("$ref", "").rpartition("/")[2]
    if name in lists:
        del plain["$ref"]
        plain |= _list_or_additions(lists[name])
    if "patternProperties" in plain:
        plain["additionalProperties"] = False
    plain["description"] = _words(schema["description"])
    return plain


def _list_or_additions(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema["properties"]
    return {
        "type": ["array", "object"],
        "items": properties["prepend"]["items"],
        "properties": {key: _field(properties[key], {}) for key in ("prepend", "append")},
        "additionalProperties": False,
    }


def _words(text: str) -> str:
    return " ".join(text.replace("``", "`").split())
