"""Whole runs of data in files: batches, breaks, files that are not as documents say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiledmap
from tests.acceptance.logs import errors_in
from tests.files import Array, frames, write_hdf5, write_sequence, write_tiff
from tests.parity.both import differences
from tests.parity.snapshot import snapshot
from tests.runs.external.record import (
    COMPOSED,
    DATASET,
    HERE,
    TIFF,
    as_committed,
    datum,
    image,
    resource,
    run,
    stream_datum,
    stream_resource,
    unfilled,
    validated,
)
from tests.runtime.layouts import event, key
from tiledmap.documents.recordings import NamedDocument, read_documents
from tiledmap.runtime import WriteError
from tiledmap.sinks.embedded import EmbeddedCatalog, open_catalog

MAPPING = "bluesky-v3"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    directory = tmp_path / "files"
    directory.mkdir()
    return directory


@pytest.fixture
def catalog(tmp_path: Path, files: Path) -> Iterator[EmbeddedCatalog]:
    with open_catalog(tmp_path / "catalog", readable_storage=[files]) as catalog:
        yield catalog


def store(
    catalog: EmbeddedCatalog, documents: list[NamedDocument], name: str = "runs", **options: Any
) -> Any:
    """Write documents into a container of this name; give the run."""
    root = catalog.client
    client = root[name] if name in root else root.create_container(name)
    with tiledmap.load(MAPPING).writer(client, **{"on_error": "raise", **options}) as writer:
        for kind, document in documents:
            writer(kind, document)
    return client["run-1"]


# What is recorded


@pytest.mark.parametrize("name", COMPOSED)
def test_the_recording_is_what_the_case_says(tmp_path: Path, name: str) -> None:
    recorded = COMPOSED[name](tmp_path)

    documents = validated(as_committed(recorded.documents, tmp_path))

    assert list(read_documents(HERE / f"{name}.jsonl")) == documents


@pytest.mark.parametrize("path", sorted(HERE.glob("*.jsonl")), ids=lambda path: path.stem)
def test_a_preview_needs_no_files(path: Path) -> None:
    documents = list(read_documents(path))
    external = {
        (document["name"], name)
        for kind, document in documents
        if kind == "descriptor"
        for name, data_key in document["data_keys"].items()
        if "external" in data_key
    }

    tree = tiledmap.load(MAPPING).preview(documents).tree

    sources = {path[1:]: node.source for path, node in tree.items() if node.source is not None}
    assert sources.keys() == external
    for source in sources.values():
        for asset in source.assets:
            assert asset.uri.startswith("file://localhost/detector/files/")


# Batches, and runs that break off

SEVERAL = ["ad-tiff-3", "one-resource-two-streams", "interleaved", "out-of-order", "gaps", "pages"]


@pytest.mark.parametrize("name", SEVERAL)
def test_batches_do_not_change_what_is_stored(
    catalog: EmbeddedCatalog, files: Path, name: str
) -> None:
    documents = COMPOSED[name](files).documents

    one_by_one = store(catalog, documents, "one-by-one", flush_rows=1)
    at_once = store(catalog, documents, "at-once")

    assert differences(snapshot(one_by_one), snapshot(at_once)) == {}


@pytest.mark.parametrize("name", SEVERAL)
def test_a_run_that_broke_off_is_completed_when_it_is_written_again(
    catalog: EmbeddedCatalog, files: Path, name: str
) -> None:
    documents = COMPOSED[name](files).documents
    whole = snapshot(store(catalog, documents, "whole"))

    store(catalog, documents[: 2 * len(documents) // 3], "broken", flush_rows=1)
    completed = store(catalog, documents, "broken", flush_rows=2)

    assert differences(snapshot(completed), whole) == {}


@pytest.mark.parametrize("flush_rows", [1, 100])
def test_two_sequences_of_files_may_take_turns(
    catalog: EmbeddedCatalog, files: Path, flush_rows: int
) -> None:
    """Files of the first come between those that Tiled knows already."""
    images = frames(4, 4, 6)
    write_sequence(f"{files}/a_{{:03d}}.tif", images[:2], write_tiff)
    write_sequence(f"{files}/b_{{:03d}}.tif", images[2:], write_tiff)
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2")},
        *(stream_resource(TIFF, files, uid, template=f"/{uid}_{{:03d}}.tif") for uid in "ab"),
        *(stream_datum(n, n + 1, uid) for n in range(2) for uid in ("a", "b")),
    )

    stored = store(catalog, documents, flush_rows=flush_rows)

    np.testing.assert_array_equal(stored["primary"].base["img"].read(), images)


def test_a_resource_need_not_name_its_run(catalog: EmbeddedCatalog, files: Path) -> None:
    recorded = COMPOSED["ad-hdf5"](files)
    documents = [
        (name, {field: value for field, value in document.items() if field != "run_start"})
        if name == "resource"
        else (name, document)
        for name, document in recorded.documents
    ]

    stored = store(catalog, documents)

    found = stored["primary"].base["img"].read()
    np.testing.assert_array_equal(found, recorded.values["primary/img"])


# Events that hold what was loaded


def test_loaded_values_are_known_by_their_datum(catalog: EmbeddedCatalog, files: Path) -> None:
    """Where `filled` names the datum, its file is registered; the values need not be stored."""
    images = frames(2, 4, 6)
    write_hdf5(files / "scan.h5", {DATASET: images})
    loaded = event(2, {"img": images[1].tolist()}, filled={"img": "res/1"})
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2")},
        resource("AD_HDF5", files, "scan.h5"),
        datum(0, point_number=0),
        unfilled(1, {"img": "res/0"}),
        datum(1, point_number=1),
        ("event", loaded),
    )

    stored = store(catalog, documents)

    np.testing.assert_array_equal(stored["primary"].base["img"].read(), images)


def test_loaded_values_of_which_no_file_is_known_are_an_array(
    catalog: EmbeddedCatalog, files: Path
) -> None:
    documents = run(
        {"img": image(2, dtype_numpy="<u2"), "x": key()},
        ("event", event(1, {"img": [1, 2], "x": 0.5}, filled={"img": True})),
    )

    stored = store(catalog, documents)

    dataset = stored["primary"].read()
    assert dataset["img"].values.tolist() == [[1, 2]]
    assert dataset["x"].values.tolist() == [0.5]
    assert "its events hold what was loaded from files" in stored.metadata["notes"][0]


# PostgreSQL


@pytest.mark.parametrize("flush_rows", [1, 10_000])
@pytest.mark.parametrize("name", ["ad-tiff-3", "two-resources", "interleaved"])
def test_files_are_read_through_a_server_with_postgresql(
    postgresql_client: Any, postgresql_files: Path, name: str, flush_rows: int
) -> None:
    directory = postgresql_files / f"{name}-{flush_rows}"
    directory.mkdir()
    recorded = COMPOSED[name](directory)

    with tiledmap.load(MAPPING).writer(
        postgresql_client, flush_rows=flush_rows, on_error="raise"
    ) as writer:
        for kind, document in recorded.documents:
            writer(kind, document)

    run = postgresql_client[recorded.documents[0][1]["uid"]]
    for path, values in recorded.values.items():
        stream, key = path.split("/")
        np.testing.assert_array_equal(run[stream].base[key].read(), values)


# Files that are not as documents say

TRUE = frames(3, 4, 6, dtype="int32")


def declared_wrong(files: Path) -> list[NamedDocument]:
    """A run whose documents are wrong about the HDF5 file's dtype, and the TIFF files' shape."""
    write_hdf5(files / "scan.h5", {DATASET: TRUE})
    write_sequence(f"{files}/abc_{{:03d}}.tif", TRUE, write_tiff)
    return run(
        {"stack": image(4, 6, dtype_numpy="<f8"), "sequence": image(6, 4, dtype_numpy="<i4")},
        stream_resource("application/x-hdf5", files / "scan.h5", "a", "stack", dataset=DATASET),
        stream_resource(
            "multipart/related;type=image/tiff",
            files,
            "b",
            "sequence",
            template="/abc_{:03d}.tif",
        ),
        stream_datum(0, 3, "a"),
        stream_datum(0, 3, "b"),
    )


def structures(stored: Any) -> dict[str, Any]:
    return {name: (node.dtype.str, node.shape) for name, node in stored["primary"].base.items()}


DECLARED = {"stack": ("<f8", (3, 4, 6)), "sequence": ("<i4", (3, 6, 4))}
FOUND = {"stack": ("<i4", (3, 4, 6)), "sequence": ("<i4", (3, 4, 6))}


def notes(stored: Any) -> str:
    return "\n".join(stored.metadata.get("notes", []))


def assert_readable(stored: Any, values: Array) -> None:
    for node in stored["primary"].base.values():
        np.testing.assert_array_equal(node.read(), values)


def test_unless_asked_for_nobody_looks_at_files(catalog: EmbeddedCatalog, files: Path) -> None:
    stored = store(catalog, declared_wrong(files))

    assert structures(stored) == DECLARED
    assert notes(stored) == ""


def test_differences_are_noted(
    catalog: EmbeddedCatalog, files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored = store(catalog, declared_wrong(files), check_files="warn", file_roots=[files])

    assert structures(stored) == DECLARED
    assert "declared (3, 4, 6) of float64, the files hold (3, 4, 6) of int32" in notes(stored)
    assert "declared (3, 6, 4) of int32, the files hold (3, 4, 6) of int32" in notes(stored)
    assert errors_in(caplog) == []


def test_differences_are_mended_so_that_the_files_can_be_read(
    catalog: EmbeddedCatalog, files: Path
) -> None:
    stored = store(catalog, declared_wrong(files), check_files="fix", file_roots=[files])

    assert structures(stored) == FOUND
    assert_readable(stored, TRUE)
    assert "the files hold (3, 4, 6) of int32; mended" in notes(stored)


def test_what_is_mended_stays_so_when_the_run_is_written_again(
    catalog: EmbeddedCatalog, files: Path
) -> None:
    documents = declared_wrong(files)
    once = snapshot(store(catalog, documents, check_files="fix", file_roots=[files]))

    again = store(catalog, documents, check_files="fix", file_roots=[files])

    assert differences(snapshot(again), once) == {}


def test_differences_are_errors_and_the_run_is_whole(
    catalog: EmbeddedCatalog, files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"check_files": "error", "file_roots": [files], "on_error": "log"}
    stored = store(catalog, declared_wrong(files), **options)

    assert sum("the files hold" in error for error in errors_in(caplog)) == 2
    assert "the files hold" in notes(stored)
    assert structures(stored) == DECLARED
    assert stored.metadata["stop"]["exit_status"] == "success"


def test_differences_may_be_raised(catalog: EmbeddedCatalog, files: Path) -> None:
    with pytest.raises((WriteError, ExceptionGroup), match="files"):
        store(catalog, declared_wrong(files), check_files="error", file_roots=[files])

    assert catalog.client["runs"]["run-1"].metadata["stop"]["exit_status"] == "success"


def test_files_that_agree_are_not_mentioned(catalog: EmbeddedCatalog, files: Path) -> None:
    for name in ("ad-hdf5-3", "ad-tiff-3"):
        directory = files / name
        stored = store(
            catalog,
            COMPOSED[name](directory).documents,
            name,
            check_files="warn",
            file_roots=[directory],
        )
        assert notes(stored) == ""


def test_the_server_looks_at_files_that_may_not_be_opened_here(
    catalog: EmbeddedCatalog, files: Path
) -> None:
    """It reads them anyway, and has bluesky-tiled-plugins' route for that."""
    stored = store(catalog, declared_wrong(files), check_files="fix")

    assert structures(stored) == FOUND
    assert_readable(stored, TRUE)
    assert "primary/stack" in notes(stored)


@pytest.mark.parametrize("mode", ["warn", "fix", "error"])
def test_files_outside_of_the_roots_are_not_opened(
    files: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    """Nobody else looks, either: this tree is in memory."""
    from tiledmap.sinks.memory import MemorySink

    (tmp_path / "elsewhere").mkdir()
    sink = MemorySink()
    options: dict[str, Any] = {"check_files": mode, "file_roots": [tmp_path / "elsewhere"]}
    with tiledmap.load(MAPPING).writer(sink, **options) as writer:
        for name, document in declared_wrong(files):
            writer(name, document)

    stored = "\n".join(sink.tree[("run-1",)].metadata["notes"])
    assert stored.count("not checked") == 2
    assert "the files hold" not in stored
    source = sink.tree["run-1", "primary", "stack"].source
    assert source is not None
    assert source.dtype == np.dtype("<f8")
