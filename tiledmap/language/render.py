"""A mapping as plain data and as YAML again, every rule with the place that it came from."""

import datetime
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from tiledmap.language.nodes import Items, Mapping, Metadata, Node
from tiledmap.language.scalars import Expression, Free, Patterns, Text
from tiledmap.problems import NOWHERE, Span

_WIDTH = 96


def plain(value: Any) -> Any:
    """Turn a statement, or any value inside one, into JSON data: what was said, not where."""
    match value:
        case Items() if value.items is not None:
            return plain(value.items)
        case Node():
            return {key: plain(inner) for key, inner, _ in _fields(value)}
        case Expression(source=source) | Text(source=source):
            return source
        case Patterns(texts=(text,)):
            return text
        case Patterns(texts=texts):
            return list(texts)
        case Free():
            return value.plain()
        case StrEnum():
            return value.value
        case datetime.date():
            return value.isoformat()
        case tuple() | list():
            return [plain(item) for item in value]
        case dict():
            return {key: plain(inner) for key, inner in value.items()}
    return value


def render(mapping: Mapping) -> str:
    """Write a resolved mapping as YAML that reads as the same mapping.

    A comment says where each rule, and each field that came from another file, was written.
    """
    lines = _statement(mapping, mapping.at().file)
    return "".join(f"{line.text}{line.comment}\n" for line in lines)


def render_with_origins(mapping: Mapping) -> list[tuple[str, Span]]:
    """Write a resolved mapping as `render` does, each line with the place that says it."""
    lines: list[tuple[str, Span]] = []
    at = mapping.at()
    for line in _statement(mapping, at.file):
        at = line.at if line.at.line else at
        lines.append((line.text, at))
    return lines


def flow(data: Any) -> str:
    """Write JSON data on one line, lists and mappings in brackets."""
    match data:
        case dict():
            return f"{{{', '.join(f'{flow(key)}: {flow(inner)}' for key, inner in data.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(flow, data))}]"
        case str() if _INDICATORS.search(data):
            return _quoted(data)
    return scalar(data)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, and where it was said, which a comment tells where it should be told."""

    text: str
    at: Span = NOWHERE
    told: bool = False

    @property
    def comment(self) -> str:
        told = self.told and self.at.line
        return f"  # {_printable(self.at.file)}:{self.at.line}" if told else ""


def _fields(node: Node) -> Iterator[tuple[str, Any, Span]]:
    """Yield the key, value and place of each field that was given."""
    for name, info in type(node).model_fields.items():
        if name in node.given and name != "entries":
            yield info.alias or name, getattr(node, name), node.key_at(name)
    if isinstance(node, Metadata):
        for name, value in node.entries.items():
            yield name, value, node.key_at(name)


def _statement(node: Node, file: str) -> list[_Line]:
    lines: list[_Line] = []
    for key, value, place in _fields(node):
        first, *rest = _field(key, value, place.file, _Within(node, key))
        lines += [replace(first, at=place, told=place.file != file), *rest]
    return lines


@dataclass(frozen=True, slots=True)
class _Within:
    """A field of a statement; it knows where what is in it stands, as far as that was kept."""

    node: Node
    field: str

    def key_at(self, key: str) -> Span:
        return self._known(self.node.key_at(f"{self.field}.{key}"))

    def at(self, index: int) -> Span:
        return self._known(self.node.at(f"{self.field}.{index}"))

    def _known(self, place: Span) -> Span:
        return NOWHERE if place == self.node.at() else place


def _field(key: str, value: Any, file: str, within: _Within | None = None) -> list[_Line]:
    """Write a key and its value: on one line where that reads well, else indented below it."""
    head = f"{_text(key)}:"
    match value:
        case Items() if value.items is not None:
            value = value.items
        case Free(value=tuple() | dict() as inner):
            value = inner
        case Patterns(texts=texts) if len(texts) > 1:
            value = texts
    if (short := _on_one_line(value)) is not None:
        return [_Line(f"{head} {short}")]
    if (block := _block_text(value)) is not None:
        return [_Line(f"{head} |"), *_indented(block)]
    if isinstance(value, tuple | list):
        return [_Line(head), *_indented(_list(value, file, within))]
    return [_Line(head), *_indented(_table(value, file, within))]


def _table(value: Node | dict[str, Any], file: str, within: _Within | None = None) -> list[_Line]:
    if isinstance(value, Node):
        return _statement(value, file)
    lines: list[_Line] = []
    for key, inner in value.items():
        if isinstance(inner, Node):
            first, *rest = _field(key, inner, inner.at().file)
            lines += [replace(first, at=inner.at(), told=True), *rest]
        else:
            first, *rest = _field(key, inner, file)
            at = _place(inner) if within is None else within.key_at(key)
            lines += [replace(first, at=at if at.line else _place(inner)), *rest]
    return lines


def _list(values: Sequence[Any], file: str, within: _Within | None = None) -> list[_Line]:
    lines: list[_Line] = []
    for index, value in enumerate(values):
        first, *rest = _item(value, file)
        at = first.at if first.at.line or within is None else within.at(index)
        lines += [replace(first, at=at), *rest]
    return lines


def _item(value: Any, file: str) -> list[_Line]:
    place = _place(value)
    if isinstance(value, Free) and isinstance(value.value, tuple | dict):
        value = value.value
    if (short := _on_one_line(value)) is not None:
        return [_Line(f"- {short}", place)]
    if isinstance(value, tuple | list):
        return [_Line("-", place), *_indented(_list(value, file))]
    if isinstance(value, Node):
        lines = _statement(value, place.file)
        lines[0] = replace(lines[0], at=place, told=True)
    elif isinstance(value, dict):
        lines = _table(value, file)
    else:
        return [_Line(f"- {_quoted(_scalar_text(value))}", place)]
    first, *rest = lines
    return [replace(first, text=f"- {first.text}"), *_indented(rest)]


def _place(value: Any) -> Span:
    """Where a value stands, of those that know it."""
    return value.at() if isinstance(value, Node) else getattr(value, "span", NOWHERE)


def _indented(lines: list[_Line]) -> list[_Line]:
    return [replace(line, text=f"  {line.text}" if line.text else "") for line in lines]


def _on_one_line(value: Any) -> str | None:
    """Write a scalar, or a short list of words; None for what needs lines of its own."""
    if isinstance(value, Node | dict):
        return None if plain(value) else "{}"
    if isinstance(value, tuple | list):
        if not value:
            return "[]"
        parts = [plain(item) for item in value]
        if not all(isinstance(part, str | int) and _FLOW.fullmatch(str(part)) for part in parts):
            return None
        line = f"[{', '.join(map(scalar, parts))}]"
        return line if len(line) < _WIDTH else None
    data = plain(value)
    if isinstance(data, str) and _block_text(value) is not None:
        return None
    return scalar(data)


_INDICATORS = re.compile(r"[,\[\]{}]")
_FLOW = re.compile(r"[\w.][\w./+-]*", re.ASCII)
_PLAIN = re.compile(r"[\w$./(][^\n]*", re.ASCII)
_LOOKS_TYPED = re.compile(
    r"~|null|true|false|yes|no|on|off|y|n|0[xo][\da-f]+|[-+]?\.(inf|nan)"
    r"|[-+]?(\.\d+|\d[\d_]*(\.\d*)?)(e[-+]?\d+)?",
    re.ASCII | re.IGNORECASE,
)


def _scalar_text(value: Any) -> str:
    data = plain(value)
    return data if isinstance(data, str) else scalar(data)


def scalar(data: Any) -> str:
    """Write a scalar as it stands outside of brackets: a text without quotes where it may."""
    match data:
        case None:
            return "null"
        case bool():
            return "true" if data else "false"
        case float() if math.isinf(data):
            return ".inf" if data > 0 else "-.inf"
        case float() if math.isnan(data):
            return ".nan"
        case int() | float():
            return repr(data)
    return _text(str(data))


def is_plain(text: str) -> bool:
    """Whether a text without quotes reads as the same text."""
    return bool(
        _PLAIN.fullmatch(text)
        and text.isprintable()
        and not _LOOKS_TYPED.fullmatch(text)
        and ": " not in text
        and " #" not in text
        and text[-1] not in ": "
    )


def _text(text: str) -> str:
    """Write a text without quotes where it reads as the same text, else with double quotes."""
    return text if is_plain(text) else _quoted(text)


def _quoted(text: str) -> str:
    return f'"{_printable(text.translate(_ESCAPES))}"'


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"})


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)


def _block_text(value: Any) -> list[_Line] | None:
    """Write a text of several lines as such, if nothing about its spaces needs quotes."""
    text = plain(value) if not isinstance(value, Node | dict | tuple | list) else None
    if not isinstance(text, str) or not text.endswith("\n") or text.endswith("\n\n"):
        return None
    lines = text[:-1].split("\n")
    if len(lines) < 2 or not lines[0] or lines[0][0] == " ":
        return None
    if not all(line.isprintable() and line == line.rstrip() for line in lines):
        return None
    return [_Line(line) for line in lines]
