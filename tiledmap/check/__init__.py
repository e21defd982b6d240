"""Does a mapping make sense: one file for each kind of proof, listed in `CHECKS`."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

from tiledmap.check.readable import check_readable
from tiledmap.check.sound import check_sound
from tiledmap.check.storable import check_storable
from tiledmap.check.subject import Subject
from tiledmap.check.total import check_total
from tiledmap.check.unambiguous import check_unambiguous
from tiledmap.problems import Note, Problem, rank

Check: TypeAlias = Callable[[Subject], Iterator[Problem]]

CHECKS: tuple[Check, ...] = (
    check_sound,
    check_total,
    check_unambiguous,
    check_storable,
    check_readable,
)
"""Every proof, in the order in which they are run; none depends on another."""

ALSO_HERE = "also here"
"""What the note says of another place where the same cause shows."""

_ONE_CAUSE = frozenset({"TM103", "TM200", "TM201", "TM202"})
"""Codes of which problems with the same message have the same cause."""


def check(subject: Subject) -> list[Problem]:
    """Run every check: all problems, in the order in which they should be read."""
    return merge_causes(problem for run in CHECKS for problem in run(subject))


def merge_causes(problems: Iterable[Problem]) -> list[Problem]:
    """Keep one problem for each cause; the other places where it shows become its notes."""
    kept: dict[tuple[str, str, object], Problem] = {}
    for problem in rank(problems):
        alone = problem.code not in _ONE_CAUSE
        cause = (problem.code, problem.message, problem.span if alone else None)
        if cause in kept and not alone:
            also = Note(ALSO_HERE, problem.span)
            kept[cause] = replace(kept[cause], notes=(*kept[cause].notes, also))
        else:
            kept.setdefault(cause, problem)
    return rank(kept.values())


__all__ = ["ALSO_HERE", "CHECKS", "Check", "Subject", "check", "merge_causes"]
