"""A real Chromium on the site's files, and what it tells of them.

Where Chromium or npm is not installed, what needs it is passed over; in continuous integration,
where `.ci/run` installs them, that is a failure.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

AXE = "axe-core@4.14.1"

SIZES = {"phone": (360, 740), "laptop": (1280, 800), "wall": (3840, 2160)}

_QUIETLY = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const {value, sources} of list.getEntries()) {
    const moved = sources.map(({node}) => (node?.outerHTML ?? "text").slice(0, 99));
    window.shifts.push(`${value}: ${moved.join(" and ")}`);
  }
}).observe({type: "layout-shift", buffered: true});
"""


@contextmanager
def run_chromium() -> Iterator[Browser]:
    """Run a browser that talks to nobody."""
    program = find("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_QUIETLY))
        yield browser
        browser.close()


def find(program: str, package: str) -> str:
    """Return a program's path; pass the test over, or fail it in CI, where there is none."""
    found = shutil.which(program)
    if found is None:
        reason = f"{program} is not installed (Debian's package {package})"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return found


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Let one process at a time do what follows."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def read_axe(folder: Path) -> str:
    """Return the script of axe-core, which npm brings into the folder where it is not there."""
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    wanted = folder / AXE.replace("@", "-")
    with one_at_a_time(folder / "lock"):
        if not wanted.is_file():
            npm = find("npm", "npm")
            install = [npm, "install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund"]
            subprocess.run([*install, "--ignore-scripts", AXE], check=True, capture_output=True)
            wanted.touch()
    return script.read_text("utf-8")


@dataclass
class Visit:
    """A window on the site, and everything that went wrong in it.

    Parameters
    ----------
    faults
        What the console said, exceptions, and requests for anything but the site's files.
    """

    page: Page
    site: Path
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.faults.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        self.page.on("request", lambda request: self._note(request.url))
        self.page.on("requestfailed", self._note_failure)
        self.page.add_init_script(_WATCH_SHIFTS)

    def _note(self, url: str) -> None:
        if not url.startswith((self.site.as_uri(), "data:")):
            self.faults.append(f"asks for {url}")

    def _note_failure(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the reader went on before it was there
            self.faults.append(f"lacks {request.url}")

    def open(self, path: str) -> None:
        """Open a page of the site."""
        self.page.goto(f"{self.site.as_uri()}/{path}")

    def search(self, words: str) -> list[str]:
        """Search as a reader does, and return the names of what is found."""
        self.page.keyboard.press("/")
        self.page.get_by_role("combobox").fill(words)
        self.page.locator(".search-status", has_text="found").wait_for()
        return self.page.locator(".found-title").all_inner_texts()

    @property
    def at(self) -> str:
        """The page that is open, and the anchor, as links of the site name them."""
        return str(self.page.url).removeprefix(f"{self.site.as_uri()}/")

    def shifts(self) -> list[str]:
        """What moved after it was painted, without being asked to, and how far."""
        found: list[str] = self.page.evaluate("window.shifts")
        return found

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(width))

    def violations(self, axe: str) -> list[str]:
        """What axe-core finds, a line each."""
        self.page.evaluate(axe)
        found: dict[str, Any] = self.page.evaluate("axe.run({preload: false})")
        return [
            f"{violation['id']}: {node['target']} {node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]
