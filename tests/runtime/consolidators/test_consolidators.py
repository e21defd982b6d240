"""What is decided from documents alone."""

import random
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runtime.consolidators.making import (
    MIMETYPES,
    asset_rule,
    open_first,
    open_one,
    part,
    resource,
)
from tests.test_import_footprint import loaded_by
from tiledmap.runtime.consolidators import (
    Consolidator,
    Part,
    Range,
    find_consolidator,
    open_consolidator,
)
from tiledmap.runtime.consolidators.csv import CSVConsolidator
from tiledmap.runtime.file_parts import insert_range
from tiledmap.runtime.ops import Asset, FileSource

TIFF = {"template": "%s%s_%6.6d.tiff", "filename": "abc"}
HDF5 = {"dataset": "entry/data/data"}


def parameters_of(kind: str) -> dict[str, Any]:
    return {"tiff": TIFF, "jpeg": TIFF, "hdf5": HDF5}.get(kind, {})


# Finding


@pytest.mark.parametrize("name", MIMETYPES)
def test_each_of_ours_is_found_by_its_name(name: str) -> None:
    assert issubclass(find_consolidator(name), Consolidator)


def test_a_facility_names_its_class_or_registers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    path = "tiledmap.runtime.consolidators.csv:CSVConsolidator"
    assert find_consolidator(path) is CSVConsolidator
    point = EntryPoint("pizzabox", path, "tiledmap.consolidators")
    monkeypatch.setattr(
        "importlib.metadata.entry_points",
        lambda *, group, name: [point] if (group, name) == (point.group, point.name) else [],
    )
    assert find_consolidator("pizzabox") is CSVConsolidator


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hdf", "there are bytes, csv, hdf5"),
        ("no_such_module:Class", "no_such_module"),
        ("tiledmap.runtime.ops:NoSuch", "NoSuch"),
        ("tiledmap.runtime.ops:Asset", "does not derive from Consolidator"),
        ("tiledmap.runtime.consolidators:find_consolidator", "does not derive"),
    ],
)
def test_what_is_no_consolidator_is_named(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        find_consolidator(name)


def test_nothing_that_reads_files_is_loaded_with_the_consolidators(tmp_path: Path) -> None:
    script = (
        "from tiledmap.runtime.consolidators import find_consolidator\n"
        f"for name in {list(MIMETYPES)}: find_consolidator(name)"
    )
    loaded = loaded_by(script, tmp_path)
    assert not {"h5py", "tifffile", "PIL", "zarr", "dask", "pandas", "tiled"} & loaded


# Documents, repairs and rules


def test_the_rule_says_what_documents_do_not() -> None:
    options: dict[str, Any] = {
        "join": "concat",
        "chunks": (2,),
        "shape": (1, 3),
        "needs": ("dataset",),
    }
    by_rule = open_one("hdf5", parameters=HDF5, **options)
    assert (by_rule.join_method, by_rule.chunk_shape) == ("concat", (2,))
    said = {**HDF5, "join_method": "stack", "chunk_shape": None}
    by_documents = open_one("hdf5", parameters=said, **options)
    assert (by_documents.join_method, by_documents.chunk_shape) == ("stack", (2,))


@pytest.mark.parametrize(
    ("kind", "parameters", "options", "words"),
    [
        ("hdf5", {}, {}, "have no dataset"),
        ("hdf5", {"dataset": ""}, {}, "have no dataset"),
        ("tiff", {}, {}, "have no template"),
        ("csv", {}, {"needs": ("sep",)}, "have no sep"),
        ("npy", {}, {"shape": (None, 3)}, r"\[None, 3\].*not known before"),
        ("hdf5", {**HDF5, "join_method": "pile"}, {}, "must be stack or concat"),
        ("hdf5", {**HDF5, "multiplier": "two"}, {}, "multiplier is 'two'"),
        ("hdf5", {**HDF5, "multiplier": -1}, {}, "multiplier is -1"),
        ("hdf5", {**HDF5, "chunk_shape": [1, 0]}, {}, r"chunk_shape is \[1, 0\]"),
        ("hdf5", {**HDF5, "chunk_shape": "1024"}, {}, "chunk_shape is '1024'"),
        ("hdf5", {**HDF5, "chunk_shape": [1, 1, 1, 1]}, {}, "more than the 3 dimensions"),
        ("tiff", {**TIFF, "files_per_datum": 2}, {}, "does not divide the 3 frames"),
        ("tiff", {**TIFF, "files_per_datum": 2}, {"shape": ()}, "does not divide the 1 frames"),
        ("tiff", {"template": "/{name}"}, {}, "template"),
    ],
)
def test_what_cannot_be_stored_is_said_in_words(
    kind: str, parameters: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        open_one(kind, parameters=parameters, **options)


def test_metadata_is_that_of_todays_readers() -> None:
    given_parameters = {**TIFF, "spec": "AD_TIFF", "multiplier": 2}
    assert open_one("tiff", parameters=given_parameters).metadata == {
        "spec": "AD_TIFF",
        "frame_per_point": 2,
    }
    assert open_one("tiff", parameters=TIFF).metadata == {}


@pytest.mark.parametrize(
    ("declared", "multiplier", "join", "shape"),
    [
        ((1,), None, "stack", (5,)),
        ((1,), None, "concat", (5,)),
        ((), None, "stack", (5,)),
        ((), 3, "stack", (5, 3)),
        ((1,), 1, "stack", (5, 1)),
        ((1, 4, 6), 1, "concat", (5, 4, 6)),
        ((1, 4, 6), None, "stack", (5, 1, 4, 6)),
        ((1, 4, 6), 3, "stack", (5, 3, 4, 6)),
        ((4, 6), 3, "stack", (5, 3, 4, 6)),
        ((4, 6), 3, "concat", (15, 4, 6)),
        ((3, 4, 6), 3, "concat", (15, 4, 6)),
    ],
)
def test_the_shape_of_five_datums(
    declared: tuple[int, ...], multiplier: int | None, join: str, shape: tuple[int, ...]
) -> None:
    held = resource("hdf5", "file:///a.h5", {**HDF5, "multiplier": multiplier, "join_method": join})
    source = open_first(held, "hdf5", shape=declared).source([part(held, (0, 5))])
    assert source.shape == shape


@pytest.mark.parametrize(
    ("chunk", "chunks"),
    [
        ([], ((4,), (1,), (6,), (8,))),
        ([2], ((2, 2), (1,), (6,), (8,))),
        ([1, 6, 8], ((1, 1, 1, 1), (1,), (6,), (8,))),
        ([3, 1, 4, 8], ((3, 1), (1,), (4, 2), (8,))),
        # Those of a file of frames of (6, 8): read from the left they would not fit.
        ([1, 4, 4], ((1, 1, 1, 1), (1,), (4, 2), (4, 4))),
    ],
)
def test_chunks_of_four_stacked_frames(
    chunk: list[int], chunks: tuple[tuple[int, ...], ...]
) -> None:
    held = resource("hdf5", "file:///a.h5", {**HDF5, "chunk_shape": chunk})
    assert open_first(held, "hdf5", shape=(1, 6, 8)).source([part(held, (0, 4))]).chunks == chunks


def test_chunks_of_datums_that_do_not_join() -> None:
    given_parameters = {
        **HDF5,
        "chunk_shape": [2],
        "join_method": "concat",
        "join_chunks": False,
    }
    held = resource("hdf5", "file:///a.h5", given_parameters)
    source = open_first(held, "hdf5", shape=(3, 6)).source([part(held, (0, 2))])
    assert source.chunks == ((2, 1, 2, 1), (6,))


def test_frames_that_chunks_do_not_divide_are_noted() -> None:
    held = resource("tiff", "file:///d/", {**TIFF, "chunk_shape": [2], "join_method": "concat"})
    consolidator = open_first(held, "tiff", shape=(3, 6, 8))
    assert consolidator.source([part(held, (0, 2))]).chunks == ((3, 3), (6,), (8,))
    assert "do not divide" in consolidator.notes[0]


@pytest.mark.parametrize(
    ("shape", "join", "own", "dims", "named"),
    [
        ((3, 4), "stack", (), ("time", "..."), None),
        ((3, 4), "stack", ("y", "x"), ("time", "..."), ("time", "y", "x")),
        ((3, 4), "stack", ("y", "x"), None, None),
        ((3, 4), "concat", ("line", "x"), ("time", "..."), ("line", "x")),
        ((1, 3, 4), "concat", ("y", "x"), ("time", "..."), ("time", "y", "x")),
        ((1,), "stack", ("one",), ("time", "..."), ("time",)),
        ((3, 4), "stack", ("y", "x"), ("t", "a", "b"), ("t", "a", "b")),
    ],
)
def test_names_of_dimensions(
    shape: tuple[int, ...], join: str, own: tuple[str, ...], dims: Any, named: Any
) -> None:
    given_parameters = {**HDF5, "join_method": join}
    consolidator = open_one(
        "hdf5", parameters=given_parameters, shape=shape, own_dims=own, dims=dims
    )
    assert consolidator.dims == named
    assert not consolidator.notes


@pytest.mark.parametrize(
    ("own", "dims"),
    [(("time", "y"), ("time", "...")), (("y",), ("time", "...")), ((), ("time", "y"))],
)
def test_names_that_do_not_fit_are_left_out_and_noted(own: Any, dims: Any) -> None:
    consolidator = open_one("hdf5", parameters=HDF5, shape=(3, 4), own_dims=own, dims=dims)
    assert consolidator.dims is None
    assert "not named" in consolidator.notes[0]


def test_a_dtype_that_numpy_does_not_know_is_left_open() -> None:
    held = resource("hdf5", "file:///a.h5", HDF5)
    source = open_first(held, "hdf5", dtype=None).source([part(held, (0, 1))])
    assert source.dtype is None


# Assets


def test_files_beside_the_resources_own() -> None:
    held = resource("csv", "file:///d/a.csv")
    consolidator = open_first(
        held, "csv", asset_parameter="master", sidecars={"config": "file:///d/a.txt"}
    )
    source = consolidator.source([part(held, (0, 1))])
    assert source.assets == (
        Asset("file:///d/a.csv", "master", 0),
        Asset("file:///d/a.txt", "config"),
    )
    with pytest.raises(ValueError, match="takes one 'config'"):
        consolidator.accept(resource("csv", "file:///d/b.csv", uid="b"))


def test_an_array_in_a_store_is_one_directory() -> None:
    held = resource("zarr", "file:///d/a.zarr/", {"dataset": "/0/img"})
    consolidator = open_first(held, "zarr")
    source = consolidator.source([part(held, (0, 1))])
    assert source.assets == (Asset("file:///d/a.zarr/0/img", "data_uri", None, True),)
    assert source.parameters == {}
    with pytest.raises(ValueError, match="takes one 'data_uri'"):
        consolidator.accept(resource("zarr", "file:///d/a.zarr/", {"dataset": "/0/img"}, "b"))


def test_a_file_of_bytes_is_listed_once() -> None:
    held = resource("bytes", "file:///d/a.raw")
    consolidator = open_first(held, "bytes")
    assert consolidator.source([part(held, (0, 3))]).assets == (
        Asset("file:///d/a.raw", "data_uris", 0),
    )
    assert consolidator.rows(part(held, (0, 3))) == 1


def test_a_single_hdf5_file_may_have_a_template() -> None:
    given_parameters = {**HDF5, "template": "%s%s_000000.h5", "filename": "abc"}
    held = resource("hdf5", "file:///d", given_parameters)
    source = open_first(held, "hdf5").source([part(held, (0, 3))])
    assert [asset.uri for asset in source.assets] == ["file:///d/abc_000000.h5"]
    assert source.shape == (3, 3, 4)


def test_files_of_another_resource_are_where_it_says_and_numbered_anew() -> None:
    first = resource("tiff", "file:///d/1", TIFF, "a")
    second = resource("tiff", "file:///d/2/", {**TIFF, "filename": "def"}, "b")
    consolidator = open_first(first, "tiff")
    consolidator.accept(second)
    source = consolidator.source([part(first, (0, 2)), part(second, (0, 1))])
    assert [asset.uri for asset in source.assets] == [
        "file:///d/1/abc_000000.tiff",
        "file:///d/1/abc_000001.tiff",
        "file:///d/2/def_000000.tiff",
    ]
    assert [asset.num for asset in source.assets] == [0, 1, 2]
    assert source.shape == (3, 3, 4)


def test_gaps_are_in_one_file_and_not_among_many() -> None:
    single = resource("hdf5", "file:///d/a.h5", HDF5)
    assert open_first(single, "hdf5").rows(part(single, (2, 4), (6, 7))) == 7
    assert open_first(single, "hdf5").rows(part(single)) == 0
    many = resource("tiff", "file:///d", TIFF)
    consolidator = open_first(many, "tiff")
    assert consolidator.rows(part(many, (2, 4), (6, 7))) == 3
    names = [asset.uri[-11:-5] for asset in consolidator.source([part(many, (2, 4))]).assets]
    assert names == ["000002", "000003"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"dataset": "other"}, "dataset is 'other', that of the files before"),
        ({"slice": ":,0"}, "slice"),
        ({"chunk_shape": [2]}, "chunk_shape"),
        ({"join_method": "concat"}, "join_method"),
        ({"multiplier": 2}, "multiplier"),
        ({"dataset": None}, "have no dataset"),
        ({"template": "/%d.h5"}, "template"),
    ],
)
def test_resources_that_cannot_be_one_array(changed: dict[str, Any], words: str) -> None:
    consolidator = open_one("hdf5", parameters=HDF5)
    with pytest.raises(ValueError, match=words):
        consolidator.accept(resource("hdf5", "file:///b.h5", {**HDF5, **changed}, "b"))
    consolidator.accept(resource("hdf5", "file:///b.h5", {**HDF5, "spec": "other"}, "b"))


# Growing


def merged(pieces: list[Range]) -> tuple[Range, ...]:
    ranges: list[Range] = []
    for piece in pieces:
        insert_range(ranges, piece)
    return tuple(ranges)


@settings(deadline=None)
@given(
    kind=st.sampled_from(sorted(set(MIMETYPES) - {"zarr"})),
    pieces=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(1, 6)), min_size=1, max_size=12
    ),
    shape=st.sampled_from([(), (1,), (2, 3), (4, 3, 2)]),
    files=st.sampled_from([None, 1, 2]),
    seed=st.integers(),
)
def test_neither_order_nor_batches_change_the_final_source(
    kind: str,
    pieces: list[tuple[int, int, int]],
    shape: tuple[int, ...],
    files: int | None,
    seed: int,
) -> None:
    given_parameters = parameters_of(kind)
    if files is not None and shape and shape[0] % files == 0:
        given_parameters = {**given_parameters, "files_per_datum": files}
    resources = [
        resource(kind, f"file:///d/{number}", given_parameters, str(number)) for number in range(3)
    ]

    def open_all() -> Consolidator:
        consolidator = open_first(resources[0], kind, shape=shape)
        for other in resources[1:]:
            consolidator.accept(other)
        return consolidator

    def parts(come: list[tuple[int, int, int]]) -> list[Part]:
        return [
            Part(each, merged([(first, first + n) for place, first, n in come if place == number]))
            for number, each in enumerate(resources)
        ]

    at_once: FileSource = open_all().source(parts(pieces))
    shuffled = random.Random(seed).sample(pieces, len(pieces))
    growing = open_all()
    for count in range(len(shuffled) + 1):
        so_far = growing.source(parts(shuffled[:count]))
        assert so_far == open_all().source(parts(shuffled[:count]))
    assert so_far == at_once


def test_a_growing_run_names_each_file_once() -> None:
    named = []

    def template(number: int) -> str:
        named.append(number)
        return f"/{number}.tiff"

    held = resource("tiff", "file:///d", {"template": template})
    consolidator = open_first(held, "tiff", shape=(2, 3, 4))
    for stop in range(1, 201):
        source = consolidator.source([part(held, (0, stop))])
    assert named == list(range(200))
    assert len(source.assets) == 200


def test_a_facilitys_class_says_what_it_gives_the_adapter() -> None:
    class Scaled(CSVConsolidator):
        def adapter_parameters(self, parameters: Any) -> dict[str, Any]:
            return {"scale": parameters["scale"]}

    rule = asset_rule("csv")
    held = resource("csv", "file:///d/a.csv", {"scale": 3})
    declared = open_first(held, "csv").declared
    rule = type(rule)(name="scaled", consolidator=Scaled, at="m.yaml:1")
    consolidator = open_consolidator(rule, held, declared)
    assert consolidator.source([part(held, (0, 1))]).parameters == {"scale": 3}
    assert np.dtype("<f8") == declared.dtype
    with pytest.raises(ValueError, match="scale is 4"):
        consolidator.accept(resource("csv", "file:///d/b.csv", {"scale": 4}, "b"))
