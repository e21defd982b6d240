"""What globs have in common, decided exactly.

A glob is `fnmatch`'s: ``*``, ``?``, ``[abc]``, ``[a-z]``, ``[!abc]``; every other character is
itself. Each is read as a small automaton; all of them run side by side over the characters that
tell them apart, which finds every combination of globs that one text can fit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

MOST_STATES = 4_000
"""Where a search for combinations gives up; globs that people write need a few dozen."""

GLOB_CHARACTERS = frozenset("*?[")


def is_glob(pattern: str) -> bool:
    """Whether a pattern is a glob, as opposed to a text to equal."""
    return not GLOB_CHARACTERS.isdisjoint(pattern)


@dataclass(frozen=True, slots=True)
class _Characters:
    """One character out of a set, or out of all others."""

    ranges: tuple[tuple[int, int], ...]
    negated: bool = False

    def take(self, character: int) -> bool:
        return any(low <= character <= high for low, high in self.ranges) is not self.negated


_ANY = _Characters((), negated=True)
_STAR = None


def combinations(globs: Iterable[str]) -> frozenset[frozenset[str]] | None:
    """Return every set of globs that some text fits while it fits none of the others.

    None where the globs are too tangled to say.
    """
    return _combinations(tuple(sorted(set(globs))))


@lru_cache(maxsize=256)
def _combinations(globs: tuple[str, ...]) -> frozenset[frozenset[str]] | None:
    machines = [_read(glob) for glob in globs]
    alphabet = _representatives(machines)
    start = tuple(_skip_stars(machine, 1) for machine in machines)
    seen, waiting = {start}, [start]
    while waiting:
        state = waiting.pop()
        for character in alphabet:
            following = tuple(map(_step, machines, state, [character] * len(machines)))
            if following not in seen:
                if len(seen) >= MOST_STATES:
                    return None
                seen.add(following)
                waiting.append(following)
    return frozenset(
        frozenset(
            glob
            for glob, machine, at in zip(globs, machines, state, strict=True)
            if at >> len(machine) & 1
        )
        for state in seen
    )


_Machine = Sequence[_Characters | None]


def _step(machine: _Machine, state: int, character: int) -> int:
    """Advance every place of `state`, a set of places as bits, by one character."""
    following = 0
    for place, token in enumerate(machine):
        if state >> place & 1:
            if token is _STAR:
                following |= 1 << place
            elif token.take(character):
                following |= 1 << place + 1
    return _skip_stars(machine, following)


def _skip_stars(machine: _Machine, state: int) -> int:
    for place, token in enumerate(machine):
        if token is _STAR and state >> place & 1:
            state |= 1 << place + 1
    return state


def _representatives(machines: Sequence[_Machine]) -> list[int]:
    """One character of each kind that the machines tell apart."""
    edges = {0}
    for machine in machines:
        for token in machine:
            for low, high in token.ranges if token else ():
                edges |= {low, high + 1}
    return sorted(edges)


def _read(glob: str) -> _Machine:
    machine: list[_Characters | None] = []
    place = 0
    while place < len(glob):
        character = glob[place]
        place += 1
        if character == "*":
            machine.append(_STAR)
        elif character == "?":
            machine.append(_ANY)
        elif character == "[" and (end := _end_of_set(glob, place)) is not None:
            machine.append(_read_set(glob[place:end]))
            place = end + 1
        else:
            machine.append(_Characters(((ord(character), ord(character)),)))
    return machine


def _end_of_set(glob: str, start: int) -> int | None:
    """Where the ``]`` of a set stands; None where there is none and ``[`` is itself."""
    first = start + glob.startswith("!", start)
    end = glob.find("]", first + glob.startswith("]", first))
    return None if end < 0 else end


def _read_set(members: str) -> _Characters:
    negated = members.startswith("!")
    members = members.removeprefix("!")
    ranges = []
    place = 0
    while place < len(members):
        low = high = members[place]
        if members.startswith("-", place + 1) and place + 2 < len(members):
            high = members[place + 2]
            place += 2
        place += 1
        if low <= high:
            ranges.append((ord(low), ord(high)))
    return _Characters(tuple(ranges), negated)
