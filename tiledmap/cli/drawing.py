"""Drawing a tree of nodes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text
from rich.tree import Tree

from tiledmap.problems.excerpt import printable
from tiledmap.sinks.tree import TreeNode

if TYPE_CHECKING:
    from rich.console import Console

MOST_COLUMNS = 60
MOST_ENTRIES = 8


def draw(console: "Console", title: str, nodes: Iterable[TreeNode]) -> None:
    """Print nodes, and all below them, as a tree."""
    tree = Tree(Text(title, style="bold"), guide_style="dim")
    for node in nodes:
        _grow(tree, node)
    console.print(tree)


def _grow(tree: Tree, node: TreeNode) -> None:
    branch = tree.add(Text("\n").join(_label(node)))
    for child in node.children:
        _grow(branch, child)


def _label(node: TreeNode) -> Iterator[Text]:
    head = Text.assemble((printable(node.key), "bold"), "  ", (_what(node), "cyan"))
    if node.made_by:
        head.append(f"  made by {node.made_by}", "dim")
    yield head
    if node.specs:
        yield _line("specs", ", ".join(node.specs))
    if node.access_tags:
        yield _line("access tags", ", ".join(node.access_tags))
    if node.metadata:
        yield _line("metadata", _summary(node.metadata))
    if node.columns:
        yield _line("columns", _columns(node.columns))
    if node.files:
        yield _line("files", _files(node))


def _line(name: str, text: str) -> Text:
    return Text.assemble((f"{name} ", "dim"), printable(text))


def _what(node: TreeNode) -> str:
    if node.shape is not None:
        lengths = " x ".join("?" if length is None else str(length) for length in node.shape)
        dims = f" ({', '.join(node.dims)})" if node.dims else ""
        return f"{node.family} {node.dtype} {lengths or 'scalar'}{dims}"
    if node.rows is not None:
        return f"{node.family}, {node.rows} row{'' if node.rows == 1 else 's'}"
    return node.family


def _files(node: TreeNode) -> str:
    """Name the first and the last; of a long row of files nobody reads all."""
    first, *_, last = (node.files[0], *node.files)
    more = f" … {last.rpartition('/')[2]}" if last != first else ""
    return f"{len(node.files)} x {node.mimetype}: {first}{more}"


def _columns(columns: tuple[tuple[str, str], ...]) -> str:
    shown = [f"{name} {type_}" for name, type_ in columns[:MOST_COLUMNS]]
    more = len(columns) - len(shown)
    return ", ".join([*shown, *([f"… {more} more"] if more else [])])


def _summary(metadata: Mapping[str, Any]) -> str:
    """Name the entries; of those that hold more, how much."""
    shown = [_entry(name, value) for name, value in list(metadata.items())[:MOST_ENTRIES]]
    more = len(metadata) - len(shown)
    return ", ".join([*shown, *([f"… {more} more"] if more else [])])


def _entry(name: str, value: Any) -> str:
    match value:
        case Mapping():
            return f"{name} {{{len(value)}}}"
        case list() | tuple():
            return f"{name} [{len(value)}]"
        case _:
            return name
