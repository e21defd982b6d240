"""Arguments and options that several verbs have."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tiledmap.cli.mistakes import Mistake, no_such_mapping

MappingArgument = Annotated[
    str,
    typer.Argument(metavar="MAPPING", help="A YAML file, or the name of a shipped mapping."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Give a setting of the mapping another value."
    ),
]
OverlayOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--overlay", metavar="FILE", help="A mapping to lay over this one; may be repeated."
    ),
]
DocumentsOption = Annotated[
    list[Path],
    typer.Option(
        "--documents",
        metavar="FILE",
        help="Recorded documents: JSON lines, JSON sequence or msgpack, also gzipped. "
        "More files may follow, or the option be repeated.",
    ),
]
MoreDocuments = Annotated[
    list[Path] | None, typer.Argument(metavar="FILE", help="More recordings.")
]


class TreeFormat(StrEnum):
    """How something is printed: for people or for programs."""

    TEXT = "text"
    JSON = "json"


def examples(*lines: str) -> str:
    """Return the end of a verb's help: commands to try, one a line."""
    escaped = [line.replace("[", r"\[") for line in lines]
    # An empty line is what keeps lines apart in typer's epilogs.
    return "\n\n".join(["[dim]Examples[/dim]", *escaped])


def parse_settings(pairs: Sequence[str] | None) -> dict[str, str]:
    """Return the settings of ``--set name=value``."""
    settings = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise Mistake(f"--set takes NAME=VALUE, not {pair!r}")
        settings[name.strip()] = value
    return settings


def find_mapping(name: str) -> str:
    """Return `name` where it is a file or a shipped mapping; otherwise say that it is neither."""
    from tiledmap.resources import shipped_mappings

    path = Path(name)
    if path.is_file():
        return name
    if path.is_dir():
        raise Mistake(f"{name!r} is a directory, not a mapping")
    shipped = shipped_mappings()
    if name in shipped:
        return name
    raise no_such_mapping(name, sorted(shipped))


def find_files(paths: Sequence[Path] | None) -> list[Path]:
    """Return `paths` where all of them are files."""
    found = list(paths or ())
    for path in found:
        if not path.exists():
            raise Mistake(f"there is no file '{path}'")
        if path.is_dir():
            raise Mistake(f"'{path}' is a directory, not a file")
    return found
