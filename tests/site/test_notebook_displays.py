"""What notebooks show, in a real browser: readable in light and dark, and nothing is fetched."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

import tiledmap
from tests.cli.conftest import documents
from tests.site.chromium import Visit

THEMES = {
    "light": ("#fff", "rgba(0, 0, 0, 0.87)"),
    "dark": ("#111", "rgba(255, 255, 255, 0.87)"),
}
"""JupyterLab's own: the colour of a cell, and that of what is in it."""

BROKEN = """\
tiledmap: 1
name: smi
version: 1.0.0
extends: bluesky-v3@^3
run:
  key: run_${{ start.uid }}
  parnt: [smi]
"""

PAGE = """\
<!doctype html>
<html lang="en">
<title>A notebook</title>
<style>
:root {{ --jp-content-font-color1: {color}; }}
body {{ background: {background}; color: {color}; }}
</style>
<main><h1>A notebook</h1>{cells}</main>
"""


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the cells of a notebook show."""
    broken = tmp_path_factory.mktemp("broken") / "broken.yaml"
    broken.write_text(BROKEN)
    mapping = tiledmap.load("smi")
    preview = tiledmap.load("bluesky-v3").preview(documents("run-1"))
    shown = [mapping, mapping.plan, preview, tiledmap.validate(broken)]
    return "".join(each._repr_html_() for each in shown)


@pytest.fixture
def notebook(browser: Browser, tmp_path: Path, cells: str, request: pytest.FixtureRequest) -> Visit:
    background, color = THEMES[request.param]
    page = PAGE.format(background=background, color=color, cells=cells)
    (tmp_path / "notebook.html").write_text(page, "utf-8")
    visit = Visit(browser.new_page(viewport={"width": 900, "height": 1200}), tmp_path)
    visit.open("notebook.html")
    return visit


@pytest.mark.parametrize("notebook", THEMES, indirect=True)
def test_everything_can_be_read(notebook: Visit, axe: str) -> None:
    notebook.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert notebook.violations(axe) == []
    assert notebook.overflow() == 0
    assert notebook.faults == []


@pytest.mark.parametrize("notebook", ["light"], indirect=True)
def test_a_tree_unfolds(notebook: Visit) -> None:
    mapping = notebook.page.locator(".tiledmap").first
    repair = mapping.get_by_text("repair.roots.old-mount")
    assert not repair.is_visible()
    mapping.get_by_text("repairs").click()
    assert repair.is_visible()
    column = mapping.get_by_text("seq_num int64")
    assert not column.is_visible()
    mapping.locator("summary", has_text="internal").press("Enter")
    assert column.is_visible()
