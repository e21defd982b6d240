import json
from pathlib import Path

import pytest

from tests.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden"
BROKEN = """\
tiledmap: 1
name: smi
version: 1.0.0
extends: bluesky-v3@^3
run:
  key: ${{ slug(start.sample_name) }}
  parnt: [smi]
"""
WARNED = """\
tiledmap: 1
name: smi
version: 1.0.0
extends: bluesky-v3@^3
run:
  key: run_${{ start.uid }}
"""


@pytest.fixture
def broken(tmp_path):
    (tmp_path / "broken.yaml").write_text(BROKEN)
    return "broken.yaml"


@pytest.fixture
def warned(tmp_path):
    (tmp_path / "warned.yaml").write_text(WARNED)
    return "warned.yaml"


def test_a_good_mapping_has_no_problems(tiledmap, mapping):
    result = tiledmap("validate", mapping)
    assert (result.returncode, result.stdout) == (0, "1 mapping, no problems\n")


@pytest.mark.parametrize("format", ["text", "concise", "github"])
def test_everything_wrong_is_printed_at_once(tiledmap, broken, format):
    result = tiledmap("validate", broken, "--format", format)
    assert result.returncode == 1
    assert_golden(GOLDEN / f"validate-{format}.txt", result.stdout)


def test_programs_get_json(tiledmap, broken):
    problems = json.loads(tiledmap("validate", broken, "--format", "json").stdout)["problems"]
    assert {problem["span"]["file"] for problem in problems} == {"broken.yaml"}


@pytest.mark.parametrize("format", ["concise", "github"])
def test_where_there_is_nothing_to_say_nothing_is_printed(tiledmap, mapping, format):
    assert tiledmap("validate", mapping, "--format", format).stdout == ""


def test_code_scanning_gets_sarif(tiledmap, broken):
    log = json.loads(tiledmap("validate", broken, "--format", "sarif").stdout)
    assert log["version"] == "2.1.0"
    assert len(log["runs"][0]["results"]) > 0


def test_warnings_alone_do_not_fail(tiledmap, warned):
    result = tiledmap("validate", warned)
    assert result.returncode == 0
    assert "warning TM502" in result.stdout


def test_strict_lets_warnings_fail(tiledmap, warned):
    assert tiledmap("validate", warned, "--strict").returncode == 1


def test_colour_is_for_those_who_ask(tiledmap, broken):
    assert "\x1b[" not in tiledmap("validate", broken).stdout
    assert "\x1b[" in tiledmap("validate", broken, FORCE_COLOR="1").stdout


def test_several_mappings_are_judged_together(tiledmap, broken, warned, mapping):
    result = tiledmap("validate", broken, warned, mapping, "bluesky-v3", "--format", "concise")
    assert result.returncode == 1
    assert "broken.yaml:" in result.stdout
    assert "warned.yaml:" in result.stdout


def test_a_directory_gives_its_mappings_and_no_other_yaml(tiledmap, mapping, warned, tmp_path):
    (tmp_path / "deployment.yaml").write_text("services: [tiled]\n")
    result = tiledmap("validate", ".")
    assert result.returncode == 0
    assert result.stdout.endswith("1 warning\n")


def test_a_directory_without_a_mapping_is_wrong_use(tiledmap, tmp_path):
    (tmp_path / "empty").mkdir()
    result = tiledmap("validate", "empty")
    assert result.returncode == 2
    assert "there is no mapping in 'empty'" in result.stderr


def test_an_overlay_is_laid_over_it(tiledmap, mapping, tmp_path):
    (tmp_path / "dev.yaml").write_text(
        "tiledmap: 1\nname: smi-dev\nversion: 1.0.0\nextends: ./smi.yaml\n"
        "settings: {max_columns: {default: 5000}}\n"
    )
    result = tiledmap("validate", mapping, "--overlay", "dev.yaml", "--format", "concise")
    assert result.returncode == 1
    assert "dev.yaml:5:" in result.stdout
    assert "TM026" in result.stdout


@pytest.mark.parametrize(("value", "returncode"), [("100", 0), ("many", 1), ("5000", 1)])
def test_a_setting_is_read_by_its_type(tiledmap, mapping, value, returncode):
    result = tiledmap("validate", mapping, "--set", f"max_columns={value}")
    assert result.returncode == returncode


def test_an_overlay_that_is_not_there_is_wrong_use(tiledmap, mapping):
    result = tiledmap("validate", mapping, "--overlay", "no.yaml")
    assert (result.returncode, result.stderr) == (2, "tiledmap: there is no file 'no.yaml'\n")
