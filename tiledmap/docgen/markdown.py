"""Markdown as HTML: what the project's own pages use, and nothing that could inject.

HTML in a page is text, but for its comments, which are remarks for whoever edits it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from tiledmap.docgen.anchors import anchor_of_heading, anchor_of_name
from tiledmap.docgen.highlighting import highlight
from tiledmap.docgen.values import Heading

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FIGURE = re.compile(r"<!-- figure: (?P<name>[\w-]+) -->\s*")
_ROW = 7
"""The level of a row, below that of every heading."""

_MAY_BREAK_AFTER = re.compile(r"(?<=\w)/(?=\w)|(?<=\w);(?=\w+=)")
_FENCE_TITLE = re.compile(r'title="(?P<title>[^"]+)"')

Resolve = Callable[[str], str | None]
"""Turns a link as a page writes it into one that the site has; None where it leads nowhere."""

Draw = Callable[[str], Markup]
"""Draws a figure whose description in words is given."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What a page says under a heading, or in a row of a table that begins with a name.

    Parameters
    ----------
    is_name
        Whether the heading is a name, such as a keyword's, and not words.
    row_of
        The heading of the section whose table it is a row of; empty for what is no row.
    """

    heading: Heading
    text: str
    is_name: bool
    row_of: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page of Markdown.

    Parameters
    ----------
    title
        Its first heading, which the body has too.
    lead
        The text before the second heading.
    """

    title: str
    lead: str
    body: Markup
    passages: tuple[Passage, ...]


def render_markdown(
    text: str, resolve: Resolve = str, figures: Mapping[str, Draw] | None = None
) -> Rendered:
    """Render a page.

    Parameters
    ----------
    resolve
        Gives the target of each link; a link that leads nowhere becomes plain text.
    figures
        What can be drawn where the page says ``<!-- figure: NAME -->``.
    """
    tokens = _parser().parse(text)
    _resolve_links(tokens, resolve)
    passages = list(_passages(tokens))
    _lead_to_names(tokens)
    _draw_figures(tokens, figures or {})
    title, *others = passages or [Passage(Heading("", "", 1), "", False)]
    body = Markup(_parser().renderer.render(tokens, _parser().options, {}))
    return Rendered(title.heading.title, title.text, body, tuple(others))


def inline_markdown(text: str) -> Markup:
    """Render a line: code, emphasis and strong; no links."""
    return _render_text(_parser().parseInline(text))


def block_markdown(text: str) -> Markup:
    """Render paragraphs, lists and code; no links, and no headings."""
    return _render_text(_parser(headings=False).parse(text))


def _render_text(tokens: Sequence[Token]) -> Markup:
    _resolve_links(tokens, lambda _: None)
    return Markup(_parser().renderer.render(tokens, _parser().options, {}))


@cache
def _parser(*, headings: bool = True) -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    if not headings:
        parser.disable(["heading", "lheading"])
    rules = {
        "fence": _fence,
        "figure": _figure,
        "code_block": _fence,
        "code_inline": _code,
        "html_block": _html,
        "html_inline": _html,
        "heading_open": _heading_open,
        "heading_close": _heading_close,
        "table_open": _table_open,
        "th_open": _header_open,
        "th_close": _header_close,
        "table_close": _table_close,
    }
    for name, rule in rules.items():
        parser.renderer.rules[name] = rule  # type: ignore[attr-defined]
    return parser


# What tokens become. markdown-it's renderer calls them by name.


def _fence(tokens: Sequence[Token], at: int, *_: object) -> str:
    token = tokens[at]
    language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
    title = found["title"] if (found := _FENCE_TITLE.search(token.info)) else ""
    return str(code_block(token.content, language, title))


def code_block(
    text: str, language: str = "", title: str = "", first_line: int | None = None
) -> Markup:
    """Make a block of code, with the name of the file that it is."""
    caption = Markup("<figcaption>{0}</figcaption>").format(title) if title else Markup()
    return Markup(
        '<figure class="code {language}">{caption}'
        '<pre tabindex="0"><code>{code}</code></pre></figure>\n'
    ).format(
        language=language or "text",
        caption=caption,
        code=highlight(text, language, first_line),
    )


def _code(tokens: Sequence[Token], at: int, *_: object) -> str:
    # Long names may break where people read them apart.
    text = _MAY_BREAK_AFTER.sub(r"\g<0><wbr>", str(escape(tokens[at].content)))
    return f"<code>{text}</code>"


def _figure(tokens: Sequence[Token], at: int, *_: object) -> str:
    return str(tokens[at].meta["drawn"])


def _html(tokens: Sequence[Token], at: int, *_: object) -> str:
    return str(escape(_COMMENT.sub("", tokens[at].content).strip()))


def _heading_open(tokens: Sequence[Token], at: int, *_: object) -> str:
    token = tokens[at]
    heading, alias = token.meta["heading"], token.meta["alias"]
    also = Markup('<span id="{0}"></span>').format(alias) if alias else Markup()
    return Markup('<{0} id="{1}">{2}').format(token.tag, heading.anchor, also)


def _heading_close(tokens: Sequence[Token], at: int, *_: object) -> str:
    token, heading = tokens[at], tokens[at - 2].meta["heading"]
    return permalink(heading) + Markup("</{0}>\n").format(token.tag)


def permalink(heading: Heading) -> Markup:
    """Make the mark beside a heading that links to it."""
    if heading.level == 1:
        return Markup()
    return Markup(' <a class="permalink" href="#{0}" aria-label="Link to {1}">#</a>').format(
        heading.anchor, heading.title
    )


def _table_open(tokens: Sequence[Token], at: int, *_: object) -> str:
    cells = (token for token in tokens[at:] if token.type == "inline")
    label = ", ".join(cell.content for cell, _ in zip(cells, range(2), strict=False))
    return Markup(
        '<div class="scroll" tabindex="0" role="group" aria-label="Table: {0}"><table>\n'
    ).format(label.replace("`", "").strip(", ") or "values")


def _header_open(tokens: Sequence[Token], at: int, *_: object) -> str:
    # An empty cell is the header of nothing.
    return '<th scope="col">' if tokens[at + 1].content else "<td>"


def _header_close(tokens: Sequence[Token], at: int, *_: object) -> str:
    return "</th>\n" if tokens[at - 1].content else "</td>\n"


def _table_close(*_: object) -> str:
    return "</table></div>\n"


# What is done with tokens before


def _resolve_links(tokens: Sequence[Token], resolve: Resolve) -> None:
    for token in tokens:
        if token.type != "inline":
            continue
        opened: list[bool] = []
        kept: list[Token] = []
        for child in token.children or ():
            if child.type == "image":
                target = resolve(str(child.attrGet("src")))
                if target is not None:
                    child.attrSet("src", target)
                    kept.append(child)
                else:
                    kept.append(Token("text", "", 0, content=child.content))
            elif child.type == "link_open":
                target = resolve(str(child.attrGet("href") or ""))
                opened.append(target is not None)
                if target is not None:
                    child.attrSet("href", target)
                    kept.append(child)
            elif child.type != "link_close" or opened.pop():
                kept.append(child)
        token.children = kept


def _passages(tokens: Sequence[Token]) -> Iterator[Passage]:
    """Give headings, and rows that begin with a name, their anchors; yield what they say."""
    taken: dict[str, int] = {}
    starts = [place for place, token in enumerate(tokens) if token.type == "heading_open"]
    for start, end in pairwise([*starts, len(tokens)]):
        heading, alias, is_name = _heading(tokens[start], tokens[start + 1], taken)
        tokens[start].meta = {"heading": heading, "alias": alias}
        below = tokens[start + 2 : end]
        yield Passage(heading, _text(below), is_name)
        yield from _rows(below, heading.title, taken)


def _rows(tokens: Sequence[Token], section: str, taken: dict[str, int]) -> Iterator[Passage]:
    """Yield the rows of tables that begin with a name in code, which becomes their anchor."""
    starts = [place for place, token in enumerate(tokens) if token.type == "tr_open"]
    for start, end in pairwise([*starts, len(tokens)]):
        cell = tokens[start + 2]
        anchor = anchor_of_name(_plain(cell))
        if tokens[start + 1].type == "td_open" and _is_name(cell) and anchor not in taken:
            taken[anchor] = 0
            tokens[start].attrSet("id", anchor)
            others = tokens[start + 3 : end]
            ends = (place for place, token in enumerate(others) if token.type == "tr_close")
            text = _text(others[: next(ends)])
            yield Passage(Heading(_plain(cell), anchor, _ROW), text, True, section)


def _text(tokens: Sequence[Token]) -> str:
    return " ".join(_plain(token) for token in tokens if token.type == "inline")


def _heading(opening: Token, inline: Token, taken: dict[str, int]) -> tuple[Heading, str, bool]:
    """Name a heading: words as code hosting sites do, a name that is code by itself as well."""
    title = _plain(inline)
    anchor, alias = anchor_of_heading(title), ""
    taken[anchor] = taken.get(anchor, -1) + 1
    if taken[anchor]:
        anchor = f"{anchor}-{taken[anchor]}"
    is_name = _is_name(inline)
    if is_name and (name := anchor_of_name(title)) != anchor:
        anchor, alias = name, anchor
    return Heading(title, anchor, int(opening.tag[1:])), alias, is_name


def _is_name(inline: Token) -> bool:
    children = inline.children or []
    return len(children) == 1 and children[0].type == "code_inline"


def _plain(inline: Token) -> str:
    kinds = {"softbreak": " ", "hardbreak": " "}
    parts = [
        kinds.get(child.type, child.content)
        for child in inline.children or ()
        if child.type != "html_inline"
    ]
    return "".join(parts)


def _lead_to_names(tokens: Sequence[Token]) -> None:
    """Let links within the page lead to names, however code hosting sites would call them."""
    named = [token.meta for token in tokens if token.type == "heading_open"]
    names = {f"#{meta['alias']}": f"#{meta['heading'].anchor}" for meta in named if meta["alias"]}
    for child in (child for token in tokens for child in token.children or ()):
        if child.type == "link_open" and (name := names.get(str(child.attrGet("href")))):
            child.attrSet("href", name)


def _draw_figures(tokens: list[Token], figures: Mapping[str, Draw]) -> None:
    for place, token in enumerate(tokens):
        found = _FIGURE.fullmatch(token.content) if token.type == "html_block" else None
        if found is None or found["name"] not in figures:
            continue
        words = next((_plain(each) for each in tokens[place:] if each.type == "inline"), "")
        drawn = Token("figure", "", 0)
        drawn.meta = {"drawn": figures[found["name"]](words)}
        tokens[place] = drawn
