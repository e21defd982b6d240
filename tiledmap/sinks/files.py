"""What Tiled takes as a node of files, checked before it is asked: it finds out late, or never."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from tiledmap.runtime.errors import SinkError
from tiledmap.runtime.exact import storable_text
from tiledmap.runtime.ops import Asset, FileSource, RegisterFiles, UpdateFiles
from tiledmap.sinks.metadata import check_metadata

LONGEST_MIMETYPE = 255
LONGEST_PARAMETER = 255
LONGEST_URI = 1023


def check_files(op: RegisterFiles | UpdateFiles, known: Mapping[str, Asset] | None = None) -> None:
    """Refuse files that cannot be a node, or such a part of one.

    Parameters
    ----------
    known
        Assets, by uri, that were checked before.

    Raises
    ------
    SinkError
    """
    for reason, hint in _faults(op.source, known or {}):
        raise SinkError(reason, op, hint=hint)
    check_metadata(op, dict(op.source.parameters))
    if isinstance(op, UpdateFiles) and op.source.family == "array":
        inside = zip(op.offset, op.extent, op.source.shape, strict=False)
        if not len(op.offset) == len(op.extent) == len(op.source.shape) or any(
            first < 0 or length < 0 or first + length > whole for first, length, whole in inside
        ):
            raise SinkError(
                f"the new part, {op.extent} from {op.offset} on, "
                f"is not within the array's shape {op.source.shape}",
                op,
            )


def by_uri(source: FileSource) -> dict[str, Asset]:
    """The files of a source, by their addresses."""
    return {asset.uri: asset for asset in source.assets}


def is_ahead(stored: FileSource, source: FileSource) -> bool:
    """Whether what is stored holds all of `source`, and more: a replay has not come as far yet."""
    if len(stored.shape) != len(source.shape) or not by_uri(source).keys() <= by_uri(stored).keys():
        return False
    grown = [there - here for there, here in zip(stored.shape, source.shape, strict=True)]
    more = len(stored.assets) > len(source.assets) or any(grown)
    return more and all(length >= 0 for length in grown)


def new_assets(source: FileSource, known: Mapping[str, Asset]) -> list[Asset] | None:
    """The files that are not known yet; None if one that is known has been moved or taken away.

    Tiled does neither: a node of such files has to be made anew.
    """
    new = [asset for asset in source.assets if known.get(asset.uri) != asset]
    moved = any(asset.uri in known for asset in new)
    return None if moved or len(source.assets) - len(new) < len(known) else new


def _faults(source: FileSource, known: Mapping[str, Asset]) -> Iterator[tuple[str, str]]:
    """What Tiled would not take, or would never read, each with what to do about it."""
    if source.family not in ("array", "bytes"):
        yield f"files are an array or bytes, not {source.family!r}", ""
    if not 0 < len(source.mimetype) <= LONGEST_MIMETYPE:
        yield f"the mimetype {source.mimetype!r:.80} has not 1 to {LONGEST_MIMETYPE} characters", ""
    if not source.assets:
        yield "there are no files", ""
    yield from _faults_of_assets(source, known)
    if source.family == "array":
        yield from _faults_of_structure(source)


def _faults_of_assets(source: FileSource, known: Mapping[str, Asset]) -> Iterator[tuple[str, str]]:
    uris: set[str] = set()
    places: set[tuple[str, int | None]] = set()
    alone: dict[str, bool] = {}
    for asset in source.assets:
        if asset.uri in uris:
            yield f"{asset.uri} comes twice among its files", ""
        if (asset.parameter, asset.num) in places:
            yield f"two files are number {asset.num} of the parameter {asset.parameter!r}", ""
        if alone.setdefault(asset.parameter, asset.num is None) != (asset.num is None):
            yield f"some files of the parameter {asset.parameter!r} have a number, others not", ""
        uris.add(asset.uri)
        places.add((asset.parameter, asset.num))
        if known.get(asset.uri) != asset:
            yield from _faults_of_asset(asset)


def _faults_of_asset(asset: Asset) -> Iterator[tuple[str, str]]:
    if len(asset.uri) > LONGEST_URI:
        yield f"{asset.uri:.80}… has more than {LONGEST_URI} characters", ""
    if not storable_text(asset.uri):
        yield f"{asset.uri!r:.80} has characters that Tiled does not keep", ""
    if not urlsplit(asset.uri).scheme:
        yield f"{asset.uri!r:.80} is no URI", "a file's begins with file://localhost/"
    if not 0 < len(asset.parameter) <= LONGEST_PARAMETER:
        yield f"the parameter {asset.parameter!r:.80} is no name of an adapter's parameter", ""


def _faults_of_structure(source: FileSource) -> Iterator[tuple[str, str]]:
    declare = "say it in the data key: dtype_numpy, or dtype in repair.data_keys"
    if source.dtype is None:
        yield "the dtype of its elements is not known", declare
    elif source.dtype.hasobject:
        yield f"Tiled stores no arrays of Python objects: {source.dtype}", declare
    if any(length < 0 for length in source.shape):
        yield f"its shape {source.shape} is none", ""
    whole = tuple(map(sum, source.chunks))
    if whole != source.shape:
        yield f"its chunks make up a shape of {whole}, not of {source.shape}", ""
    if source.dims is not None and len(source.dims) != len(source.shape):
        yield f"it has {len(source.dims)} dims for {len(source.shape)} dimensions", ""
