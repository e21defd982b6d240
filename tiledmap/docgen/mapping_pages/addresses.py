"""Where things are on the site."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from posixpath import basename

from tiledmap.docgen.anchors import anchor_of_name
from tiledmap.docgen.mapping_pages.values import Documented
from tiledmap.docgen.values import Kind
from tiledmap.outline.values import ANY_KEY, FieldPath, OutlineNode
from tiledmap.problems import Span

MAPPINGS = "mappings/index.html"
FIELDS = "fields/index.html"


class FieldAddresses:
    """Where each field is described."""

    def __init__(self, fields: Iterable[FieldPath], documents: Iterable[str]) -> None:
        self._anchors = anchors_of(map(str, fields))
        self._documents = frozenset(documents)

    def document(self, name: str) -> str:
        """The page of a type of document."""
        return f"fields/{name}.html" if name in self._documents else FIELDS

    def field(self, path: FieldPath) -> str:
        """The place of a field, or of the nearest thing that holds it."""
        anchor = nearest(path, self._anchors)
        page = self.document(path.document)
        return f"{page}#{anchor}" if anchor else page

    def anchor(self, path: FieldPath) -> str:
        """What a field is called in links to its page."""
        return self._anchors[str(path)]


def anchors_of(names: Iterable[str]) -> dict[str, str]:
    """Give each name an anchor that no other has, whatever anchors can hold."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(names):
        anchor, number = anchor_of_name(name), 1
        while anchor in taken:
            number += 1
            anchor = f"{anchor_of_name(name)}-{number}"
        taken.add(anchor)
        found[name] = anchor
    return found


def nearest(path: FieldPath, anchors: Mapping[str, str]) -> str:
    """Find the anchor of a field, or of the nearest thing that holds it; empty for none.

    Keys that only documents know may be described as any key.
    """
    for length in range(len(path.steps), 0, -1):
        steps = path.steps[:length]
        for known in _spellings(steps):
            anchor = anchors.get(".".join((path.document, *known)))
            if anchor is not None:
                return anchor
    return ""


def _spellings(steps: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """The ways in which a path can be described, as it is first; a field itself is never any."""
    choices = [(step,) if not place else (step, ANY_KEY) for place, step in enumerate(steps)]
    return product(*choices)


@dataclass(frozen=True)
class Addresses:
    """Where everything about one mapping is.

    Parameters
    ----------
    slug
        What it is called in paths: its name, which two mappings of a site may share.
    fields
        Where fields are described.
    files
        The page of each file that says something of it.
    ways
        The anchors of fields and of nodes in its tables of fields and nodes.
    reference
        Where the reference tells of things, by what they are and what they are called.
    """

    slug: str
    fields: FieldAddresses
    files: Mapping[str, str]
    ways: Mapping[str, str]
    reference: Mapping[tuple[Kind, str], str]

    def page(self, name: str) -> str:
        """One of its pages, such as ``coverage``."""
        return f"mappings/{self.slug}/{name}.html"

    @property
    def overview(self) -> str:
        return self.page("index")

    def node(self, node: OutlineNode) -> str:
        """The page of a node."""
        return self.page(f"nodes/{anchor_of_name(node.id)}")

    def rule(self, rule: str) -> str:
        """The place of a repair, a hook or a setting."""
        return f"{self.page('repairs')}#{anchor_of_name(rule)}"

    def field(self, path: FieldPath) -> str:
        """The place of a field."""
        return self.fields.field(path)

    def way_of(self, path: FieldPath) -> str:
        """Where it is said what becomes of a field."""
        anchor = nearest(path.single, self.ways)
        return f"{self.page('lineage')}#{anchor}" if anchor else self.page("lineage")

    def ways_into(self, node: OutlineNode) -> str:
        """Where it is said what a node is made of."""
        return f"{self.page('lineage')}#{self.ways[node_row(node)]}"

    def place(self, span: Span | None) -> str:
        """The line of YAML where something stands; empty where it is in none of the files."""
        page = self.files.get(span.file) if span is not None else None
        return f"{page}#L{span.line}" if page and span is not None else ""


def node_row(node: OutlineNode) -> str:
    """What the rows of a node are called among those of fields."""
    return f"node {node.id}"


def slugs(mappings: Sequence[Documented]) -> list[str]:
    """Name each mapping for paths: as it is called, numbered where two are called the same."""
    found: list[str] = []
    for mapping in mappings:
        slug, number = mapping.name, 1
        while slug.lower() in {other.lower() for other in found}:
            number += 1
            slug = f"{mapping.name}-{number}"
        found.append(slug)
    return found


def pages_of_files(mappings: Sequence[Documented], names: Sequence[str]) -> list[dict[str, str]]:
    """Give each file of each mapping a page; one that several share is with the one that it is.

    The files of a mapping that is on the site are not shown again with those that extend it.
    """
    owners: dict[tuple[str, str], str] = {}
    for mapping, slug in zip(mappings, names, strict=True):
        file = mapping.outline.chain[0].file if mapping.outline.chain else ""
        if file in mapping.texts:
            owners.setdefault((file, mapping.texts[file]), _page(slug, file, ()))
    return [_files(mapping, slug, owners) for mapping, slug in zip(mappings, names, strict=True)]


def _files(mapping: Documented, slug: str, owners: Mapping[tuple[str, str], str]) -> dict[str, str]:
    pages: dict[str, str] = {}
    for file, text in mapping.texts.items():
        pages[file] = owners.get((file, text)) or _page(slug, file, pages.values())
    return pages


def _page(slug: str, file: str, taken: Iterable[str]) -> str:
    name = anchor_of_name(basename(file.replace("\\", "/"))) or "mapping"
    path, number = f"mappings/{slug}/files/{name}.html", 1
    while path in taken:
        number += 1
        path = f"mappings/{slug}/files/{name}-{number}.html"
    return path
