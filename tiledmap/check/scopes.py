"""Which names an expression can use, by the section of the mapping that it stands in."""

from collections.abc import Mapping
from typing import Any

from tiledmap.documents.fields import data_key_type, document_type
from tiledmap.documents.types import (
    ANY,
    BOOLEAN,
    INTEGER,
    NUMBER,
    TEXT,
    Field,
    Type,
    type_of_schema,
)
from tiledmap.language import nodes

_START = ("start", "settings")
_STREAM = (*_START, "descriptor")
_DATA = (*_STREAM, "data_key")

SCOPES: Mapping[str, tuple[str, ...]] = {
    "constants": (),
    "settings": ("settings",),
    "run": _START,
    "run stop": (*_START, "stop"),
    "streams": _STREAM,
    "data": _DATA,
    "columns": (*_STREAM, "event"),
    "key columns": (*_DATA, "event", "value", "timestamp"),
    "roots": _START,
    "resources": (*_START, "resource"),
    "datums": (*_START, "resource", "datum"),
    "assets": (*_START, "stream_resource"),
}
"""The names in scope, by section."""

WHERE: Mapping[str, str] = {
    "start": "everywhere but in settings and 'max_columns'",
    "settings": "everywhere but in settings",
    "stop": "under run: metadata: stop, and in repairs of stop",
    "descriptor": "under streams, and in repairs of descriptor and data_keys",
    "data_key": "under streams: data, in columns with 'keys', and in repairs of data_keys",
    "event": "in columns",
    "value": "in the 'from' of columns with 'keys'",
    "timestamp": "in the 'from' of columns with 'keys'",
    "resource": "in repairs of resources and datums",
    "index": "in the 'template' of 'parameters', where it is the number of a file",
    "datum": "in repairs of datums",
    "stream_resource": "under assets",
}
"""Where each name is in scope, in words for messages."""

_SETTING_TYPES = {
    nodes.ScalarType.STRING: TEXT,
    nodes.ScalarType.INTEGER: INTEGER,
    nodes.ScalarType.NUMBER: NUMBER,
    nodes.ScalarType.BOOLEAN: BOOLEAN,
}


def types_of_names(mapping: nodes.Mapping) -> dict[str, Type]:
    """Return the type of every name that is in scope somewhere in the mapping."""
    source = mapping.source or nodes.Source()
    documents = {
        name: document_type(name, _additions(getattr(source, name)))
        for name in ("start", "descriptor", "stop")
    }
    settings = {
        name: Field(_SETTING_TYPES.get(setting.type, ANY) if setting.type else ANY, True)
        for name, setting in mapping.settings.items()
    }
    return {
        **documents,
        **{name: document_type(name) for name in ("event", "resource", "datum", "stream_resource")},
        "data_key": data_key_type(documents["descriptor"]),
        "settings": Type(frozenset({"object"}), properties=settings),
        "index": INTEGER,
        "value": ANY,
        "timestamp": NUMBER,
    }


def with_kwargs(document: Type, field: str, kwargs: Mapping[str, Any], checked: bool) -> Type:
    """Return a document's type with its kwargs as a repair declares them.

    Before a repair is known to apply, its kwargs may be absent; after that they have been checked.
    """
    if not kwargs:
        return document
    required = required_kwargs(kwargs) if checked else []
    declared = type_of_schema({"properties": kwargs, "required": required})
    fields = {
        name: Field(each.type, each.required, each.description, "kwargs")
        for name, each in declared.properties.items()
    }
    known = document.properties[field]
    narrowed = Field(
        Type(frozenset({"object"}), properties=fields), known.required, known.description
    )
    return Type(document.kinds, properties={**document.properties, field: narrowed})


def required_kwargs(kwargs: Mapping[str, Any]) -> list[str]:
    """Return the kwargs that a repair needs: those that it does not declare as perhaps null."""
    types = {name: type_of_schema(schema) for name, schema in kwargs.items()}
    return [name for name, type in types.items() if not (type.known and type.nullable)]


def _additions(additions: nodes.DocumentAdditions | None) -> dict[str, Any] | None:
    if additions is None:
        return None
    return {"properties": additions.properties, "required": additions.required}
