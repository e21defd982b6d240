"""What every consolidator shares: from stream resources and datums to one Tiled data source.

A consolidator is a function of what has come: `Consolidator.source` gives the whole data source for
the parts that are there, so that neither batches nor the way in which datums were split can change
what is stored in the end.
"""

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from tiledmap.runtime.consolidators.listing import Listing, Span
from tiledmap.runtime.consolidators.reach import Reach
from tiledmap.runtime.consolidators.structure import (
    MOST_PIECES,
    Chunks,
    Shape,
    datum_shape,
    inner_chunks,
    is_of_frames,
    joined_shape,
    named_dims,
    served_shape,
    split,
)
from tiledmap.runtime.consolidators.templates import FileNames, name_files
from tiledmap.runtime.errors import in_words
from tiledmap.runtime.layout import AssetRule
from tiledmap.runtime.ops import Asset, FileSource

Range = tuple[int, int]
"""First index and the one after the last."""


@dataclass(frozen=True, slots=True)
class FileResource:
    """A stream resource, after every repair and with what the asset rule adds.

    Parameters
    ----------
    parameters
        What documents, repairs and the asset rule say, each over the next. ``join_method``,
        ``chunk_shape``, ``template`` (a text, or a function of a file's number), ``filename``,
        ``multiplier``, ``spec``, ``dataset`` and the like stand under the names that
        event-model's and ophyd-async's documents use.
    """

    uid: str
    data_key: str
    mimetype: str
    uri: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Declared:
    """What a descriptor says of one datum.

    Parameters
    ----------
    shape
        With None for a length that is not known before.
    dtype
        None where numpy does not know it.
    dims
        The data key's own names of its dimensions.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype[Any] | None
    dims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A stream resource, and which of its datums have come.

    Parameters
    ----------
    ranges
        Sorted, apart from each other, counted from the resource's own first datum.
    """

    resource: FileResource
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """An array as Tiled's adapter reads it from files, before it is put into the declared shape.

    Parameters
    ----------
    chunks
        The lengths of all chunks for each dimension.
    """

    dtype: np.dtype[Any]
    shape: Shape
    chunks: Chunks


class Consolidator:
    """The files of one data key as one data source. Facilities derive their own from this.

    A resource is one file with all of its datums or, where its parameters have a ``template`` with
    a number in it, one file or more for each datum.

    Parameters
    ----------
    rule
        The rule of assets that chose this class. What it says of join, chunks and the adapter's
        parameter holds where `resource` says nothing.
    resource
        The first stream resource; others come through `accept`.
    declared
        What the descriptor says of each datum.
    dims
        Names of all dimensions, with ``...`` for the data key's own; None for no names.
    sidecars
        URIs of files beside the resource's own, by the adapter's parameter.

    Raises
    ------
    ValueError
        If they do not say enough, or contradict each other.
    """

    family: ClassVar[str] = "array"
    """``array`` | ``bytes``."""
    asset_parameter: ClassVar[str] = "data_uris"
    """The adapter's parameter that takes the files, unless the mapping names another."""
    takes_many: ClassVar[bool] = True
    """Whether that parameter takes a list."""
    is_directory: ClassVar[bool] = False
    array_per_file: ClassVar[bool] = False
    """Whether the adapter stacks one array from each file."""
    reshapes: ClassVar[bool] = True
    """Whether the adapter serves what it reads in the shape that is declared."""
    default_join: ClassVar[str] = "stack"
    default_join_chunks: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ()
    """Parameters that must be there."""
    defaults: ClassVar[Mapping[str, Any]] = {}
    """Parameters where nothing else is said."""

    def __init__(
        self,
        rule: AssetRule,
        resource: FileResource,
        declared: Declared,
        dims: tuple[str, ...] | None = None,
        sidecars: Mapping[str, str] | None = None,
    ) -> None:
        self.rule = rule
        self._sidecars = tuple(Asset(uri, parameter) for parameter, uri in (sidecars or {}).items())
        self._listing = Listing(self._asset)
        self.declared = declared
        self.mimetype = resource.mimetype
        self.reads_files = rule.structure_from == "file"
        """Whether `source` takes the structure from the files, which then must be there."""
        self.notes: list[str] = []
        """What a reader should know of how documents were understood."""

        parameters = self.parameters = self._complete(resource)
        names = self.file_names(resource.uri, parameters)
        self._names = {resource.uid: names}
        self._single = {names.uri_of(0)} if not names.numbered else set()
        self._traits = self._traits_of(resource, parameters)
        self.numbered = names.numbered
        """Whether there is a file, or more, for each datum."""
        self.join_method = _join_method(self._traits["join_method"])
        self.join_chunks = bool(self._traits["join_chunks"])
        self.multiplier: int | None = self._traits["multiplier"]
        self.chunk_shape: Shape = self._traits["chunk_shape"]
        self.datum_shape: Shape = ()
        self.files_per_datum: int = self._traits["files_per_datum"] or 1
        self.dims: tuple[str, ...] | None = None
        if self.family == "array":
            self._set_structure()
            self.dims = None if dims is None else self._dims(dims, len(self.array_shape(0)))

    # What a subclass may say

    def adapter_parameters(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What the adapter is given beside the files."""
        return {}

    def file_names(self, uri: str, parameters: Mapping[str, Any]) -> FileNames:
        """The names of a stream resource's files."""
        return name_files(uri, parameters.get("template"), parameters.get("filename"))

    def chunks(self, shape: Shape, parts: Sequence[Part]) -> Chunks:
        """The chunks of the array that these parts make up."""
        return (self.row_chunks(shape[0]), *self.inner_chunks(shape))

    def row_chunks(self, length: int) -> tuple[int, ...]:
        """The chunks of the first dimension."""
        if not self.chunk_shape:
            return (length,)
        frames = self.datum_shape[0] if self.datum_shape else 1
        if self.join_method == "concat" and not self.join_chunks and frames:
            return split(frames, self.chunk_shape[0]) * (length // frames) or (0,)
        return split(length, self.chunk_shape[0])

    def inner_chunks(self, shape: Shape) -> Chunks:
        """The chunks of all other dimensions."""
        return inner_chunks(self.chunk_shape, shape, self.datum_shape)

    def measure(self, source: FileSource, reach: Reach) -> Measured:
        """The array that the adapter would read, without reading all of it.

        The files of `source` are there and may be opened: `paths` gives them. Any other file that
        they lead to must be asked for by `reach`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what its files hold")

    # What has come

    @property
    def metadata(self) -> dict[str, Any]:
        """What the node's metadata says of the files."""
        given = {"spec": self.parameters.get("spec"), "frame_per_point": self.multiplier}
        return {name: value for name, value in given.items() if value}

    def accept(self, resource: FileResource) -> None:
        """Take another stream resource of the same data key.

        Raises
        ------
        ValueError
            If its files and those before cannot be one array.
        """
        parameters = self._complete(resource)
        self._check_traits(resource, parameters)
        names = self.file_names(resource.uri, parameters)
        if names.numbered != self.numbered:
            raise ValueError(
                "either it or the files before have a template with a number, not both"
            )
        single = [sidecar.parameter for sidecar in self._sidecars]
        single += [] if self.takes_many else [self._asset_parameter]
        if single:
            raise ValueError(f"the adapter takes one {single[0]!r}, so one stream resource")
        if not names.numbered:
            if (uri := names.uri_of(0)) in self._single:
                raise ValueError(f"{uri} is the file of another stream resource, too")
            self._single.add(uri)
        self._names[resource.uid] = names

    def check_datum(self, resource: FileResource) -> None:
        """Refuse a datum by which its resource would be another than by the datums before.

        Parameters
        ----------
        resource
            With what the datum says of it.

        Raises
        ------
        ValueError
        """
        parameters = self._complete(resource)
        self._check_traits(resource, parameters)
        names, known = self.file_names(resource.uri, parameters), self._names[resource.uid]
        for number in (0, 1):
            if names.uri_of(number) != known.uri_of(number):
                raise ValueError(
                    f"its files would be named as {names.uri_of(number)}, those of the datums "
                    f"before as {known.uri_of(number)}"
                )

    def rows(self, part: Part) -> int:
        """How many datums a part has in the array: one file holds those that nothing refers to."""
        if self.numbered:
            return sum(stop - first for first, stop in part.ranges)
        return part.ranges[-1][1] if part.ranges else 0

    def check_extent(self, rows: int) -> None:
        """Refuse so many datums that their files or chunks could not be listed.

        Raises
        ------
        ValueError
        """
        files = rows * self.files_per_datum if self.numbered else 1
        shape = self.array_shape(rows)
        chunks = shape[0] // self.chunk_shape[0] if self.chunk_shape and shape else 1
        if self.join_method == "concat" and not self.join_chunks:
            chunks = max(chunks, rows)
        if max(files, chunks) > MOST_PIECES:
            raise ValueError(
                f"with it there would be {rows:,} datums, of more than {MOST_PIECES:,} files or "
                "chunks"
            )

    def source(self, parts: Sequence[Part], reach: Reach = Reach()) -> FileSource:  # noqa: B008
        """The data source of all that has come.

        Parameters
        ----------
        reach
            Where files may be opened, where the structure is read from them.

        Raises
        ------
        OSError, ValueError
            Where the structure is read from the files, if they cannot be read.
        """
        source = self.declared_source(parts)
        return self.inspect(source, reach) if self.reads_files else source

    def declared_source(self, parts: Sequence[Part]) -> FileSource:
        """The data source as documents have it. No file is opened."""
        files = self._listing.assets(list(self._spans(parts)))
        source = FileSource(
            family=self.family,
            mimetype=self.mimetype,
            assets=files + self._sidecars,
            parameters=self.adapter_parameters(self.parameters),
        )
        if self.family != "array":
            return source
        shape = self.array_shape(sum(map(self.rows, parts)))
        return replace(
            source,
            properties=self._properties(shape, len(files)),
            dtype=self.declared.dtype,
            shape=shape,
            chunks=self.chunks(shape, parts),
            dims=self.dims,
        )

    def inspect(self, source: FileSource, reach: Reach = Reach()) -> FileSource:  # noqa: B008
        """The same data source as its files have it.

        Raises
        ------
        OutOfReachError
            If a file may not be opened.
        OSError, ValueError
            If a file is not there, or cannot be read.
        NotImplementedError
            If this class does not say how.
        """
        _look_for(source.assets, reach)
        if self.family != "array":
            return source
        try:
            measured = self.measure(source, reach)
        except (OSError, ValueError, NotImplementedError, ImportError):
            raise
        except Exception as error:  # readers of files raise whatever they like
            raise ValueError(in_words(error)) from error
        return self._as_measured(source, measured)

    def paths(self, source: FileSource, reach: Reach) -> list[str]:
        """The paths of the files of a data source, in order, without sidecars."""
        return [
            reach.path(asset.uri, is_directory=asset.is_directory)
            for asset in source.assets
            if asset not in self._sidecars
        ]

    # Parameters

    def _complete(self, resource: FileResource) -> dict[str, Any]:
        """All parameters of a resource; None is as if it were not there."""
        of_rule = {"join_method": self.rule.join, "chunk_shape": self.rule.chunks}
        parameters = dict(self.defaults)
        parameters |= {name: value for name, value in of_rule.items() if value is not None}
        parameters |= {
            name: value for name, value in resource.parameters.items() if value is not None
        }
        for name in (*self.needs, *self.rule.needs):
            if parameters.get(name) in (None, ""):
                raise ValueError(f"its parameters have no {name}")
        return parameters

    def _traits_of(self, resource: FileResource, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What all stream resources of one array have in common."""
        return {
            "data key": resource.data_key,
            "mimetype": resource.mimetype,
            "join_method": parameters.get("join_method", self.default_join),
            "join_chunks": parameters.get("join_chunks", self.default_join_chunks),
            "chunk_shape": _chunk_shape(parameters.get("chunk_shape")),
            "multiplier": _count(parameters, "multiplier"),
            "files_per_datum": _count(parameters, "files_per_datum"),
            **self.adapter_parameters(parameters),
        }

    def _check_traits(self, resource: FileResource, parameters: Mapping[str, Any]) -> None:
        traits = self._traits_of(resource, parameters)
        for name in {**self._traits, **traits}:
            if traits.get(name) != self._traits.get(name):
                raise ValueError(
                    f"its {name} is {traits.get(name)!r}, that of the files before "
                    f"{self._traits.get(name)!r}: they cannot be one array"
                )

    # Structure

    def _set_structure(self) -> None:
        shape = self.declared.shape
        if None in shape and not self.reads_files:
            raise ValueError(
                f"its shape {list(shape)} has a length that is not known before: "
                "structure_from: file reads it from the files"
            )
        known = tuple(length or 0 for length in shape)
        self.datum_shape = datum_shape(known, self.multiplier, self.join_method)
        if self.numbered:
            self.chunk_shape = self.chunk_shape or (1,)
            self._share_frames()
        rank = len(self.array_shape(0))
        if len(self.chunk_shape) > rank and not self.reads_files:
            raise ValueError(
                f"its chunk_shape {list(self.chunk_shape)} has more than the {rank} dimensions "
                "of the array"
            )

    def _share_frames(self) -> None:
        """Decide how the frames of a datum are shared among its files."""
        frames = self.datum_shape[0] if self.datum_shape else 1
        if self.join_method == "concat" and frames % self.chunk_shape[0]:
            self.notes.append(
                f"chunks of {self.chunk_shape[0]} do not divide a datum of {frames} frames: "
                "each datum is a chunk"
            )
            self.chunk_shape = (max(frames, 1),)
        if self._traits["files_per_datum"]:
            if frames % self.files_per_datum:
                raise ValueError(
                    f"its files_per_datum {self.files_per_datum} does not divide the {frames} "
                    "frames of a datum"
                )
        else:
            self.files_per_datum = max(frames // max(self._frames_in_file(frames), 1), 1)

    def _frames_in_file(self, frames: int) -> int:
        """How many of its `frames` a datum keeps in one file."""
        if not self.datum_shape:
            return 1
        if self.join_method == "concat":
            return self.chunk_shape[0]
        if self.multiplier:
            return 1  # areaDetector writes a file for each frame
        of_frames = is_of_frames(self.chunk_shape, self.array_shape(0), self.datum_shape)
        return self.chunk_shape[0] if of_frames and frames % self.chunk_shape[0] == 0 else frames

    def array_shape(self, rows: int) -> Shape:
        """The shape of the array of so many datums."""
        return joined_shape(rows, self.datum_shape, self.join_method)

    def _properties(self, shape: Shape, count: int) -> dict[str, Any]:
        """The files' own chunks, where the first dimension does not count files."""
        if not (self.numbered or self.array_per_file) or count in (0, shape[0]):
            return {}
        if self.numbered:
            frames = self.datum_shape[0] // self.files_per_datum
            lengths = (*((frames,) if frames > 1 else ()), *self.datum_shape[1:])
        else:
            lengths = (shape[0] // count, *shape[1:])
        return {"chunks": ((1,) * count, *((length,) for length in lengths))}

    def _dims(self, dims: tuple[str, ...], rank: int) -> tuple[str, ...] | None:
        names, problem = named_dims(dims, self.declared.dims, rank, self.join_method)
        if problem:
            self.notes.append(problem)
        return names

    def _as_measured(self, source: FileSource, measured: Measured) -> FileSource:
        shape = measured.shape
        if self.reshapes and not self.reads_files:
            shape = served_shape(shape, source.shape, self.join_method)
        if shape == measured.shape and not (self.array_per_file and shape == source.shape):
            chunks = measured.chunks
        elif shape == source.shape:
            chunks = source.chunks  # which files a chunk is read from is the adapter's affair
        else:
            chunks = (self.row_chunks(shape[0]), *self.inner_chunks(shape))
        dims = source.dims
        if dims is not None and len(dims) != len(shape):
            dims = None
        properties = source.properties
        if self.array_per_file:
            count = len(measured.chunks[0])
            properties = {} if shape[0] == count else {"chunks": measured.chunks}
        return replace(
            source,
            dtype=measured.dtype,
            shape=shape,
            chunks=chunks,
            dims=dims,
            properties=properties,
        )

    # Files

    @property
    def _asset_parameter(self) -> str:
        return self.rule.asset_parameter or self.asset_parameter

    def _asset(self, uid: str, number: int, place: int) -> Asset:
        return Asset(
            uri=self._names[uid].uri_of(number),
            parameter=self._asset_parameter,
            num=place if self.takes_many else None,
            is_directory=self.is_directory,
        )

    def _spans(self, parts: Sequence[Part]) -> Iterator[Span]:
        for part in parts:
            if self.numbered:
                for first, stop in part.ranges:
                    yield (
                        part.resource.uid,
                        first * self.files_per_datum,
                        stop * self.files_per_datum,
                    )
            elif part.ranges:
                yield part.resource.uid, 0, 1


def _look_for(assets: Sequence[Asset], reach: Reach) -> None:
    missing = []
    for asset in assets:
        try:
            reach.path(asset.uri, is_directory=asset.is_directory)
        except FileNotFoundError:
            missing.append(asset.uri)
    if len(assets) == 1 and missing:
        raise FileNotFoundError(f"{missing[0]} is not there")
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of {len(assets)} files are not there, the first is {missing[0]}"
        )


def _join_method(given: Any) -> str:
    if given not in ("stack", "concat"):
        raise ValueError(f"its join_method is {given!r}, and must be stack or concat")
    return str(given)


def _count(parameters: Mapping[str, Any], name: str) -> int | None:
    """A number of things, or None where there is none; 0 stands for none as well."""
    given = parameters.get(name)
    try:
        count = operator.index(given or 0)
    except TypeError:
        count = -1
    if count < 0:
        raise ValueError(f"its {name} is {given!r}, and must be a number of 1 or more")
    return count or None


def _chunk_shape(given: Any) -> Shape:
    try:
        chunk = tuple(map(operator.index, given or ()))
    except TypeError:
        chunk = (0,)
    if any(length < 1 for length in chunk):
        raise ValueError(f"its chunk_shape is {given!r}: all lengths must be 1 or more")
    return chunk
