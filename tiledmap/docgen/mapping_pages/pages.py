"""The pages of all mappings of a site, as values: each one's, the index, and those of fields."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version

from tiledmap.docgen.mapping_pages.addresses import (
    FIELDS,
    MAPPINGS,
    Addresses,
    FieldAddresses,
    anchors_of,
    node_row,
    pages_of_files,
    slugs,
)
from tiledmap.docgen.mapping_pages.changes import Act
from tiledmap.docgen.mapping_pages.field_reference import (
    DocumentField,
    DocumentType,
    declared_fields,
    document_types,
)
from tiledmap.docgen.mapping_pages.lineage import field_rows
from tiledmap.docgen.mapping_pages.placements import Placed, Whereabouts
from tiledmap.docgen.mapping_pages.subject import MAPPINGS_SECTION, Subject, page_of_template
from tiledmap.docgen.mapping_pages.values import Documented
from tiledmap.docgen.values import Crumb, Entry, Item, Kind, Page, Part, Section
from tiledmap.outline.values import AS_ONE, Outline

_FIELDS = "Fields"


def mapping_part(
    mappings: Sequence[Documented], reference: Mapping[tuple[Kind, str], str] | None = None
) -> Part:
    """Make every page of some mappings, and the reference of fields with where they put each.

    Parameters
    ----------
    reference
        Where things are described that mappings name, such as consolidators.
    """
    types = _types(mappings)
    names = slugs(mappings)
    fields = FieldAddresses(
        (field.path for each in types for field in each.fields), (each.name for each in types)
    )
    files = pages_of_files(mappings, names)
    subjects = [
        Subject(mapping, Addresses(slug, fields, pages, _ways(mapping.outline), reference or {}))
        for mapping, slug, pages in zip(mappings, names, files, strict=True)
    ]
    known = {subject.outline.name: subject.to.overview for subject in reversed(subjects)}
    pages = [
        *(page for subject in subjects for page in subject.pages(known)),
        *_field_pages(types, subjects, fields),
    ]
    of_fields = Section(
        _FIELDS, FIELDS, tuple(Item(t.name, fields.document(t.name)) for t in types)
    )
    if not subjects:
        return Part(tuple(pages), (of_fields,))
    of_mappings = Section(MAPPINGS_SECTION, MAPPINGS, tuple(each.item() for each in subjects))
    return Part((_index(subjects, known), *pages), (of_mappings, of_fields))


def _ways(outline: Outline) -> dict[str, str]:
    fields = [str(row.field) for row in field_rows(outline)]
    return anchors_of([*fields, *map(node_row, outline.walk())])


def _index(subjects: Sequence[Subject], known: Mapping[str, str]) -> Page:
    rows = [(subject, _special(subject)) for subject in subjects]
    return page_of_template(
        MAPPINGS,
        "Mappings",
        "index",
        {"rows": rows, "known": known},
        section=MAPPINGS_SECTION,
        description="All mappings of this site: what each extends, and what is special about it.",
        wide=True,
    )


def _special(subject: Subject) -> dict[str, int]:
    """Count what a mapping adds, replaces and removes of what it extends."""
    history = subject.history
    changes = history[0].changes if history else ()
    counts = {act.value: sum(change.act is act for change in changes) for act in Act}
    return {act: count for act, count in counts.items() if count}


def _types(mappings: Sequence[Documented]) -> list[DocumentType]:
    """All document types, with the fields that mappings add to them."""
    found = []
    for each in document_types():
        said = [
            (mapping.name, mapping.additions[each.name])
            for mapping in mappings
            if each.name in mapping.additions
        ]
        found.append(replace(each, fields=(*each.fields, *declared_fields(each.name, said))))
    return found


def _field_pages(
    types: Sequence[DocumentType], subjects: Sequence[Subject], fields: FieldAddresses
) -> Iterator[Page]:
    yield page_of_template(
        FIELDS,
        "Fields of documents",
        "fields",
        {"types": types, "mapped": bool(subjects), "to": fields, "version": version("event-model")},
        section=_FIELDS,
        description="Every document type of event-model, with every field.",
    )
    where = Whereabouts([subject.outline for subject in subjects])
    for each in types:
        yield _document_page(each, subjects, fields, where)


def _document_page(
    type_: DocumentType,
    subjects: Sequence[Subject],
    fields: FieldAddresses,
    where: Whereabouts,
) -> Page:
    rows: list[tuple[DocumentField, tuple[Placed, ...]]] = [
        (field, where.of(field.path)) for field in type_.fields
    ]
    entries = tuple(
        Entry(Kind.FIELD, str(field.path), fields.field(field.path), _said_of(field))
        for field in type_.fields
    )
    return page_of_template(
        fields.document(type_.name),
        type_.name,
        "document",
        {
            "type": type_,
            "rows": rows,
            "subjects": subjects,
            "to": fields,
            "single": AS_ONE.get(type_.name, ""),
            "version": version("event-model"),
        },
        section=_FIELDS,
        crumbs=(Crumb(_FIELDS, FIELDS),),
        entries=entries,
        description=type_.description,
        wide=True,
    )


def _said_of(field: DocumentField) -> str:
    return f"{field.type}. {field.description}" if field.description else field.type
