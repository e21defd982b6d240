"""Where a problem between two rules is shown."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from tiledmap.language import nodes
from tiledmap.problems import Note, Problem


def at_home(problems: Iterable[Problem], mapping: nodes.Mapping) -> Iterator[Problem]:
    """Point each problem at the mapping's own file, where only its other place lies there.

    A rule can be at odds with an inherited one, and the inherited one is not the mapping's to mend.
    """
    home = mapping.at().file
    for problem in problems:
        own = next((note for note in problem.notes if note.span and note.span.file == home), None)
        if problem.span.file == home or own is None or own.span is None:
            yield problem
            continue
        inherited = Note("the other is inherited", problem.span)
        notes = tuple(inherited if note is own else note for note in problem.notes)
        yield replace(problem, span=own.span, notes=notes)
