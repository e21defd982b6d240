"""Writing a file whole or not at all."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from tiledmap.cli.mistakes import Mistake


def write_text(path: Path, text: str) -> None:
    """Write a file; a reader, or a crash, sees the old text or the new one."""
    try:
        with NamedTemporaryFile(
            "w", encoding="utf-8", newline="\n", dir=path.parent, delete=False
        ) as draft:
            draft.write(text)
        # A temporary file is its owner's alone; this one is like any other file.
        os.chmod(draft.name, 0o666 & ~_umask())
        os.replace(draft.name, path)
    except OSError as error:
        raise Mistake(f"'{path}' cannot be written: {error.strerror}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
