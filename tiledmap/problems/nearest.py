"""The nearest valid spelling of a word."""

import difflib
from collections.abc import Iterable


class Suggestion(str):
    """A question, such as ``did you mean 'units'?``, that an editor can take as the answer.

    Parameters
    ----------
    written
        The word that is wrong.
    meant
        The one that was probably meant.
    """

    __slots__ = ("meant", "written")

    written: str
    meant: str

    def __new__(cls, written: str, meant: str) -> "Suggestion":
        self = super().__new__(cls, f"did you mean '{meant}'?")
        self.written, self.meant = written, meant
        return self

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        return self.written, self.meant


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Ask, as a `Suggestion`, for the nearest word; empty where nothing is near."""
    candidates = list(words)
    folded = {candidate.casefold(): candidate for candidate in reversed(candidates)}
    if word.casefold() in folded:
        return Suggestion(word, folded[word.casefold()])
    found = difflib.get_close_matches(word, candidates, n=1, cutoff=0.65)
    return Suggestion(word, found[0]) if found else ""
