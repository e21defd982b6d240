"""The coverage of a mapping as one page that needs nothing beside it."""

from importlib import resources

from markupsafe import Markup

from tiledmap.docgen.mapping_pages.coverage import coverage_sections
from tiledmap.docgen.rendering import render
from tiledmap.docgen.values import Page, Site
from tiledmap.outline.usage import Usage
from tiledmap.outline.values import Outline


def coverage_page(outline: Outline, usage: Usage | None = None) -> str:
    """Return the HTML of a mapping's coverage, with its styles and its script inside.

    Parameters
    ----------
    usage
        What recorded documents make use of, where there are some.
    """
    page = Page(
        "coverage.html",
        f"Coverage of {outline.name}",
        "mapping/coverage_alone.html.jinja",
        {
            "outline": outline,
            "sections": coverage_sections(outline),
            "usage": usage,
            "styles": [_asset("site.css"), _asset("mapping.css")],
        },
    )
    return render(Site("tiledmap", (page,), ()), page)


def _asset(name: str) -> Markup:
    """Read one of our own files; nothing in it is a user's."""
    text = (resources.files("tiledmap.docgen") / "assets" / name).read_text(encoding="utf-8")
    return Markup(text)
