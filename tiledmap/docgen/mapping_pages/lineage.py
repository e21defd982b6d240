"""The way of fields into nodes, both ways: rows of tables, and a picture."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from tiledmap.docgen.mapping_pages.field_reference import document_types
from tiledmap.docgen.mapping_pages.words import key_in_words, shortened
from tiledmap.documents.schemas import SCHEMA_FILES
from tiledmap.outline.values import ANY_KEY, AS_ONE, FieldPath, Link, Outline, OutlineNode, Part

_ORDER = {name: place for place, name in enumerate(SCHEMA_FILES)}


@dataclass(frozen=True, slots=True)
class Use:
    """What of a node a field has to do with; all its names of one kind together."""

    node: OutlineNode
    part: Part
    names: tuple[str, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field, and every use of it; or the reason why it is not stored."""

    field: FieldPath
    uses: tuple[Use, ...]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A piece of a node, and the fields that it is made of."""

    node: OutlineNode
    part: Part
    name: str
    fields: tuple[FieldPath, ...]
    whole: bool


def field_rows(outline: Outline) -> tuple[FieldRow, ...]:
    """Tell of each field where it goes, in the order of documents."""
    nodes = {node.id: node for node in outline.walk()}
    by_field: dict[FieldPath, list[Link]] = {}
    for link in outline.links:
        by_field.setdefault(link.field, []).append(link)
    reasons = _reasons(outline)
    rows = [
        FieldRow(field, tuple(_uses(links, nodes)), reasons.pop(field, ()))
        for field, links in by_field.items()
    ]
    rows += [FieldRow(field, (), said) for field, said in reasons.items()]
    return tuple(sorted(rows, key=lambda row: _place(row.field)))


def _place(field: FieldPath) -> tuple[int, str]:
    return _ORDER.get(field.document, len(_ORDER)), str(field)


def _uses(links: Iterable[Link], nodes: dict[str, OutlineNode]) -> Iterator[Use]:
    grouped: dict[tuple[str, Part, bool], dict[str, None]] = {}
    for link in links:
        grouped.setdefault((link.node, link.part, link.whole), {})[name_of(link)] = None
    for (node, part, whole), names in grouped.items():
        yield Use(nodes[node], part, tuple(filter(None, names)), whole)


def name_of(link: Link) -> str:
    """What of a node's part a link is about; empty where the part says it all."""
    if link.part is Part.PATH or link.name == link.node:
        return ""
    return link.name


def _reasons(outline: Outline) -> dict[FieldPath, tuple[str, ...]]:
    """Why fields are not stored, as far as they are not."""
    found: dict[FieldPath, dict[str, None]] = {}
    for row in outline.coverage:
        if row.reason and not row.destination and row.document not in AS_ONE:
            field = FieldPath(row.document, (row.field,))
            found.setdefault(field, {})[row.reason] = None
    return {field: tuple(reasons) for field, reasons in found.items()}


def node_rows(outline: Outline) -> tuple[NodeRow, ...]:
    """Tell of each piece of each node what it is made of, in the order of the tree."""
    return tuple(row for node in outline.walk() for row in rows_into(outline, node))


def rows_into(outline: Outline, node: OutlineNode) -> tuple[NodeRow, ...]:
    """Tell of each piece of a node what it is made of."""
    grouped: dict[tuple[Part, str], list[Link]] = {}
    for link in outline.links_into(node.id):
        grouped.setdefault((link.part, name_of(link)), []).append(link)
    return tuple(
        NodeRow(
            node,
            part,
            name,
            tuple(dict.fromkeys(link.field for link in links)),
            any(link.whole for link in links),
        )
        for (part, name), links in grouped.items()
    )


# ---------------------------------------------------------------- the picture

_ROW, _HEAD, _GAP = 30.0, 36.0, 14.0
_LEFT, _MIDDLE, _RIGHT = 350.0, 250.0, 330.0
_MARGIN = 6.0
_TEXT, _DOT = 16.0, 16.0
_CHARACTER, _KEY_CHARACTER = 7.9, 8.6
_NODE, _GLYPH, _STEP = 46.0, 40.0, 18.0


@dataclass(frozen=True, slots=True)
class Source:
    """Fields of one document that go to the same nodes, drawn as one.

    Parameters
    ----------
    label
        The first of them, and how many more there are.
    """

    number: int
    fields: tuple[FieldPath, ...]
    label: str
    y: float


@dataclass(frozen=True, slots=True)
class Target:
    """A node at the right of the picture."""

    number: int
    node: OutlineNode
    label: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A way from fields to a node, as SVG writes it."""

    source: int
    target: int
    path: str
    whole: bool


@dataclass(frozen=True, slots=True)
class LineagePicture:
    """Fields at the left, nodes at the right, and a curve for every way between them.

    Parameters
    ----------
    left
        Where fields end and curves begin.
    heads
        Types of documents, and where the fields of each begin.
    """

    width: float
    height: float
    left: float
    heads: tuple[tuple[str, float], ...]
    sources: tuple[Source, ...]
    targets: tuple[Target, ...]
    curves: tuple[Curve, ...]


def draw_lineage(outline: Outline) -> LineagePicture:
    """Lay the picture out."""
    reached: dict[FieldPath, dict[str, bool]] = {}
    for link in sorted(outline.links, key=lambda link: _place(link.field)):
        nodes = reached.setdefault(link.field, {})
        nodes[link.node] = nodes.get(link.node, False) or link.whole
    grouped: dict[tuple[str, frozenset[str]], list[FieldPath]] = {}
    for field, nodes in reached.items():
        grouped.setdefault((field.document, frozenset(nodes)), []).append(field)

    heads: list[tuple[str, float]] = []
    sources: list[Source] = []
    ways: list[tuple[int, str, bool]] = []
    y = _MARGIN
    for number, ((document, nodes_reached), fields) in enumerate(grouped.items()):
        if not heads or heads[-1][0] != document:
            y += _GAP if heads else 0
            heads.append((document, y))
            y += _HEAD
        sources.append(Source(number, tuple(fields), _label(fields), y))
        ways += [
            (number, node.id, any(reached[field][node.id] for field in fields))
            for node in outline.walk()
            if node.id in nodes_reached
        ]
        y += _ROW
    targets = _targets(outline, y)
    placed = {target.node.id: target for target in targets}
    height = max(y, *(target.y + _NODE for target in targets)) + _MARGIN if targets else y
    curves = tuple(
        Curve(number, placed[node].number, _curve(sources[number], placed[node]), whole)
        for number, node, whole in ways
    )
    return LineagePicture(
        _LEFT + _MIDDLE + _RIGHT + 2 * _MARGIN,
        height,
        _MARGIN + _LEFT,
        tuple(heads),
        tuple(sources),
        targets,
        curves,
    )


@cache
def _required() -> frozenset[FieldPath]:
    fields = (field for each in document_types() for field in each.fields)
    return frozenset(field.path for field in fields if field.required)


def _label(fields: list[FieldPath]) -> str:
    """Name as many fields as there is room for, first those that every document has."""
    required = _required()
    ordered = sorted(fields, key=lambda field: (field not in required, ANY_KEY in field.steps))
    names = [".".join(field.steps) or field.document for field in ordered]
    room = int((_LEFT - _TEXT - _DOT) / _CHARACTER)
    for shown in (3, 2):
        rest = len(names) - shown
        more = f" and {rest} more" if rest > 0 else ""
        label = ", ".join(names[:shown]) + more
        if len(label) <= room:
            return label
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return shortened(names[0], room - len(more)) + more


def _targets(outline: Outline, height: float) -> tuple[Target, ...]:
    """Spread the nodes over the height of the fields, in the order of the tree."""
    nodes = list(outline.walk())
    free = height - _MARGIN - len(nodes) * _NODE
    gap = min(max(free / max(len(nodes) - 1, 1), 10.0), 80.0)
    used = len(nodes) * _NODE + (len(nodes) - 1) * gap
    top = _MARGIN + max((height - _MARGIN - used) / 2, 0.0)
    depth_of_top = min((len(node.path) for node in nodes), default=1)
    targets = []
    for number, node in enumerate(nodes):
        inside = (len(node.path) - depth_of_top) * _STEP
        room = int((_RIGHT - inside - _GLYPH - _TEXT) / _KEY_CHARACTER)
        label = shortened(key_in_words(node.key), max(room, 4))
        left = _MARGIN + _LEFT + _MIDDLE + inside
        targets.append(Target(number, node, label, left, top + number * (_NODE + gap)))
    return tuple(targets)


def _curve(source: Source, target: Target) -> str:
    start_x, start_y = _MARGIN + _LEFT, source.y + _ROW / 2
    end_x, end_y = target.x, target.y + _NODE / 2
    middle = (start_x + _MARGIN + _LEFT + _MIDDLE) / 2
    return (
        f"M{start_x:g} {start_y:g}"
        f"C{middle:g} {start_y:g} {middle:g} {end_y:.1f} {end_x:g} {end_y:.1f}"
    )
