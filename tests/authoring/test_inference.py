import numpy as np
import pytest

from tiledmap.authoring.inference import DEEPEST, MOST_FIELDS, SchemaOfValues


def schema(*values: object) -> dict[str, object]:
    seen = SchemaOfValues()
    for value in values:
        seen.add(value)
    return seen.schema()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", "b"], {"type": "string"}),
        ([True], {"type": "boolean"}),
        ([1, 2], {"type": "number"}),
        ([1, 2.5], {"type": "number"}),
        (["a", None], {"type": ["string", "null"]}),
        ([None], {}),
        (["a", 1], {"type": ["string", "number"]}),
        ([[]], {"type": "array"}),
        ([["a"], []], {"type": "array", "items": {"type": "string"}}),
        ([np.array([1, 2])], {"type": "array", "items": {"type": "number"}}),
        ([{}], {"type": "object"}),
        (
            [{"name": "Ni", "mass": 1}, {"name": None}],
            {
                "type": "object",
                "properties": {"name": {"type": ["string", "null"]}, "mass": {"type": "number"}},
            },
        ),
    ],
)
def test_the_schema_of_values(values, expected):
    assert schema(*values) == expected


def test_no_value_is_ever_listed():
    assert "secret" not in str(schema("secret", ["secret"], {"key": "secret"}))


def test_a_table_of_many_things_is_no_record():
    assert schema({f"k{number}": 1 for number in range(MOST_FIELDS + 1)}) == {"type": "object"}


def test_what_is_deep_is_cut_off():
    value: object = 1
    for _ in range(DEEPEST + 3):
        value = {"in": value}
    found = schema(value)
    for _ in range(DEEPEST):
        found = found["properties"]["in"]
    assert found == {"type": "object"}
