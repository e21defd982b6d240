"""Every keyword of the mapping language: what it holds, what it means, and how it is used.

The examples are what real mappings say: the lines of the keyword, and those that lead to it.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tiledmap.language.json_schema import mapping_schema

ANY_NAME = "*"
"""Stands in a keyword's path for a name that the mapping gives, such as that of a setting."""

MAPPING = "Mapping"
"""The statement that a whole mapping is."""

_MOST_LINES = 8


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword of a statement.

    Parameters
    ----------
    path
        Where it stands, such as ``streams.data.store``; of a statement that is used in several
        places, in the first of them.
    holds
        The JSON Schema of its value.
    told_at
        The keyword under which the statement that it holds is told; empty where it holds none.
    values
        The only ones that it can have, if it is so, each with what it means.
    example
        Lines of a mapping that use it; empty where none was found.
    """

    name: str
    path: str
    description: str
    holds: Mapping[str, Any]
    told_at: str
    required: bool
    values: Mapping[str, str]
    example: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of the language.

    Parameters
    ----------
    keyword
        The one that holds it, the first if there are several; None for a whole mapping.
    others
        The paths of the others.
    """

    keyword: Keyword | None
    others: tuple[str, ...]
    description: str
    keywords: tuple[Keyword, ...]


def statements(mappings: Sequence[str]) -> tuple[Statement, ...]:
    """List everything that can be said, in the order in which a mapping says it.

    Parameters
    ----------
    mappings
        Texts of mappings to take examples from; the first that uses a keyword gives its example.
        One that none of them uses has that of the same keyword of another statement.
    """
    schema = mapping_schema()
    definitions = {MAPPING: schema, **schema["$defs"]}
    examples: dict[tuple[str, str], str] = {}
    for text in mappings:
        for key, lines in _said(yaml.compose(text), definitions, schema, MAPPING, ()):
            examples.setdefault(key, _excerpt(text, lines))
    alike = {
        _sense(keyword, definitions[statement]["properties"][keyword]): example
        for (statement, keyword), example in examples.items()
    }
    places = _places({name: each for name, each in definitions.items() if "enum" not in each})
    keywords = {
        name: tuple(
            Keyword(
                keyword,
                _join(paths[0], keyword),
                holds["description"],
                holds,
                next((_holder(places[inner][0]) for inner, _ in _statements_in(holds, places)), ""),
                keyword in definitions[name].get("required", ()),
                _values(holds, definitions),
                examples.get((name, keyword), "") or alike.get(_sense(keyword, holds), ""),
            )
            for keyword, holds in definitions[name]["properties"].items()
        )
        for name, paths in places.items()
    }
    by_path = {keyword.path: keyword for each in keywords.values() for keyword in each}
    return tuple(
        Statement(
            by_path.get(_holder(first)),
            tuple(map(_holder, others)),
            definitions[name]["description"],
            keywords[name],
        )
        for name, (first, *others) in places.items()
    )


def _values(holds: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, str]:
    named = definitions.get(_named(holds), {})
    values = named.get("enum", ())
    return dict(zip(values, named.get("enumDescriptions", ()), strict=True)) if values else {}


def _sense(keyword: str, holds: Mapping[str, Any]) -> tuple[str, str]:
    return keyword, holds["description"]


def _join(path: str, keyword: str) -> str:
    return f"{path}.{keyword}" if path else keyword


def _holder(place: str) -> str:
    """Return the keyword that holds the statement of a place."""
    return place.removesuffix(f".{ANY_NAME}")


def _places(definitions: Mapping[str, Any]) -> dict[str, list[str]]:
    """Find the places at which each statement stands, in the order of a mapping."""
    found: dict[str, list[str]] = {}

    def visit(name: str, path: str) -> None:
        seen = name in found
        found.setdefault(name, []).append(path)
        if seen:
            return
        for keyword, holds in definitions[name]["properties"].items():
            for inner, by_name in _statements_in(holds, definitions):
                below = _join(path, keyword)
                visit(inner, f"{below}.{ANY_NAME}" if by_name else below)

    visit(MAPPING, "")
    return found


def _statements_in(holds: Mapping[str, Any], known: Container[str]) -> Iterator[tuple[str, bool]]:
    """Yield the statements that a value is made of, and whether the mapping names each of them."""
    if (name := _named(holds)) in known:
        yield name, False
    if "items" in holds:
        yield from _statements_in(holds["items"], known)
    for inner in by_name(holds):
        yield from ((name, True) for name, _ in _statements_in(inner, known))


def _named(holds: Mapping[str, Any]) -> str:
    """Return the name of the definition that a schema refers to; empty where it says it itself."""
    return str(holds.get("$ref", "")).rpartition("/")[2]


def by_name(holds: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the schemas of values that a mapping names."""
    yield from holds.get("patternProperties", {}).values()
    if isinstance(holds.get("additionalProperties"), dict):
        yield holds["additionalProperties"]


# Examples

Lines = tuple[range, ...]
"""Stretches of a mapping's lines, counted from 0."""


def _said(
    node: yaml.Node | None,
    definitions: Mapping[str, Any],
    holds: Mapping[str, Any],
    statement: str,
    above: Lines,
) -> Iterator[tuple[tuple[str, str], Lines]]:
    """Yield each keyword that a part of a mapping uses, with the lines that show it."""
    if "$ref" in holds:
        statement = _named(holds)
        holds = definitions[statement]
    if isinstance(node, yaml.SequenceNode) and "items" in holds:
        for item in node.value:
            first = (*above, _first_line(item))
            yield from _said(item, definitions, holds["items"], statement, first)
    if not isinstance(node, yaml.MappingNode):
        return
    properties = holds.get("properties", {})
    for key, value in node.value:
        if key.value in properties:
            if holds is definitions.get(statement):
                lines = range(key.start_mark.line, _last_line(value) + 1)
                yield (statement, key.value), (*above, lines)
            inner = [properties[key.value]]
        else:
            # Metadata holds more metadata, under any key.
            inner = [each if each.keys() - {"description"} else holds for each in by_name(holds)]
        for each in inner:
            yield from _said(value, definitions, each, statement, (*above, _first_line(key)))


def _first_line(node: yaml.Node) -> range:
    return range(node.start_mark.line, node.start_mark.line + 1)


def _last_line(node: yaml.Node) -> int:
    """Return the line on which a value ends; of a block, that of the last thing in it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    end: int = node.end_mark.line
    is_block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    return end - 1 if is_block else end


def _excerpt(text: str, stretches: Lines) -> str:
    """Return the lines; of what is long, the beginning."""
    lines = text.splitlines()
    *above, own = stretches
    leading = sorted({line for each in above for line in each if line not in own})
    shown = [*leading, *own[:_MOST_LINES]]
    left = [line for line in shown if lines[line].strip()]
    cut = []
    if len(own) > _MOST_LINES:
        following = lines[own[_MOST_LINES]]
        cut = [f"{following[: len(following) - len(following.lstrip())]}# …"]
    return "\n".join([*(lines[line] for line in left), *cut]) + "\n"
