"""What a mapping makes of real documents: nodes with their first values, to be shown."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tiledmap.display.nodes import what_it_is
from tiledmap.sinks.tree import TreeNode, trees_of_memory

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from tiledmap.sinks.memory import MemorySink, StoredNode

MOST_RUNS = 3
MOST_NODES = 300
"""Nodes of all runs together: a page can be read, whatever a mapping puts runs into."""
_MOST_ROWS, _MOST_COLUMNS, _MOST_LINES, _MOST_TEXT = 5, 24, 120, 200


@dataclass(frozen=True, slots=True)
class ExampleTable:
    """The first rows of a table: texts, as they are shown."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]
    more_rows: int
    more_columns: int


@dataclass(frozen=True, slots=True)
class ExampleNode:
    """A node that documents have become.

    Parameters
    ----------
    path
        The keys from the top of the catalog down to it.
    rule
        The dotted name of the rule that made it.
    structure
        What it is, in a few words.
    values
        The first values of an array, as numpy prints them.
    metadata
        Each key of its metadata, with its value as JSON.
    """

    path: tuple[str, ...]
    rule: str
    family: str
    structure: str
    specs: tuple[str, ...]
    access_tags: tuple[str, ...]
    metadata: tuple[tuple[str, str], ...]
    values: str
    table: ExampleTable | None
    mimetype: str
    files: tuple[str, ...]
    children: tuple["ExampleNode", ...]
    more_children: int

    @property
    def key(self) -> str:
        return self.path[-1]

    def walk(self) -> Iterator["ExampleNode"]:
        """Yield the node and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


def example_nodes(sink: "MemorySink", rules: Mapping[str, str]) -> tuple[ExampleNode, ...]:
    """Show what was written to memory.

    Parameters
    ----------
    rules
        The dotted name of the rule that stands at a place, such as ``smi.yaml:12``.
    """
    left = iter(range(MOST_NODES))
    top = trees_of_memory(sink)[:MOST_RUNS]
    return tuple(_node(tree, (), sink, rules, left) for tree, _ in zip(top, left, strict=False))


def _node(
    tree: TreeNode,
    above: tuple[str, ...],
    sink: "MemorySink",
    rules: Mapping[str, str],
    left: Iterator[int],
) -> ExampleNode:
    """Show a node and what is below it, while there is anything `left` to be shown."""
    path = (*above, tree.key)
    stored = sink.tree[path]
    children = tuple(
        _node(child, path, sink, rules, left) for child, _ in zip(tree.children, left, strict=False)
    )
    return ExampleNode(
        path,
        rules.get(tree.made_by, ""),
        tree.family,
        what_it_is(tree),
        tree.specs,
        tree.access_tags,
        tuple((name, _as_json(value)) for name, value in tree.metadata.items()),
        _values(stored),
        _table(stored.rows) if stored.rows is not None else None,
        tree.mimetype,
        tree.files,
        children,
        len(tree.children) - len(children),
    )


def _as_json(value: Any) -> str:
    lines = json.dumps(value, indent=2, ensure_ascii=False, default=str).splitlines()
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], f"… {len(lines) - _MOST_LINES} more lines"]
    return "\n".join(_cut(line) for line in lines)


def _values(stored: "StoredNode") -> str:
    if stored.data is not None and stored.data.size:
        return _first(stored.data)
    return "\n".join(_first(row) for row in stored.ragged[:2])


def _first(data: "np.ndarray[Any, Any]") -> str:
    import numpy as np

    shown = np.array2string(data, threshold=40, edgeitems=2, max_line_width=88)
    return "\n".join(_cut(line) for line in shown.splitlines()[:24])


def _table(rows: "pa.Table") -> ExampleTable:
    names = rows.column_names[:_MOST_COLUMNS]
    first = rows.slice(0, _MOST_ROWS).select(names).to_pylist()
    return ExampleTable(
        tuple((name, str(rows.schema.field(name).type)) for name in names),
        tuple(tuple(_cell(row[name]) for name in names) for row in first),
        max(rows.num_rows - _MOST_ROWS, 0),
        max(rows.num_columns - _MOST_COLUMNS, 0),
    )


def _cell(value: Any) -> str:
    return "" if value is None else _cut(f"{value}", 40)


def _cut(text: str, length: int = _MOST_TEXT) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
