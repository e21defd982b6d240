"""An outline as branches of trees, for whatever shows them."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from tiledmap.display.branch import Branch, Fact, Section
from tiledmap.outline.values import (
    ANY_KEY,
    Dropped,
    Entry,
    Family,
    MetadataEntry,
    Outline,
    OutlineAsset,
    OutlineColumn,
    OutlineNode,
    Repair,
)
from tiledmap.outline.words import AS_DATA_KEY
from tiledmap.problems import Span

LONGEST_VALUE = 40
"""Characters of a metadata value that is shown beside its key."""


def outline_as_html(outline: Outline) -> str:
    """Return an outline for a notebook, as trees that unfold."""
    from tiledmap.display.html import trees_as_html

    return trees_as_html(
        f"{outline.name} {outline.version}",
        sections(outline),
        lead=outline.title,
        heading=heading(outline),
    )


def heading(outline: Outline) -> list[Fact]:
    """Return what there is to know of a mapping beside its trees."""
    return _told(
        Fact("extends", tuple(f"{each.name} {each.version}" for each in outline.chain[1:])),
        Fact("settings", tuple(f"{each.name} = {each.value!r}" for each in outline.settings)),
    )


def sections(outline: Outline) -> list[Section]:
    """Return what a mapping does, in the order in which documents meet it; none is empty."""
    found = [
        Section("repairs", [_repair(each) for each in (*outline.hooks, *outline.repairs)], False),
        Section("tree", [_node(node) for node in outline.top]),
        Section("not stored", [_dropped(each) for each in outline.dropped], False),
    ]
    return [section for section in found if section.branches]


def _told(*facts: Fact) -> list[Fact]:
    """Leave out what there is nothing to say about."""
    return [fact for fact in facts if any(fact.items)]


def _place(at: Span) -> str:
    return f"{at.file}:{at.line}" if at.line else ""


def _node(node: OutlineNode, tags_above: Sequence[Entry] = ()) -> Branch:
    tags = node.access_tags if node.access_tags != tags_above else ()
    without = (f"{field}: {reason}" for field, reason in node.not_stored.items())
    return Branch(
        node.key,
        _kind(node),
        _place(node.at),
        node.condition,
        _told(
            Fact("specs", tuple(map(_entry, node.specs))),
            Fact("access tags", tuple(map(_entry, tags))),
            Fact("metadata", tuple(_metadata(node.metadata))),
            Fact("without", tuple(without), apart=True),
            Fact("columns", tuple(map(_column, node.columns)), apart=True),
            Fact("order", (node.order,)),
            Fact("read by", tuple(map(_asset, node.assets)), apart=True),
        ),
        [_node(child, node.access_tags) for child in node.children],
    )


def _kind(node: OutlineNode) -> str:
    kind = "array of files" if node.family is Family.FILES else node.family.value
    return f"{kind} ({', '.join(node.dims)})" if node.dims else kind


def _entry(entry: Entry) -> str:
    return f"{entry.text} {entry.condition}".rstrip()


def _metadata(entries: Sequence[MetadataEntry]) -> Iterator[str]:
    """Name a copy once, whatever it holds, and every other key."""
    for (copied, text, above), group in groupby(
        entries, lambda entry: (entry.copied, entry.text, _above(entry))
    ):
        if copied:
            yield f"{above}: {text}" if above else text
        else:
            shown = f" = {text}" if len(text) <= LONGEST_VALUE else ""
            yield from (f"{entry.key}{shown}" for entry in group)


def _above(entry: MetadataEntry) -> str:
    """Name the metadata that an entry is in; that of each data key has no name of its own."""
    return ".".join(step for step in entry.key.split(".")[:-1] if step != ANY_KEY)


def _column(column: OutlineColumn) -> str:
    kind = "" if column.type == AS_DATA_KEY else f" {column.type}"
    keys = f" ({column.keys})" if column.keys else ""
    return f"{column.name}{kind}{keys}"


def _asset(asset: OutlineAsset) -> str:
    if asset.refuse:
        return f"refused ({asset.condition})"
    return f"{asset.consolidator} ({asset.condition})" if asset.condition else asset.consolidator


def _repair(repair: Repair) -> Branch:
    return Branch(
        repair.rule,
        f"until {repair.until}" if repair.until else "",
        _place(repair.at),
        repair.condition,
        _told(
            Fact("does", repair.does, apart=True),
            Fact("because", (repair.reason,)),
        ),
    )


def _dropped(dropped: Dropped) -> Branch:
    return Branch(
        dropped.rule,
        dropped.what,
        _place(dropped.at),
        dropped.condition,
        _told(Fact("because", (dropped.reason,))),
    )
