import json
from pathlib import Path

import pytest

from tiledmap.docgen.errors import SiteError
from tiledmap.docgen.links import relative_link
from tiledmap.docgen.pages import folder_part, read_folder
from tiledmap.docgen.search import search_index
from tiledmap.docgen.site import MARK, build, write
from tiledmap.docgen.values import Entry, Kind, Page, Site


def made_of(folder: Path, files: dict[str, str]) -> Site:
    """The site of a folder of pages."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    part = folder_part(read_folder(folder))
    return Site("Test", part.pages, part.sections, part.files)


def faults_of(folder: Path, files: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SiteError) as raised:
        build(made_of(folder, files))
    return raised.value.faults


HOME = {"index.md": "# Home\n"}


def test_links_are_relative():
    assert relative_link("index.html", "a/b.html#c") == "a/b.html#c"
    assert relative_link("a/b.html", "index.html") == "../index.html"
    assert relative_link("a/b.html", "a/c.html") == "c.html"
    assert relative_link("a/b.html", "a/b.html#d") == "#d"


def test_pages_are_led_to_in_the_order_of_their_contents(tmp_path):
    contents = """
sections:
  - title: First
    pages: [b.md, more/]
  - title: Second
    pages: [a.md]
"""
    pages = {"a.md": "# A\n", "b.md": "# B\n", "more/index.md": "# More\n", "more/x.md": "# X\n"}
    site = made_of(tmp_path, {**HOME, **pages, "contents.yaml": contents})
    first, second = site.sections
    assert [item.title for item in first.items] == ["B", "More"]
    assert second.path == "a.html"
    below = next(page for page in site.pages if page.path == "more/x.html")
    assert [crumb.path for crumb in below.crumbs] == ["more/index.html"]
    assert below.section == "First"
    assert build(site).keys() >= {"index.html", "a.html", "more/x.html"}


def test_without_contents_all_pages_are_one_section(tmp_path):
    site = made_of(tmp_path, {**HOME, "a.md": "# A\n", "b/c.md": "# C\n"})
    [section] = site.sections
    assert [item.path for item in section.items] == ["a.html", "b/c.html"]


@pytest.mark.parametrize(
    ("contents", "fault"),
    [
        ("sections: [", "while parsing a flow node"),
        ("parts: []", "sections: Field required"),
        ("sections: [{title: A, pages: [gone.md]}]", "lists gone.md, which is not there"),
        ("sections: []", "nothing leads to a.md"),
        ("sections: [{title: A, pages: [a.md, a.md]}]", "lists a.md more than once"),
    ],
)
def test_contents_that_cannot_be_used_say_why(tmp_path, contents, fault):
    faults = faults_of(tmp_path, {**HOME, "a.md": "# A\n", "contents.yaml": contents})
    assert fault in "\n".join(faults)
    assert all(each.startswith(str(tmp_path / "contents.yaml")) for each in faults)


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        ("[x](gone.md)", "a.html: links to gone.html, which is not there"),
        ("[x](index.md#gone)", "a.html: links to index.html#gone; that page has no such anchor"),
        ("[x](#gone)", "a.html: links to a.html#gone; that page has no such anchor"),
        ("![x](https://tiled.example/x.png)", "https://tiled.example/x.png would be fetched"),
    ],
)
def test_what_leads_nowhere_or_elsewhere_is_a_fault(tmp_path, link, fault):
    [found] = faults_of(tmp_path, {**HOME, "a.md": f"# A\n\n{link}\n"})
    assert fault in found


def test_pictures_come_with_their_pages(tmp_path):
    (tmp_path / "hutch plan.png").write_bytes(b"PNG")
    files = build(made_of(tmp_path, {"index.md": "# Home\n\n![plan](<hutch plan.png>)\n"}))
    assert files["hutch plan.png"] == b"PNG"


def test_a_page_needs_a_heading(tmp_path):
    [fault] = faults_of(tmp_path, {"index.md": "words\n"})
    assert fault.endswith("index.md: has no heading")


def test_two_pages_of_one_path_are_a_fault():
    page = Page("index.html", "A", "home.html.jinja", {"body": "A"})
    with pytest.raises(SiteError, match="two pages have this path"):
        build(Site("Test", (page, page)))


def test_the_same_pages_give_the_same_bytes(tmp_path):
    site = made_of(tmp_path, {**HOME, "a.md": "# A\n"})
    assert build(site) == build(site)
    assert all(str(tmp_path).encode() not in content for content in build(site).values())


def test_a_site_takes_the_place_of_the_one_that_is_there(tmp_path):
    folder = tmp_path / "deep" / "site"
    write({MARK: b"", "old.html": b"old"}, folder)
    write({MARK: b"", "a/new.html": b"new"}, folder)
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [MARK, "new.html"]
    assert [path.name for path in folder.parent.iterdir()] == ["site"]


def test_nothing_else_is_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(SiteError, match="is not a site that tiledmap made"):
        write({MARK: b""}, tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_search_reads_fields_first_and_pages_last():
    page = Page(
        "a.html",
        "A page",
        "markdown.html.jinja",
        entries=(
            Entry(Kind.KEYWORD, "run.key", "a.html#run.key", "The key. " * 40),
            Entry(Kind.FIELD, "start.uid", "a.html#start.uid", "</script>\u2028"),
        ),
    )
    script = search_index(Site("Test", (page,)))
    start = "window.tiledmapEntries = "
    assert script.startswith(start)
    rows = json.loads(script.removeprefix(start).rstrip(";\n"))
    assert [row[0] for row in rows] == ["field", "keyword", "page"]
    assert len(rows[1][3]) <= 163
    assert "\u2028" not in script
