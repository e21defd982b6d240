"""What a site is made of, as values: pages, what search finds, and what navigation shows.

Every path in them is a page's path from the site's root, with ``/``, such as
``mappings/smi/index.html``; a link adds ``#anchor``. Templates turn them into relative links with
``url(…)``, so that a site can be read in any folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What search finds, in the order in which it is shown where texts fit equally well."""

    FIELD = "field"
    NODE = "node"
    MAPPING = "mapping"
    KEYWORD = "keyword"
    FUNCTION = "function"
    PROBLEM = "problem"
    CONSOLIDATOR = "consolidator"
    SPEC = "spec"
    COMMAND = "command"
    RULE = "rule"
    PAGE = "page"
    EXAMPLE = "example"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that search finds.

    Parameters
    ----------
    title
        Its name, such as ``descriptor.data_keys.*.units``. Names count most.
    link
        Where it is: a page's path, and an anchor that the page has.
    text
        What else it can be found by; shown as far as it fits on a line.
    place
        What tells it from others of the same name, such as a mapping's name.
    """

    kind: Kind
    title: str
    link: str
    text: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A line of a page's table of contents."""

    title: str
    anchor: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Crumb:
    """One of the pages above a page."""

    title: str
    path: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the site.

    Parameters
    ----------
    path
        Where it is written.
    title
        What the window's title, and search, call it.
    template
        Which template of ``templates/`` shows it; it extends ``base.html.jinja``.
    context
        What the template shows, besides the page and the site.
    section
        The title of the `Section` it belongs to.
    crumbs
        The pages above it, from the top down, without itself.
    headings
        Its table of contents.
    entries
        What search finds on it. The page itself is found without one.
    description
        A sentence on it.
    wide
        Whether it takes all the width that there is, as pictures and large tables do.
    """

    path: str
    title: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    section: str = ""
    crumbs: tuple[Crumb, ...] = ()
    headings: tuple[Heading, ...] = ()
    entries: tuple[Entry, ...] = ()
    description: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the navigation; its own items show while the reader is at one of them."""

    title: str
    path: str
    items: tuple["Item", ...] = ()

    def holds(self, path: str) -> bool:
        """Whether a page is this one's, or that of an item below it."""
        return self.path.partition("#")[0] == path or any(item.holds(path) for item in self.items)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the site that the head of every page leads to: its first page, and all of them."""

    title: str
    path: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Some pages, the sections that lead to them, and files that they show or offer, by path."""

    pages: tuple[Page, ...]
    sections: tuple[Section, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site:
    """All pages, what leads to them, and files that they show or offer."""

    title: str
    pages: tuple[Page, ...]
    sections: tuple[Section, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
