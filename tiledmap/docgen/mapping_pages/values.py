"""What the pages of a mapping are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tiledmap.docgen.mapping_pages.example_run import ExampleNode, example_nodes
from tiledmap.outline.values import Outline

if TYPE_CHECKING:
    from tiledmap.language.nodes import Mapping as Resolved
    from tiledmap.sinks.memory import MemorySink


@dataclass(frozen=True, slots=True)
class Documented:
    """A mapping, as its pages need it.

    Parameters
    ----------
    texts
        The text of each file that says something of it, by the name that places use.
    additions
        JSON Schema of the fields that it adds to documents, by document and field.
    example
        What it makes of documents that were given; empty where none were.
    """

    outline: Outline
    texts: Mapping[str, str]
    additions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    example: tuple[ExampleNode, ...] = ()

    @property
    def name(self) -> str:
        return self.outline.name


def documented(
    outline: Outline,
    resolved: "Resolved",
    texts: Mapping[str, str],
    preview: "MemorySink | None" = None,
) -> Documented:
    """Collect what the pages of a mapping need.

    Parameters
    ----------
    resolved
        The mapping with nothing inherited left.
    preview
        Where documents were written to as an example.
    """
    files = {link.file for link in outline.chain}
    return Documented(
        outline,
        {file: text for file, text in texts.items() if file in files},
        _additions(resolved),
        example_nodes(preview, _rules(outline)) if preview is not None else (),
    )


def _additions(resolved: "Resolved") -> dict[str, Mapping[str, Any]]:
    if resolved.source is None:
        return {}
    declared = {name: getattr(resolved.source, name) for name in ("start", "descriptor", "stop")}
    return {name: each.properties for name, each in declared.items() if each is not None}


def _rules(outline: Outline) -> dict[str, str]:
    """The rule of each place where one stands, as nodes name the place that they were made by."""
    return {f"{node.at.file}:{node.at.line}": node.rule for node in outline.walk()}
