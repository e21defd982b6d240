"""The documents of one sender in the order of their numbers, to tell one that comes again."""

from array import array
from collections.abc import Sequence
from math import inf
from operator import lt
from typing import Any

from tiledmap.runtime.event_check import FIELDS, Row
from tiledmap.runtime.event_rows import EventRows

_MOMENT = len(FIELDS)
"""So many values of a row tell one event from another."""


class Succession:
    """The documents of one descriptor, or the datums of one stream resource.

    A document whose number is above all before it is new. Any other is looked up among all that
    came, of which eight bytes each are kept: it is new as well if a plan was rewound, and comes
    again if it was sent again, by a broker or a second subscription.

    Attributes
    ----------
    latest
        The last document, and its name before it; ``row`` before an event as a row.
    furthest
        The one with the highest number.
    """

    __slots__ = ("_highest", "_known", "furthest", "latest")

    def __init__(self) -> None:
        self.latest: tuple[str, Any] | None = None
        self.furthest: tuple[str, Any] | None = None
        self._highest = -inf
        self._known = array("q")

    def takes(self, name: str, document: Any) -> bool:
        """Take note of a document; False if it came before."""
        try:
            first, last, identity = _moment(name, document)
            goes_on, is_furthest = first > self._highest, last >= self._highest
        except Exception:  # whoever stores the document says what is wrong with it
            self.latest = name, document
            return True
        if not goes_on and identity in self._known:
            return False
        self._known.append(identity)
        self.latest = name, document
        if is_furthest:
            self._highest = last
            self.furthest = self.latest
        return True

    def take_rows(self, events: EventRows) -> Sequence[Row]:
        """Take note of events; the rows of those that did not come before."""
        rows = events.rows
        numbers = [row[0] for row in rows]
        if numbers and all(map(lt, [self._highest, *numbers], numbers)):
            self._known.extend([hash(row[:_MOMENT]) for row in rows])  # as `_moment` has it
            self._highest = numbers[-1]
            self.latest = self.furthest = "row", rows[-1]
            return rows
        return [row for row in rows if self.takes("event", events.event(row))]


def _moment(name: str, document: Any) -> tuple[int, int, int]:
    """The first and last number of a document, and what two have in common if they are one."""
    uid = document["uid"]
    if name == "event":
        number = document["seq_num"]
        return number, number, hash((number, _comparable(document["time"]), uid))
    if name == "stream_datum":
        indices = document["indices"]
        first, stop = indices["start"], indices["stop"]
        return first, stop, hash((name, uid, first, stop))
    numbers = document["seq_num"]
    times = tuple(map(_comparable, document["time"]))
    return numbers[0], numbers[-1], hash((name, tuple(uid), tuple(numbers), times))


def _comparable(time: Any) -> Any:
    """A time; nothing for NaN, of which no two have the same hash."""
    return time if time == time else None
