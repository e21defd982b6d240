"""Writing a file whole or not at all."""

import os
from pathlib import Path
from stat import S_IMODE
from tempfile import mkstemp

from tiledmap.cli.mistakes import Mistake

STDOUT = Path("-")
"""Stands for the output."""


def write_text(path: Path, text: str) -> None:
    """Write a file; a reader, or a crash, sees the old text or the new one.

    A link stays a link, a file keeps its mode, and one that may not be written to is left as it
    is. What is no file, such as ``/dev/stdout``, is written to and stays.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", newline="\n")
        else:
            _replace(path.resolve(), text)
    except OSError as error:
        raise Mistake(f"'{path}' cannot be written: {error.strerror}") from error


def _replace(path: Path, text: str) -> None:
    mode = _mode(path)
    descriptor, name = mkstemp(dir=path.parent)
    draft = Path(name)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        draft.chmod(mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _mode(path: Path) -> int:
    """The mode of a file that may be written to; of one that is not there yet, any file's."""
    try:
        with path.open("r+b") as file:
            return S_IMODE(os.fstat(file.fileno()).st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
