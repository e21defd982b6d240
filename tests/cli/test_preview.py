import json
from pathlib import Path

import pytest

from tests.cli.conftest import documents, write
from tests.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("columns", [80, 140])
def test_the_tree_is_drawn(tiledmap, mapping, recording, columns):
    result = tiledmap("preview", mapping, "--documents", recording, COLUMNS=str(columns))
    assert result.returncode == 0
    assert max(map(len, result.stdout.splitlines())) <= columns
    lines = "\n".join(line.rstrip() for line in result.stdout.splitlines())
    assert_golden(GOLDEN / f"preview-{columns}.txt", lines)


def test_programs_get_json(tiledmap, mapping, recording):
    result = tiledmap("preview", mapping, "--documents", recording, "--format", "json")
    [sample] = json.loads(result.stdout)["nodes"]
    [run] = sample["children"]
    [stream] = run["children"]
    nodes = {node["key"]: node for node in stream["children"]}
    assert run["specs"] == ["BlueskyRun/3.0"]
    assert nodes["internal"]["rows"] == 3
    assert nodes["internal"]["columns"]["motor"] == "double"
    assert nodes["image"]["shape"] == [3, 4, 6]
    assert nodes["image"]["dtype"] == "int32"


def test_several_recordings_may_follow_one_option(tiledmap, recording, tmp_path):
    other = write(tmp_path / "other.jsonl", *documents("run-2"))
    result = tiledmap("preview", "bluesky-v3", "--documents", recording, other)
    assert "run-1  container" in result.stdout
    assert "run-2  container" in result.stdout


def test_a_recording_that_breaks_off_is_drawn_as_far_as_it_goes(tiledmap, tmp_path):
    torn = write(tmp_path / "torn.jsonl", *documents("run-1")[:4])
    torn.write_text(torn.read_text() + '["event", {"uid"')
    result = tiledmap("preview", "bluesky-v3", "--documents", "torn.jsonl")
    assert result.returncode == 1
    assert "table, 2 rows" in result.stdout
    assert "tiledmap: torn.jsonl: record 5, line 5: the file ends within it" in result.stderr


def test_a_recording_that_cannot_be_read_harms_no_other(tiledmap, recording, tmp_path):
    (tmp_path / "bad.jsonl").write_bytes(b"\x00\x01")
    result = tiledmap("preview", "bluesky-v3", "--documents", "bad.jsonl", recording)
    assert result.returncode == 1
    assert "run-1  container" in result.stdout
    assert result.stderr.startswith("tiledmap: bad.jsonl: record 1")


def test_a_document_that_is_not_valid_is_said_beside_the_tree(tiledmap, tmp_path):
    named = documents("run-1")
    del named[2][1]["time"]
    result = tiledmap("preview", "bluesky-v3", "--documents", write(tmp_path / "r.jsonl", *named))
    assert result.returncode == 1
    assert "run-1  container" in result.stdout
    assert "time" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_recording_that_is_not_there_is_wrong_use(tiledmap):
    result = tiledmap("preview", "bluesky-v3", "--documents", "none.jsonl")
    assert (result.returncode, result.stderr) == (2, "tiledmap: there is no file 'none.jsonl'\n")
