"""Datasets in HDF5 files."""

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np

from tiledmap.runtime.consolidators.base import Consolidator, Measured
from tiledmap.runtime.consolidators.reach import Reach
from tiledmap.runtime.consolidators.structure import split
from tiledmap.runtime.ops import FileSource

MOST_LINKS = 64
"""Links that are followed to one dataset; more are a circle."""
_SLICE = re.compile(r"(-?\d+)?:(-?\d+)?(?::(-?\d+)?)?")


class HDF5Consolidator(Consolidator):
    """A dataset in one HDF5 file or several, for Tiled's `HDF5Adapter`.

    Several files follow each other along the dataset's first dimension.
    """

    needs: ClassVar[tuple[str, ...]] = ("dataset",)

    def adapter_parameters(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: parameters[name] for name in ("slice", "squeeze") if parameters.get(name)}
        return {
            "dataset": parameters["dataset"],
            **given,
            "swmr": parameters.get("swmr", True),
            "locking": parameters.get("locking"),
        }

    def measure(self, source: FileSource, reach: Reach) -> Measured:
        parameters = source.parameters
        name = parameters["dataset"]
        name = name if isinstance(name, str) else "/".join(name)
        found = [_measure(path, name, parameters, reach) for path in self.paths(source, reach)]
        whole = _concatenate(found)
        if parameters.get("slice"):
            whole = _sliced(whole, parse_slice(parameters["slice"]))
        if parameters.get("squeeze"):
            kept = [place for place, length in enumerate(whole.shape) if length != 1]
            whole = Measured(
                whole.dtype,
                tuple(whole.shape[place] for place in kept),
                tuple(whole.chunks[place] for place in kept),
            )
        return whole


def parse_slice(text: str) -> tuple[Any, ...]:
    """A slice as numpy and Tiled write it: ``(:, 0, 1:5:2)`` or ``..., 3``.

    Raises
    ------
    ValueError
        If it is none.
    """
    steps = text.strip("()[]").replace(" ", "")
    return tuple(_parse_step(step, text) for step in steps.split(",")) if steps else ()


def _parse_step(step: str, text: str) -> Any:
    if step == "...":
        return Ellipsis
    if found := _SLICE.fullmatch(step):
        return slice(*(None if number is None else int(number) for number in found.groups()))
    try:
        return int(step)
    except ValueError:
        raise ValueError(f"{step!r} in the slice {text!r} is no index and no slice") from None


def _sliced(whole: Measured, selection: tuple[Any, ...]) -> Measured:
    import dask.array

    try:
        array = dask.array.zeros(whole.shape, chunks=whole.chunks, dtype=whole.dtype)[selection]
    except (IndexError, NotImplementedError) as error:
        raise ValueError(f"the slice does not fit an array of {whole.shape}: {error}") from error
    chunks = tuple(tuple(map(int, lengths)) for lengths in array.chunks)
    return Measured(whole.dtype, tuple(map(int, array.shape)), chunks)


def _concatenate(found: Sequence[Measured]) -> Measured:
    """One array of all files, chunked as Tiled's adapter does."""
    first = found[0]
    texts = all(one.dtype.kind == "S" for one in found)
    for other in found[1:]:
        if other.shape[1:] != first.shape[1:] or (other.dtype != first.dtype and not texts):
            raise ValueError(
                f"its files differ: the first holds {first.shape} of {first.dtype}, another "
                f"{other.shape} of {other.dtype}"
            )
    dtype = np.result_type(*(one.dtype for one in found)) if texts else first.dtype
    if all(not one.shape or 0 in one.shape for one in found):
        chunks = ((1,) * len(found), *((length,) for length in first.shape))
        return Measured(dtype, (len(found), *first.shape), chunks)
    rows = tuple(length for one in found for length in one.chunks[0])
    inner = tuple(
        min((one.chunks[place] for one in found), key=max) for place in range(1, len(first.shape))
    )
    return Measured(dtype, (sum(rows), *first.shape[1:]), (rows, *inner))


def _measure(
    path: str, name: str, parameters: Mapping[str, Any], reach: Reach, links: int = MOST_LINKS
) -> Measured:
    """One dataset. Links to other files are followed here, so that none is opened unasked."""
    import h5py

    options = {"swmr": parameters.get("swmr", True), "locking": parameters.get("locking")}
    with h5py.File(path, "r", libver="latest", **options) as file:
        node = file
        steps = [step for step in name.split("/") if step]
        for place, step in enumerate(steps):
            rest = "/".join(steps[place + 1 :])
            link = node.get(step, getlink=True) if isinstance(node, h5py.Group) else None
            if link is None:
                raise ValueError(f"there is no {name!r} in {path}")
            if isinstance(link, h5py.SoftLink | h5py.ExternalLink) and not links:
                raise ValueError(f"{name!r} in {path} is a circle of links")
            if isinstance(link, h5py.SoftLink):
                target = link.path if link.path.startswith("/") else f"{node.name}/{link.path}"
                return _measure(path, f"{target}/{rest}", parameters, reach, links - 1)
            if isinstance(link, h5py.ExternalLink):
                other = reach.real_path(os.path.join(os.path.dirname(path), link.filename))
                return _measure(other, f"{link.path}/{rest}", parameters, reach, links - 1)
            node = node[step]
        if not isinstance(node, h5py.Dataset):
            raise ValueError(f"{name!r} in {path} is a group, not a dataset")
        return _measure_dataset(node, path, reach)


def _measure_dataset(dataset: Any, path: str, reach: Reach) -> Measured:
    if dataset.is_virtual:
        for part in dataset.virtual_sources():
            if part.file_name == ".":  # this file
                continue
            # One that is missing is no fault: HDF5 fills its place.
            with suppress(FileNotFoundError):
                reach.real_path(os.path.join(os.path.dirname(path), part.file_name))
    shape = dataset.shape
    if dataset.dtype == np.dtype("O"):
        return Measured(_dtype_of_objects(dataset), shape, tuple((length,) for length in shape))
    chunks = dataset.chunks or shape
    split_chunks = tuple(
        split(length, max(chunk, 1)) for length, chunk in zip(shape, chunks, strict=True)
    )
    return Measured(dataset.dtype, shape, split_chunks)


def _dtype_of_objects(dataset: Any) -> np.dtype[Any]:
    """Tiled serves texts of varying length as fixed ones, and nothing of any other object."""
    import h5py

    if h5py.check_string_dtype(dataset.dtype) is None:
        return np.empty((), "S0").dtype
    return np.asarray(dataset[()], dtype=bytes).dtype
