"""The nearest valid spelling of a word."""

import difflib
import re
from collections.abc import Iterable

_MEANT = re.compile(r"did you mean '([^']+)'\?")


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
    return asked(found) if found is not None else ""


def asked(word: str) -> str:
    """Ask for a word."""
    return f"did you mean '{word}'?"


def meant(text: str) -> str | None:
    """Return the word that is `asked` for somewhere in a text; None where it does not."""
    found = _MEANT.search(text)
    return found[1] if found is not None else None
