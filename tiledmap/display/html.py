"""Values as HTML for a notebook: whole by itself, in the colours of the page that it comes to."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from typing import NamedTuple

import jinja2

from tiledmap.display.branch import Fact, Section
from tiledmap.problems import Problem, Span, rank
from tiledmap.problems.excerpt import Sources, printable
from tiledmap.problems.formats import count

OPEN_DEPTH = 2
"""Levels of a tree that are open at first."""

MOST_LINES = 8
"""Lines of a fact that are seen at once."""


def trees_as_html(
    title: str,
    sections: Iterable[Section],
    *,
    lead: str = "",
    heading: Sequence[Fact] = (),
    open_depth: int = OPEN_DEPTH,
    plain: bool = False,
) -> str:
    """Return trees as nested ``<details>``; long facts are folded, too.

    Parameters
    ----------
    lead
        What to say beside the title.
    heading
        What to say below it.
    open_depth
        Levels that are open at first.
    plain
        Whether branches have sentences rather than names.
    """
    return _template("tree.html.jinja").render(
        title=title,
        sections=list(sections),
        lead=lead,
        heading=heading,
        open=open_depth,
        plain=plain,
        most_lines=MOST_LINES,
    )


def problems_as_html(problems: Iterable[Problem], sources: Mapping[str, str] | None = None) -> str:
    """Return problems with their source, underlined.

    Parameters
    ----------
    sources
        Text by file name. A file that is not given is read, where it is a regular file.
    """
    ranked, lines = rank(problems), Sources(sources)
    return _template("problems.html.jinja").render(
        count=count(ranked), problems=ranked, marked=partial(_marked, sources=lines)
    )


class _Marked(NamedTuple):
    """A line of source, and the stretch of it that is meant."""

    number: int
    before: str
    marked: str
    after: str


def _marked(span: Span, sources: Sources) -> _Marked | None:
    line = sources.line(span.file, span.line)
    if line is None:
        return None
    first = span.column - 1
    last = span.end_column - 1 if span.end_line == span.line else len(line)
    # A fault at the end of a line has nothing to underline; a blank shows the place.
    return _Marked(span.line, line[:first], line[first:last] or " ", line[max(first, last) :])


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tiledmap.display"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["printable"] = printable
    environment.filters["lines"] = str.splitlines
    return environment


def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)
