"""The nearest valid spelling of a word."""

import difflib
from collections.abc import Iterable


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the word that `word` was probably meant to be; None where nothing is near."""
    candidates = list(words)
    folded = {candidate.casefold(): candidate for candidate in reversed(candidates)}
    if word.casefold() in folded:
        return folded[word.casefold()]
    found = difflib.get_close_matches(word, candidates, n=1, cutoff=0.65)
    return found[0] if found else None


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Ask for the nearest word; empty where nothing is near."""
    found = nearest(word, words)
    return f"did you mean '{found}'?" if found is not None else ""
