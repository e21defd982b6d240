"""Names of files: a template and a file's number make a URI.

Three kinds of templates are in use: areaDetector's, which C's `printf` fills in
(``%s%s_%6.6d.tiff``); those that `str.format` fills in (``{filename}_{index:06d}.tiff``,
``det_{:06d}.jpg``); and functions of the number, which a mapping's ``${{ index }}`` becomes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"(?P<twice>%%|\{\{|\}\})"
    r"|%(?P<flags>[-+ #0]*)(?P<width>\d{0,3})(?P<precision>\.\d{1,3})?(?P<kind>[sdiu])"
    r"|\{(?P<field>\w*)(?::(?P<spec>[^{}]*))?\}"
)
_NO_TOKEN = re.compile(r"[{}]|%[-+ #0]*\d*(?:\.\d*)?[hlqjzt]{0,2}[a-zA-Z]")
"""What would be a number or a name to some, and is none here."""
_NUMBER_SPEC = re.compile(r"(?:[^{}]?[<>=^])?[-+ ]?\d{0,3}d?")
_NUMBERS = ("", "0", "index")
"""Fields of a template that stand for a file's number."""

Piece = str | Callable[[int], str]


@dataclass(frozen=True, slots=True)
class FileNames:
    """The files of one stream resource.

    Parameters
    ----------
    uri
        What comes before the names; the file itself where there is no template.
    numbered
        False where there is but one file: its name has no number.
    in_directory
        True where `uri` is known to be a directory, with or without a slash at its end.
    """

    uri: str
    pieces: tuple[Piece, ...] = ()
    numbered: bool = False
    in_directory: bool = False

    def uri_of(self, number: int) -> str:
        """The URI of the file with this number."""
        name = "".join(piece if isinstance(piece, str) else piece(number) for piece in self.pieces)
        if not name:
            return self.uri
        if self.uri.endswith("/"):
            return self.uri + name.lstrip("/")
        if self.in_directory and not name.startswith("/"):
            return f"{self.uri}/{name}"
        # There is no telling a directory from the beginning of the files' names.
        return self.uri + name


def name_files(uri: str, template: Any, filename: Any) -> FileNames:
    """What a stream resource's URI, template and file name say; the last two may be None.

    Raises
    ------
    ValueError
        If it is no template.
    """
    if callable(template):
        return FileNames(uri, (lambda number: str(template(number)),), numbered=True)
    if not template:
        return FileNames(uri)
    if not isinstance(template, str):
        raise ValueError(f"the template is no text: {template!r}")
    pieces, in_directory = _compile(template, "" if filename is None else str(filename))
    return FileNames(uri, pieces, any(map(callable, pieces)), in_directory)


def _compile(template: str, filename: str) -> tuple[tuple[Piece, ...], bool]:
    """The pieces of a template, and whether it names files in a directory.

    areaDetector fills in the directory for the first ``%s`` and the file's name for the second;
    the URI stands for the directory. A template with one ``%s`` gets the name for it.
    """
    texts = [token.start() for token in _TOKEN.finditer(template) if token["kind"] == "s"]
    has_directory = len(texts) > 1 and texts[0] == 0
    name_at = texts[1] if has_directory else next(iter(texts), None)
    pieces: list[Piece] = []
    end = 0
    for token in _TOKEN.finditer(template):
        pieces += [_literal(template, end, token.start()), _piece(token, filename, name_at)]
        end = token.end()
    pieces.append(_literal(template, end, len(template)))
    return (
        tuple(piece for piece in pieces if piece != ""),
        has_directory or template.startswith("{filename}"),
    )


def _literal(template: str, first: int, stop: int) -> str:
    text = template[first:stop]
    if found := _NO_TOKEN.search(text):
        raise ValueError(f"{found[0]} in the template {template!r} is no number and no filename")
    return text


def _piece(token: re.Match[str], filename: str, name_at: int | None) -> Piece:
    if token["twice"]:
        return token["twice"][0]
    if token["kind"] == "s":
        return token[0] % filename if token.start() == name_at else ""
    if token["kind"]:
        return lambda number: token[0] % number
    if token["field"] == "filename" and not token["spec"]:
        return filename
    spec = token["spec"] or ""
    if token["field"] not in _NUMBERS or not _NUMBER_SPEC.fullmatch(spec):
        raise ValueError(
            f"{token[0]} in the template {token.string!r} is no number and no filename"
        )
    return lambda number: format(number, spec)
