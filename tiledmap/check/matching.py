"""What a ``match`` takes, and what several of them take together.

A ``match`` says something of some fields; fields do not depend on each other. So a finite number of
samples of each field, chosen so that any two values that the patterns at hand tell apart have a
sample each, decides every question exactly: what is left over, what overlaps, what is not reached.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TypeAlias

from tiledmap.check.globs import combinations, is_glob
from tiledmap.language import nodes
from tiledmap.language.scalars import Patterns

Region: TypeAlias = Mapping[str, tuple[str, ...]]
"""Patterns by field, in normal form. A field that is not named may be anything."""

EVERYTHING: Region = {}


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that a field can have.

    Parameters
    ----------
    values
        All of them, where the field is an enumeration.
    optional
        Whether a document can lack the field.
    any_case
        Whether texts that differ only by case are the same.
    dtype
        Whether texts name a numpy dtype, in any of its spellings.
    told
        Whether messages say the value: whoever asks about the others knows it.
    """

    values: tuple[str, ...] | None = None
    optional: bool = False
    any_case: bool = False
    dtype: bool = False
    told: bool = True


DATA_KEY_DOMAINS: Mapping[str, Domain] = {
    "name": Domain(),
    "dtype": Domain(values=("string", "number", "array", "boolean", "integer")),
    "dtype_numpy": Domain(optional=True, dtype=True),
    "shape": Domain(values=("scalar", "fixed", "ragged")),
    "external": Domain(optional=True),
    "source": Domain(),
    "units": Domain(optional=True),
    "object_name": Domain(optional=True),
    "stream": Domain(optional=True),
    "stored": Domain(values=tuple(store.value for store in nodes.Store), told=False),
}
STREAM_DOMAINS: Mapping[str, Domain] = {"name": Domain(optional=True)}
ASSET_DOMAINS: Mapping[str, Domain] = {"mimetype": Domain(), "data_key": Domain()}
FILE_DOMAINS: Mapping[str, Domain] = {
    "spec": Domain(optional=True, any_case=True),
    "mimetype": Domain(optional=True),
    "root": Domain(optional=True),
}


class Matching:
    """Questions about regions of one kind of thing.

    Parameters
    ----------
    domains
        Of each field that a region can name.
    thing
        What is matched, for messages: ``data key``.
    """

    def __init__(self, domains: Mapping[str, Domain], thing: str) -> None:
        self._domains = domains
        self._thing = thing

    def values(self, field: str) -> tuple[str, ...]:
        """Return the values that a field can have, where it is an enumeration."""
        return self._domains[field].values or ()

    def region(self, match: nodes.Node | None) -> Region:
        """Return what a ``match`` takes; everything, where there is none."""
        if match is None:
            return EVERYTHING
        region = {}
        for field, domain in self._domains.items():
            patterns: Patterns | None = getattr(match, field, None)
            if patterns is not None:
                region[field] = tuple(_normal(text, domain) for text in patterns.texts)
        return region

    def uncovered(self, region: Region, covers: Iterable[Region]) -> str | None:
        """Describe something in `region` that none of `covers` takes; None if there is nothing."""
        covers = list(covers)
        found = self._search(_fields(region, covers), region, covers, ())
        return None if found is None else self._describe(found)

    def covered(self, region: Region, covers: Iterable[Region]) -> bool:
        """Whether `covers` take all of `region` together."""
        return self.uncovered(region, covers) is None

    def empty(self, region: Region) -> bool:
        """Whether nothing can be in `region`."""
        return self.covered(region, ())

    def overlap(self, one: Region, other: Region) -> bool:
        """Whether something can be in both."""
        return all(
            any(
                sample.taken_by(one.get(field)) and sample.taken_by(other.get(field))
                for sample in self._samples(field, [one, other])
            )
            for field in {*one, *other}
        )

    def _search(
        self,
        fields: Sequence[str],
        region: Region,
        covers: Sequence[Region],
        chosen: tuple["Sample", ...],
    ) -> tuple["Sample", ...] | None:
        if not fields:
            return None if covers else chosen
        field, *rest = fields
        if any(all(name not in fields for name in cover) for cover in covers):
            return None
        for sample in self._samples(field, [region, *covers]):
            if sample.taken_by(region.get(field)):
                left = [cover for cover in covers if sample.taken_by(cover.get(field))]
                found = self._search(rest, region, left, (*chosen, sample))
                if found is not None:
                    return found
        return None

    def _samples(self, field: str, regions: Sequence[Region]) -> tuple["Sample", ...]:
        patterns = {pattern for region in regions for pattern in region.get(field, ())}
        return _samples(field, self._domains[field], frozenset(patterns))

    def _describe(self, samples: Iterable["Sample"]) -> str:
        phrases = [sample.phrase for sample in samples if sample.phrase]
        return f"a {self._thing} {' and '.join(phrases)}" if phrases else f"any {self._thing}"


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of a field, known only by the patterns that take it; `phrase` says it to people."""

    phrase: str
    fits: frozenset[str]
    absent: bool = False

    def taken_by(self, patterns: tuple[str, ...] | None) -> bool:
        """Whether patterns for the field take it; where there are none, they take everything."""
        if patterns is None:
            return True
        if patterns == ("present",):
            return not self.absent
        if patterns == ("absent",):
            return self.absent
        return not self.absent and not self.fits.isdisjoint(patterns)


DATA_KEYS = Matching(DATA_KEY_DOMAINS, "data key")
STREAMS = Matching(STREAM_DOMAINS, "stream")
ASSETS = Matching(ASSET_DOMAINS, "file")
FILES = Matching(FILE_DOMAINS, "resource")


def _fields(region: Region, covers: Sequence[Region]) -> list[str]:
    """Every field that is named, those with the fewest patterns first."""
    counts: dict[str, int] = {}
    for each in (region, *covers):
        for field, patterns in each.items():
            counts[field] = counts.get(field, 0) + len(patterns)
    return sorted(counts, key=lambda field: (counts[field], field))


@lru_cache(maxsize=1024)
def _samples(field: str, domain: Domain, patterns: frozenset[str]) -> tuple[Sample, ...]:
    globs = [pattern for pattern in patterns if is_glob(pattern)]
    known = domain.values or sorted(patterns - {"present", "absent", *globs})
    samples = [
        Sample(
            f"with {field} {value!r}" if domain.told else "",
            frozenset(pattern for pattern in patterns if fits(value, pattern)),
        )
        for value in known
    ]
    if domain.values is None:
        samples += _other_samples(field, globs, bool(known))
    if domain.optional:
        samples.append(Sample(f"without {field}", frozenset(), absent=True))
    return tuple(samples)


def _other_samples(field: str, globs: Sequence[str], known: bool) -> list[Sample]:
    """Samples of the values that no pattern spells out."""
    found = combinations(globs)
    if found is None:
        # Too tangled: assume that each glob takes something of its own, and nothing is impossible.
        found = frozenset([frozenset(), *(frozenset([glob]) for glob in globs)])
    unlike = f"with another {field}" if globs or known else f"with {field}"
    return [
        Sample(f"with {field} like {min(fit)!r}" if fit else unlike, fit)
        for fit in sorted(found, key=sorted)
    ]


def fits(value: str, pattern: str) -> bool:
    """Whether a value equals a pattern, or is like it where it is a glob."""
    return fnmatchcase(value, pattern) if is_glob(pattern) else value == pattern


def _normal(text: str, domain: Domain) -> str:
    if domain.any_case:
        return text.casefold()
    return numpy_name(text) if domain.dtype else text


_ORDER = "<" if sys.byteorder == "little" else ">"
_NUMPY_NAMES = {"bool": "|b1", "int8": "|i1", "uint8": "|u1"} | {
    f"{word}{8 * size}": f"{_ORDER}{word[0]}{size}"
    for word, sizes in (("int", (2, 4, 8)), ("uint", (2, 4, 8)), ("float", (2, 4, 8)))
    for size in sizes
}
_NUMPYS_OWN = re.compile(r"[<>][iufc](?:2|4|8|16)|[<>]U\d+|\|[SV]\d+|\|[biu]1|\|O")


def numpy_name(text: str) -> str:
    """Return ``int32`` and ``<i4`` alike as numpy's own ``<i4``; anything else as it stands."""
    if text in _NUMPY_NAMES or _NUMPYS_OWN.fullmatch(text) or is_glob(text):
        return _NUMPY_NAMES.get(text, text)
    import numpy as np  # only for rare spellings: it takes longer than all the checks

    try:
        return np.dtype(text).str
    except (TypeError, ValueError, SyntaxError):
        return text
