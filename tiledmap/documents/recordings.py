"""Recorded documents: files that hold what a RunEngine said.

Four forms are read, told apart by what the file holds and not by its name, each gzipped or not:

- JSON lines of ``["start", {…}]`` or of ``{"name": "start", "doc": {…}}``;
- JSON text sequences (RFC 7464) of either;
- msgpack, as suitcase-msgpack writes it: ``["start", {…}]`` one after the other, with numpy's
  arrays and numbers as msgpack-numpy encodes them.

Files may come from anywhere: no record can run code, and none may be larger than `LARGEST_RECORD`.
"""

import gzip
import io
import json
import math
import os
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import msgpack
import numpy as np

from tiledmap.runtime.unpatched import Unpacker

NamedDocument: TypeAlias = tuple[str, dict[str, Any]]

LARGEST_RECORD = 512 * 1024 * 1024
"""Bytes, uncompressed."""
LONGEST_LIST = 2**24
"""Elements of one list in msgpack, which says how long a list is before it gives any."""

NAMES = frozenset(
    {
        "start",
        "stop",
        "descriptor",
        "event",
        "event_page",
        "datum",
        "datum_page",
        "resource",
        "stream_resource",
        "stream_datum",
        "bulk_events",
        "bulk_datum",
    }
)

_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_RECORD_SEPARATOR = b"\x1e"
_MSGPACK_LISTS_AND_MAPS = frozenset(b"\x92\xdc\xdd\x82\xde\xdf")
_CHUNK = 1024 * 1024
_ONE_A_LINE = "documents stand one a line, as jq -c '.[]' writes those of a list"
_MOST_DIMENSIONS = 64


class RecordingError(Exception):
    """A file of documents that cannot be read on.

    Parameters
    ----------
    path
        The file.
    record
        The number of the record, from 1.
    position
        ``line 3`` or ``byte 1024``, of the uncompressed data.
    reason
        What is wrong there.
    truncated
        True if the file ends within the record: what was read before is all there is.
    """

    def __init__(
        self, path: Path, record: int, position: str, reason: str, *, truncated: bool = False
    ) -> None:
        super().__init__(path, record, position, reason)
        self.path = path
        self.record = record
        self.position = position
        self.reason = reason
        self.truncated = truncated

    def __str__(self) -> str:
        return f"{self.path}: record {self.record}, {self.position}: {self.reason}"


class _RecordFaultError(Exception):
    """What is wrong with the record that comes next."""

    def __init__(self, reason: str, *, truncated: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.truncated = truncated


def read_documents(path: str | os.PathLike[str]) -> Iterator[NamedDocument]:
    """Read the documents of a file, one after the other.

    Raises
    ------
    RecordingError
        At the first record that is no document, after all that come before it.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    with path.open("rb") as raw:
        compressed = raw.peek(len(_GZIP)).startswith(_GZIP)  # a pipe cannot go back
        with gzip.open(raw) if compressed else raw as file:
            yield from _Reader(path, file).documents()


def write_documents(path: str | os.PathLike[str], documents: Iterable[NamedDocument]) -> None:
    """Write documents as JSON lines, gzipped if the name ends in ``.gz``.

    Numpy's arrays become lists and its numbers plain numbers.
    """
    path = Path(path)
    with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as file:
        for name, document in documents:
            line = json.dumps([name, document], default=_plain, ensure_ascii=False)
            file.write(line.encode() + b"\n")


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"a document cannot hold a {type(value).__name__}: {value!r}")


class _Reader:
    """Reads one file, and knows where it is."""

    def __init__(self, path: Path, file: io.BufferedIOBase) -> None:
        self._path = path
        self._file = file
        self._position = "byte 0"

    def documents(self) -> Iterator[NamedDocument]:
        record = 1
        try:
            for value in self._records():
                yield _named_document(value)
                record += 1
        except _RecordFaultError as fault:
            reason, truncated = fault.reason, fault.truncated
        except EOFError:
            reason, truncated = "the gzipped data ends too early", True
        except (gzip.BadGzipFile, zlib.error) as error:
            reason, truncated = f"the gzipped data is damaged: {error}", False
        else:
            return
        raise RecordingError(self._path, record, self._position, reason, truncated=truncated)

    def _records(self) -> Iterator[Any]:
        chunks = self._chunks()
        beginning = next(chunks, b"").removeprefix(_BYTE_ORDER_MARK)
        chunks = chain([beginning], chunks)
        first = beginning.lstrip()[:1]
        if first in (b"[", b"{"):
            return self._json_lines(chunks)
        if first == _RECORD_SEPARATOR:
            return self._json_sequence(chunks)
        if first and beginning[0] in _MSGPACK_LISTS_AND_MAPS:
            return self._msgpack(chunks)
        if first:
            raise _RecordFaultError(
                f"this is neither JSON nor msgpack: it begins with {beginning[:8]!r}"
            )
        return iter(())

    def _chunks(self) -> Iterator[bytes]:
        # By read1: what comes before damage is read before the damage is met.
        return iter(lambda: self._file.read1(_CHUNK), b"")

    def _json_lines(self, chunks: Iterator[bytes]) -> Iterator[Any]:
        for number, (text, ended) in enumerate(_split(chunks, b"\n"), start=1):
            self._position = f"line {number}"
            if text.strip():
                yield _parse_json(text, ended)

    def _json_sequence(self, chunks: Iterator[bytes]) -> Iterator[Any]:
        separator = -1  # where the one before the text is
        for text, ended in _split(chunks, _RECORD_SEPARATOR):
            self._position = f"byte {separator}"
            separator += 1 + len(text)
            if text.strip():
                yield _parse_json(text, ended)

    def _msgpack(self, chunks: Iterator[bytes]) -> Iterator[Any]:
        unpacker = Unpacker(
            max_buffer_size=LARGEST_RECORD,
            max_array_len=LONGEST_LIST,
            max_map_len=LONGEST_LIST,
            object_hook=_decode_numpy,
            ext_hook=_refuse_extension,
            timestamp=1,
        )
        fed = read = 0
        for chunk in chunks:
            try:
                unpacker.feed(chunk)
                fed += len(chunk)
                for value in unpacker:
                    yield value
                    read = unpacker.tell()
                    self._position = f"byte {read}"
            except msgpack.BufferFull:
                raise _too_large() from None
            except msgpack.StackError:
                raise _RecordFaultError("it is nested too deeply") from None
            except (msgpack.UnpackException, ValueError, TypeError) as error:
                raise _RecordFaultError(f"not msgpack: {error or type(error).__name__}") from error
        if read < fed:
            raise _RecordFaultError("the file ends within it", truncated=True)


def _named_document(value: Any) -> NamedDocument:
    match value:
        case [str(name), dict(document)] | {"name": str(name), "doc": dict(document)}:
            if name not in NAMES:
                raise _RecordFaultError(f"no document is called {name!r}")
            return name, document
        case [[str(), dict()], *_] | [{"name": str(), "doc": dict()}, *_]:
            raise _RecordFaultError(f"it is a list of documents; {_ONE_A_LINE}")
    raise _RecordFaultError("it is neither [name, document] nor {name: …, doc: …}")


def _split(chunks: Iterable[bytes], separator: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield what is between separators, and whether one follows."""
    begun: list[bytes] = []
    for chunk in chunks:
        first, *others = chunk.split(separator)
        begun.append(first)
        if sum(map(len, begun)) > LARGEST_RECORD:
            raise _too_large()
        if others:
            yield b"".join(begun), True
            *whole, last = others
            for text in whole:
                yield text, True
            begun = [last]
    yield b"".join(begun), False


def _too_large() -> _RecordFaultError:
    return _RecordFaultError(f"it is larger than {LARGEST_RECORD // 1024**2} MiB")


def _parse_json(text: bytes, ended: bool) -> Any:
    try:
        return json.loads(text.decode())
    except RecursionError:
        raise _RecordFaultError("it is nested too deeply") from None
    except ValueError as error:
        if not ended:
            raise _RecordFaultError("the file ends within it", truncated=True) from error
        goes_on = text.strip() in (b"[", b"{", b"[[", b"[{")
        reason = f"it goes on in the next line; {_ONE_A_LINE}" if goes_on else f"not JSON: {error}"
        raise _RecordFaultError(reason) from error


def _refuse_extension(code: int, data: bytes) -> Any:
    raise _RecordFaultError(f"msgpack extension {code} stands for nothing known")


def _decode_numpy(value: dict[Any, Any]) -> Any:
    """Turn what msgpack-numpy made of an array or number back into it; never by unpickling."""
    try:
        if b"complex" in value:
            return complex(value[b"data"])
        if b"nd" in value:
            return _array(value) if value[b"nd"] else _array(value | {b"shape": ()})[()]
    except RecursionError:
        raise _RecordFaultError("it is nested too deeply") from None
    except (KeyError, TypeError, ValueError) as error:
        raise _RecordFaultError(f"not numpy as msgpack-numpy writes it: {error}") from error
    return value


def _array(value: dict[Any, Any]) -> np.ndarray[Any, Any]:
    dtype = np.dtype(_description(value[b"type"]))
    if dtype.hasobject or value.get(b"kind") == b"O":
        raise _RecordFaultError("arrays of Python objects are not read: they could run code")
    shape, data = tuple(value[b"shape"]), value[b"data"]
    # Before they are multiplied: a product with text, or of very many numbers, would not end.
    if len(shape) > _MOST_DIMENSIONS or not all(map(_is_length, shape)):
        raise ValueError("its shape is that of no array")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"{len(data)} bytes are no {dtype} of shape {shape}")
    return np.ndarray(shape, dtype, data)


def _is_length(value: Any) -> bool:
    return type(value) is int and value >= 0


def _description(dtype: Any) -> Any:
    """Make of lists the tuples that describe the fields of a structured dtype."""
    if isinstance(dtype, list):
        return [
            (name, _description(field), *(tuple(shape) for shape in more))
            for name, field, *more in dtype
        ]
    return dtype
