"""A run's key, specs, tags and streams as one beamline wants them (field need AT-5)."""

from pathlib import Path
from typing import Any

import pytest

import tiledmap
from tests.acceptance.logs import errors_in
from tiledmap.documents.recordings import read_documents
from tiledmap.sinks.embedded import EmbeddedCatalog

HAVEN = Path(__file__).parents[1] / "mappings" / "valid" / "haven.yaml"
KEY = "Ni_foil_xafs_scan_bluesky_42"
TAGS = (
    "esaf:BLS-00480-001",
    "beamline:7.0.1.1",
    "participant:keycloak_sub:abc",
    "participant:orcid:0000-0001-0000-0001",
)


@pytest.fixture
def documents(runs: Path) -> list[tuple[str, dict[str, Any]]]:
    return list(read_documents(runs / "at5.jsonl"))


def test_the_mapping_warns_that_readers_search_by_uid() -> None:
    assert [problem.code for problem in tiledmap.validate(HAVEN)] == ["TM502"]


def test_every_node_has_the_tags_and_the_run_its_specs(documents: Any) -> None:
    tree = tiledmap.load(HAVEN).preview(documents).tree

    run = tree["raw", KEY]
    assert [str(spec) for spec in run.specs] == ["XASRun/1.0", "BlueskyRun/3.0"]
    assert run.metadata["start"]["access_blob"] == documents[0][1]["access_blob"]
    assert run.metadata["start"]["uid"] == documents[0][1]["uid"]
    assert {path: node.access_tags for path, node in tree.items()} == dict.fromkeys(
        [
            ("raw",),
            ("raw", KEY),
            ("raw", KEY, "primary"),
            ("raw", KEY, "primary", "internal"),
        ],
        TAGS,
    )


def test_the_same_key_again_gets_a_suffix(
    catalog: EmbeddedCatalog, runs: Path, documents: Any
) -> None:
    again = list(read_documents(runs / "at5-again.jsonl"))
    with tiledmap.load(HAVEN).writer(catalog.client, on_error="raise") as writer:
        for name, document in [*documents, *again]:
            writer(name, document)

    raw = catalog.client["raw"]
    second = f"{KEY}_{again[0][1]['uid'][:8]}"
    assert sorted(raw) == sorted([KEY, second])
    for key, start in [(KEY, documents[0][1]), (second, again[0][1])]:
        assert raw[key].metadata["start"]["uid"] == start["uid"]
        assert list(raw[key].base) == ["primary"]
        assert len(raw[key]["primary"].read()["I0"]) == 2


def test_a_run_replayed_changes_nothing(catalog: EmbeddedCatalog, documents: Any) -> None:
    for _ in range(2):
        with tiledmap.load(HAVEN).writer(catalog.client, on_error="raise") as writer:
            for name, document in documents:
                writer(name, document)

    raw = catalog.client["raw"]
    assert list(raw) == [KEY]
    assert raw[KEY]["primary"].base["internal"].read()["seq_num"].tolist() == [1, 2]


def test_a_run_whose_tags_cannot_be_made_is_never_written_open(
    catalog: EmbeddedCatalog, documents: Any, caplog: pytest.LogCaptureFixture
) -> None:
    start = dict(documents[0][1], access_blob={"beamline": "7.0.1.1", "participants": []})
    with tiledmap.load(HAVEN).writer(catalog.client) as writer:
        for name, document in [("start", start), *documents[1:]]:
            writer(name, document)

    assert list(catalog.client) == []
    assert any("esaf_id" in message for message in errors_in(caplog))
