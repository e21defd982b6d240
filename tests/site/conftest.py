"""The site of all shipped mappings, and windows on it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.running import run_tiledmap
from tests.site.chromium import SIZES, Visit, one_at_a_time, read_axe, run_chromium

ROOT = Path(__file__).parents[2]

BUILD = (
    *("docs", "build", "--all", "--pages", ROOT / "docs"),
    *("--results", ROOT / "benchmarks" / "results"),
    *("--documents", ROOT / "tests" / "runs" / "beamlines"),
)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The site's folder, made by one of the processes that run the tests."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(request.config, "workerinput") else base
    folder = shared / "site-of-all"
    with one_at_a_time(shared / "site-of-all.lock"):
        if not folder.exists():
            result = run_tiledmap(*BUILD, "--output", folder)
            assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="session")
def axe(request: pytest.FixtureRequest) -> str:
    """axe-core, as a script."""
    assert request.config.cache is not None
    return read_axe(request.config.cache.mkdir("axe-core"))


# Of a module, since the loop that drives the browser would be in the way of other modules' own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with run_chromium() as chromium:
        yield chromium


@pytest.fixture
def open_window(browser: Browser, site: Path) -> Iterator[Callable[..., Visit]]:
    """Open windows of a size and a scheme; at the end none may have met a fault."""
    visits = []

    def open_window(size: str = "laptop", scheme: str = "light", **options: object) -> Visit:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, **options
        )
        context.set_default_timeout(2 * 60_000)  # a busy computer is no fault
        visits.append(Visit(context.new_page(), site))
        return visits[-1]

    yield open_window
    for visit in visits:
        visit.page.context.close()
    assert [fault for visit in visits for fault in visit.faults] == []


@pytest.fixture
def window(open_window: Callable[..., Visit]) -> Visit:
    """A window of a laptop's size."""
    return open_window()
