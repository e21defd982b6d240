"""A document as bytes, and back.

The bytes are the copy of a document that waits for its writer, and what a journal records. A writer
stores of what comes back exactly what it would have stored of the document itself.

A payload is ``[name, shared, document]`` in msgpack. One with arrays begins with a byte that
msgpack never writes and the length of what is msgpack; the elements of the arrays follow, aligned,
so that they are copied once on the way in and not at all on the way out.
"""

import struct
from collections.abc import Mapping
from threading import local
from typing import Any

import numpy as np
from msgpack import ExtType

from tiledmap.runtime.errors import in_words
from tiledmap.runtime.journal.values import (
    MARKS,
    NUMBER,
    RESTORERS,
    Mark,
    array_within,
    circle,
    closed,
    number,
    reduce,
    stand_in,
)
from tiledmap.runtime.unpatched import Packer, unpackb

DEEPEST_KEPT = 200
"""How deep lists and mappings are kept of a document that msgpack alone cannot encode."""

_WITH_TAIL = 0xC1
_HEAD = struct.Struct("<BI")
_ALIGNMENT = 64


class CorruptRecordError(Exception):
    """Bytes that are no document's payload."""


# ---------------------------------------------------------------- to bytes


def encode(name: str, document: Mapping[str, Any], shared: bool = False) -> bytes:
    """The payload of a document; never raises.

    Parameters
    ----------
    shared
        Whether the document may belong to other runs as well.
    """
    if type(document) is not dict:
        document = _as_dict(document)
    encoder: _Encoder | None = getattr(_of_thread, "encoder", None)
    if encoder is None:
        encoder = _of_thread.encoder = _Encoder()
    elif encoder.is_busy:  # with a value whose repr sends a document
        encoder = _Encoder()
    return encoder.encode([name, shared, document])


def _as_dict(document: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return dict(document.items())
    except Exception:  # it may be of any class
        return {}


class _Encoder:
    """Encodes documents, one at a time."""

    __slots__ = ("_packer", "_size", "_tail", "is_busy")

    def __init__(self) -> None:
        self._packer = Packer(strict_types=True, default=self._reduce)
        self._tail: list[Any] = []
        self._size = 0
        self.is_busy = False

    def encode(self, record: list[Any]) -> bytes:
        self.is_busy = True
        try:
            head: bytes = self._packer.pack(record)
        except Exception:  # lone surrogates, circles, whatever else msgpack does not take
            self._tail, self._size = [], 0
            head = self._encode_apart(record)
            return self._with_tail(head)
        finally:
            self.is_busy = False
        return self._with_tail(head) if self._tail else head

    def _with_tail(self, head: bytes) -> bytes:
        padding = bytes(-(_HEAD.size + len(head)) % _ALIGNMENT)
        tail, self._tail, self._size = self._tail, [], 0
        return b"".join((_HEAD.pack(_WITH_TAIL, len(head)), head, padding, *tail))

    def _reduce(self, value: Any) -> list[Any] | ExtType:
        return reduce(value, self._hold)

    def _hold(self, array: np.ndarray[Any, Any]) -> int:
        """Put the elements of an array into the tail; where they are in it."""
        start = self._size
        elements: Any = b""
        if array.nbytes:
            elements = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        padding = bytes(-array.nbytes % _ALIGNMENT)
        self._tail += [elements, padding]
        self._size += array.nbytes + len(padding)
        return start

    def _encode_apart(self, record: list[Any]) -> bytes:
        """Encode one value after the other, so that each can fail alone."""
        packer = Packer(strict_types=True, unicode_errors="surrogatepass", default=self._reduce)

        def encoded(value: Any, above: tuple[Any, ...]) -> bytes:
            try:
                if isinstance(value, ExtType | str | int | float | bytes | None):
                    return packer.pack(value)  # type: ignore[no-any-return]
                for levels, other in enumerate(reversed(above), 1):
                    if other is value:
                        return packer.pack(circle(value, levels))  # type: ignore[no-any-return]
                if len(above) < DEEPEST_KEPT:
                    return inside(value, (*above, value))
            except Exception:  # too long a text, too high a stack
                pass
            return packer.pack(stand_in(value))  # type: ignore[no-any-return]

        def inside(value: Any, above: tuple[Any, ...]) -> bytes:
            if type(value) is dict:
                parts = [packer.pack_map_header(len(value))]
                for key, item in value.items():
                    parts += (encoded(key, above), encoded(item, above))
            else:
                items = value if type(value) is list else self._reduce(value)
                if type(items) is ExtType:
                    return packer.pack(items)  # type: ignore[no-any-return]
                parts = [packer.pack_array_header(len(items))]
                for item in items:
                    parts.append(encoded(item, above))
            return b"".join(parts)

        return packer.pack_array_header(len(record)) + b"".join(  # type: ignore[no-any-return]
            encoded(part, ()) for part in record
        )


_of_thread = local()


# ---------------------------------------------------------------- and back


def decode(payload: bytes) -> tuple[str, dict[str, Any], bool]:
    """The name of a document, the document, and whether it may belong to other runs as well.

    Arrays are views of `payload` and cannot be written to. Runs no code of the payload, and takes
    memory in proportion to its length.

    Raises
    ------
    CorruptRecordError
        If these bytes are no payload.
    """
    try:
        if payload[0] == _WITH_TAIL:
            name, shared, document = _Tail(payload).decode()
        else:
            name, shared, document = _unpacked(payload, _restore)
    except Exception as error:  # msgpack, numpy and types have many ways to say that it is none
        raise CorruptRecordError(f"it is no document's payload: {in_words(error)}") from error
    if type(name) is not str or type(shared) is not bool or type(document) is not dict:
        raise CorruptRecordError("it is the payload of something that is no document")
    return name, document, shared


def _unpacked(packed: Any, restore: Any) -> Any:
    return unpackb(
        packed,
        list_hook=restore,
        ext_hook=_extension,
        strict_map_key=False,
        unicode_errors="surrogatepass",
    )


def _extension(code: int, data: bytes) -> Any:
    if code == NUMBER:
        return number(data)
    return ExtType(code, data) if data or code not in MARKS else MARKS[code]


def _restore(items: list[Any]) -> Any:
    if items and type(items[0]) is Mark:
        return RESTORERS[items[0]](*items[1:])
    return items


class _Tail:
    """A payload with the elements of arrays behind what is msgpack."""

    def __init__(self, payload: bytes) -> None:
        _, length = _HEAD.unpack_from(payload)
        end = _HEAD.size + length
        self._payload = payload
        self._packed = memoryview(payload)[_HEAD.size : end]
        self._start = end + -end % _ALIGNMENT
        self._has_circles = False

    def decode(self) -> Any:
        name, shared, document = _unpacked(self._packed, self._restore)
        return name, shared, closed(document) if self._has_circles else document

    def _restore(self, items: list[Any]) -> Any:
        if items and items[0] is Mark.ARRAY:
            _, descr, shape, start = items
            return array_within(self._payload, descr, shape, self._start + start)
        self._has_circles |= bool(items) and items[0] is Mark.CIRCLE
        return _restore(items)


def name_of(payload: bytes) -> str:
    """The name of a document, of the beginning of its payload; "" if that is none."""
    at = _HEAD.size if payload[:1] == bytes([_WITH_TAIL]) else 0
    if len(payload) < at + 2 or payload[at] != 0x93 or payload[at + 1] >> 5 != 0b101:
        return ""
    return payload[at + 2 : at + 2 + (payload[at + 1] & 0x1F)].decode("ascii", "replace")
