"""Changes between two mappings, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import takewhile

from tiledmap.language import nodes
from tiledmap.outline.values import Move, Outline
from tiledmap.problems import Span


class Category(StrEnum):
    """Who is concerned by a change, from the strictest to the most lenient."""

    LOSSY = "LOSSY"
    READER = "READER"
    PATH = "PATH"
    TYPE = "TYPE"
    ADDITIVE = "ADDITIVE"
    TEXT = "TEXT"

    @property
    def rank(self) -> int:
        """0 for the strictest."""
        return list(Category).index(self)

    @property
    def meaning(self) -> str:
        """What it says, in a line."""
        return _MEANINGS[self]


_MEANINGS = {
    Category.LOSSY: "something stored is no longer stored",
    Category.READER: "a client that reads these runs may break",
    Category.PATH: "something is found in another place, or under another name",
    Category.TYPE: "values have another type, shape or origin",
    Category.ADDITIVE: "something is stored that was not",
    Category.TEXT: "only words",
}


class Aspect(StrEnum):
    """What of a mapping a fact is about."""

    RUN = "run"
    NODE = "node"
    SPEC = "spec"
    ACCESS_TAG = "access tag"
    METADATA = "metadata"
    COLUMN = "column"
    TAKING = "data keys of"
    DROP = "left out"
    ASSET = "files"
    REPAIR = "repair"
    HOOK = "hook"
    SETTING = "setting"
    HEADER = "header"
    FIELD = "field"
    MOVED = "moved"
    CLIENTS = "clients"


class Kind(StrEnum):
    """Whether something is there before, after, or both."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that can be said of a mapping.

    Parameters
    ----------
    owner
        What it is about: the id of a node, or the dotted name of a rule.
    where
        The owner in words for people, such as a path.
    name
        Which, where the owner has several: a column's name, a metadata key.
    attributes
        What is said, piece by piece.
    copied
        Whether it is metadata that comes with a copy of a whole document.
    """

    owner: str
    aspect: Aspect
    name: str
    where: str
    attributes: Mapping[str, str]
    at: Span | None = None
    copied: bool = False

    @property
    def key(self) -> tuple[str, Aspect, str]:
        """What tells it from other facts, and is the same before and after."""
        return self.owner, self.aspect, self.name


_PROSE = frozenset({"title", "description", "reason", "help"})
"""What holds sentences."""

_WORDS_AROUND = 3
"""Words that are told on both sides of those that differ."""


def _quoted(sentences: str) -> str:
    return f'"{" ".join(sentences.split())}"'


def _differing(was: Sequence[str], now: Sequence[str]) -> tuple[str, str]:
    """Return the words that differ of two texts, with some around them to tell where they are."""
    first = count_alike(was, now)
    last = count_alike(was[first:][::-1], now[first:][::-1])
    return _part(was, first, len(was) - last), _part(now, first, len(now) - last)


def count_alike(one: Sequence[str], other: Sequence[str]) -> int:
    """Count the words, or characters, with which both begin."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _part(words: Sequence[str], first: int, end: int) -> str:
    """Write some of the words, and an ellipsis for those before and after."""
    start, stop = max(0, first - _WORDS_AROUND), min(len(words), end + _WORDS_AROUND)
    before, after = "… " if start else "", " …" if stop < len(words) else ""
    return f"{before}{' '.join(words[start:stop])}{after}"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that differs.

    Parameters
    ----------
    what
        In words: ``column ts_det``; empty for the thing at `where` itself.
    attribute
        What of it; empty where it was added or removed.
    was, now
        Before and after; empty where there is none.
    move
        The mapping's own declaration of the change, which makes it one that readers know of.
    """

    category: Category
    kind: Kind
    aspect: Aspect
    where: str
    what: str
    attribute: str = ""
    was: str = ""
    now: str = ""
    before: Span | None = None
    after: Span | None = None
    move: Move | None = None

    @property
    def at(self) -> Span | None:
        """The line to look at: where it stands now, or where it stood."""
        return self.after or self.before

    @property
    def words(self) -> str:
        """The change in a sentence."""
        what = f"{self.where}: {self.what}" if self.what else self.where
        if self.aspect is Aspect.CLIENTS:
            no_longer = "no longer: " if self.kind is Kind.REMOVED else ""
            return f"{self.where}: {no_longer}{self.what}"
        if self.kind is Kind.ADDED:
            return f"{what} is new" + (f": {self.now}" if self.now else "")
        if self.kind is Kind.REMOVED:
            return f"{what} is gone" + (f"; it was {self.was}" if self.was else "")
        if self.attribute in _PROSE or (self.aspect is Aspect.HEADER and self.what in _PROSE):
            return f"{what}: {self._prose()}"
        attribute = "" if self.attribute in ("is", "text", "does") else f"{self.attribute} "
        return f"{what}: {attribute}{self.now or 'nothing'}, was {self.was or 'nothing'}"

    def _prose(self) -> str:
        """Say what became of sentences, which commas and capitals of others do not mix with."""
        attribute = "" if self.attribute == "text" else f"{self.attribute} "
        if not self.was:
            return f"{attribute}now says {_quoted(self.now)}"
        if not self.now:
            return f"{attribute}no longer says {_quoted(self.was)}"
        was, now = _differing(self.was.split(), self.now.split())
        return f"{attribute}now says {_quoted(now)} instead of {_quoted(was)}"


@dataclass(frozen=True, slots=True)
class Bump:
    """How a mapping's version must change for its changes, and how it did."""

    before: str
    after: str
    needs: str
    category: Category
    enough: bool

    @property
    def words(self) -> str:
        """The demand in a sentence."""
        return (
            f"{self.category} changes need a new {self.needs} version; "
            f"{self.before} became {self.after}"
        )


@dataclass(frozen=True, slots=True)
class Side:
    """A mapping that is compared: its statements and its outline."""

    mapping: nodes.Mapping
    outline: Outline


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that differs between two mappings, strictest first.

    Parameters
    ----------
    bump
        What the changes ask of the mapping's version; None where they ask nothing, or where these
        are two mappings and not two versions of one.
    """

    before: str
    after: str
    changes: tuple[Change, ...]
    bump: Bump | None = None

    @property
    def categories(self) -> Mapping[Category, tuple[Change, ...]]:
        """The changes by category, those that there are."""
        found: dict[Category, list[Change]] = {}
        for change in self.changes:
            found.setdefault(change.category, []).append(change)
        return {category: tuple(found[category]) for category in Category if category in found}

    def at_least(self, category: Category) -> tuple[Change, ...]:
        """Return the changes of a category and of stricter ones; declared moves do not count."""
        return tuple(
            change
            for change in self.changes
            if change.category.rank <= category.rank and change.move is None
        )


@dataclass(frozen=True, slots=True)
class Renaming:
    """Rules of which only the name differs: those of before, by their names after."""

    ids: Mapping[str, str] = field(default_factory=dict)

    def after(self, id: str) -> str:
        """Return the name after of a rule or a node before, or of what is inside it."""
        if id in self.ids:
            return self.ids[id]
        inside = [old for old in self.ids if id.startswith(f"{old}.")]
        longest = max(inside, key=len, default="")
        return self.ids[longest] + id[len(longest) :] if longest else id

    def of_themselves(self) -> Mapping[str, str]:
        """Return the rules that have another name, and not only lie in one that has."""
        return {
            old: new
            for old, new in self.ids.items()
            if Renaming({id: self.ids[id] for id in self.ids if id != old}).after(old) != new
        }
