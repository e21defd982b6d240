"""Writing a file whole or not at all."""

import os
from pathlib import Path
from tempfile import mkstemp

from tiledmap.cli.mistakes import Mistake


def write_text(path: Path, text: str) -> None:
    """Write a file; a reader, or a crash, sees the old text or the new one.

    A link stays a link, and what is no file, such as ``/dev/stdout``, is written to and stays.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", newline="\n")
        else:
            _replace(path.resolve(), text)
    except OSError as error:
        raise Mistake(f"'{path}' cannot be written: {error.strerror}") from error


def _replace(path: Path, text: str) -> None:
    descriptor, name = mkstemp(dir=path.parent)
    draft = Path(name)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        # A temporary file is its owner's alone; this one is like any other file.
        draft.chmod(0o666 & ~_umask())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
