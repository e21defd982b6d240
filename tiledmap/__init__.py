"""Mappings in YAML say how Bluesky documents are stored in Tiled.

>>> import tiledmap
>>> tiledmap.validate("bluesky-v3")
[]

The names below are loaded when they are first used, so that a generated writer, which imports
`tiledmap.runtime`, loads no compiler.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tiledmap.api import LoadedMapping as LoadedMapping
    from tiledmap.api import load as load
    from tiledmap.api import validate as validate
    from tiledmap.problems import MappingError as MappingError
    from tiledmap.problems import Problem as Problem
    from tiledmap.runtime.exact import restore_exact as restore_exact

__version__ = "0.1.0"

_HOMES = {
    "LoadedMapping": "tiledmap.api",
    "load": "tiledmap.api",
    "validate": "tiledmap.api",
    "MappingError": "tiledmap.problems",
    "Problem": "tiledmap.problems",
    "restore_exact": "tiledmap.runtime.exact",
}

__all__ = [
    "LoadedMapping",
    "MappingError",
    "Problem",
    "__version__",
    "load",
    "restore_exact",
    "validate",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'tiledmap' has no attribute {name!r}") from None
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
