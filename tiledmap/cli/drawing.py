"""Drawing in a terminal: trees, and the steps of a plan."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from tiledmap.cli.terminal import UNBROKEN
from tiledmap.display.branch import Branch, Fact
from tiledmap.problems.excerpt import printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions

    from tiledmap.api import LoadedMapping
    from tiledmap.outline.values import Outline
    from tiledmap.plan.steps import Plan

NARROWEST = 20
"""Columns that words are given, however deep they stand."""

NARROWEST_BESIDE = 48
"""Columns that words need, for places to stand beside them."""


def draw(console: "Console", title: str, branches: Iterable[Branch]) -> None:
    """Print what there is, and all below it, as a tree."""
    tree = Tree(Text(printable(title), "bold"), guide_style="dim")
    for branch in branches:
        _grow(tree, branch)
    console.print(tree)


def _grow(tree: Tree, branch: Branch) -> None:
    grown = tree.add(_Label(branch))
    for child in branch.children:
        _grow(grown, child)


@dataclass(frozen=True, slots=True)
class _Label:
    """The lines of a branch, which depend on how much room there is."""

    branch: Branch

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> Iterator[Text]:
        width = max(options.max_width, NARROWEST)
        branch = self.branch
        head = Text.assemble((printable(branch.key), "bold"), "  " if branch.what else "")
        head.append(printable(branch.what), "cyan")
        place = Text(printable(branch.place), "dim")
        if place and head.cell_len + 2 + place.cell_len <= width:
            yield Text.assemble(head, "  ", place)
        else:
            yield from broken(console, head, width)
            if place:
                yield from broken(console, place, width)
        condition = [Fact("for", (branch.condition,))] if branch.condition else []
        for fact in (*condition, *branch.facts):
            yield from _fact(console, fact, width)


def _fact(console: "Console", fact: Fact, width: int) -> Iterator[Text]:
    """Yield lines of items, below each other, with what they are about before the first."""
    before = Text(f"{fact.about} " if fact.about else "", "dim")
    beside = before.cell_len
    room = max(width - beside, NARROWEST)
    for line in map(_item, fact.items) if fact.apart else _filled(fact.items, room):
        for piece in broken(console, line, room):
            yield Text.assemble(before, piece)
            before = Text(" " * beside)


def _item(item: str) -> Text:
    return Text(printable(item))


def _filled(items: Sequence[str], width: int) -> Iterator[Text]:
    """Yield lines of as many items as there is room for."""
    line = Text()
    for number, item in enumerate(items, 1):
        shown = _item(item if number == len(items) else f"{item},")
        if line and line.cell_len + 1 + shown.cell_len > width:
            yield line
            line = shown
        else:
            line = Text.assemble(line, " ", shown) if line else shown
    yield line


def broken(console: "Console", text: Text, width: int, hang: int = 2) -> Iterator[Text]:
    """Break a text that is too long, and indent what follows its first line."""
    if text.cell_len <= width:
        yield text
        return
    indent = Text()
    for line in text.wrap(console, max(width - hang, NARROWEST)):
        line.rstrip()
        yield Text.assemble(indent, line)
        indent = Text(" " * hang)


def draw_outline(console: "Console", outline: "Outline") -> None:
    """Print the tree that a mapping makes, and what it does to documents before."""
    from tiledmap.outline.branches import heading, sections

    title = f": {outline.title}" if outline.title else ""
    head = Text(printable(f"{outline.name} {outline.version}{title}"), "bold")
    for line in broken(console, head, console.width):
        console.print(line, soft_wrap=True)
    for fact in heading(outline):
        for line in _fact(console, fact, console.width):
            console.print(line, soft_wrap=True)
    for section in sections(outline):
        console.print()
        draw(console, section.title, section.branches)


def draw_plan(console: "Console", plan: "Plan") -> None:
    """Print the steps of a plan; their places stand at the right, where there is room for both."""
    from tiledmap.plan.text import WIDTH, plan_lines

    lines = list(plan_lines(plan))
    room = min(WIDTH, console.width - max(len(at) for _, _, at in lines) - 2)
    for depth, words, at in lines:
        text, place = Text(printable(words), "" if depth else "bold"), Text(printable(at), "dim")
        for line in _step(console, "  " * depth, text, place, room):
            console.print(line, soft_wrap=True)


def _step(console: "Console", indent: str, words: Text, place: Text, room: int) -> Iterator[Text]:
    beside = room >= NARROWEST_BESIDE
    width = room if place and beside and console.width < UNBROKEN else console.width
    pieces = broken(console, words, width - len(indent), hang=4)
    first, *rest = (Text.assemble(indent, piece) for piece in pieces)
    if place and beside:
        first.append(" " * (room - first.cell_len + 2 if first.cell_len < room else 2))
        first.append(place)
    yield first
    yield from rest
    if place and not beside:
        yield Text.assemble(indent, "    ", place)


def draw_origins(console: "Console", mapping: "LoadedMapping") -> None:
    """Print a resolved mapping, and left of each line the file and line that says it.

    Settings that have their value from outside follow.
    """
    from tiledmap.language.render import render_with_origins
    from tiledmap.language.settings import given_by

    lines = [(f"{at.file}:{at.line}", text) for text, at in render_with_origins(mapping.resolved)]
    lines += [
        (given, f"settings.{name} = {value!r}")
        for name, value in mapping.settings.items()
        if (given := given_by(name, mapping.sources))
    ]
    widest = max(len(printable(place)) for place, _ in lines)
    own = mapping.resolved.at().file
    for place, text in lines:
        inherited = place.rpartition(":")[0] != own
        beside = (printable(place).ljust(widest), "dim" if inherited else "cyan")
        console.print(Text.assemble(beside, "  ", printable(text)), soft_wrap=True)
