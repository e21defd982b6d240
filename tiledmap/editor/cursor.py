"""What stands at a place of a mapping: in which statements, in which field, key or value.

The tree is YAML's, walked by the shapes of the language's fields, so that it is known where nothing
has been read as a statement yet.
"""

import re
from dataclasses import dataclass, replace

from tiledmap.editor.mending import close, mend
from tiledmap.language.nodes import Mapping, Metadata, Node, Rule
from tiledmap.language.shapes import METADATA_ENTRY, FieldShape, Kind, Shape, fields_of
from tiledmap.language.yaml_source import (
    MappingNode,
    ScalarNode,
    SequenceNode,
    Source,
    YamlNode,
    read_source,
    scalars_of,
)

_PLACEHOLDER = "_"
_TABLE_OF_VALUES = Shape(Kind.TABLE, item=Shape(Kind.JSON))


@dataclass(frozen=True, slots=True)
class Level:
    """A statement on the way to a place: its key or number in what holds it, the field entered.

    `field` is None where the place is a key that is not known.
    """

    cls: type[Node]
    node: MappingNode
    key: str | int | None = None
    field: FieldShape | None = None

    @property
    def name(self) -> str | None:
        """The rule's name, where the statement is a rule that says it."""
        name = self.node.get("name") if issubclass(self.cls, Rule) else None
        return name.value if isinstance(name, ScalarNode) else None


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a mapping.

    Parameters
    ----------
    levels
        The statements around it, the mapping first.
    keys
        The keys on the way, and the number of each item of a list.
    shape
        The shape of the value that stands here; at a key, of what holds the key.
    on_key
        Whether a key stands here, rather than a value.
    scalar
        What is written here, or nothing where something may be.
    offset
        The characters of the scalar's value before the place.
    holder
        The mapping or list that the scalar stands in.
    """

    levels: tuple[Level, ...]
    keys: tuple[str | int, ...]
    shape: Shape
    on_key: bool
    scalar: ScalarNode | None
    offset: int
    holder: YamlNode | None

    @property
    def level(self) -> Level:
        """The innermost statement."""
        return self.levels[-1]

    @property
    def text(self) -> str:
        """What is written."""
        return self.scalar.value if self.scalar is not None else ""

    @property
    def before(self) -> str:
        """What is written before the place."""
        return self.text[: self.offset]


def cursor_in(source: Source, index: int, form: type[Node] = Mapping) -> Cursor | None:
    """Find what stands at a place of a text that is YAML; None where nothing does.

    `form` is the class of the statement that the text is.
    """
    return _Walk(index).down(source.root, Shape(Kind.NODE, form), (), (), None)


def cursor_while_typing(text: str, index: int, form: type[Node] = Mapping) -> Cursor | None:
    """Find what is being written at a place, however little there is of it."""
    before, after = text[:index], text[index:]
    line_start = before.rfind("\n") + 1
    rest, newline, below = after.partition("\n")
    whole = _completed(before[line_start:], rest)
    if whole is None:
        return None
    line, added = whole
    mended = mend(before[:line_start] + line + newline + below)
    number = before.count("\n")
    if mended is None or mended.text.split("\n")[number] != line:
        return None
    lines = mended.text.split("\n")
    start = sum(len(other) + 1 for other in lines[:number])
    source, _ = read_source(mended.text)
    if source is None:
        return None
    found = cursor_in(source, start + index - line_start, form)
    if found is None or found.scalar is None or not added:
        return found
    value = found.text[: found.offset] + found.text[found.offset + len(_PLACEHOLDER) :]
    return replace(found, scalar=replace(found.scalar, value=value))


def _completed(before: str, after: str) -> tuple[str, bool] | None:
    """Complete a line so that something stands at the place, and say whether it was put there.

    None inside a comment.
    """
    if re.search(r"(^|\s)#", re.sub(r"'[^']*'|\"[^\"]*\"", "", before)):
        return None
    bare = not after.strip() or after.lstrip().startswith("#")
    if re.fullmatch(r"\s*(- +)*", before) and bare:
        return f"{before}{_PLACEHOLDER}: {after}", True
    if re.search(r"(^\s*|- )-$", before) and bare:
        return None
    word = re.match(r"[\w-]*", after)
    assert word is not None
    if re.fullmatch(r"\s*(- +)*[\w-]+", before):
        colon = after[word.end() :].lstrip().startswith(":")
        return (before + after if colon else f"{before}{word[0]}:{after[word.end() :]}"), False
    flow = re.match(r"\s*(- +)*([^\s:'\"{\[]+:\s+)?[{\[]", before) is not None
    nothing = re.search(r"(:|[{\[,]|- )\s*$" if flow else r"(:|-)\s+$", before) is not None
    nothing |= bool(re.search(r"\S\s+$", before))  # a space at the end is no part of a value
    nothing &= bare or (flow and after.lstrip()[:1] in (",", "}", "]"))
    placed = f"{before}{_PLACEHOLDER}{after}" if nothing else before + after
    return close(placed), nothing


@dataclass(frozen=True, slots=True)
class _Walk:
    """The way down to a place."""

    index: int

    def down(
        self,
        node: YamlNode,
        shape: Shape,
        levels: tuple[Level, ...],
        keys: tuple[str | int, ...],
        holder: YamlNode | None,
    ) -> Cursor | None:
        if isinstance(node, ScalarNode):
            return self.at(node, shape, levels, keys, holder, on_key=False)
        if isinstance(node, SequenceNode):
            item = shape.item if shape.kind in (Kind.LIST, Kind.ITEMS) else None
            for number, each in enumerate(node.items):
                if self.inside(each):
                    inner = item or _of_values(shape)
                    return self.down(each, inner, levels, (*keys, number), node)
            return None
        return self.into(node, shape, levels, keys)

    def into(
        self,
        node: MappingNode,
        shape: Shape,
        levels: tuple[Level, ...],
        keys: tuple[str | int, ...],
    ) -> Cursor | None:
        """Go on below a key, or stay at it."""
        cls = _class_of(node, shape)
        if cls is not None:
            levels = (*levels, Level(cls, node, keys[-1] if keys else None))
        for entry in node.entries:
            key = entry.key
            field = fields_of(cls).get(key.value) if cls is not None else None
            if key.start <= self.index <= key.end:
                entered = _entering(levels, field) if cls is not None else levels
                return self.at(key, shape, entered, (*keys, key.value), node, on_key=True)
            if self.inside(entry.value):
                entered = _entering(levels, field) if cls is not None else levels
                inner = _shape_below(cls, field, shape)
                return self.down(entry.value, inner, entered, (*keys, key.value), node)
        return None

    def at(
        self,
        scalar: ScalarNode,
        shape: Shape,
        levels: tuple[Level, ...],
        keys: tuple[str | int, ...],
        holder: YamlNode | None,
        on_key: bool,
    ) -> Cursor | None:
        offset = next(
            (
                place
                for place in range(len(scalar.value))
                if scalar.characters.index(*_start_of(scalar, place)) >= self.index
            ),
            len(scalar.value),
        )
        return Cursor(levels, keys, shape, on_key, scalar, offset, holder) if levels else None

    def inside(self, node: YamlNode) -> bool:
        if isinstance(node, ScalarNode):
            return node.start <= self.index <= node.end
        scalars = list(scalars_of(node))
        return bool(scalars) and scalars[0].start <= self.index <= scalars[-1].end


def _start_of(scalar: ScalarNode, place: int) -> tuple[int, int]:
    span = scalar.span_of(place, place + 1)
    return span.line, span.column


def _entering(levels: tuple[Level, ...], field: FieldShape | None) -> tuple[Level, ...]:
    return (*levels[:-1], replace(levels[-1], field=field))


def _class_of(node: MappingNode, shape: Shape) -> type[Node] | None:
    """Name the class of the statement that a mapping is, if it is one."""
    if shape.kind in (Kind.NODE, Kind.ITEMS):
        return shape.cls
    return Metadata if shape.kind is Kind.ENTRY else None


def _shape_below(cls: type[Node] | None, field: FieldShape | None, shape: Shape) -> Shape:
    if field is not None:
        return field.shape
    if cls is not None:
        return METADATA_ENTRY if issubclass(cls, Metadata) else _TABLE_OF_VALUES
    return _of_values(shape)


def _of_values(shape: Shape) -> Shape:
    """The shape of what is inside a value that is no statement."""
    if shape.kind is Kind.TABLE and shape.item is not None:
        return shape.item
    return shape if shape.kind in (Kind.PATTERNS, Kind.FREE, Kind.ENTRY) else Shape(Kind.JSON)
