from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tiledmap.runtime.errors import CollisionError, SinkError
from tiledmap.runtime.ops import (
    AppendRows,
    Asset,
    CloseRun,
    CreateArray,
    CreateContainer,
    CreateRagged,
    CreateTable,
    ExtendArray,
    ExtendRagged,
    FileSource,
    PatchMetadata,
    RegisterFiles,
    UpdateFiles,
    ValidateFiles,
)
from tiledmap.sinks.memory import MemorySink
from tiledmap.sinks.patches import merged

SCHEMA = pa.schema([("x", pa.int64())])
COMMON: dict[str, Any] = {"run": "r", "at": "m.yaml:1"}


def container(*path: str, run: str = "r", **fields: Any) -> CreateContainer:
    metadata = {"start": {"uid": run}} if len(path) == 1 else {}
    return CreateContainer(run=run, path=path, at="m.yaml:1", **{"metadata": metadata, **fields})


def table(*names: str) -> CreateTable:
    schema = pa.schema([(name, pa.int64()) for name in names])
    return CreateTable(**COMMON, path=("r", "t"), metadata={}, schema=schema)


def append(values: list[int], first: int) -> AppendRows:
    rows = pa.record_batch([pa.array(values, pa.int64())], SCHEMA)
    return AppendRows(**COMMON, path=("r", "t"), rows=rows, first=first)


def array(data: Any, **fields: Any) -> CreateArray:
    data = np.asarray(data)
    return CreateArray(
        **COMMON, path=("r", "a"), metadata={}, data=data, **{"dims": None, **fields}
    )


def extend(data: Any, first: int) -> ExtendArray:
    return ExtendArray(**COMMON, path=("r", "a"), data=np.asarray(data), first=first)


@pytest.fixture
def sink() -> MemorySink:
    sink = MemorySink()
    sink.perform(container("r"))
    return sink


def test_rows_that_come_twice_are_stored_once(sink: MemorySink) -> None:
    sink.perform(table("x"))
    sink.perform(append([1, 2], 0))
    sink.perform(append([2, 3], 1))
    assert sink.tree["r", "t"].rows.to_pydict() == {"x": [1, 2, 3]}


def test_arrays_grow_and_rows_that_come_twice_are_stored_once(sink: MemorySink) -> None:
    sink.perform(array([[1, 2]]))
    sink.perform(extend([[1, 2], [3, 4]], 0))
    assert sink.tree["r", "a"].data.tolist() == [[1, 2], [3, 4]]


def test_ragged_arrays_grow(sink: MemorySink) -> None:
    place: dict[str, Any] = {**COMMON, "path": ("r", "a"), "shape": (None,)}
    sink.perform(CreateRagged(**place, metadata={}, dims=None, rows=(np.array([1.0]),)))
    sink.perform(ExtendRagged(**place, rows=(np.array([1.0]), np.array([2.0, 3.0])), first=0))
    assert [row.tolist() for row in sink.tree["r", "a"].ragged] == [[1.0], [2.0, 3.0]]
    with pytest.raises(SinkError, match="another shape"):
        sink.perform(ExtendRagged(**{**place, "shape": (None, 2)}, rows=(), first=2))


@pytest.mark.parametrize(
    ("ops", "words"),
    [
        ([append([1], 0)], "no such node"),
        ([table("x"), append([1], 1)], "rows 0 to 0 are missing"),
        ([table("y"), append([1], 0)], "another schema"),
        ([table("x", "X")], "two columns have the same name"),
        ([table("x"), array([1]), extend([1.5], 1)], "another dtype"),
        ([array([[1]]), extend([[1, 2]], 1)], "another dtype or shape"),
        ([array([None])], "objects"),
        ([array([[1]], dims=("time",))], "another number of dims"),
        (
            [array([1]), AppendRows(**COMMON, path=("r", "a"), rows=append([1], 0).rows, first=0)],
            "no table",
        ),
        ([container("r", "s", "t")], "its parent is no container"),
        ([container("r", "a/b")], "cannot be the key"),
        ([container("r", "s", metadata={"x": float("nan")})], "does not keep"),
        ([container("r", "s", metadata={"x": [2**64]})], "does not keep"),
        ([container("r", "s", metadata={"x": {"\0": 1}})], "does not keep"),
        ([container("r", "s", metadata={"x": {1, 2}})], "does not keep"),
        ([PatchMetadata(**COMMON, path=("r", "s"), patch={})], "no such node"),
        ([PatchMetadata(**COMMON, path=("r",), patch={"x": 1e22})], "does not keep"),
    ],
)
def test_what_tiled_would_refuse_is_refused(sink: MemorySink, ops: list[Any], words: str) -> None:
    *before, last = ops
    for op in before:
        sink.perform(op)
    with pytest.raises(SinkError, match=words):
        sink.perform(last)
    assert sink.ops[-1] is not last


def test_two_nodes_of_one_run_cannot_have_one_place(sink: MemorySink) -> None:
    sink.perform(container("r", "t"))
    with pytest.raises(CollisionError):
        sink.perform(container("r", "t"))
    with pytest.raises(CollisionError):
        sink.perform(table("x"))


def test_a_run_resumes_its_own_node_and_refuses_another_s(sink: MemorySink) -> None:
    sink.perform(table("x"))
    sink.perform(append([1], 0))
    sink.perform(container("r"))
    sink.perform(table("x"))
    sink.perform(append([1, 2], 0))
    assert sink.tree["r", "t"].rows.num_rows == 2
    with pytest.raises(CollisionError):
        sink.perform(container("r", run="other", on_collision="refuse"))


def test_a_resumed_run_cannot_change_its_schema(sink: MemorySink) -> None:
    sink.perform(table("x"))
    sink.perform(container("r"))
    with pytest.raises(CollisionError):
        sink.perform(table("y"))


def test_a_taken_key_gets_a_suffix_which_a_resumed_run_finds_again(sink: MemorySink) -> None:
    for _ in range(2):
        sink.perform(container("r", run="0123456789", on_collision="suffix_uid"))
        sink.perform(container("r", "s", run="0123456789"))
    assert list(sink.tree) == [("r",), ("r_01234567",), ("r_01234567", "s")]


def test_shared_containers_are_taken_as_they_are(sink: MemorySink) -> None:
    sink.perform(container("2026", shared=True, metadata={}))
    sink.perform(container("2026", run="other", shared=True, metadata={}))
    sink.perform(array([1]))
    with pytest.raises(CollisionError):
        sink.perform(container("r", "a", shared=True))


def test_closing_a_run_merges_its_last_metadata(sink: MemorySink) -> None:
    sink.perform(CloseRun(**COMMON, path=("r",), patch={"stop": {"uid": "s"}}))
    assert sink.tree[("r",)].metadata == {"start": {"uid": "r"}, "stop": {"uid": "s"}}
    assert sink.tree[("r",)].closed


@pytest.mark.parametrize(
    ("value", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({"a": "foo"}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_patches_merge_as_rfc_7396_says(value: Any, patch: Any, result: Any) -> None:
    assert merged(value, patch) == result


# Files that lie elsewhere


def source(number: int = 2, **fields: Any) -> FileSource:
    settings = {
        "family": "array",
        "mimetype": "multipart/related;type=image/tiff",
        "assets": tuple(Asset(f"file:///d/{n}.tif", "data_uris", n) for n in range(number)),
        "dtype": np.dtype("<u2"),
        "shape": (number, 4, 5),
        "chunks": ((1,) * number, (4,), (5,)),
        **fields,
    }
    return FileSource(**settings)


def register(files: FileSource, **fields: Any) -> RegisterFiles:
    return RegisterFiles(**COMMON, path=("r", "f"), **{"metadata": {}, **fields}, source=files)


def update(files: FileSource, first: int = 0) -> UpdateFiles:
    rows, *row = files.shape
    offset, extent = (first, *(0 for _ in row)), (rows - first, *row)
    return UpdateFiles(**COMMON, path=("r", "f"), source=files, offset=offset, extent=extent)


def test_files_are_what_the_last_op_says(sink: MemorySink) -> None:
    sink.perform(register(source(2)))
    sink.perform(update(source(4), 2))
    assert sink.tree["r", "f"].source == source(4)
    assert sink.tree["r", "f"].family == "array"
    mended = source(4, shape=(3, 4, 5), chunks=((3,), (4,), (5,)))
    sink.perform(update(mended))
    assert sink.tree["r", "f"].source == mended


def test_a_replay_takes_no_file_back(sink: MemorySink) -> None:
    ops = [container("r"), register(source(2)), update(source(4), 2), update(source(6), 4)]
    for op in ops[:3]:
        sink.perform(op)
    seen = []
    for op in ops:
        sink.perform(op)
        files = sink.tree["r", "f"].source
        assert files is not None
        seen.append(files.shape[0])
    assert seen == [4, 4, 4, 6]


def test_a_replay_in_larger_portions_adds_what_is_new(sink: MemorySink) -> None:
    sink.perform(register(source(2)))
    sink.perform(container("r"))
    sink.perform(register(source(6)))
    assert sink.tree["r", "f"].source == source(6)


def test_bytes_have_files_and_no_structure(sink: MemorySink) -> None:
    files = source(mimetype="application/octet-stream", family="bytes", dtype=None, shape=())
    sink.perform(register(files))
    assert sink.tree["r", "f"].family == "bytes"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"family": "table"}, "an array or bytes, not 'table'"),
        ({"mimetype": "m" * 256}, "has not 1 to 255 characters"),
        ({"mimetype": ""}, "has not 1 to 255 characters"),
        ({"assets": ()}, "there are no files"),
        ({"assets": (Asset("file:///" + "u" * 1016, "p"),)}, "more than 1023 characters"),
        ({"assets": (Asset("/d/0.tif", "p"),)}, "is no URI"),
        ({"assets": (Asset("file:///d/\x00", "p"),)}, "characters that Tiled does not keep"),
        ({"assets": (Asset("file:///d", ""),)}, "no name of an adapter's parameter"),
        ({"assets": (Asset("f:/a", "p", 0), Asset("f:/a", "p", 1))}, "comes twice"),
        ({"assets": (Asset("f:/a", "p", 1), Asset("f:/b", "p", 1))}, "two files are number 1"),
        ({"assets": (Asset("f:/a", "p"), Asset("f:/b", "p", 1))}, "have a number, others not"),
        ({"dtype": None}, "dtype of its elements is not known"),
        ({"dtype": np.dtype([("a", "O")])}, "Python objects"),
        ({"shape": (3, 4, 5)}, r"chunks make up a shape of \(2, 4, 5\), not of \(3, 4, 5\)"),
        ({"chunks": ((2,), (4,))}, "chunks make up a shape"),
        ({"shape": (-1,), "chunks": ((-1,),)}, "is none"),
        ({"dims": ("time", "y")}, "2 dims for 3 dimensions"),
        ({"parameters": {"slice": slice(1)}}, "its metadata holds"),
    ],
)
def test_files_that_tiled_would_not_take_are_refused(
    sink: MemorySink, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(SinkError, match=message):
        sink.perform(register(source(**fields)))
    assert ("r", "f") not in sink.tree


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (update(source(4, mimetype="image/tiff")), "no node of such files"),
        (update(source(4), 5), "not within the array's shape"),
    ],
)
def test_updates_that_tiled_would_not_take_are_refused(
    sink: MemorySink, op: UpdateFiles, message: str
) -> None:
    sink.perform(register(source(2)))
    with pytest.raises(SinkError, match=message):
        sink.perform(op)
    assert sink.tree["r", "f"].source == source(2)


def test_what_is_stored_and_what_is_registered_do_not_mix(sink: MemorySink) -> None:
    sink.perform(register(source(2)))
    with pytest.raises(SinkError, match="its data are files"):
        sink.perform(ExtendArray(**COMMON, path=("r", "f"), data=np.ones((1, 4, 5)), first=2))
    sink.perform(container("r"))
    with pytest.raises(CollisionError, match="the run has files there"):
        sink.perform(
            CreateArray(**COMMON, path=("r", "f"), metadata={}, data=np.ones((1, 4)), dims=None)
        )
    sink.perform(array([[1, 2]]))
    with pytest.raises(SinkError, match="no node of such files"):
        sink.perform(replace(update(source(2)), path=("r", "a")))
    sink.perform(container("r"))
    with pytest.raises(CollisionError, match="something else there"):
        sink.perform(replace(register(source(2)), path=("r", "a")))


def test_there_is_no_server_that_could_validate(sink: MemorySink) -> None:
    assert sink.validate_files(ValidateFiles(**COMMON, path=("r",), fix=True)) is None


def run_that_ends(*stops: dict[str, Any]) -> MemorySink:
    sink = MemorySink()
    for stop in stops:
        sink.perform(CreateContainer(**COMMON, path=("r",), metadata={"start": {"uid": "r"}}))
        sink.perform(CloseRun(**COMMON, path=("r",), patch={"stop": stop}))
    return sink


REAL = {"uid": "s", "reason": "done"}
MADE_UP = {"uid": "t", "synthesised_by": "tiledmap"}


def test_a_stop_document_takes_the_place_of_another_one_whole() -> None:
    assert run_that_ends(MADE_UP, REAL).tree["r",].metadata["stop"] == REAL
    later = {**MADE_UP, "num_events": {"primary": 2}}
    assert run_that_ends(MADE_UP, later).tree["r",].metadata["stop"] == later


def test_a_stop_document_that_was_made_up_takes_the_place_of_no_other() -> None:
    sink = run_that_ends(REAL, MADE_UP)
    assert sink.tree["r",].metadata["stop"] == REAL
    assert sink.tree["r",].closed


def test_the_last_word_removes_what_an_earlier_attempt_has_noted() -> None:
    sink = MemorySink()
    sink.perform(CreateContainer(**COMMON, path=("r",), metadata={"start": {"uid": "r"}}))
    sink.perform(PatchMetadata(**COMMON, path=("r",), patch={"notes": ["not all"], "other": 1}))
    sink.perform(CreateContainer(**COMMON, path=("r",), metadata={"start": {"uid": "r"}}))
    sink.perform(CloseRun(**COMMON, path=("r",), patch={"stop": REAL}))
    assert sink.tree["r",].metadata == {"start": {"uid": "r"}, "other": 1, "stop": REAL}
