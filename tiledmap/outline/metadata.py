"""The metadata of nodes, key by key, and where each value comes from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tiledmap.check.coverage import OTHER, SYNTHESISED_BY, taken_out
from tiledmap.check.scopes import SCOPES, types_of_names
from tiledmap.check.typing import infer
from tiledmap.documents.schemas import document_schema
from tiledmap.documents.types import ANY, TEXT, Field, Type, array_of, joined, literal_type
from tiledmap.language import nodes
from tiledmap.language.expressions import Expr
from tiledmap.language.scalars import Expression, Free, Text
from tiledmap.outline.lineage import DATA_KEY, DOCUMENTS, Pen, Use, uses_of
from tiledmap.outline.values import ANY_KEY, FieldPath, MetadataEntry, Part
from tiledmap.outline.words import written

_UPDATED = ("uid", "time", "configuration", "data_keys")
"""What is kept of a later descriptor of a stream."""


@dataclass(frozen=True, slots=True)
class _Copied:
    """A field of a copied document."""

    key: str
    path: FieldPath
    field: Field


class MetadataReader:
    """Reads the metadata of one mapping's nodes."""

    def __init__(self, mapping: nodes.Mapping) -> None:
        self._mapping = mapping
        self._types = types_of_names(mapping)
        unfinished = mapping.run.unfinished if mapping.run is not None else None
        self._stops_are_made_up = unfinished is nodes.Unfinished.CLOSE

    def entries(
        self, metadata: nodes.Metadata | None, section: str, pen: Pen
    ) -> tuple[MetadataEntry, ...]:
        """Return what a node's metadata holds.

        Parameters
        ----------
        section
            Of `SCOPES`: which names stand for what.
        """
        return tuple(self._entries(metadata, section, pen, ()) if metadata is not None else ())

    def type_of(self, value: Text | Expression | Free, section: str) -> Type:
        """Find the type of a value."""
        scope = {name: self._types[name] for name in SCOPES[section]}
        match value:
            case Expression(tree=Expr() as tree) | Text(single=Expr() as tree):
                return infer(tree, scope)[0]
            case Text():
                return TEXT
            case Free(value=Text() as text):
                return self.type_of(text, section)
            case Free(value=tuple() as items):
                return array_of(joined(self.type_of(item, section) for item in items))
            case Free():
                return literal_type(value.plain())
        return ANY

    def description(self, path: FieldPath) -> str:
        """Return what is said of a field where it is declared."""
        field = self._field(path)
        return field.description if field is not None else ""

    def _field(self, path: FieldPath) -> Field | None:
        type: Type | None = self._types.get(path.document)
        field: Field | None = None
        for step in path.steps:
            if type is None:
                return None
            field = type.properties.get(step)
            type = field.type if field is not None else type.items or type.open
        return field

    def _entries(
        self, metadata: nodes.Metadata, section: str, pen: Pen, above: tuple[str, ...]
    ) -> Iterator[MetadataEntry]:
        if metadata.copy_ is not None:
            yield from self._copy(metadata, metadata.copy_, pen, above)
        if metadata.updates is not None:
            yield _updates(metadata, metadata.updates, pen, above)
        for key, entry in metadata.entries.items():
            at_stop = section == "run" and not above and key == "stop"
            inner = "run stop" if at_stop else section
            if isinstance(entry, nodes.Metadata):
                yield from self._entries(entry, inner, pen, (*above, key))
            else:
                yield from self._value(entry, inner, pen, (*above, key))

    def _copy(
        self,
        metadata: nodes.Metadata,
        document: nodes.CopiedDocument,
        pen: Pen,
        above: tuple[str, ...],
    ) -> Iterator[MetadataEntry]:
        for copied in self._fields(document, metadata):
            if copied.key in metadata.entries:
                continue  # what is said beside a copy stands over it
            key = ".".join((*above, copied.key))
            at = metadata.at("copy") if "copy" in metadata._values else metadata.at()
            pen.link(Use(copied.path, True, at), Part.METADATA, key)
            yield MetadataEntry(
                key=key,
                type=str(copied.field.type),
                text=f"a copy of {document.value}",
                description=copied.field.description,
                required=copied.field.required,
                fields=(copied.path,),
                at=at,
                copied=True,
            )

    def _fields(
        self, document: nodes.CopiedDocument, metadata: nodes.Metadata
    ) -> Iterator[_Copied]:
        """Yield the fields that a copy holds."""
        if document is nodes.CopiedDocument.DATA_KEYS:
            yield from self._data_keys(metadata)
            return
        held = self._held(document)
        root = DOCUMENTS[document.value]
        gone = taken_out(self._mapping, document.value)
        for name, field in held.items():
            if name not in gone and _keeps(metadata, name):
                yield _Copied(name, root.below(name), field)

    def _held(self, document: nodes.CopiedDocument) -> Mapping[str, Field]:
        """Return the fields that a document can have; `OTHER` for those that nobody declared."""
        if document is nodes.CopiedDocument.DATA_KEY:
            return self._data_key_fields()
        fields = dict(self._types[document.value].properties)
        if document is nodes.CopiedDocument.STOP and self._stops_are_made_up:
            words = "Who made up the stop document of a run that had none."
            fields[SYNTHESISED_BY] = Field(TEXT, description=words)
        if "patternProperties" in document_schema(document.value):
            fields[OTHER] = Field(ANY, description="Fields that nobody declared, as they come.")
        return fields

    def _data_key_fields(self) -> dict[str, Field]:
        declared = self._types["descriptor"].properties["data_keys"].type.open or ANY
        fields = dict(declared.properties)
        if declared.others is not None:
            fields[OTHER] = Field(ANY, description="Fields that nobody declared, as they come.")
        return fields

    def _data_keys(self, metadata: nodes.Metadata) -> Iterator[_Copied]:
        """Yield the fields of each data key that a copy of them holds."""
        for name in metadata.only or (ANY_KEY,):
            for field_name, field in self._data_key_fields().items():
                path = FieldPath("descriptor", ("data_keys", name, field_name))
                yield _Copied(f"{name}.{field_name}", path, field)

    def _value(
        self, free: Free, section: str, pen: Pen, above: tuple[str, ...]
    ) -> Iterator[MetadataEntry]:
        if isinstance(free.value, dict) and free.value:
            for key, inner in free.value.items():
                yield from self._value(inner, section, pen, (*above, key))
            return
        key = ".".join(above)
        listed = isinstance(free.value, tuple)
        fields = pen.use(free, Part.METADATA, key, decides=listed)
        whole = [use.field for use in uses_of(free) if use.whole]
        yield MetadataEntry(
            key=key,
            type=str(self.type_of(free, section)),
            text=written(free),
            description=self.description(whole[0]) if whole and not listed else "",
            required=True,
            fields=fields,
            at=free.span,
        )


def _keeps(metadata: nodes.Metadata, field: str) -> bool:
    return field not in metadata.without and (not metadata.only or field in metadata.only)


def _updates(
    metadata: nodes.Metadata, name: str, pen: Pen, above: tuple[str, ...]
) -> MetadataEntry:
    """Describe the list of what later descriptors of a stream change."""
    key = ".".join((*above, name))
    at = metadata.at("updates")
    fields = tuple(FieldPath("descriptor", (field,)) for field in _UPDATED)
    for field in fields:
        pen.link(Use(field, False, at), Part.METADATA, key)
    return MetadataEntry(
        key=key,
        type="list of object",
        text="what later descriptors of the stream change",
        description="One object for each later descriptor of the same stream.",
        required=False,
        fields=fields,
        at=at,
    )


DATA_KEY_UNITS = DATA_KEY.below("units")
