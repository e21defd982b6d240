import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tiledmap.problems import CODES, NOWHERE, Note, Problem, Span
from tiledmap.problems.sarif import format_sarif

SCHEMA = json.loads(Path(__file__).with_name("sarif-schema-2.1.0.json").read_text("utf-8"))
TWICE = Problem(
    "TM004",
    Span("beam lines/smi.yaml", 4, 1, 4, 5),
    "the key 'name' is given twice",
    hint="keep one",
    notes=(Note("first here", Span("beam lines/smi.yaml", 2, 1, 2, 5)), Note("so it is")),
)
WARNING = Problem("TM502", Span("/data/smi.yaml", 1, 6, 1, 16), "the run's key is not its uid")
NO_FILE = Problem("TM001", NOWHERE, "there is no file")


def log_of(*problems: Problem) -> dict[str, Any]:
    log = json.loads(format_sarif(problems, version="0.1.0"))
    jsonschema.Draft202012Validator(SCHEMA).validate(log)
    return log


@pytest.mark.parametrize(
    "problems", [(), (TWICE,), (WARNING,), (NO_FILE,), (TWICE, WARNING, NO_FILE)]
)
def test_every_log_fits_the_official_schema(problems):
    assert len(log_of(*problems)["runs"][0]["results"]) == len(problems)


def test_the_schema_refuses_what_is_not_sarif():
    log = log_of(TWICE)
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(log)


def test_every_code_is_a_rule():
    rules = log_of()["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(CODES)


def test_a_result_points_to_its_rule_and_its_place():
    [run] = log_of(TWICE)["runs"]
    [result] = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "TM004"
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "beam%20lines/smi.yaml"
    assert location["region"] == {"startLine": 4, "startColumn": 1, "endLine": 4, "endColumn": 5}


def test_other_places_are_related_locations():
    [result] = log_of(TWICE)["runs"][0]["results"]
    [related] = result["relatedLocations"]
    assert related["message"]["text"] == "first here"


def test_an_absolute_path_is_a_file_uri():
    [result] = log_of(WARNING)["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "file:///data/smi.yaml"


def test_warnings_stay_warnings():
    assert [result["level"] for result in log_of(WARNING)["runs"][0]["results"]] == ["warning"]
