"""What search reads: every entry of every page, as a script, which opens from files."""

import json

from tiledmap.docgen.values import Entry, Kind, Page, Site

_LONGEST = 160


def search_index(site: Site) -> str:
    """Make the script that hands the entries to search, in the order of `Kind`."""
    entries = dict.fromkeys(entry for page in site.pages for entry in entries_of(page))
    order = list(Kind)
    rows = [
        [entry.kind, entry.title, entry.link, _short(entry.text), entry.place]
        for entry in sorted(entries, key=lambda entry: order.index(entry.kind))
    ]
    text = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    # A line separator is allowed in JSON, and in no script of old.
    text = text.replace("\u2028", r"\u2028").replace("\u2029", r"\u2029")
    return f"window.tiledmapEntries = [\n{text}\n];\n"


def entries_of(page: Page) -> tuple[Entry, ...]:
    """List what search finds on a page, the page itself first unless an entry stands for it."""
    if any(entry.link == page.path for entry in page.entries):
        return page.entries
    place = page.section if page.section != page.title else ""
    return (Entry(Kind.PAGE, page.title, page.path, page.description, place), *page.entries)


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST].rsplit(' ', 1)[0]} …"
