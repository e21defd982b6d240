import json

import pytest

from tests.cli.conftest import documents, write
from tiledmap.cli.recordings import Runs
from tiledmap.sinks.embedded import open_catalog


def test_runs_are_written_into_a_directory(tiledmap, mapping, recording, tmp_path):
    result = tiledmap("ingest", mapping, "--documents", recording, "--to", "catalog")
    assert result.returncode == 0, result.stderr
    assert "1 of 1 runs written to catalog" in result.stdout
    with open_catalog(tmp_path / "catalog") as catalog:
        run = catalog.client["Ni_foil"]["run-1"]
        assert list(run["primary"].read()["motor"].values) == [0.5, 1.0, 1.5]


def test_the_directory_need_not_be_named(tiledmap, recording, tmp_path):
    assert tiledmap("ingest", "bluesky-v3", "--documents", recording).returncode == 0
    assert (tmp_path / "tiled-data" / "catalog.db").is_file()


def test_writing_again_changes_nothing(tiledmap, recording, tmp_path):
    for _ in range(2):
        assert tiledmap("ingest", "bluesky-v3", "--documents", recording).returncode == 0
    with open_catalog(tmp_path / "tiled-data") as catalog:
        assert list(catalog.client) == ["run-1"]
        assert len(catalog.client["run-1"]["primary"].base["internal"].read()) == 3


def test_a_run_that_fails_harms_no_other(tiledmap, recording, tmp_path):
    broken = documents("run-2")
    del broken[1][1]["time"]
    mixed = [pair for both in zip(broken, documents("run-3"), strict=True) for pair in both]
    interleaved = write(tmp_path / "mixed.jsonl", *mixed)
    result = tiledmap(
        "ingest", "bluesky-v3", "--documents", recording, interleaved, "--format", "json"
    )
    assert result.returncode == 1
    outcomes = {run["run"]: run["outcome"] for run in json.loads(result.stdout)["runs"]}
    assert outcomes == {"run-1": "written", "run-2": "failed", "run-3": "written"}
    with open_catalog(tmp_path / "tiled-data") as catalog:
        assert len(catalog.client["run-3"]["primary"].base["internal"].read()) == 3


def test_a_recording_that_breaks_off_is_said_and_harms_no_other(tiledmap, recording, tmp_path):
    torn = write(tmp_path / "torn.jsonl", *documents("run-2")[:-1])
    torn.write_text(torn.read_text() + '["stop", {"uid')
    result = tiledmap("ingest", "bluesky-v3", "--documents", torn, recording)
    assert result.returncode == 1
    assert "1 of 2 runs written" in result.stdout
    assert "has no stop document" in result.stdout
    assert "torn.jsonl" in result.stdout


def test_a_document_of_no_known_run_is_said(tiledmap, tmp_path):
    strays = write(tmp_path / "strays.jsonl", *documents("run-1")[2:])
    result = tiledmap("ingest", "bluesky-v3", "--documents", strays)
    assert result.returncode == 1
    assert "no run" in result.stdout


def test_a_server_is_written_to_with_the_key_of_the_environment(tiledmap, recording, server):
    options = ["--to", server.uri, "--api-key-env", "SMI_KEY"]
    written = tiledmap(
        "ingest", "bluesky-v3", "--documents", recording, *options, SMI_KEY=server.api_key
    )
    assert written.returncode == 0, written.stderr
    assert server.api_key not in written.stdout + written.stderr
    client = server.connect()
    assert "run-1" in client
    client.context.close()


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("http://127.0.0.1:9", "the environment variable NO_KEY is not set"),
        ("catalog", "a directory has no key"),
    ],
)
def test_a_key_that_is_of_no_use_is_said(tiledmap, recording, to, message):
    result = tiledmap(
        "ingest", "bluesky-v3", "--documents", recording, "--to", to, "--api-key-env", "NO_KEY"
    )
    assert result.returncode == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("", "the name of the directory is empty"),
        ("run.jsonl", "'run.jsonl' is not a directory"),
        ("localhost:8000", "a server's address begins with http: http://localhost:8000"),
        ("ftp://localhost", "cannot be reached"),
    ],
)
def test_a_destination_that_is_none_is_said(tiledmap, recording, to, message):
    result = tiledmap("ingest", "bluesky-v3", "--documents", recording, "--to", to)
    assert result.returncode == 2
    assert message in result.stderr


def test_runs_are_not_written_below_a_table(tiledmap, recording, server):
    with_key = ["--api-key-env", "SMI_KEY"]
    verb = ["ingest", "bluesky-v3", "--documents", recording, *with_key, "--to"]
    tiledmap(*verb, server.uri, SMI_KEY=server.api_key)
    table = f"{server.uri}/metadata/run-1/primary/internal"
    result = tiledmap(*verb, table, SMI_KEY=server.api_key)
    assert result.returncode == 2
    assert "is no container for runs, but holds data: table" in result.stderr


@pytest.mark.parametrize(
    "pair",
    [
        ["start", {"time": 1.0}],
        ["start", {"uid": ["x"], "time": 1.0}],
        ["stop", {"uid": "s", "run_start": {}}],
        ["datum", {"datum_id": [["x"]], "resource": []}],
        ["event_page", {"descriptor": {}}],
    ],
)
def test_a_document_that_is_none_belongs_to_no_run(tiledmap, tmp_path, pair):
    strange = write(tmp_path / "strange.jsonl", pair)
    result = tiledmap("ingest", "bluesky-v3", "--documents", strange)
    assert result.returncode == 1
    assert f"documents of no run that is known: 1 x {pair[0]}" in result.stdout


def test_a_recording_without_documents_is_said(tiledmap, tmp_path):
    (tmp_path / "empty.jsonl").touch()
    for verb in ("ingest", "preview"):
        result = tiledmap(verb, "bluesky-v3", "--documents", "empty.jsonl")
        assert result.returncode == 1
        assert "'empty.jsonl' holds no documents" in result.stdout + result.stderr


def test_every_kind_of_document_is_told_its_run():
    runs = Runs()
    named = [
        ("start", {"uid": "r"}),
        ("descriptor", {"uid": "d", "run_start": "r"}),
        ("resource", {"uid": "s", "run_start": "r"}),
        ("datum", {"datum_id": "s/0", "resource": "s"}),
        ("datum_page", {"datum_id": ["s/1"], "resource": "s"}),
        ("stream_resource", {"uid": "t", "run_start": "r"}),
        ("stream_datum", {"uid": "t/0", "stream_resource": "t", "descriptor": "d"}),
        ("event", {"descriptor": "d"}),
        ("event_page", {"descriptor": "d"}),
        ("stop", {"run_start": "r"}),
    ]
    assert [runs.run_of(name, document) for name, document in named] == ["r"] * len(named)


def test_a_document_of_an_unknown_run_is_told_none():
    assert Runs().run_of("event", {"descriptor": "d"}) is None
