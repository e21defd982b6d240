"""Lines of Python: what is one call or display is laid out as the usual formatters do it."""

import re
from dataclasses import dataclass
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
    """Conditions joined by ``and``, with `opening` before them; no conditions are true."""

    conditions: tuple[str, ...]
    opening: str = ""

    def flat(self) -> str:
        """The conditions on one line."""
        return self.opening + (" and ".join(self.conditions) or "True")


Code: TypeAlias = str | Group | AllOf


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
    inside = INDENT * (depth + 1)
    if len(code.conditions) == 1:
        return [f"{indent}{before}{code.flat()}{after}"]
    together = inside + " and ".join(code.conditions)
    first, *others = code.conditions
    apart = [inside + first, *(f"{inside}and {condition}" for condition in others)]
    body = [together] if len(together) <= WIDTH else apart
    return [f"{indent}{before}{code.opening}(", *body, f"{indent}){after}"]


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
        case AllOf():
            return AllOf(value.conditions, before + value.opening)


def tuple_of(*items: Code) -> Group:
    """A tuple."""
    return Group("(", items, ")")


def list_of(*items: Code) -> Group:
    """A list."""
    return Group("[", items, "]")


def dict_of(*items: Code) -> Group:
    """A dict, its items written as ``key: value`` or ``**other``."""
    return Group("{", items, "}")
