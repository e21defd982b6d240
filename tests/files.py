"""Files as detectors write them: real ones, small, and no two of their pixels are equal."""

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

Array: TypeAlias = npt.NDArray[Any]
WriteFrame: TypeAlias = Callable[[Path, Array], None]


def frames(number: int, *shape: int, dtype: str = "uint16", first: int = 0) -> Array:
    """`number` frames of `shape`: a thousand for each frame, and one for each pixel in it."""
    size = int(np.prod(shape))
    numbers = np.arange(first, first + number)[:, None] * 1000 + np.arange(size)
    return numbers.astype(dtype).reshape(number, *shape)


# One file that holds all


def write_hdf5(
    path: Path, datasets: Mapping[str, Array], chunks: Mapping[str, tuple[int, ...]] | None = None
) -> None:
    """Write an HDF5 file of datasets that could grow, with one frame in each chunk unless given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", libver="latest") as file:
        for name, values in datasets.items():
            row = values.shape[1:]
            chunk = (chunks or {}).get(name, (1, *row))
            file.create_dataset(name, data=values, chunks=chunk, maxshape=(None, *row))


def read_hdf5(path: Path, dataset: str) -> Array:
    """Read all of a dataset."""
    with h5py.File(path, "r") as file:
        return np.asarray(file[dataset][()])


def write_csv(path: Path, rows: Array) -> None:
    """Write rows without a header; those of records as their fields."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (",".join(map(str, row)) for row in rows.tolist())
    path.write_text("".join(f"{line}\n" for line in lines))


# A file for each frame


def write_tiff(path: Path, frame: Array) -> None:
    """Write a frame, or several as the pages of one file."""
    tifffile.imwrite(path, frame, photometric="minisblack")


def write_jpeg(path: Path, frame: Array) -> None:
    """Write a frame of grey values; JPEG changes them a little."""
    Image.fromarray(frame).save(path, quality=95)


def read_jpeg(path: Path) -> Array:
    """Read a frame, as it was changed."""
    with Image.open(path) as image:
        return np.asarray(image)


def write_npy(path: Path, frame: Array) -> None:
    """Write a frame in numpy's own format."""
    np.save(path, frame, allow_pickle=False)


def write_bytes(path: Path, frame: Array) -> None:
    """Write a frame's bytes and nothing else."""
    path.write_bytes(frame.tobytes())


def write_sequence(
    template: str, sequence: Iterable[Array], write: WriteFrame, first: int = 0
) -> list[Path]:
    """Write a file for each frame; `template` has a place for its number, such as ``{:06d}``."""
    paths = []
    for number, frame in zip(count(first), sequence, strict=False):
        path = Path(template.format(number))
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, frame)
        paths.append(path)
    return paths
