"""Pages of mappings in a real browser: from the tree to a node, to a field, and back."""

import re

import pytest

OVERVIEW = "mappings/bluesky-v3/index.html"
TABLE = "mappings/bluesky-v3/nodes/streams.every-stream.tables.internal.html"
UNITS = "fields/descriptor.html#descriptor.data_keys.any.units"
LINEAGE = "mappings/smi/lineage.html"


def follow(window, link):
    """Click on a link, and wait for where it leads."""
    with window.page.expect_navigation():
        link.click()


def test_from_the_tree_to_a_node_to_a_field_and_back(window):
    window.open("mappings/index.html")
    follow(window, window.page.get_by_role("main").get_by_role("link", name="bluesky-v3").nth(2))
    assert window.at == OVERVIEW
    follow(window, window.page.locator("figure.tree").get_by_role("link", name="internal"))
    assert window.at == TABLE
    column = window.page.get_by_role("row", name="{data_key.name} as the data key says")
    follow(window, column.get_by_role("link", name="descriptor.data_keys.*.units"))
    assert window.at == UNITS
    row = window.page.locator('[id="descriptor.data_keys.any.units"]')
    assert row.is_visible()

    row.get_by_text("mappings", exact=False).first.click()
    follow(window, row.get_by_role("link", name="bluesky-v3").first)
    assert window.at.startswith("mappings/bluesky-v3/lineage.html#descriptor.data_keys")
    for place in (UNITS, TABLE, OVERVIEW):
        window.page.go_back()
        assert window.at == place


def test_a_node_leads_to_the_lines_of_its_rule(window):
    window.open(TABLE)
    follow(window, window.page.get_by_role("link", name="In its file"))
    path, line = window.at.split("#L")
    assert path == "mappings/bluesky-v3/files/bluesky-v3.yaml.html"
    text = window.page.locator(f"#L{line}").inner_text()
    assert "name: internal" in text
    assert window.page.locator(f"#L{line}").is_visible()


@pytest.mark.parametrize("keys", [("+", "-", "0"), None])
def test_the_picture_of_the_tree_is_zoomed(window, keys):
    window.open(OVERVIEW)
    figure = window.page.locator("figure.tree")
    picture = figure.locator("svg").last
    width = picture.bounding_box()["width"]

    def act(key, name):
        if keys is None:
            figure.get_by_role("button", name=name, exact=True).click()
        else:
            figure.get_by_role("region").focus()
            window.page.keyboard.press(key)
        return picture.bounding_box()["width"]

    assert width <= figure.get_by_role("region").bounding_box()["width"]
    assert act("+", "Larger") == pytest.approx(1.25 * width, rel=0.01)
    full = act("0", "100 %")
    assert full > width
    assert act("-", "Smaller") == pytest.approx(full / 1.25, rel=0.01)
    assert act("f", "Fit") == pytest.approx(width, rel=0.01)


def test_the_picture_needs_no_script(open_window):
    visit = open_window(java_script_enabled=False)
    visit.open(OVERVIEW)
    link = visit.page.locator("figure.tree").get_by_role("link", name="internal")
    follow(visit, link)
    assert visit.at == TABLE


def test_on_a_phone_the_tree_is_a_list(open_window):
    visit = open_window("phone")
    visit.open(OVERVIEW)
    assert not visit.page.locator("figure.tree").is_visible()
    follow(visit, visit.page.locator("ul.nodes").get_by_role("link", name="internal"))
    assert visit.at == TABLE
    assert visit.overflow() <= 0


def test_fields_filter_as_one_types(window):
    window.open(LINEAGE)
    rows = window.page.locator("#fields tbody tr:visible")
    every = rows.count()
    window.page.get_by_label("Filter by field, node or words").press_sequentially("seq_num column")
    names = rows.locator("th").all_inner_texts()
    assert "event.seq_num" in names
    assert len(names) < every


def test_coverage_filters_all_documents_at_once(window):
    window.open("mappings/smi/coverage.html")
    window.page.get_by_role("searchbox").fill("left out parent node")
    assert window.page.get_by_role("heading", level=2).all_inner_texts() == [
        "descriptor #",
        "event #",
        "event_page #",
    ]


def test_the_ways_of_a_field_stand_out(window):
    window.open(LINEAGE)
    picture = window.page.locator("figure.lineage svg")
    source = picture.locator("a.source", has_text=re.compile("seq_num"))
    lit = picture.locator(".way.lit")
    assert lit.count() == 0

    source.hover()
    number = source.get_attribute("data-number")
    assert lit.count() == picture.locator(f'.way[data-source="{number}"]').count() > 0
    window.page.mouse.move(0, 0)
    assert lit.count() == 0
    source.focus()
    assert lit.count() > 0


def test_a_repair_whose_last_day_is_past_says_so(open_window):
    visit = open_window()
    visit.open("mappings/smi/repairs.html")
    badge = visit.page.evaluate(
        """async (script) => {
          document.querySelector("main").insertAdjacentHTML("beforeend",
            '<span class="badge" data-until="2020-01-01">until 2020-01-01</span>' +
            '<span class="badge" data-until="9999-01-01">until 9999-01-01</span>');
          const again = document.createElement("script");
          again.src = document.querySelector('script[src$="mapping.js"]').src;
          await new Promise((done) => { again.onload = done; document.body.append(again); });
          return [...document.querySelectorAll("[data-until]")].map((each) => each.textContent);
        }"""
    )
    assert badge[-2:] == ["applied until 2020-01-01", "until 9999-01-01"]


def test_an_example_run_opens_its_metadata(window):
    window.open("mappings/csx/example.html")
    window.page.get_by_text("Metadata start, stop").click()
    window.page.locator("details.entry summary", has_text="start").first.click()
    assert window.page.get_by_text('"plan_name": "scan"').first.is_visible()
