import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress
from itertools import chain
from pathlib import Path
from uuid import uuid4

import pytest

import tiledmap as package
from tests.cli.conftest import documents
from tests.cli.leftovers import kill_writer, leave, open_writer
from tests.faults.server import serve_sqlite
from tests.golden import assert_golden
from tests.parity.snapshot import snapshot
from tiledmap.runtime.journal import survey
from tiledmap.sinks.embedded import open_catalog

GOLDEN = Path(__file__).parent / "golden"
SCRIPT = str(Path(sys.executable).with_name("tiledmap"))


@pytest.fixture
def catalog(tmp_path):
    """An empty catalog in a directory."""
    directory = tmp_path / "catalog"
    open_catalog(directory).close()
    return directory


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def outcomes(result):
    return {run["run"]: run["outcome"] for run in json.loads(result.stdout)["runs"]}


def rows_of(client, run):
    return list(client[run]["primary"].base["internal"].read()["motor"])


# ---------------------------------------------------------------- what is written


@pytest.mark.parametrize("accepted", [3, 6])
def test_a_run_of_a_killed_writer_is_finished_on_the_server_it_was_begun_on(
    tiledmap, spool, server, served, accepted
):
    uid = str(uuid4())
    named = documents(uid)
    kill_writer(spool, served.uri, server.api_key, named[:accepted])
    if accepted < len(named):
        expected, left = "unfinished", [uid]
    else:
        expected, left = "written", []

    result = tiledmap(
        "replay", spool, "--api-key-env", "SMI_KEY", "--format", "json", SMI_KEY=server.api_key
    )

    assert (result.returncode, outcomes(result)) == (0, {uid: expected}), result.stderr
    assert [info.run for info in survey(spool)] == left
    assert rows_of(served, uid) == [0.5, 1.0, 1.5][: accepted - 2]
    assert "tiledmap" not in served[uid].metadata  # nobody writes it any more
    assert server.api_key not in result.stdout + result.stderr


def test_the_tree_is_that_of_a_live_writer(tiledmap, spool, tmp_path, catalog):
    leave(spool, documents("run-1"))
    assert tiledmap("replay", spool, "--to", catalog).returncode == 0
    with open_catalog(tmp_path / "live") as live, open_catalog(catalog) as replayed:
        with package.load("bluesky-v3").writer(live.client) as writer:
            for name, document in documents("run-1"):
                writer(name, document)
        assert snapshot(replayed.client) == snapshot(live.client)


def test_it_may_be_repeated(tiledmap, spool, catalog):
    leave(spool, documents("run-1"))
    first = tiledmap("replay", spool, "--to", catalog)
    again = tiledmap("replay", spool, "--to", catalog)
    assert "1 of 1 runs written, 0 left" in first.stdout
    assert (again.returncode, again.stdout) == (0, f"no run is left in {spool}\n")


def test_a_run_that_tiled_has_already_leaves_the_spool(tiledmap, spool, recording, catalog):
    tiledmap("ingest", "bluesky-v3", "--documents", recording, "--to", catalog)
    leave(spool, documents("run-1"))
    assert tiledmap("replay", spool, "--to", catalog).returncode == 0
    assert survey(spool) == []
    with open_catalog(catalog) as opened:
        assert rows_of(opened.client, "run-1") == [0.5, 1.0, 1.5]


def test_a_run_that_is_being_written_is_left_to_its_writer(tiledmap, spool, catalog):
    leave(spool, documents("run-1"))
    with open_catalog(catalog) as opened:
        writer = open_writer(spool)  # takes over what is left
        result = tiledmap("replay", spool, "--to", catalog, "--format", "json")
        assert (result.returncode, outcomes(result)) == (
            0,
            {"run-1": "being written by a live writer"},
        )
        assert list(opened.client) == []
        writer.close(timeout=0)
    assert tiledmap("replay", spool, "--to", catalog).returncode == 0


def test_an_unfinished_run_is_stored_as_far_as_it_came_and_stays(tiledmap, spool, catalog):
    leave(spool, documents("run-1")[:-2])
    for _ in range(2):
        result = tiledmap("replay", spool, "--to", catalog, "--format", "json")
        assert (result.returncode, outcomes(result)) == (0, {"run-1": "unfinished"})
    with open_catalog(catalog) as opened:
        assert rows_of(opened.client, "run-1") == [0.5, 1.0]
        assert "stop" not in opened.client["run-1"].metadata
    assert [info.documents for info in survey(spool)] == [4]


def test_an_unfinished_run_is_closed_when_asked(tiledmap, spool, catalog):
    leave(spool, documents("run-1")[:-2])
    result = tiledmap("replay", spool, "--to", catalog, "--close-unfinished")
    assert "1 of 1 runs written" in result.stdout
    assert survey(spool) == []
    with open_catalog(catalog) as opened:
        stop = opened.client["run-1"].metadata["stop"]
    assert (stop["synthesised_by"], stop["num_events"]) == ("tiledmap", {"primary": 2})


def test_only_the_runs_that_are_named_are_written(tiledmap, spool, catalog):
    leave(spool, chain(*(documents(f"run-{number}") for number in range(3))))
    result = tiledmap(
        *("replay", spool, "--to", catalog),
        *("--run", "run-0", "--run", "run-2", "--format", "json"),
    )
    assert outcomes(result) == {"run-0": "written", "run-2": "written"}
    assert [info.run for info in survey(spool)] == ["run-1"]


# ---------------------------------------------------------------- what fails


def test_what_became_of_each_run_is_shown(tiledmap, spool, catalog):
    parts = [documents(f"run-{number}")[: 4 if number == 3 else None] for number in range(1, 5)]
    leave(spool, chain(*parts))
    leave(spool, documents("run-5"), max_array_size=3)
    (spool / "strange.journal").write_text("a letter")
    with open_catalog(catalog) as opened:
        opened.client.create_container("run-2")

    result = tiledmap("replay", spool, "--to", catalog)

    assert result.returncode == 1
    shown = re.sub("[0-9a-f]{12}(?=…)", "<sha256>", result.stdout.replace(str(spool), "spool"))
    assert_golden(GOLDEN / "replay.txt", "\n".join(line.rstrip() for line in shown.splitlines()))
    assert sorted(info.run for info in survey(spool) if info.run) == ["run-2", "run-3", "run-5"]
    assert [info.remark for info in survey(spool) if info.run == "run-2"] != [""]


def test_a_run_with_a_refused_document_is_written_and_its_documents_are_kept(
    tiledmap, spool, catalog
):
    *before, last = documents("run-1")
    refused = ("event", {**before[-1][1], "uid": "odd", "time": "noon"})
    leave(spool, [*before, refused, last])
    result = tiledmap("replay", spool, "--to", catalog, COLUMNS="120")
    assert (result.returncode, survey(spool)) == (0, [])
    assert "written, but for what was refused" in result.stdout
    assert "1 of 1 runs written, 0 left" in result.stdout
    again = tiledmap("replay", spool / "refused", "--to", catalog, COLUMNS="120")
    assert again.returncode == 0
    assert "1 of 1 runs written, 1 left" in again.stdout
    assert [info.run for info in survey(spool / "refused")] == ["run-1"]


def test_a_damaged_journal_is_read_as_far_as_it_goes_and_stays(tiledmap, spool, catalog):
    leave(spool, documents("run-1"))
    [info] = survey(spool)
    content = bytearray(info.path.read_bytes())
    content[content.index(b"run-1-e3") + 3] ^= 1
    info.path.write_bytes(content)
    result = tiledmap("replay", spool, "--to", catalog, "--close-unfinished", "--format", "json")
    [run] = json.loads(result.stdout)["runs"]
    assert (result.returncode, run["outcome"]) == (1, "failed")
    assert "damaged" in run["reason"]
    assert info.path.read_bytes() == content
    with open_catalog(catalog) as opened:
        assert rows_of(opened.client, "run-1") == [0.5, 1.0]


# ---------------------------------------------------------------- which mapping


def test_a_mapping_that_is_not_shipped_is_asked_for(tiledmap, spool, mapping, catalog):
    leave(spool, documents("run-1"), mapping=mapping)
    asked = tiledmap("replay", spool, "--to", catalog)
    assert asked.returncode == 1
    assert re.search(
        r"run-1: it was begun with smi 1\.0\.0 \(sha256 \w{12}…\): give that, with its settings "
        rf"and overlays: tiledmap replay {spool} --mapping MAPPING\n",
        asked.stdout,
    )
    given = tiledmap("replay", spool, "--to", catalog, "--mapping", mapping)
    assert "1 of 1 runs written" in given.stdout
    assert "begun" not in given.stdout
    with open_catalog(catalog) as opened:
        assert list(opened.client["Ni_foil"]) == ["run-1"]


def test_a_mapping_that_has_changed_is_used_and_said(tiledmap, spool, mapping, catalog):
    leave(spool, documents("run-1"), mapping=mapping)
    mapping.write_text(mapping.read_text().replace("1.0.0", "1.1.0"))
    result = tiledmap("replay", spool, "--to", catalog, "--mapping", mapping)
    assert result.returncode == 0
    assert re.search(
        r"run-1: begun with smi 1\.0\.0 \(sha256 \w{12}…\), written with smi 1\.1\.0 "
        r"\(sha256 \w{12}…\): the layout may differ\n",
        result.stdout,
    )


def test_a_mapping_is_for_runs_of_its_name_or_for_those_that_are_named(
    tiledmap, spool, mapping, catalog
):
    leave(spool, documents("run-1"))
    leave(spool, documents("run-2"))
    verb = ("replay", spool, "--to", catalog, "--mapping", mapping)
    assert tiledmap(*verb, "--run", "run-2").returncode == 0
    assert tiledmap(*verb).returncode == 0
    with open_catalog(catalog) as opened:
        assert set(opened.client) == {"Ni_foil", "run-1"}


# ---------------------------------------------------------------- where to


@pytest.mark.parametrize("place", ["spool", "journal"])
@pytest.mark.parametrize("bit", [stat.S_IWGRP, stat.S_IWOTH])
def test_a_server_is_not_taken_from_what_others_may_have_written(tiledmap, spool, place, bit):
    leave(spool, documents("run-1"), uri="http://127.0.0.1:9/api/v1/metadata/")
    [info] = survey(spool)
    path = spool if place == "spool" else info.path
    path.chmod(path.stat().st_mode | bit)
    result = tiledmap("replay", spool)
    assert result.returncode == 1
    assert (
        f"run-1: others may write to {path}, so its word for "
        "http://127.0.0.1:9/api/v1/metadata/ is not taken: give --to\n" in result.stdout
    )


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_server_is_not_taken_from_another_user(tiledmap, spool):
    leave(spool, documents("run-1"), uri="http://127.0.0.1:9/api/v1/metadata/")
    os.chown(spool, 65534, 65534)
    assert f"{spool} is another user's" in tiledmap("replay", spool).stdout


def test_a_catalog_of_a_process_has_no_address(tiledmap, spool, tmp_path):
    with open_catalog(tmp_path / "catalog") as opened:
        writer = package.load("bluesky-v3").writer(opened.client, spool=spool)
        writer(*documents("run-1")[0])
        writer.close()
    result = tiledmap("replay", spool)
    assert result.returncode == 1
    assert "run-1: where it was begun has no address: say where to with --to" in result.stdout


def test_no_catalog_is_made_by_mistake(tiledmap, spool, tmp_path):
    leave(spool, documents("run-1"))
    result = tiledmap("replay", spool, "--to", "catalogue")
    assert (result.returncode, result.stderr) == (
        2,
        "tiledmap: there is no catalog in 'catalogue'\n",
    )
    assert len(survey(spool)) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--run", "run-7"], "there is no run 'run-7' in "),
        (["--set", "a=1"], "--set and --overlay change a mapping: name one with --mapping"),
        (["--mapping", "none.yaml"], "there is no file 'none.yaml'"),
        (["--api-key-env", "NO_KEY", "--to", "http://x"], "variable NO_KEY is not set"),
    ],
)
def test_wrong_use_is_said_and_nothing_done(tiledmap, spool, options, message):
    leave(spool, documents("run-1"))
    result = tiledmap("replay", spool, *options)
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr
    assert len(survey(spool)) == 1


@pytest.mark.parametrize("verb", ["replay", "status"])
def test_a_spool_that_is_not_there_is_said(tiledmap, verb):
    result = tiledmap(verb, "nowhere")
    assert result.returncode == 2
    assert "there is no directory 'nowhere'" in result.stderr


# ---------------------------------------------------------------- a server that is away


@pytest.fixture
def home(tmp_path):
    with serve_sqlite(tmp_path / "served") as server:
        yield server


@pytest.fixture
def begin():
    """Begin a replay in a process of its own, which ends with the test."""
    begun = []

    def begin_replay(*arguments, key="", stderr=subprocess.PIPE):
        environment = {"SMI_KEY": key, "TILED_RETRY_ATTEMPTS": "1", "TERM": "xterm"}
        process = subprocess.Popen(
            [
                SCRIPT,
                "replay",
                *map(str, arguments),
                *(["--api-key-env", "SMI_KEY"] if key else []),
            ],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        begun.append(process)
        return process

    yield begin_replay
    for process in begun:
        process.kill()
        process.communicate()


def wait_for_line(stream, words):
    for line in stream:
        if words in line:
            return
    pytest.fail(f"it ended without saying {words!r}")


def test_a_server_that_is_away_is_waited_for(spool, home, begin):
    home.kill()
    home.join()
    leave(spool, documents("run-1"), uri=f"{home.uri}/metadata/")
    process = begin(spool, key=home.api_key)
    wait_for_line(process.stderr, "waiting for the server")
    home.start()
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, output + errors
    assert "1 of 1 runs written" in output
    assert "the server is back" in errors
    assert survey(spool) == []


def test_a_server_that_goes_away_amid_a_run_is_waited_for(spool, home, begin):
    runs = [f"run-{number}" for number in range(10)]
    leave(spool, chain(*(documents(run, rows=200) for run in runs)), uri=f"{home.uri}/metadata/")
    process = begin(spool, key=home.api_key)
    with home.connect() as client:
        while len(client) < 2:
            assert process.poll() is None
    home.kill()
    home.join()
    wait_for_line(process.stderr, "waiting for the server")
    home.start()
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, output + errors
    assert "10 of 10 runs written" in output
    with home.connect() as client:
        for run in runs:
            assert rows_of(client, run) == [row / 2 for row in range(1, 201)]


def test_patience_has_an_end(spool, begin):
    named = [*documents("run-0"), *documents("run-1")]
    leave(spool, named, uri="http://127.0.0.1:9/api/v1/metadata/")
    process = begin(spool, "--patience", 0)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "run-0 and 1 more: http://127.0.0.1:9/api/v1/metadata/ cannot be reached" in output
    assert "0 of 2 runs written, 2 left" in output
    assert len(survey(spool)) == 2


def test_an_interrupt_leaves_everything_as_it_was(spool, begin):
    leave(spool, documents("run-1"), uri="http://127.0.0.1:9/api/v1/metadata/")
    process = begin(spool)
    wait_for_line(process.stderr, "waiting for the server")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "0 of 1 runs written, 1 left" in output
    assert errors.endswith("stopped\n")
    assert "Traceback" not in errors
    assert [info.locked for info in survey(spool)] == [False]


# ---------------------------------------------------------------- on a terminal


def test_progress_is_shown_on_a_terminal(spool, catalog, begin):
    leave(spool, documents("run-1"))
    terminal, other_end = os.openpty()
    process = begin(spool, "--to", catalog, stderr=other_end)
    os.close(other_end)
    shown = b""
    with suppress(OSError):  # the end of what a terminal shows
        while more := os.read(terminal, 1 << 16):
            shown += more
    os.close(terminal)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "1 of 1 runs written" in output
    assert re.search(r"run-1.*6/6.*documents", shown.decode())
