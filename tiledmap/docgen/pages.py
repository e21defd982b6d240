"""A folder of Markdown as a part of the site.

A file ``contents.yaml`` in the folder says which sections lead to its pages, and in which order:

.. code-block:: yaml

    sections:
      - title: Explanations
        pages:
          - explanations/architecture.md
          - explanations/decisions/   # its index.md, which leads to the other pages of that folder

Without one, all pages are one section. ``index.md`` is the site's first page.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from tiledmap.docgen.errors import SiteError
from tiledmap.docgen.links import relative_link
from tiledmap.docgen.markdown import Draw, Passage, Rendered, render_markdown
from tiledmap.docgen.values import Crumb, Entry, Item, Kind, Page, Part, Section

CONTENTS = "contents.yaml"
HOME = "index.md"
_DEEPEST = (2, 3)
_MOST_HEADINGS = 50
"""Above this, the table of contents has only the highest level."""
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)

KindOf = Callable[[str, Passage | None], Kind | None]
"""Says what search calls a page, or a passage of it; None where it does not find it by itself."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    pages: list[str]


class _Contents(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sections: list[_Section]


@dataclass(frozen=True, slots=True)
class Folder:
    """Pages as they are written.

    Parameters
    ----------
    name
        What messages call the folder.
    texts
        Markdown by path from the site's root.
    files
        What pages may show or offer: pictures and the like.
    sections
        Titles, each with the pages that it lists; what ends with ``/`` leads to a folder of others.
    """

    name: str
    texts: Mapping[str, str]
    files: Mapping[str, bytes]
    sections: Mapping[str, tuple[str, ...]]


def read_folder(folder: Path, *, under: str = "") -> Folder:
    """Read a folder of pages; a folder in it that has contents of its own is another's.

    Parameters
    ----------
    under
        Where the folder lies in the site.

    Raises
    ------
    SiteError
        Its contents cannot be read, list what is not there, or leave a page out.
    """
    paths = {f"{under}{path.relative_to(folder).as_posix()}": path for path in _files(folder)}
    texts = {name: _text(path) for name, path in paths.items() if _is_page(name)}
    files = {
        name: _content(path)
        for name, path in paths.items()
        if path.suffix in _OFFERED and path.name != CONTENTS
    }
    return Folder(folder.name, texts, files, _sections(folder / CONTENTS, under, texts))


_OFFERED = {".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf", ".csv", ".yaml", ".json"}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.startswith("."):
            continue
        if path.is_file():
            yield path
        elif not (path / CONTENTS).is_file():
            yield from _files(path)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SiteError([f"{path}: cannot be read: {error.strerror or error}"]) from None


def _text(path: Path) -> str:
    try:
        return _content(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise SiteError([f"{path}: not UTF-8: byte {error.start}"]) from None


def _is_page(name: str) -> bool:
    return name.endswith(".md")


def _sections(contents: Path, under: str, texts: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    if not contents.is_file():
        listed = tuple(name for name in texts if name != HOME)
        return {"Pages": listed} if listed else {}
    try:
        given = _Contents.model_validate(yaml.safe_load(_text(contents)))
    except yaml.YAMLError as error:
        raise SiteError([f"{contents}: {' '.join(str(error).split())}"]) from None
    except ValidationError as error:
        invalid = (
            f"{contents}: {'.'.join(map(str, each['loc']))}: {each['msg']}"
            for each in error.errors()
        )
        raise SiteError(invalid) from None
    sections = {
        section.title: tuple(f"{under}{page}" for page in section.pages)
        for section in given.sections
    }
    if faults := list(_faults(contents, sections, texts)):
        raise SiteError(faults)
    return sections


def _faults(
    contents: Path, sections: Mapping[str, tuple[str, ...]], texts: Mapping[str, str]
) -> Iterator[str]:
    listed = [name for names in sections.values() for name in names]
    for name in listed:
        if _first(name) not in texts:
            yield f"{contents}: lists {_first(name)}, which is not there"
        if listed.count(name) > 1:
            yield f"{contents}: lists {name} more than once"
    for name in texts:
        if name != HOME and not any(_leads(each, name) for each in listed):
            yield f"{contents}: nothing leads to {name}"


def _first(listed: str) -> str:
    """Return the page that a line of the contents opens."""
    return f"{listed}{HOME}" if listed.endswith("/") else listed


def _leads(listed: str, name: str) -> bool:
    return name == listed or (listed.endswith("/") and name.startswith(listed))


# Pages


def folder_part(
    folder: Folder,
    *,
    leads: Callable[[str], bool] = lambda path: True,
    kind_of: KindOf = lambda name, passage: None if passage and passage.row_of else Kind.PAGE,
    figures: Mapping[str, Draw] | None = None,
) -> Part:
    """Make the pages of a folder.

    Parameters
    ----------
    leads
        Whether a link to a page or file is made; others become plain text.
    """
    rendered = {
        name: render_markdown(text, _resolver(name, leads), figures)
        for name, text in folder.texts.items()
    }
    if faults := [
        f"{folder.name}/{name}: has no heading" for name, page in rendered.items() if not page.title
    ]:
        raise SiteError(faults)
    titles = {name: page.title for name, page in rendered.items()}
    sections = []
    pages = []
    for title, listed in folder.sections.items():
        items = tuple(Item(titles[_first(name)], _path(_first(name))) for name in listed)
        if items:
            sections.append(Section(title, items[0].path, items))
        ordered = list(_ordered(listed, rendered))
        for place, (name, above) in enumerate(ordered):
            crumbs = (Crumb(titles[above], _path(above)),) if above else ()
            turn = {
                "previous": _crumb(ordered, place - 1, titles),
                "next": _crumb(ordered, place + 1, titles),
            }
            pages.append(_page(name, rendered[name], title, crumbs, turn, kind_of))
    if HOME in rendered:
        page = rendered[HOME]
        pages.insert(0, _page(HOME, page, "", (), {"previous": None, "next": None}, kind_of))
    return Part(tuple(pages), tuple(sections), folder.files)


def _ordered(
    listed: tuple[str, ...], rendered: Mapping[str, Rendered]
) -> Iterator[tuple[str, str]]:
    """Yield a section's pages in order, each with the one that leads to it, if it is not listed."""
    for each in listed:
        yield _first(each), ""
        if each.endswith("/"):
            yield from ((name, _first(each)) for name in rendered if _is_below(each, name))


def _is_below(listed: str, name: str) -> bool:
    return name.startswith(listed) and name != _first(listed)


def _crumb(ordered: list[tuple[str, str]], place: int, titles: Mapping[str, str]) -> Crumb | None:
    if not 0 <= place < len(ordered):
        return None
    name, _ = ordered[place]
    return Crumb(titles[name], _path(name))


def _path(name: str) -> str:
    return f"{name.removesuffix('.md')}.html"


def _page(
    name: str,
    rendered: Rendered,
    section: str,
    crumbs: tuple[Crumb, ...],
    turn: Mapping[str, Crumb | None],
    kind_of: KindOf,
) -> Page:
    path = _path(name)
    headings = [passage.heading for passage in rendered.passages if not passage.row_of]
    deepest = max(_DEEPEST) if len(headings) <= _MOST_HEADINGS else min(_DEEPEST)
    return Page(
        path=path,
        title=rendered.title,
        template="home.html.jinja" if name == HOME else "markdown.html.jinja",
        context={"body": rendered.body, **turn},
        section=section,
        crumbs=crumbs,
        headings=tuple(heading for heading in headings if heading.level <= deepest),
        entries=tuple(_entries(name, rendered, section, kind_of)),
        description=_sentence(rendered.lead),
    )


def _entries(name: str, rendered: Rendered, section: str, kind_of: KindOf) -> Iterator[Entry]:
    path = _path(name)
    if kind := kind_of(name, None):
        yield Entry(kind, rendered.title, path, rendered.lead, section)
    for passage in rendered.passages:
        if kind := kind_of(name, passage):
            link = f"{path}#{passage.heading.anchor}"
            yield Entry(kind, passage.heading.title, link, passage.text, rendered.title)


def _sentence(text: str) -> str:
    return re.split(r"(?<=[.:])\s", text, maxsplit=1)[0]


def _resolver(name: str, leads: Callable[[str], bool]) -> Callable[[str], str | None]:
    def resolve(link: str) -> str | None:
        target, hash_, anchor = link.partition("#")
        if not target or _ELSEWHERE.match(link):
            return link
        found = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        found = _path(found) if _is_page(found) else found
        if not leads(found):
            return None
        return relative_link(_path(name), f"{found}{hash_}{anchor}")

    return resolve
