"""Nodes of a catalog as branches of a tree."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tiledmap.display.branch import Branch, Fact
from tiledmap.sinks.tree import TreeNode

MOST_COLUMNS = 60
MOST_ENTRIES = 8
MOST_VALUES = 40
LONGEST_VALUE = 80


def branches_of_nodes(nodes: Iterable[TreeNode], *, values: bool = False) -> list[Branch]:
    """Return nodes as they are shown to people, with all below them.

    Parameters
    ----------
    values
        Whether metadata are shown with their values, a line each; otherwise only named.
    """
    return [
        Branch(
            node.key,
            what_it_is(node),
            f"made by {node.made_by}" if node.made_by else "",
            facts=[fact for fact in _facts(node, values) if fact.items],
            children=branches_of_nodes(node.children, values=values),
        )
        for node in nodes
    ]


def what_it_is(node: TreeNode) -> str:
    """Say what a node is, in a few words: ``array float64 4 x 3 (time, x)``."""
    if node.shape is not None:
        dims = f"({', '.join(node.dims)})" if node.dims else ""
        return " ".join(filter(None, (node.family, node.dtype, node.lengths, dims)))
    if node.rows is not None:
        return f"{node.family}, {node.rows:,} row{'' if node.rows == 1 else 's'}"
    return node.family


def _facts(node: TreeNode, values: bool) -> Iterator[Fact]:
    columns = [f"{name} {type_}" for name, type_ in node.columns]
    yield Fact("specs", node.specs)
    yield Fact("access tags", node.access_tags)
    if values:
        yield Fact("metadata", _first(list(_values(node.metadata)), MOST_VALUES), apart=True)
    else:
        entries = [_entry(name, value) for name, value in node.metadata.items()]
        yield Fact("metadata", _first(entries, MOST_ENTRIES))
    yield Fact("columns", _first(columns, MOST_COLUMNS))
    yield Fact("files", (_files(node),) if node.files else ())


def _first(items: Sequence[str], most: int) -> tuple[str, ...]:
    more = len(items) - most
    return (*items[:most], f"… {more} more") if more > 0 else tuple(items)


def _values(metadata: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in metadata.items():
        if isinstance(value, Mapping) and value:
            yield from _values(value, f"{above}{name}.")
        else:
            shown = repr(value)
            cut = f"{shown[:LONGEST_VALUE]}…" if len(shown) > LONGEST_VALUE else shown
            yield f"{above}{name} = {cut}"


def _entry(name: str, value: Any) -> str:
    """Name an entry of the metadata; of one that holds more, how much."""
    match value:
        case Mapping():
            return f"{name} {{{len(value)}}}"
        case list() | tuple():
            return f"{name} [{len(value)}]"
        case _:
            return name


def _files(node: TreeNode) -> str:
    """Name the first and the last; of a long row of files nobody reads all."""
    first, *_, last = (node.files[0], *node.files)
    more = f" … {last.rpartition('/')[2]}" if last != first else ""
    return f"{len(node.files)} x {node.mimetype}: {first}{more}"
