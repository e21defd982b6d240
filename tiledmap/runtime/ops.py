"""One write, as a value. The runtime yields ops; a sink performs them.

Paths are tuples of node keys below the catalog that the writer was given. `run` is the uid of the
run that the op belongs to; `at` names the mapping's line that asked for it. Ops of one run arrive
at a sink in an order in which each node is created before it is written to.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

Path: TypeAlias = tuple[str, ...]

UID_LETTERS_IN_KEY = 8


@dataclass(frozen=True, slots=True)
class Spec:
    """A Tiled spec."""

    name: str
    version: str | None = None

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}/{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """What every op has."""

    run: str
    path: Path
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateNode(Op):
    """What every new node has. `metadata` is JSON data that Tiled keeps exactly."""

    metadata: dict[str, Any]
    specs: tuple[Spec, ...] = ()
    access_tags: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateContainer(CreateNode):
    """A container.

    Parameters
    ----------
    shared
        True for a container above runs: taken as it is where it exists.
    on_collision
        ``resume`` | ``suffix_uid`` | ``refuse``: what to do where the key is taken by a node
        whose ``metadata["start"]["uid"]`` is not `run`. Where it is `run`'s own, the node is
        resumed, whatever this says. With ``suffix_uid`` the sink appends ``_`` and the first
        eight characters of the uid to the key, and goes on using `path` as the node's name here.
    """

    shared: bool = False
    on_collision: str = "resume"

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys to try, in turn."""
        key = self.path[-1]
        if self.on_collision == "suffix_uid" and not self.shared:
            return key, f"{key}_{self.run[:UID_LETTERS_IN_KEY]}"
        return (key,)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTable(CreateNode):
    """An appendable table, its columns fixed by `schema` before any row is there."""

    schema: pa.Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendRows(Op):
    """Rows for a table. `first` is the number of rows that were sent before these."""

    rows: pa.RecordBatch
    first: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateArray(CreateNode):
    """A dense array of (rows, …), created with its first rows: their number is its chunk."""

    data: np.ndarray[Any, Any]
    dims: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendArray(Op):
    """More rows for an array; `first` is the number of rows that were sent before these."""

    data: np.ndarray[Any, Any]
    first: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRagged(CreateNode):
    """An array whose rows differ in length, created with its first rows.

    `shape` is that of one row, with None for each length that varies. A row whose lists differ in
    length among themselves is an array of objects, each an array of one dimension less.
    """

    rows: tuple[np.ndarray[Any, Any], ...]
    shape: tuple[int | None, ...]
    dims: tuple[str, ...] | None


def leaves(row: np.ndarray[Any, Any]) -> Iterator[np.ndarray[Any, Any]]:
    """The arrays of numbers that a row of a ragged array is made of."""
    if row.dtype.kind == "O":
        for item in row:
            yield from leaves(item)
    else:
        yield row


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendRagged(Op):
    """More rows for a ragged array."""

    rows: tuple[np.ndarray[Any, Any], ...]
    shape: tuple[int | None, ...]
    first: int


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, or a directory, that a data source is read from.

    Parameters
    ----------
    parameter
        The adapter's parameter that takes it.
    num
        Its place among the assets of that parameter; None where the parameter takes but one.
    """

    uri: str
    parameter: str
    num: int | None = None
    is_directory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """Files as one Tiled data source: what a node of external data is.

    Parameters
    ----------
    family
        ``array`` or ``bytes``.
    assets
        The files, in the order in which they are read.
    parameters
        What the adapter is given beside the files.
    properties
        What Tiled keeps of the source beside its structure, such as the files' own ``chunks``.
    dtype, shape, chunks, dims
        An array's structure; without meaning for ``bytes``. `chunks` has the lengths of all chunks
        for each dimension.
    """

    family: str
    mimetype: str
    assets: tuple[Asset, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    dtype: np.dtype[Any] | None = None
    shape: tuple[int, ...] = ()
    chunks: tuple[tuple[int, ...], ...] = ()
    dims: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterFiles(CreateNode):
    """A node for files that lie where they are."""

    source: FileSource


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateFiles(Op):
    """A node's files as they are now, all of them; doing so again changes nothing.

    Parameters
    ----------
    offset, extent
        The part of the array that is new, for readers that follow it: where it begins, and its
        shape. For ``bytes``, the first new file and how many there are.
    """

    source: FileSource
    offset: tuple[int, ...]
    extent: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateFiles(Op):
    """The question whether the files of a run are what their nodes say.

    Parameters
    ----------
    fix
        Let the server put right what it can.
    """

    fix: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchMetadata(Op):
    """Merge `patch` into a node's metadata, as RFC 7396 does: objects merge, others replace."""

    patch: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRun(Op):
    """The run's last word: its stop metadata. Performed after every other op of the run."""

    patch: dict[str, Any]
