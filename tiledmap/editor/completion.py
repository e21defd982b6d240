"""What may come next at a place, with what it means."""

import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tiledmap.check.scopes import types_of_names
from tiledmap.check.storable import CONSOLIDATORS
from tiledmap.documents.fields import field_at
from tiledmap.documents.types import JSON_TYPES, Type
from tiledmap.editor import explaining
from tiledmap.editor.cursor import Cursor, cursor_while_typing
from tiledmap.editor.expressions import expression_around, scope_at, unfinished_at
from tiledmap.editor.hover import holder_type
from tiledmap.editor.rules import inherited_rules, nameable_rules, rules_beside
from tiledmap.editor.workspace import Document, form_of
from tiledmap.language import nodes
from tiledmap.language.functions import (
    FUNCTIONS,
    Function,
    facility_function_names,
    function_named,
)
from tiledmap.language.load import read_mapping
from tiledmap.language.shapes import Kind, fields_of
from tiledmap.language.yaml_source import MappingNode, SequenceNode
from tiledmap.problems import CODES
from tiledmap.resources import shipped_mappings

_HOLE = "${{ "


@dataclass(frozen=True, slots=True)
class Completion:
    """Something that may come next.

    Parameters
    ----------
    kind
        ``keyword``, ``word``, ``field``, ``function``, ``name``, ``setting``, ``rule`` or
        ``mapping``.
    text
        What to write in the place of the `typed` characters before the cursor.
    """

    label: str
    kind: str
    text: str
    typed: int
    detail: str = ""
    documentation: str = ""


def completions(document: Document, index: int) -> Iterator[Completion]:
    """Yield what may be written at a place, the likeliest first."""
    cursor = cursor_while_typing(document.text, index, document.form)
    if cursor is None:
        return
    if expression_around(cursor) is not None:
        yield from _in_expression(cursor, document)
    elif cursor.on_key and (cursor.shape.item is None or cursor.shape.kind is Kind.TABLE):
        ends = document.text[index:].lstrip(" ").startswith(":")
        yield from _keys(cursor, document, "" if ends else ":")
    elif cursor.on_key:
        yield from _items(cursor)
    else:
        yield from _values(cursor, document)


# ---------------------------------------------------------------- keys


def _keys(cursor: Cursor, document: Document, colon: str) -> Iterator[Completion]:
    level, typed = cursor.level, len(cursor.before)
    entries = cursor.holder.entries if isinstance(cursor.holder, MappingNode) else ()
    given = {entry.key.value for entry in entries} - {cursor.text}
    if cursor.shape.kind is Kind.TABLE or level.node is not cursor.holder:
        yield from _table_keys(cursor, document, colon, given)
        return
    for field in fields_of(level.cls).values():
        if field.key not in given:
            space = " " if field.shape.item is None and field.shape.kind is not Kind.NODE else ""
            yield Completion(
                field.key,
                "keyword",
                f"{field.key}{colon}{space if colon else ''}",
                typed,
                explaining.in_words(field.shape),
                explaining.of_keyword(level.cls, field),
            )


def _table_keys(
    cursor: Cursor, document: Document, colon: str, given: set[str]
) -> Iterator[Completion]:
    """Offer the keys of a table that are known: inherited settings, fields of a document."""
    field = cursor.level.field
    typed = len(cursor.before)
    if field is not None and field.name == "settings" and document.base is not None:
        for name, setting in document.base.settings.items():
            if name not in given:
                detail = setting.type.value if setting.type is not None else ""
                words = explaining.of_setting(name, document)
                yield Completion(name, "setting", f"{name}{colon}", typed, detail, words)
    declares = cursor.level.cls is nodes.DocumentAdditions  # which is for other fields
    held = holder_type(cursor, document) if not declares else None
    for name, each in held.properties.items() if held is not None else ():
        if name not in given:
            detail = f"{each.type}, {explaining.presence(each)}"
            text = f"{name}{colon}{' ' if colon else ''}"
            words = explaining.of_field(name, each)
            yield Completion(name, "field", text, typed, detail, words)


def _items(cursor: Cursor) -> Iterator[Completion]:
    """Offer to begin an item where a list is expected."""
    item = cursor.shape.item
    cls: type[nodes.Node] | None = item.cls if item and item.kind is Kind.NODE else None
    if cls is None:
        return
    first = next((field for field in fields_of(cls).values() if field.required), None)
    if first is not None:
        text = f"- {first.key}: "
        documentation = explaining.of_keyword(cls, first)
        yield Completion(text.strip(), "keyword", text, len(cursor.before), "", documentation)


# ---------------------------------------------------------------- values


def _values(cursor: Cursor, document: Document) -> Iterator[Completion]:
    level, shape, typed = cursor.level, cursor.shape, len(cursor.before)
    field = level.field.name if level.field is not None else ""
    if shape.kind in (Kind.ENUM, Kind.LITERAL):
        for word in map(str, shape.choices):
            if shape.cls is not nodes.CopiedDocument or _can_be_copied(word, cursor, document):
                meaning = explaining.word_meaning(shape, word)
                yield Completion(word, "word", word, typed, meaning, meaning)
    elif shape.kind is Kind.BOOLEAN:
        yield from (Completion(word, "word", word, typed) for word in ("true", "false"))
    elif field in ("extends", "mapping"):
        yield from _mappings(document, typed)
    elif field == "expect_problem":
        for code in CODES.values():
            yield Completion(code.id, "word", code.id, typed, code.title)
    elif field == "name" and issubclass(level.cls, nodes.Rule):
        yield from _rule_names(cursor, document)
    elif field == "consolidator":
        for name in (*CONSOLIDATORS, *_plugged()):
            yield Completion(name, "word", name, typed, "consolidator")
    elif shape.kind is Kind.PATTERNS:
        yield from (
            Completion(word, "word", word, typed) for word in _pattern_words(cursor, document)
        )
    elif shape.kind is Kind.JSON and cursor.keys[-1] == "type":
        yield from (Completion(word, "word", word, typed, "JSON Schema") for word in JSON_TYPES)
    elif level.cls is nodes.DocumentAdditions and field == "required":
        held = types_of_names(document.mapping).get(str(level.key))
        yield from _fields(held, typed, "") if held is not None else ()
    elif level.cls is nodes.DataKeyRepair and field == "dtype":
        yield from (
            Completion(word, "word", word, typed, "numpy's dtype")
            for word in map(str, nodes.ColumnType)
            if word != nodes.ColumnType.STRING
        )
    else:
        for name, rule in nameable_rules(cursor, document).items():
            words = explaining.of_rule(name, rule, document)
            yield Completion(name, "rule", name, typed, rule.at("name").file, words)
    if shape.kind in (Kind.TEXT, Kind.FREE, Kind.ENTRY) and not cursor.before:
        documentation = "A hole in a text: an expression, whose value is put here."
        yield Completion("${{ }}", "keyword", _HOLE, typed, "expression", documentation)


def _can_be_copied(word: str, cursor: Cursor, document: Document) -> bool:
    scope = scope_at(cursor, document.mapping)
    return ("descriptor" if word == "data_keys" else word) in scope


def _mappings(document: Document, typed: int) -> Iterator[Completion]:
    """Offer what can be stood on: the shipped mappings, and the files beside this one."""
    for name, path in shipped_mappings().items():
        version, title = _shipped_header(path)
        text = f"{name}@^{version.partition('.')[0]}" if document.is_mapping else name
        yield Completion(name, "mapping", text, typed, f"shipped, {version}", title)
    here = Path(document.file)
    for path in sorted(here.parent.glob("*.y*ml")):
        if path.name != here.name and _says_mapping(path):
            version, title = _header(path)
            yield Completion(f"./{path.name}", "mapping", f"./{path.name}", typed, version, title)


@cache
def _shipped_header(path: Path) -> tuple[str, str]:
    return _header(path)


def _header(path: Path) -> tuple[str, str]:
    mapping = read_mapping(path, path.name).mapping
    return (mapping.version, mapping.title or "") if mapping is not None else ("", "")


def _says_mapping(path: Path) -> bool:
    try:
        return form_of(path.read_text("utf-8", errors="replace")) is nodes.Mapping
    except OSError:
        return False


def _rule_names(cursor: Cursor, document: Document) -> Iterator[Completion]:
    """Offer the inherited rules that are not changed yet."""
    own = rules_beside(cursor.levels, document.mapping)
    here = {name for name, rule in own.items() if rule.at("name").file == document.file}
    for name, rule in inherited_rules(cursor, document).items():
        if name not in here or name == cursor.text:
            words = explaining.of_inherited(rule, document)
            detail = f"inherited, {rule.at('name').file}"
            yield Completion(name, "rule", name, len(cursor.before), detail, words)


@cache
def _plugged() -> tuple[str, ...]:
    entries = importlib.metadata.entry_points(group="tiledmap.consolidators")
    return tuple(entry.name for entry in entries)


_PATTERN_WORDS = {
    "dtype": ("string", "number", "array", "boolean", "integer"),
    "shape": ("ragged", "scalar", "fixed"),
    "external": ("present", "absent"),
    "stored": tuple(map(str, nodes.Store)),
}


def _pattern_words(cursor: Cursor, document: Document) -> tuple[str, ...]:
    """Return what a field of `match` is known to be."""
    name = cursor.level.field.name if cursor.level.field is not None else ""
    words = _PATTERN_WORDS.get(name)
    if words is not None:
        alone = isinstance(cursor.holder, SequenceNode) and name in ("shape", "external")
        return () if alone else words
    repairs = (document.mapping.repair or nodes.Repairs()).resources
    if name == "spec":
        specs = [rule.match.spec.texts for rule in repairs if rule.match and rule.match.spec]
        return tuple(dict.fromkeys(spec for texts in specs for spec in texts))
    if name == "mimetype":
        assets = [each.match.mimetype for each in document.mapping.assets if each.match]
        known = [text for patterns in assets if patterns for text in patterns.texts]
        known += [rule.mimetype for rule in repairs if rule.mimetype]
        return tuple(dict.fromkeys(known))
    return ()


# ---------------------------------------------------------------- expressions


def _in_expression(cursor: Cursor, document: Document) -> Iterator[Completion]:
    found = unfinished_at(cursor)
    if found is None:
        return
    root, steps, word = found
    scope = scope_at(cursor, document.mapping)
    if not root:
        for name, type in scope.items():
            detail = "" if type.properties else str(type)
            documentation = explaining.of_name(name, type)
            yield Completion(name, "name", name, len(word), detail, documentation)
        if document.is_mapping:
            yield from _functions(len(word))
    elif root == "settings" and not steps:
        for name, setting in document.mapping.settings.items():
            detail = setting.type.value if setting.type is not None else ""
            documentation = explaining.of_setting(name, document)
            yield Completion(name, "setting", name, len(word), detail, documentation)
    elif root in scope:
        holder = field_at(scope[root], steps)
        type = holder.type if holder is not None else scope[root]
        if holder is not None or not steps:
            path = ".".join((root, *map(str, steps)))
            yield from _fields(type, len(word), f"{path}.")


def _fields(type: Type, typed: int, path: str) -> Iterator[Completion]:
    required_first = sorted(type.properties.items(), key=lambda each: not each[1].required)
    for name, field in required_first:
        if name.isidentifier():
            detail = f"{field.type}, {explaining.presence(field)}"
            documentation = explaining.of_field(f"{path}{name}", field)
            yield Completion(name, "field", name, typed, detail, documentation)


def _functions(typed: int) -> Iterator[Completion]:
    for name in (*FUNCTIONS, *sorted(facility_function_names())):
        function = function_named(name)
        if isinstance(function, Function):
            documentation = explaining.of_function(function)
            detail = function.signature
            yield Completion(name, "function", f"{name}(", typed, detail, documentation)
