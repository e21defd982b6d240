"""A mapping that is being proposed, as values: what it says, and what it asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Place: TypeAlias = tuple[str, ...]
"""A section of a mapping, such as ``("repair", "resources")``."""

SECTIONS: tuple[Place, ...] = (
    ("source",),
    ("source", "start"),
    ("source", "start", "properties"),
    ("source", "descriptor"),
    ("source", "descriptor", "properties"),
    ("source", "stop"),
    ("source", "stop", "properties"),
    ("repair",),
    ("repair", "roots"),
    ("repair", "resources"),
    ("repair", "datums"),
    ("repair", "data_keys"),
    ("run",),
    ("streams",),
    ("assets",),
)
"""Where statements may stand, in the order of the language."""
LISTS: frozenset[Place] = frozenset(
    {
        ("repair", "roots"),
        ("repair", "resources"),
        ("repair", "datums"),
        ("repair", "data_keys"),
        ("streams",),
        ("assets",),
    }
)
"""Sections that are lists of rules; the others hold fields."""


@dataclass(frozen=True, slots=True)
class Answer:
    """YAML for a place: a rule of a list, or fields.

    Parameters
    ----------
    label
        What it stands for, in words; empty where there is but one.
    remark
        What is said behind its first line.
    """

    data: Mapping[str, Any]
    label: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """Something that documents plainly need, or a question with the answers written out.

    Parameters
    ----------
    about
        In words: why, or what is asked. One paragraph each.
    chosen
        Which of the answers holds; None for a question.
    urgent
        Whether some data are not stored as long as it is not answered.
    """

    place: Place
    about: tuple[str, ...]
    answers: tuple[Answer, ...]
    chosen: int | None = None
    urgent: bool = False

    @property
    def is_question(self) -> bool:
        return self.chosen is None


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed mapping.

    Parameters
    ----------
    seen
        What was seen, line by line, for the comment at the top.
    """

    header: Mapping[str, Any]
    seen: tuple[str, ...]
    statements: tuple[Statement, ...]

    @property
    def questions(self) -> tuple[Statement, ...]:
        """What only people know."""
        return tuple(each for each in self.statements if each.is_question)
