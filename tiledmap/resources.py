"""The schemas and mappings that come with tiledmap, in a wheel and in a checkout alike."""

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent


def _folder(name: str) -> Path:
    """Find a folder of the repository, which a wheel carries inside the package."""
    in_wheel = _PACKAGE / f"_{name}"
    return in_wheel if in_wheel.is_dir() else _PACKAGE.parent / name


@cache
def _mapping_paths() -> tuple[Path, ...]:
    found = (path for path in _folder("mappings").rglob("*.yaml") if ".test" not in path.suffixes)
    return tuple(sorted(found, key=lambda path: (len(path.parts), path)))


def shipped_mappings() -> dict[str, Path]:
    """List the mappings that can be extended by name: layouts first, then beamlines."""
    return {path.stem: path for path in _mapping_paths()}


def schema_text(name: str) -> str:
    """Read a published schema, such as ``mapping-v1``."""
    return (_folder("schemas") / f"{name}.schema.json").read_text(encoding="utf-8")


def problem_page(code: str) -> str:
    """Read the page of a problem's code, in Markdown."""
    return (reference_folder() / "problems" / f"{code}.md").read_text(encoding="utf-8")


def reference_folder() -> Path:
    """Return the folder of the reference: the language, functions, problems and verbs, in words."""
    in_wheel = _PACKAGE / "_reference"
    return in_wheel if in_wheel.is_dir() else _PACKAGE.parent / "docs" / "reference"
