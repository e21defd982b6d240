"""Texts of documents, as a mapping can say them: patterns, reasons, names of rules."""

import re
from dataclasses import dataclass, field
from typing import Any

from tiledmap.authoring.choosing import Extended
from tiledmap.authoring.draft import Place

HOLE = "${{"
LONGEST_REASON = 200
_WORDS_THAT_MATCH_KNOWS = {"present", "absent", "ragged", "scalar", "fixed"}


def literal(text: str) -> str:
    """A pattern that is like this text alone."""
    escaped = re.sub(r"([*?\[])", r"[\1]", text).replace(HOLE, f"[$]{HOLE[1:]}")
    if escaped in _WORDS_THAT_MATCH_KNOWS:
        return f"[{escaped[0]}]{escaped[1:]}"
    return escaped


def literals(texts: list[str]) -> Any:
    """A pattern, or several, that are like these texts alone."""
    return literal(texts[0]) if len(texts) == 1 else [literal(text) for text in texts]


def reason(text: str) -> str:
    """A reason that may quote what documents say: a literal, and no longer than one may be."""
    return text.replace(HOLE, "$ {{")[:LONGEST_REASON]


@dataclass(frozen=True, slots=True)
class Names:
    """Names for rules of a mapping that extends another."""

    extended: Extended
    _taken: dict[Place, set[str]] = field(default_factory=dict)

    def unused(self, place: Place, wanted: str) -> str:
        """A rule's name that no other rule of the section has, inherited ones included."""
        taken = self._taken.setdefault(place, self.extended.names(place))
        base = re.sub(r"[^A-Za-z0-9_-]+", "-", wanted).strip("-_") or "rule"
        base = (base if base[0].isalpha() else f"rule-{base}")[:56].lower()
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name)
        return name
