"""Events of numbers as rows: nobody can change them, so that they wait in memory as they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from tiledmap.runtime.columns import NUMBERS
from tiledmap.runtime.event_check import FIELDS, EventReader, Row
from tiledmap.runtime.layout import Document

_DATA = len(FIELDS)
"""Where a row's data begin."""
_SIZE = 200
_SIZE_OF_VALUE = 32


@dataclass(frozen=True, slots=True)
class EventRows:
    """Events of one descriptor, one after the other.

    Parameters
    ----------
    descriptor
        Its uid.
    keys
        Its data keys.
    rows
        Of each event the `FIELDS`, the data, and the timestamps.
    """

    descriptor: str
    keys: tuple[str, ...]
    rows: Sequence[Row]

    def events(self) -> Iterator[Document]:
        """The events that the rows were made of."""
        return map(self.event, self.rows)

    def event(self, row: Row) -> Document:
        """The event that one of the rows was made of."""
        stamps = _DATA + len(self.keys)
        return {
            "descriptor": self.descriptor,
            **dict(zip(FIELDS, row, strict=False)),
            "data": dict(zip(self.keys, row[_DATA:stamps], strict=True)),
            "timestamps": dict(zip(self.keys, row[stamps:], strict=True)),
            "filled": {},
        }


class RowReader:
    """Makes rows of the events of one descriptor, none of whose data keys are in files.

    Parameters
    ----------
    of
        Of which types all values must be: of such as nobody can change while rows wait.

    Attributes
    ----------
    descriptor
        Its uid.
    keys
        Its data keys.
    size
        How many bytes a row takes, about.
    read
        Gives the row of an event that is valid and has such values of these data keys; None of
        any other.
    """

    __slots__ = ("descriptor", "keys", "read", "size")

    def __init__(
        self, descriptor: str, keys: tuple[str, ...], of: frozenset[type] = NUMBERS
    ) -> None:
        self.descriptor = descriptor
        self.keys = keys
        self.size = _SIZE + 2 * _SIZE_OF_VALUE * len(keys)
        self.read = EventReader(keys, of=of).read

    @classmethod
    def for_events_of(cls, descriptor: Document, of: frozenset[type] = NUMBERS) -> Self | None:
        """The reader for a descriptor; None if its events have values in files."""
        uid, data_keys = descriptor.get("uid"), descriptor.get("data_keys")
        if type(uid) is not str or type(data_keys) is not dict:
            return None
        if any(type(each) is not dict or "external" in each for each in data_keys.values()):
            return None
        return cls(uid, tuple(data_keys), of)
