"""Find the files of tests that belong to a mapping or lie in a directory."""

from os.path import isfile, samefile
from pathlib import Path

from tiledmap.language.yaml_source import read_source
from tiledmap.resources import shipped_mappings
from tiledmap.testing.cases.read import SUFFIX, tested_mapping


def case_files(directory: Path) -> list[Path]:
    """Find every file of tests in a directory and below it."""
    return sorted(path for path in directory.rglob(f"*{SUFFIX}") if path.is_file())


def case_files_of(mapping: Path) -> list[Path]:
    """Find the files of tests that name a mapping, in its directory and the ones in that."""
    beside = [*mapping.parent.glob(f"*{SUFFIX}"), *mapping.parent.glob(f"*/*{SUFFIX}")]
    return sorted(path for path in beside if _is_of(path, mapping))


def shown(path: Path) -> Path:
    """A path as people look for it: from the working directory, where it lies below that."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _is_of(path: Path, mapping: Path) -> bool:
    source, _ = read_source(path)
    if source is None:
        # Whoever runs it says what is wrong; whose it is its name must tell.
        return path.name == f"{mapping.stem}{SUFFIX}"
    named = tested_mapping(path, source)
    file = named if isinstance(named, Path) else shipped_mappings().get(named)
    return file is not None and isfile(file) and samefile(file, mapping)
