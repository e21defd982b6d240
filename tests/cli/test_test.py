"""``tiledmap test``: what is printed, what is written, and the exit code."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.running import run_tiledmap
from tests.testing.cases import write_facility

PASSING = "    expect:\n      raw/run-1/primary/image: {dtype: uint16}\n"
FAILING = "    expect:\n      raw/run-1/primary/image: {dtype: int8, shape: [1, 2, 3]}  # shape\n"
SECOND = "  - name: refused\n    settings: {max_columns: 1}\n    expect_problem: TM026\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_facility(tmp_path, PASSING + SECOND)
    return tmp_path


def test_a_mappings_tests_are_run(home: Path) -> None:
    result = run_tiledmap("test", "mine.yaml")
    assert result.stdout == "mine.test.yaml\n  ok      a run\n  ok      refused\n2 tests\n"
    assert result.returncode == 0
    assert run_tiledmap("test", ".").stdout == result.stdout
    assert run_tiledmap("test", "mine.test.yaml", "mine.yaml").stdout == result.stdout


def test_some_are_chosen_by_their_name(home: Path) -> None:
    assert run_tiledmap("test", "mine.yaml", "-k", "REF").stdout.endswith("refused\n1 test\n")
    result = run_tiledmap("test", "mine.yaml", "-k", "nothing")
    assert (result.returncode, result.stderr) == (
        2,
        "tiledmap: no test has 'nothing' in its name\n",
    )


def test_only_what_differs_is_shown(home: Path) -> None:
    write_facility(home, FAILING + SECOND)
    result = run_tiledmap("test", "mine.yaml")
    assert result.returncode == 1
    assert re.sub(r"(bluesky-v3.yaml):\d+", r"\1", result.stdout) == (
        "mine.test.yaml\n"
        "  failed  a run\n"
        "\n"
        "mine.test.yaml:26:40: error TM600: dtype of 'raw/run-1/primary/image' is uint16\n"
        "   26 |       raw/run-1/primary/image: {dtype: int8, shape: [1, 2, 3]}  # shape\n"
        "      |                                        ^^^^ found uint16\n"
        "      = it is an array made by streams.every-stream.data.arrays, bluesky-v3.yaml\n"
        "\n"
        "  ok      refused\n"
        "2 tests, 1 failed\n"
    )


def test_what_was_found_can_be_expected(home: Path) -> None:
    path = write_facility(home, FAILING + SECOND)
    before = path.read_text()
    result = run_tiledmap("test", "mine.yaml", "--update")
    assert result.returncode == 0
    assert result.stdout.startswith(
        "updated mine.test.yaml; read what changed before you keep it\n"
    )
    assert path.read_text() == before.replace("int8", "uint16")
    assert "updated" not in run_tiledmap("test", "mine.yaml", "--update").stdout


def test_programs_read_json_and_annotations(home: Path) -> None:
    write_facility(home, FAILING + SECOND)
    (home / "torn.test.yaml").write_text("tests: [")
    result = run_tiledmap("test", ".", "--format", "json")
    found = json.loads(result.stdout)
    assert result.returncode == 1
    assert [(test["name"], test["passed"]) for test in found["tests"]] == [
        ("a run", False),
        ("refused", True),
    ]
    assert found["tests"][0]["problems"][0]["span"]["line"] == 26
    assert [file["file"] for file in found["files"]] == ["torn.test.yaml"]
    assert found["passed"] is False

    github = run_tiledmap("test", ".", "--format", "github").stdout
    assert "::error title=TM600" in github
    assert "file=mine.test.yaml,line=26" in github
    assert "file=torn.test.yaml" in github


def test_junit_has_a_suite_for_each_file_and_a_case_for_each_test(home: Path) -> None:
    write_facility(home, FAILING + SECOND)
    (home / "torn.test.yaml").write_text("tests: [")
    assert run_tiledmap("test", ".", "--junit", "tests.xml").returncode == 1

    top = ElementTree.parse("tests.xml").getroot()
    assert top.tag == "testsuites"
    assert (top.get("tests"), top.get("failures"), top.get("errors")) == ("3", "1", "1")
    ours, torn = top
    assert dict(ours.attrib, time="") == {
        "name": "mine.test.yaml",
        "tests": "2",
        "failures": "1",
        "errors": "0",
        "skipped": "0",
        "time": "",
    }
    failed, passed = ours
    assert (failed.tag, failed.get("classname"), failed.get("name")) == (
        "testcase",
        "mine.test.yaml",
        "a run",
    )
    assert float(failed.get("time", "")) > 0
    [failure] = failed
    assert failure.tag == "failure"
    assert failure.get("type") == "TM600"
    assert failure.get("message") == "dtype of 'raw/run-1/primary/image' is uint16"
    assert "^^^^ found uint16" in (failure.text or "")
    assert list(passed) == []
    assert [child.tag for child in torn.iter()] == ["testsuite", "testcase", "error"]


def test_a_test_is_made_of_recorded_documents(home: Path, runs: Path) -> None:
    (home / "mine.test.yaml").unlink()
    (home / "scan.jsonl").write_bytes((runs / "scan.jsonl").read_bytes())
    missing = run_tiledmap("test", "mine.yaml")
    assert missing.returncode == 2
    assert "tiledmap test mine.yaml --record run.jsonl" in missing.stderr

    result = run_tiledmap("test", "mine.yaml", "--record", "scan.jsonl", "--set", "max_columns=50")
    assert result.stdout == (
        "wrote a test of scan.jsonl into mine.test.yaml; read it before you keep it\n"
    )
    assert run_tiledmap("test", "mine.yaml").stdout == "mine.test.yaml\n  ok      scan\n1 test\n"
    again = run_tiledmap("test", "mine.yaml", "--record", "scan.jsonl")
    assert (again.returncode, again.stderr.splitlines()[0]) == (
        2,
        "tiledmap: 'mine.test.yaml' has a test 'scan'",
    )
    assert run_tiledmap("test", "bluesky-v3", "--record", "scan.jsonl").returncode == 0
    assert run_tiledmap("test", "bluesky-v3.test.yaml").returncode == 0


def test_what_cannot_be_recorded_is_said(home: Path) -> None:
    (home / "none.jsonl").write_text("no documents")
    result = run_tiledmap("test", "mine.yaml", "--record", "none.jsonl")
    assert result.returncode == 1
    assert "TM001" in result.stderr
    assert run_tiledmap("test", "mine.yaml", ".", "--record", "none.jsonl").returncode == 2
    assert run_tiledmap("test", "mine.yaml", "--record", "no.jsonl").returncode == 2


def test_a_setting_counts_more_than_the_tests_own(home: Path) -> None:
    result = run_tiledmap("test", "mine.yaml", "-k", "refused", "--set", "max_columns=100")
    assert result.returncode == 1
    assert "TM604" in result.stdout
