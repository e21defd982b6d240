"""From pages to HTML: the templates, and what they can call."""

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from tiledmap.docgen.anchors import anchor_of_name
from tiledmap.docgen.highlighting import highlight
from tiledmap.docgen.links import relative_link
from tiledmap.docgen.markdown import block_markdown, code_block, inline_markdown
from tiledmap.docgen.values import Page, Site


def render(site: Site, page: Page) -> str:
    """Make the HTML of a page."""

    def url(link: str) -> str:
        return relative_link(page.path, link)

    return template(page.template).render({**page.context, "site": site, "page": page, "url": url})


def template(name: str) -> Template:
    """Return a template; all of them escape what they are given."""
    return _environment().get_template(name)


def plural(count: int, noun: str, more: str = "") -> str:
    """Count things in words: ``1 node``, ``3 nodes``."""
    return f"{count:,} {noun if count == 1 else more or noun + 's'}"


def breakable(name: object) -> Markup:
    """Let a long name break where people read it apart, and rather not elsewhere."""
    return Markup(_APART.sub(r"\g<0><wbr>", str(escape(name))))


_APART = re.compile(r"(?<=[\w*])[._/](?=[\w*])")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tiledmap.docgen", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "anchor": anchor_of_name,
        "block_markdown": block_markdown,
        "breakable": breakable,
        "code_block": code_block,
        "highlight": highlight,
        "inline_markdown": inline_markdown,
        "plural": plural,
    }
    environment.filters.update(filters)
    return environment
