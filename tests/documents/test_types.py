from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tiledmap.documents.types import (
    ANY,
    BOOLEAN,
    INTEGER,
    NEVER,
    NULL,
    NUMBER,
    SCALAR,
    TEXT,
    Type,
    array_of,
    both,
    joined,
    literal_type,
    type_of_schema,
)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "text"),
        ({"type": ["number", "null"]}, "number or nothing"),
        ({"type": ["integer", "number"]}, "number"),
        ({"type": "array", "items": {"type": "string"}}, "list of text"),
        ({"items": {"type": "string"}}, "list of text"),
        ({"type": "array"}, "list"),
        ({"type": "null"}, "null"),
        ({}, "anything"),
        (True, "anything"),
        ({"enum": ["a", 1, None]}, "text or integer or nothing"),
        ({"const": True}, "boolean"),
        ({"properties": {"a": {}}}, "object"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "text or integer"),
        ({"allOf": [{"type": ["string", "integer"]}, {"type": "string"}]}, "text"),
        ({"$ref": "#/$defs/Word"}, "text"),
        ({"$ref": "#/$defs/Loop"}, "list"),
        ({"$ref": "#/$defs/Nowhere"}, "anything"),
    ],
)
def test_a_schema_is_read_as_a_type_that_can_be_said(schema: Any, words: str) -> None:
    definitions = {
        "Word": {"type": "string"},
        "Loop": {"type": "array", "items": {"$ref": "#/$defs/Loop"}},
    }
    assert str(type_of_schema(schema, definitions)) == words


def test_an_object_that_lists_its_fields_has_no_others_unless_it_says_so() -> None:
    listed = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert type_of_schema(listed).open is None
    assert type_of_schema({**listed, "additionalProperties": True}).open == ANY
    assert type_of_schema({**listed, "additionalProperties": {"type": "string"}}).open == TEXT
    assert type_of_schema({**listed, "patternProperties": {"^x": {}}}).open == ANY
    assert type_of_schema({"type": "object"}).open == ANY


def test_fields_keep_whether_they_are_required_and_their_description() -> None:
    schema = {
        "properties": {"a": {"type": "string", "description": "An a."}, "b": {}},
        "required": ["a"],
    }
    fields = type_of_schema(schema).properties
    assert fields["a"].required
    assert fields["a"].description == "An a."
    assert not fields["b"].required


def test_a_word_that_is_no_type_is_not_reported_twice() -> None:
    assert type_of_schema({"type": "strin"}) == NEVER


@pytest.mark.parametrize(
    ("type", "wanted", "fits"),
    [
        (INTEGER, NUMBER, True),
        (NUMBER, INTEGER, False),
        (BOOLEAN, NUMBER, False),
        (TEXT, SCALAR, True),
        (NULL, SCALAR, False),
        (ANY, TEXT, False),
        (TEXT, ANY, True),
        (NEVER, TEXT, True),
        (array_of(INTEGER), array_of(NUMBER), True),
        (array_of(TEXT), array_of(NUMBER), False),
        (array_of(NEVER), array_of(TEXT), True),
        (array_of(None), array_of(TEXT), False),
    ],
)
def test_a_type_fits_where_every_value_of_it_may_go(type: Type, wanted: Type, fits: bool) -> None:
    assert type.fits(wanted) is fits


def test_values_of_an_enumeration_meet_only_values_in_it() -> None:
    kind = type_of_schema({"enum": ["array", "number"]})
    assert kind.meets(literal_type("array"))
    assert not kind.meets(literal_type("arry"))
    assert kind.meets(TEXT)
    assert not kind.meets(INTEGER)


def test_both_types_leave_what_they_have_in_common() -> None:
    wide = type_of_schema({"anyOf": [{"type": "object"}, {"type": "string"}]})
    narrow = type_of_schema({"properties": {"name": {"type": "string"}}, "required": ["name"]})
    assert str(both(wide, narrow)) == "object"
    assert both(wide, narrow).properties["name"].required


def test_a_field_of_either_object_is_sure_only_if_both_have_it() -> None:
    one = type_of_schema({"properties": {"a": {}, "b": {}}, "required": ["a", "b"]})
    other = type_of_schema({"properties": {"a": {}}, "required": ["a"]})
    joint = one.join(other).properties
    assert joint["a"].required
    assert not joint["b"].required


_SCHEMAS = st.recursive(
    st.sampled_from(["string", "number", "integer", "boolean", "null"]).map(
        lambda word: {"type": word}
    ),
    lambda inner: (
        inner.map(lambda items: {"type": "array", "items": items})
        | st.lists(inner, min_size=1, max_size=3).map(lambda choices: {"anyOf": choices})
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=2).map(
            lambda fields: {
                "type": "object",
                "properties": fields,
                "required": sorted(fields),
                "additionalProperties": False,
            }
        )
    ),
    max_leaves=4,
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([0.5, -2.25]) | st.text("ab"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(_SCHEMAS, _VALUES)
def test_what_a_schema_takes_is_of_the_kinds_of_its_type(schema: Any, value: Any) -> None:
    if Draft202012Validator(schema).is_valid(value) and not isinstance(value, dict):
        kinds = literal_type(value).kinds
        assert Type(kinds).fits(Type(type_of_schema(schema).kinds))


@given(st.lists(_SCHEMAS.map(type_of_schema), min_size=1, max_size=3))
def test_every_type_fits_its_join_with_others(types: list[Type]) -> None:
    assert all(type.fits(joined(types)) for type in types)


@given(_SCHEMAS.map(type_of_schema))
def test_a_type_fits_itself_and_meets_itself(type: Type) -> None:
    assert type.fits(type)
    assert type.meets(type)
