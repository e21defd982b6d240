"""The tree of a mapping: a node for each place where a rule makes one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tiledmap.check.coverage import FILE_DOCUMENTS, Coverage
from tiledmap.check.layout import before, items, paths_in, table_of
from tiledmap.check.matching import ASSETS
from tiledmap.language import nodes
from tiledmap.language.expressions import Literal, Path
from tiledmap.language.scalars import Expression, Text
from tiledmap.outline.globs import globs_of, numbered
from tiledmap.outline.lineage import (
    DATA_KEY,
    DECLARED_TYPE,
    DOCUMENTS,
    Names,
    Pen,
    Use,
    with_item,
)
from tiledmap.outline.metadata import DATA_KEY_UNITS, MetadataReader
from tiledmap.outline.values import (
    ANY_KEY,
    Dropped,
    Entry,
    Family,
    FieldPath,
    Link,
    MetadataEntry,
    OutlineAsset,
    OutlineColumn,
    OutlineNode,
    Part,
    Taking,
)
from tiledmap.outline.words import (
    AS_DATA_KEY,
    THE_REST,
    condition_in_words,
    entry_in_words,
    listed,
    match_in_words,
)
from tiledmap.plan.passes import simplify

DESCRIPTOR = FieldPath("descriptor")
STREAM_RESOURCE = FieldPath("stream_resource")

_EVENT_TYPES = {"seq_num": "int64", "time": "float64", "uid": "string", "descriptor": "string"}
"""The types of columns of an event's own fields, where none is said."""

_NEVER = "Never made with these settings."
_ON_COLLISION = {
    nodes.OnCollision.RESUME: "a run that comes again goes on in the node that it has, and another "
    "whose key is taken is not written",
    nodes.OnCollision.SUFFIX_UID: "where its key is taken, its uid is added",
    nodes.OnCollision.REFUSE: "where its key is taken, it is not written",
}
_STORED = {
    nodes.Store.ARRAY: "The values of one data key, one row for each event.",
    nodes.Store.RAGGED: "The values of one data key, one row of its own length for each event.",
    nodes.Store.FILES: "The files of one data key, registered where they lie, as one array.",
}


@dataclass(frozen=True, slots=True)
class Tree:
    """The nodes of a mapping, the links into them, and what is not stored."""

    top: tuple[OutlineNode, ...]
    links: tuple[Link, ...]
    dropped: tuple[Dropped, ...]


def make_tree(
    mapping: nodes.Mapping, settings: Mapping[str, Any], coverage: Sequence[Coverage]
) -> Tree:
    """Make the tree of a mapping that has a run."""
    growth = _Growth(mapping, settings, coverage)
    growth.run()
    for stream in mapping.streams:
        growth.stream(stream)
    growth.refusals()
    return growth.tree()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where nodes go: the id of the node above, and its path."""

    id: str | None
    path: tuple[str, ...]


class _Growth:
    """A tree while it is made: its nodes by id, each under that of its parent."""

    def __init__(
        self, mapping: nodes.Mapping, settings: Mapping[str, Any], coverage: Sequence[Coverage]
    ) -> None:
        self._mapping = mapping
        self._settings = settings
        self._coverage = coverage
        self._metadata = MetadataReader(mapping)
        self._nodes: dict[str, OutlineNode] = {}
        self._below: dict[str | None, list[str]] = {None: []}
        self._containers: dict[tuple[str | None, str], _Place] = {}
        self._links: list[Link] = []
        self._dropped: list[Dropped] = []
        self._run = _Place(None, ())

    # ------------------------------------------------------------ the run

    def run(self) -> None:
        """Make the run and the containers above it."""
        rule = self._mapping.run
        assert rule is not None
        pen = Pen("run")
        above = self._above("run", "run", rule.parent or (), _Place(None, ()), "Holds runs.")
        node = OutlineNode(
            id="run",
            rule="run",
            path=(*above.path, self._key(rule.key, pen)),
            family=Family.CONTAINER,
            condition="",
            purpose=_purpose_of_run(rule),
            at=rule.at(),
            specs=self._specs(rule.specs, pen),
            metadata=(
                *self._metadata.entries(rule.metadata, "run", pen),
                _added(
                    "notes", "list of text", "what a reader should know of how it was stored", rule
                ),
            ),
            not_stored=self._not_stored("start", "stop"),
            source=rule.at(),
            globs=numbered(globs_of(rule.key)),
        )
        self._run = self._put(node, above, pen)

    def _tags(self) -> tuple[tuple[Entry, ...], list[Link]]:
        """Return the run's access tags, and the links into its node; they hold for every node."""
        rule = self._mapping.run
        assert rule is not None
        pen = Pen("")
        tags = []
        for item in items(rule.access_tags):
            tags.append(_entry(item, item.tag, Part.ACCESS_TAG, pen))
        for tag in rule.fallback_tags or ():
            tags.append(Entry(tag, "where there is no other", rule.at("fallback_tags")))
        return tuple(tags), pen.links

    # ------------------------------------------------------------ streams

    def stream(self, rule: nodes.StreamRule) -> None:
        """Make a stream and all below it."""
        id = f"streams.{rule.name}"
        rest = THE_REST["streams"] if before(self._mapping.streams, rule) else ""
        condition = condition_in_words(rule.match, rule.when, rest=rest)
        pen = Pen(id)
        fields = pen.condition(rule.match, rule.when, DESCRIPTOR, id)
        if rule.drop is not None:
            names = _names(rule.match)
            at = rule.at("drop")
            self._dropped.append(Dropped(id, "streams", condition, rule.drop, at, fields, names))
            return
        above = self._above(id, id, rule.parent or (), self._run, "Holds streams.")
        metadata = self._metadata.entries(rule.metadata, "streams", pen)
        words = "the key of the node that this one continues, with other data keys"
        node = OutlineNode(
            id=id,
            rule=id,
            path=(*above.path, self._key(rule.key, pen)),
            family=Family.CONTAINER,
            condition=condition,
            purpose=self._purpose("A stream: what its descriptors say, and its data.", rule),
            at=rule.at(),
            specs=self._specs(rule.specs, pen),
            metadata=(*metadata, _added("continues", "text", words, rule)),
            not_stored=self._not_stored("descriptor", "event", rule=rule.name),
            source=rule.at(),
            globs=numbered(globs_of(rule.key, "descriptor", _names(rule.match))),
        )
        place = self._put(node, above, pen)
        for data in rule.data:
            self._data(rule, data, place)
        for table in rule.tables:
            self._table(rule, table, place)
        for coordinate in rule.coordinates:
            self._coordinate(rule, coordinate, place)

    def _data(self, stream: nodes.StreamRule, rule: nodes.DataRule, above: _Place) -> None:
        id = f"streams.{stream.name}.data.{rule.name}"
        condition = _data_condition(stream, rule)
        pen = Pen(id)
        fields = pen.condition(rule.match, rule.when, DATA_KEY, id)
        if rule.drop is not None:
            names = _names(rule.match)
            at = rule.at("drop")
            self._dropped.append(Dropped(id, "data keys", condition, rule.drop, at, fields, names))
            return
        if rule.store is None or rule.store is nodes.Store.TABLE:
            return  # its table tells
        is_files = rule.store is nodes.Store.FILES
        parent = self._above(id, id, rule.parent, above, "Holds data.")
        dims = rule.dims or ()
        if "..." in dims:
            pen.link(Use(DATA_KEY.below("dims"), False, rule.at("dims")), Part.DIMS, "...")
        values = FieldPath("event", ("data", ANY_KEY))
        pen.link(Use(values, not is_files, rule.at("store")), Part.VALUES, "")
        for field in DECLARED_TYPE:
            pen.link(Use(field, False, rule.at("store")), Part.VALUES, "type")
        node = OutlineNode(
            id=id,
            rule=id,
            path=(*parent.path, self._key(rule.key, pen)),
            family=Family(rule.store.value),
            condition=condition,
            purpose=self._purpose(_STORED[rule.store], rule),
            at=rule.at(),
            specs=self._specs(rule.specs, pen),
            metadata=self._metadata.entries(rule.metadata, "data", pen),
            dims=dims,
            assets=tuple(self._assets(rule, pen)) if is_files else (),
            not_stored=_left_out(rule.metadata),
            source=rule.at(),
            type=AS_DATA_KEY,
            globs=globs_of(rule.key, "data_key", _names(rule.match)),
        )
        if is_files:
            _link_files(self._mapping.repair, rule, pen)
        self._put(node, parent, pen)

    def _coordinate(
        self, stream: nodes.StreamRule, rule: nodes.CoordinateRule, above: _Place
    ) -> None:
        id = f"streams.{stream.name}.coordinates.{rule.name}"
        pen = Pen(id)
        pen.condition(None, rule.when, DESCRIPTOR, id)
        parent = self._above(id, id, rule.parent, above, "Holds coordinates.")
        pen.use(rule.from_, Part.VALUES, "")
        node = OutlineNode(
            id=id,
            rule=id,
            path=(*parent.path, self._key(rule.key, pen)),
            family=Family.ARRAY,
            condition=condition_in_words(None, rule.when),
            purpose=self._purpose("An array that the stream has once, beside its events.", rule),
            at=rule.at(),
            specs=self._specs(rule.specs, pen),
            metadata=self._metadata.entries(rule.metadata, "streams", pen),
            dims=rule.dims or (rule.name,),
            not_stored=_left_out(rule.metadata),
            source=rule.at(),
            type=rule.type or "as its values are",
            values=rule.from_.source if rule.from_ is not None else "",
            globs=globs_of(rule.key),
        )
        self._put(node, parent, pen)

    # ------------------------------------------------------------ tables

    def _table(self, stream: nodes.StreamRule, rule: nodes.TableRule, above: _Place) -> None:
        id = f"streams.{stream.name}.tables.{rule.name}"
        pen = Pen(id)
        parent = self._above(id, id, rule.parent, above, "Holds tables.")
        key = self._key(rule.key, pen)
        node = OutlineNode(
            id=id,
            rule=id,
            path=(*parent.path, key),
            family=Family.TABLE,
            condition="",
            purpose=_purpose_of_table(rule, key),
            at=rule.at(),
            specs=self._specs(rule.specs, pen),
            metadata=self._metadata.entries(rule.metadata, "streams", pen),
            columns=tuple(self._column(column, pen) for column in items(rule.columns)),
            order=rule.order or "",
            not_stored=_left_out(rule.metadata),
            source=rule.at(),
            takes=tuple(_takings(stream, rule, pen)),
            globs=numbered(globs_of(rule.key)) if rule.max_columns else globs_of(rule.key),
        )
        self._put(node, parent, pen)

    def _column(self, column: nodes.Column, pen: Pen) -> OutlineColumn:
        name = column.column.source
        pen.use(column.column, Part.COLUMN, name, decides=True)
        fields = pen.use(column.from_, Part.COLUMN, name)
        keyed = column.keys is not None
        if keyed:
            pen.condition(column.keys, None, DATA_KEY, name)
        type = _type_of_column(column)
        if type == AS_DATA_KEY:
            for field in DECLARED_TYPE:
                pen.link(Use(field, False, column.at()), Part.COLUMN, name)
        return OutlineColumn(
            name=name,
            type=type,
            units=str(DATA_KEY_UNITS) if keyed and "value" in _roots(column.from_) else "",
            keys=_keys_in_words(column.keys) if keyed else "",
            text=column.from_.source,
            fields=fields,
            at=column.at(),
            globs=globs_of(column.column, "data_key", _names(column.keys)),
        )

    # ------------------------------------------------------------ files

    def _assets(self, rule: nodes.DataRule, pen: Pen) -> Iterator[OutlineAsset]:
        """Describe the rules of assets that a data rule's files can meet, in order."""
        named = rule.match.name.texts if rule.match and rule.match.name else None
        keys = {"data_key": named} if named else {}
        for asset in self._mapping.assets:
            if ASSETS.overlap(ASSETS.region(asset.match), keys):
                yield self._asset(asset, pen)

    def _asset(self, rule: nodes.AssetRule, pen: Pen) -> OutlineAsset:
        id = f"assets.{rule.name}"
        rest = THE_REST["assets"] if before(self._mapping.assets, rule) else ""
        condition = condition_in_words(rule.match, rule.when, rest=rest)
        pen.condition(rule.match, rule.when, STREAM_RESOURCE, id)
        pen.use(rule.refuse, Part.FILES, id, decides=True)
        for name, value in rule.parameters.items():
            pen.use(value, Part.FILES, f"{id}.parameters.{name}")
        for sidecar in rule.sidecars:
            pen.use(sidecar.uri, Part.FILES, f"{id}.sidecars.{sidecar.parameter}")
        structure_from = rule.structure_from or nodes.StructureFrom.DOCUMENTS
        return OutlineAsset(
            rule=id,
            condition=condition,
            consolidator=rule.consolidator or "",
            refuse=rule.refuse.source if rule.refuse is not None else "",
            join=rule.join.value if rule.join else "",
            chunks=rule.chunks,
            needs=rule.needs,
            parameters={name: value.plain() for name, value in rule.parameters.items()},
            at=rule.at(),
            asset_parameter=rule.asset_parameter or "",
            sidecars={sidecar.parameter: sidecar.uri.source for sidecar in rule.sidecars},
            structure_from="" if rule.refuse is not None else structure_from.value,
        )

    def refusals(self) -> None:
        """Note the files that rules refuse."""
        for rule in self._mapping.assets:
            if rule.refuse is not None:
                asset = self._asset(rule, Pen(""))
                pen = Pen("")
                fields = pen.condition(rule.match, rule.when, STREAM_RESOURCE, "")
                at = rule.at("refuse")
                self._dropped.append(
                    Dropped(asset.rule, "files", asset.condition, asset.refuse, at, fields)
                )

    # ------------------------------------------------------------ pieces

    def _above(
        self, id: str, rule: str, parents: Sequence[Text], above: _Place, purpose: str
    ) -> _Place:
        """Make the containers that a rule wants between `above` and its node, or find them."""
        place = above
        for number, text in enumerate(parents):
            asked = (place.id, text.source)
            if asked not in self._containers:
                own = f"{id}.parent.{number}"
                pen = Pen(own)
                node = OutlineNode(
                    id=own,
                    rule=rule,
                    path=(*place.path, self._key(text, pen)),
                    family=Family.CONTAINER,
                    condition="",
                    purpose=purpose,
                    at=text.span,
                    source=text.span,
                    globs=globs_of(text),
                )
                self._containers[asked] = self._put(node, place, pen)
            place = self._containers[asked]
        return place

    def _put(self, node: OutlineNode, above: _Place, pen: Pen) -> _Place:
        self._nodes[node.id] = node
        self._below.setdefault(above.id, []).append(node.id)
        self._links += pen.links
        return _Place(node.id, node.path)

    def _key(self, text: Text | None, pen: Pen) -> str:
        pen.use(text, Part.PATH, text.source if text is not None else "", decides=True)
        return text.source if text is not None else ""

    def _specs(self, specs: nodes.Items[nodes.SpecItem] | None, pen: Pen) -> tuple[Entry, ...]:
        return tuple(_entry(item, item.spec, Part.SPEC, pen) for item in items(specs))

    def _purpose(self, words: str, rule: Any) -> str:
        """Say what a node is for, and whether settings make its rule take nothing."""
        when: Expression | None = rule.when
        if when is None or when.tree is None:
            return words
        decided = simplify(when.tree, self._settings)
        never = isinstance(decided, Literal) and decided.value is False
        return f"{words} {_NEVER}" if never else words

    def _not_stored(self, *documents: str, rule: str = "") -> dict[str, str]:
        return {
            f"{row.document}.{row.field}": row.reason
            for row in self._coverage
            if row.document in documents and row.rule == rule and row.reason and not row.destination
        }

    def tree(self) -> Tree:
        """Return what was made, with the access tags that hold for all of it."""
        tags, links = self._tags()
        ids = list(self._nodes)
        everywhere = [replace(link, node=id) for id in ids for link in links]

        def grown(id: str) -> OutlineNode:
            children = tuple(map(grown, self._below.get(id, ())))
            return replace(self._nodes[id], access_tags=tags, children=children)

        return Tree(
            top=tuple(map(grown, self._below[None])),
            links=tuple(dict.fromkeys([*self._links, *everywhere])),
            dropped=tuple(self._dropped),
        )


# ---------------------------------------------------------------- pure pieces


def _names(match: nodes.StreamMatch | nodes.DataKeyMatch | None) -> tuple[str, ...]:
    """Return what a ``match`` says of names, beyond that there is one."""
    patterns = match.name.texts if match is not None and match.name is not None else ()
    return () if patterns in (("present",), ("absent",)) else patterns


def _entry(item: nodes.SpecItem | nodes.TagItem, text: Text, part: Part, pen: Pen) -> Entry:
    names: Names = with_item(item, DOCUMENTS)
    pen.use(item.each, part, text.source, decides=True)
    pen.use(item.when, part, text.source, names, decides=True)
    pen.use(text, part, text.source, names)
    return Entry(text.source, entry_in_words(item), item.at())


def _added(key: str, type: str, text: str, rule: nodes.Node) -> MetadataEntry:
    """Describe metadata that the writer adds of its own accord, where there is something to say."""
    return MetadataEntry(key, type, text, "Added by the writer.", False, (), rule.at())


def _purpose_of_run(rule: nodes.Run) -> str:
    untagged = (
        "is not written" if rule.untagged is nodes.Untagged.REFUSE else "is stored without any"
    )
    words = [
        "A run.",
        f"{_ON_COLLISION[rule.on_collision or nodes.OnCollision.RESUME]}.".capitalize(),
        f"A run without access tags {untagged}.",
    ]
    if rule.unfinished is nodes.Unfinished.CLOSE:
        words.append("A run whose RunEngine died before its stop document is given one.")
    return " ".join(words)


def _purpose_of_table(rule: nodes.TableRule, key: str) -> str:
    words = "The events of a stream, a row each"
    words += f", read in the order of {rule.order}." if rule.order else "."
    if rule.max_columns is not None:
        most = rule.max_columns.source
        words += (
            f" With more than {most} columns it is split into {key}_0, {key}_1 and so on, which "
            "share the columns that stand for no data key."
        )
    return words


def _data_condition(stream: nodes.StreamRule, rule: nodes.DataRule) -> str:
    rest = THE_REST["data"] if before(stream.data, rule) else ""
    return condition_in_words(rule.match, rule.when, rest=rest)


def _takings(stream: nodes.StreamRule, table: nodes.TableRule, pen: Pen) -> Iterator[Taking]:
    """Yield the data rules whose data keys a table takes."""
    for rule in stream.data:
        if rule.store is nodes.Store.TABLE and table_of(stream, rule) is table:
            id = f"streams.{stream.name}.data.{rule.name}"
            pen.condition(rule.match, rule.when, DATA_KEY, id)
            yield Taking(id, _data_condition(stream, rule), rule.at())


def _roots(expression: Expression) -> set[str]:
    tree = expression.tree
    return {path.root for path in paths_in(tree)} if tree is not None else set()


def _type_of_column(column: nodes.Column) -> str:
    """Say a column's Arrow type as the writer chooses it."""
    if column.type is not None:
        return column.type.value
    match column.from_.tree:
        case Path(root="timestamp"):
            return "float64"
        case Path(root="event", steps=(str() as field,)):
            return _EVENT_TYPES.get(field, "JSON text")
    return AS_DATA_KEY if column.keys is not None else "JSON text"


def _keys_in_words(keys: nodes.StoredDataKeyMatch | None) -> str:
    """Say which data keys have a column."""
    stored = keys.stored.texts if keys is not None and keys.stored is not None else ()
    where = f" stored as {listed(stored)}" if stored else ""
    asked = [words for words in match_in_words(keys) if not words.startswith("stored ")]
    return f"every data key{where}" + (f" with {', '.join(asked)}" if asked else "")


def _left_out(metadata: nodes.Metadata | None) -> dict[str, str]:
    """Return what a copy beside data leaves out, by field."""
    if metadata is None or metadata.copy_ is None:
        return {}
    document = metadata.copy_.value
    rest = "; ".join(dict.fromkeys(metadata.only.values()))
    left = {f"{document}.{field}": reason for field, reason in metadata.without.items()}
    return left | ({f"{document}.*": rest} if rest else {})


def _link_files(repairs: nodes.Repairs | None, rule: nodes.DataRule, pen: Pen) -> None:
    """Link the documents about files to a node of files: Tiled's model says what becomes of them.

    What repairs say of old documents decides about the files, too.
    """
    for document, fields in FILE_DOCUMENTS.items():
        for field, (destination, _, whole) in fields.items():
            if destination:
                part = Part.PATH if destination.startswith("key") else Part.FILES
                use = Use(FieldPath(document, (field,)), whole, rule.at("store"))
                pen.link(use, part, destination)
    repairs = repairs or nodes.Repairs()
    of_files: list[tuple[str, FieldPath, Sequence[nodes.ResourceRepair | nodes.DatumRepair]]] = [
        ("resources", FieldPath("resource"), repairs.resources),
        ("datums", FieldPath("resource"), repairs.datums),
    ]
    for section, subject, rules in of_files:
        for repair in rules:
            id = f"repair.{section}.{repair.name}"
            pen.condition(repair.match, repair.when, subject, id)
            for name, value in repair.parameters.items():
                pen.use(value, Part.FILES, f"{id}.parameters.{name}")
