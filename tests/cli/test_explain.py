import json
from pathlib import Path

import pytest

from tests.golden import assert_golden
from tiledmap.problems.codes import CODES

GOLDEN = Path(__file__).parent / "golden"
ASKED = {
    "units": "descriptor.data_keys.*.units",
    "uri": "stream_resource.uri",
    "column": "/primary/internal/det",
    "detector": "/primary/pil1M_image",
}


@pytest.mark.parametrize("columns", [80, 140])
@pytest.mark.parametrize("name", ASKED)
def test_explanations(tiledmap, name, columns):
    result = tiledmap("explain", "smi", ASKED[name], COLUMNS=str(columns))
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= columns
    assert all(line == line.rstrip() for line in lines)
    assert_golden(GOLDEN / f"explain-{name}-{columns}.txt", result.stdout)


def test_a_field_for_programs(tiledmap):
    said = json.loads(tiledmap("explain", "smi", "start.uid", "--format", "json").stdout)
    assert said["field"] == "start.uid"
    goes_to = [(each["node"], each["part"], each["whole"]) for each in said["goes_to"]]
    assert goes_to == [("run", "metadata", True), ("run", "path", False)]


def test_a_column_for_programs(tiledmap):
    said = json.loads(tiledmap("explain", "smi", "/primary/internal/x", "--format=json").stdout)
    (found,) = said["found"]
    assert found["rule"] == "streams.every-stream.tables.internal"
    assert found["column"]["units"] == "descriptor.data_keys.*.units"
    assert found["python"][-1].endswith('["x"]')


@pytest.mark.parametrize("arguments", [["TM203"], ["smi", "TM203"], ["tm203"]])
def test_a_problem_has_its_page(tiledmap, arguments):
    result = tiledmap("explain", *arguments)
    assert result.returncode == 0
    assert result.stdout.startswith("# TM203: the field may be absent\n")
    assert "## How to mend it" in result.stdout


def test_a_page_for_programs(tiledmap):
    said = json.loads(tiledmap("explain", "TM203", "--format", "json").stdout)
    assert (said["code"], said["severity"]) == ("TM203", CODES["TM203"].severity.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["smi", "start..x"], "'start..x' is no path of fields"),
        (["smi", "strat.uid"], "did you mean 'start'?"),
        (["smi", "pilatus-is-int32"], "repair.data_keys.pilatus-is-int32 is a rule, at smi.yaml:"),
        (["smi", "assets.hdf5"], "assets.hdf5 is a rule, at bluesky-v3.yaml:"),
        (["smi"], "explain what of 'smi'?"),
        (["TM999"], "there is no problem TM999"),
        (["simi", "start.uid"], "did you mean 'smi'?"),
    ],
)
def test_wrong_use_is_said_in_words(tiledmap, arguments, words):
    result = tiledmap("explain", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr
    assert "Traceback" not in result.stderr
