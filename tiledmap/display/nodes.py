"""Nodes of a catalog as branches of a tree."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tiledmap.display.branch import Branch, Fact
from tiledmap.sinks.tree import TreeNode

MOST_COLUMNS = 60
MOST_ENTRIES = 8


def branches_of_nodes(nodes: Iterable[TreeNode]) -> list[Branch]:
    """Return nodes as they are shown to people, with all below them."""
    return [
        Branch(
            node.key,
            _what(node),
            f"made by {node.made_by}" if node.made_by else "",
            facts=[Fact(about, tuple(items)) for about, items in _facts(node) if items],
            children=branches_of_nodes(node.children),
        )
        for node in nodes
    ]


def _what(node: TreeNode) -> str:
    if node.shape is not None:
        lengths = " x ".join("?" if length is None else str(length) for length in node.shape)
        dims = f" ({', '.join(node.dims)})" if node.dims else ""
        return f"{node.family} {node.dtype} {lengths or 'scalar'}{dims}"
    if node.rows is not None:
        return f"{node.family}, {node.rows} row{'' if node.rows == 1 else 's'}"
    return node.family


def _facts(node: TreeNode) -> Iterator[tuple[str, Sequence[str]]]:
    yield "specs", node.specs
    yield "access tags", node.access_tags
    yield "metadata", _first([_entry(*entry) for entry in node.metadata.items()], MOST_ENTRIES)
    yield "columns", _first([f"{name} {type_}" for name, type_ in node.columns], MOST_COLUMNS)
    yield "files", [_files(node)] if node.files else []


def _first(items: list[str], most: int) -> list[str]:
    more = len(items) - most
    return [*items[:most], f"… {more} more"] if more > 0 else items


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
