"""Files that are listed once, however often they are asked for."""

from collections.abc import Callable, Sequence

from tiledmap.runtime.ops import Asset

Span = tuple[str, int, int]
"""A resource's uid, and the first of its files and the one after the last."""


class Listing:
    """Assets of files in the order of `Span` values that mostly grow at the end.

    What does not differ from the last call is kept.

    Parameters
    ----------
    make
        Of (uid of the resource, number of the file, place among all files).
    """

    def __init__(self, make: Callable[[str, int, int], Asset]) -> None:
        self._make = make
        self._spans: list[Span] = []
        self._assets: list[Asset] = []

    def assets(self, spans: Sequence[Span]) -> tuple[Asset, ...]:
        """The assets of these files."""
        pairs = list(zip(self._spans, spans, strict=False))
        same = next((place for place, (old, new) in enumerate(pairs) if old != new), len(pairs))
        before = sum(stop - first for _, first, stop in spans[:same])
        kept = before + sum(_common(old, new) for old, new in pairs[same : same + 1])
        del self._assets[kept:]
        for uid, first, stop in spans[same:]:
            done = max(0, len(self._assets) - before)
            for number in range(first + done, stop):
                self._assets.append(self._make(uid, number, len(self._assets)))
            before += stop - first
        self._spans = [*spans]
        return tuple(self._assets)


def _common(old: Span, new: Span) -> int:
    """How many files at the beginning of two spans are the same."""
    return max(0, min(old[2], new[2]) - new[1]) if old[:2] == new[:2] else 0
