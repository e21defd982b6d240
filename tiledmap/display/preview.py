"""What documents would make, to look at."""

from dataclasses import dataclass

from tiledmap.sinks.memory import MemorySink


@dataclass(slots=True, repr=False)
class Preview(MemorySink):
    """A sink in memory that a notebook shows as a tree.

    Parameters
    ----------
    title
        What made it.
    """

    title: str = ""

    def __repr__(self) -> str:
        return f"<preview of {self.title}, {len(self.tree)} nodes>"

    def _repr_html_(self) -> str:
        from tiledmap.display.branch import Section
        from tiledmap.display.html import trees_as_html
        from tiledmap.display.nodes import branches_of_nodes
        from tiledmap.sinks.tree import trees_of_memory

        nodes = branches_of_nodes(trees_of_memory(self), values=True)
        return trees_as_html(self.title, [Section("", nodes)], lead="preview", open_depth=4)
