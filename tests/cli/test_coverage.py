import html
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import documents, write

RUNS = Path(__file__).parents[1] / "runs"
SMI = RUNS / "beamlines" / "smi.jsonl"


def test_the_table_says_where_fields_go(tiledmap):
    result = tiledmap("coverage", "bluesky-v3", COLUMNS="100")
    assert result.returncode == 0
    assert "  uid                run metadata start.uid" in result.stdout
    assert "left out: stored as specs of the run" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_lines_for_programs_are_as_long_as_their_words(tiledmap):
    lines = tiledmap("coverage", "bluesky-v3", COLUMNS="").stdout.splitlines()
    assert max(map(len, lines)) < 300
    assert any(line.split()[-1].startswith("bluesky-v3.yaml:") for line in lines)


def test_documents_say_what_is_used(tiledmap):
    result = tiledmap("coverage", "smi", "--documents", SMI)
    assert result.returncode == 0
    assert "in 1 run\n" in result.stdout
    inherited = result.stdout.partition("inherited, matched nothing: ")[2]
    assert "repair.resources.xspress3" in inherited
    assert "repair.data_keys.pilatus-is-int32: matched 1 of 2 data keys\n" in result.stdout
    assert "start.tiled_specs: declared, never seen\n" in result.stdout


def test_the_table_for_programs(tiledmap):
    said = json.loads(
        tiledmap("coverage", "smi", "--format", "json", "--documents", str(SMI)).stdout
    )
    assert said["mapping"]["name"] == "smi"
    rows = {(row["document"], row["field"], row["rule"]): row for row in said["fields"]}
    assert rows["event", "seq_num", "streams.every-stream"]["destination"] == "column seq_num"
    assert rows["start", "uid", ""]["invertible"] is True
    assert {"rule", "matched", "of", "what", "at"} == set(said["rules"][0])
    assert said["runs"] == 1
    again = tiledmap("coverage", "smi", "--format", "json", "--documents", str(SMI))
    assert json.loads(again.stdout) == said


def test_a_page_of_its_own(tiledmap):
    page = tiledmap("coverage", "bluesky-v3", "--format", "html").stdout
    assert page.startswith("<!doctype html>")
    assert "tiled_access_tags" in page
    assert "stored as access tags of every node" in page
    assert "<link" not in page.replace('<link rel="icon"', "")
    assert "Recordings" not in page


def test_the_page_says_what_recordings_make_use_of(tiledmap):
    page = tiledmap("coverage", "smi", "--format", "html", "--documents", str(SMI)).stdout
    told = tiledmap("coverage", "smi", "--format", "json", "--documents", str(SMI)).stdout
    rules = {rule["rule"]: rule for rule in json.loads(told)["rules"]}
    words = html.unescape(page)
    assert [rule for rule in rules if f"<code>{rule}</code>" not in words] == []
    assert "matched 1 of 2 data keys" in words
    assert "<code>start.tiled_specs</code>" in words
    assert "Recordings: in 1 run" in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run.jsonl"], "recordings are given with --documents"),
        (["--documents", "away.jsonl"], "there is no file 'away.jsonl'"),
    ],
)
def test_wrong_use_is_said_in_words(tiledmap, arguments, words):
    result = tiledmap("coverage", "smi", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr


def test_documents_that_cannot_be_read_to_the_end_count_as_far_as_they_go(tiledmap, tmp_path):
    broken = tmp_path / "broken.jsonl"
    broken.write_text(SMI.read_text() + "{no json\n")
    result = tiledmap("coverage", "smi", "--documents", str(broken))
    assert result.returncode == 1
    assert "in 1 run\n" in result.stdout
    assert "broken.jsonl" in result.stderr


def test_a_document_that_is_not_valid_is_said_beside_the_table(tiledmap, tmp_path):
    named = documents("run-1")
    del named[-1][1]["exit_status"]
    result = tiledmap("coverage", "bluesky-v3", "--documents", write(tmp_path / "r.jsonl", *named))
    assert result.returncode == 1
    assert "in 1 run\n" in result.stdout
    assert "exit_status" in result.stderr


def test_looking_does_not_load_tiled(tmp_path):
    script = (
        "import sys\nsys.argv = ['tiledmap', 'coverage', 'bluesky-v3']\n"
        "from tiledmap.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert 'tiled' not in sys.modules and 'bluesky' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path, capture_output=True)
