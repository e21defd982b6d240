"""Which fields of which documents the expressions of a mapping look at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tiledmap.check.layout import paths_in
from tiledmap.language import nodes
from tiledmap.language.expressions import Call, Expr, Path
from tiledmap.language.scalars import Expression, Free, Patterns, Text
from tiledmap.outline.values import ANY_KEY, FieldPath, Link, Part
from tiledmap.problems import NOWHERE, Span

Names: TypeAlias = Mapping[str, FieldPath]
"""What each name in scope stands for."""

DATA_KEY = FieldPath("descriptor", ("data_keys", ANY_KEY))
_NAMED_ALIKE = ("start", "stop", "descriptor", "event", "resource", "datum", "stream_resource")
DOCUMENTS: Names = {
    **{name: FieldPath(name) for name in _NAMED_ALIKE},
    "data_key": DATA_KEY,
    "value": FieldPath("event", ("data", ANY_KEY)),
    "timestamp": FieldPath("event", ("timestamps", ANY_KEY)),
}
_DERIVED = {"size": "shape", "ndim": "shape", "device": "object_name"}
"""The fields of a data key that are made from others; its name is its key in the descriptor."""

DECLARED_TYPE = tuple(DATA_KEY.below(name) for name in ("dtype", "dtype_numpy", "shape"))
"""What says the type of a data key's values."""


@dataclass(frozen=True, slots=True)
class Use:
    """A field that a value is made of; `whole` where it is the value."""

    field: FieldPath
    whole: bool
    at: Span


def uses_of(value: Text | Expression | Free, names: Names = DOCUMENTS) -> Iterator[Use]:
    """Yield every field that a value is made of."""
    match value:
        case Free():
            for text in value.texts():
                yield from uses_of(text, names)
        case Text():
            for hole in value.holes:
                yield from _uses(hole, names, value.span, alone=value.single is hole)
        case Expression(tree=Expr() as tree):
            yield from _uses(tree, names, value.span, alone=True)


def _uses(tree: Expr, names: Names, at: Span, *, alone: bool) -> Iterator[Use]:
    itself = _itself(tree) if alone else None
    for path in paths_in(tree):
        found = field_of(path, names)
        if found is not None:
            span = at if path.span == NOWHERE else path.span
            yield Use(found, path is itself, span)


def _itself(tree: Expr) -> Path | None:
    """Return the path that a value is, if it is nothing but that, or what stands for it."""
    if isinstance(tree, Call) and tree.function == "default" and tree.arguments:
        tree = tree.arguments[0]
    return tree if isinstance(tree, Path) else None


def field_of(path: Path, names: Names) -> FieldPath | None:
    """Return the field that a path in an expression denotes; None for settings and the like."""
    root = names.get(path.root)
    if root is None:
        return None
    steps = tuple(map(str, path.steps))
    if root == DATA_KEY and steps:
        steps = (_DERIVED.get(steps[0], steps[0]), *steps[1:])
    return root.below(*steps)


def with_item(item: nodes.SpecItem | nodes.TagItem, names: Names) -> Names:
    """Return the names with that of an entry's own item, where one field holds the items."""
    tree = item.each.tree if item.each is not None else None
    path = _itself(tree) if tree is not None else None
    held = field_of(path, names) if path is not None else None
    if item.as_ is None or held is None:
        return names
    return {**names, item.as_: held.below(ANY_KEY)}


def matched_fields(match: nodes.Node | None, subject: FieldPath) -> Iterator[Use]:
    """Yield the fields that a ``match`` looks at.

    Parameters
    ----------
    subject
        What is matched: a document, or `DATA_KEY`.
    """
    for name in type(match).model_fields if match is not None else ():
        patterns: Patterns | None = getattr(match, name)
        if patterns is None or name == "stored":
            continue
        if name == "stream":
            found = FieldPath("descriptor", ("name",))
        elif subject.document == "resource" and name == "mimetype":
            found = FieldPath("stream_resource", ("mimetype",))
        else:
            found = subject.below(name)
        yield Use(found, False, patterns.span)


@dataclass(slots=True)
class Pen:
    """Writes down the links into one node."""

    node: str
    links: list[Link] = field(default_factory=list)

    def link(self, use: Use, part: Part, name: str) -> None:
        """Write down that a field is used."""
        self.links.append(Link(use.field, self.node, part, name, use.whole, use.at))

    def use(
        self,
        value: Text | Expression | Free | None,
        part: Part,
        name: str,
        names: Names = DOCUMENTS,
        *,
        decides: bool = False,
    ) -> tuple[FieldPath, ...]:
        """Write down what a value is made of, and return that.

        Parameters
        ----------
        decides
            Whether the value is not kept itself but decides about something.
        """
        uses = list(uses_of(value, names)) if value is not None else []
        for use in uses:
            self.link(Use(use.field, use.whole and not decides, use.at), part, name)
        return tuple(dict.fromkeys(use.field for use in uses))

    def condition(
        self, match: nodes.Node | None, when: Expression | None, subject: FieldPath, name: str
    ) -> tuple[FieldPath, ...]:
        """Write down what a rule's condition looks at, and return that."""
        matched = list(matched_fields(match, subject))
        for use in matched:
            self.link(use, Part.CONDITION, name)
        decided = self.use(when, Part.CONDITION, name, decides=True)
        return tuple(dict.fromkeys([*(use.field for use in matched), *decided]))
