import pytest

from tiledmap.documents.fields import (
    DATA_KEY_FIELDS,
    Found,
    data_key_type,
    document_type,
    look_up,
)
from tiledmap.documents.schemas import SCHEMA_FILES, document_schema

START = document_type(
    "start",
    {
        "properties": {
            "edge": {"type": "string"},
            "sample": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "mass": {"type": "number"}},
                "required": ["name"],
            },
            "peaks": {"type": "array", "items": {"type": ["number", "null"]}},
        },
        "required": ["edge", "scan_id"],
    },
)


def at(path: str) -> Found:
    steps = [int(step) if step.isdigit() else step for step in path.split(".")]
    return look_up(START, tuple(steps))


@pytest.mark.parametrize(
    ("path", "words", "absent_at"),
    [
        ("uid", "text", None),
        ("edge", "text", None),
        ("scan_id", "integer", None),
        ("sample", "object", 0),
        ("sample.name", "text", 0),
        ("peaks.0", "number or nothing", 0),
        ("hints.dimensions", "list of list of text or list of text", 0),
        ("hints.anything.below", "anything", 0),
    ],
)
def test_a_path_has_a_type_and_may_be_absent(path: str, words: str, absent_at: int | None) -> None:
    found = at(path)
    assert found.failed_at is None
    assert str(found.type) == words
    assert found.absent_at == absent_at


@pytest.mark.parametrize(
    ("path", "failed_at"),
    [("edg", 0), ("uid.x", 1), ("uid.0", 1), ("sample.nme", 1), ("peaks.x", 1), ("sample.0", 1)],
)
def test_a_path_that_does_not_exist_fails_at_its_first_wrong_step(
    path: str, failed_at: int
) -> None:
    assert at(path).failed_at == failed_at


def test_what_is_known_to_be_there_is_not_absent_and_not_null() -> None:
    found = look_up(START, ("peaks", 0), lambda steps: True)
    assert found.absent_at is None
    assert str(found.type) == "number"


def test_an_added_field_says_where_it_is_declared() -> None:
    assert START.properties["edge"].declared_in == "source"
    assert START.properties["uid"].declared_in == "event-model"


def test_open_documents_have_no_undeclared_fields() -> None:
    for name in SCHEMA_FILES:
        assert document_type(name).open is None


@pytest.mark.parametrize("name", sorted(set(SCHEMA_FILES) - {"bulk_events"}))
def test_a_document_type_has_the_fields_and_requirements_of_its_schema(name: str) -> None:
    schema = document_schema(name)
    parts = [schema, *schema.get("$defs", {}).values()] if "allOf" in schema else [schema]
    declared = {field for part in parts for field in part.get("properties", {})}
    required = {field for part in parts for field in part.get("required", ())}
    type = document_type(name)
    assert set(type.properties) == declared
    assert {field for field, each in type.properties.items() if each.required} == required


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("event", ("data", "anything")),
        ("descriptor", ("configuration", "det", "data", "gain")),
        ("descriptor", ("object_keys", "det")),
        ("resource", ("resource_kwargs", "frame_per_point")),
        ("datum", ("datum_kwargs", "point_number")),
    ],
)
def test_what_lies_in_open_objects_may_be_anything_and_may_be_absent(
    name: str, path: tuple[str, ...]
) -> None:
    found = look_up(document_type(name), path)
    assert str(found.type) == "anything"
    assert not found.sure
    assert found.failed_at is None


def test_a_data_key_has_event_models_fields_and_the_derived_ones() -> None:
    data_key = data_key_type(document_type("descriptor"))
    assert {"dtype", "shape", "source", "units", "limits"} < set(data_key.properties)
    assert set(DATA_KEY_FIELDS) < set(data_key.properties)
    assert data_key.open is None
    assert all(data_key.properties[name].required for name in DATA_KEY_FIELDS)
    assert all(field.description for field in DATA_KEY_FIELDS.values())


def test_fields_added_to_data_keys_are_fields_of_a_data_key() -> None:
    added = {"properties": {"geecs": {"type": "boolean"}}}
    descriptor = document_type(
        "descriptor",
        {"properties": {"data_keys": {"type": "object", "additionalProperties": added}}},
    )
    data_key = data_key_type(descriptor)
    assert str(look_up(data_key, ("geecs",)).type) == "boolean"
    assert look_up(data_key, ("dtype",)).sure
