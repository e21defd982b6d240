"""Every field of every document type: where a mapping puts it, by document."""

from dataclasses import dataclass
from typing import Any

from tiledmap.docgen.anchors import anchor_of_name
from tiledmap.outline.values import Outline


@dataclass(frozen=True, slots=True)
class CoverageSection:
    """The rows of one type of document."""

    title: str
    anchor: str
    rows: tuple[Any, ...]

    @property
    def has_rules(self) -> bool:
        """Whether its rows hold for some streams and not for others."""
        return len({row.rule for row in self.rows}) > 1


def coverage_sections(outline: Outline) -> tuple[CoverageSection, ...]:
    """Sort the rows of a mapping's coverage by document."""
    by_document: dict[str, list[Any]] = {}
    for row in outline.coverage:
        by_document.setdefault(row.document, []).append(row)
    return tuple(
        CoverageSection(document, anchor_of_name(document), tuple(rows))
        for document, rows in by_document.items()
    )
