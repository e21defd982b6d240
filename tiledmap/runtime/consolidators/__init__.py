"""Consolidators: how the files of a detector become one Tiled data source.

Each format is a small module here; a facility adds its own by deriving from `Consolidator`.
"""

from collections.abc import Mapping
from importlib import import_module
from operator import attrgetter

from tiledmap.runtime.consolidators.base import (
    Consolidator,
    Declared,
    FileResource,
    Measured,
    Part,
    Range,
)
from tiledmap.runtime.consolidators.reach import OutOfReachError, Reach
from tiledmap.runtime.consolidators.templates import FileNames
from tiledmap.runtime.layout import AssetRule

__all__ = [
    "Consolidator",
    "Declared",
    "FileNames",
    "FileResource",
    "Measured",
    "OutOfReachError",
    "Part",
    "Range",
    "Reach",
    "find_consolidator",
    "open_consolidator",
]

ENTRY_POINTS = "tiledmap.consolidators"
_OURS = {
    "bytes": "BytesConsolidator",
    "csv": "CSVConsolidator",
    "hdf5": "HDF5Consolidator",
    "jpeg": "JPEGConsolidator",
    "npy": "NPYConsolidator",
    "tiff": "TIFFConsolidator",
    "zarr": "ZarrConsolidator",
}


def find_consolidator(name: str) -> type[Consolidator]:
    """The consolidator that a mapping names.

    Parameters
    ----------
    name
        ``hdf5``, ``tiff``, ``jpeg``, ``npy``, ``csv``, ``bytes`` or ``zarr``; a name that an
        installed package registers under the entry point ``tiledmap.consolidators``; or
        ``package.module:Class``.

    Raises
    ------
    ValueError
        If there is no such class, or it is no consolidator.
    """
    try:
        found = _load(name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"the consolidator {name!r} cannot be loaded: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Consolidator)):
        raise ValueError(f"{name!r} is no consolidator: it does not derive from Consolidator")
    return found


def _load(name: str) -> object:
    if class_name := _OURS.get(name):
        return getattr(import_module(f"{__name__}.{name}"), class_name)
    module, colon, attribute = name.partition(":")
    if colon:
        return attrgetter(attribute)(import_module(module))
    from importlib.metadata import entry_points  # slow to load, and seldom needed

    registered = entry_points(group=ENTRY_POINTS, name=name)
    if not registered:
        raise ValueError(
            f"there is no consolidator {name!r}: there are {', '.join(_OURS)}, those that "
            f"packages register under {ENTRY_POINTS!r}, and 'package.module:Class'"
        )
    return next(iter(registered)).load()


def open_consolidator(
    rule: AssetRule,
    resource: FileResource,
    declared: Declared,
    dims: tuple[str, ...] | None = None,
    sidecars: Mapping[str, str] | None = None,
) -> Consolidator:
    """Begin a data source with the first stream resource of a data key.

    Parameters
    ----------
    dims
        The names that the mapping gives, with ``...`` for the data key's own.
    sidecars
        URIs of the files beside the resource's own, by the adapter's parameter.

    Raises
    ------
    ValueError
        If documents and mapping do not say enough, or contradict each other.
    """
    consolidator = rule.consolidator(rule, resource, declared, dims, sidecars or {})
    assert isinstance(consolidator, Consolidator)
    return consolidator
