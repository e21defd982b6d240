"""What the word under the mouse means."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tiledmap.check.scopes import types_of_names
from tiledmap.documents.fields import document_type, field_at
from tiledmap.documents.schemas import SCHEMA_FILES
from tiledmap.documents.types import Type
from tiledmap.editor import explaining
from tiledmap.editor.cursor import Cursor, cursor_in
from tiledmap.editor.expressions import Word, find, scope_at, word_at
from tiledmap.editor.places import Places
from tiledmap.editor.rules import inherited_rule, named_rule
from tiledmap.editor.workspace import Document
from tiledmap.language import nodes
from tiledmap.language.functions import Function, function_named
from tiledmap.language.shapes import Kind, fields_of
from tiledmap.language.yaml_source import Characters
from tiledmap.problems import CODES, NOWHERE, Span


@dataclass(frozen=True, slots=True)
class Hover:
    """A text in Markdown, and what it is about."""

    markdown: str
    span: Span


def hover(document: Document, index: int) -> Hover | None:
    """Explain what stands at a place, and what is wrong there; None where nothing does or is."""
    found = [each for each in (_code_at(document, index), _standing(document, index)) if each]
    found += _wrong(document, index)
    if not found:
        return None
    return Hover("\n\n---\n\n".join(dict.fromkeys(each.markdown for each in found)), found[0].span)


def _code_at(document: Document, index: int) -> Hover | None:
    """Explain the code of a problem that is written at a place, such as in a comment."""
    for found in re.finditer(r"\bTM\d{3}\b", document.text):
        if found.start() <= index <= found.end() and found[0] in CODES:
            span = Characters(document.file, document.text).span(*found.span())
            return Hover(explaining.of_code(found[0]), span)
    return None


def _wrong(document: Document, index: int) -> Iterator[Hover]:
    """Explain the problems that are shown at a place: of many lines, on the first."""
    places = Places(document.text)
    for problem in document.problems:
        start, end = places.indexes(problem.span)
        if start <= index <= end and "\n" not in document.text[start:index]:
            yield Hover(explaining.of_code(problem.code), problem.span)


def _standing(document: Document, index: int) -> Hover | None:
    """Explain what stands at a place."""
    if document.source is None:
        return None
    cursor = cursor_in(document.source, index, document.form)
    if cursor is None or cursor.scalar is None:
        return None
    word = word_at(cursor)
    if word is not None:
        words = _of_word(word, cursor, document)
        span = cursor.scalar.span_of(word.start, word.end)
    else:
        words = _of_key(cursor, document) if cursor.on_key else _of_value(cursor, document)
        span = cursor.scalar.span
    return Hover(words, span) if words else None


def _of_word(word: Word, cursor: Cursor, document: Document) -> str:
    if word.is_call:
        function = function_named(word.root)
        return explaining.of_function(function) if isinstance(function, Function) else ""
    if word.root == "settings" and word.steps:
        return explaining.of_setting(str(word.steps[0]), document)
    type = scope_at(cursor, document.mapping).get(word.root)
    if type is None:
        return ""
    if not word.steps:
        return explaining.of_name(word.root, type)
    field = field_at(type, word.steps)
    if field is None:
        return ""
    path = word.root + "".join(_shown(step) for step in word.steps)
    declared = declaration_of(word, cursor, document.mapping)
    return explaining.of_field(path, field, _declared_in(word, type), declared)


def _declared_in(word: Word, type: Type) -> str:
    """Name who declares a path: the first on its way who is not event-model."""
    if word.root not in (*SCHEMA_FILES, "data_key"):
        return "the list"
    ways = (field_at(type, word.steps[: count + 1]) for count in range(len(word.steps)))
    declared = [way.declared_in for way in ways if way is not None]
    return next((who for who in declared if who != "event-model"), "event-model")


def declaration_of(word: Word, cursor: Cursor, mapping: nodes.Mapping) -> Span:
    """Find where a mapping declares a field of a document; `NOWHERE` where it does not."""
    source = mapping.source
    additions = getattr(source, word.root, None) if word.root in nodes.Source.model_fields else None
    if isinstance(additions, nodes.DocumentAdditions) and word.steps[0] in additions.properties:
        return additions.key_at(f"properties.{word.steps[0]}")
    rule = find(mapping, cursor.levels)
    if isinstance(rule, nodes.ResourceRepair | nodes.DatumRepair) and len(word.steps) > 1:
        kwargs = {"resource": "resource_kwargs", "datum": "datum_kwargs"}
        if word.steps[0] == kwargs.get(word.root) and word.steps[1] in rule.kwargs:
            return rule.key_at(f"kwargs.{word.steps[1]}")
    return NOWHERE


def _shown(step: str | int) -> str:
    return f".{step}" if isinstance(step, str) and step.isidentifier() else f"[{step!r}]"


def _of_key(cursor: Cursor, document: Document) -> str:
    level, key = cursor.level, cursor.text
    if level.field is not None and level.field.key == key and cursor.shape.kind is not Kind.TABLE:
        return explaining.of_keyword(level.cls, level.field)
    if level.field is None:
        field = fields_of(level.cls).get(key)
        return explaining.of_keyword(level.cls, field) if field is not None else ""
    if level.field.name == "settings":
        return explaining.of_setting(key, document)
    held = holder_type(cursor, document)
    field_ = held.properties.get(key) if held is not None else None
    return explaining.of_field(key, field_) if field_ is not None else ""


def holder_type(cursor: Cursor, document: Document) -> Type | None:
    """Return the type of the document whose fields are the keys at a place; None for none."""
    level, mapping = cursor.level, document.mapping
    name = level.field.name if level.field is not None else ""
    if level.cls is nodes.DocumentAdditions:
        return types_of_names(mapping).get(str(level.key))
    if level.cls is nodes.Events and name == "without":
        return document_type("event")
    if level.cls is nodes.Metadata and name in ("without", "only"):
        return _copied(cursor, mapping)
    if level.cls is nodes.DataKeyRepair and name == "set":
        return scope_at(cursor, mapping).get("data_key")
    if level.cls is nodes.DocumentRepair and name in ("set", "rename", "without"):
        return types_of_names(mapping).get(str(cursor.keys[1]))
    return None


def _copied(cursor: Cursor, mapping: nodes.Mapping) -> Type | None:
    copy = cursor.level.node.get("copy")
    name = getattr(copy, "value", "")
    scope = scope_at(cursor, mapping)
    if name == "data_keys" and "descriptor" in scope:
        return scope["descriptor"].properties["data_keys"].type
    return scope.get(name)


def _of_value(cursor: Cursor, document: Document) -> str:
    level = cursor.level
    name = level.field.name if level.field is not None else ""
    if cursor.shape.kind is Kind.ENUM:
        return explaining.of_word(cursor.shape, cursor.text)
    if name in ("extends", "mapping"):
        return explaining.of_mapping(document)
    if name == "name" and issubclass(level.cls, nodes.Rule):
        rule = inherited_rule(cursor, document)
        return explaining.of_inherited(rule, document) if rule is not None else ""
    named = named_rule(cursor, document)
    if named is not None:
        return explaining.of_rule(cursor.text, named, document)
    if level.cls is nodes.DocumentAdditions and name == "required":
        held = types_of_names(document.mapping).get(str(level.key))
        field = held.properties.get(cursor.text) if held is not None else None
        return explaining.of_field(cursor.text, field) if field is not None else ""
    return ""
