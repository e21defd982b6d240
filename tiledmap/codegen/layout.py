"""Lines of Python: what is one call or display is laid out as the usual formatters do it."""

import re
from dataclasses import dataclass, replace
from typing import TypeAlias

WIDTH = 100
INDENT = "    "


@dataclass(frozen=True, slots=True)
class Group:
    """Something in brackets: ``opening`` ends with the bracket, ``items`` stand between commas."""

    opening: str
    items: tuple["Code", ...]
    closing: str

    def flat(self) -> str:
        """The group on one line."""
        comma = "," if self.is_display and self.closing == ")" and len(self.items) == 1 else ""
        return self.opening + ", ".join(map(flat, self.items)) + comma + self.closing

    @property
    def is_display(self) -> bool:
        """Whether this is a tuple, list or dict written out, rather than a call."""
        return not re.search(r"\w[(\[{]$", self.opening)


@dataclass(frozen=True, slots=True)
class AllOf:
    """What is joined by ``and``, or by another `word`, with `opening` before it.

    It stands in parentheses where it takes several lines, and always if it is `enclosed`. Nothing
    at all is true.
    """

    conditions: tuple["Code", ...]
    opening: str = ""
    word: str = "and"
    enclosed: bool = False

    def flat(self) -> str:
        """The conditions on one line."""
        joined = f" {self.word} ".join(map(flat, self.conditions)) or "True"
        return self.opening + (f"({joined})" if self.enclosed else joined)


@dataclass(frozen=True, slots=True)
class LongText:
    """A text that can be written in `pieces`, in parentheses, where no line holds it whole."""

    whole: str
    pieces: tuple[str, ...]
    opening: str = ""

    def flat(self) -> str:
        """The text on one line."""
        return self.opening + self.whole


Code: TypeAlias = str | Group | AllOf | LongText


def flat(code: Code) -> str:
    """Code on one line."""
    return code if isinstance(code, str) else code.flat()


def lines_of(code: Code, depth: int = 0, before: str = "", after: str = "") -> list[str]:
    """Lay out code that follows `before` and is followed by `after`, at `depth` indents.

    One line if it fits; else, for a call, the arguments on a line of their own if they fit there;
    else one item a line, each with its comma.
    """
    indent = INDENT * depth
    line = f"{indent}{before}{flat(code)}{after}"
    if len(line) <= WIDTH or isinstance(code, str):
        return [line]
    if isinstance(code, AllOf):
        return _lines_of_conditions(code, depth, before, after)
    if isinstance(code, LongText):
        pieces = [INDENT * (depth + 1) + piece for piece in (code.whole, *code.pieces)]
        inside = pieces[:1] if len(pieces[0]) <= WIDTH else pieces[1:]
        return [f"{indent}{before}{code.opening}(", *inside, f"{indent}){after}"]
    if not code.items:
        return [line]
    opening, closing = f"{indent}{before}{code.opening}", f"{indent}{code.closing}{after}"
    together = f"{indent}{INDENT}{', '.join(map(flat, code.items))}"
    if len(together) <= WIDTH and not code.is_display:
        return [opening, together, closing]
    inside = [line for item in code.items for line in lines_of(item, depth + 1, after=",")]
    return [opening, *inside, closing]


def _lines_of_conditions(code: AllOf, depth: int, before: str, after: str) -> list[str]:
    indent = INDENT * depth
    first, *others = code.conditions
    if not others and not isinstance(first, str):
        return lines_of(first, depth, before + code.opening, after)
    if len(others) == 1 and not code.enclosed and isinstance(others[0], Group | AllOf):
        in_brackets = _lines_of_two(code, first, others[0], depth, before, after)
        if in_brackets:
            return in_brackets
    together = INDENT * (depth + 1) + f" {code.word} ".join(map(flat, code.conditions))
    apart = lines_of(first, depth + 1)
    for condition in others:
        apart += lines_of(condition, depth + 1, before=f"{code.word} ")
    body = [together] if len(together) <= WIDTH else apart
    return [f"{indent}{before}{code.opening}(", *body, f"{indent}){after}"]


def _lines_of_two(
    code: AllOf, first: Code, last: Group | AllOf, depth: int, before: str, after: str
) -> list[str]:
    """Lay out two conditions inside the brackets of the last, or of both; empty if neither fits."""
    begun = f"{before}{code.opening}{flat(first)} {code.word} "
    bracket = last.opening if isinstance(last, Group) else f"{last.opening}("
    if len(INDENT * depth + begun + bracket) <= WIDTH:
        return lines_of(last, depth, begun, after)
    if not isinstance(first, Group):
        return []
    *head, closing = lines_of(first, depth, before + code.opening)
    return [*head, *lines_of(last, depth, f"{closing.strip()} {code.word} ", after)]


def call(function: str, /, *arguments: Code, **named: Code) -> Group:
    """A call."""
    labelled = [label(name, value) for name, value in named.items()]
    return Group(f"{function}(", (*arguments, *labelled), ")")


def label(name: str, value: Code) -> Code:
    """A keyword argument."""
    return attach(f"{name}=", value)


def attach(before: str, value: Code) -> Code:
    """Code with something written straight before it."""
    match value:
        case str():
            return before + value
        case Group():
            return Group(before + value.opening, value.items, value.closing)
        case AllOf() | LongText():
            return replace(value, opening=before + value.opening)


def tuple_of(*items: Code) -> Group:
    """A tuple."""
    return Group("(", items, ")")


def list_of(*items: Code) -> Group:
    """A list."""
    return Group("[", items, "]")


def dict_of(*items: Code) -> Group:
    """A dict, its items written as ``key: value`` or ``**other``."""
    return Group("{", items, "}")
