"""From pages to a folder: files are made and checked as values, and written in one place."""

import posixpath
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from importlib import resources
from pathlib import Path
from urllib.parse import unquote

from tiledmap.docgen.rendering import render
from tiledmap.docgen.search import search_index
from tiledmap.docgen.values import Site

Files = Mapping[str, bytes]
"""The files of a site by their path from its root."""


class SiteError(Exception):
    """A site cannot be made.

    Parameters
    ----------
    faults
        All that is wrong, a line each.
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def build(site: Site, progress: Callable[[], None] = lambda: None) -> dict[str, bytes]:
    """Make the files of a site.

    Parameters
    ----------
    progress
        Called after each page.

    Raises
    ------
    SiteError
        Two pages have one path, or a link leads nowhere.
    """
    pages: dict[str, str] = {}
    faults = []
    for page in site.pages:
        if page.path in pages:
            faults.append(f"{page.path}: two pages have this path")
        pages[page.path] = render(site, page)
        progress()
    files = {path: text.encode() for path, text in pages.items()}
    files["search.js"] = search_index(site).encode()
    files |= dict(_assets())
    if faults := [*faults, *_faults_of_links(pages, files)]:
        raise SiteError(faults)
    return files


def write(files: Files, folder: Path) -> None:
    """Write a site into a folder, in place of the site that is there.

    It is written beside it first, so that whoever reads meets the old one or the new one.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        for path, content in files.items():
            target = fresh / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        if folder.exists():
            folder.rename(fresh.with_name(f"{fresh.name}-old"))
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(fresh.with_name(f"{fresh.name}-old"), ignore_errors=True)


def _assets() -> Iterator[tuple[str, bytes]]:
    def walk(folder: resources.abc.Traversable, path: str) -> Iterator[tuple[str, bytes]]:
        for each in sorted(folder.iterdir(), key=lambda each: each.name):
            if each.is_dir():
                yield from walk(each, f"{path}/{each.name}")
            else:
                yield f"{path}/{each.name}", each.read_bytes()

    yield from walk(resources.files("tiledmap.docgen") / "assets", "assets")


_ID = re.compile(r'<[^>]*?\sid="([^"]*)"')
_TARGET = re.compile(r'<[^>]*?\s(?:href|src)="([^"]*)"')
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def _faults_of_links(pages: Mapping[str, str], files: Files) -> Iterator[str]:
    """Find links to what is not there, and anchors that are there twice."""
    anchors = {path: [unescape(id) for id in _ID.findall(text)] for path, text in pages.items()}
    for path, ids in anchors.items():
        if len(set(ids)) < len(ids):
            twice = sorted({id for id in ids if ids.count(id) > 1})
            yield f"{path}: the anchors {', '.join(twice)} are there more than once"
    known = {path: set(ids) for path, ids in anchors.items()}
    for origin, text in pages.items():
        for target in dict.fromkeys(_TARGET.findall(text)):
            if fault := _fault_of_link(origin, unescape(target), known, files):
                yield f"{origin}: {fault}"


def _fault_of_link(origin: str, target: str, anchors: Mapping[str, set[str]], files: Files) -> str:
    if _ELSEWHERE.match(target):
        return ""
    path, _, anchor = target.partition("#")
    found = posixpath.normpath(posixpath.join(posixpath.dirname(origin), unquote(path)))
    found = found if path else origin
    if found not in files:
        return f"there is no {found}, to which it links"
    if anchor and unquote(anchor) not in anchors.get(found, ()):
        return f"{found} has no anchor {unquote(anchor)}, to which it links"
    return ""
