"""Conditions and values of a mapping, in words for people."""

import json
from typing import Any

from tiledmap.language import nodes
from tiledmap.language.scalars import Expression, Free, Patterns, Text

THE_REST = {
    "streams": "every stream that no rule above took",
    "data": "every data key that no rule above took",
    "assets": "all files that no rule above took",
}
"""What a rule takes that asks for nothing, below others; by the section that it stands in."""

AS_DATA_KEY = "as the data key says"


def listed(words: list[str] | tuple[str, ...], last: str = "or") -> str:
    """Write ``a, b or c``."""
    *first, final = words
    return f"{', '.join(first)} {last} {final}" if first else final


def condition_in_words(match: nodes.Node | None, when: Expression | None, *, rest: str = "") -> str:
    """Say what a rule takes.

    Parameters
    ----------
    rest
        What to say where the rule itself takes everything: that other rules came before it.
    """
    words = [*match_in_words(match), *([f"when {when.source}"] if when is not None else [])]
    return ", ".join(words) if words else rest


def match_in_words(match: nodes.Node | None) -> list[str]:
    """Say what a ``match`` asks of each field."""
    words = []
    for name in type(match).model_fields if match is not None else ():
        patterns: Patterns | None = getattr(match, name)
        if patterns is not None:
            words.append(f"{name} {listed(patterns.texts)}")
    return words


def entry_in_words(item: nodes.SpecItem | nodes.TagItem) -> str:
    """Say when a spec or a tag is there, and how often."""
    each = f"for each {item.as_} in {item.each.source}" if item.each is not None else ""
    when = f"when {item.when.source}" if item.when is not None else ""
    return ", ".join(filter(None, (each, when)))


def written(value: Text | Free | Any) -> str:
    """Write a value as the mapping does; lists and such as JSON."""
    match value:
        case Text(source=source) | Free(value=Text(source=source)):
            blank_at_end = source != source.strip() or not source
            return json.dumps(source, ensure_ascii=False) if blank_at_end else source
        case Free():
            return json.dumps(value.plain(), ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False, default=str)
