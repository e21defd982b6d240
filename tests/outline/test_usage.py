from pathlib import Path

import pytest

import tiledmap
from tiledmap.documents.recordings import read_documents
from tiledmap.outline.usage import Usage, count_usage

RUNS = Path(__file__).parents[1] / "runs"


def usage(mapping: str | Path, *recordings: Path) -> Usage:
    loaded = tiledmap.load(mapping)
    documents = (named for path in recordings for named in read_documents(path))
    return count_usage(loaded.resolved, loaded.layout, documents)


@pytest.fixture(scope="module")
def smi() -> dict[str, tuple[int, int, str]]:
    counted = usage("smi", RUNS / "beamlines" / "smi.jsonl")
    return {rule.rule: (rule.matched, rule.of, rule.what) for rule in counted.rules}


def test_repairs_are_counted(smi: dict[str, tuple[int, int, str]]) -> None:
    assert smi["repair.data_keys.pilatus-is-int32"] == (1, 2, "data keys")
    assert smi["repair.resources.area-detector-tiff"] == (1, 1, "resources")
    assert smi["repair.resources.xspress3"] == (0, 1, "resources")
    assert smi["repair.roots.old-mount"] == (1, 1, "resources")


def test_rules_of_which_the_first_fits_are_counted(smi: dict[str, tuple[int, int, str]]) -> None:
    assert smi["streams.every-stream"] == (1, 1, "streams")
    assert smi["streams.every-stream.data.files"] == (1, 2, "data keys")
    assert smi["streams.every-stream.data.scalars"] == (1, 2, "data keys")
    assert smi["assets.tiff"] == (1, 1, "files")
    assert smi["assets.hdf5"] == (0, 1, "files")


def test_every_data_key_is_taken_once() -> None:
    counted = usage("bluesky-v3", *RUNS.glob("*.jsonl"))
    of_data = [rule for rule in counted.rules if ".data." in rule.rule]
    assert sum(rule.matched for rule in of_data) == of_data[0].of > 0
    assert counted.runs > 1


def test_declared_fields_are_looked_for(tmp_path: Path) -> None:
    file = tmp_path / "declaring.yaml"
    file.write_text(
        "tiledmap: 1\nname: declaring\nversion: 1.0.0\nextends: bluesky-v3\n"
        "source: {start: {properties: {plan_name: {type: string}, wafer: {type: string}}}}\n"
    )
    counted = usage(file, RUNS / "scan.jsonl")
    seen = {(use.document, use.field): use.seen for use in counted.fields}
    assert (seen["start", "plan_name"], seen["start", "wafer"]) == (1, 0)
    assert "wafer" in {getattr(each, "field", "") for each in counted.unused}


def test_the_same_is_stored_as_without_counting() -> None:
    loaded = tiledmap.load("bluesky-v3")
    counted = count_usage(loaded.resolved, loaded.layout, read_documents(RUNS / "scan.jsonl"))
    tree = loaded.preview(read_documents(RUNS / "scan.jsonl")).tree
    streams = [path for path in tree if len(path) == 2]
    (rule,) = [rule for rule in counted.rules if rule.rule == "streams.every-stream"]
    assert rule.matched == len(streams)
