import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import tiledmap as package
from tests.cli.conftest import documents
from tests.cli.leftovers import leave, open_writer
from tests.golden import assert_golden
from tiledmap.runtime.journal import Spool, statuses
from tiledmap.sinks.embedded import open_catalog

GOLDEN = Path(__file__).parent / "golden"
SCRIPT = str(Path(sys.executable).with_name("tiledmap"))


@pytest.fixture
def waiting(spool):
    """A writer with a run and a half whose server is away, which it has said."""
    writer = open_writer(spool, uri="https://tiled.example.org/api/v1/metadata/")
    for name, document in [*documents("run-8"), *documents("run-9")[:3]]:
        writer(name, document)
    while not any(status["waiting_for"] for status in statuses(spool)):
        time.sleep(0.05)
    yield writer
    writer.close(timeout=0)


def fail(spool, directory, run):
    """Leave a run in a spool that its writer could not write."""
    with open_catalog(directory) as opened:
        opened.client.create_container(run)
        with package.load("bluesky-v3").writer(opened.client, spool=spool) as writer:
            for name, document in documents(run):
                writer(name, document)


def steady(text):
    """What is printed, without what changes from one time to the next."""
    changing = {
        r"\d+ on [\w.-]+": "PID on HOST",
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d": "TIME",
        r"\d+ s ago": "AGE ago",
        r"[\d.]+ ([kMGT]?B|bytes)\b": "SIZE",
        r"  +": "  ",
    }
    for pattern, name in changing.items():
        text = re.sub(pattern, name, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def test_what_writers_do_and_what_lies_in_the_spool_is_shown(tiledmap, spool, tmp_path):
    fail(spool, tmp_path / "catalog", "run-3")
    leave(spool, documents("run-1"))
    leave(spool, documents("run-2")[:4])
    (spool / "strange.journal").write_text("a letter")
    result = tiledmap("status", spool, COLUMNS="110")
    assert result.returncode == 1
    assert_golden(GOLDEN / "status-left.txt", steady(result.stdout.replace(str(spool), "spool")))


def test_a_writer_whose_server_is_away_is_shown(tiledmap, spool, waiting):
    result = tiledmap("status", spool, COLUMNS="110")
    assert result.returncode == 0
    assert_golden(GOLDEN / "status-away.txt", steady(result.stdout.replace(str(spool), "spool")))


def test_programs_get_json(tiledmap, spool, waiting):
    result = tiledmap("status", spool, "--format", "json")
    seen = json.loads(result.stdout)
    [writer] = seen["writers"]
    assert writer["pid"] == os.getpid()
    assert writer["waiting_for"] == "connection refused"
    assert writer["runs_open"] == ["run-9"]
    assert {run["run"]: (run["documents"], run["state"]) for run in seen["runs"]} == {
        "run-8": (6, "being written"),
        "run-9": (3, "being written"),
    }


def test_runs_that_failed_are_for_someone_to_look_at(tiledmap, spool, tmp_path):
    fail(spool, tmp_path / "catalog", "run-1")
    seen = tiledmap("status", spool, "--format", "json")
    assert seen.returncode == 1
    [run] = json.loads(seen.stdout)["runs"]
    assert run["state"] == "failed"
    assert "the place is taken" in run["remark"]


def test_runs_with_refused_documents_are_counted(tiledmap, spool):
    leave(spool, documents("run-1"))
    leave(spool / "refused", documents("run-2"))
    seen = tiledmap("status", spool, COLUMNS="110")
    assert seen.returncode == 0
    assert "1 runs, " in seen.stdout
    assert f"kept in {spool}/refused; to write them again: tiledmap replay" in seen.stdout
    seen = tiledmap("status", spool, "--format", "json")
    assert [run["run"] for run in json.loads(seen.stdout)["refused"]] == ["run-2"]


def test_runs_that_wait_are_not_failures(tiledmap, spool):
    leave(spool, documents("run-1"))
    leave(spool, documents("run-2")[:3])
    seen = tiledmap("status", spool, "--format", "json")
    assert seen.returncode == 0
    assert [run["state"] for run in json.loads(seen.stdout)["runs"]] == [
        "waits for a writer",
        "unfinished",
    ]


def test_a_run_that_is_lost_is_a_failure(tiledmap, spool):
    """A writer that could not keep all documents of a run that failed."""
    published = {
        "delivery": "background",
        "state": "writing",
        "failures": [{"run": "run-1", "reason": "refused", "kept": False}],
    }
    with publishing(spool, published):
        result = tiledmap("status", spool)
    assert result.returncode == 1
    assert "run run-1 is lost in part: refused" in result.stdout


@pytest.mark.parametrize(
    "published",
    [
        {"state": "writing", "new": [1]},
        {"state": ["writing"], "time": "now", "rate": None},
        {"state": "writing", "failures": [{"uid": "run-1"}]},
        {"state": "\x1b[2J[red]", "last_error": "\x1b]0;title\x07"},
    ],
)
def test_what_another_version_publishes_is_shown_as_far_as_it_is_known(tiledmap, spool, published):
    with publishing(spool, published):
        result = tiledmap("status", spool)
    assert result.returncode == 0
    assert "0 runs" in result.stdout
    assert "\x1b" not in result.stdout


@contextmanager
def publishing(directory, status):
    spool = Spool(directory)
    spool.publish(status)
    yield
    spool.close()


def test_watching_goes_on_until_it_is_interrupted(spool):
    leave(spool, documents("run-1"))
    terminal, other_end = os.openpty()
    process = subprocess.Popen(
        [SCRIPT, "status", spool, "--watch"],
        stdout=other_end,
        stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "24"},
    )
    os.close(other_end)
    shown = b""
    while b"run-1" not in shown:
        shown += os.read(terminal, 1 << 16)
    leave(spool, documents("run-2"))
    while b"run-2" not in shown:
        shown += os.read(terminal, 1 << 16)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    os.close(terminal)
    assert (process.returncode, errors) == (0, b"")


def test_programs_do_not_watch(tiledmap, spool):
    leave(spool, documents("run-1"))
    result = tiledmap("status", spool, "--watch", "--format", "json")
    assert result.returncode == 2
    assert "--watch is for people" in result.stderr
