"""Whether files hold what documents declare, found out where the files can be read.

Documents describe data before it is written, and detectors do not always do what they were told.
A node whose structure is wrong cannot be read, or is read wrong, so a mapping may ask that its
files are looked at, at the end of a run.
"""

from dataclasses import dataclass

from tiledmap.runtime.consolidators import Consolidator, OutOfReachError, Reach
from tiledmap.runtime.consolidators.structure import first_lengths
from tiledmap.runtime.errors import in_words
from tiledmap.runtime.ops import FileSource

MODES = ("off", "warn", "fix", "error")


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What was found out about the files of one node.

    Parameters
    ----------
    source
        The data source to keep; with ``fix`` as the files have it.
    notes
        For the run's notes.
    failed
        Whether this is an error, as ``error`` makes of what is a note otherwise.
    """

    source: FileSource
    notes: tuple[str, ...] = ()
    failed: bool = False
    looked: bool = True
    """Whether the files could be looked at from here."""


def check_files(
    name: str,
    consolidator: Consolidator,
    source: FileSource,
    reach: Reach,
    mode: str,
) -> FileCheck:
    """Compare what documents declare with what the files hold.

    Parameters
    ----------
    name
        The node's, for the notes.
    source
        What `consolidator` made of the documents.
    reach
        Where files may be opened.
    mode
        ``off`` | ``warn`` | ``fix`` | ``error``.
    """
    if mode not in MODES:
        raise ValueError(f"check_files is {mode!r}, and must be one of {', '.join(MODES)}")
    if mode == "off":
        return FileCheck(source)
    try:
        found = consolidator.inspect(source, reach)
    except (OutOfReachError, NotImplementedError, ImportError) as error:
        return FileCheck(source, (f"{name}: not checked: {error}",), looked=False)
    except Exception as error:  # a facility's class may raise anything
        reason = str(error) if isinstance(error, OSError | ValueError) else in_words(error)
        return FileCheck(source, (f"{name}: {reason}",), failed=mode == "error")
    difference = describe_difference(source, found)
    if difference is None:
        return FileCheck(source)
    if mode == "fix":
        return FileCheck(found, (f"{name}: {difference}; mended",))
    return FileCheck(source, (f"{name}: {difference}",), failed=mode == "error")


def describe_difference(declared: FileSource, found: FileSource) -> str | None:
    """In what two data sources of the same files differ, in words; None if in nothing."""
    if (declared.shape, declared.dtype) != (found.shape, found.dtype):
        text = (
            f"declared {declared.shape} of {declared.dtype}, "
            f"the files hold {found.shape} of {found.dtype}"
        )
    elif declared.chunks != found.chunks:
        text = (
            f"declared in chunks of {first_lengths(declared.chunks)}, "
            f"the files have {first_lengths(found.chunks)}"
        )
    else:
        return None
    if declared.dims != found.dims:
        text += f", so its dimensions are not named {', '.join(declared.dims or ())}"
    return text
