"""What is found out about files, and which of them are never opened."""

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from bluesky_tiled_plugins.writing.validator import validate_data_source

from tests.runtime.consolidators.making import (
    data_source,
    open_first,
    part,
    read,
    read_blocks,
    resource,
    save_store,
    uri_of,
)
from tiledmap.runtime.check_files import FileCheck, check_files
from tiledmap.runtime.consolidators import Consolidator, Reach
from tiledmap.runtime.ops import FileSource

DATASET = "entry/data/data"
HDF5 = {"dataset": DATASET, "swmr": False}


def of_hdf5(
    file: Path, values: Any, rows: int, chunks: Any = None, **options: Any
) -> tuple[Consolidator, FileSource]:
    """A source whose file holds `values`."""
    with h5py.File(file, "w") as hdf5:
        hdf5.create_dataset(DATASET, data=values, chunks=chunks)
    return declared(file, rows, **options)


def declared(
    file: Path, rows: int, parameters: dict[str, Any] | None = None, **options: Any
) -> tuple[Consolidator, FileSource]:
    held = resource("hdf5", uri_of(file), {**HDF5, **(parameters or {})})
    consolidator = open_first(held, "hdf5", **options)
    return consolidator, consolidator.source([part(held, (0, rows))])


def look(found: tuple[Consolidator, FileSource], directory: Path, mode: str = "warn") -> FileCheck:
    return check_files("primary/img", *found, Reach.below([directory]), mode)


def test_what_agrees_is_left_alone(tmp_path: Path) -> None:
    found = of_hdf5(tmp_path / "a.h5", np.zeros((5, 3, 4)), 5)
    assert look(found, tmp_path) == FileCheck(found[1])


def test_each_mode_does_what_it_says(tmp_path: Path) -> None:
    values = np.arange(50, dtype="<i4").reshape(5, 10)
    found = of_hdf5(tmp_path / "a.h5", values, 5, shape=(10,))
    text = "primary/img: declared (5, 10) of float64, the files hold (5, 10) of int32"
    assert look(found, tmp_path, "off") == FileCheck(found[1])
    assert look(found, tmp_path, "warn") == FileCheck(found[1], (text,))
    assert look(found, tmp_path, "error") == FileCheck(found[1], (text,), failed=True)
    mended = look(found, tmp_path, "fix")
    assert mended.notes == (f"{text}; mended",)
    assert not mended.failed
    np.testing.assert_array_equal(read(mended.source), values)
    with pytest.raises(ValueError, match="off, warn, fix, error"):
        look(found, tmp_path, "mend")


def test_fewer_and_more_rows_than_declared(tmp_path: Path) -> None:
    values = np.arange(3 * 4, dtype="<f8").reshape(3, 4)
    for rows in (2, 5):
        found = of_hdf5(tmp_path / "a.h5", values, rows, shape=(4,))
        mended = look(found, tmp_path, "fix")
        assert f"declared ({rows}, 4) of float64, the files hold (3, 4)" in mended.notes[0]
        np.testing.assert_array_equal(read_blocks(mended.source), values)


def test_chunks_are_compared_where_they_are_the_files_own(tmp_path: Path) -> None:
    values = np.zeros((6, 4))
    found = of_hdf5(tmp_path / "a.h5", values, 6, (4, 2), shape=(4,))
    mended = look(found, tmp_path, "fix")
    assert mended.notes == (
        "primary/img: declared in chunks of (6, 4), the files have (4, 2); mended",
    )
    assert mended.source.chunks == ((4, 2), (2, 2))


def test_dimensions_that_no_longer_fit_lose_their_names(tmp_path: Path) -> None:
    found = of_hdf5(tmp_path / "a.h5", np.zeros((5, 7)), 5, own_dims=("y", "x"))
    mended = look(found, tmp_path, "fix")
    assert mended.source.dims is None
    assert mended.notes[0].endswith("so its dimensions are not named time, y, x; mended")


@pytest.mark.parametrize("multiplier", [2, 5])
def test_frames_of_a_multiplier_are_grouped_as_declared(tmp_path: Path, multiplier: int) -> None:
    """As the validator of bluesky-tiled-plugins does: it looks at the same file."""
    values = np.arange(5 * multiplier * 12, dtype="<u2").reshape(-1, 3, 4)
    found = of_hdf5(
        tmp_path / "a.h5",
        values,
        4,
        parameters={"multiplier": multiplier},
        dtype="<u2",
    )
    mended = look(found, tmp_path, "fix").source
    theirs, notes = validate_data_source(
        data_source(found[1]), fix_errors=True, metadata=found[0].metadata
    )
    assert notes
    assert mended.shape == theirs.structure.shape == (5, multiplier, 3, 4)
    np.testing.assert_array_equal(read_blocks(mended).reshape(values.shape), values)


def test_images_of_another_size_and_type(tmp_path: Path) -> None:
    values = np.arange(3 * 5 * 6, dtype="<i4").reshape(3, 5, 6)
    for number, image in enumerate(values):
        tifffile.imwrite(tmp_path / f"{number}.tiff", image)
    held = resource("tiff", uri_of(tmp_path), {"template": "/{index}.tiff"})
    consolidator = open_first(held, "tiff", shape=(6, 5), dtype="<f8")
    source = consolidator.source([part(held, (0, 3))])
    mended = look((consolidator, source), tmp_path, "fix")
    assert mended.notes == (
        "primary/img: declared (3, 6, 5) of float64, the files hold (3, 5, 6) of int32; mended",
    )
    np.testing.assert_array_equal(read_blocks(mended.source), values)


def test_images_that_hold_more_frames_than_declared(tmp_path: Path) -> None:
    values = np.arange(2 * 3 * 5 * 6, dtype="<i4").reshape(2, 3, 5, 6)
    for number, frames in enumerate(values):
        tifffile.imwrite(tmp_path / f"{number}.tiff", frames, photometric="minisblack")
    template = {"template": "/{index}.tiff", "join_method": "concat"}
    held = resource("tiff", uri_of(tmp_path), template)
    consolidator = open_first(held, "tiff", shape=(1, 5, 6), dtype="<i4")
    source = consolidator.source([part(held, (0, 2))])
    mended = look((consolidator, source), tmp_path, "fix").source
    assert mended.shape == (6, 5, 6)
    assert mended.properties == {"chunks": ((1, 1), (3,), (5,), (6,))}
    np.testing.assert_array_equal(read_blocks(mended), values.reshape(6, 5, 6))


@pytest.mark.parametrize(
    ("text", "dtype", "mended", "values"),
    [
        ("1,2\n3,4\n", "<f8", None, [[1.0, 2.0], [3.0, 4.0]]),
        ("1,2\n3,4\n", "|u1", None, [[1, 2], [3, 4]]),
        ("1,2\n3,400\n", "|u1", "int64", [[1, 2], [3, 400]]),
        ("1,2.5\n3,4\n", "<i4", "float64", [[1.0, 2.5], [3.0, 4.0]]),
        ("1,a\n", [("n", "<i4"), ("t", "<U1")], None, [[(1, "a")]]),
        ("1.5,a\n", [("n", "<i4"), ("t", "<U1")], "'<f8'", [[(1.5, "a")]]),
    ],
)
def test_text_has_the_declared_dtype_as_long_as_its_values_survive(
    tmp_path: Path, text: str, dtype: Any, mended: str | None, values: Any
) -> None:
    (tmp_path / "a.csv").write_text(text)
    held = resource("csv", uri_of(tmp_path / "a.csv"))
    width = 2 if isinstance(dtype, str) else 1
    consolidator = open_first(held, "csv", shape=(text.count("\n"), width), dtype=dtype)
    source = consolidator.source([part(held, (0, 1))])
    check = look((consolidator, source), tmp_path, "fix")
    assert (mended is not None) == bool(check.notes)
    assert mended is None or mended in check.notes[0]
    assert read(check.source).tolist() == values


def test_records_with_another_number_of_fields(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2,3\n")
    held = resource("csv", uri_of(tmp_path / "a.csv"))
    consolidator = open_first(held, "csv", shape=(1, 1), dtype=[("a", "<f8"), ("b", "<f8")])
    check = look((consolidator, consolidator.source([part(held, (0, 1))])), tmp_path, "error")
    assert check.failed
    assert "2 fields, and the files have 3 columns" in check.notes[0]


# Files that cannot be read


def test_files_that_are_not_there(tmp_path: Path) -> None:
    check = look(declared(tmp_path / "a.h5", 2), tmp_path, "error")
    assert check.failed
    assert check.notes == (f"primary/img: {uri_of(tmp_path / 'a.h5')} is not there",)
    held = resource("tiff", uri_of(tmp_path), {"template": "/{index}.tiff"})
    consolidator = open_first(held, "tiff")
    tifffile.imwrite(tmp_path / "1.tiff", np.zeros((3, 4)))
    check = look((consolidator, consolidator.source([part(held, (0, 3))])), tmp_path, "warn")
    assert not check.failed
    assert "2 of 3 files are not there, the first is" in check.notes[0]


@pytest.mark.parametrize("mode", ["warn", "fix", "error"])
def test_files_that_are_something_else(tmp_path: Path, mode: str) -> None:
    (tmp_path / "a.h5").write_bytes(b"no HDF5")
    check = look(declared(tmp_path / "a.h5", 2), tmp_path, mode)
    assert len(check.notes) == 1
    assert (check.failed, check.looked) == (mode == "error", True)


@pytest.mark.parametrize(
    ("dataset", "words"),
    [("entry/data/nothing", "there is no"), ("entry", "is a group"), ("entry/loop", "circle")],
)
def test_a_dataset_that_is_not_there(tmp_path: Path, dataset: str, words: str) -> None:
    of_hdf5(tmp_path / "a.h5", np.zeros(3), 3)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["entry/loop"] = h5py.SoftLink("/entry/loop")
    found = declared(tmp_path / "a.h5", 3, {"dataset": dataset})
    assert words in look(found, tmp_path).notes[0]


def test_a_class_that_does_not_read_files_is_not_held_against_them(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")

    class Opaque(Consolidator):
        pass

    held = resource("hdf5", uri_of(tmp_path / "a"))
    rule = open_first(resource("hdf5", "file:///a", HDF5), "hdf5")
    consolidator = Opaque(rule.rule, held, rule.declared)
    check = look((consolidator, consolidator.source([part(held, (0, 1))])), tmp_path, "error")
    assert (check.failed, check.looked) == (False, False)
    assert "Opaque does not say what its files hold" in check.notes[0]


def test_a_class_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")

    class Broken(Consolidator):
        def measure(self, source: FileSource, reach: Reach) -> Any:
            raise RuntimeError("no such luck")

    held = resource("hdf5", uri_of(tmp_path / "a"))
    rule = open_first(resource("hdf5", "file:///a", HDF5), "hdf5")
    consolidator = Broken(rule.rule, held, rule.declared)
    check = look((consolidator, consolidator.source([part(held, (0, 1))])), tmp_path, "error")
    assert check.failed
    assert "no such luck" in check.notes[0]


# Files that may not be opened


def assert_not_opened(found: tuple[Consolidator, FileSource], directory: Path) -> None:
    check = look(found, directory, "error")
    assert (check.failed, check.looked) == (False, False)
    assert check.source is found[1]
    [note] = check.notes
    assert note.startswith("primary/img: not checked: ")


def test_files_elsewhere_are_not_opened(tmp_path: Path) -> None:
    allowed, outside = tmp_path / "data", tmp_path / "data2"
    allowed.mkdir()
    outside.mkdir()
    found = of_hdf5(outside / "a.h5", np.zeros((2, 3, 4)), 2)
    assert_not_opened(found, allowed)
    assert not look(found, outside).notes
    (allowed / "link.h5").symlink_to(outside / "a.h5")
    assert_not_opened(declared(allowed / "link.h5", 2), allowed)
    assert_not_opened(declared(allowed / ".." / "data2" / "a.h5", 2), allowed)
    (allowed / "directory").symlink_to(outside)
    assert_not_opened(declared(allowed / "directory" / "a.h5", 2), allowed)


def test_links_within_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    of_hdf5(tmp_path / "real" / "a.h5", np.zeros((2, 3, 4)), 2)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert not look(declared(tmp_path / "link" / "a.h5", 2), tmp_path).notes
    assert not look(declared(tmp_path / "real" / "a.h5", 2), tmp_path / "link").notes


@pytest.mark.parametrize(
    "uri",
    ["file://elsewhere{}", "https://localhost{}", "s3://bucket{}", "{}", "file://localhost.evil{}"],
)
def test_only_files_of_this_machine_are_opened(tmp_path: Path, uri: str) -> None:
    of_hdf5(tmp_path / "a.h5", np.zeros((2, 3, 4)), 2)
    held = resource("hdf5", uri.format(tmp_path / "a.h5"), HDF5)
    consolidator = open_first(held, "hdf5")
    source = consolidator.source([part(held, (0, 2))])
    assert_not_opened((consolidator, source), tmp_path)


def test_no_directory_allows_no_file(tmp_path: Path) -> None:
    found = of_hdf5(tmp_path / "a.h5", np.zeros((2, 3, 4)), 2)
    assert not check_files("x", *found, Reach.below([]), "warn").looked


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.h5")
    assert "is no file" in look(declared(tmp_path / "a.h5", 2), tmp_path).notes[0]


def test_links_of_hdf5_are_held_to_the_same_directories(tmp_path: Path) -> None:
    allowed, outside = tmp_path / "data", tmp_path / "elsewhere"
    allowed.mkdir()
    outside.mkdir()
    of_hdf5(outside / "a.h5", np.zeros((2, 3, 4)), 2)
    of_hdf5(allowed / "a.h5", np.zeros((2, 3, 4)), 2)
    with h5py.File(allowed / "master.h5", "w") as master:
        master["soft"] = h5py.SoftLink("/within/data")
        master["within"] = h5py.ExternalLink("a.h5", "/entry/data")
        master["without"] = h5py.ExternalLink(str(outside / "a.h5"), "/entry/data")
        for name, file in (("virtual", "a.h5"), ("virtual_without", "../elsewhere/a.h5")):
            layout = h5py.VirtualLayout((2, 3, 4), "<f8")
            layout[...] = h5py.VirtualSource(file, DATASET, (2, 3, 4))
            master.create_virtual_dataset(name, layout)
    for name in ("soft", "within/data", "virtual"):
        found = declared(allowed / "master.h5", 2, {"dataset": name})
        assert look(found, allowed) == FileCheck(found[1])
    for name in ("without/data", "virtual_without"):
        assert_not_opened(declared(allowed / "master.h5", 2, {"dataset": name}), allowed)


def test_a_virtual_dataset_of_its_own_file_is_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        layout = h5py.VirtualLayout((2, 3, 4), "<f8")
        layout[...] = h5py.VirtualSource(file.create_dataset("held", data=np.ones((2, 3, 4))))
        file.create_virtual_dataset(DATASET, layout)

    found = declared(tmp_path / "a.h5", 2)
    assert look(found, tmp_path) == FileCheck(found[1])


def test_descriptions_of_a_store_are_held_to_the_same_directories(tmp_path: Path) -> None:
    allowed = tmp_path / "data"
    save_store(allowed / "a", np.zeros((2, 3, 4)))
    held = resource("zarr", uri_of(allowed / "a"))
    consolidator = open_first(held, "zarr")
    found = consolidator, consolidator.source([part(held, (0, 2))])
    assert not look(found, allowed).notes
    (allowed / "a" / "zarr.json").rename(tmp_path / "zarr.json")
    (allowed / "a" / "zarr.json").symlink_to(tmp_path / "zarr.json")
    assert_not_opened(found, allowed)
