"""In words, as Markdown: what a field, a function, a keyword, a setting or a rule is."""

import re
from textwrap import dedent

from tiledmap.documents.schemas import SCHEMA_FILES, document_schema
from tiledmap.documents.types import Field, Type
from tiledmap.editor.workspace import Document
from tiledmap.language import nodes
from tiledmap.language.extends import MERGED_BY_FIELD
from tiledmap.language.functions import Function
from tiledmap.language.json_schema import WORDS
from tiledmap.language.shapes import FieldShape, Kind, Shape
from tiledmap.problems import NOWHERE, Span
from tiledmap.resources import problem_page
from tiledmap.testing.cases.json_schema import WORDS as CASE_WORDS

_LONGEST_EXCERPT = 24
_DERIVED = {
    "value": "The data key's value in an event.",
    "timestamp": "The data key's timestamp in an event, in seconds since 1970.",
    "data_key": "One data key of the descriptor, with what is made from it: name, size, ndim, "
    "device.",
    "settings": "The settings of this mapping.",
    "index": "The number of a file, counted from 0.",
    "here": "The directory of this file.",
}
_RELATIVE_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]*\)")
_DECLARED_IN = {
    "event-model": "Declared by event-model.",
    "source": "Declared under `source` of the mapping.",
    "tiledmap": "Made by tiledmap from the data key.",
    "kwargs": "Declared under `kwargs` of this rule.",
}


def of_field(path: str, field: Field, declared_in: str = "", declared: Span = NOWHERE) -> str:
    """Describe a field of a document.

    Parameters
    ----------
    declared_in
        Who declares it, as `Field.declared_in`; the field's own if not given.
    declared
        Where the mapping declares it, if it does.
    """
    origin = _DECLARED_IN.get(declared_in or field.declared_in, "")
    if declared != NOWHERE:
        origin = f"{origin.rstrip('.')}, {_named(declared)}."
    words = [field.description, _values(field.type), origin]
    return _page(f"**{path}**: {field.type}, {presence(field)}", *words)


def presence(field: Field) -> str:
    """Say in a word whether every document has a field."""
    return "required" if field.required else "may be absent"


def of_name(name: str, type: Type) -> str:
    """Describe a name in scope: a document, a value, or the item of a list."""
    if name in SCHEMA_FILES:
        described = str(document_schema(name).get("description", ""))
        return _page(f"**{name}**: event-model's {SCHEMA_FILES[name].replace('_', ' ')}", described)
    return _page(f"**{name}**: {type}", _DERIVED.get(name, "The item that `as` names."))


def of_function(function: Function) -> str:
    """Describe a function of the expression language."""
    examples = [f"{each.call}  # {each.gives!r}" for each in function.examples]
    shown = "\n".join(["```python", *examples, "```"]) if examples else ""
    return _page(f"```python\n{function.signature}\n```", function.doc, shown)


def of_keyword(cls: type[nodes.Node], field: FieldShape) -> str:
    """Describe a keyword, and what may be written after it."""
    needed = ", required" if field.required else ""
    head = f"**{field.key}**: {in_words(field.shape)}{needed}"
    return _page(head, meaning(cls, field), *_inside(field.shape))


def meaning(cls: type[nodes.Node], field: FieldShape) -> str:
    """Say what a keyword is for."""
    return _flat(cls.model_fields[field.name].description or "")


def in_words(shape: Shape) -> str:
    """Name what may be written in a field."""
    if shape.choices and shape.kind in (Kind.ENUM, Kind.LITERAL):
        return " | ".join(f"`{choice}`" for choice in shape.choices)
    return shape.noun


def of_word(shape: Shape, word: str) -> str:
    """Describe a word of an enumeration."""
    return _page(f"**{word}**", word_meaning(shape, word)) if word in shape.choices else ""


def word_meaning(shape: Shape, word: str) -> str:
    """Say what a word of an enumeration stands for."""
    meanings = WORDS | CASE_WORDS
    return meanings.get(shape.cls, {}).get(word, "") if shape.cls is not None else ""


def _inside(shape: Shape) -> list[str]:
    """Describe what a field holds: its words, or the statement that is written there."""
    if shape.kind is Kind.ENUM:
        return ["\n".join(f"- `{word}`: {word_meaning(shape, word)}" for word in shape.choices)]
    inner = shape.item if shape.item is not None else shape
    if inner.kind is Kind.NODE and inner.cls is not None:
        return [_flat((inner.cls.__doc__ or "").split("\n\n")[0])]
    return []


def of_setting(name: str, document: Document) -> str:
    """Describe a setting: its type, default and help, and the value that it has now."""
    setting = document.mapping.settings.get(name)
    if setting is None:
        return ""
    default = setting.default.plain() if setting.default is not None else None
    shown = "" if default is None else f", default `{default}`"
    head = f"**settings.{name}**: {setting.type.value if setting.type else 'of no type'}{shown}"
    limits = [
        f"{word} {limit:g}"
        for word, limit in (("at least", setting.minimum), ("at most", setting.maximum))
        if limit is not None
    ]
    if setting.choices:
        limits.append(f"one of {', '.join(setting.choices)}")
    value = document.examined.resolved.settings.get(name)
    differs = value is not None and default is not None and str(value) != str(default)
    now = f"Its value is `{value}` now." if differs else ""
    declared = f"Declared in {_named(setting.at('type'))}."
    return _page(head, setting.help or "", _sentence("; ".join(limits)), now, declared)


def of_inherited(rule: nodes.Rule, document: Document) -> str:
    """Describe an inherited rule that one of the same name stands for now."""
    what = "Changes, field by field," if isinstance(rule, MERGED_BY_FIELD) else "Replaces"
    head = f"{what} the rule **{rule.name}** of {_mapping_of(rule, document)}:"
    return _page(head, excerpt(rule.at(), document))


def of_rule(name: str, rule: nodes.Node, document: Document) -> str:
    """Describe a rule that is named somewhere else."""
    head = f"**{name}**, {_named(rule.at('name'))}:"
    return _page(head, excerpt(rule.at(), document))


def of_mapping(document: Document) -> str:
    """Describe the mapping that is extended, or tested."""
    chain = document.examined.resolved.chain[1 if document.is_mapping else 0 :]
    described = document.base
    if described is None or not chain:
        return ""
    head = f"**{chain[0].name}** {chain[0].version}, {chain[0].file}"
    further = " > ".join(f"{link.name} {link.version}" for link in chain)
    line = f"The chain: {further}." if len(chain) > 1 else ""
    return _page(head, described.title or "", described.description or "", line)


def of_code(code: str) -> str:
    """Explain a problem's code, as ``tiledmap explain`` does; without links between pages."""
    return _RELATIVE_LINK.sub(r"\1", problem_page(code)).strip()


def excerpt(span: Span, document: Document) -> str:
    """Show the lines of a statement, with those of its text that are too many left out."""
    text = document.examined.sources.get(span.file)
    if text is None or span == NOWHERE:
        return ""
    lines = text.split("\n")[span.line - 1 : span.end_line]
    lines[0] = " " * (span.column - 1) + lines[0][span.column - 1 :]
    shown = dedent("\n".join(lines[:_LONGEST_EXCERPT]))
    more = ["# …"] if len(lines) > _LONGEST_EXCERPT else []
    return "\n".join(["```yaml", shown, *more, "```"])


def _mapping_of(rule: nodes.Rule, document: Document) -> str:
    file = rule.at("name").file
    names = [link.name for link in document.examined.resolved.chain if link.file == file]
    return f"{names[0] if names else file} ({_named(rule.at('name'))})"


def _named(span: Span) -> str:
    return f"{span.file.rpartition('/')[2]}:{span.line}"


def _values(type: Type) -> str:
    if type.enum is None:
        return ""
    return f"One of {', '.join(f'`{value}`' for value in type.enum)}."


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}." if words else ""


def _flat(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _page(*parts: str) -> str:
    return "\n\n".join(dict.fromkeys(part for part in parts if part))
