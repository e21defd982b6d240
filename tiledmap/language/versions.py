"""Ranges of versions: those of Python packages, and ``^`` and ``~`` as in package managers."""

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version


class RangeError(ValueError):
    """The text is not a range of versions."""


def admits(range_: str, version: str) -> bool:
    """Say whether a version lies in a range.

    Parameters
    ----------
    range_
        ``>=1.20,<2`` and the like; ``^1.2`` stands for what is compatible with 1.2 (below 2, or
        below 0.3 for ``^0.2``), ``~1.2`` for any 1.2.
    version
        A version such as ``1.2.0`` or ``1.2.0-rc.1``.

    Raises
    ------
    RangeError
        If `range_` is not one.
    """
    if not range_.strip():
        raise RangeError(range_)
    try:
        specifiers = SpecifierSet(",".join(_plain(part) for part in range_.split(",")))
    except InvalidSpecifier:
        raise RangeError(range_) from None
    return specifiers.contains(_version(version), prereleases=True)


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:  # a pre-release that only semantic versioning knows
        return Version(text.split("-")[0].split("+")[0])


def _plain(part: str) -> str:
    part = part.strip()
    found = re.fullmatch(r"([~^])\s*(\d+(?:\.\d+){0,2})", part)
    if found is None:
        return f"=={part}" if re.fullmatch(r"\d+(\.\d+)*(\.\*)?", part) else part
    numbers = [int(number) for number in found[2].split(".")]
    fixed = min(2, len(numbers)) if found[1] == "~" else _first_nonzero(numbers) + 1
    above = [*numbers[: fixed - 1], numbers[fixed - 1] + 1]
    return f">={found[2]},<{'.'.join(map(str, above))}.dev0"


def _first_nonzero(numbers: list[int]) -> int:
    return next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
