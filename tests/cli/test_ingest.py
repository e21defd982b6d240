import json

import h5py
import numpy as np
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
        ("resource", {"uid": "old"}),
        ("bulk_datum", {"datum_ids": ["old/0"], "resource": "old"}),
        ("bulk_events", {"d": []}),
        ("stop", {"run_start": "r"}),
    ]
    assert [runs.run_of(name, document) for name, document in named] == ["r"] * len(named)


def test_a_document_of_an_unknown_run_is_told_none():
    assert Runs().run_of("event", {"descriptor": "d"}) is None


def test_a_resource_of_two_open_runs_belongs_to_neither():
    runs = Runs()
    for uid in ("a", "b"):
        runs.run_of("start", {"uid": uid})

    assert runs.run_of("resource", {"uid": "old"}) is None
    assert runs.run_of("stop", {"run_start": "a"}) == "a"
    assert runs.run_of("resource", {"uid": "old"}) == "b"


REPAIRS = """
repair:
  data_keys:
    - name: motor-is-single
      match: {name: motor}
      set: {dtype_numpy: float32}
      reason: The controller has single precision.
    - name: pilatus
      match: {name: "pil*"}
      set: {units: counts}
      reason: Not described.
  stop:
    - name: short-lived
      set: {reason: none}
      reason: It was missing once.
      until: 1969-12-31
"""


@pytest.fixture
def repairing(mapping):
    mapping.write_text(mapping.read_text() + REPAIRS)
    return mapping


def test_repairs_are_counted(tiledmap, repairing, recording):
    result = tiledmap("ingest", repairing, "--documents", recording, recording)
    assert "repairs applied: data_keys.motor-is-single (2)" in result.stdout
    assert (
        "repairs that met nothing: data_keys.pilatus (smi.yaml:20), "
        "stop.short-lived (smi.yaml:25)" in result.stdout
    )


def test_repairs_are_counted_for_programs(tiledmap, repairing, recording):
    result = tiledmap("ingest", repairing, "--documents", recording, "--format", "json")
    rules = {rule["name"]: rule for rule in json.loads(result.stdout)["repairs"]}
    assert rules["motor-is-single"] == {
        "section": "data_keys",
        "name": "motor-is-single",
        "at": "smi.yaml:16",
        "applied": 1,
    }
    assert (rules["pilatus"]["applied"], rules["short-lived"]["applied"]) == (0, 0)


def with_a_file(path, declared):
    """Documents of a run whose image, of 32-bit integers, is in an HDF5 file."""
    with h5py.File(path, "w") as file:
        file["entry/data/data"] = np.zeros((3, 4, 6), "i4")
    named = documents("run-1")
    named[1][1]["data_keys"]["image"] |= {"external": "STREAM:", "dtype_numpy": declared}
    for name, document in named:
        if name == "event":
            del document["data"]["image"], document["timestamps"]["image"]
    resource = {
        "uid": "r",
        "run_start": "run-1",
        "data_key": "image",
        "mimetype": "application/x-hdf5",
        "uri": f"file://localhost{path}",
        "parameters": {"dataset": "/entry/data/data"},
    }
    datum = {
        "uid": "r/0",
        "stream_resource": "r",
        "descriptor": "run-1-d",
        "indices": {"start": 0, "stop": 3},
        "seq_nums": {"start": 1, "stop": 4},
    }
    named[2:2] = [["stream_resource", resource], ["stream_datum", datum]]
    return named


@pytest.mark.parametrize(
    ("mode", "root", "code", "dtype"),
    [
        ("off", ".", 0, "float64"),
        ("warn", ".", 0, "float64"),
        ("fix", ".", 0, "int32"),
        ("error", ".", 1, "float64"),
        ("fix", "elsewhere", 0, "int32"),  # the catalog's own validator looks
    ],
)
def test_files_are_compared_with_what_is_declared(tiledmap, tmp_path, mode, root, code, dtype):
    recording = write(tmp_path / "files.jsonl", *with_a_file(tmp_path / "image.h5", "<f8"))
    (tmp_path / "elsewhere").mkdir()
    options = ["--check-files", mode, "--file-root", root, "--documents", recording]

    result = tiledmap("ingest", "bluesky-v3", *options)

    assert result.returncode == code, result.stdout
    notes = "the files hold (3, 4, 6) of int32" if root == "." else "validation of 'primary/image'"
    assert (notes in result.stdout) is (mode != "off")
    with open_catalog(tmp_path / "tiled-data") as catalog:
        image = catalog.client["run-1"]["primary"].base["image"]
        assert str(image.dtype) == dtype
        assert "notes" in catalog.client["run-1"].metadata or mode == "off"


def test_a_directory_of_files_that_is_not_there_is_said(tiledmap, recording):
    result = tiledmap("ingest", "bluesky-v3", "--documents", recording, "--file-root", "files")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "tiledmap: there is no directory 'files' for --file-root\n"
