import json

import pytest


def test_the_plan_names_the_lines_of_the_mapping(tiledmap, mapping):
    result = tiledmap("show", mapping)
    assert result.returncode == 0
    assert "smi.yaml:" in result.stdout
    assert "bluesky-v3.yaml:" in result.stdout


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


@pytest.mark.parametrize("options", [[], ["--what", "mapping"]])
def test_schema_is_the_published_one(tiledmap, options):
    from tiledmap.resources import schema_text

    assert tiledmap("schema", *options).stdout == schema_text("mapping-v1")


def test_schema_goes_to_a_file(tiledmap, tmp_path):
    assert tiledmap("schema", "-o", "mapping.json").returncode == 0
    assert "properties" in json.loads((tmp_path / "mapping.json").read_text())
