"""The comments of a YAML text, and what each of them speaks of.

A comment at the end of a line belongs to the key or item of that line. One on a line of its own
belongs to what follows; but where it is indented deeper than that, to the end of the list or
mapping that ends above it.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from tiledmap.language.yaml_source import (
    Characters,
    MappingNode,
    ScalarNode,
    SequenceNode,
    Source,
    YamlNode,
    scalars_of,
)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment.

    Parameters
    ----------
    line, column
        Where its ``#`` stands, counted from 1.
    alone
        Whether nothing else is on its line.
    """

    text: str
    line: int
    column: int
    index: int = field(repr=False)
    alone: bool


@dataclass(eq=False, slots=True)
class Element:
    """A key with its value, or an item of a list, and the comments on it.

    Parameters
    ----------
    key
        None for an item of a list.
    line, column
        Where the key, or the item's dash, stands.
    leading
        The lines above: texts of comments, and empty texts for empty lines.
    beside
        Comments on its own lines.
    """

    key: ScalarNode | None
    value: YamlNode
    line: int
    column: int
    collection: "Collection | None"
    leading: list[str] = field(default_factory=list)
    beside: list[Comment] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Collection:
    """A list or a mapping with what is in it.

    Parameters
    ----------
    holder
        The element whose value it is; None at the top.
    foot
        Comments at its end.
    """

    node: MappingNode | SequenceNode
    flow: bool
    holder: Element | None
    outer: "Collection | None"
    elements: list[Element] = field(default_factory=list)
    foot: list[str] = field(default_factory=list)

    @property
    def column(self) -> int:
        return self.node.span.column

    def walk(self) -> Iterator[Element]:
        """Every element, in the order of the text."""
        for element in self.elements:
            yield element
            if element.collection is not None:
                yield from element.collection.walk()

    @property
    def commented(self) -> bool:
        """Whether there is a comment anywhere inside."""
        return bool(self.foot) or any(
            element.beside
            or any(element.leading)
            or (element.collection is not None and element.collection.foot)
            for element in self.walk()
        )


def find_comments(source: Source) -> list[Comment]:
    """Find every comment of a text, in order."""
    scalars = sorted(scalars_of(source.root), key=lambda scalar: scalar.start)
    text, found, past, index = source.text, [], 0, 0
    while (index := text.find("#", index)) >= 0:
        while past < len(scalars) and scalars[past].end <= index:
            past += 1
        if past < len(scalars) and scalars[past].start <= index:
            index = scalars[past].end
            continue
        if index and text[index - 1] not in " \t\n\x85\u2028\u2029":
            index += 1
            continue
        place = source.characters.span(index, index)
        line = source.characters.lines[place.line - 1]
        before, comment = line[: place.column - 1], line[place.column - 1 :]
        found.append(Comment(comment.rstrip(), place.line, place.column, index, not before.strip()))
        index += len(comment)
    return found


def read_elements(source: Source) -> Collection | None:
    """Return the text's lists and mappings with their comments; None where it is a scalar."""
    top = _collection(source.root, source.characters, None, None)
    if top is not None:
        _Attachment(source, top).attach()
    return top


def _collection(
    node: YamlNode, characters: Characters, holder: Element | None, outer: Collection | None
) -> Collection | None:
    if isinstance(node, ScalarNode):
        return None
    start = characters.index(node.span.line, node.span.column)
    flow = characters.text[start : start + 1] in ("[", "{")
    collection = Collection(node, flow, holder, outer)
    if isinstance(node, MappingNode):
        for entry in node.entries:
            span = entry.key.span
            element = Element(entry.key, entry.value, span.line, span.column, None)
            element.collection = _collection(entry.value, characters, element, collection)
            collection.elements.append(element)
    else:
        for item in node.items:
            line, column = item.span.line, item.span.column
            if not flow:
                column = node.span.column
                while characters.lines[line - 1][column - 1 : column] != "-" and line > 1:
                    line -= 1
            element = Element(None, item, line, column, None)
            element.collection = _collection(item, characters, element, collection)
            collection.elements.append(element)
    return collection


@dataclass(frozen=True, slots=True)
class _Line:
    """A comment on a line of its own, or an empty line."""

    text: str = ""
    column: int = 0
    index: int = 0


class _Attachment:
    """Gives each comment, and each empty line, to what it speaks of."""

    def __init__(self, source: Source, top: Collection) -> None:
        self._source = source
        self._top = top
        self._elements = list(top.walk())
        collections = [top, *(e.collection for e in self._elements if e.collection is not None)]
        self._homes = {id(e): collection for collection in collections for e in collection.elements}
        self._flows = [collection for collection in collections if collection.flow]
        self._blocks = [e for e in self._elements if not self._homes[id(e)].flow]

    def attach(self) -> None:
        """Go through the lines from the top."""
        comments = {comment.line: comment for comment in find_comments(self._source)}
        inside = set(_lines_inside_scalars(self._source.root))
        first_of = {element.line: element for element in reversed(self._elements)}
        last_of = {element.line: element for element in self._elements}
        waiting: list[_Line] = []
        before: Element | None = None
        for number, line in enumerate(self._source.characters.lines, 1):
            if element := first_of.get(number):
                self._settle(waiting, before, element)
                waiting = []
                before = last_of[number]
            if comment := comments.get(number):
                owner = None if comment.alone else self._beside(comment)
                if owner is not None:
                    owner.beside.append(comment)
                else:
                    waiting.append(_Line(comment.text, comment.column, comment.index))
            elif not line.strip() and number not in inside:
                waiting.append(_Line())
        self._settle(waiting, before, None)

    def _settle(self, waiting: list[_Line], before: Element | None, after: Element | None) -> None:
        """Give the lines between two elements to the one that ends, or to the one that begins."""
        ends = [self._ended(line, before, after) if line.text else None for line in waiting]
        last = max((place for place, end in enumerate(ends) if end is not None), default=-1)
        for place, line in enumerate(waiting):
            following = next((end for end in ends[place : last + 1] if end is not None), None)
            if following is not None:
                following.foot.append(line.text)
            elif after is not None:
                after.leading.append(line.text)

    def _ended(
        self, line: _Line, before: Element | None, after: Element | None
    ) -> Collection | None:
        """The collection at whose end a comment stands; None if it is of what begins."""
        around = self._outwards(after)
        flow = self._flow_around(line.index)
        if flow is not None and flow not in around:
            return flow
        if after is not None and (flow is not None or line.column <= after.column):
            return None
        ending = [one for one in self._outwards(before) if not one.flow and one not in around]
        fitting = [one for one in ending if one.column <= line.column]
        if not fitting:
            return self._top if after is None else None
        # A list may stand as far left as its key; what is said there is of what the key is in.
        return [one for one in fitting if one.column == fitting[0].column][-1]

    def _outwards(self, element: Element | None) -> list[Collection]:
        """The collections that an element is in, from the inside."""
        found = []
        collection = self._homes[id(element)] if element is not None else None
        while collection is not None:
            found.append(collection)
            collection = collection.outer
        return found

    def _flow_around(self, index: int) -> Collection | None:
        around = [flow for flow in self._flows if self._extent(flow)[0] < index]
        around = [flow for flow in around if index < self._extent(flow)[1]]
        return around[-1] if around else None

    def _extent(self, collection: Collection) -> tuple[int, int]:
        span, characters = collection.node.span, self._source.characters
        start = characters.index(span.line, span.column)
        return start, characters.index(span.end_line, span.end_column)

    def _beside(self, comment: Comment) -> Element | None:
        """The element at whose line's end a comment stands."""
        place = (comment.line, comment.column)
        flow = self._flow_around(comment.index)
        if flow is not None:
            inner = [e for e in flow.elements if e.line == comment.line and e.column < place[1]]
            return inner[-1] if inner else flow.holder
        count = bisect_left(self._blocks, place, key=lambda element: (element.line, element.column))
        return self._blocks[count - 1] if count else None


def _lines_inside_scalars(node: YamlNode) -> Iterator[int]:
    for scalar in scalars_of(node):
        last = scalar.span.end_line
        if scalar.keeps_its_end:
            last += len(scalar.value) - len(scalar.value.rstrip("\n")) - 1
        yield from range(scalar.span.line + 1, last + 1)
