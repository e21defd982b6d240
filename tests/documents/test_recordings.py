"""Recorded documents are read as they were said, whatever form they were kept in."""

import gzip
import io
import json
import math
import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import msgpack_numpy
import numpy as np
import pytest
from event_model import DocumentNames, sanitize_doc, schema_validators

from tiledmap.documents import recordings
from tiledmap.documents.recordings import RecordingError, read_documents, write_documents

RUNS = Path(__file__).parents[1] / "runs"
DOCUMENTS: list[tuple[str, dict[str, Any]]] = [
    ("start", {"uid": "r1", "time": 1.5, "plan": {"args": [1, None, "é\n"]}}),
    ("descriptor", {"uid": "d1", "run_start": "r1", "data_keys": {"x": {"shape": []}}}),
    ("event", {"uid": "e1", "data": {"x": [[1, 2], [3, 4]]}, "seq_num": 1}),
    ("stop", {"uid": "s1", "run_start": "r1", "num_events": {"primary": 1}}),
]


def json_lines(documents: list[tuple[str, Any]]) -> bytes:
    return "".join(json.dumps(pair) + "\n" for pair in documents).encode()


def json_line_objects(documents: list[tuple[str, Any]]) -> bytes:
    return "".join(
        json.dumps({"name": name, "doc": document}) + "\n" for name, document in documents
    ).encode()


def json_sequence(documents: list[tuple[str, Any]]) -> bytes:
    return "".join(
        f"\x1e{json.dumps({'name': name, 'doc': document}, indent=1)}\n"
        for name, document in documents
    ).encode()


def suitcase_msgpack(documents: list[tuple[str, Any]]) -> bytes:
    return b"".join(
        msgpack.packb(pair, default=msgpack_numpy.encode, use_bin_type=True) for pair in documents
    )


def json_lines_of_windows(documents: list[tuple[str, Any]]) -> bytes:
    return b"\xef\xbb\xbf" + json_lines(documents).replace(b"\n", b"\r\n")


FORMS = [json_lines, json_line_objects, json_lines_of_windows, json_sequence, suitcase_msgpack]


def write(directory: Path, data: bytes, name: str = "a recording") -> Path:
    path = directory / name
    path.write_bytes(data)
    return path


def read_until_error(path: Path) -> tuple[list[tuple[str, dict[str, Any]]], RecordingError]:
    documents: list[tuple[str, dict[str, Any]]] = []
    with pytest.raises(RecordingError) as caught:
        documents.extend(read_documents(path))
    return documents, caught.value


# What is read


@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_documents(
    tmp_path: Path,
    form: Callable[[list[tuple[str, Any]]], bytes],
    packed: Callable[[bytes], bytes],
) -> None:
    path = write(tmp_path, packed(form(DOCUMENTS)), "misleading.txt")
    assert list(read_documents(path)) == DOCUMENTS


@pytest.mark.parametrize("form", FORMS)
def test_documents_may_be_larger_than_what_is_read_at_once(
    tmp_path: Path, form: Callable[[list[tuple[str, Any]]], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "_CHUNK", 7)
    assert list(read_documents(write(tmp_path, form(DOCUMENTS)))) == DOCUMENTS


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    for name in ("run.jsonl", "run.jsonl.gz"):
        write_documents(tmp_path / name, DOCUMENTS)
        assert list(read_documents(tmp_path / name)) == DOCUMENTS
    assert (tmp_path / "run.jsonl.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert (tmp_path / "run.jsonl").read_bytes().count(b"\n") == len(DOCUMENTS)


def test_numpy_is_written_as_plain_json(tmp_path: Path) -> None:
    data = {"image": np.arange(4).reshape(2, 2), "x": np.float64(0.1), "ok": np.bool_(True)}
    write_documents(tmp_path / "run.jsonl", [("event", {"data": data})])
    ((_, event),) = read_documents(tmp_path / "run.jsonl")
    assert event["data"] == {"image": [[0, 1], [2, 3]], "x": 0.1, "ok": True}


def test_what_json_cannot_hold_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="a document cannot hold a set"):
        write_documents(tmp_path / "run.jsonl", [("event", {"data": {1, 2}})])


def test_numbers_that_are_not_finite_are_numbers(tmp_path: Path) -> None:
    write_documents(tmp_path / "run.jsonl", [("event", {"x": [math.nan, math.inf, -math.inf]})])
    ((_, event),) = read_documents(tmp_path / "run.jsonl")
    assert math.isnan(event["x"][0])
    assert event["x"][1:] == [math.inf, -math.inf]


def test_blank_lines_mean_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, b"\n" + json_lines(DOCUMENTS).replace(b"\n", b"\r\n\n") + b"  \n")
    assert list(read_documents(path)) == DOCUMENTS


def test_an_empty_file_has_no_documents(tmp_path: Path) -> None:
    for data in (b"", b" \n", gzip.compress(b"")):
        assert list(read_documents(write(tmp_path, data))) == []


def test_a_last_line_needs_no_end(tmp_path: Path) -> None:
    assert list(read_documents(write(tmp_path, json_lines(DOCUMENTS).rstrip()))) == DOCUMENTS


NUMPY = [
    np.arange(6, dtype="<i2").reshape(2, 3),
    np.array(["abc", "é"]),
    np.array([1.5], dtype=">f8"),
    np.zeros((0, 3)),
    np.array(2.5),
    np.array([(1, [2.0, 3.0])], dtype=[("n", "<i4"), ("v", "<f8", (2,))]),
    np.array([(1, (2.0,))], dtype=[("n", "<i4"), ("inner", [("x", "<f8")])]),
    np.float32(0.5),
    np.int64(-3),
    np.bool_(True),
]


@pytest.mark.parametrize("value", NUMPY, ids=repr)
def test_numpy_in_msgpack_is_what_it_was(tmp_path: Path, value: Any) -> None:
    path = write(tmp_path, suitcase_msgpack([("event", {"data": {"x": value}})]))
    ((_, event),) = read_documents(path)
    read = event["data"]["x"]
    assert type(read) is type(value)
    assert read.dtype == value.dtype
    assert read.shape == value.shape
    assert read.tobytes() == value.tobytes()


def test_complex_numbers_in_msgpack_are_what_they_were(tmp_path: Path) -> None:
    ((_, event),) = read_documents(write(tmp_path, suitcase_msgpack([("event", {"x": 1 + 2j})])))
    assert event == {"x": 1 + 2j}


# What is refused


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_a_file_cut_off_gives_all_whole_documents_first(
    tmp_path: Path,
    form: Callable[[list[tuple[str, Any]]], bytes],
    packed: Callable[[bytes], bytes],
) -> None:
    path = write(tmp_path, packed(form(DOCUMENTS)[:-9]))
    documents, error = read_until_error(path)
    assert documents == DOCUMENTS[:-1]
    assert error.truncated
    assert error.record == 4
    assert "the file ends within it" in str(error)
    assert str(path) in str(error)


def test_gzipped_data_cut_off_is_truncated(tmp_path: Path) -> None:
    many = DOCUMENTS * 500
    packed = gzip.compress(json_lines(many))
    documents, error = read_until_error(write(tmp_path, packed[: len(packed) // 2]))
    assert documents == many[: len(documents)]
    assert documents
    assert error.truncated
    assert error.record == len(documents) + 1


def test_damaged_gzipped_data_is_named(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(json_lines(DOCUMENTS)))
    packed[-6] ^= 0xFF
    _, error = read_until_error(write(tmp_path, bytes(packed)))
    assert "the gzipped data is damaged" in str(error)
    assert not error.truncated


def test_an_error_says_where_it_is(tmp_path: Path) -> None:
    good = json_lines(DOCUMENTS[:2])
    documents, error = read_until_error(write(tmp_path, good + b"\n[1, 2,, 3]\n" + good))
    assert documents == DOCUMENTS[:2]
    assert (error.record, error.position) == (3, "line 4")
    assert "not JSON: Expecting value: line 1 column 7" in str(error)

    good = json_sequence(DOCUMENTS[:2])
    documents, error = read_until_error(write(tmp_path, good + b"\x1e[1,,2]\n" + good))
    assert documents == DOCUMENTS[:2]
    assert (error.record, error.position) == (3, f"byte {len(good)}")

    good = suitcase_msgpack(DOCUMENTS[:2])
    documents, error = read_until_error(write(tmp_path, good + b"\xc1" + good))
    assert documents == DOCUMENTS[:2]
    assert (error.record, error.position) == (3, f"byte {len(good)}")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"uid,time\n", "neither JSON nor msgpack: it begins with b'uid,time'"),
        (pickle.dumps(DOCUMENTS), "neither JSON nor msgpack"),
        (b'[["start", {}]]\n', "it is a list of documents; documents stand one a line"),
        (
            b'[{"name": "start", "doc": {}}]',
            "it is a list of documents; documents stand one a line",
        ),
        (b'[\n["start", {}]\n]\n', "it goes on in the next line; documents stand one a line"),
        (b'["start"]\n', r"neither \[name, document\]"),
        (b'["start", []]\n', r"neither \[name, document\]"),
        (b'{"name": "start"}\n', r"neither \[name, document\]"),
        (b'["begin", {}]\n', "no document is called 'begin'"),
        (b"[" * 100_000 + b"\n", "nested too deeply"),
        (b'["start", {"x": ' + b"1" * 10_000 + b"}]\n", "not JSON: Exceeds the limit"),
        (b'["start", {"x": "\xff"}]\n', "not JSON: 'utf-8' codec"),
        (b"\x92\xa5start" + b"\x91" * 100_000, "nested too deeply"),
        (b"\x92\xa5start\xdd\xff\xff\xff\xff", "not msgpack: 4294967295 exceeds"),
        (b"\x92\xa5start\xdf\x7f\xff\xff\xff", "not msgpack: 2147483647 exceeds"),
        (b"\x92\xa5start\xd4\x05\x00", "msgpack extension 5 stands for nothing known"),
        (b"\x92\xa5start\x81\x01\x02", "not msgpack: int is not allowed for map key"),
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(RecordingError, match=words):
        list(read_documents(write(tmp_path, data)))


class Trap:
    """Something that runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("the recording ran code",))


def test_pickles_in_msgpack_are_refused(tmp_path: Path) -> None:
    trap = np.array([Trap()], dtype=object)
    with pytest.raises(RecordingError, match="Python objects are not read: they could run code"):
        list(read_documents(write(tmp_path, suitcase_msgpack([("event", {"x": trap})]))))


@pytest.mark.parametrize(
    "value",
    [
        {b"nd": True},
        {b"nd": True, b"type": "no such", b"shape": [1], b"data": b"a"},
        {b"nd": True, b"type": "<f8", b"shape": [2], b"data": b"12345678"},
        {b"nd": True, b"type": "|u1", b"shape": [2], b"data": b"12345678"},
        {b"nd": True, b"type": "|u1", b"shape": [-1], b"data": b"12345678"},
        {b"nd": True, b"type": "|u1", b"shape": [2**40, 2**40], b"data": b""},
        {b"nd": True, b"type": "|u1", b"shape": ["a", 2**33], b"data": b""},
        {b"nd": True, b"type": "|u1", b"shape": [[0], 2**33], b"data": b""},
        {b"nd": True, b"type": "|u1", b"shape": [2**63] * 100_000, b"data": b""},
        {b"nd": True, b"type": [["a"]], b"shape": [1], b"data": b"a"},
        {b"nd": True, b"type": [["a", "|O"]], b"shape": [1], b"data": b"12345678"},
        {b"nd": False, b"type": "|O", b"data": b"12345678"},
        {b"nd": False, b"type": "<f8", b"data": 5},
        {b"complex": True, b"data": "three"},
        {b"complex": True},
    ],
    ids=lambda value: repr(value)[:80],
)
def test_arrays_that_are_none_are_refused(tmp_path: Path, value: Any) -> None:
    data = msgpack.packb(["event", {"x": value}], use_bin_type=True)
    with pytest.raises(RecordingError, match="record 1, byte 0"):
        list(read_documents(write(tmp_path, data)))


def test_records_inside_of_one_another_are_refused(tmp_path: Path) -> None:
    dtype: Any = "<i4"
    for _ in range(505):
        dtype = [["a", dtype]]
    value = {b"nd": True, b"type": dtype, b"shape": [1], b"data": b"1234"}
    data = msgpack.packb(["event", {"x": value}], use_bin_type=True)
    with pytest.raises(RecordingError, match="nested too deeply"):
        list(read_documents(write(tmp_path, data)))


@pytest.mark.parametrize("form", FORMS)
def test_no_record_may_be_too_large(
    tmp_path: Path, form: Callable[[list[tuple[str, Any]]], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "LARGEST_RECORD", 2 * 1024**2)
    large = ("start", {"text": "x" * 5 * 1024**2})
    path = write(tmp_path, gzip.compress(form([DOCUMENTS[0], large])))
    documents, error = read_until_error(path)
    assert documents == DOCUMENTS[:1]
    assert "it is larger than 2 MiB" in str(error)


def test_a_gzip_bomb_does_not_fill_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "LARGEST_RECORD", 8 * 1024**2)
    bomb = io.BytesIO()
    with gzip.open(bomb, "wb") as file:
        file.write(b"[")
        for _ in range(200):
            file.write(b" " * 1024**2)
    path = write(tmp_path, bomb.getvalue())
    tracemalloc.start()
    try:
        with pytest.raises(RecordingError, match="it is larger than 8 MiB"):
            list(read_documents(path))
        assert tracemalloc.get_traced_memory()[1] < 32 * 1024**2
    finally:
        tracemalloc.stop()


RECORDED = sorted(path for path in RUNS.iterdir() if path.suffix in {".jsonl", ".msgpack"})


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
def test_the_recorded_runs_are_whole_and_valid(path: Path) -> None:
    documents = list(read_documents(path))
    for name, document in documents:
        schema_validators[DocumentNames[name]].validate(sanitize_doc(document))
    started = [document["uid"] for name, document in documents if name == "start"]
    stopped = [document["run_start"] for name, document in documents if name == "stop"]
    assert sorted(started) == sorted(stopped)
    assert path.stat().st_size < 200_000


def test_a_missing_file_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(read_documents(tmp_path / "none"))
