"""Where the mappings of a site put a field."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tiledmap.docgen.mapping_pages.lineage import name_of
from tiledmap.docgen.mapping_pages.words import label_of
from tiledmap.outline.values import FieldPath, Link, Outline, Part


@dataclass(frozen=True, slots=True)
class Placement:
    """Something that a field becomes, in the words of no special mapping.

    Parameters
    ----------
    nodes
        The labels of the nodes of which it is this.
    """

    part: Part
    name: str
    whole: bool
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """What a field becomes with some mappings, all of which do the same with it."""

    placements: tuple[Placement, ...]
    reasons: tuple[str, ...]
    mappings: tuple[int, ...]
    """Their places in the list of all mappings."""


class Whereabouts:
    """Where some mappings put fields."""

    def __init__(self, outlines: Sequence[Outline]) -> None:
        self._labels = [{node.id: label_of(node) for node in each.walk()} for each in outlines]
        self._links = [_by_document(each.links) for each in outlines]
        self._reasons = [_reasons(each) for each in outlines]

    def of(self, field: FieldPath) -> tuple[Placed, ...]:
        """Tell where a field goes, for all mappings that do the same at once."""
        groups: dict[tuple[tuple[Placement, ...], tuple[str, ...]], list[int]] = {}
        for number in range(len(self._labels)):
            placements = tuple(self._placements(number, field.single))
            reasons = () if placements else self._reasons[number].get(str(field.single), ())
            if placements or reasons:
                groups.setdefault((placements, reasons), []).append(number)
        ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
        return tuple(Placed(*what, tuple(numbers)) for what, numbers in ordered)

    def _placements(self, number: int, field: FieldPath) -> Iterator[Placement]:
        grouped: dict[tuple[Part, str, bool], dict[str, None]] = {}
        for link in self._links[number].get(field.document, ()):
            name = _name(link, field)
            if name is not None:
                nodes = grouped.setdefault((link.part, name, link.whole), {})
                nodes[self._labels[number][link.node]] = None
        for (part, name, whole), labels in grouped.items():
            yield Placement(part, name, whole, tuple(labels))


def _name(link: Link, field: FieldPath) -> str | None:
    """What of a node's part a field becomes; None where a link is not about it."""
    if link.field == field:
        return name_of(link)
    held = len(link.field.steps) < len(field.steps) and link.field.covers(field)
    if held and link.whole and link.part is Part.METADATA and not link.field.undeclared:
        return ".".join((link.name, *field.steps[len(link.field.steps) :]))
    return None


def _by_document(links: Sequence[Link]) -> dict[str, list[Link]]:
    found: dict[str, list[Link]] = {}
    for link in links:
        found.setdefault(link.field.document, []).append(link)
    return found


def _reasons(outline: Outline) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for row in outline.coverage:
        if row.reason and not row.destination:
            found.setdefault(f"{row.document}.{row.field}", {})[row.reason] = None
    return {field: tuple(reasons) for field, reasons in found.items()}
