import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests import editor_yaml
from tiledmap.language.json_schema import NAME, mapping_schema
from tiledmap.resources import schema_text, shipped_mappings

VALID = sorted((Path(__file__).parents[1] / "mappings/valid").glob("*.yaml"))
SCHEMA = mapping_schema()


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema inside a schema."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from parts(value)


def faults(text: str) -> list[str]:
    document = editor_yaml.load(text)
    return [error.json_path for error in Draft202012Validator(SCHEMA).iter_errors(document)]


def test_the_published_schema_is_current() -> None:
    made = json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"
    assert schema_text(NAME) == made, "run: python docs/generate.py"


def test_it_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_every_key_is_described() -> None:
    statements = [part for part in parts(SCHEMA) if "additionalProperties" in part]
    fields = [field for part in statements for field in part.get("properties", {}).items()]
    assert len(fields) > 150
    assert not [key for key, field in fields if not field.get("description")]


def test_every_word_of_an_enumeration_is_described() -> None:
    enumerations = [part for part in parts(SCHEMA) if "enum" in part]
    assert enumerations
    for part in enumerations:
        assert len(part["enumDescriptions"]) == len(part["enum"])


def test_editors_never_meet_alternatives() -> None:
    words = {word for part in parts(SCHEMA) for word in part}
    assert not words & {"anyOf", "oneOf", "allOf", "not", "if"}


@pytest.mark.parametrize("path", [*VALID, *shipped_mappings().values()], ids=lambda path: path.stem)
def test_valid_mappings_are_valid_in_an_editor_too(path: Path) -> None:
    assert faults(path.read_text()) == []


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("titel: x", "$"),
        ("run: {on_collision: maybe}", "$.run.on_collision"),
        ("run: {unfinished: maybe}", "$.run.unfinished"),
        ("run: {specs: {items: []}}", "$.run.specs"),
        ("run: {specs: [{when: x}]}", "$.run.specs[0]"),
        ("streams: {name: x}", "$.streams"),
        ("settings: {9x: {}}", "$.settings"),
    ],
)
def test_an_editor_marks_what_is_wrong(body: str, place: str) -> None:
    assert faults(f"tiledmap: 1\nname: x\nversion: 1.0.0\n{body}\n") == [place]


def test_metadata_takes_any_entry() -> None:
    body = "run: {metadata: {copy: start, note: {deep: [1, two]}}}"
    assert faults(f"tiledmap: 1\nname: x\nversion: 1.0.0\n{body}\n") == []
