import numpy as np
import pytest

from tiledmap.authoring.mending import known_dtype, mend, mend_all
from tiledmap.authoring.seen import FormSeen
from tiledmap.authoring.values import ValuesSeen
from tiledmap.runtime.documents import standard_data_key


def form(data_key: dict[str, object], *values: object) -> FormSeen:
    seen = ValuesSeen()
    for value in values:
        seen.add(value)
    return FormSeen("", standard_data_key({"source": "sim", "shape": [], **data_key}), seen)


def mended(data_key: dict[str, object], *values: object) -> dict[str, object] | None:
    seen = form(data_key, *values)
    found = mend(seen.data_key, seen.values)
    return None if found is None else dict(found.fields)


NUMBER = {"dtype": "number"}
ARRAY = {"dtype": "array", "shape": [3]}


@pytest.mark.parametrize(
    ("data_key", "values"),
    [
        (NUMBER, [1, 2.5]),
        (NUMBER, [True, 1]),
        (NUMBER, [None, None]),
        (NUMBER, []),
        ({"dtype": "integer"}, [1, 2.0, float("nan"), None]),
        ({"dtype": "boolean"}, [True, 0, 1.0]),
        ({"dtype": "string"}, ["a", b"b"]),
        ({"dtype": "number", "dtype_numpy": "float32"}, [1.5]),
        (ARRAY, [[1, 2, 3], [0.5, 1.5, 2.5]]),
        ({"dtype": "array", "shape": [None]}, [[1.0], [], [1.0, 2.0]]),
        ({"dtype": "array", "shape": [None, 2]}, [np.ones((3, 2)), np.ones((1, 2))]),
        ({"dtype": "integer"}, [1, "one"]),  # of which no one type is right
        ({"dtype": "number", "external": "FILESTORE:"}, ["res/0"]),
    ],
)
def test_what_is_described_well_is_left_alone(data_key, values):
    assert mended(data_key, *values) is None


@pytest.mark.parametrize(
    ("data_key", "values", "fields"),
    [
        ({"dtype": "integer"}, [1, 2.5], {"dtype": "float64", "set": {"dtype": "number"}}),
        ({"dtype": "integer"}, ["In", "Out"], {"dtype": "<U", "set": {"dtype": "string"}}),
        ({"dtype": "string"}, [1, 2], {"dtype": "int64", "set": {"dtype": "integer"}}),
        ({"dtype": "boolean"}, [0, 7], {"dtype": "int64", "set": {"dtype": "integer"}}),
        (NUMBER, [2**53 + 1], {"dtype": "int64", "set": {"dtype": "integer"}}),
        (NUMBER, [[1.5, 2.5]], {"shape": {"lengths": [2]}, "set": {"dtype": "array"}}),
        (ARRAY, [1.5], {"shape": {"lengths": []}, "set": {"dtype": "number"}}),
        (ARRAY, [[1.0] * 5, [2.0] * 5], {"shape": {"lengths": [5]}}),
        (ARRAY, [[1.0] * 5, [2.0] * 4], {"shape": {"lengths": [None]}}),
        (ARRAY, [[[1.0, 2.0]]], {"shape": {"lengths": [1, 2]}}),
        (ARRAY, [["a", "b", "c"]], {"dtype": "<U"}),
        ({**ARRAY, "dtype_numpy": "<i2"}, [[0.5, 1, 2]], {"dtype": "float64"}),
        ({**NUMBER, "dtype_str": "DBF_DOUBLE"}, [], {"dtype": "float64"}),
        (
            {**NUMBER, "dtype_str": "reading"},
            [1.5],
            {"dtype": "float64", "set": {"dtype": "number"}},
        ),
        ({**ARRAY, "dtype_str": "waveform"}, [[1, 2, 3]], {"dtype": "int64"}),
        ({**ARRAY, "dtype_str": "UInt16", "external": "FILESTORE:"}, [], {"dtype": "uint16"}),
    ],
)
def test_what_values_or_numpy_prove_is_mended(data_key, values, fields):
    assert mended(data_key, *values) == fields


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("UInt16", "uint16"),
        ("Float64", "float64"),
        ("DBR_LONG", "int32"),
        ("time_double", "float64"),
        ("DBF_CHAR", "int8"),
        ("", None),
        ("waveform", None),
        (None, None),
        ("<f8, (2", None),
    ],
)
def test_other_names_of_dtypes_are_understood(name, dtype):
    assert known_dtype(name) == dtype


@pytest.mark.parametrize(
    ("forms", "fields", "for_all"),
    [
        ([form(ARRAY, [1.0] * 3), form({"dtype": "array", "shape": [4]}, [1.0] * 4)], None, True),
        ([form({"dtype": "string"}, "a"), form(NUMBER, 1.5)], None, True),
        (
            [form({**NUMBER, "dtype_str": "DBF_DOUBLE"}, 1.5), form(NUMBER, 2.5)],
            {"dtype": "float64", "set": {"dtype": "number"}},
            True,
        ),
        (
            [form({"dtype": "integer"}, 1.5), form({**NUMBER, "dtype_str": "x"}, 2)],
            {"dtype": "float64", "set": {"dtype": "number"}},
            True,
        ),
        (
            [form(ARRAY, [1.0] * 5), form({"dtype": "array", "shape": [4]}, [1.0] * 4)],
            {"shape": {"lengths": [None]}},
            False,
        ),
        (
            [form({"dtype": "integer"}, 1.5), form({"dtype": "string"}, "a")],
            {"dtype": "float64", "set": {"dtype": "number"}},
            False,
        ),
    ],
)
def test_a_rule_for_all_descriptions_harms_none(forms, fields, for_all):
    found, serves = mend_all(forms, None)
    assert (None if found is None else found.fields, serves) == (fields, for_all)
