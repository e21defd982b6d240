"""A run for each shipped mapping of a beamline or a detector, and the files it speaks of.

A module of this package that has a ``MAPPING`` is a `Case`. ``python -m tests.beamlines.record``
writes the recordings.
"""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

import numpy.typing as npt

NamedDocument: TypeAlias = tuple[str, dict[str, Any]]
RECORDINGS = Path(__file__).parent.parent / "runs" / "beamlines"


class Case(Protocol):
    """What a module of this package has; it may also have what `settings` and `moved` read.

    ``ADAPTERS``, by mimetype, are those that the server needs beside Tiled's own.

    Attributes
    ----------
    MAPPING
        The shipped mapping's name.
    """

    MAPPING: str

    def documents(self) -> Iterator[NamedDocument]:
        """The documents of one run, as the site's devices emit them; each time the same."""

    def write_files(self, root: Path) -> dict[str, npt.NDArray[Any]]:
        """Write the run's files below `root`; return what each node below the run then holds.

        Keys are paths below the run, such as ``primary/image``; a column of a stream's table is
        ``primary/internal/motor``.
        """


def find_cases() -> dict[str, Case]:
    """Every case, by the name of its mapping."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    modules = [import_module(f"{__name__}.{name}") for name in names if name[:5] != "test_"]
    cases = [cast(Case, module) for module in modules if hasattr(module, "MAPPING")]
    return {case.MAPPING: case for case in cases}


def settings(case: Case, root: Path) -> dict[str, Any]:
    """Settings with which the mapping looks for files below `root`: ``SETTINGS(root)``."""
    given = getattr(case, "SETTINGS", None)
    return {} if given is None else dict(given(root))


def moved(case: Case, root: Path, directory: Path) -> list[Path]:
    """Overlays with which files are looked for below `root`.

    For mappings that say nothing of where files lie: ``FILES_AT`` is where the documents say so.
    """
    prefix = getattr(case, "FILES_AT", None)
    if prefix is None:
        return []
    overlay = directory / f"{case.MAPPING}-moved.yaml"
    overlay.write_text(
        f"tiledmap: 1\nname: {case.MAPPING}-moved\nversion: 1.0.0\n"
        "repair:\n  roots:\n"
        f"    - {{name: to-the-test, prefix: {prefix}, becomes: {root}, reason: a test's own}}\n"
    )
    return [overlay]
