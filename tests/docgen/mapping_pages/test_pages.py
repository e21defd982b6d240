"""What the pages of a mapping say."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

import tiledmap
from tests.beamlines import find_cases
from tiledmap.docgen.assembly import assemble
from tiledmap.docgen.mapping_pages import coverage_page, example_run, mapping_part
from tiledmap.docgen.mapping_pages.placements import Whereabouts
from tiledmap.docgen.rendering import render
from tiledmap.docgen.values import Page, Part, Site
from tiledmap.documents.recordings import read_documents
from tiledmap.outline.values import FieldPath


class Words(HTMLParser):
    """The text of a page, and its links."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("dd", "dt", "li", "p", "td", "th"):
            self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())


@pytest.fixture(scope="module")
def part(runs: Path) -> Part:
    recorded = list(read_documents(runs / "beamlines" / "csx.jsonl"))
    return mapping_part(
        [
            tiledmap.load("bluesky-v3").documented(),
            tiledmap.load("csx").documented(recorded),
            tiledmap.load("nexus-simple").documented(
                list(find_cases()["nexus-simple"].documents())
            ),
        ]
    )


def read(part: Part | Site, path: str) -> Words:
    [page] = [page for page in part.pages if page.path == path]
    words = Words()
    words.feed(render(Site("home", (page,), ()), page))
    return words


def test_a_node_says_all_that_is_known_of_it(part: Part) -> None:
    page = read(part, "mappings/csx/nodes/streams.every-stream.tables.internal.html")
    for said in (
        "The events of a stream, a row each, read in the order of seq_num.",
        "every data key that no rule above took",
        "seq_num int64 the table event.seq_num none bluesky-v3.yaml:165",
        "ts_{data_key.name} float64 every data key stored as table, array or ragged",
        "*.units may be absent text or nothing descriptor.data_keys.*.units",
        "It is inherited from bluesky-v3.",
        "77040397-f008-5d97-b772-2b1c6b4161e4",
        'table = stream.base["internal"]',
        "order: seq_num",
    ):
        assert said in page.text
    example = "77040397-f008-5d97-b772-2b1c6b4161e4-primary-internal"
    assert f"../example.html#{example}" in page.links
    assert "With more than 900 columns it is split" in page.text
    assert "../../../fields/descriptor.html#descriptor.data_keys.any.units" in page.links
    assert "../../bluesky-v3/files/bluesky-v3.yaml.html#L159" in page.links


def test_files_have_their_consolidators(part: Part) -> None:
    page = read(part, "mappings/csx/nodes/streams.every-stream.data.files.html")
    assert "mimetype application/x-hdf5 hdf5 stack needs dataset" in page.text
    assert "refused no consolidator reads" in page.text
    assert "metadata, and multiplier as frame_per_point" in page.text


def test_a_site_of_mappings_alone_begins_with_them_and_leads_to_the_reference() -> None:
    site = assemble([tiledmap.load("csx").documented()])
    assert [section.title for section in site.sections] == ["Mappings", "Fields", "Reference"]
    assert "mappings/csx/index.html" in read(site, "index.html").links
    nodes, reference = "mappings/csx/nodes/streams.every-stream", "../../../reference"
    assert f"{reference}/consolidators.html#hdf5" in read(site, f"{nodes}.data.files.html").links
    assert f"{reference}/specs.html#BlueskyEventStream-3.0" in read(site, f"{nodes}.html").links


def test_a_site_without_mappings_has_no_place_for_them() -> None:
    part = mapping_part([])
    assert [section.title for section in part.sections] == ["Fields"]
    assert "exit_status" in read(part, "fields/stop.html").text
    assert "Where it goes" not in read(part, "fields/stop.html").text


def test_a_repair_says_why_and_until_when(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "tiledmap: 1\nname: mine\nversion: 1.0.0\nextends: bluesky-v3@^3\nrepair:\n  roots:\n"
        "    - {name: old, prefix: /a, becomes: /b, until: 2031-05-06, reason: The disk moved.}\n"
    )
    page = read(mapping_part([tiledmap.load(path).documented()]), "mappings/mine/repairs.html")
    assert "old until 2031-05-06" in page.text
    assert "The disk moved. Where paths below /a Does /a becomes /b" in page.text
    assert "area-detector-hdf5 from bluesky-v3" in page.text


def test_the_overview_links_to_what_is_extended(part: Part) -> None:
    page = read(part, "mappings/csx/index.html")
    assert "Extends resources 1.0.0 → bluesky-v3 3.1.0" in page.text
    assert "../bluesky-v3/index.html" in page.links
    assert "registered where they lie, as one array. Where external present." in page.text
    assert "All files that no rule above took: no consolidator reads" in page.text
    assert "nodes/streams.every-stream.tables.internal.html" in page.links


def test_provenance_names_each_rule_that_is_changed(part: Part) -> None:
    page = read(part, "mappings/nexus-simple/provenance.html")
    assert tiledmap.load("nexus-simple").sha256 in page.text
    assert "streams.every-stream.data.text-arrays removed the rule for arrays takes them" in (
        page.text
    )
    assert "files/nexus-simple.yaml.html#L161" in page.links
    assert "nodes/streams.sample.html" in page.links


def test_each_rule_can_be_found_and_linked_to(part: Part) -> None:
    entries = [entry for page in part.pages for entry in page.entries]
    links = {entry.title: entry.link for entry in entries if entry.place == "csx"}
    nodes = "mappings/csx/nodes"
    assert links["streams.every-stream.data.scalars"] == (
        f"{nodes}/streams.every-stream.tables.internal.html#streams.every-stream.data.scalars"
    )
    assert links["assets.hdf5"] == f"{nodes}/streams.every-stream.data.files.html#assets.hdf5"
    assert links["repair.data_keys.fastccd"] == (
        "mappings/csx/repairs.html#repair.data_keys.fastccd"
    )
    assert links["settings.data_root"] == "mappings/csx/repairs.html#settings.data_root"


def test_an_example_shows_real_values(part: Part) -> None:
    page = read(part, "mappings/csx/example.html")
    for said in (
        "77040397-f008-5d97-b772-2b1c6b4161e4",
        "table, 3 rows",
        "In 0.0 0.25 1.0",
        "array int64 3 x 8 (time, dim_int_1)",
        "9007199254740993",
        "6 files of multipart/related;type=image/tiff",
        "pass-317001",
    ):
        assert said in page.text
    assert not any(page.path == "mappings/bluesky-v3/example.html" for page in part.pages)


def test_of_a_large_example_the_beginning_is_shown(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example_run, "MOST_NODES", 3)
    recorded = read_documents(runs / "beamlines" / "csx.jsonl")
    documented = tiledmap.load("csx").documented(recorded)
    assert sum(1 for top in documented.example for _ in top.walk()) == 3
    page = read(mapping_part([documented]), "mappings/csx/example.html")
    assert "more nodes are not shown" in page.text


def test_a_field_says_where_each_mapping_puts_it(part: Part) -> None:
    page = read(part, "fields/start.html")
    assert "metadata start.time of run" in page.text
    assert "metadata start_time of run" in page.text
    assert "added by nexus-simple" in page.text
    assert "../mappings/nexus-simple/lineage.html#start.time" in page.links


def test_mappings_that_do_the_same_with_a_field_are_together() -> None:
    outlines = [tiledmap.load(name).outline for name in ("bluesky-v3", "csx", "nexus-simple")]
    units = Whereabouts(outlines).of(FieldPath.parse("descriptor.data_keys.*.units"))
    assert [each.mappings for each in units] == [(0, 1), (2,)]
    filled = Whereabouts(outlines).of(FieldPath.parse("event_page.filled"))
    assert [each.reasons for each in filled] == [("files are registered, never loaded",)]


def test_a_way_of_a_field_is_told_both_ways(part: Part) -> None:
    page = read(part, "mappings/bluesky-v3/lineage.html")
    assert "event.seq_num kept every-stream/internal: column seq_num" in page.text
    assert "every-stream/internal column seq_num kept event.seq_num" in page.text
    assert "event.filled Left out: files are registered, never loaded" in page.text


def test_coverage_is_a_page_that_stands_alone() -> None:
    outline = tiledmap.load("csx").outline
    words = Words()
    words.feed(coverage_page(outline))
    assert [link for link in words.links if not link.startswith(("#", "data:"))] == []
    for row in outline.coverage:
        assert f"{row.document}.{row.field}" in words.text
    assert outline.sha256 in words.text


def test_the_index_tells_what_is_special(part: Part) -> None:
    page = read(part, "mappings/index.html")
    assert "CSX (23-ID-1, NSLS-II), coherent soft X-ray scattering" in page.text
    assert "9 rules added" in page.text


def test_each_mapping_has_its_lines_in_the_navigation(part: Part) -> None:
    mappings, fields = part.sections
    assert [item.title for item in mappings.items] == ["bluesky-v3", "csx", "nexus-simple"]
    paths = {page.path for page in part.pages}
    titles = [item.title for item in mappings.items[1].items]
    assert titles == [
        "Fields and nodes",
        "Coverage",
        "Repairs and settings",
        "Provenance",
        "Example run",
        "Nodes",
    ]
    assert {item.path for item in fields.items} <= paths
    assert all(isinstance(page, Page) for page in part.pages)
