"""Where TiledWriter goes wrong, `bluesky-v3` does not: each test shows both."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from event_model import UnresolvableForeignKeyError
from pyarrow.lib import ArrowInvalid

from tests.acceptance.logs import errors_in
from tests.files import frames, write_bytes, write_hdf5, write_sequence, write_tiff
from tests.parity.both import differences, write_ours, write_theirs
from tests.parity.snapshot import snapshot
from tests.runs.external.record import (
    COMPOSED,
    DATASET,
    HDF5,
    TIFF,
    datum,
    each_with_its_event,
    image,
    resource,
    run,
    stream_datum,
    stream_resource,
    unfilled,
)
from tests.runtime.layouts import descriptor, event, key, start, stop
from tiledmap.documents.recordings import NamedDocument, read_documents
from tiledmap.sinks.embedded import EmbeddedCatalog, open_catalog


@pytest.fixture
def files(tmp_path: Path) -> Path:
    directory = tmp_path / "files"
    directory.mkdir()
    return directory


@pytest.fixture
def catalog(tmp_path: Path, files: Path) -> Iterator[EmbeddedCatalog]:
    with open_catalog(tmp_path / "catalog", readable_storage=[files]) as catalog:
        yield catalog


def uris(node: Any) -> list[str]:
    return [asset.data_uri for asset in node.data_sources()[0].assets]


def notes(container: Any) -> str:
    (run,) = container.values()
    return "\n".join(run.metadata.get("notes", []))


def read(container: Any, path: str) -> Any:
    return node_of(container, path).read()


def node_of(container: Any, path: str) -> Any:
    (run,) = container.values()
    stream, name = path.split("/")
    return run[stream].base[name]


def one_image(
    announced: NamedDocument, shape: tuple[int | None, ...] = (4, 6)
) -> list[NamedDocument]:
    """A run of one event with a number and an image."""
    return run(
        {"img": image(*shape, dtype_numpy="<u2"), "x": key()},
        announced,
        datum(0, point_number=0),
        unfilled(1, {"img": "res/0", "x": 0.5}),
    )


# What files are called


def test_there_is_one_slash_after_the_root(catalog: EmbeddedCatalog, files: Path) -> None:
    images = frames(1, 4, 6)
    write_hdf5(files / "scan.h5", {DATASET: images})
    documents = one_image(resource("AD_HDF5", Path("/"), str(files / "scan.h5")))

    theirs = write_theirs(catalog, documents)
    ours = write_ours(catalog, documents)

    assert uris(node_of(theirs, "primary/img")) == [f"file://localhost/{files}/scan.h5"]
    assert uris(node_of(ours, "primary/img")) == [f"file://localhost{files}/scan.h5"]
    np.testing.assert_array_equal(read(ours, "primary/img"), images)


def test_a_template_of_directory_and_name(catalog: EmbeddedCatalog, files: Path) -> None:
    """The first ``%s`` is the directory, as areaDetector has it; the second is the name."""
    images = frames(1, 4, 6)
    write_sequence(f"{files}/abc_{{:03d}}.tif", images, write_tiff)
    said = {"template": "%s/%s_%3.3d.tif", "filename": "abc"}
    documents = one_image(resource("AD_TIFF", files.parent, files.name, **said))

    theirs = write_theirs(catalog, documents)
    ours = write_ours(catalog, documents)

    assert uris(node_of(theirs, "primary/img")) == [f"file://localhost{files}abc/_000.tif"]
    np.testing.assert_array_equal(read(ours, "primary/img"), images)


# What specs stand for


def test_a_spec_is_known_in_any_case(catalog: EmbeddedCatalog, files: Path) -> None:
    images = frames(1, 4, 6)
    write_hdf5(files / "scan.h5", {"entry/data": images})
    documents = one_image(resource("PIL100k_HDF5", files, "scan.h5", path="entry/data"))

    theirs = write_theirs(catalog, documents)
    ours = write_ours(catalog, documents)

    assert node_of(theirs, "primary/img").structure_family == "bytes"
    np.testing.assert_array_equal(read(ours, "primary/img"), images)


def test_an_unknown_spec_is_an_error_that_costs_nothing_else(
    catalog: EmbeddedCatalog, files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_bytes(files / "scan.xyz", frames(1, 4, 6))
    documents = one_image(resource("NOBODY_KNOWS", files, "scan.xyz"))

    theirs = write_theirs(catalog, documents)
    assert node_of(theirs, "primary/img").structure_family == "bytes"
    assert errors_in(caplog) == []

    ours = write_ours(catalog, documents, on_error="log")

    unknown = "no rule says what the spec 'NOBODY_KNOWS' stands for"
    assert all(unknown in error for error in errors_in(caplog))
    assert "resource res" in errors_in(caplog)[0]
    assert unknown in notes(ours)
    (stored,) = ours.values()
    assert list(stored["primary"].base) == ["internal"]
    assert stored["primary"].read()["x"].values.tolist() == [0.5]
    assert stored.metadata["stop"]["exit_status"] == "success"


def test_a_mimetype_that_no_rule_knows(
    catalog: EmbeddedCatalog, files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    documents = run(
        {"img": image(4, 6)},
        stream_resource("application/x-nobody", files / "scan.xyz"),
        stream_datum(0, 1),
    )

    with pytest.raises(Exception, match="application/x-nobody"):
        write_theirs(catalog, documents)
    ours = write_ours(catalog, documents, on_error="log")

    (error,) = errors_in(caplog)
    assert "no consolidator reads application/x-nobody; add a rule to assets" in error
    assert "no consolidator reads application/x-nobody" in notes(ours)
    (stored,) = ours.values()
    assert list(stored["primary"].base) == []
    assert stored.metadata["stop"]["exit_status"] == "success"


# What descriptors declare


def test_a_length_that_nobody_knows_is_an_error_and_no_exception(
    catalog: EmbeddedCatalog, files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_hdf5(files / "scan.h5", {DATASET: frames(1, 4, 6)})
    documents = one_image(resource("AD_HDF5", files, "scan.h5"), (None, 6))

    with pytest.raises(NotImplementedError):
        write_theirs(catalog, documents)
    ours = write_ours(catalog, documents, on_error="log")

    (error,) = errors_in(caplog)
    assert "'img'" in error
    assert "shape" in error
    assert "'img'" in notes(ours)
    (stored,) = ours.values()
    assert list(stored["primary"].base) == ["internal"]
    assert stored.metadata["stop"]["exit_status"] == "success"


def test_a_later_descriptor_may_have_another_detector(
    catalog: EmbeddedCatalog, files: Path
) -> None:
    """The incumbent looks for its data key in the first descriptor."""
    images = frames(4, 4, 6)
    write_hdf5(files / "one.h5", {DATASET: images[:2]})
    write_hdf5(files / "two.h5", {DATASET: images[2:]})
    declared = image(4, 6, dtype_numpy="<u2")
    documents: list[NamedDocument] = [
        ("start", start()),
        ("descriptor", descriptor({"one": declared})),
        stream_resource(HDF5, files / "one.h5", "sres-1", "one", dataset=DATASET),
        stream_datum(0, 2, "sres-1"),
        ("descriptor", descriptor({"one": declared, "two": declared}, uid="desc-2")),
        stream_resource(HDF5, files / "two.h5", "sres-2", "two", dataset=DATASET),
        stream_datum(0, 2, "sres-2", "desc-2"),
        ("stop", stop()),
    ]

    with pytest.raises(KeyError, match="two"):
        write_theirs(catalog, documents)
    ours = write_ours(catalog, documents)

    np.testing.assert_array_equal(read(ours, "primary/one"), images[:2])
    np.testing.assert_array_equal(read(ours, "primary_2/two"), images[2:])


# How datums are counted


def test_rows_of_one_file_are_its_frames_whatever_is_left_out(
    catalog: EmbeddedCatalog, files: Path
) -> None:
    """The incumbent registers as many rows as are announced, and reads others."""
    images = frames(6, 4, 6)
    write_hdf5(files / "gap.h5", {DATASET: images})
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2")},
        stream_resource(HDF5, files / "gap.h5", dataset=DATASET),
        stream_datum(0, 2),
        stream_datum(4, 6),
    )

    theirs = write_theirs(catalog, documents)
    ours = write_ours(catalog, documents)

    np.testing.assert_array_equal(read(theirs, "primary/img"), images[:4])
    np.testing.assert_array_equal(read(ours, "primary/img"), images)
    assert "event 5 to 6 is datum 4 to 5, counted from 0" in notes(ours)


def test_datums_may_come_after_their_events(catalog: EmbeddedCatalog, files: Path) -> None:
    recorded = COMPOSED["datums-late"](files)

    with pytest.raises(UnresolvableForeignKeyError):
        write_theirs(catalog, recorded.documents)
    ours = write_ours(catalog, recorded.documents)

    np.testing.assert_array_equal(read(ours, "primary/img"), recorded.values["primary/img"])


def test_frames_of_a_second_file_are_counted_from_its_own_first(
    catalog: EmbeddedCatalog, files: Path
) -> None:
    """The incumbent sees that counting began anew only where the number becomes smaller."""
    images = frames(5, 4, 6)
    write_hdf5(files / "a.h5", {DATASET: images[:2]})
    write_hdf5(files / "b.h5", {DATASET: images[2:]})
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2"), "x": key()},
        resource("AD_HDF5", files, "a.h5", "res-a"),
        resource("AD_HDF5", files, "b.h5", "res-b"),
        *each_with_its_event(datum(0, "res-a", frame=1), datum(1, "res-b", frame=2)),
    )

    theirs = write_theirs(catalog, documents)
    ours = write_ours(catalog, documents)

    assert node_of(theirs, "primary/img").shape == (3, 4, 6)
    np.testing.assert_array_equal(read(ours, "primary/img"), images)


def test_chunks_of_a_sequence_do_not_cut_files(catalog: EmbeddedCatalog, files: Path) -> None:
    """Two events of six frames, in files of three: the incumbent cuts six into four and two."""
    recorded = COMPOSED["tiff-pages"](files)

    theirs = write_theirs(catalog, recorded.documents)
    ours = write_ours(catalog, recorded.documents)

    assert node_of(theirs, "primary/img").chunks == ((2,), (4, 2), (4,), (6,))
    assert node_of(ours, "primary/img").chunks == ((2,), (6,), (4,), (6,))
    np.testing.assert_array_equal(read(ours, "primary/img"), recorded.values["primary/img"])


def test_two_sequences_of_files_take_turns(catalog: EmbeddedCatalog, files: Path) -> None:
    """The incumbent counts the files of the second on from those of the first."""
    images = frames(4, 4, 6)
    write_sequence(f"{files}/a_{{:03d}}.tif", images[:2], write_tiff)
    write_sequence(f"{files}/b_{{:03d}}.tif", images[2:], write_tiff)
    documents = run(
        {"img": image(4, 6, dtype_numpy="<u2")},
        stream_resource(TIFF, files, "a", template="/a_{:03d}.tif"),
        stream_resource(TIFF, files, "b", template="/b_{:03d}.tif"),
        *(stream_datum(n, n + 1, uid) for n in range(2) for uid in ("a", "b")),
    )

    theirs = write_theirs(catalog, documents)
    ours = write_ours(catalog, documents)

    assert uris(node_of(theirs, "primary/img"))[2:] == [
        f"file://localhost{files}/b_-02.tif",
        f"file://localhost{files}/b_-01.tif",
    ]
    np.testing.assert_array_equal(read(ours, "primary/img"), images)


def test_the_order_of_files_is_not_that_of_their_announcement(
    catalog: EmbeddedCatalog, files: Path
) -> None:
    recorded = COMPOSED["out-of-order"](files)
    images = recorded.values["primary/img"]

    theirs = write_theirs(catalog, recorded.documents, batch_size=1)
    ours = write_ours(catalog, recorded.documents)

    np.testing.assert_array_equal(
        read(theirs, "primary/img"), np.concatenate([images[2:4], images[:2], images[4:]])
    )
    np.testing.assert_array_equal(read(ours, "primary/img"), images)


# What else is in a run


def test_metadata_may_be_an_array_without_dimensions(catalog: EmbeddedCatalog) -> None:
    documents = [("start", start(offset=np.array(1.5))), ("stop", stop())]

    with pytest.raises(TypeError):
        write_theirs(catalog, documents)
    ours = write_ours(catalog, documents)

    (stored,) = ours.values()
    assert stored.metadata["start"]["offset"] == 1.5


def test_small_arrays_are_stored_with_sqlite(catalog: EmbeddedCatalog, runs: Path) -> None:
    documents = list(read_documents(runs / "at4-10.jsonl"))

    with pytest.raises(ValueError, match="Unsupported PyArrow type"):
        write_theirs(catalog, documents)
    ours = write_ours(catalog, documents)

    assert read(ours, "primary/Counter1").shape == (4, 10)


def test_whole_numbers_at_first_do_not_end_a_run(catalog: EmbeddedCatalog, runs: Path) -> None:
    documents = list(read_documents(runs / "at4-32.jsonl"))

    with pytest.raises(ArrowInvalid, match="truncated"):
        write_theirs(catalog, documents, batch_size=1)
    ours = write_ours(catalog, documents)

    (stored,) = ours.values()
    assert stored["primary"].read()["SampleY"].values.tolist() == [0, 0.5, 1.0, -4.5]


def test_each_part_of_a_wide_table_has_seq_num(
    catalog: EmbeddedCatalog, wide_run: list[NamedDocument]
) -> None:
    def with_seq_num(container: Any) -> list[bool]:
        (stored,) = container.values()
        tables = stored["primary"].base
        return ["seq_num" in tables[name].columns for name in tables]

    theirs = write_theirs(catalog, wide_run)
    ours = write_ours(catalog, wide_run)

    assert sorted(with_seq_num(theirs)) == [False, False, True]
    assert len(with_seq_num(ours)) > 1
    assert all(with_seq_num(ours))


@pytest.mark.parametrize("name", ["ad-tiff-3", "two-resources", "interleaved", "csv"])
def test_a_run_may_be_written_again(catalog: EmbeddedCatalog, files: Path, name: str) -> None:
    documents = COMPOSED[name](files).documents
    theirs = catalog.client.create_container("theirs")
    write_theirs(catalog, documents, into=theirs)
    with pytest.raises((httpx.HTTPStatusError, ValueError), match=r"409|already exists|Conflict"):
        write_theirs(catalog, documents, into=theirs)

    ours = catalog.client.create_container("ours")
    write_ours(catalog, documents, into=ours)
    once, rows = snapshot(ours), rows_in(catalog)
    write_ours(catalog, documents, into=ours)

    assert differences(snapshot(ours), once) == {}
    assert rows_in(catalog) == rows


def rows_in(catalog: EmbeddedCatalog) -> dict[str, int]:
    """How many rows there are of what Tiled keeps of nodes and files."""
    names = ("nodes", "data_sources", "assets", "data_source_asset_association")
    with closing(sqlite3.connect(catalog.directory / "catalog.db")) as database:
        return {
            name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names
        }


def test_files_that_tiled_refuses_do_not_cost_the_stop_document(
    catalog: EmbeddedCatalog, files: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody has taught this server to read them."""
    mapping = tmp_path / "own-format.yaml"
    mapping.write_text(
        "tiledmap: 1\nname: own-format\nversion: 1.0.0\nextends: bluesky-v3@^3\nassets:\n"
        "  - {name: own, match: {mimetype: application/x-nobody}, consolidator: hdf5,\n"
        "     needs: [dataset], join: stack}\n"
    )
    documents = run(
        {"img": image(4, 6), "x": key()},
        stream_resource("application/x-nobody", files / "scan.xyz", dataset=DATASET),
        stream_datum(0, 1),
        ("event", event(1, {"x": 0.5})),
    )

    with pytest.raises(Exception, match="application/x-nobody"):
        write_theirs(catalog, documents)
    ours = write_ours(catalog, documents, mapping, on_error="log")

    assert any("application/x-nobody" in error for error in errors_in(caplog))
    assert "application/x-nobody" in notes(ours)
    (stored,) = ours.values()
    assert stored["primary"].read()["x"].values.tolist() == [0.5]
    assert stored.metadata["stop"]["exit_status"] == "success"
