"""Numbers, shapes and lists in words."""

from collections.abc import Iterable, Sequence


def counted(count: int, noun: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def lengths(shape: Iterable[int | None]) -> str:
    """``4 x ?``: a shape, with a question mark for a length that is not known."""
    return " x ".join("?" if length is None else str(length) for length in shape)


def listed(names: Sequence[str], most: int = 6, between: str = ", ") -> str:
    """The first of the names, and how many more there are."""
    shown, more = names[:most], len(names) - most
    return between.join(shown) + (f" and {more} more" if more > 0 else "")
