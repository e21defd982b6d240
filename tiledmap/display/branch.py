"""A tree as it is shown, whatever it is a tree of."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """A line below a branch.

    Parameters
    ----------
    about
        What it is about, in a word or two.
    items
        What is said, in pieces that are better not broken.
    apart
        Whether each item stands on a line of its own.
    """

    about: str
    items: tuple[str, ...]
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """Something in a tree, with what is below it.

    Parameters
    ----------
    key
        Its name.
    what
        What kind of thing it is.
    place
        What says so, such as a line of a mapping.
    condition
        What it is there for; empty where it always is.
    """

    key: str
    what: str = ""
    place: str = ""
    condition: str = ""
    facts: Sequence[Fact] = ()
    children: Sequence["Branch"] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """Branches that belong together.

    Parameters
    ----------
    title
        What they are; empty where that is plain.
    open
        Whether they are seen at once, where they can be folded away.
    """

    title: str
    branches: Sequence[Branch]
    open: bool = True
