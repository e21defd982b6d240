"""Where every field of every document goes: the table that `tiledmap coverage` prints.

A field is copied, has a column, becomes part of the structure, or is left out for a written reason.
A row with neither a destination nor a reason is what the Total check reports.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tiledmap.check.layout import (
    columns_of,
    is_path,
    items,
    missed,
    names,
    paths_in,
    says,
    stored_data,
    stored_streams,
)
from tiledmap.check.subject import Subject
from tiledmap.documents.fields import document_type
from tiledmap.documents.schemas import document_schema
from tiledmap.language import nodes
from tiledmap.language.scalars import Expression, Free, Text
from tiledmap.language.trees import Expr
from tiledmap.problems import Span

OTHER = "*"
"""Stands for all fields that an open document can have beside those that are known."""

SYNTHESISED_BY = "synthesised_by"
"""Stands in the stop documents that ``unfinished: close`` makes up: what tells them from others."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Where one field goes.

    Parameters
    ----------
    document
        The document's type, such as ``event_page``.
    field
        The field; `OTHER` for the rest.
    required
        Whether every such document has it.
    destination
        Where it is stored; empty if it is not.
    reason
        Why it is not stored, or not as it is.
    at
        Where the mapping says so; None where the layout of Tiled itself does.
    invertible
        Whether its value can be had back from what is stored.
    rule
        The stream rule that it holds for; empty where it holds for all.
    """

    document: str
    field: str
    required: bool
    destination: str
    reason: str
    at: Span | None
    invertible: bool
    rule: str = ""

    @property
    def accounted(self) -> bool:
        """Whether the field goes somewhere, or stays behind for a reason."""
        return bool(self.destination or self.reason)


def coverage(subject: Subject) -> list[Coverage]:
    """Tell where every field of every document type goes."""
    mapping = subject.mapping
    rows: list[Coverage] = []
    for document in ("start", "stop"):
        rows += _run_document(mapping, document)
    for stream in mapping.streams:
        rows += _dropped_stream(stream) if says(stream, "drop") else _stream(mapping, stream)
    rows += _file_documents(mapping)
    rows += _BULK
    return rows


# ---------------------------------------------------------------- fields


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    required: bool


def _fields(document: str, additions: nodes.DocumentAdditions | None = None) -> list[_Field]:
    """Return the fields of a document, and `OTHER` where it is open."""
    added = additions.model_dump(include={"properties", "required"}) if additions else None
    known = document_type(document, added).properties
    fields = [_Field(name, field.required) for name, field in known.items()]
    open_ = "patternProperties" in document_schema(document)
    return [*fields, _Field(OTHER, False)] if open_ else fields


# ---------------------------------------------------------------- start, stop, descriptor


@dataclass(frozen=True, slots=True)
class _Place:
    """A piece of metadata that has to do with a document, and where it stands in the node."""

    path: str
    metadata: nodes.Metadata

    def keeps(self, field: str) -> bool:
        metadata = self.metadata
        return field not in metadata.without and (not metadata.only or field in metadata.only)

    def at(self, field: str) -> Span:
        """Where it is said what becomes of a field."""
        return self.metadata.at(f"without.{field}" if field in self.metadata.without else None)

    def reason(self, field: str) -> str:
        if field in self.metadata.without:
            return self.metadata.without[field]
        return "; ".join(dict.fromkeys(self.metadata.only.values()))


def copies(
    metadata: nodes.Metadata | None, document: str, path: tuple[str, ...] = ()
) -> Iterator[_Place]:
    """Yield every place of a node's metadata that a document is copied to."""
    if metadata is None:
        return
    if metadata.copy_ is not None and metadata.copy_.value == document:
        yield _Place(".".join(path), metadata)
    for key, entry in metadata.entries.items():
        if isinstance(entry, nodes.Metadata):
            yield from copies(entry, document, (*path, key))


def _single_values(
    entry: nodes.Metadata | Free | None, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, Text]]:
    """Yield the values of a node's metadata that are texts, with their place."""
    inner = entry.entries if isinstance(entry, nodes.Metadata) else entry.value if entry else {}
    if isinstance(inner, Text):
        yield ".".join(path), inner
    elif isinstance(inner, dict):
        for key, value in inner.items():
            yield from _single_values(value, (*path, key))


def _copied_document(
    document: str,
    fields: Iterable[_Field],
    holder: "_Holder",
    at: Span,
    named: frozenset[str],
    others: Sequence["_Holder"],
) -> Iterator[Coverage]:
    """Tell where the fields of a document go that is copied into a node's metadata.

    Parameters
    ----------
    named
        The fields whose values keys, specs and tags tell.
    others
        Nodes that can hold fields of the document, too.
    """
    places = list(copies(holder.metadata, document))
    for field in fields:
        found = [place for place in places if place.keeps(field.name)]
        kept = list(holder.keep(document, field.name))
        elsewhere = [words for other in others for words in other.keep(document, field.name)]
        left_out = "" if kept or elsewhere or not places else places[0].reason(field.name)
        place = next(iter(found or places), None)
        yield Coverage(
            document=document,
            field=field.name,
            required=field.required,
            destination=", ".join(dict.fromkeys(kept or elsewhere)),
            reason=left_out,
            at=place.at(field.name) if place else at,
            invertible=bool(kept) or field.name in named,
        )


@dataclass(frozen=True, slots=True)
class _Holder:
    """A node that can hold fields of documents: what it is, its metadata and its columns."""

    node: str
    metadata: nodes.Metadata | None
    columns: tuple[nodes.Column, ...] = ()

    def keep(self, document: str, field: str) -> Iterator[str]:
        """Yield where in the node a field is kept, in words."""
        for place in copies(self.metadata, document):
            if place.keeps(field):
                yield f"{self.node} metadata {'.'.join(filter(None, (place.path, field)))}"
        for key, text in _single_values(self.metadata):
            if names(text, document, field):
                yield f"{self.node} metadata {key}"
        for column in self.columns:
            if is_path(column.from_, document, field):
                yield f"column {column.column.source}"
        if (document, field) == ("descriptor", "data_keys"):
            for copied in ("data_key", "data_keys"):
                if any(copies(self.metadata, copied)):
                    yield f"{self.node} metadata"


def _holders(stream: nodes.StreamRule) -> Iterator[_Holder]:
    """Yield the nodes below a stream's."""
    for rule in stored_data(stream):
        yield _Holder(rule.name, rule.metadata)
    for table in stream.tables:
        yield _Holder(f"table {table.name}", table.metadata, items(table.columns))
    for coordinate in stream.coordinates:
        yield _Holder(f"array {coordinate.name}", coordinate.metadata)


def _run_document(mapping: nodes.Mapping, document: str) -> Iterator[Coverage]:
    run = mapping.run
    if run is None:  # that it is missing has been said
        return iter(())
    additions = getattr(mapping.source, document, None)
    fields = _fields(document, additions)
    if document == "stop" and run.unfinished is nodes.Unfinished.CLOSE:
        fields = list(dict.fromkeys([*fields, _Field(SYNTHESISED_BY, required=False)]))
    at = run.metadata.at() if run.metadata else run.at()
    named = _named(document, _run_texts(run))
    below = [
        holder
        for stream in stored_streams(mapping)
        for holder in (_Holder(f"stream {stream.name}", stream.metadata), *_holders(stream))
    ]
    rows = _copied_document(document, fields, _Holder("run", run.metadata), at, named, below)
    return map(_after_repairs(mapping, document), rows)


def taken_out(mapping: nodes.Mapping, document: str) -> Mapping[str, tuple[str, Span]]:
    """Return the fields that repairs take out of every document of a type: why, and where."""
    return {
        field: (reason, rule.at())
        for rule in getattr(mapping.repair, document, ())
        if rule.when is None and rule.until is None
        for field, reason in rule.without.items()
    }


def _after_repairs(mapping: nodes.Mapping, document: str) -> Callable[[Coverage], Coverage]:
    """Return a function that adds what a repair takes out of every document of this type."""
    gone = taken_out(mapping, document)

    def amend(row: Coverage) -> Coverage:
        if row.field not in gone:
            return row
        reason, at = gone[row.field]
        return replace(row, destination="", reason=reason, at=at, invertible=False)

    return amend


def _run_texts(run: nodes.Run) -> Iterator[Text | Expression]:
    yield from filter(None, (*(run.parent or ()), run.key))
    for spec in items(run.specs):
        yield from filter(None, (spec.spec, spec.each))
    for tag in items(run.access_tags):
        yield from filter(None, (tag.tag, tag.each))


def _named(document: str, texts: Iterable[Text | Expression]) -> frozenset[str]:
    """Return the fields whose very value one of the texts or lists is."""
    holes: list[Expr | None] = []
    for text in texts:
        holes += [text.tree] if isinstance(text, Expression) else list(text.holes)
    return frozenset(
        str(path.steps[0])
        for hole in holes
        if hole is not None
        for path in paths_in(hole)
        if path.root == document and len(path.steps) == 1
    )


# ---------------------------------------------------------------- streams

_REBUILT = {
    "descriptor": frozenset({"run_start", "object_keys"}),
    "event": frozenset({"descriptor"}),
}
"""Fields that the tree itself tells: what is above a node, to which object a data key belongs."""


def _stream(mapping: nodes.Mapping, stream: nodes.StreamRule) -> Iterator[Coverage]:
    additions = mapping.source.descriptor if mapping.source else None
    descriptors = _copied_document(
        "descriptor",
        _fields("descriptor", additions),
        _Holder("stream", stream.metadata),
        stream.metadata.at() if stream.metadata else stream.at(),
        _REBUILT["descriptor"] | _named("descriptor", filter(None, [stream.key])),
        list(_holders(stream)),
    )
    descriptors = (_with_coordinates(stream, row) for row in descriptors)
    amend = _after_repairs(mapping, "descriptor")
    events = [_event_field(stream, field) for field in _fields("event")]
    pages = [_event_field(stream, field) for field in _fields("event_page")]
    for row in (
        *map(amend, descriptors),
        *events,
        *(replace(row, document="event_page") for row in pages),
    ):
        yield replace(row, rule=stream.name)


def _with_coordinates(stream: nodes.StreamRule, row: Coverage) -> Coverage:
    """Add the arrays that a field of a descriptor is made into, all of it or some."""
    arrays = [
        f"array {coordinate.key.source}"
        for coordinate in stream.coordinates
        if coordinate.key is not None and coordinate.from_ is not None and coordinate.from_.tree
        for path in paths_in(coordinate.from_.tree)
        if path.root == "descriptor" and path.steps[:1] == (row.field,)
    ]
    destinations = dict.fromkeys([*filter(None, [row.destination]), *arrays])
    return replace(row, destination=", ".join(destinations))


def _dropped_stream(stream: nodes.StreamRule) -> Iterator[Coverage]:
    for document in ("descriptor", "event", "event_page"):
        yield Coverage(
            document, OTHER, False, "", stream.drop or "…", stream.at("drop"), False, stream.name
        )


def _event_field(stream: nodes.StreamRule, field: _Field) -> Coverage:
    row = Coverage("event", field.name, field.required, "", "", stream.at(), False)
    match field.name:
        case "data":
            found = _data(stream, row)
        case "timestamps":
            found = _timestamps(stream, row)
        case _:
            found = _column(stream, row)
    without = stream.events.without if stream.events else {}
    if stream.events is None or field.name not in without or found.destination:
        return found
    return replace(
        row,
        reason=without[field.name],
        at=stream.events.at(f"without.{field.name}"),
        invertible=field.name in _REBUILT["event"],
    )


def _data(stream: nodes.StreamRule, row: Coverage) -> Coverage:
    stores = dict.fromkeys(rule.store.value for rule in stored_data(stream) if rule.store)
    reasons = [rule.drop for rule in stream.data if rule.drop is not None]
    return replace(
        row,
        destination=", ".join(stores),
        reason="; ".join(reasons),
        invertible=bool(stores) and not reasons,
    )


def _timestamps(stream: nodes.StreamRule, row: Coverage) -> Coverage:
    columns = [column for column in columns_of(stream) if is_path(column.from_, "timestamp")]
    for rule in stored_data(stream):
        if rule.store is not nodes.Store.FILES and missed(stream, rule, columns) is not None:
            return replace(row, at=rule.at())
    if not columns:
        return replace(row, reason="files have no timestamps of their own")
    written = ", ".join(column.column.source for column in columns)
    return replace(row, destination=f"columns {written}", at=columns[0].at(), invertible=True)


def _column(stream: nodes.StreamRule, row: Coverage) -> Coverage:
    for column in columns_of(stream):
        tree = column.from_.tree
        if tree is None:
            continue
        if any(path.root == "event" and path.steps[:1] == (row.field,) for path in paths_in(tree)):
            return replace(
                row,
                destination=f"column {column.column.source}",
                at=column.at(),
                invertible=is_path(tree, "event", row.field),
            )
    return row


# ---------------------------------------------------------------- files

FILE_DOCUMENTS: Mapping[str, Mapping[str, tuple[str, str, bool]]] = {
    "resource": {
        "spec": ("mimetype of the data source", "", False),
        "root": ("URI of the asset", "", False),
        "resource_path": ("URI of the asset", "", True),
        "resource_kwargs": ("parameters of the data source", "", False),
        "path_semantics": ("", "paths become URIs", False),
        "run_start": ("", "is the run above", True),
        "uid": ("", "only links datums to the file", False),
    },
    "datum": {
        "datum_id": ("", "only links events to the datum", False),
        "datum_kwargs": ("parameters of the data source", "", False),
        "resource": ("", "is the asset", False),
    },
    "stream_resource": {
        "data_key": ("key of the node", "", True),
        "mimetype": ("mimetype of the data source", "", True),
        "uri": ("URI of the asset", "", True),
        "parameters": ("parameters of the data source", "", False),
        "run_start": ("", "is the run above", True),
        "uid": ("", "only links stream datums to the file", False),
    },
    "stream_datum": {
        "indices": ("shape of the array", "", False),
        "seq_nums": ("", "frames are in the order of events", False),
        "descriptor": ("", "is the stream above", True),
        "stream_resource": ("", "is the asset", False),
        "uid": ("", "names nothing that is stored", False),
    },
}
"""Where each field of a document about files goes: the place in a node of files, or the reason that
it has none, and whether it can be had back."""

_ALIKE = {"datum_page": "datum"}


def _file_documents(mapping: nodes.Mapping) -> Iterator[Coverage]:
    """Tell where documents about files go: rules say only which files, Tiled's model the rest."""
    stored = [
        rule
        for stream in stored_streams(mapping)
        for rule in stored_data(stream)
        if rule.store is nodes.Store.FILES
    ]
    for document in (*FILE_DOCUMENTS, *_ALIKE):
        known = FILE_DOCUMENTS[_ALIKE.get(document, document)]
        for field in _fields(document):
            destination, reason, invertible = known.get(
                field.name, ("", "this version of tiledmap does not know it", False)
            )
            if not stored:
                destination, reason, invertible = "", "no data rule stores files", False
            at = stored[0].at() if stored else None
            yield Coverage(
                document, field.name, field.required, destination, reason, at, invertible
            )


_BULK = (
    Coverage("bulk_events", OTHER, False, "the same as events", "", None, True),
    Coverage("bulk_datum", OTHER, False, "the same as datums", "", None, True),
)
