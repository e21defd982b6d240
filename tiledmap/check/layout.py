"""What the rules of a layout take and say, as the checks ask for it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from tiledmap.check.matching import DATA_KEYS, Matching, Region
from tiledmap.language import nodes
from tiledmap.language.scalars import Expression, Text
from tiledmap.language.trees import Call, Expr, Literal, Path

T = TypeVar("T")


class Matched(Protocol):
    """A rule with a ``match`` and a ``when``."""

    @property
    def name(self) -> str: ...
    @property
    def match(self) -> nodes.Node | None: ...
    @property
    def when(self) -> Expression | None: ...


def items(listed: nodes.Items[T] | None) -> tuple[T, ...]:
    """Return the items of a merged list."""
    return (listed.items if listed else None) or ()


def says(node: nodes.Node, field: str) -> bool:
    """Whether a field was written, if only with a value that could not be read."""
    return field in node.given or node.key_at(field) != node.at()


def is_unread(rule: Any) -> bool:
    """Whether what a rule takes could not be read; the problem has been reported."""
    unread = any(getattr(rule, name) is None and says(rule, name) for name in ("match", "when"))
    return unread or (rule.match is not None and not rule.match.given)


def is_torn(text: Text | None) -> bool:
    """Whether the holes of a text could not be read; the problem has been reported."""
    return text is None or "${{" in (text.literal or "")


def stored_streams(mapping: nodes.Mapping) -> Iterator[nodes.StreamRule]:
    """Yield the stream rules that store something; those that do not say what are incomplete.

    Where ``data`` is missing it has been reported, and whatever else such a rule lacks would only
    repeat that.
    """
    return (rule for rule in mapping.streams if not says(rule, "drop") and says(rule, "data"))


def stored_data(stream: nodes.StreamRule) -> Iterator[nodes.DataRule]:
    """Yield the data rules that store something."""
    return (rule for rule in stream.data if not says(rule, "drop") and rule.store is not None)


def certain(matching: Matching, rules: Iterable[Matched]) -> list[Region]:
    """Return what the rules take for certain: those whose ``when`` could be false do not count."""
    return [
        matching.region(rule.match) for rule in rules if rule.when is None and not is_unread(rule)
    ]


def before(rules: Sequence[T], rule: T) -> Sequence[T]:
    """Return the rules that come before one of them."""
    return rules[: next(place for place, each in enumerate(rules) if each is rule)]


def stored_region(rule: nodes.DataRule) -> Region:
    """Return the data keys that a rule can take, with how it stores them."""
    store = {"stored": (rule.store.value,)} if rule.store else {}
    return {**DATA_KEYS.region(rule.match), **store}


def missed(
    stream: nodes.StreamRule, rule: nodes.DataRule, columns: Iterable[nodes.Column]
) -> str | None:
    """Describe a data key that a rule stores and no column stands for, if there is one."""
    taken_before = certain(DATA_KEYS, before(stream.data, rule))
    keyed = [DATA_KEYS.region(column.keys) for column in columns if column.keys is not None]
    return DATA_KEYS.uncovered(stored_region(rule), [*taken_before, *keyed])


def columns_of(stream: nodes.StreamRule) -> Iterator[nodes.Column]:
    """Yield the columns of all tables of a stream."""
    for table in stream.tables:
        yield from items(table.columns)


def table_of(stream: nodes.StreamRule, rule: nodes.DataRule) -> nodes.TableRule | None:
    """Return the table that a data rule writes to."""
    return next((table for table in stream.tables if table.name == rule.table), None)


def is_path(expression: Expression | Expr | None, root: str, *steps: str) -> bool:
    """Whether an expression is just this path."""
    tree = expression.tree if isinstance(expression, Expression) else expression
    return isinstance(tree, Path) and (tree.root, tree.steps) == (root, steps)


def names(text: Text | None, root: str, *steps: str) -> bool:
    """Whether a text is this path alone, or this path with a default."""
    tree = text.single if text else None
    if isinstance(tree, Call) and tree.function == "default" and tree.arguments:
        tree = tree.arguments[0]
    return is_path(tree, root, *steps)


def paths_in(expr: Expr) -> Iterator[Path]:
    """Yield every path inside an expression."""
    if isinstance(expr, Path):
        yield expr
    for name in expr.__dataclass_fields__:
        yield from _paths_in_value(getattr(expr, name))


def _paths_in_value(value: object) -> Iterator[Path]:
    if isinstance(value, Expr):
        yield from paths_in(value)
    elif isinstance(value, tuple):
        for item in value:
            yield from _paths_in_value(item)


def speaks_of(text: Text, *roots: str) -> bool:
    """Whether a hole of a text depends on one of these names."""
    return any(path.root in roots for hole in text.holes for path in paths_in(hole))


def with_settings(text: Text | None, settings: Mapping[str, Any]) -> str | None:
    """Return a text with settings put into its holes; None where it depends on anything else."""
    parts: list[str] = []
    for part in text.parts if text else ():
        match part:
            case str():
                parts.append(part)
            case Literal(value=value):
                parts.append(str(value))
            case Path(root="settings", steps=(str() as name,)) if name in settings:
                parts.append(str(settings[name]))
            case _:
                return None
    return "".join(parts) if text else None


def literal_strings(text: Text) -> str:
    """Return the literal parts of a text, joined."""
    return "".join(
        str(part.value) if isinstance(part, Literal) else part if isinstance(part, str) else ""
        for part in text.parts
    )
