"""Links of a site: relative ones, and whether each leads somewhere."""

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from html import unescape
from urllib.parse import unquote


def relative_link(origin: str, link: str) -> str:
    """Return the link from one page to another, or to an anchor of it, as both lie in a folder."""
    path, hash_, anchor = link.partition("#")
    folder = posixpath.dirname(origin)
    relative = "" if path == origin and anchor else posixpath.relpath(path, folder or ".")
    return f"{relative}{hash_}{anchor}"


# Texts of pages are escaped, so what looks like an attribute of a tag is one.
_ID = re.compile(r'<[^<>]*?\sid="([^"]*)"')
_LINK = re.compile(r'<[^<>]*?\s(href|src)="([^"]*)"')
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


def faults_of_links(pages: Mapping[str, str], files: Collection[str]) -> Iterator[str]:
    """Find links to what is not there, anchors that are there twice, and what would be fetched.

    Parameters
    ----------
    pages
        HTML by path.
    files
        The paths of all files, pages too.
    """
    ids = {path: [unescape(id) for id in _ID.findall(text)] for path, text in pages.items()}
    anchors = {path: frozenset(found) for path, found in ids.items()}
    for path, found in ids.items():
        if len(anchors[path]) < len(found):
            twice = sorted({id for id in found if found.count(id) > 1})
            yield f"{path}: the anchor {', '.join(twice)} is there more than once"
    for origin, text in pages.items():
        for attribute, target in dict.fromkeys(_LINK.findall(text)):
            if fault := _fault(origin, attribute, unescape(target), anchors, files):
                yield f"{origin}: {fault}"


def _fault(
    origin: str,
    attribute: str,
    target: str,
    anchors: Mapping[str, frozenset[str]],
    files: Collection[str],
) -> str:
    if _ELSEWHERE.match(target):
        fetched = attribute == "src" and not target.startswith("data:")
        return f"{target} would be fetched from elsewhere" if fetched else ""
    path, _, anchor = target.partition("#")
    found = posixpath.normpath(posixpath.join(posixpath.dirname(origin), unquote(path)))
    found = found if path else origin
    if found not in files:
        return f"links to {found}, which is not there"
    if anchor and found in anchors and unquote(anchor) not in anchors[found]:
        return f"links to {found}#{unquote(anchor)}; that page has no such anchor"
    return ""
