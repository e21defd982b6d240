"""A whole site: a folder of pages, what mappings make, and the reference."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tiledmap.docgen.figures import figures_of
from tiledmap.docgen.mapping_pages import Documented, mapping_part
from tiledmap.docgen.markdown import Draw, Passage
from tiledmap.docgen.pages import folder_part, read_folder
from tiledmap.docgen.values import Entry, Kind, Page, Part, Site
from tiledmap.resources import reference_folder

REFERENCE = "reference/"
"""Where the reference, which comes with tiledmap, lies in every site."""

_HOME = "index.html"

_KINDS = {
    "reference/language.md": Kind.KEYWORD,
    "reference/functions.md": Kind.FUNCTION,
    "reference/cli.md": Kind.COMMAND,
}
"""What the headings of a page are."""

_KINDS_OF_ROWS = {
    ("reference/consolidators.md", "Consolidators"): Kind.CONSOLIDATOR,
    ("reference/specs.md", "Of nodes"): Kind.SPEC,
    ("reference/specs.md", "Of files"): Kind.SPEC,
}
"""What the rows of a section's table are."""

_PROBLEM = "reference/problems/TM"


def assemble(
    mappings: Sequence[Documented] = (),
    *,
    title: str | None = None,
    pages: Path | None = None,
    results: Path | None = None,
) -> Site:
    """Put a site together.

    Parameters
    ----------
    title
        What the site is called; None for what its first page is called, or its only mapping.
    pages
        A folder of Markdown.
    results
        A folder of the benchmarks' results, from which figures of the pages are drawn.

    Raises
    ------
    SiteError
        The pages, their contents or the results cannot be used.
    """
    figures = figures_of(results) if results is not None else {}
    own = _own_pages(pages, figures) if pages is not None else Part(())
    reference = read_folder(reference_folder(), under=REFERENCE)
    known = {page.path for page in own.pages}
    known |= {f"{name.removesuffix('.md')}.html" for name in reference.texts}
    referred = folder_part(reference, leads=known.__contains__, kind_of=_kind_of)
    mapped = mapping_part(mappings, _places_of_names(referred))
    parts = (own, mapped, referred)
    made = [page for part in parts for page in part.pages]
    home = next((page for page in made if page.path == _HOME), None)
    title = title or (home.title if home else _title(mappings))
    return Site(
        title=title,
        pages=tuple(made if home else [_home(title, mapped), *made]),
        sections=tuple(section for part in parts for section in part.sections),
        files={path: content for part in parts for path, content in part.files.items()},
    )


def _own_pages(folder: Path, figures: Mapping[str, Draw]) -> Part:
    return folder_part(read_folder(folder), figures=figures)


def _places_of_names(reference: Part) -> dict[tuple[Kind, str], str]:
    """Where the reference tells of what pages of mappings name."""
    entries = (entry for page in reference.pages for entry in page.entries)
    return {
        (entry.kind, entry.title): entry.link
        for entry in entries
        if entry.kind in _KINDS_OF_ROWS.values()
    }


def _title(mappings: Sequence[Documented]) -> str:
    if len(mappings) == 1:
        return mappings[0].outline.title or mappings[0].name
    return "Mappings"


def _home(title: str, mapped: Part) -> Page:
    """Make the first page of a site that has none of its own: it leads to the mappings."""
    mappings = [page for page in mapped.pages if page.template == "mapping/overview.html.jinja"]
    entry = Entry(Kind.PAGE, title, _HOME)
    context = {"body": "", "mappings": mappings}
    return Page(_HOME, title, "home.html.jinja", context, entries=(entry,))


def _kind_of(name: str, passage: Passage | None) -> Kind | None:
    """Say what a page or passage of the reference is: most of its headings are names."""
    if name.startswith(_PROBLEM):
        return Kind.PROBLEM if passage is None else None  # all have the same headings
    if passage is None:
        return Kind.PAGE
    if passage.row_of:
        return _KINDS_OF_ROWS.get((name, passage.row_of))
    is_name = passage.is_name or name in ("reference/functions.md", "reference/cli.md")
    return _KINDS.get(name, Kind.PAGE) if is_name else Kind.PAGE
