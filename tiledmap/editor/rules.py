"""The rules that a place speaks of: the inherited one of a name, the one named."""

from collections.abc import Iterator, Mapping

from tiledmap.editor.cursor import Cursor, Level
from tiledmap.editor.expressions import find
from tiledmap.editor.workspace import Document
from tiledmap.language import nodes


def inherited_rule(cursor: Cursor, document: Document) -> nodes.Rule | None:
    """Find the inherited rule that has the same name as the one around a place."""
    return inherited_rules(cursor, document).get(cursor.level.name or "")


def inherited_rules(cursor: Cursor, document: Document) -> Mapping[str, nodes.Rule]:
    """Return the inherited rules among which the rule around a place stands, by name."""
    return rules_beside(cursor.levels, document.base)


def named_rule(cursor: Cursor, document: Document) -> nodes.Node | None:
    """Find the rule that a place names: with ``over``, ``table`` or a test's ``made_by``."""
    return nameable_rules(cursor, document).get(cursor.text)


def nameable_rules(cursor: Cursor, document: Document) -> Mapping[str, nodes.Node]:
    """Return the rules that can be named at a place, by name; none elsewhere."""
    level = cursor.level
    field = level.field.name if level.field is not None else ""
    if field == "over":
        others = rules_beside(cursor.levels, document.mapping)
        return {name: rule for name, rule in others.items() if name != level.name}
    if field == "table" and level.cls is nodes.DataRule:
        stream = find(document.mapping, cursor.levels[:-1])
        if isinstance(stream, nodes.StreamRule):
            return {table.name: table for table in stream.tables}
    if field == "made_by":
        return dict(_makers(document.mapping))
    return {}


def _makers(mapping: nodes.Mapping) -> Iterator[tuple[str, nodes.Node]]:
    """Yield the rules that make nodes, with their dotted names."""
    if mapping.run is not None:
        yield "run", mapping.run
    for stream in mapping.streams:
        yield f"streams.{stream.name}", stream
        for section in ("data", "tables", "coordinates"):
            for rule in getattr(stream, section):
                yield f"streams.{stream.name}.{section}.{rule.name}", rule


def rules_beside(
    levels: tuple[Level, ...], mapping: nodes.Mapping | None
) -> Mapping[str, nodes.Rule]:
    """Return the rules of a mapping in the list in which the innermost statement stands."""
    if mapping is None or len(levels) < 2:
        return {}
    holder = find(mapping, levels[:-1])
    field = levels[-2].field
    listed = getattr(holder, field.name) if holder is not None and field is not None else ()
    rules = listed if isinstance(listed, tuple) else ()
    return {rule.name: rule for rule in rules if isinstance(rule, nodes.Rule)}
