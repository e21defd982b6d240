"""A mapping's tree as a picture: where each node is drawn, and the lines between them.

It reads like a list of files that grows to the right: a parent stands beside its first child, and
every leaf has a row of its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tiledmap.docgen.mapping_pages.words import facts, key_in_words, label_of, shortened, varies
from tiledmap.outline.values import OutlineNode

HEIGHT = 54
_GAP, _INDENT, _MARGIN = 16, 44, 8
_NARROWEST, _WIDEST = 150, 310
_KEY_CHARACTER, _FACT_CHARACTER = 8.6, 7.0
_TEXT_LEFT, _TEXT_RIGHT = 42, 14
_PARENT_MIDDLE = HEIGHT / 2
_CORNER = 10


@dataclass(frozen=True, slots=True)
class Box:
    """A node in the picture.

    Parameters
    ----------
    key, fact
        Its two lines of text, cut to what there is room for.
    rule
        What tells its rule from others of the same parent; at the end of the first line.
    many
        Whether there is one for each of several things, so that it is drawn as a pile.
    """

    node: OutlineNode
    x: float
    y: float
    width: float
    key: str
    fact: str
    rule: str
    many: bool

    @property
    def height(self) -> float:
        return HEIGHT


@dataclass(frozen=True, slots=True)
class TreePicture:
    """A picture of a tree; `lines` lead from each parent to its children, as SVG writes paths."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[str, ...]


def draw_tree(top: Iterable[OutlineNode]) -> TreePicture:
    """Lay a tree out."""
    top = tuple(top)
    widths = _widths(top)
    lefts = [_MARGIN + sum(widths[:depth]) + depth * _INDENT for depth in range(len(widths))]
    boxes: list[Box] = []
    lines: list[str] = []
    row = 0
    for node in top:
        row = _place(node, 0, row, (lefts, widths), boxes, lines)
    width = max((box.x + box.width for box in boxes), default=0.0) + _MARGIN + 6
    height = 2 * _MARGIN + row * (HEIGHT + _GAP) - _GAP + 6 if row else 0.0
    return TreePicture(width, height, tuple(boxes), tuple(lines))


def _place(
    node: OutlineNode,
    depth: int,
    row: int,
    columns: tuple[list[float], list[float]],
    boxes: list[Box],
    lines: list[str],
) -> int:
    """Put a node and all below it into rows from `row` on; return the next free row."""
    lefts, widths = columns
    x, y, width = lefts[depth], _MARGIN + row * (HEIGHT + _GAP), widths[depth]
    boxes.append(_box(node, x, y, width))
    branches: list[str] = []
    for number, child in enumerate(node.children):
        child_y = _MARGIN + row * (HEIGHT + _GAP)
        branches.append(_line(x + width, y, lefts[depth + 1], child_y, first=number == 0))
        row = _place(child, depth + 1, row, columns, boxes, lines)
    if branches:
        lines.append("".join(branches))
    return row if node.children else row + 1


def _box(node: OutlineNode, x: float, y: float, width: float) -> Box:
    room = width - _TEXT_LEFT - _TEXT_RIGHT
    rule = _rule(node)
    return Box(
        node,
        x,
        y,
        width,
        key=shortened(
            key_in_words(node.key), int((room - len(rule) * _FACT_CHARACTER) / _KEY_CHARACTER)
        ),
        fact=shortened(_fact(node), int(room / _FACT_CHARACTER)),
        rule=rule,
        many=varies(node.key),
    )


def _rule(node: OutlineNode) -> str:
    """Name the rule of a node that shares its key with others; of others the key says enough."""
    name = label_of(node).rpartition("/")[2]
    return name if varies(node.key) and node.id == node.rule and len(name) <= 20 else ""


def _fact(node: OutlineNode) -> str:
    return " · ".join(facts(node))


def _widths(top: tuple[OutlineNode, ...]) -> list[float]:
    """How wide each column of boxes is: as its longest text asks for, within bounds."""
    widths: list[float] = []
    level = top
    while level:
        wanted = max(
            max(
                len(key_in_words(node.key)) * _KEY_CHARACTER
                + (len(_rule(node)) + 2) * _FACT_CHARACTER,
                len(_fact(node)) * _FACT_CHARACTER,
            )
            for node in level
        )
        widths.append(min(max(wanted + _TEXT_LEFT + _TEXT_RIGHT, _NARROWEST), _WIDEST))
        level = tuple(_children(level))
    return widths


def _children(nodes: Iterable[OutlineNode]) -> Iterator[OutlineNode]:
    for node in nodes:
        yield from node.children


def _line(x: float, y: float, child_x: float, child_y: float, *, first: bool) -> str:
    """A line from a parent's right edge; down a common trunk to all children but the first."""
    start, end = y + _PARENT_MIDDLE, child_y + _PARENT_MIDDLE
    if first:
        return f"M{x:g} {start:g}H{child_x:g}"
    trunk = x + _INDENT / 2
    return (
        f"M{x:g} {start:g}H{trunk - _CORNER:g}Q{trunk:g} {start:g} {trunk:g} {start + _CORNER:g}"
        f"V{end - _CORNER:g}Q{trunk:g} {end:g} {trunk + _CORNER:g} {end:g}H{child_x:g}"
    )
