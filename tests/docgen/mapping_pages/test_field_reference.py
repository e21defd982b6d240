"""Every field of every document type is described, and can be linked to."""

import pytest

from tiledmap.docgen.mapping_pages.addresses import FieldAddresses
from tiledmap.docgen.mapping_pages.field_reference import (
    DocumentField,
    declared_fields,
    document_types,
)
from tiledmap.documents.fields import document_type
from tiledmap.documents.schemas import SCHEMA_FILES
from tiledmap.outline.values import FieldPath

FIELDS = {str(field.path): field for each in document_types() for field in each.fields}


def test_every_document_type_is_there_with_all_its_fields() -> None:
    assert [each.name for each in document_types()] == list(SCHEMA_FILES)
    for name in SCHEMA_FILES:
        for field, known in document_type(name).properties.items():
            described = FIELDS[f"{name}.{field}"]
            assert described.required == known.required
            assert described.type == str(known.type)


@pytest.mark.parametrize(
    ("path", "type_", "required"),
    [
        ("start.uid", "text", True),
        ("start.scan_id", "integer", False),
        ("descriptor.data_keys.*.units", "text or nothing", False),
        ("descriptor.data_keys.*.dtype", "text", True),
        ("descriptor.configuration.*.data_keys.*.limits.alarm.high", "number or nothing", True),
        ("event.data.*", "anything", False),
        ("event.time", "number", True),
        ("stream_datum.indices.start", "integer", True),
        ("start.projections.*.projection.*.type", "text", True),
        ("start.projections.*.projection.*.field", "text", False),
    ],
)
def test_a_field_says_what_its_value_can_be(path: str, type_: str, required: bool) -> None:
    field = FIELDS[path]
    assert (field.type, field.required) == (type_, required)


def test_a_field_says_what_its_value_must_meet() -> None:
    assert FIELDS["stop.exit_status"].constraints == ("one of `success`, `abort`, `fail`",)
    assert FIELDS["descriptor.data_keys.*.external"].constraints == ("matches `^[A-Z]+:?`",)
    alternatives = FIELDS["start.projections.*.projection.*.type"]
    assert alternatives.constraints == ("one of `linked`, `calculated`, `static`",)


def test_a_description_is_event_models_own() -> None:
    assert FIELDS["descriptor.data_keys.*.units"].description == "Engineering units of the value"
    described = [field for field in FIELDS.values() if field.description]
    assert len(described) > 0.7 * len(FIELDS)


def test_what_mappings_add_is_described_once() -> None:
    said = [
        ("one", {"proposal": {"type": "string", "description": "Whose beam time."}}),
        ("two", {"proposal": {"type": "integer"}, "uid": {"type": "string"}}),
    ]
    assert declared_fields("start", said) == [
        DocumentField(
            FieldPath("start", ("proposal",)),
            "text or integer",
            False,
            "Whose beam time.",
            (),
            ("one", "two"),
        )
    ]


ADDRESSES = FieldAddresses((field.path for field in FIELDS.values()), SCHEMA_FILES)


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("descriptor.data_keys.*.units", "descriptor.html#descriptor.data_keys.any.units"),
        ("descriptor.data_keys.det.units", "descriptor.html#descriptor.data_keys.any.units"),
        ("descriptor.data_keys.*.name", "descriptor.html#descriptor.data_keys.any"),
        ("start.proposal", "start.html"),
        ("start.*", "start.html#start.any"),
        ("start", "start.html"),
        ("elsewhere.uid", "index.html"),
    ],
)
def test_a_link_leads_to_the_field_or_what_holds_it(path: str, link: str) -> None:
    assert ADDRESSES.field(FieldPath.parse(path)) == f"fields/{link}"


def test_two_fields_never_share_an_anchor() -> None:
    paths = [FieldPath("start", (name,)) for name in ("a b", "a-b", "any", "*")]
    addresses = FieldAddresses(paths, ["start"])
    assert len({addresses.anchor(path) for path in paths}) == len(paths)
