"""Of every valid mapping there are pages: all links resolve, HTML is well formed, nothing injects.

The build itself looks at every link and every anchor; these tests ask it, for shipped mappings, for
those that use every keyword, and for generated ones.
"""

from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

import tiledmap
from tiledmap.api import shipped
from tiledmap.docgen.mapping_pages import Documented, coverage_page, mapping_part
from tiledmap.docgen.mapping_pages.lineage import draw_lineage, field_rows, node_rows
from tiledmap.docgen.mapping_pages.tree_picture import HEIGHT, Box, draw_tree
from tiledmap.docgen.rendering import render
from tiledmap.docgen.site import build
from tiledmap.docgen.values import Kind, Page, Site
from tiledmap.outline.values import Outline
from tiledmap.testing import strategies

VALID = sorted((Path(__file__).parents[2] / "mappings" / "valid").glob("*.yaml"))
HEAVIEST = 500_000
"""Bytes of a page."""

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Nesting(HTMLParser):
    """Says which elements are not closed where they should be, and which ids come twice."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if len({name for name, _ in attrs}) < len(attrs):
            self.faults.append(f"{tag} says something twice at {self.getpos()}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else at {self.getpos()}")


def faults_of(html: str) -> list[str]:
    nesting = Nesting()
    nesting.feed(html)
    nesting.close()
    twice = sorted({id for id in nesting.ids if nesting.ids.count(id) > 1})
    return [*nesting.faults, *nesting.open, *twice]


def site_of(mappings: Sequence[Documented]) -> Site:
    """The site of some mappings, with a home page that says nothing."""
    part = mapping_part(mappings)
    context = {"body": "", "previous": None, "next": None}
    home = Page("index.html", "home", "markdown.html.jinja", context)
    return Site("home", (home, *part.pages), part.sections)


@pytest.fixture(scope="module")
def of_shipped() -> Site:
    return site_of([tiledmap.load(each.name).documented() for each in shipped()])


@pytest.fixture(scope="module")
def files(of_shipped: Site) -> dict[str, bytes]:
    return build(of_shipped)  # raises where a link leads nowhere


def test_pages_of_shipped_mappings_are_well_formed_and_light(files: dict[str, bytes]) -> None:
    pages = {path: text for path, text in files.items() if path.endswith(".html")}
    assert {path: faults_of(text.decode()) for path, text in pages.items()} == {
        path: [] for path in pages
    }
    assert {path for path, text in pages.items() if len(text) > HEAVIEST} == set()


def test_each_node_field_and_repair_can_be_found(of_shipped: Site) -> None:
    entries = [entry for page in of_shipped.pages for entry in page.entries]
    found = {(entry.kind, entry.title, entry.place) for entry in entries}
    for each in shipped():
        outline = tiledmap.load(each.name).outline
        assert (Kind.MAPPING, each.name, "") in found
        rules = {(Kind.RULE, repair.rule, each.name) for repair in outline.repairs}
        assert rules <= found
        nodes = [entry for entry in entries if entry.place == each.name and entry.kind == Kind.NODE]
        assert len(nodes) == len(list(outline.walk()))
    assert (Kind.FIELD, "descriptor.data_keys.*.units", "") in found
    titles = [entry.title for entry in entries if entry.kind == Kind.FIELD]
    assert len(titles) == len(set(titles))


@pytest.fixture
def facility(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `everything` loads lies beside it."""
    monkeypatch.syspath_prepend(VALID[0].parent)


@pytest.mark.usefixtures("facility")
@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_mapping_has_pages(path: Path) -> None:
    mapping = tiledmap.load(path)
    files = build(site_of([mapping.documented()]))

    pages = [text.decode() for name, text in files.items() if name.endswith(".html")]
    assert [fault for text in pages for fault in faults_of(text)] == []
    assert faults_of(coverage_page(mapping.outline)) == []


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mappings") / "generated.yaml"


@given(text=strategies.mappings())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_generated_mapping_has_pages_and_pictures(place: Path, text: str) -> None:
    place.write_text(text)
    mapping = tiledmap.load(place)
    site = site_of([mapping.documented()])
    own = [page for page in site.pages if page.path.startswith("mappings/")]

    rendered = {page.path: render(site, page) for page in own}
    assert {path: faults_of(html) for path, html in rendered.items()} == {
        path: [] for path in rendered
    }
    check_pictures(mapping.outline)


@pytest.mark.parametrize("name", [each.name for each in shipped()])
def test_pictures_show_all_that_a_shipped_outline_says(name: str) -> None:
    check_pictures(tiledmap.load(name).outline)


def check_pictures(outline: Outline) -> None:
    tree = draw_tree(outline.top)
    assert [box.node.id for box in tree.boxes] == [node.id for node in outline.walk()]
    assert list(overlaps(tree.boxes)) == []
    assert all(box.x >= 0 and box.x + box.width <= tree.width for box in tree.boxes)
    assert all(box.y >= 0 and box.y + HEIGHT <= tree.height for box in tree.boxes)
    left = {box.node.id: box.x for box in tree.boxes}
    for box in tree.boxes:
        assert all(left[child.id] > box.x + box.width for child in box.node.children)

    picture = draw_lineage(outline)
    drawn = {
        (field, picture.targets[curve.target].node.id)
        for curve in picture.curves
        for field in picture.sources[curve.source].fields
    }
    said = {(link.field, link.node) for link in outline.links}
    assert drawn == said
    assert {(row.field, use.node.id) for row in field_rows(outline) for use in row.uses} == said
    assert {(field, row.node.id) for row in node_rows(outline) for field in row.fields} == said


def overlaps(boxes: Sequence[Box]) -> Iterator[tuple[Box, Box]]:
    """Pairs of boxes that share a place."""
    for one, other in combinations(boxes, 2):
        apart = one.x + one.width <= other.x or other.x + other.width <= one.x
        if not apart and abs(one.y - other.y) < HEIGHT:
            yield one, other


HOSTILE = """\
tiledmap: 1
name: hostile
version: 1.0.0
title: "<script>alert(1)</script> & \\"quotes\\""
description: "</article><img src=x onerror=alert(1)> `<b>` [link](javascript:alert(1))"
extends: bluesky-v3@^3
settings:
  place:
    type: string
    default: "'\\"><script>alert(2)</script>"
    help: "<i>help</i>"
source:
  start:
    properties:
      "<u>field</u>": {type: string, description: "<script>alert(3)</script>"}
      "a b": {type: string}
      a-b: {type: string}
      any: {type: string}
repair:
  roots:
    - name: mount
      prefix: "/<b>old</b>"
      becomes: ${{ settings.place }}
      until: 2020-01-01
      reason: "</p><script>alert(4)</script>"
  data_keys:
    - name: never
      match: {name: "<script>*"}
      drop: "<script>alert(5)</script>"
"""


def test_what_a_mapping_says_is_text(tmp_path: Path) -> None:
    path = tmp_path / "hostile <i>.yaml"
    path.write_text(HOSTILE)
    mapping = tiledmap.load(path)
    documents = [("start", {"uid": "<script>alert(6)", "time": 0.0, "<u>field</u>": "<s>x</s>"})]
    files = build(site_of([mapping.documented(documents)]))

    for name, content in files.items():
        if not name.endswith(".html"):
            continue
        html = content.decode()
        assert faults_of(html) == []
        for injected in ("<script>alert", "<img src=x", "<i>help", "<u>field", "<b>old", "<s>x"):
            assert injected not in html
        assert 'href="javascript:' not in html
    assert "<script>alert" not in coverage_page(mapping.outline)


def test_equal_mappings_have_equal_pages() -> None:
    once, again = (build(site_of([tiledmap.load("csx").documented()])) for _ in range(2))
    assert once == again


def test_mappings_of_the_same_name_have_pages_each(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "mine.yaml" for folder in ("one", "two")]
    for number, path in enumerate(paths):
        path.parent.mkdir()
        path.write_text(f"tiledmap: 1\nname: mine\nversion: 1.0.{number}\nextends: bluesky-v3@^3\n")
    files = build(site_of([tiledmap.load(path).documented() for path in paths]))
    assert {"mappings/mine/index.html", "mappings/mine-2/index.html"} <= set(files)
