"""The schema by which editors help with files of tests."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests import editor_yaml
from tiledmap.resources import schema_text
from tiledmap.testing.cases.json_schema import NAME, case_file_schema

SHIPPED = Path(__file__).parents[2] / "mappings" / "shipped"
SCHEMA = case_file_schema()
FILES = sorted(SHIPPED.glob("*.test.yaml"))


def faults(document: Any) -> list[str]:
    return [error.json_path for error in Draft202012Validator(SCHEMA).iter_errors(document)]


def test_the_published_schema_is_current() -> None:
    made = json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"
    assert schema_text(NAME) == made, "run: python docs/generate.py"


def test_it_is_a_json_schema_without_alternatives() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert "anyOf" not in json.dumps(SCHEMA)


def test_every_word_is_described() -> None:
    words = [each for each in SCHEMA["$defs"].values() if "enum" in each]
    assert len(words) == 2
    assert all(len(each["enumDescriptions"]) == len(each["enum"]) for each in words)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_tests_of_shipped_mappings_are_valid_in_an_editor(path: Path) -> None:
    assert faults(editor_yaml.load(path.read_text(encoding="utf-8"))) == []


def test_there_are_files_to_look_at() -> None:
    assert len(FILES) > 5


@pytest.mark.parametrize(
    ("test", "place"),
    [
        ({"expct": {}}, "$.tests[0]"),
        ({"expect": {"run": {"store": "tabel"}}}, "$.tests[0].expect.run.store"),
        ({"expect": {"run": {"shape": [1, -2, None]}}}, "$.tests[0].expect.run.shape[1]"),
        ({"strict": "yes"}, "$.tests[0].strict"),
    ],
)
def test_an_editor_marks_what_is_wrong(test: dict[str, Any], place: str) -> None:
    head = {"tiledmap_test": 1, "mapping": "./smi.yaml"}
    assert faults({**head, "tests": [{"name": "x", **test}]}) == [place]
