"""Shapes, chunks and names of dimensions, from what documents say of one datum."""

import math
from collections.abc import Sequence
from typing import Any

Shape = tuple[int, ...]
Chunks = tuple[tuple[int, ...], ...]

MOST_PIECES = 10_000_000
"""Files of a node, or chunks of a dimension: more would be a mistake, and could not be listed."""


def split(length: int, chunk: int) -> tuple[int, ...]:
    """The lengths of chunks of at most `chunk` that make up `length`.

    Raises
    ------
    ValueError
        If they are more than could be listed.
    """
    whole, rest = divmod(length, chunk)
    if whole > MOST_PIECES:
        raise ValueError(f"a dimension of {length} in chunks of {chunk} is more than can be listed")
    return (chunk,) * whole + ((rest,) if rest or not whole else ())


def datum_shape(declared: Shape, multiplier: int | None, join: str) -> Shape:
    """The shape of one datum, whose frames are counted by its first length.

    Parameters
    ----------
    multiplier
        Frames in each datum; None where documents do not count them.
    """
    shape = () if declared == (1,) and join == "stack" else declared
    if multiplier is None:
        return shape
    if not shape or shape[0] == 1:
        return (multiplier, *shape[1:])
    return shape if shape[0] == multiplier else (multiplier, *shape)


def joined_shape(rows: int, datum: Shape, join: str) -> Shape:
    """The shape of so many datums, stacked or concatenated."""
    if join == "concat" and datum:
        return (rows * datum[0], *datum[1:])
    return (rows, *datum)


def is_of_frames(chunk: Shape, shape: Shape, datum: Shape) -> bool:
    """Whether the chunks of stacked datums are those of a file in which frames follow each other.

    Such a file has one dimension less than the stack. Where both readings fit, equal lengths
    decide, and then the incumbent reading, by which chunks begin with the stack's first dimension.
    """
    if len(chunk) != len(datum) or len(chunk) < 2 or len(shape) != len(datum) + 1:
        return False
    if chunk[1:] == datum[1:]:
        return True
    return _fits(chunk[1:], datum[1:]) and not _fits(chunk[1:], shape[1:])


def inner_chunks(chunk: Shape, shape: Shape, datum: Shape) -> Chunks:
    """The chunks of all dimensions but the first."""
    lengths = (shape[1], *chunk[1:]) if is_of_frames(chunk, shape, datum) else chunk[1:]
    split_ones = tuple(
        split(length, max(part, 1)) for length, part in zip(shape[1:], lengths, strict=False)
    )
    return (*split_ones, *((length,) for length in shape[1 + len(lengths) :]))


def served_shape(found: Shape, declared: Shape, join: str) -> Shape:
    """The shape in which an array that is found as `found` is served, declared as `declared`.

    Tiled puts what it reads into the declared shape if only the grouping of frames differs: files
    hold frames one after the other, or one per datum, and dimensions of one element may be there
    or not. Where more differs, the files are right.
    """
    datum = _without_ones(declared[1:])
    frame = _common_end(_without_ones(found), datum)
    groups = _without_ones(found)[: -len(frame) or None]
    grouped = datum[: -len(frame) or None]
    size = math.prod(datum)
    if size == 0 or math.prod(found) % size:
        return found
    rows = math.prod(found) // size
    if len(groups) <= 1:  # one frame after the other
        more_or_less = len(grouped) <= 1 and (join == "concat" or found[:1] != declared[:1])
        fits = rows == declared[0] or more_or_less
    elif join == "concat":
        fits = bool(frame) and not grouped
    else:
        fits = bool(frame) and len(grouped) <= 1 and rows == declared[0]
    return (rows, *declared[1:]) if fits else found


def named_dims(
    dims: Sequence[str], own: Sequence[str], rank: int, join: str
) -> tuple[tuple[str, ...] | None, str | None]:
    """Names for `rank` dimensions, or none; and what is wrong with those that are given.

    Parameters
    ----------
    dims
        The mapping's, with ``...`` for the data key's own.
    own
        The data key's own. Where datums are concatenated they name all dimensions already; those
        of one number that is stacked name none.
    """
    candidates = [tuple(dims)]
    if "..." in dims:
        if not own:
            return None, None
        at = list(dims).index("...")
        before, after = tuple(dims[:at]), tuple(dims[at + 1 :])
        candidates = [(*before, *own, *after), tuple(own) if join == "concat" else before + after]
    for names in candidates:
        if len(names) == rank == len(set(names)):
            return names, None
    shown = ", ".join(candidates[0])
    return None, f"its dimensions are not named: {shown} are no names for {rank} dimensions"


def first_lengths(chunks: Chunks) -> tuple[Any, ...]:
    """The chunks in short: the first of each dimension."""
    return tuple(lengths[0] if lengths else 0 for lengths in chunks)


def _fits(chunk: Shape, shape: Shape) -> bool:
    return all(part <= length for part, length in zip(chunk, shape, strict=False))


def _without_ones(shape: Shape) -> Shape:
    return tuple(length for length in shape if length != 1)


def _common_end(one: Shape, other: Shape) -> Shape:
    count = 0
    while count < min(len(one), len(other)) and one[-1 - count] == other[-1 - count]:
        count += 1
    return one[len(one) - count :]
