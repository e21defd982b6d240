import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from event_model import DocumentNames, schema_validators
from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.test_event_check import ODD
from tiledmap.runtime.schema_check import plain_check

RUNS = Path(__file__).parents[1] / "runs"
NAMES = ("start", "descriptor", "stop", "stream_resource")
CHECKS = {name: plain_check(schema_validators[DocumentNames[name]].schema) for name in NAMES}
DESCRIPTOR: dict[str, Any] = {
    "uid": "d",
    "run_start": "r",
    "time": 1.5,
    "name": "primary",
    "data_keys": {
        "x": {
            "source": "SIM",
            "dtype": "array",
            "dtype_numpy": [["a", "<f8"], ["b", "<i4"]],
            "shape": [2, None],
            "dims": ["row", "column"],
            "units": None,
            "precision": 3,
            "choices": ["on", "off"],
            "limits": {"control": {"low": 0, "high": 1.5}, "rds": None, "hysteresis": 0.5},
            "external": "STREAM:",
        }
    },
    "configuration": {"x": {"data": {"a": 1}, "timestamps": {"a": 1.0}, "data_keys": {}}},
    "hints": {"x": {"fields": ["x"], "NX_class": "NXdetector"}},
    "object_keys": {"x": ["x"]},
}
START: dict[str, Any] = {
    "uid": "r",
    "time": 1.5,
    "scan_id": 1,
    "sample": {"name": "Ni", "layers": [{"of": "Cu"}]},
    "hints": {"dimensions": [[["motor"], "primary"]]},
    "projections": [
        {
            "name": "p",
            "version": "1",
            "configuration": {},
            "projection": {
                "a": {"type": "static", "value": 3},
                "b": {"type": "linked", "location": "event", "field": "x", "stream": "primary"},
            },
        }
    ],
}
STOP: dict[str, Any] = {
    "uid": "s",
    "run_start": "r",
    "time": 2,
    "exit_status": "success",
    "reason": "",
    "num_events": {"primary": 3},
}
DOCUMENTS = st.sampled_from([("descriptor", DESCRIPTOR), ("start", START), ("stop", STOP)])
NAMED = st.sampled_from(["dots.in", "sla/sh", "", "x", "uid", "NX_class", "type", "location"])


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A document, something in which was removed, added or set to something else."""
    name, document = draw(DOCUMENTS)
    document = deepcopy(document)
    for _ in range(draw(st.integers(0, 2))):
        place: Any = document
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            inner = [key for key in keys if isinstance(place[key], dict | list) and place[key]]
            if not inner or draw(st.booleans()):
                break
            place = place[draw(st.sampled_from(inner))]
        key: Any = draw(st.sampled_from(keys))
        match draw(st.sampled_from(["set", "add", "remove"])):
            case "set":
                place[key] = deepcopy(draw(ODD))
            case "add" if isinstance(place, dict):
                place[draw(st.one_of(NAMED, st.just(3)))] = deepcopy(draw(ODD))
            case "remove":
                del place[key]
    return name, document


@given(changed())
def test_what_is_plainly_valid_is_valid(given_document: tuple[str, dict[str, Any]]) -> None:
    name, document = given_document
    if CHECKS[name](document):
        assert [*schema_validators[DocumentNames[name]].iter_errors(document)] == []


@pytest.mark.parametrize("name", ["descriptor", "start", "stop"])
def test_every_field_there_is_may_be_plainly_valid(name: str) -> None:
    document = {"descriptor": DESCRIPTOR, "start": START, "stop": STOP}[name]
    assert CHECKS[name](document)


def test_what_was_recorded_is_plainly_valid() -> None:
    recorded = [
        (name, document)
        for path in sorted(RUNS.rglob("*.jsonl"))
        for name, document in map(json.loads, path.read_text("utf-8").splitlines())
        if name in NAMES and schema_validators[DocumentNames[name]].is_valid(document)
    ]
    assert len(recorded) > 100
    assert [document for name, document in recorded if not CHECKS[name](document)] == []


SCHEMAS: list[tuple[Any, Any, bool]] = [
    ({"type": "integer"}, 1, True),
    ({"type": "integer"}, True, False),
    ({"type": "number"}, True, False),
    ({"type": ["string", "null"]}, None, True),
    ({"type": "array"}, (), True),
    ({"type": "array"}, np.zeros(1), False),  # jsonschema is to judge
    ({"items": {"type": "integer"}}, [1, "a"], False),
    ({"items": {"type": "integer"}}, "text", True),
    ({"items": {"type": "integer"}}, np.zeros(1), False),
    ({"prefixItems": [{"type": "string"}], "items": {"type": "integer"}}, ["a", 1], True),
    ({"prefixItems": [{"type": "string"}], "items": {"type": "integer"}}, [1, 1], False),
    ({"minItems": 1}, [], False),
    ({"maxItems": 1}, [1, 2], False),
    ({"enum": ["a"]}, "a", True),
    ({"enum": ["a", 1]}, 1, False),  # 1 equals True, of which jsonschema knows more
    ({"const": "a"}, "b", False),
    ({"pattern": "^a"}, "ba", False),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, False),
    ({"properties": {"a": {"type": "string"}}}, {"a": 1}, False),
    ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1}, False),
    ({"patternProperties": {"^a": {}}, "additionalProperties": False}, {"ab": 1}, True),
    ({"required": ["a"]}, {}, False),
    ({"required": ["a"]}, [], True),
    ({"$defs": {"A": {"type": "null"}}, "$ref": "#/$defs/A"}, None, True),
    ({"$ref": "https://elsewhere.example/schema"}, None, False),
    ({"allOf": [{}]}, None, False),  # not known
]


@pytest.mark.parametrize(("schema", "value", "is_plain"), SCHEMAS)
def test_each_keyword(schema: Any, value: Any, is_plain: bool) -> None:
    assert plain_check(schema)(value) is is_plain


def test_circles_are_left_to_jsonschema() -> None:
    circle: dict[str, Any] = {}
    circle["inner"] = circle
    again = {"additionalProperties": {"$ref": "#/$defs/A"}}
    assert not plain_check({"$defs": {"A": again}, **again})(circle)
