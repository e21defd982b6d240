"""The canonical way to write a mapping: `tiledmap fmt`.

Keys stand in the order of the language, rules and everything else in the user's. Nothing that is
said changes, and no comment is lost: what is written is read again and compared before it is given.
"""

import re
from collections.abc import Iterator
from typing import Any

from tiledmap.language.comments import Collection, Comment, Element, find_comments, read_elements
from tiledmap.language.nodes import Mapping, Metadata, Node
from tiledmap.language.render import is_plain
from tiledmap.language.shapes import METADATA_ENTRY, Kind, Shape, fields_of, written_fields
from tiledmap.language.yaml_source import (
    MappingNode,
    ScalarNode,
    SequenceNode,
    Source,
    YamlNode,
    read_source,
)
from tiledmap.problems import Problem, Severity

WIDTH = 100
_STEP = 2
_PARTS = frozenset({"source", "settings", "repair", "run", "streams", "assets", "moved", "hooks"})
"""Keys at the top that an empty line stands before."""

_DIGIT = re.compile(r"\d")
_IGNORE = re.compile(r"#\s*tiledmap:\s*ignore\b")
_AMBIGUOUS = re.compile(r"[-+]?\d[\d_:,-]*")
"""What other readers of YAML may take for a date, a time or a number."""


def format_text(
    text: str, file: str = "<text>", *, cls: type[Node] = Mapping
) -> tuple[str, list[Problem]]:
    """Write a mapping's text in the canonical way.

    Parameters
    ----------
    text
        Of a mapping, which may have any errors but those that keep it from being read as YAML.
    file
        The name to use in problems.
    cls
        The class of the statement at the top.

    Returns
    -------
    formatted
        The text as it is where there are problems.
    problems
        Why it cannot be formatted.
    """
    source, problems = read_source(text, file)
    problems = [problem for problem in problems if problem.severity is Severity.ERROR]
    return (text, problems) if source is None or problems else format_source(source, cls)


def format_source(source: Source, cls: type[Node] = Mapping) -> tuple[str, list[Problem]]:
    """Write a text that has been read in the canonical way; see `format_text`."""
    text = source.text
    top = read_elements(source)
    if top is None or not top.elements:
        return text, []
    lines = _Page(source).collection(top, 0, Shape(Kind.NODE, cls))
    formatted = "".join(f"{line}\n" for line in lines)
    again, _ = read_source(formatted, source.file)
    if again is None or not _says_the_same(source, again):
        message = "it cannot be formatted without a change of what it says"
        return text, [Problem("TM002", source.root.span, message)]
    return formatted, []


def _says_the_same(one: Source, other: Source) -> bool:
    comments = [sorted(comment.text for comment in find_comments(each)) for each in (one, other)]
    return comments[0] == comments[1] and _meaning(one.root) == _meaning(other.root)


def _meaning(node: YamlNode) -> Any:
    """What a tree says, whatever the order of its keys."""
    match node:
        case MappingNode():
            return {entry.key.value: _meaning(entry.value) for entry in node.entries}
        case SequenceNode():
            return [_meaning(item) for item in node.items]
    return (node.value, node.plain and not is_plain(node.value) and not node.empty)


class _Page:
    """Writes a text's elements as lines."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collection(self, collection: Collection, indentation: int, shape: Shape) -> list[str]:
        """Write what is in a list or a mapping, one element after the other."""
        lines: list[str] = []
        for element in self._ordered(collection, shape):
            leading = _without_runs(element.leading)
            if collection.outer is None and self._is_part(element):
                leading = ["", *leading] if leading[:1] != [""] else leading
            if not lines:
                leading = leading[1:] if leading[:1] == [""] else leading
            lines += _indented(leading, indentation)
            lines += self._element(element, indentation, _inside(shape, element))
        foot = _without_runs(collection.foot)
        while foot and not foot[-1]:
            foot.pop()
        return lines + _indented(foot, indentation)

    def _is_part(self, element: Element) -> bool:
        inner = element.collection
        return (
            element.key is not None
            and element.key.value in _PARTS
            and inner is not None
            and bool(inner.elements)
        )

    def _ordered(self, collection: Collection, shape: Shape) -> list[Element]:
        """The elements in the order of the language; head comments stay at the top of the file."""
        elements = collection.elements
        if not isinstance(collection.node, MappingNode) or not elements:
            return elements
        if self._first_line_is_judged(collection):
            return elements
        order = list(_keys_in_order(shape, collection.node))
        known = {key: place for place, key in enumerate(order)}
        ordered = sorted(elements, key=lambda element: known.get(_key(element), len(order)))
        if collection.outer is None and ordered[0] is not elements[0]:
            ordered[0].leading = elements[0].leading + ordered[0].leading
            elements[0].leading = []
        return ordered

    def _first_line_is_judged(self, collection: Collection) -> bool:
        """Whether a comment ignores what is wrong with the line on which a statement begins."""
        first = collection.elements[0]
        holder = collection.holder
        above = [*first.leading, *(holder.leading if holder and holder.key is None else ())]
        texts = [*above[-1:], *(comment.text for comment in first.beside)]
        return any(_IGNORE.match(text) for text in texts)

    # ------------------------------------------------------------ one element

    def _element(self, element: Element, indentation: int, shape: Shape) -> list[str]:
        head = "-" if element.key is None else f"{self._key(element.key, flow=False)}:"
        head = f"{' ' * indentation}{head}"
        inner = element.collection
        if inner is None:
            assert isinstance(element.value, ScalarNode)
            return self._beside(self._scalar_lines(head, element.value, indentation), element)
        if not inner.elements and not inner.commented:
            empty = "[]" if isinstance(inner.node, SequenceNode) else "{}"
            return self._beside([f"{head} {empty}"], element)
        if inner.flow and not inner.commented and (line := self._flow(inner, shape)) is not None:
            judged = any(_IGNORE.match(comment.text) for comment in element.beside)
            if judged or len(head) + 1 + len(line) <= WIDTH:
                return self._beside([f"{head} {line}"], element)
        return self._block(head, element, inner, indentation, shape)

    def _block(
        self, head: str, element: Element, inner: Collection, indentation: int, shape: Shape
    ) -> list[str]:
        late = [comment for comment in element.beside if comment.line != element.line]
        beside = [comment for comment in element.beside if comment.line == element.line]
        inner.foot += [comment.text for comment in late]
        body = self.collection(inner, indentation + _STEP, shape)
        if element.key is not None:
            return [_with_comment(head, beside), *body]
        # An item begins on the line of its dash; what is said above it comes before.
        first = next(place for place, line in enumerate(body) if not _is_comment(line))
        above = [line[_STEP:] for line in body[:first]] + _indented(
            [comment.text for comment in beside], indentation
        )
        return [*above, f"{head} {body[first].lstrip()}", *body[first + 1 :]]

    def _beside(self, lines: list[str], element: Element) -> list[str]:
        """Put a comment at the end of lines; where there are several, the others above."""
        indentation = len(lines[0]) - len(lines[0].lstrip())
        above = _indented([comment.text for comment in element.beside[:-1]], indentation)
        return [*above, *lines[:-1], _with_comment(lines[-1], element.beside[-1:])]

    # ------------------------------------------------------------ values

    def _flow(self, collection: Collection, shape: Shape) -> str | None:
        """Write a list or a mapping in brackets; None where it does not go on one line."""
        parts = []
        for element in self._ordered(collection, shape):
            inside = _inside(shape, element)
            if element.collection is not None:
                value = self._flow(element.collection, inside)
                if value is None:
                    return None
            else:
                assert isinstance(element.value, ScalarNode)
                lines = self._scalar(element.value, flow=True)
                if len(lines) > 1:
                    return None
                value = lines[0]
            if element.key is not None:
                value = f"{self._key(element.key, flow=True)}: {value}"
            parts.append(value)
        text = ", ".join(parts)
        return f"[{text}]" if isinstance(collection.node, SequenceNode) else f"{{{text}}}"

    def _scalar_lines(self, head: str, node: ScalarNode, indentation: int) -> list[str]:
        first, *rest = self._scalar(node, flow=False)
        inner = " " * (indentation + _STEP)
        return [f"{head} {first}".rstrip(), *(f"{inner}{line}".rstrip() for line in rest)]

    def _key(self, node: ScalarNode, *, flow: bool) -> str:
        return self._scalar(node, flow=flow)[0] or '""'

    def _scalar(self, node: ScalarNode, *, flow: bool) -> list[str]:
        """Write a scalar; a text of several lines line by line, without its indentation."""
        raw = self._source.text[node.start : node.end]
        if node.style in ("|", ">"):
            return _block_scalar(node, raw)
        first, *rest = raw.split("\n")
        if rest:
            return [first, *(line.lstrip() for line in rest)]
        if not node.style:
            return [raw]
        indicators = flow and re.search(r"[,\[\]{}]", node.value)
        if is_plain(node.value) and not _AMBIGUOUS.fullmatch(node.value) and not indicators:
            return [node.value]
        if node.style == "'" and not re.search(r"[\\\"]", node.value) and node.value.isprintable():
            return [f'"{node.value}"']
        return [raw]


def _block_scalar(node: ScalarNode, raw: str) -> list[str]:
    """Write a block's lines without their indentation, its empty ones at the end included."""
    first, *lines = raw.split("\n")
    header = _DIGIT.sub(str(_STEP), node.header)
    if node.value and not node.value.endswith("\n") and "-" not in header:
        header = (
            f"{header.rstrip().rstrip('+')}-"  # it ended with the file, which now has a line end
        )
    filled = [_leading(line) for line in lines if line.strip()]
    depth = min(filled, default=0)
    if filled and _DIGIT.search(header):  # then its first line may be indented on its own
        depth = filled[0] - next(_leading(line) for line in node.value.split("\n") if line.strip())
    kept = [line[depth:] for line in lines]
    if node.keeps_its_end:
        kept += [""] * (len(node.value) - len(node.value.rstrip("\n")) - 1)
    return [header + first[len(node.header) :], *kept]


def _leading(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


# ---------------------------------------------------------------- order


def _keys_in_order(shape: Shape, node: MappingNode) -> Iterator[str]:
    if shape.kind in (Kind.NODE, Kind.ITEMS) or (shape.kind is Kind.ENTRY and _copies(node)):
        cls: type[Node] = shape.cls or Node
        yield from (field.key for field in written_fields(cls))


def _inside(shape: Shape, element: Element) -> Shape:
    """The shape of what an element holds."""
    cls: type[Node] = shape.cls or Node
    match shape.kind:
        case Kind.LIST | Kind.TABLE:
            return shape.item or _ANYTHING
        case Kind.ITEMS if element.key is None:
            return shape.item or _ANYTHING
        case Kind.NODE | Kind.ITEMS:
            if field := fields_of(cls).get(_key(element)):
                return field.shape
            return METADATA_ENTRY if issubclass(cls, Metadata) else _ANYTHING
        case Kind.ENTRY:
            return METADATA_ENTRY
    return _ANYTHING


_ANYTHING = Shape(Kind.JSON)


def _copies(node: YamlNode) -> bool:
    return isinstance(node, MappingNode) and any(
        entry.key.value == "copy" or _copies(entry.value) for entry in node.entries
    )


def _key(element: Element) -> str:
    return element.key.value if element.key is not None else ""


# ---------------------------------------------------------------- lines


def _with_comment(line: str, comments: list[Comment]) -> str:
    """Put a comment where it stood, or two spaces after the line."""
    if not comments:
        return line
    texts = " ".join(comment.text for comment in comments)
    return f"{line.ljust(max(comments[0].column - 1, len(line) + 2))}{texts}"


def _indented(texts: list[str], indentation: int) -> list[str]:
    return [f"{' ' * indentation}{text}" if text else "" for text in texts]


def _without_runs(texts: list[str]) -> list[str]:
    """One empty line in place of several."""
    return [
        text for place, text in enumerate(texts) if text or place == 0 or texts[place - 1] != ""
    ]


def _is_comment(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")
