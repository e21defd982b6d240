"""Data sources of random experiments, read back from real files through Tiled's own adapters."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.runtime.consolidators.making import (
    Array,
    assert_sound,
    open_adapter,
    open_first,
    open_one,
    part,
    read,
    read_blocks,
    resource,
    save_store,
    uri_of,
)
from tiledmap.runtime.check_files import describe_difference
from tiledmap.runtime.consolidators import Consolidator, FileResource, Part, Range
from tiledmap.runtime.file_parts import insert_range

SUFFIX = {"tiff": "tiff", "npy": "npy", "hdf5": "h5", "jpeg": "jpeg"}
DATASET = "entry/data/data"


@pytest.fixture(autouse=True, scope="module")
def _threads_do_not_take_turns_in_the_middle() -> Iterator[None]:
    """Let no two threads be within `ast.parse`, of which CPython 3.11 counts the depth together.

    Tiled reads files in threads, and numpy parses the header of each.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(10.0)
    yield
    sys.setswitchinterval(before)


@contextmanager
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def write_file(kind: str, path: Path, values: Array) -> None:
    match kind:
        case "tiff":
            tifffile.imwrite(path, values, photometric="minisblack")
        case "npy":
            np.save(path, values)
        case "hdf5":
            with h5py.File(path, "w") as file:
                file[DATASET] = values


@dataclass(frozen=True)
class Sequence:
    """An experiment that writes files for each datum: frames of (y, x), `in_file` in each."""

    kind: str
    dtype: str
    frame: tuple[int, int]
    frames: int
    in_file: int
    flat: bool
    join: str
    declared: tuple[int, ...]
    parameters: dict[str, Any]
    resources: list[list[int]]

    def values(self, number: int, datum: int) -> Array:
        """The frames of one datum."""
        size = self.frames * self.frame[0] * self.frame[1]
        first = (number * 10 + datum) * size
        values = np.arange(first, first + size) % 251
        return values.astype(self.dtype).reshape(self.frames, *self.frame)

    def write(self, path: Path) -> None:
        per_datum = self.frames // self.in_file
        for number, datums in enumerate(self.resources):
            for datum in datums:
                values = self.values(number, datum)
                for place in range(per_datum):
                    held = values[place * self.in_file : (place + 1) * self.in_file]
                    name = f"r{number}_{datum * per_datum + place:06d}.{SUFFIX[self.kind]}"
                    write_file(self.kind, path / name, held[0] if self.flat else held)

    def resource(self, path: Path, number: int) -> FileResource:
        template = {"template": f"/r{number}_{{:06d}}.{SUFFIX[self.kind]}"}
        return resource(self.kind, uri_of(path), {**self.parameters, **template}, f"r{number}")

    def open(self, path: Path) -> Consolidator:
        first = self.resource(path, 0)
        consolidator = open_first(first, self.kind, shape=self.declared, dtype=self.dtype)
        for number in range(1, len(self.resources)):
            consolidator.accept(self.resource(path, number))
        return consolidator

    def parts(self, path: Path) -> list[Part]:
        return [
            Part(self.resource(path, number), tuple(merged((n, n + 1) for n in datums)))
            for number, datums in enumerate(self.resources)
        ]

    @property
    def expected(self) -> Array:
        return np.stack(
            [
                self.values(number, datum)
                for number, datums in enumerate(self.resources)
                for datum in sorted(datums)
            ]
        )


def merged(ranges: Any) -> list[Range]:
    result: list[Range] = []
    for each in ranges:
        insert_range(result, each)
    return result


@st.composite
def sequences(draw: st.DrawFn, kinds: tuple[str, ...] = ("tiff", "npy", "hdf5")) -> Sequence:
    kind = draw(st.sampled_from(kinds))
    dtypes = ["|u1", "<u2", "<i4", "<f4", "<f8", *([">i4"] if kind != "tiff" else [])]
    frame = (draw(st.integers(2, 5)), draw(st.integers(2, 5)))
    in_file = draw(st.integers(1, 3))
    frames = in_file * draw(st.integers(1, 3))
    join = draw(st.sampled_from(["stack", "concat"]))
    declared: tuple[int, ...] = (frames, *frame)
    parameters: dict[str, Any] = {"join_method": join}
    if kind == "hdf5":
        parameters |= {"dataset": DATASET, "swmr": False}
    ways = ["chunk_shape", "files_per_datum"]
    ways += ["multiplier"] if in_file == 1 and join == "stack" else []
    ways += ["short_chunk"] if join == "concat" else []
    ways += ["whole"] if in_file == frames and join == "stack" else []
    match draw(st.sampled_from(ways)):
        case "chunk_shape":
            parameters["chunk_shape"] = [in_file, *frame]
        case "short_chunk":
            parameters["chunk_shape"] = [in_file]
        case "files_per_datum":
            parameters["files_per_datum"] = frames // in_file
            parameters["chunk_shape"] = [1]
        case "multiplier":
            parameters["multiplier"] = frames
            told = [declared, (1, *frame)]
            told += [frame] if frame[0] != frames else []  # which would be frames of one dimension
            declared = draw(st.sampled_from(told))
        case "whole":
            if frames == 1:
                declared = draw(st.sampled_from([declared, frame]))
    datums = st.lists(st.integers(0, 6), min_size=1, max_size=5, unique=True)
    return Sequence(
        kind=kind,
        dtype=draw(st.sampled_from(dtypes)),
        frame=frame,
        frames=frames,
        in_file=in_file,
        flat=in_file == 1 and draw(st.booleans()),
        join=join,
        declared=declared,
        parameters=parameters,
        resources=draw(st.lists(datums, min_size=1, max_size=3)),
    )


@settings(max_examples=60, deadline=None)
@given(sequences())
def test_files_for_each_datum_are_read_as_they_were_written(given_files: Sequence) -> None:
    with directory() as path:
        given_files.write(path)
        consolidator = given_files.open(path)
        source = consolidator.source(given_files.parts(path))
        assert_sound(source)
        names = {Path(asset.uri).name for asset in source.assets}
        assert names == {file.name for file in path.iterdir()}
        expected = given_files.expected
        rows = len(expected) if given_files.join == "stack" else len(expected) * given_files.frames
        assert source.shape[0] == rows
        assert source.dtype == np.dtype(given_files.dtype)
        np.testing.assert_array_equal(read(source), expected.reshape(source.shape))
        np.testing.assert_array_equal(read_blocks(source), expected.reshape(source.shape))
        found = consolidator.inspect(source)
        assert (found.shape, found.dtype, found.assets) == (
            source.shape,
            source.dtype,
            source.assets,
        )
        np.testing.assert_array_equal(read_blocks(found), expected.reshape(source.shape))


@dataclass(frozen=True)
class Dataset:
    """An experiment that writes all frames of a resource into one file, gaps and all."""

    kind: str
    dtype: str
    datum: tuple[int, ...]
    held: tuple[int, ...]
    chunk: tuple[int, ...] | None
    join: str
    parameters: dict[str, Any]
    resources: list[tuple[Range, ...]]

    def rows(self, number: int) -> int:
        return self.resources[number][-1][1]

    def values(self, number: int) -> Array:
        """All that one file holds."""
        per_datum = int(np.prod(self.datum))
        first = sum(self.rows(before) for before in range(number)) * per_datum
        size = self.rows(number) * per_datum
        return (np.arange(first, first + size) % 251).astype(self.dtype)

    def write(self, path: Path) -> list[FileResource]:
        return [self._write(path, number) for number in range(len(self.resources))]

    def _write(self, path: Path, number: int) -> FileResource:
        values = self.values(number).reshape(-1, *self.held)
        file = path / f"r{number}"
        if self.kind == "zarr":
            stored = zarr.open_group(file, mode="w").create_array(
                DATASET, shape=values.shape, dtype=values.dtype, chunks=self.chunk or values.shape
            )
            stored[...] = values
        else:
            with h5py.File(file, "w") as hdf5:
                growing = (None, *self.held) if self.chunk else None
                hdf5.create_dataset(DATASET, data=values, chunks=self.chunk, maxshape=growing)
        parameters = {"dataset": DATASET, **self.parameters}
        return resource(self.kind, uri_of(file), parameters, f"r{number}")


@st.composite
def ranges(draw: st.DrawFn) -> tuple[Range, ...]:
    """Ranges as `Part` has them."""
    bounds = draw(st.lists(st.integers(0, 12), min_size=2, max_size=6, unique=True).map(sorted))
    return tuple(zip(bounds[::2], bounds[1::2], strict=False))


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    kind = draw(st.sampled_from(["hdf5", "zarr"]))
    frame = tuple(draw(st.lists(st.integers(1, 4), max_size=2)))
    frames = draw(st.integers(1, 3))
    join = draw(st.sampled_from(["stack", "concat"]))
    datum = (frames, *frame)
    grouped = kind == "zarr" and join == "stack"
    chunk_shape = draw(st.sampled_from([(), (2,), (1, *frame), (frames, *frame)]))
    held = datum if grouped and datum != (1,) else frame
    return Dataset(
        kind=kind,
        dtype=draw(st.sampled_from(["|u1", "<u2", "<f8", *([">i4"] if kind == "hdf5" else [])])),
        datum=datum,
        held=held,
        chunk=draw(st.none() | st.tuples(st.integers(1, 3), *(st.integers(1, n) for n in held))),
        join=join,
        parameters={"join_method": join, "chunk_shape": chunk_shape, "swmr": False},
        resources=draw(st.lists(ranges(), min_size=1, max_size=3 if kind == "hdf5" else 1)),
    )


@settings(max_examples=80, deadline=None)
@given(datasets())
def test_files_with_all_datums_are_read_as_they_were_written(dataset: Dataset) -> None:
    with directory() as path:
        resources = dataset.write(path)
        consolidator = open_first(
            resources[0], dataset.kind, shape=dataset.datum, dtype=dataset.dtype
        )
        for other in resources[1:]:
            consolidator.accept(other)
        parts = list(map(Part, resources, dataset.resources))
        source = consolidator.source(parts)
        assert_sound(source)
        assert len(source.assets) == len(resources)
        expected = np.concatenate([dataset.values(each) for each in range(len(resources))])
        np.testing.assert_array_equal(read(source), expected.reshape(source.shape))
        np.testing.assert_array_equal(read_blocks(source), expected.reshape(source.shape))
        found = consolidator.inspect(source)
        assert (found.shape, found.dtype) == (source.shape, source.dtype)
        assert_sound(found)
        np.testing.assert_array_equal(read_blocks(found), expected.reshape(source.shape))


def hdf5_file(path: Path, values: Any, **options: Any) -> str:
    with h5py.File(path, "w") as file:
        file.create_dataset(DATASET, data=values, **options)
    return uri_of(path)


@pytest.mark.parametrize(
    ("slice_", "squeeze", "kept"),
    [
        ("(:,1,:)", False, np.s_[:, 1, :]),
        ("(:, 1:2, :)", True, np.s_[:, 1, :]),
        ("...,::2", False, np.s_[..., ::2]),
        ("(:,-1)", False, np.s_[:, -1]),
        ("", True, np.s_[...]),
    ],
)
def test_a_slice_of_a_dataset(tmp_path: Path, slice_: str, squeeze: bool, kept: Any) -> None:
    values = np.arange(5 * 3 * 4, dtype="<i4").reshape(5, 3, 4)
    uri = hdf5_file(tmp_path / "a.h5", values, chunks=(2, 3, 2))
    wanted = values[kept]
    parameters = {"dataset": DATASET, "slice": slice_, "squeeze": squeeze, "swmr": False}
    consolidator = open_one("hdf5", uri, parameters, shape=wanted.shape[1:], dtype="<i4")
    source = consolidator.source([part(resource("hdf5", uri, parameters), (0, 5))])
    np.testing.assert_array_equal(read(source), wanted)
    found = consolidator.inspect(source)
    assert found.shape == source.shape
    assert_sound(found)
    assert found.chunks[0] == (2, 2, 1)


@pytest.mark.parametrize("slice_", ["(:,a)", "(:,9,:)", "(0,0,0,0)"])
def test_a_slice_that_does_not_fit_is_named(tmp_path: Path, slice_: str) -> None:
    uri = hdf5_file(tmp_path / "a.h5", np.zeros((5, 3, 4)))
    parameters = {"dataset": DATASET, "slice": slice_, "swmr": False}
    consolidator = open_one("hdf5", uri, parameters, shape=(4,))
    source = consolidator.source([part(resource("hdf5", uri, parameters), (0, 5))])
    with pytest.raises(ValueError, match="slice"):
        consolidator.inspect(source)


@pytest.mark.filterwarnings("ignore:The dataset .* is of object type:UserWarning")
@pytest.mark.parametrize("values", [np.float64(2.5), [b"ab", b"cde"], ["é", "xyz"]])
def test_scalars_and_texts_in_hdf5(tmp_path: Path, values: Any) -> None:
    uris = [hdf5_file(tmp_path / f"{name}.h5", values) for name in "ab"]
    parameters = {"dataset": DATASET, "swmr": False}
    shape = np.shape(values)
    held = [resource("hdf5", uri, parameters, uid) for uid, uri in zip("ab", uris, strict=True)]
    consolidator = open_first(held[0], "hdf5", shape=shape or (1,))
    consolidator.accept(held[1])
    source = consolidator.inspect(consolidator.source([part(each, (0, 1)) for each in held]))
    assert_sound(source)
    assert read(source).shape == source.shape
    assert read(source).dtype == source.dtype


def test_records_in_hdf5(tmp_path: Path) -> None:
    values = np.array([(1, 2.5), (3, 4.5)], [("counts", "<u4"), ("angle", "<f8")])
    uri = hdf5_file(tmp_path / "a.h5", values)
    parameters = {"dataset": DATASET, "swmr": False}
    consolidator = open_one("hdf5", uri, parameters, shape=(1,), dtype=values.dtype)
    source = consolidator.source([part(resource("hdf5", uri, parameters), (0, 2))])
    assert consolidator.inspect(source) == source
    assert read(source).tolist() == values.tolist()


@pytest.mark.parametrize("frame", [(6, 8), (6, 8, 3)])
def test_jpeg(tmp_path: Path, frame: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    for number in range(3):
        image = Image.fromarray(rng.integers(0, 255, frame, dtype="u1"))
        image.save(tmp_path / f"abc_{number:06d}.jpeg")
    parameters = {"template": "%s%s_%6.6d.jpeg", "filename": "abc"}
    held = resource("jpeg", uri_of(tmp_path), parameters)
    consolidator = open_first(held, "jpeg", shape=frame, dtype="|u1")
    source = consolidator.source([part(held, (0, 3))])
    assert consolidator.inspect(source) == source
    with Image.open(tmp_path / "abc_000002.jpeg") as last:
        np.testing.assert_array_equal(read(source)[2], np.asarray(last))


def test_npy_names_its_files_as_ophyd_does(tmp_path: Path) -> None:
    values = np.arange(3 * 10.0).reshape(3, 10)
    for number, row in enumerate(values):
        np.save(tmp_path / f"3f2a_{number}.npy", row)
    held = resource("npy", uri_of(tmp_path / "3f2a"))
    consolidator = open_first(held, "npy", shape=(10,))
    source = consolidator.source([part(held, (0, 3))])
    assert source.chunks == ((1, 1, 1), (10,))
    np.testing.assert_array_equal(read(source), values)


def test_one_tiff_may_hold_all_frames(tmp_path: Path) -> None:
    values = np.arange(4 * 5 * 6, dtype="<u2").reshape(4, 5, 6)
    tifffile.imwrite(tmp_path / "abc.tiff", values, photometric="minisblack")
    parameters = {"template": "%s%s.tiff", "filename": "abc"}
    held = resource("tiff", uri_of(tmp_path), parameters)
    consolidator = open_first(held, "tiff", shape=(5, 6), dtype="<u2")
    source = consolidator.source([part(held, (0, 4))])
    assert len(source.assets) == 1
    assert consolidator.inspect(source) == source
    np.testing.assert_array_equal(read(source), values)


@settings(max_examples=30, deadline=None)
@given(
    lines=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    columns=st.integers(1, 3),
    join=st.sampled_from(["concat", "stack"]),
    dtype=st.sampled_from(["<f8", "<i4", "<f4"]),
)
def test_csv(lines: list[int], columns: int, join: str, dtype: str) -> None:
    """Lines of a datum follow each other; a datum of one line may be stacked as well."""
    with directory() as path:
        in_datum = 1 if join == "stack" else 2
        resources = []
        expected = []
        for number, count in enumerate(lines):
            rows = np.arange(count * in_datum * columns).reshape(-1, columns) + 100 * number
            np.savetxt(path / f"{number}.csv", rows, delimiter=";", fmt="%d")
            parameters = {"sep": ";", "join_method": join, "spec": "ignored by the adapter"}
            uri = uri_of(path / f"{number}.csv")
            resources.append(resource("csv", uri, parameters, str(number)))
            expected.append(rows)
        shape = (columns,) if join == "stack" else (in_datum, columns)
        if shape == (1,):
            shape = (1, 1) if join == "concat" else (1,)
        consolidator = open_first(resources[0], "csv", shape=shape, dtype=dtype)
        for other in resources[1:]:
            consolidator.accept(other)
        pairs = zip(resources, lines, strict=True)
        source = consolidator.source([part(each, (0, count)) for each, count in pairs])
        assert source.parameters == {"header": None, "sep": ";"}
        assert_sound(source)
        values = read(source)
        assert values.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(values, np.concatenate(expected).reshape(source.shape))
        found = consolidator.inspect(source)
        assert describe_difference(source, found) is None


def test_records_in_csv(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2.5,on\n3,4.5,off\n")
    dtype = np.dtype([("counts", "<i8"), ("angle", "<f8"), ("shutter", "<U3")])
    held = resource("csv", uri_of(tmp_path / "a.csv"))
    consolidator = open_first(held, "csv", shape=(2, 1), dtype=dtype)
    source = consolidator.source([part(held, (0, 1))])
    assert describe_difference(source, consolidator.inspect(source)) is None
    assert read(source).tolist() == [[(1, 2.5, "on")], [(3, 4.5, "off")]]


def test_bytes_are_files_and_nothing_more(tmp_path: Path) -> None:
    parameters = {"template": "/{index:02d}.raw", "multiplier": 3, "spec": "RAW"}
    held = resource("bytes", uri_of(tmp_path), parameters)
    consolidator = open_first(held, "bytes", shape=(None,))
    for number in (0, 1, 4):
        (tmp_path / f"{number:02d}.raw").write_bytes(b"x")
    source = consolidator.source([part(held, (0, 2), (4, 5))])
    assert source.family == "bytes"
    assert [Path(asset.uri).name for asset in source.assets] == ["00.raw", "01.raw", "04.raw"]
    assert consolidator.rows(part(held, (0, 2), (4, 5))) == len(source.assets)
    assert consolidator.metadata == {"spec": "RAW"}
    assert consolidator.inspect(source) == source
    assert open_adapter(source).structure_family == "bytes"


@pytest.mark.parametrize("kind", ["hdf5", "npy", "zarr"])
def test_the_structure_may_come_from_the_files(tmp_path: Path, kind: str) -> None:
    values = np.arange(24, dtype="<i2").reshape(2, 3, 4)
    parameters: dict[str, Any] = {}
    uri = uri_of(tmp_path / "a")
    if kind == "hdf5":
        hdf5_file(tmp_path / "a", values, chunks=(1, 3, 4))
        parameters = {"dataset": DATASET, "swmr": False}
    elif kind == "zarr":
        save_store(tmp_path / "a", values)
    else:
        for number, row in enumerate(values):
            np.save(tmp_path / f"a_{number}.npy", row)
    held = resource(kind, uri, parameters)
    consolidator = open_first(
        held, kind, shape=(None, None), dtype="<f8", structure_from="file", own_dims=("y", "x")
    )
    source = consolidator.source([part(held, (0, 2))])
    assert (source.shape, source.dtype) == ((2, 3, 4), np.dtype("<i2"))
    assert source.dims == ("time", "y", "x")
    np.testing.assert_array_equal(read(source), values)


def test_a_store_of_another_shape_is_not_taken_for_the_declared_one(tmp_path: Path) -> None:
    save_store(tmp_path / "a", np.zeros((2, 3, 4)))
    held = resource("zarr", uri_of(tmp_path / "a"))
    consolidator = open_first(held, "zarr", shape=(1, 3, 4))
    assert consolidator.inspect(consolidator.source([part(held, (0, 2))])).shape == (2, 3, 4)
