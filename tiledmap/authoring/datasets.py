"""Datasets of HDF5 files that are at hand, for documents that do not name them.

Files are no more to be trusted than documents. Of a file no more than the names, shapes and types
of its datasets are read; what links lead to is left alone, and a walk ends after so many objects.
"""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from os.path import dirname, join
from typing import Any, TypeAlias

import numpy as np

from tiledmap.authoring.literals import HOLE
from tiledmap.authoring.seen import DatasetSeen, HDF5Seen
from tiledmap.runtime.consolidators import OutOfReachError, Reach

MOST_OBJECTS = 5_000
"""Of one file, groups included."""
DEEPEST = 16
"""Groups within groups."""
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_PLACES_OF_SIGNATURE = (0, 512, 1024, 2048)
_NUMERIC = "biufc"

Shape: TypeAlias = tuple[int | None, ...]


def look_into(uri: str) -> HDF5Seen | None:
    """What an HDF5 file holds; None where there is no such file here, or it is no HDF5."""
    try:
        path = Reach().path(uri)
        if not _is_hdf5(path):
            return None
    except (OSError, ValueError):
        return None
    try:
        import h5py
    except ImportError:
        return HDF5Seen(path, remark="not read, for want of h5py: pip install 'tiledmap[files]'")
    walk = _Walk(Reach.below([dirname(path)]), dirname(path))
    try:
        # Without a lock: who writes the file must not be disturbed.
        with h5py.File(path, "r", libver="latest", swmr=True, locking=False) as file:
            walk.through(file)
    except Exception as error:  # h5py raises whatever it likes of a damaged file
        walk.remark = f"not read to its end: {error or type(error).__name__}"
    return HDF5Seen(path, tuple(walk.datasets), frozenset(walk.others), walk.remark)


def _is_hdf5(path: str) -> bool:
    with open(path, "rb") as file:
        beginning = file.read(_PLACES_OF_SIGNATURE[-1] + len(_SIGNATURE))
    return any(beginning.startswith(_SIGNATURE, place) for place in _PLACES_OF_SIGNATURE)


@dataclass(slots=True)
class _Walk:
    """What was met so far, the nearest to the file's root first."""

    reach: Reach
    """Where the parts of virtual datasets may be: HDF5 opens them to tell a shape."""
    directory: str
    datasets: list[DatasetSeen] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    remark: str = ""
    _met: set[tuple[int, int]] = field(default_factory=set)

    def through(self, file: Any) -> None:
        import h5py

        groups = deque([("", file)])
        left = MOST_OBJECTS
        while groups:
            path, group = groups.popleft()
            if path.count("/") > DEEPEST:
                self.others.append(path)
                continue
            names = _names(group, left + 1)
            left -= len(names)
            if left < 0:
                self.remark = f"not read beyond its first {MOST_OBJECTS:,} objects"
                return
            for name, is_hard in names:
                inner = f"{path}/{name}"
                node = group[name] if is_hard else None
                if node is None or self._was_met(node):
                    self.others.append(inner)
                elif isinstance(node, h5py.Group):
                    groups.append((inner, node))
                elif isinstance(node, h5py.Dataset):
                    self._take(inner, node)

    def _was_met(self, node: Any) -> bool:
        """Whether another name has led to it."""
        import h5py

        info = h5py.h5o.get_info(node.id)
        place = (info.fileno, info.addr)
        known = place in self._met
        self._met.add(place)
        return known

    def _take(self, name: str, dataset: Any) -> None:
        unfit = dataset.dtype.kind not in _NUMERIC or HOLE in name
        if unfit or self._leads_away(dataset) or not dataset.shape:
            self.others.append(name)
        else:
            shape = tuple(int(length) for length in dataset.shape)
            self.datasets.append(DatasetSeen(name, shape, dataset.dtype))

    def _leads_away(self, dataset: Any) -> bool:
        parts = dataset.virtual_sources() if dataset.is_virtual else ()
        for part in parts:
            if part.file_name != ".":  # this file
                try:
                    self.reach.real_path(join(self.directory, part.file_name))
                except OutOfReachError:
                    return True
                except OSError:  # HDF5 fills the place of what is missing
                    continue
        return False


def _names(group: Any, most: int) -> list[tuple[str, bool]]:
    """Names in a group, and whether each is of the thing itself, not of a link to it."""
    import h5py

    found: list[tuple[str, bool]] = []

    def take(name: bytes, info: Any) -> bool | None:
        found.append((name.decode(), info.type == h5py.h5l.TYPE_HARD))
        return len(found) >= most or None

    group.id.links.iterate(take, info=True)
    return found


# ---------------------------------------------------------------- which of them


def datasets_like(
    datasets: Iterable[DatasetSeen], name: str, shape: Shape, dtype: np.dtype[Any] | None
) -> tuple[DatasetSeen, ...]:
    """The datasets that a data key's values are most likely in.

    Parameters
    ----------
    shape
        Of one value, with None or 0 for what is not known.
    dtype
        None where nothing says it.
    """
    found: list[DatasetSeen] = []
    for holds in (_holds_rows, _holds_frames, _holds_one):
        found = found or [each for each in datasets if holds(each.shape, shape)]
    found = [each for each in found if each.dtype == dtype] or found
    namesakes = [each for each in found if _plain(each.name.rpartition("/")[2]) == _plain(name)]
    return tuple(namesakes or found)


def _holds_rows(found: Shape, datum: Shape) -> bool:
    return bool(found) and _are_alike(found[1:], datum)


def _holds_frames(found: Shape, datum: Shape) -> bool:
    """Whether its rows are those of values that follow each other, such as frames."""
    per_value = datum[0] if datum else None
    return (
        len(datum) > 1
        and per_value not in (None, 0, 1)
        and found[0] not in (None, 0)
        and found[0] % per_value == 0
        and _are_alike(found[1:], datum[1:])
    )


def _holds_one(found: Shape, datum: Shape) -> bool:
    return _are_alike(found, datum)


def _are_alike(found: Shape, wanted: Shape) -> bool:
    """Whether lengths agree; those of 1 say nothing."""
    one, other = ([length for length in shape if length != 1] for shape in (found, wanted))
    return len(one) == len(other) and all(
        there in (None, 0) or length == there for length, there in zip(one, other, strict=True)
    )


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()
