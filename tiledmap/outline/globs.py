"""Names that texts with holes can become, as globs."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from tiledmap.check.globs import combinations, is_glob
from tiledmap.check.layout import is_path
from tiledmap.language.expressions import Call, Expr
from tiledmap.language.scalars import Text

_SPECIAL = re.compile(r"([*?[])")


def globs_of(text: Text | None, holder: str = "", names: Sequence[str] = ()) -> tuple[str, ...]:
    """Return globs, one of which every name fits that a text can become.

    Parameters
    ----------
    holder
        ``descriptor`` or ``data_key``, whose name a hole can stand for.
    names
        Globs of that name, where they are known.
    """
    globs = [""]
    for part in text.parts if text is not None else ():
        if isinstance(part, str):
            globs = [glob + _SPECIAL.sub(r"[\1]", part) for glob in globs]
        elif names and _is_name(part, holder):
            globs = [glob + name for glob in globs for name in names]
        else:
            globs = [glob + "*" for glob in globs]
    return tuple(globs)


def numbered(globs: Sequence[str]) -> tuple[str, ...]:
    """Return the globs, and those of what follows under a number where a name is taken."""
    return tuple(dict.fromkeys([*globs, *(f"{glob}_*" for glob in globs if glob[-1:] != "*")]))


def _is_name(hole: Expr, holder: str) -> bool:
    if isinstance(hole, Call) and hole.function == "default":
        hole = hole.arguments[0]
    return is_path(hole, holder, "name")


def meet(asked: str, globs: Sequence[str]) -> bool:
    """Whether a name, or some name that a glob takes, fits one of the globs."""
    if not is_glob(asked):
        return any(fnmatchcase(asked, glob) for glob in globs)
    return any(_have_one_in_common(asked, glob) for glob in globs)


def _have_one_in_common(one: str, other: str) -> bool:
    if one == other:
        return True
    found = combinations([one, other])
    return found is None or any({one, other} <= both for both in found)


def is_certain(name: str, globs: Sequence[str]) -> bool:
    """Whether a name is just what a text without holes says."""
    return any(re.sub(r"\[(.)\]", r"\1", glob) == name for glob in globs if not _open(glob))


def _open(glob: str) -> bool:
    return is_glob(re.sub(r"\[[*?[]\]", "", glob))


def literal_length(glob: str) -> int:
    """How many characters of a glob stand for themselves."""
    return len(re.sub(r"[*?]|\[[^]]*\]", "", glob))
