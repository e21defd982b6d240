"""Formats of files, and what tells them from each other where documents do not."""

import re

from tiledmap.authoring.seen import SpecSeen

HDF5 = "application/x-hdf5"
TIFF = "multipart/related;type=image/tiff"
JPEG = "multipart/related;type=image/jpeg"
NPY = "multipart/related;type=application/x-npy"
CSV = "text/csv;header=absent"
ZARR = "application/x-zarr"
BYTES = "application/octet-stream"

_OF_SUFFIX = {
    "h5": HDF5,
    "hdf": HDF5,
    "hdf5": HDF5,
    "nxs": HDF5,
    "nx5": HDF5,
    "tif": TIFF,
    "tiff": TIFF,
    "jpg": JPEG,
    "jpeg": JPEG,
    "npy": NPY,
    "csv": CSV,
    "txt": CSV,
    "dat": CSV,
    "zarr": ZARR,
    "bin": BYTES,
    "raw": BYTES,
}
_OF_WORD = {
    **{word: _OF_SUFFIX[word] for word in ("h5", "hdf", "tif", "jpg", "jpeg", "npy", "csv", "txt")},
    "zarr": ZARR,
    "text": CSV,
    "bin": BYTES,
}
FORMATS = {
    HDF5: "one HDF5 file, with the data in the dataset that is named here",
    TIFF: "a TIFF file for each frame",
    JPEG: "a JPEG file for each frame",
    NPY: "an NPY file for each frame",
    CSV: "columns of text, without a header",
    ZARR: "a Zarr store",
    BYTES: "something that Tiled does not read: kept as the bytes that it is",
}


def likely_format(seen: SpecSeen) -> str:
    """What a resource's files most likely are, by the name of a file, or what goes with it."""
    suffix = seen.path.rpartition(".")[2].lower()
    if suffix in _OF_SUFFIX:
        return _OF_SUFFIX[suffix]
    words = seen.spec.lower()
    for word, mimetype in _OF_WORD.items():
        if word in words:
            return mimetype
    if "template" in seen.kwargs or is_numbered(seen):
        return TIFF
    return HDF5


def suffix_of(mimetype: str) -> str:
    """How files of a mimetype end."""
    return mimetype.rpartition("/")[2].removeprefix("x-")


def is_numbered(seen: SpecSeen) -> bool:
    """Whether the path of a resource has a place for a number, as some cameras give it."""
    return bool(re.search(r"%[-+ 0]*\d*(?:\.\d+)?d", seen.path))
