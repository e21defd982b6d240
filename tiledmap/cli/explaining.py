"""Drawing explanations: where a field goes, and where a node comes from."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from tiledmap.check.globs import is_glob
from tiledmap.cli.sheet import Sheet
from tiledmap.docgen.mapping_pages.snippets import snippet
from tiledmap.outline.values import Family, Part

if TYPE_CHECKING:
    from rich.console import Console

    from tiledmap.check.coverage import Coverage
    from tiledmap.outline.explain import FieldExplained, Place, PlaceExplained
    from tiledmap.outline.values import Dropped, Link, Outline, OutlineAsset, OutlineNode, Repair
    from tiledmap.problems import Span

_FAMILIES = {
    Family.CONTAINER: "a container",
    Family.TABLE: "a table",
    Family.ARRAY: "an array",
    Family.RAGGED: "a ragged array",
    Family.FILES: "files, read as an array",
}


def path_of(outline: "Outline", node: "OutlineNode") -> str:
    """Write a node's path below the run; that of the run and what is above it from the top."""
    run = outline.node("run")
    below = node.path[len(run.path) :]
    if below:
        return "/" + "/".join(below)
    if node.id == "run":
        return f"the run, {'/'.join(node.path)}"
    return "/".join(node.path)


# ---------------------------------------------------------------- fields


def draw_field(console: "Console", outline: "Outline", explained: "FieldExplained") -> None:
    """Print where a field goes."""
    page = Sheet(console)
    need = "always there" if explained.required else "may be absent"
    declared = f"; declared by {explained.declared_in}" if explained.declared_in else ""
    page.title(str(explained.path), f"{explained.type}; {need}{declared}")
    if explained.description:
        page.line(1, " ".join(explained.description.split()))
    if not explained.declared_in:
        words = "nobody declares it: it goes where such fields go"
        page.line(1, f"{words}; {explained.near}" if explained.near else words, style="yellow")
    if explained.path.steps:
        _draw_ways(page, outline, explained)
        _draw_reasons(page, explained.rows)
    else:
        _draw_rows(page, explained.rows)
    _draw_repairs(page, "changed by", explained.changed_by)
    _draw_repairs(page, "read by", explained.read_by)
    _draw_dropped(page, "decides what is not stored", explained.dropped)


def _draw_ways(page: Sheet, outline: "Outline", explained: "FieldExplained") -> None:
    if not explained.ways:
        return
    page.heading("goes to")
    places: dict[str, dict[str, list[Span]]] = {}
    for way in explained.ways:
        words = places.setdefault(path_of(outline, way.node), {})
        words.setdefault(way.words, []).append(way.link.at)
    for path, words in places.items():
        page.line(1, path, style="cyan")
        for said, at in words.items():
            page.line(2, said, *at)


def _draw_reasons(page: Sheet, rows: "Iterable[Coverage]") -> None:
    left_out = [row for row in rows if not row.destination]
    if not left_out:
        return
    page.heading("not stored as it is")
    for row in left_out:
        where = f" (streams.{row.rule})" if row.rule else ""
        page.line(1, f"{row.reason or 'nothing says why'}{where}", row.at)


def _draw_rows(page: Sheet, rows: "Iterable[Coverage]") -> None:
    page.heading("its fields")
    for row in rows:
        goes = row.destination or f"not stored: {row.reason or 'nothing says why'}"
        rule = f" (streams.{row.rule})" if row.rule else ""
        page.line(1, f"{row.field}: {goes}{rule}", row.at)


def _draw_repairs(page: Sheet, heading: str, repairs: "Iterable[Repair]") -> None:
    repairs = list(repairs)
    if repairs:
        page.heading(heading)
    for repair in repairs:
        until = f", until {repair.until}" if repair.until else ""
        where = f": {repair.condition}" if repair.condition else ""
        page.line(1, f"{repair.rule}{where}{until}", repair.at)
        for words in repair.does:
            page.line(2, words)


def _draw_dropped(page: Sheet, heading: str, dropped: "Iterable[Dropped]") -> None:
    dropped = list(dropped)
    if dropped:
        page.heading(heading)
    for each in dropped:
        what = f"{each.what}: {each.condition}" if each.condition else f"all {each.what}"
        page.line(1, f"{each.rule}: {what}: {each.reason}", each.at)


# ---------------------------------------------------------------- nodes


def draw_place(console: "Console", outline: "Outline", explained: "PlaceExplained") -> None:
    """Print where a node comes from, or each node that may be meant."""
    page = Sheet(console)
    many = len(explained.found) > 1
    can_be = f"one of {len(explained.found)}: documents decide which" if many else ""
    page.title(explained.path, can_be)
    if explained.near:
        page.line(1, f"documents may give this key; {explained.near}", style="yellow")
    shown = ""
    for found in explained.found:
        path = path_of(outline, found.node)
        if path != shown:
            page.heading(path)
        shown = path
        _draw_found(page, found, whole=not many)
    _draw_dropped(page, "may be left out instead", explained.dropped)
    read = dict.fromkeys(
        tuple(python_of(outline, each, explained.path)) for each in explained.found
    )
    for lines in read:
        page.heading("in Python")
        for line in lines:
            page.line(1, line, style="green")


def _draw_found(page: Sheet, found: "Place", *, whole: bool) -> None:
    node, column = found.node, found.column
    page.line(1, f"{_FAMILIES[node.family]} made by {node.rule}", node.at)
    if node.condition:
        page.line(2, f"where {node.condition}")
    if column is not None:
        keys = f", {column.keys}" if column.keys else ""
        page.line(2, f"column {column.name}{keys}", column.at)
        page.line(2, f"from {column.text}; type {column.type}")
        if column.units:
            page.line(2, f"units at {column.units}")
    else:
        page.line(2, node.purpose)
    for taking in node.takes if column is None or column.keys else ():
        words = f": {taking.condition}" if taking.condition else ""
        page.line(2, f"takes the data keys of {taking.rule}{words}", taking.at)
    if whole and column is None:
        _draw_node(page, node)
    _draw_fields(page, found.links, whole=whole)


def _draw_node(page: Sheet, node: "OutlineNode") -> None:
    for what, entries in (("spec", node.specs), ("access tag", node.access_tags)):
        for each in entries:
            condition = f", {each.condition}" if each.condition else ""
            page.line(2, f"{what} {each.text}{condition}", each.at)
    for (text, at), group in groupby(node.metadata, lambda entry: (entry.text, entry.at)):
        keys = ", ".join(entry.key for entry in group)
        page.line(2, f"metadata {keys}: {text}", at)
    for column in node.columns:
        page.line(2, f"column {column.name}: {column.type}, {column.text}", column.at)
    if node.type:
        page.line(2, f"type {node.type}")
    if node.dims:
        page.line(2, f"dims {', '.join(node.dims)}")
    for asset in node.assets:
        page.line(2, _asset(asset), asset.at)


def _asset(asset: "OutlineAsset") -> str:
    where = asset.condition or "all files"
    if asset.refuse:
        return f"{asset.rule}: {where}: refused, {asset.refuse}"
    return f"{asset.rule}: {where}: read by {asset.consolidator}"


def _draw_fields(page: Sheet, links: "Iterable[Link]", *, whole: bool) -> None:
    """Print the fields that the values are, and those that only decide about them."""
    values: dict[str, None] = {}
    others: dict[str, None] = {}
    for link in links:
        if link.part in (Part.VALUES, Part.COLUMN) and link.whole:
            values[str(link.field)] = None
        elif link.part is not Part.METADATA:
            others[str(link.field)] = None
    if values:
        page.line(2, f"values are those of {', '.join(values)}")
    decided = [field for field in others if field not in values]
    if whole and decided:
        page.line(2, f"decided by {', '.join(decided)}")


def python_of(outline: "Outline", found: "Place", asked: str) -> Iterator[str]:
    """Yield the lines of Python that read a node, or a column of it."""
    keys = [key for key in asked.split("/") if key]
    column = keys.pop() if found.column is not None else None
    example = [*[""] * (len(found.node.path) - len(keys)), *keys]
    written = snippet(outline, found.node, [] if any(map(is_glob, example)) else example)
    for variable in written.variables:
        yield f"{variable.name} = {variable.example!r}  # {variable.comment}"
    lines = written.statements.splitlines()
    if column is None or is_glob(column):
        yield from lines
        return
    yield from lines[:-1]
    yield f'{lines[-1].partition("  #")[0]}["{column}"]'
