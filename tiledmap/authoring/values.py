"""What the values of a data key are, whatever its descriptor says of them."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tiledmap.documents.types import json_type

ARRAYS_LOOKED_AT = 200
"""Of one data key; numbers and texts are all looked at."""
EXACT_IN_DOUBLE = 2**53

Shape = tuple[int, ...]


@dataclass(slots=True)
class ValuesSeen:
    """Facts about the values of one data key in the events of one stream.

    Attributes
    ----------
    kinds
        JSON Schema's types of single values, or of the items of arrays; ``integer`` also for
        numbers such as 2.0.
    shapes
        Of the values; ``()`` for one that is no array.
    uneven
        Whether some value is a list of lists that differ in length.
    large
        Whether some integer is beyond what a double holds exactly.
    logical
        Whether every number was 0 or 1.
    """

    count: int = 0
    kinds: set[str] = field(default_factory=set)
    shapes: set[Shape] = field(default_factory=set)
    uneven: bool = False
    large: bool = False
    logical: bool = True

    def add(self, value: Any) -> None:
        """Take a value into account; null is none."""
        kind = json_type(value)
        if kind == "null":
            return
        if kind != "array":
            self.count += 1
            self.shapes.add(())
            self._add_item(kind, value)
        elif self.count < ARRAYS_LOOKED_AT:
            self.count += 1
            self._add_array(value)

    def __or__(self, other: "ValuesSeen") -> "ValuesSeen":
        """Facts about the values of both."""
        return ValuesSeen(
            count=self.count + other.count,
            kinds=self.kinds | other.kinds,
            shapes=self.shapes | other.shapes,
            uneven=self.uneven or other.uneven,
            large=self.large or other.large,
            logical=self.logical and other.logical,
        )

    def _add_item(self, kind: str, value: Any) -> None:
        if kind in ("integer", "number"):
            number = value.item() if isinstance(value, np.generic | np.ndarray) else value
            self.logical &= number in (0, 1)
            if kind == "number" and (math.isnan(number) or float(number).is_integer()):
                self.kinds.add("whole number")
                return
            self.large |= kind == "integer" and abs(number) > EXACT_IN_DOUBLE
        self.kinds.add(kind)

    def _add_array(self, value: Any) -> None:
        try:
            array = np.asarray(value)
        except ValueError:  # lists that differ in length
            self.uneven = True
            return
        self.shapes.add(array.shape)
        match array.dtype.kind:
            case "b":
                self.kinds.add("boolean")
            case "i" | "u":
                self.kinds.add("integer")
                self.logical &= bool(((array == 0) | (array == 1)).all())
                self.large |= bool((np.abs(array) > EXACT_IN_DOUBLE).any())
            case "f":
                finite = array[~np.isnan(array)]
                self.logical = False
                self.kinds.add("whole number" if _all_whole(finite) else "number")
            case "U" | "S":
                # numpy makes text of numbers that stand beside text.
                self.kinds |= {json_type(item) for item in _flat(value)}
            case _:
                self.uneven = True

    @property
    def ranks(self) -> set[int]:
        """How many dimensions values have."""
        return {len(shape) for shape in self.shapes}

    @property
    def numbers(self) -> bool:
        """Whether there is nothing but numbers and truths."""
        return bool(self.kinds) and self.kinds <= {"boolean", "integer", "number", "whole number"}

    @property
    def common_shape(self) -> tuple[int | None, ...] | None:
        """The shape of all values, None for a length that differs; None if the ranks differ."""
        if self.uneven or len(self.ranks) != 1:
            return None
        return tuple(
            lengths[0] if len(set(lengths)) == 1 else None
            for lengths in zip(*self.shapes, strict=True)
        )


def _all_whole(numbers: Any) -> bool:
    return bool((np.isfinite(numbers) & (np.floor(numbers) == numbers)).all())


def _flat(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [item for inner in value for item in _flat(inner)]
    return [value]
