import json
import os
import subprocess
from pathlib import Path

import pytest
from rich.text import Text

from tests.cli.test_process import SCRIPT
from tests.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("columns", [80, 140])
@pytest.mark.parametrize("options", [[], ["--plan"]], ids=["tree", "plan"])
def test_what_a_mapping_makes_is_drawn(tiledmap, mapping, options, columns):
    result = tiledmap("show", mapping.name, *options, COLUMNS=str(columns))
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= columns
    assert all(line == line.rstrip() for line in lines)
    name = "-".join(["show", *(option.strip("-") for option in options), str(columns)])
    assert_golden(GOLDEN / f"{name}.txt", result.stdout)


def test_the_origin_of_every_line_is_told(tiledmap, mapping):
    result = tiledmap("show", mapping.name, "--origin", "--set", "max_columns=40")
    assert_golden(GOLDEN / "show-origin.txt", result.stdout)
    *lines, setting = result.stdout.splitlines()
    width = lines[0].index("tiledmap: 1")
    assert setting == f"{'--set max_columns':{width}}settings.max_columns = 40"
    # Beside the places stands what --resolved prints, without its comments.
    resolved = tiledmap("show", mapping.name, "--resolved").stdout.splitlines()
    assert [line[width:] for line in lines] == [line.partition("  # ")[0] for line in resolved]


def test_an_origin_is_the_line_that_says_it(tiledmap, mapping):
    written = mapping.read_text().splitlines()
    shown = tiledmap("show", mapping.name, "--origin").stdout.splitlines()
    own = dict(line.split(maxsplit=1) for line in shown if line.startswith("smi.yaml:"))
    assert own["smi.yaml:2"] == "name: smi"
    assert own["smi.yaml:12"] == written[11].strip()


@pytest.mark.parametrize("options", [[], ["--plan"], ["--origin"]], ids=str)
def test_colours_add_nothing_to_the_words(tiledmap, mapping, options):
    plain = tiledmap("show", mapping, *options).stdout
    colorful = tiledmap("show", mapping, *options, FORCE_COLOR="1").stdout
    assert "\x1b[" not in plain
    assert "\x1b[" in colorful
    assert Text.from_ansi(colorful).plain.rstrip("\n") == plain.rstrip("\n")
    assert tiledmap("show", mapping, *options, FORCE_COLOR="1", NO_COLOR="1").stdout == plain


@pytest.mark.parametrize("options", [[], ["--plan"]], ids=["tree", "plan"])
def test_lines_for_programs_are_whole(tiledmap, mapping, options):
    lines = tiledmap("show", mapping, *options, COLUMNS="").stdout.splitlines()
    [long] = [line for line in lines if "SIS_HDF51_FLY_STREAM_V1" in line]
    assert "AD_HDF5_GERM" in long


def test_the_plan_for_programs_is_that_of_python(tiledmap, mapping):
    import tiledmap as package

    shown = tiledmap("show", mapping, "--plan", COLUMNS="").stdout
    assert shown == package.load(mapping).show()


def test_a_terminal_without_unicode_gets_what_it_can_show(mapping):
    result = subprocess.run(
        [SCRIPT, "show", mapping],
        capture_output=True,
        env={**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert b"`-- ${{ start.uid }}" in result.stdout
    assert result.stdout.isascii()


def test_programs_get_the_tree_as_json(tiledmap, mapping):
    shown = json.loads(tiledmap("show", mapping.name, "--format", "json").stdout)
    [sample] = shown["top"]
    [run] = sample["children"]
    [stream] = run["children"]
    table = stream["children"][-1]
    assert run["at"] == "smi.yaml:11:3"
    assert run["path"] == ["${{ slug(start.sample_name) }}", "${{ start.uid }}"]
    assert (table["id"], table["family"]) == ("streams.every-stream.tables.internal", "table")
    assert table["columns"][0]["fields"] == ["event.seq_num"]
    assert [each["name"] for each in shown["chain"]] == ["smi", "bluesky-v3"]
    assert shown["repairs"][0]["rule"] == "repair.resources.area-detector-hdf5"


def test_only_the_tree_is_printed_as_json(tiledmap, mapping):
    result = tiledmap("show", mapping, "--plan", "--format", "json")
    assert result.returncode == 2
    assert result.stderr.startswith("tiledmap: only the tree is printed as JSON")


def test_one_thing_is_printed(tiledmap, mapping):
    result = tiledmap("show", mapping, "--plan", "--resolved")
    assert result.returncode == 2
    assert result.stderr == (
        "tiledmap: --plan, --resolved and --origin print different things: give one of them\n"
    )


def test_the_resolved_mapping_is_a_mapping_again(tiledmap, mapping, tmp_path):
    (tmp_path / "whole.yaml").write_text(tiledmap("show", mapping, "--resolved").stdout)
    assert "extends" not in (tmp_path / "whole.yaml").read_text()
    assert tiledmap("validate", "whole.yaml").returncode == 0


def test_list_names_the_shipped_mappings(tiledmap):
    lines = tiledmap("list").stdout.splitlines()
    assert lines[0].split() == ["name", "version", "title"]
    assert any(line.startswith("bluesky-v3 ") for line in lines)


def test_list_gives_programs_json(tiledmap):
    names = [each["name"] for each in json.loads(tiledmap("list", "--format", "json").stdout)]
    assert {"bluesky-v3", "bluesky-streams", "bluesky-2024"} <= set(names)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ([], "mapping-v1"),
        (["--what", "mapping"], "mapping-v1"),
        (["--what", "mapping-test"], "mapping-test-v1"),
    ],
)
def test_schema_is_the_published_one(tiledmap, options, name):
    from tiledmap.resources import schema_text

    assert tiledmap("schema", *options).stdout == schema_text(name)


def test_schema_goes_to_a_file(tiledmap, tmp_path):
    assert tiledmap("schema", "-o", "mapping.json").returncode == 0
    assert "properties" in json.loads((tmp_path / "mapping.json").read_text())
