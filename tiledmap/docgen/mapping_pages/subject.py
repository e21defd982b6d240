"""All pages of one mapping, as values."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from itertools import groupby
from posixpath import basename
from textwrap import dedent
from typing import Any

from tiledmap.docgen.anchors import anchor_of_name
from tiledmap.docgen.mapping_pages.addresses import MAPPINGS, Addresses, anchors_of, node_row
from tiledmap.docgen.mapping_pages.changes import Generation, generations
from tiledmap.docgen.mapping_pages.coverage import coverage_sections
from tiledmap.docgen.mapping_pages.lineage import draw_lineage, field_rows, node_rows, rows_into
from tiledmap.docgen.mapping_pages.snippets import ancestors, snippet
from tiledmap.docgen.mapping_pages.tree_picture import draw_tree
from tiledmap.docgen.mapping_pages.values import Documented
from tiledmap.docgen.mapping_pages.words import (
    FAMILIES,
    key_in_words,
    label_of,
    sentence,
    what_is_dropped,
    where,
)
from tiledmap.docgen.values import Crumb, Entry, Heading, Item, Kind, Page
from tiledmap.outline.values import (
    Dropped,
    FieldPath,
    Outline,
    OutlineAsset,
    OutlineNode,
    Repair,
    Taking,
)
from tiledmap.problems import Span

MAPPINGS_SECTION = "Mappings"


def page_of_template(
    path: str, title: str, template: str, context: Mapping[str, Any], **more: Any
) -> Page:
    """Make a page of one of the templates of mappings."""
    return Page(path, title, f"mapping/{template}.html.jinja", {**_WORDS, **context}, **more)


_WORDS: Mapping[str, Any] = {
    "as_json": lambda value: json.dumps(value, ensure_ascii=False, default=str),
    "families": FAMILIES,
    "field_path": lambda document, *steps: FieldPath(document, steps),
    "parse_field": FieldPath.parse,
    "file_name": lambda file: basename(file.replace("\\", "/")),
    "in_words": key_in_words,
    "label_of": label_of,
    "node_row": node_row,
    "number": lambda number: f"{round(number, 2):g}",
    "sentence": sentence,
    "what_is_dropped": what_is_dropped,
    "where": where,
}
"""What the templates of mappings call."""


@dataclass(frozen=True)
class Subject:
    """A mapping, and where everything about it is."""

    mapping: Documented
    to: Addresses

    @property
    def outline(self) -> Outline:
        return self.mapping.outline

    @cached_property
    def history(self) -> tuple[Generation, ...]:
        """The mapping and what it extends, each with its changes."""
        known = tuple(link for link in self.outline.chain if link.file in self.mapping.texts)
        return generations(known, self.mapping.texts)

    @cached_property
    def rules(self) -> dict[str, str]:
        """Where each of its rules is described, by dotted name."""
        places: dict[str, str] = {}
        for node in self.outline.walk():
            page = self.to.node(node)
            for rule in _rules_without_pages(node):
                places.setdefault(rule.rule, f"{page}#{anchor_of_name(rule.rule)}")
        for dropped in self.outline.dropped:
            places.setdefault(dropped.rule, f"{self.to.overview}#{anchor_of_name(dropped.rule)}")
        for repair in (*self.outline.repairs, *self.outline.hooks):
            places[repair.rule] = self.to.rule(repair.rule)
        for setting in self.outline.settings:
            name = f"settings.{setting.name}"
            places[name] = self.to.rule(name)
        for document, fields in self.mapping.additions.items():
            for name in fields:
                place = self.to.field(FieldPath(document, (name,)))
                places[f"source.{document}.{name}"] = place
        places |= {node.rule: self.to.node(node) for node in self.outline.walk()}
        return places

    @cached_property
    def places_of_example(self) -> dict[str, str]:
        """The anchor of each node of the example run, by its path."""
        made = (node for top in self.mapping.example for node in top.walk())
        return anchors_of("/".join(node.path) for node in made)

    def said(self, text: str) -> str:
        """Say a text of the outline with the values that settings have here."""
        for setting in self.outline.settings:
            text = text.replace(f"${{{{ settings.{setting.name} }}}}", str(setting.value))
        return key_in_words(text)

    def settings_of(self, repair: Repair) -> list[str]:
        """Name the settings that a repair goes by."""
        names = (setting.name for setting in self.outline.settings)
        said = " ".join((repair.condition, *repair.does))
        return [name for name in names if re.search(rf"settings\.{re.escape(name)}\b", said)]

    def pages(self, known: Mapping[str, str]) -> Iterator[Page]:
        """Yield all its pages; `known` are those of all mappings, by name."""
        yield self._overview(known)
        for node in self.outline.walk():
            yield self._node(node)
        yield self._lineage()
        yield self._coverage()
        yield self._repairs()
        yield self._provenance()
        if self.mapping.example:
            yield self._example()
        yield from self._files()

    def item(self) -> Item:
        """Its lines of the navigation."""
        lines = [
            ("Fields and nodes", "lineage"),
            ("Coverage", "coverage"),
            ("Repairs and settings", "repairs"),
            ("Provenance", "provenance"),
            *([("Example run", "example")] if self.mapping.example else []),
        ]
        nodes = tuple(Item(label_of(node), self.to.node(node)) for node in self.outline.walk())
        others = tuple(Item(title, self.to.page(name)) for title, name in lines)
        of_nodes = Item("Nodes", f"{self.to.overview}#nodes", nodes)
        return Item(self.outline.name, self.to.overview, (*others, of_nodes))

    def _make(
        self, name: str, title: str, template: str, context: Mapping[str, Any], **more: Any
    ) -> Page:
        crumbs = (Crumb(MAPPINGS_SECTION, MAPPINGS), Crumb(self.outline.name, self.to.overview))
        more.setdefault("crumbs", crumbs if name != "index" else crumbs[:1])
        context = {
            "mapping": self.mapping,
            "outline": self.outline,
            "to": self.to,
            "said": self.said,
            **context,
        }
        path = self.to.page(name)
        return page_of_template(path, title, template, context, section=MAPPINGS_SECTION, **more)

    def _overview(self, known: Mapping[str, str]) -> Page:
        outline = self.outline
        context = {
            "picture": draw_tree(outline.top),
            "parents": outline.chain[1:],
            "known": known,
            "dropped": self._dropped(),
        }
        headings = [Heading("The tree it makes", "tree"), Heading("Nodes", "nodes")]
        if outline.dropped:
            headings.append(Heading("Not stored", "not-stored"))
        headings.append(Heading("More about it", "more"))
        entry = Entry(
            Kind.MAPPING, outline.name, self.to.overview, f"{outline.title}. {outline.description}"
        )
        return self._make(
            "index",
            outline.name,
            "overview",
            context,
            headings=tuple(headings),
            entries=(entry, *(self._entry(each.rule, each.reason) for each in outline.dropped)),
            description=outline.title,
            wide=True,
        )

    def _dropped(self) -> list[tuple[Dropped, str]]:
        """What is not stored, each with the anchor of its rule."""
        anchors: dict[str, str] = {}
        found = []
        for dropped in self.outline.dropped:
            anchor = "" if dropped.rule in anchors else anchor_of_name(dropped.rule)
            anchors[dropped.rule] = anchor
            found.append((dropped, anchor))
        return found

    def _entry(self, rule: str, text: str) -> Entry:
        """What search finds a rule by."""
        return Entry(Kind.RULE, rule, self.rules[rule], text, self.outline.name)

    def _node(self, node: OutlineNode) -> Page:
        above = ancestors(self.outline, node)
        example = self._example_path(node)
        file = node.source.file if node.source is not None else ""
        context = {
            "node": node,
            "above": above,
            "rows": rows_into(self.outline, node),
            "yaml": self._yaml(node),
            "inherited_from": self._inherited_from(file),
            "snippet": snippet(self.outline, node, example),
            "example": example,
            "example_anchor": self.places_of_example.get("/".join(example), ""),
        }
        path = "/".join(map(key_in_words, node.path))
        entry = Entry(
            Kind.NODE,
            path,
            self.to.node(node),
            f"{FAMILIES[node.family]}; {node.purpose} {node.rule}",
            self.outline.name,
        )
        crumbs = (
            Crumb(MAPPINGS_SECTION, MAPPINGS),
            Crumb(self.outline.name, self.to.overview),
            *(Crumb(key_in_words(each.key), self.to.node(each)) for each in above),
        )
        return self._make(
            f"nodes/{anchor_of_name(node.id)}",
            f"{label_of(node)} of {self.outline.name}",
            "node",
            context,
            crumbs=crumbs,
            headings=tuple(_headings_of_node(node)),
            entries=(entry, *self._entries_of_rules(node)),
            description=self.said(node.purpose),
            wide=True,
        )

    def _entries_of_rules(self, node: OutlineNode) -> Iterator[Entry]:
        """Yield what search finds the rules by that have no other place than a node's page."""
        page = self.to.node(node)
        for rule in _rules_without_pages(node):
            if self.rules[rule.rule].startswith(f"{page}#"):
                yield self._entry(rule.rule, rule.condition)

    def _example_path(self, node: OutlineNode) -> tuple[str, ...]:
        for top in self.mapping.example:
            for made in top.walk():
                if made.rule == node.rule and len(made.path) == len(node.path):
                    return made.path
        return ()

    def _yaml(self, node: OutlineNode) -> tuple[str, int] | None:
        """The lines of a node's rule, and the number of the first."""
        return excerpt(self.mapping.texts, node.source)

    def _inherited_from(self, file: str) -> str:
        """The mapping that wrote a file, where that is not this one."""
        chain = self.outline.chain
        named = [link.name for link in chain[1:] if link.file == file]
        return named[0] if named else ""

    def _lineage(self) -> Page:
        context = {
            "picture": draw_lineage(self.outline),
            "field_rows": field_rows(self.outline),
            "node_rows": node_rows(self.outline),
        }
        headings = (
            Heading("As a picture", "picture"),
            Heading("From field to node", "from-fields"),
            Heading("From node to field", "from-nodes"),
        )
        return self._make(
            "lineage",
            f"Fields and nodes of {self.outline.name}",
            "lineage",
            context,
            headings=headings,
            description="Where each field of the documents goes, and what each node is made of.",
            wide=True,
        )

    def _coverage(self) -> Page:
        sections = coverage_sections(self.outline)
        return self._make(
            "coverage",
            f"Coverage of {self.outline.name}",
            "coverage",
            {"sections": sections},
            headings=tuple(Heading(each.title, each.anchor) for each in sections),
            description="Every field of every document type: where it goes, or why not.",
            wide=True,
        )

    def _repairs(self) -> Page:
        outline = self.outline
        groups = [
            (section, tuple(repairs))
            for section, repairs in groupby(outline.repairs, key=_section_of_repair)
        ]
        headings = [Heading(_TITLES_OF_REPAIRS.get(name, name), name) for name, _ in groups]
        if outline.hooks:
            headings.append(Heading("Hooks", "hooks"))
        if outline.settings:
            headings.append(Heading("Settings", "settings"))
        if outline.moved:
            headings.append(Heading("Moved", "moved"))
        entries = [
            self._entry(each.rule, " ".join(filter(None, (each.reason, *each.does))))
            for each in (*outline.repairs, *outline.hooks)
        ]
        entries += [self._entry(f"settings.{each.name}", each.help) for each in outline.settings]
        return self._make(
            "repairs",
            f"Repairs and settings of {outline.name}",
            "repairs",
            {
                "groups": groups,
                "titles": _TITLES_OF_REPAIRS,
                "whose": self._whose,
                "settings_of": self.settings_of,
                "yaml_of": lambda repair: excerpt(self.mapping.texts, repair.at),
            },
            headings=tuple(headings),
            entries=tuple(entries),
            description="How documents are put right before they are stored, and what can be set.",
        )

    def _whose(self, repair: Repair) -> str:
        return self._inherited_from(repair.at.file)

    def _provenance(self) -> Page:
        history = self.history
        anchors = _anchors_of(history)
        context = {
            "history": list(zip(history, anchors, strict=True)),
            "rules": self.rules,
            "versions": {name: version(name) for name in ("tiledmap", "event-model")},
        }
        headings = [
            Heading("Identity", "identity"),
            *(
                Heading(each.mapping.name, anchor)
                for each, anchor in zip(history, anchors, strict=True)
            ),
        ]
        return self._make(
            "provenance",
            f"Provenance of {self.outline.name}",
            "provenance",
            context,
            headings=tuple(headings),
            description="What it extends, what it changes there, and how it is told from others.",
            wide=True,
        )

    def _example(self) -> Page:
        nodes = {node.rule: node for node in self.outline.walk() if node.id == node.rule}
        return self._make(
            "example",
            f"Example run of {self.outline.name}",
            "example",
            {"nodes": nodes, "anchors": self.places_of_example},
            entries=tuple(self._entries_of_example()),
            description="What it makes of recorded documents, with their values.",
            wide=True,
        )

    def _entries_of_example(self) -> Iterator[Entry]:
        """Yield what search finds by the names that documents brought: nodes and columns."""
        page = self.to.page("example")
        own = {column.name for node in self.outline.walk() for column in node.columns}
        for node in (node for top in self.mapping.example for node in top.walk()):
            path = "/".join(node.path)
            link = f"{page}#{self.places_of_example[path]}"
            yield Entry(
                Kind.EXAMPLE, node.key, link, f"{node.structure}; {path}", self.outline.name
            )
            for name, type_ in node.table.columns if node.table else ():
                if name not in own:
                    text = f"column, {type_}; {path}"
                    yield Entry(Kind.EXAMPLE, name, link, text, self.outline.name)

    def _files(self) -> Iterator[Page]:
        own = f"mappings/{self.to.slug}/files/"
        for file, path in self.to.files.items():
            if path.startswith(own):
                name = path.removeprefix(f"mappings/{self.to.slug}/").removesuffix(".html")
                yield self._make(
                    name,
                    file,
                    "file",
                    {"text": self.mapping.texts[file], "file": file},
                    description=f"The text of {file}.",
                    wide=True,
                )


def _rules_without_pages(node: OutlineNode) -> tuple[Taking | OutlineAsset, ...]:
    """The rules that make no nodes of their own but say what a node holds."""
    return (*node.takes, *node.assets)


def _anchors_of(history: Sequence[Generation]) -> list[str]:
    """Name each mapping of a chain, two of which may be called the same."""
    names = [f"chain.{each.mapping.name}" for each in history]
    numbered = [f"{name} {names[:place].count(name)}" for place, name in enumerate(names)]
    anchors = anchors_of(numbered)
    return [anchors[each] for each in numbered]


def excerpt(texts: Mapping[str, str], span: Span | None) -> tuple[str, int] | None:
    """Return whole lines of a file without their common indent, and the number of the first."""
    if span is None or span.file not in texts:
        return None
    lines = texts[span.file].split("\n")[span.line - 1 : span.end_line]
    return dedent("\n".join(lines)), span.line


def _headings_of_node(node: OutlineNode) -> Iterator[Heading]:
    yield Heading("Read it", "read")
    if node.columns:
        yield Heading("Columns", "columns")
    if node.assets:
        yield Heading("Files", "files")
    if node.metadata:
        yield Heading("Metadata", "metadata")
    if node.access_tags:
        yield Heading("Access tags", "access-tags")
    if node.not_stored:
        yield Heading("Left out", "left-out")
    if node.children:
        yield Heading("Inside", "inside")
    yield Heading("The rule", "rule")


_TITLES_OF_REPAIRS = {
    "roots": "Paths of files",
    "resources": "Resource documents",
    "datums": "Datum documents",
    "data_keys": "Data keys",
    "start": "Start documents",
    "descriptor": "Descriptors",
    "stop": "Stop documents",
    "unmapped": "Paths that no rule fits",
}


def _section_of_repair(repair: Repair) -> str:
    return repair.rule.split(".")[1]
