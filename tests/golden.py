"""Files that hold what a program is expected to print.

With ``TILEDMAP_UPDATE_GOLDEN=1`` in the environment they are written instead of compared; read the
difference before you commit it.
"""

import os
from pathlib import Path

UPDATE = os.environ.get("TILEDMAP_UPDATE_GOLDEN") == "1"


def assert_golden(path: Path, found: str) -> None:
    """Compare a text with the file that holds the expected one."""
    found = found.rstrip("\n") + "\n"
    if UPDATE:
        path.write_text(found, encoding="utf-8")
    assert path.is_file(), f"{path} is not there; TILEDMAP_UPDATE_GOLDEN=1 writes it"
    assert path.read_text(encoding="utf-8") == found
