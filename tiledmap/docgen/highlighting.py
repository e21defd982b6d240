"""Code in colours: spans whose classes the style sheet gives colours of either scheme."""

from functools import cache

from markupsafe import Markup, escape
from pygments import lex
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Token, _TokenType
from pygments.util import ClassNotFound

_GIVEN = {
    Token.Comment: "c",
    Token.Keyword: "k",
    Token.Literal.String: "s",
    Token.Literal.Number: "m",
    Token.Name.Tag: "t",
    Token.Name.Builtin: "b",
    Token.Name.Function: "f",
    Token.Name.Class: "f",
    Token.Name.Decorator: "f",
    Token.Generic.Prompt: "p",
    Token.Generic.Output: "o",
}
"""The few classes that are told apart; what lies inside one of these has its class."""


def highlight(text: str, language: str = "", first_line: int | None = None) -> Markup:
    """Return code as HTML, in colours where the language is known.

    Parameters
    ----------
    first_line
        The number of the first line. With it, each line has a number and an anchor, such as
        ``L12``.
    """
    lines = _lines(text.rstrip("\n"), language)
    if first_line is None:
        return Markup("\n").join(lines)
    return Markup("\n").join(
        Markup(
            '<span class="line" id="L{0}"><a class="number" href="#L{0}">{0}</a>{1}</span>'
        ).format(number, line)
        for number, line in enumerate(lines, first_line)
    )


def _lines(text: str, language: str) -> list[Markup]:
    """Highlight line by line, so that a span ends where its line does."""
    lexer = _lexer(language)
    if lexer is None:
        return [escape(line) for line in text.split("\n")]
    lines = [Markup()]
    for kind, value in lex(text, lexer):
        for place, piece in enumerate(value.split("\n")):
            if place:
                lines.append(Markup())
            if name := piece and _class(kind):
                lines[-1] += Markup('<span class="{0}">{1}</span>').format(name, piece)
            else:
                lines[-1] += escape(piece)
    return lines[:-1]  # lexers end the last line


@cache
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return None


@cache
def _class(kind: _TokenType) -> str:
    given = (_GIVEN[each] for each in reversed(kind.split()) if each in _GIVEN)
    return next(given, "")
