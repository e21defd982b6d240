import json
from pathlib import Path

import pytest

from tests.cli.conftest import documents, write
from tiledmap import load
from tiledmap.cli.preflight import find_needs
from tiledmap.sinks.embedded import open_catalog

MAPPING = """\
tiledmap: 1
name: smi
version: 1.0.0
extends: bluesky-v3@^3
"""
HDF5 = "application/x-hdf5"


@pytest.fixture
def needs_of(tmp_path):
    """What a mapping needs, which says this beside what bluesky-v3 does."""

    def needs(text="", settings=None):
        path = tmp_path / "m.yaml"
        path.write_text(MAPPING + text)
        return find_needs(load(path, settings=settings).plan, [], [], [])

    return needs


@pytest.fixture
def catalog_directory(tmp_path):
    """A directory with an empty catalog."""
    open_catalog(tmp_path / "catalog").close()
    return "catalog"


def external_run(directory: Path):
    """A run whose images are in an HDF5 file that need not be there."""
    start, descriptor, *_, stop = documents("run-1", rows=1)
    start[1]["tiled_access_tags"] = ["pass-7"]
    key = {"source": "sim", "dtype": "array", "shape": [1, 4, 6], "dtype_numpy": "<u2"}
    descriptor[1]["data_keys"] = {"img": {**key, "external": "STREAM:"}}
    descriptor[1]["object_keys"] = {"camera": ["img"]}
    resource = {
        "uid": "res",
        "run_start": "run-1",
        "data_key": "img",
        "mimetype": HDF5,
        "uri": f"file://localhost{directory}/img.h5",
        "parameters": {"dataset": "entry/data", "chunk_shape": [1, 4, 6]},
    }
    datum = {
        "uid": "res/0",
        "stream_resource": "res",
        "descriptor": descriptor[1]["uid"],
        "indices": {"start": 0, "stop": 2},
        "seq_nums": {"start": 1, "stop": 3},
    }
    return [start, descriptor, ["stream_resource", resource], ["stream_datum", datum], stop]


# What a mapping needs


def test_the_shipped_layout_needs_what_its_rules_can_give(needs_of):
    needs = needs_of()
    assert HDF5 in needs.mimetypes
    assert "multipart/related;type=image/tiff" in needs.mimetypes
    assert (needs.files, needs.tables, needs.arrays, needs.lists) == (True, True, True, False)
    assert needs.roots == needs.access_tags == ()


@pytest.mark.parametrize(("size", "lists"), [(0, False), (16, True), (-1, True)])
def test_small_arrays_in_tables_need_lists(needs_of, size, lists):
    assert needs_of(settings={"max_array_size": size}).lists is lists


def test_roots_and_tags_of_the_mapping_are_needed(needs_of):
    needs = needs_of(
        "repair:\n"
        "  roots:\n"
        "    - {name: a, prefix: /data1, becomes: /data, reason: moved}\n"
        "    - {name: b, prefix: /data2, becomes: '/x/${{ start.uid }}', reason: moved}\n"
        "    - {name: c, prefix: /data3, becomes: /old, until: 2020-01-01, reason: moved}\n"
        "run:\n"
        "  access_tags: [{tag: beamline}, {tag: '${{ start.uid }}'}]\n"
        "  fallback_tags: [staff]\n"
    )
    assert needs.roots == ("/data",)
    assert needs.access_tags == ("beamline", "staff")


def test_mimetypes_of_repairs_are_needed_but_not_refused_ones(needs_of):
    rules = (
        "repair:\n"
        "  resources:\n"
        "    - {name: own, match: {spec: OWN}, mimetype: image/x-own, reason: ours}\n"
        "    - {name: old, match: {spec: OLD}, mimetype: image/x-old, reason: ours,"
        " until: 2020-01-01}\n"
        "assets:\n"
        "  - {name: no, match: {mimetype: image/x-no}, refuse: not ours}\n"
        "  - {name: own, match: {mimetype: 'image/x-*'}, consolidator: bytes}\n"
    )
    mimetypes = needs_of(rules).mimetypes
    assert "image/x-own" in mimetypes
    assert not {"image/x-old", "image/x-no", "image/x-*"} & {*mimetypes}


def test_documents_say_more(needs_of, tmp_path):
    loaded = load("bluesky-v3")
    ops = loaded.preview((name, doc) for name, doc in external_run(tmp_path / "data")).ops
    needs = find_needs(loaded.plan, ops, ["/given"], ["given"])
    assert needs.roots == ("/given", f"file://localhost{tmp_path}/data")
    assert needs.access_tags == ("given", "pass-7")


# The verb


def test_a_catalog_that_is_ready(tiledmap, catalog_directory):
    result = tiledmap("preflight", "bluesky-v3", "--to", catalog_directory)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "catalog: is ready" in result.stdout
    assert "storage for tables" in result.stdout
    assert "deleted again" in " ".join(result.stdout.split())


def test_what_is_missing_is_said_with_what_to_do(tiledmap, catalog_directory, tmp_path):
    write(tmp_path / "run.jsonl", *external_run(tmp_path / "data"))
    result = tiledmap(
        *("preflight", "bluesky-v3", "--to", catalog_directory, "--documents", "run.jsonl"),
        *("--root", tmp_path / "catalog" / "data", "--tag", "pass-8", "--format", "json"),
    )
    assert result.returncode == 1
    answer = json.loads(result.stdout)
    assert answer["ready"] is False
    found = {finding["subject"]: finding for finding in answer["findings"]}
    assert found[f"files in {tmp_path}/catalog/data"]["outcome"] == "ok"
    assert found[f"files in file://localhost{tmp_path}/data"]["outcome"] == "missing"
    assert found["access tag pass-7"]["outcome"] == "missing"
    assert found["access tag pass-8"]["hint"]
    assert found[f"an adapter for {HDF5}"]["outcome"] == "ok"


def test_what_is_missing_is_counted_for_people(tiledmap, catalog_directory):
    result = tiledmap(
        *("preflight", "bluesky-v3", "--to", catalog_directory),
        *("--set", "max_array_size=16", "--root", "/etc"),
    )
    assert result.returncode == 1
    assert "catalog: 2 things are missing" in result.stdout
    assert "readable_storage" in result.stdout


def test_a_server_is_asked_with_the_key_of_the_environment(tiledmap, server):
    options = ["--to", server.uri, "--api-key-env", "SMI_KEY"]
    result = tiledmap("preflight", "bluesky-v3", *options, SMI_KEY=server.api_key)
    assert result.returncode == 0, result.stdout + result.stderr
    assert server.api_key not in result.stdout + result.stderr


def test_what_depends_on_documents_is_said_to_be_unknown(tiledmap, catalog_directory, tmp_path):
    (tmp_path / "m.yaml").write_text(
        MAPPING + "repair:\n"
        "  roots:\n"
        "    - {name: b, prefix: /data2, becomes: '/x/${{ start.uid }}', reason: moved}\n"
    )
    arguments = ["preflight", "m.yaml", "--to", catalog_directory, "--format", "json"]
    answer = json.loads(tiledmap(*arguments).stdout)
    unknown = [found["subject"] for found in answer["findings"] if found["outcome"] == "unknown"]
    assert unknown == ["files of /data2", "access tags of runs"]
    assert answer["ready"] is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "nowhere"], "there is no catalog in 'nowhere'"),
        (["--to", "catalog", "--root", "data"], "--root takes an absolute path or a URI"),
        (["--to", "http://127.0.0.1:9"], "cannot be reached"),
        (["--to", "catalog", "--documents", "none.jsonl"], "there is no file 'none.jsonl'"),
    ],
)
def test_wrong_use_is_said(tiledmap, catalog_directory, tmp_path, arguments, message):
    result = tiledmap("preflight", "bluesky-v3", *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert not (tmp_path / "nowhere").exists()
