"""What surrounds every page: search, keyboard, scheme, menu and copies."""

import pytest

RUN_OF_BMM = "4be82abd-c8bc-57b4-88cd-202f19c598ab"
UNITS = "fields/descriptor.html#descriptor.data_keys.any.units"


@pytest.mark.parametrize(
    ("words", "title", "place"),
    [
        ("units", "descriptor.data_keys.*.units", UNITS),
        ("data_keys", "descriptor.data_keys", "fields/descriptor.html#descriptor.data_keys"),
        ("data keys units", "descriptor.data_keys.*.units", UNITS),
        ("descriptor.data_keys.units", "descriptor.data_keys.*.units", UNITS),
        ("TM201", "TM201: the document has no such field", "reference/problems/TM201.html"),
        ("on_collision", "run.on_collision", "reference/language.html#run.on_collision"),
        ("slug", "slug", "reference/functions.html#slug"),
        ("hdf5", "hdf5", "reference/consolidators.html#hdf5"),
        ("dcm_energy", "dcm_energy", f"mappings/bmm/example.html#{RUN_OF_BMM}-primary-internal"),
        ("docs build", "tiledmap docs build", "reference/cli.html#tiledmap-docs-build"),
    ],
)
def test_search_leads_to_the_right_place(window, words, title, place):
    window.open("explanations/decisions/index.html")
    assert window.search(words)[0] == title
    with window.page.expect_navigation():
        window.page.keyboard.press("Enter")
    assert window.at == place
    if anchor := place.partition("#")[2]:
        assert window.page.locator(f'[id="{anchor}"]').is_visible()


def test_search_is_used_by_keyboard_alone(window):
    window.open("index.html")
    dialog = window.page.get_by_role("dialog", name="Search")
    window.page.keyboard.press("Control+k")
    dialog.wait_for(state="visible")
    window.page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")

    titles = window.search("time")
    field = window.page.get_by_role("combobox")
    assert field.get_attribute("aria-expanded") == "true"
    assert chosen(window) == titles[0]
    window.page.keyboard.press("ArrowDown")
    assert chosen(window) == titles[1]
    window.page.keyboard.press("ArrowUp")
    window.page.keyboard.press("ArrowUp")
    assert chosen(window) == titles[-1]


def test_search_that_has_just_closed_opens_again(window):
    window.open("index.html")
    window.search("time")
    is_open = window.page.evaluate("""() => {
        const dialog = document.getElementById("search");
        dialog.close();
        const slash = new KeyboardEvent("keydown", {key: "/", bubbles: true});
        document.activeElement.dispatchEvent(slash);
        return dialog.open;
    }""")
    assert is_open


def chosen(window) -> str:
    """The title of what Enter would open."""
    active = window.page.get_by_role("combobox").get_attribute("aria-activedescendant")
    return window.page.locator(f"#{active} .found-title").inner_text()


def test_what_is_not_there_is_said(window):
    window.open("index.html")
    assert window.search("xyzzyplugh") == []
    assert window.page.locator(".search-status").inner_text() == "Nothing found"


def test_the_first_tab_skips_to_the_content(window):
    window.open("mappings/smi/index.html")
    window.page.keyboard.press("Tab")
    assert window.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    window.page.keyboard.press("Enter")
    window.page.keyboard.press("Tab")
    assert window.page.evaluate("document.activeElement.closest('main') !== null")


def test_tab_reaches_everything_that_can_be_used_and_shows_where_it_is(window):
    window.open("reference/functions.html")
    reached = set()
    for _ in range(40):
        window.page.keyboard.press("Tab")
        reached.add(window.page.evaluate("document.activeElement.className || 'link'"))
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert window.page.evaluate(outline) == "solid"
    assert {"skip", "brand", "search-button", "scheme-button", "permalink"} <= reached


def test_the_scheme_is_chosen_and_kept(open_window):
    visit = open_window(scheme="light")
    visit.open("index.html")
    toggle = visit.page.get_by_role("button", name="Dark scheme")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = visit.page.evaluate(paper)
    assert toggle.get_attribute("aria-pressed") == "false"

    toggle.click()
    dark = visit.page.evaluate(paper)
    assert dark != light
    visit.open("reference/functions.html")
    assert visit.page.evaluate(paper) == dark
    assert toggle.get_attribute("aria-pressed") == "true"


def test_the_menu_of_a_phone(open_window):
    visit = open_window("phone")
    visit.open("reference/functions.html")
    menu = visit.page.get_by_role("navigation", name="Site")
    button = visit.page.get_by_role("button", name="Menu")
    assert not menu.is_visible()
    button.click()
    menu.get_by_role("link", name="Functions").wait_for(state="visible")
    visit.page.keyboard.press("Escape")
    menu.wait_for(state="hidden")


def test_copies_of_a_session_are_its_commands(open_window):
    visit = open_window(permissions=["clipboard-read", "clipboard-write"])
    visit.open("how-to/validate-in-ci.html")
    block = visit.page.locator("figure.code.console").first
    block.get_by_role("button", name="Copy").click()
    block.get_by_role("button", name="Copied").wait_for()
    assert visit.page.evaluate("navigator.clipboard.readText()") == "tiledmap validate mappings"


def test_a_table_filters_as_one_types(window):
    window.open("fields/descriptor.html")
    field = window.page.get_by_role("searchbox")
    rows = window.page.locator("main tbody tr:visible")
    every = rows.count()
    field.press_sequentially("units")
    assert 0 < rows.count() < every
    assert window.page.locator(".filter-count").inner_text() == f"{rows.count()} of {every}"
