"""What lies in a spool, in words."""

import os
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tiledmap.cli.mistakes import Mistake

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from tiledmap.runtime.journal import JournalInfo

SpoolArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="The directory that a writer was given as `spool`.")
]


def look_into(directory: Path) -> tuple[list["JournalInfo"], list["JournalInfo"]]:
    """Return the runs in a spool, oldest first, and the files that look like runs and are none."""
    from tiledmap.runtime.journal import SpoolError, survey

    if not directory.is_dir():
        raise Mistake(
            f"there is no directory '{directory}'",
            "a spool is the directory that a writer was given: writer(client, spool=DIR)",
        )
    try:
        found = survey(directory)
    except SpoolError as error:
        raise Mistake(str(error)) from error
    return [info for info in found if info.run], [info for info in found if not info.run]


def mapping_of(header: Mapping[str, Any]) -> str:
    """Say with which mapping a run was begun."""
    name, version, sha256 = (str(header.get(key)) for key in ("mapping", "version", "sha256"))
    return f"{name} {version} (sha256 {sha256:.12}…)"


def replay_command(directory: Path, *options: str) -> str:
    """Return the command that writes what is left in a spool."""
    return " ".join(["tiledmap replay", shlex.quote(os.fspath(directory)), *options])


def table(*columns: str, right: Sequence[str] = ()) -> "Table":
    """Return an empty table whose first column is never cut off."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if column in right else "left", no_wrap=number == 0)
    return made


def plain(text: str, style: str = "") -> "Text":
    """Return a text as it is: nothing in it is taken for a style or an escape."""
    from rich.text import Text

    return Text(
        "".join(each if each.isprintable() or each == "\n" else "�" for each in text), style
    )


def moment(seconds: float | None) -> str:
    """Return a local time; "" for none."""
    if seconds is None:
        return ""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):  # whatever a document says
        return ""


def ago(seconds: float | None, now: float) -> str:
    """Say how long ago something was; "" for nothing."""
    if seconds is None:
        return ""
    past = max(now - seconds, 0.0)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if past >= 2 * length:
            return f"{past // length:.0f} {unit} ago"
    return f"{past:.0f} s ago"


def size(count: int) -> str:
    """Return a number of bytes, short."""
    from rich.filesize import decimal

    return decimal(count)
