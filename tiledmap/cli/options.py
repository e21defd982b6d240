"""Arguments and options that several verbs have."""

import inspect
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from tiledmap.cli.mistakes import Mistake, no_such_mapping

# Other YAML may lie beside mappings; a mapping says which version of the language it is written in.
_SAYS_TILEDMAP = re.compile(r"^tiledmap[ \t]*:", re.MULTILINE)

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

ApiKeyOption = Annotated[
    str | None,
    typer.Option(
        "--api-key-env",
        metavar="NAME",
        help="The environment variable that holds the server's API key.",
    ),
]


Verb: TypeAlias = Callable[..., None]


def with_options(shared: type) -> Callable[[Verb], Verb]:
    """Give a verb the argument and the options that are the fields of a dataclass, as one value.

    The argument is the first of the fields. In the verb's help the other fields follow its own
    options.
    """
    argument, *others = inspect.signature(shared, eval_str=True).parameters.values()

    def decorate(verb: Verb) -> Verb:
        _, *own = inspect.signature(verb, eval_str=True).parameters.values()

        @wraps(verb)
        def called(**given: Any) -> None:
            options = {each.name: given.pop(each.name) for each in (argument, *others)}
            verb(shared(**options), **given)

        called.__signature__ = inspect.Signature([argument, *own, *others])  # type: ignore[attr-defined]
        return called

    return decorate


class TreeFormat(StrEnum):
    """How something is printed: for people or for programs."""

    TEXT = "text"
    JSON = "json"


def examples(*lines: str) -> str:
    """Return the end of a verb's help: commands to try, one a line."""
    escaped = [line.replace("[", r"\[") for line in lines]
    # An empty line is what keeps lines apart in typer's epilogs.
    return "\n\n".join(["[dim]Examples[/dim]", *escaped])


def unwrapped(function: Callable[..., Any]) -> str:
    """Return a verb's docstring with a line for each paragraph: a terminal breaks them better."""
    paragraphs = (inspect.getdoc(function) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


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

    path = _path(name)
    if path.is_dir():
        raise Mistake(f"{name!r} is a directory, not a mapping")
    if path.exists():
        return name
    shipped = shipped_mappings()
    if name in shipped:
        return name
    raise no_such_mapping(name, sorted(shipped))


def find_mappings(name: str) -> list[str]:
    """Return `name` as `find_mapping` does, or the mappings in the directory of that name."""
    directory = _path(name)
    if not directory.is_dir():
        return [find_mapping(name)]
    found = [
        str(path)
        for pattern in ("*.yaml", "*.yml")
        for path in directory.rglob(pattern)
        if path.is_file() and _may_be_mapping(path)
    ]
    if not found:
        raise Mistake(
            f"there is no mapping in '{directory}'",
            "a mapping is a .yaml file that says 'tiledmap: 1'",
        )
    return sorted(found)


def _may_be_mapping(path: Path) -> bool:
    try:
        return _SAYS_TILEDMAP.search(path.read_text("utf-8", errors="replace")) is not None
    except OSError:
        return True  # whoever reads it as a mapping says why it cannot be read


def _path(name: str) -> Path:
    if not name:  # which would be the working directory; most often a variable that is not set
        raise Mistake("the name of the mapping is empty")
    return Path(name)


def find_files(paths: Sequence[Path] | None) -> list[Path]:
    """Return `paths` where all of them are files."""
    found = list(paths or ())
    for path in found:
        if not path.exists():
            raise Mistake(f"there is no file '{path}'")
        if path.is_dir():
            raise Mistake(f"'{path}' is a directory, not a file")
    return found
