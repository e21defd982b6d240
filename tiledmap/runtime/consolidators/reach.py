"""Which files may be opened here: those below given directories, whatever links lead to them."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlparse


class OutOfReachError(OSError):
    """A file may not be opened here."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where files may be opened.

    Parameters
    ----------
    directories
        Real paths, without links; None for no limit.
    """

    directories: tuple[str, ...] | None = None

    @classmethod
    def below(cls, directories: Iterable[str | os.PathLike[str]]) -> "Reach":
        """Only what lies below these directories."""
        return cls(tuple(os.path.realpath(directory) for directory in directories))

    def path(self, uri: str, *, is_directory: bool = False) -> str:
        """The real path of a file that may be opened, and is there.

        Raises
        ------
        OutOfReachError
            If it is no file of this machine, or lies elsewhere.
        OSError
            If there is no such file.
        """
        parsed = urlparse(uri)  # as Tiled does: percent signs stand for themselves
        if parsed.scheme != "file" or parsed.netloc not in ("", "localhost"):
            raise OutOfReachError(f"{uri} is no file of this machine")
        return self.real_path(parsed.path, is_directory=is_directory)

    def real_path(self, path: str, *, is_directory: bool = False) -> str:
        """As `path`, of a path."""
        real = os.path.realpath(path)
        if not self._contains(real):
            raise OutOfReachError(f"{path} is not below a directory in which files may be opened")
        mode = os.stat(real).st_mode
        if not (stat.S_ISDIR(mode) if is_directory else stat.S_ISREG(mode)):
            raise OSError(f"{path} is no {'directory' if is_directory else 'file'}")
        return real

    def _contains(self, real: str) -> bool:
        return self.directories is None or any(
            real == directory or real.startswith(os.path.join(directory, ""))
            for directory in self.directories
        )
