"""Pages in a real browser, opened as files: readable, quiet, and for everyone."""

import os
from pathlib import Path

import pytest

from tests.site.chromium import SIZES

PAGES = [
    "index.html",
    "tutorials/first-mapping.html",
    "explanations/speed.html",
    "reference/functions.html",
    "reference/problems/TM201.html",
    "mappings/index.html",
    "mappings/smi/index.html",
    "mappings/bluesky-v3/nodes/streams.every-stream.tables.internal.html",
    "fields/stop.html",
]
LINEAGE = "mappings/smi/lineage.html"  # large: axe-core takes its time
# Each page in both schemes, and in all sizes; not each in each.
VIEWS = [(page, *view) for page in PAGES for view in [("phone", "light"), ("laptop", "dark")]]
VIEWS += [("mappings/smi/index.html", "wall", scheme) for scheme in ("light", "dark")]
VIEWS += [(LINEAGE, "laptop", "light")]
VIEWS += [(f"mappings/iss/{name}.html", "phone", "dark") for name in ("provenance", "example")]
SCREENSHOTS = os.environ.get("TILEDMAP_SCREENSHOTS")
"""A directory for pictures of these pages in every size and scheme."""


@pytest.mark.parametrize(("page", "size", "scheme"), VIEWS)
def test_a_page_is_quiet_still_and_accessible(open_window, axe, page, size, scheme):
    visit = open_window(size, scheme)
    visit.open(page)
    assert visit.violations(axe) == []
    assert visit.overflow() <= 0
    assert visit.shifts() == []


def test_what_is_searched_is_accessible(open_window, axe):
    for scheme in ("light", "dark"):
        visit = open_window("phone", scheme)
        visit.open("index.html")
        visit.search("units")
        assert visit.violations(axe) == []


def test_pages_can_be_read_without_scripts(open_window):
    visit = open_window(java_script_enabled=False)
    visit.open("mappings/smi/index.html")
    assert visit.page.get_by_role("heading", level=1).is_visible()
    assert visit.page.get_by_role("navigation", name="Site").is_visible()
    assert visit.page.get_by_role("button").count() == 0


def test_type_grows_on_a_wall(open_window):
    sizes = []
    for size in ("laptop", "wall"):
        visit = open_window(size)
        visit.open("index.html")
        sizes.append(visit.page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)"))
    laptop, wall = sizes
    assert laptop == 16
    assert wall > 2 * laptop


def test_what_is_printed_is_light_and_without_what_surrounds_it(open_window):
    visit = open_window(scheme="dark")
    visit.open("mappings/smi/index.html")
    visit.page.emulate_media(media="print")
    assert visit.page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 35, 38)"
    assert not visit.page.get_by_role("navigation", name="Site").is_visible()
    assert visit.page.get_by_role("heading", level=1).is_visible()


def test_what_is_folded_is_printed(open_window):
    visit = open_window("phone")
    visit.open("mappings/bmm/repairs.html")
    yaml = visit.page.locator("details figure").first
    assert not yaml.is_visible()
    visit.page.emulate_media(media="print")
    visit.page.set_viewport_size({"width": 794, "height": 1123})
    assert yaml.is_visible()
    terms = visit.page.locator("dl.facts dt:not(:empty)")
    widths = terms.evaluate_all("terms => terms.map((each) => each.offsetWidth)")
    assert min(widths) > 30  # a column that is wide enough for its words


@pytest.mark.skipif(not SCREENSHOTS, reason="TILEDMAP_SCREENSHOTS names no directory")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_pictures(open_window, size, scheme):
    visit = open_window(size, scheme)
    for page in [*PAGES, LINEAGE]:
        visit.open(page)
        name = page.removesuffix(".html").replace("/", "-")
        visit.page.screenshot(path=Path(str(SCREENSHOTS), f"{name}-{size}-{scheme}.png"))
