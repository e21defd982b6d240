"""Where what stands at a place was said first."""

from tiledmap.editor.cursor import Cursor, cursor_in
from tiledmap.editor.expressions import Word, find, word_at
from tiledmap.editor.hover import declaration_of
from tiledmap.editor.rules import inherited_rule, named_rule
from tiledmap.editor.workspace import Document
from tiledmap.language import nodes
from tiledmap.language.yaml_source import ScalarNode
from tiledmap.problems import NOWHERE, Span


def definition(document: Document, index: int) -> Span | None:
    """Find where a place leads; None where it leads nowhere.

    A rule that is inherited or named, a setting, a declared field, the mapping that is extended
    or tested.
    """
    if document.source is None:
        return None
    cursor = cursor_in(document.source, index, document.form)
    if cursor is None:
        return None
    word = word_at(cursor)
    found = _of_word(word, cursor, document) if word is not None else _of_scalar(cursor, document)
    return found if found != NOWHERE else None


def _of_word(word: Word, cursor: Cursor, document: Document) -> Span:
    if not word.steps:
        return _of_item(word, cursor)
    if word.root == "settings":
        return _of_setting(str(word.steps[0]), document)
    return declaration_of(word, cursor, document.mapping)


def _of_item(word: Word, cursor: Cursor) -> Span:
    """Find where ``as`` gives the item of a list its name."""
    bound = cursor.level.node.get("as")
    return bound.span if isinstance(bound, ScalarNode) and bound.value == word.root else NOWHERE


def _of_scalar(cursor: Cursor, document: Document) -> Span:
    level = cursor.level
    field = level.field.name if level.field is not None else ""
    if field in ("extends", "mapping"):
        return document.base.at("name") if document.base is not None else NOWHERE
    if field == "settings" and len(cursor.keys) == 2:
        return _of_setting(cursor.text, document)
    if issubclass(level.cls, nodes.Rule) and field in ("name", "remove"):
        rule = inherited_rule(cursor, document)
        return rule.at("name") if rule is not None else NOWHERE
    named = named_rule(cursor, document)
    if named is not None:
        return named.at("name")
    if level.cls is nodes.DocumentAdditions and field == "required":
        additions = find(document.mapping, cursor.levels)
        if isinstance(additions, nodes.DocumentAdditions) and cursor.text in additions.properties:
            return additions.key_at(f"properties.{cursor.text}")
    return NOWHERE


def _of_setting(name: str, document: Document) -> Span:
    """Find the key of a setting's declaration: where its type is said, not a new default."""
    setting = document.mapping.settings.get(name)
    if setting is None:
        return NOWHERE
    holders = (document.mapping, document.base)
    keys = [each.key_at(f"settings.{name}") for each in holders if each is not None]
    declared = setting.at("type").file
    return next((key for key in keys if key.file == declared), keys[0])
