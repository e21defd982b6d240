import json
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CASES = TESTS / "mappings" / "diff"
SCAN = TESTS / "runs" / "scan.jsonl"


def pair(name):
    return [str(CASES / name / "before.yaml"), str(CASES / name / "after.yaml")]


def test_equal_mappings_do_not_differ(tiledmap):
    result = tiledmap("diff", "smi", "smi", "--fail-on", "TEXT")
    assert result.returncode == 0
    assert "no differences" in result.stdout


def test_differences_fail_only_where_it_is_asked_for(tiledmap):
    lossy = pair("lossy-drop")
    assert tiledmap("diff", *lossy).returncode == 0
    assert tiledmap("diff", *lossy, "--fail-on", "lossy").returncode == 1
    assert tiledmap("diff", *lossy, "--fail-on", "TYPE").returncode == 1
    additive = pair("additive")
    assert tiledmap("diff", *additive, "--fail-on", "TYPE").returncode == 0
    assert tiledmap("diff", *additive, "--fail-on", "ADDITIVE").returncode == 1


def test_a_declared_move_does_not_fail(tiledmap):
    result = tiledmap("diff", *pair("path-declared"), "--fail-on", "PATH")
    assert result.returncode == 0
    assert "declared: primary/pil1M_image moved to" in result.stdout
    assert tiledmap("diff", *pair("path"), "--fail-on", "PATH").returncode == 1


def test_a_version_that_is_not_raised_fails_where_it_is_asked_for(tiledmap):
    result = tiledmap("diff", *pair("reader"), "--fail-on", "VERSION")
    assert result.returncode == 1
    words = "READER changes need a new major version; 1.0.0 became 1.0.1: not enough"
    assert words in result.stdout
    assert tiledmap("diff", *pair("path"), "--fail-on", "VERSION").returncode == 0


def test_differences_for_programs(tiledmap):
    said = json.loads(tiledmap("diff", *pair("type"), "--format", "json").stdout)
    found = {
        (change["category"], change["where"], change["attribute"]) for change in said["changes"]
    }
    assert ("TYPE", "assets.tiff", "join") in found
    assert said["version"]["needs"] == "minor"


def test_differences_beside_the_lines_of_a_change(tiledmap):
    result = tiledmap("diff", *pair("lossy-metadata"), "--format", "github", "--fail-on", "LOSSY")
    assert result.returncode == 1
    [error] = [line for line in result.stdout.splitlines() if line.startswith("::error")]
    assert "title=LOSSY" in error
    assert "metadata start.owner is gone" in error
    [warning] = [line for line in result.stdout.splitlines() if line.startswith("::warning")]
    assert "title=VERSION" in warning


@pytest.mark.parametrize("columns", [80, 140])
def test_lines_fit_the_terminal(tiledmap, columns):
    result = tiledmap("diff", "bluesky-2024", "bluesky-v3", COLUMNS=str(columns))
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= columns
    assert all(line == line.rstrip() for line in lines)


def test_documents_show_which_runs_differ(tiledmap):
    arguments = ["diff", "bluesky-2024", "bluesky-v3", "--documents", str(SCAN)]
    result = tiledmap(*arguments, str(TESTS / "runs" / "count-arrays.jsonl"))
    assert "of 2 recorded runs, 2 change" in result.stdout
    assert (
        "/primary/internal: path /primary/internal, was /primary/internal/events" in result.stdout
    )
    said = json.loads(tiledmap(*arguments, "--format", "json").stdout)
    assert (said["runs"], said["runs_changed"]) == (1, 1)
    moved = [each for each in said["recorded"] if each["category"] == "PATH"]
    assert ("/primary/internal/events", "/primary/internal") in {
        (each["was"], each["now"]) for each in moved
    }


def test_settings_and_overlays_are_of_both_mappings(tiledmap, tmp_path):
    arguments = ["diff", "bluesky-2024", "bluesky-v3", "--format", "json", "--documents"]
    arguments.append(str(TESTS / "runs" / "count-arrays.jsonl"))
    overlay = tmp_path / "small.yaml"
    overlay.write_text(
        "tiledmap: 1\nname: small\nversion: 1.0.0\nsettings: {max_array_size: {default: 16}}\n"
    )

    def columns(*options):
        said = json.loads(tiledmap(*arguments, *options).stdout)
        return {each["was"] for each in said["recorded"] if "det_small" in each["was"]}

    alike = columns("--set", "max_array_size=16")
    assert alike == columns("--overlay", str(overlay))
    assert alike != columns()
    unknown = tiledmap("diff", "bluesky-2024", "bluesky-v3", "--set", "maximum=4")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "no setting 'maximum'" in unknown.stderr


def test_documents_alone_may_fail(tiledmap, tmp_path):
    after = tmp_path / "after.yaml"
    after.write_text(
        "tiledmap: 1\nname: before\nversion: 1.0.0\nextends: bluesky-v3\n"
        "streams:\n  - {name: baseline, match: {name: baseline}, drop: not needed}\n"
    )
    result = tiledmap(
        "diff", "bluesky-v3", str(after), "--documents", str(SCAN), "--format", "json"
    )
    gone = [each for each in json.loads(result.stdout)["recorded"] if each["kind"] == "removed"]
    assert {(each["category"], each["where"]) for each in gone} >= {
        ("LOSSY", "/baseline/internal"),
        ("PATH", "/baseline"),
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["smi", "smii"], "did you mean 'smi'?"),
        (["smi", "bmm", "run.jsonl"], "recordings are given with --documents"),
        (["smi", "bmm", "--documents", "away.jsonl"], "there is no file 'away.jsonl'"),
        (["smi", "bmm", "--fail-on", "EVERYTHING"], "EVERYTHING"),
    ],
)
def test_wrong_use_is_said_in_words(tiledmap, arguments, words):
    result = tiledmap("diff", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr
    assert "Traceback" not in result.stderr
