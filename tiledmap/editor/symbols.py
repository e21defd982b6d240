"""What a mapping holds, as an editor's outline shows it: its sections, and the rules in them."""

from collections.abc import Iterator
from dataclasses import dataclass

from tiledmap.editor.workspace import Document
from tiledmap.language.nodes import Mapping, Node
from tiledmap.language.shapes import Kind, Shape, fields_of
from tiledmap.language.yaml_source import Entry, MappingNode, ScalarNode, SequenceNode, YamlNode
from tiledmap.problems import Span
from tiledmap.testing.cases.statements import CaseFileStatement

_TELLING = ("store", "drop", "remove", "refuse", "consolidator", "mimetype", "prefix", "type")
"""Fields of which the first that is there says most about a rule."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something with a name.

    Parameters
    ----------
    kind
        ``section``, ``rule`` or ``setting``.
    span
        All of it.
    name_span
        Its name.
    """

    name: str
    detail: str
    kind: str
    span: Span
    name_span: Span
    children: tuple["Symbol", ...] = ()


def symbols(document: Document) -> tuple[Symbol, ...]:
    """List the sections of a mapping, or the tests of a file."""
    root = document.source.root if document.source is not None else None
    return tuple(_sections(root, document.form)) if isinstance(root, MappingNode) else ()


def _sections(node: MappingNode, cls: type[Node]) -> Iterator[Symbol]:
    """Yield the fields of a statement that hold rules, or statements that do."""
    for entry in node.entries:
        field = fields_of(cls).get(entry.key.value)
        if field is None or isinstance(entry.value, ScalarNode):
            continue
        inside = tuple(_inside(entry.value, field.shape))
        if inside or cls in (Mapping, CaseFileStatement):
            yield Symbol(field.key, "", "section", _whole(entry), entry.key.span, inside)


def _inside(value: YamlNode, shape: Shape) -> Iterator[Symbol]:
    inner = shape.item
    if isinstance(value, MappingNode) and shape.kind is Kind.NODE and shape.cls is not None:
        yield from _sections(value, shape.cls)
    elif isinstance(value, MappingNode) and shape.kind is Kind.TABLE and inner and inner.cls:
        for entry in value.entries:
            yield Symbol(
                entry.key.value, _detail(entry.value), "setting", _whole(entry), entry.key.span
            )
    elif isinstance(value, SequenceNode) and inner is not None and inner.cls is not None:
        for item in value.items:
            name = item.get("name") if isinstance(item, MappingNode) else None
            if isinstance(item, MappingNode) and isinstance(name, ScalarNode) and name.value:
                below = tuple(_sections(item, inner.cls))
                yield Symbol(name.value, _detail(item), "rule", item.span, name.span, below)


def _detail(value: YamlNode) -> str:
    """Say the most telling thing of a statement."""
    if not isinstance(value, MappingNode):
        return ""
    said = ((key, value.get(key)) for key in _TELLING)
    return next((f"{key}: {each.value}" for key, each in said if isinstance(each, ScalarNode)), "")


def _whole(entry: Entry) -> Span:
    start, end = entry.key.span, entry.value.span
    return Span(start.file, start.line, start.column, end.end_line, end.end_column)
