"""From pages to a folder: files are made and checked as values, and written in one place."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from tiledmap.docgen.errors import SiteError
from tiledmap.docgen.links import faults_of_links
from tiledmap.docgen.rendering import render
from tiledmap.docgen.search import search_index
from tiledmap.docgen.values import Page, Site

MARK = ".tiledmap-site"
"""A file that says that a folder is a site of ours, which may be replaced."""


def build(site: Site, progress: Callable[[Page], None] = lambda page: None) -> dict[str, bytes]:
    """Make the files of a site, by their path from its root.

    Parameters
    ----------
    progress
        Called with each page that is made.

    Raises
    ------
    SiteError
        Two pages have one path, a link leads nowhere, or something would be fetched from elsewhere.
    """
    pages: dict[str, str] = {}
    faults = []
    for page in site.pages:
        if page.path in pages:
            faults.append(f"{page.path}: two pages have this path")
        pages[page.path] = render(site, page)
        progress(page)
    files = {
        MARK: b"Made by `tiledmap docs build`, which replaces this folder.\n",
        "search.js": search_index(site).encode(),
        **dict(_assets()),
        **site.files,
        **{path: text.encode() for path, text in pages.items()},
    }
    if faults := [*faults, *faults_of_links(pages, files)]:
        raise SiteError(faults)
    return files


def may_replace(folder: Path) -> bool:
    """Whether a site can be written to a folder: it is not there, empty, or a site of ours."""
    if not folder.exists():
        return True
    return folder.is_dir() and ((folder / MARK).is_file() or not any(folder.iterdir()))


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Write a site in place of the one that is there; readers meet the old one or the new one.

    Raises
    ------
    SiteError
        The folder holds something else.
    """
    if not may_replace(folder):
        raise SiteError([f"{folder}: is not a site that tiledmap made; nothing is replaced"])
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        fresh = Path(beside, "new")
        for path, content in files.items():
            target = fresh / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        if folder.exists():
            folder.rename(Path(beside, "old"))
        shutil.move(fresh, folder)


def _assets() -> Iterator[tuple[str, bytes]]:
    def walk(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
        for each in sorted(folder.iterdir(), key=lambda each: each.name):
            if each.is_dir():
                yield from walk(each, f"{path}/{each.name}")
            else:
                yield f"{path}/{each.name}", each.read_bytes()

    yield from walk(resources.files("tiledmap.docgen") / "assets", "assets")
