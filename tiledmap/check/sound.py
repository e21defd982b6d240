"""Sound: everything that a mapping names exists, and fits where it goes."""

import datetime
import importlib
import importlib.metadata
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from tiledmap.check.scopes import WHERE
from tiledmap.check.storable import CONSOLIDATORS
from tiledmap.check.subject import Subject
from tiledmap.check.typing import no_such_field
from tiledmap.check.usage import Copied, Usage
from tiledmap.documents.fields import document_type
from tiledmap.documents.types import JSON_TYPES, Type, type_of_schema
from tiledmap.language import nodes
from tiledmap.language.scalars import Free, Text
from tiledmap.problems import Problem, Span
from tiledmap.problems.nearest import did_you_mean


def check_sound(subject: Subject) -> Iterator[Problem]:
    """Yield what a mapping names that does not exist or does not fit."""
    mapping = subject.mapping
    usage = Usage(mapping)
    yield from _declarations(mapping)
    yield from usage.problems()
    for copied in usage.copies():
        yield from _copy(copied)
    for stream in mapping.streams:
        if stream.events is not None:
            yield from _left_out(stream.events, "without", "event", document_type("event"))
    yield from _references(mapping)
    yield from _dtypes(mapping)
    yield from _dates(mapping, subject.today)


# ---------------------------------------------------------------- declarations


def _declarations(mapping: nodes.Mapping) -> Iterator[Problem]:
    """Check what the mapping declares of documents, against event-model and in itself."""
    source = mapping.source or nodes.Source()
    for document in ("start", "descriptor", "stop"):
        additions: nodes.DocumentAdditions | None = getattr(source, document)
        if additions is not None:
            yield from _schemas(additions, "properties", additions.properties)
            yield from _against_event_model(document, additions)
    if mapping.repair is not None:
        for resource in mapping.repair.resources:
            yield from _schemas(resource, "kwargs", resource.kwargs)
        for datum in mapping.repair.datums:
            yield from _schemas(datum, "kwargs", datum.kwargs)


def _against_event_model(document: str, additions: nodes.DocumentAdditions) -> Iterator[Problem]:
    known = document_type(document)
    for name, schema in additions.properties.items():
        there = known.properties.get(name)
        if there is not None and not type_of_schema(schema).fits(there.type):
            yield Problem(
                "TM027",
                _inner(additions, "properties", name),
                f"event-model says that '{name}' of {document} is {there.type},"
                f" not {type_of_schema(schema)}",
            )
    fields = {**known.properties, **additions.properties}
    for name in additions.required:
        if name not in fields:
            message = f"'{name}' is required, but neither event-model nor 'properties' has it"
            near = did_you_mean(name, fields)
            hint = f"declare it: properties: {name}: {{type: string}}"
            yield Problem("TM201", additions.at("required"), message, near, hint)


def _schemas(node: nodes.Node, field: str, schemas: dict[str, Any]) -> Iterator[Problem]:
    """Find what is not a JSON schema."""
    for name, schema in schemas.items():
        if not isinstance(schema, dict):
            message = f"'{name}' is declared by a JSON schema, such as {{type: string}}"
            yield Problem("TM010", _inner(node, field, name), message)
            continue
        unknown = [
            word
            for word in _types_in(schema)
            if not isinstance(word, str) or word not in JSON_TYPES
        ]
        for word in unknown:
            message = f"{word!r} is not a type of JSON Schema"
            hint = f"types: {', '.join(JSON_TYPES)}"
            near = did_you_mean(str(word), JSON_TYPES)
            yield Problem("TM010", _inner(node, field, name), message, near, hint)
        if not unknown and not _is_plain(schema):
            yield from _not_a_schema(name, schema, _inner(node, field, name))


_PLAIN: dict[str, Callable[[Any], bool]] = {
    "type": lambda value: (
        isinstance(value, str) or (isinstance(value, list) and 0 < len(value) == len(set(value)))
    ),
    "description": lambda value: isinstance(value, str),
    "items": lambda value: _is_plain(value),
    "properties": lambda value: isinstance(value, dict) and all(map(_is_plain, value.values())),
    "required": lambda value: (
        isinstance(value, list)
        and all(isinstance(field, str) for field in value)
        and len(value) == len(set(value))
    ),
}


def _is_plain(schema: Any) -> bool:
    """Whether a schema has only the commonest keywords, rightly used."""
    return isinstance(schema, dict) and all(
        word in _PLAIN and _PLAIN[word](value) for word, value in schema.items()
    )


def _not_a_schema(name: str, schema: Any, span: Span) -> Iterator[Problem]:
    # Here, because it takes long to import and hardly any mapping needs it.
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = "".join(f" in '{step}'" for step in error.absolute_path if isinstance(step, str))
        yield Problem("TM010", span, f"'{name}' is not a JSON schema: {error.message}{where}")


def _types_in(schema: Any) -> Iterator[Any]:
    """Yield every type that a schema names, at any depth."""
    if not isinstance(schema, dict):
        return
    said = schema.get("type", [])
    yield from said if isinstance(said, list) else [said]
    properties = schema.get("properties")
    inner = list(properties.values()) if isinstance(properties, dict) else []
    inner += [schema.get("items"), schema.get("additionalProperties")]
    for word in ("anyOf", "allOf", "oneOf"):
        choices = schema.get(word)
        inner += choices if isinstance(choices, list) else []
    for part in inner:
        yield from _types_in(part)


# ---------------------------------------------------------------- copies


def _copy(copied: Copied) -> Iterator[Problem]:
    metadata = copied.metadata
    assert metadata.copy_ is not None
    name = metadata.copy_.value
    if copied.type is None:
        there = ", ".join(sorted(copied.scope))
        hint = f"'{name}' is there {WHERE[name]}" if name in WHERE else ""
        message = f"no '{name}' here; in scope: {there}"
        yield Problem("TM200", metadata.at("copy"), message, hint=hint)
        return
    for field in ("without", "only"):
        yield from _left_out(metadata, field, name, copied.type)


def _left_out(node: nodes.Node, field: str, document: str, type: Type) -> Iterator[Problem]:
    """Find fields that are left out, or kept, but do not exist."""
    if type.open is not None:
        return
    for name in getattr(node, field):
        if name not in type.properties:
            message, near, hint = no_such_field(document, name, type)
            yield Problem("TM209", _inner_key(node, field, name), message, near, hint)


# ---------------------------------------------------------------- things to import


def _references(mapping: nodes.Mapping) -> Iterator[Problem]:
    """Check that hooks and consolidators can be imported and called."""
    for hook in mapping.hooks.values():
        if hook.function is not None:
            yield from _reference(hook.function, hook.at("function"), _wrong_as_hook)
    for rule in mapping.assets:
        if rule.consolidator is not None:
            span = rule.at("consolidator")
            reference = _reference_of_consolidator(rule.consolidator)
            if reference:
                yield from _reference(reference, span, _wrong_as_consolidator)


def _reference_of_consolidator(name: str) -> str:
    """Where a facility's own consolidator is, by its name or written out; empty for all others."""
    if ":" in name:
        return name
    if name in CONSOLIDATORS:
        return ""
    plugged = importlib.metadata.entry_points(group="tiledmap.consolidators", name=name)
    return next((entry.value for entry in plugged), "")


def _reference(reference: str, span: Span, wrong: Callable[[Any], str]) -> Iterator[Problem]:
    module, _, name = reference.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for step in name.split("."):
            found = getattr(found, step)
    except ModuleNotFoundError as error:
        hint = "is its package installed here?" if error.name in _parents(module) else str(error)
        yield Problem("TM211", span, f"the module '{module}' cannot be found", hint=hint)
    except AttributeError:
        near = did_you_mean(name, dir(found))
        yield Problem("TM211", span, f"'{module}' has no '{name}'", near)
    except Exception as error:  # a facility's module can fail in any way
        message = f"'{module}' cannot be imported: {type(error).__name__}: {error}"
        yield Problem("TM211", span, message)
    else:
        message = wrong(found)
        if message:
            yield Problem("TM212", span, f"'{reference}' {message}")


def _parents(module: str) -> set[str]:
    steps = module.split(".")
    return {".".join(steps[: count + 1]) for count in range(len(steps))}


def _wrong_as_hook(found: Any) -> str:
    if not callable(found) or inspect.isclass(found):
        return "is not a function"
    return "" if _takes(found, 1) else "does not take one argument, the document"


def _wrong_as_consolidator(found: Any) -> str:
    # Here, because it loads Arrow; whoever has a class of this kind has loaded it already.
    from tiledmap.runtime.consolidators.base import Consolidator

    if inspect.isclass(found) and issubclass(found, Consolidator):
        return ""
    return "is not a class derived from tiledmap.runtime.consolidators.Consolidator"


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Say whether a function can be called with so many arguments by position."""
    try:
        inspect.signature(function).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return True


# ---------------------------------------------------------------- dtypes and dates


def _dtypes(mapping: nodes.Mapping) -> Iterator[Problem]:
    """Check every dtype that the mapping writes out.

    But for those that repairs match: a name that numpy does not know is what they are there for.
    """
    for match in _matches(mapping):
        for text in match.dtype_numpy.texts if match.dtype_numpy else ():
            if not _GLOB.search(text) and text not in {"present", "absent"}:
                yield from _dtype(text, match.dtype_numpy.span if match.dtype_numpy else match.at())
    for stream in mapping.streams:
        for coordinate in stream.coordinates:
            if coordinate.type is not None:
                yield from _dtype(coordinate.type, coordinate.at("type"))
    for repair in mapping.repair.data_keys if mapping.repair else ():
        if repair.dtype is not None:
            yield from _dtype(repair.dtype, repair.at("dtype"))
        match repair.set.get("dtype_numpy"):
            case Free(value=Text(literal=str() as text), span=span):
                yield from _dtype(text, span)


def _matches(mapping: nodes.Mapping) -> Iterator[nodes.DataKeyMatch]:
    rules: list[nodes.DataKeyMatch | None] = []
    for stream in mapping.streams:
        rules += [rule.match for rule in stream.data]
        for table in stream.tables:
            columns = table.columns.items if table.columns else None
            rules += [column.keys for column in columns or ()]
    return (match for match in rules if match is not None)


_GLOB = re.compile(r"[*?\[]")
_WIDTHS = {"int": (8, 16, 32, 64), "uint": (8, 16, 32, 64), "float": (16, 32, 64)}
_COMMON_DTYPES = frozenset(
    {"bool", "|b1", "|i1", "|u1"}
    | {f"{kind}{width}" for kind, widths in _WIDTHS.items() for width in widths}
    | {f"<{kind[0]}{width // 8}" for kind, widths in _WIDTHS.items() for width in widths[1:]}
    | {"<f2"}
)


def _dtype(text: str, span: Span) -> Iterator[Problem]:
    if text in _COMMON_DTYPES:
        return
    import numpy as np  # only for what is not common: it takes longer than the rest of the checks

    try:
        np.dtype(text)
    except (TypeError, ValueError):
        message = f"numpy knows no dtype '{text}'"
        near = did_you_mean(text, sorted(_COMMON_DTYPES))
        hint = "such as int32, float64, '<i4', '<U16'"
        yield Problem("TM213", span, message, near, hint)


def _dates(mapping: nodes.Mapping, today: datetime.date) -> Iterator[Problem]:
    """Find repairs that no longer apply."""
    repair = mapping.repair or nodes.Repairs()
    rules: list[nodes.RootRepair | nodes.Repair] = [*repair.roots, *repair.resources]
    rules += [*repair.datums, *repair.data_keys, *repair.start, *repair.descriptor, *repair.stop]
    for rule in rules:
        if rule.until is not None and rule.until < today:
            message = f"'{rule.name}' applies to no run after {rule.until}, which has passed"
            hint = "remove it, unless older runs are still to be written"
            yield Problem("TM214", rule.at("until"), message, hint=hint)


# ---------------------------------------------------------------- places


def _inner(node: nodes.Node, field: str, key: str) -> Span:
    """Find where the value of a key inside a field stands, or else the field."""
    span = node.at(f"{field}.{key}")
    return span if span != node.at() else node.at(field)


def _inner_key(node: nodes.Node, field: str, key: str) -> Span:
    """Find where a key inside a field stands, or else the field."""
    span = node.key_at(f"{field}.{key}")
    return span if span != node.at() else node.at(field)
