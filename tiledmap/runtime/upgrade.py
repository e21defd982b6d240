"""Old documents about files, in new form: resources as stream resources, datums as ranges of them.

A resource names a file by root, path and spec; a stream resource by URI and mimetype. An event of
old refers to a datum, and the datum to its resource; a stream datum says itself which events are in
which part of a file. Repairs of roots, resources and datums act here, where both forms are known.
Nothing that is given is changed.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tiledmap.runtime.documents import addition_problem, day
from tiledmap.runtime.errors import InvalidDocumentError
from tiledmap.runtime.layout import Document, Repairs

Applied = Callable[[str, str], None]
"""Told of (section, name) for each repair that was applied."""

HDF5 = "application/x-hdf5"
_SCHEME = re.compile(r"[a-z0-9+]+://")
_DRIVE = re.compile(r"[A-Za-z]:/")
_FILE_URI = re.compile(r"(file:(?://[^/]*)?)(/.*)", re.DOTALL)
_LOST_IN_URI = re.compile(r"[?#]")
_NUMBERED = re.compile(r"%[-+ 0]*\d*(?:\.\d+)?d(?![A-Za-z])[^/]*$")


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource or a stream resource, in one form and repaired.

    Parameters
    ----------
    data_key
        None for a resource: the events that refer to it say which.
    seen
        The document as rules see it: with ``spec``, ``root``, ``resource_path`` and
        ``resource_kwargs``, and a stream resource's ``mimetype``.
    said
        Parameters that repairs give; they come over those of documents.
    """

    uid: str
    data_key: str | None
    mimetype: str
    uri: str
    seen: Document
    parameters: Mapping[str, Any]
    said: Mapping[str, Any]


@dataclass(slots=True)
class Counter:
    """How far the datums of one resource have come, for one data key of one stream."""

    referred: int = 0
    frames: int = 0


# ---------------------------------------------------------------- paths


def join_path(root: str, path: str, semantics: str = "posix") -> str:
    """Join a root and a path below it, with one slash between them.

    A path that begins with its root already is taken as it is. A slash at the end stays: it says
    that this is a directory. Windows paths are given with slashes.
    """
    if semantics == "windows":
        root, path = root.replace("\\", "/"), path.replace("\\", "/")
    if _SCHEME.match(path) or _DRIVE.match(path) or (path.startswith("/") and below(path, root)):
        return _with_single_slashes(path)
    steps = path.strip("/")
    if not steps:
        return _with_single_slashes(root if path else root.rstrip("/") or root)
    joined = f"{root.rstrip('/')}/{path.lstrip('/')}" if root else path
    return _with_single_slashes(joined)


def below(path: str, root: str) -> bool:
    """Whether `path` is `root` or below it, by whole steps."""
    stem = root.rstrip("/")
    return bool(root) and (path == stem or path.startswith(f"{stem}/"))


def file_uri(path: str) -> str:
    """The URI of an absolute path, as Tiled reads it: it does not undo percent signs.

    Raises
    ------
    ValueError
        If Tiled could not find the file.
    """
    if _SCHEME.match(path):
        return path
    if _DRIVE.match(path):
        path = f"/{path}"
    if not path.startswith("/"):
        raise ValueError(f"{path!r} is no absolute path, so nobody can find it")
    if found := _LOST_IN_URI.search(path):
        raise ValueError(f"Tiled cannot read a file with {found[0]!r} in its path: {path!r}")
    return f"file://localhost{path}"


def _with_single_slashes(path: str) -> str:
    scheme = _SCHEME.match(path)
    kept = scheme.end() if scheme else 0
    return path[:kept] + re.sub("/{2,}", "/", path[kept:])


def rooted(
    repairs: Repairs, start: Document, path: str, applied: Applied = lambda section, name: None
) -> str:
    """`path` after every repair of roots that fits it, in order.

    Raises
    ------
    InvalidDocumentError
        If none fits and the mapping asks for one.
    """
    fitted = False
    for rule in repairs.roots:
        if expired(rule.until, start) or not below(path, rule.prefix):
            continue
        rest = path[len(rule.prefix.rstrip("/")) :]
        path = f"{rule.becomes(start).rstrip('/')}{rest}" or "/"
        applied("roots", rule.name)
        fitted = True
    if not fitted and repairs.unmapped == "error":
        raise InvalidDocumentError(f"no rule of repair.roots fits its path {path!r}")
    return path


def expired(until: str | None, start: Document) -> bool:
    """Whether a repair's last day was before the run; of a time that is none, nobody knows."""
    try:
        return until is not None and day(start) > until
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return False


# ---------------------------------------------------------------- resources


def upgrade_resource(
    document: Document, start: Document, repairs: Repairs, applied: Applied
) -> Resource:
    """Put a resource, or a stream resource of any age, into one form and right.

    Raises
    ------
    InvalidDocumentError
        If it does not say enough, or a rule finds fault with it.
    """
    if "mimetype" in document:
        uri = _repaired_uri(document["uri"], repairs, start, applied)
        parameters = dict(document["parameters"])
        seen = {
            "root": "",
            "resource_path": document["uri"],
            "resource_kwargs": document["parameters"],
            "spec": _text(parameters.get("spec")),
            **document,
        }
    else:
        semantics = document.get("path_semantics", "posix")
        path = join_path(document["root"], document["resource_path"], semantics)
        parameters = {**document["resource_kwargs"], "spec": document["spec"]}
        if "template" not in parameters and (numbered := _NUMBERED.search(path)):
            # Some cameras give the path of a file with a place for its number.
            path, parameters["template"] = path[: numbered.start()], numbered[0]
        seen = dict(document)
        try:
            uri = file_uri(rooted(repairs, start, path, applied))
        except ValueError as error:
            raise InvalidDocumentError(str(error)) from error
    mimetype, said = _said_of_resource(repairs, start, seen, applied)
    mimetype = mimetype or document.get("mimetype")
    if not mimetype:
        raise InvalidDocumentError(
            f"no rule says what the spec {document['spec']!r} stands for: "
            "add one to repair.resources, with its mimetype"
        )
    return Resource(
        uid=document["uid"],
        data_key=document.get("data_key"),
        mimetype=mimetype,
        uri=uri,
        seen=seen,
        parameters=_standard_parameters(parameters, mimetype),
        said=_standard_parameters(said, mimetype),
    )


def _repaired_uri(uri: str, repairs: Repairs, start: Document, applied: Applied) -> str:
    found = _FILE_URI.fullmatch(uri)
    if found is None:
        return uri
    scheme, path = found.groups()
    repaired = rooted(repairs, start, path, applied)
    return uri if repaired == path else f"{scheme}{repaired}"


def _said_of_resource(
    repairs: Repairs, start: Document, seen: Document, applied: Applied
) -> tuple[str | None, dict[str, Any]]:
    """The mimetype and the parameters that repairs give; a later one comes over those before."""
    mimetype: str | None = None
    said: dict[str, Any] = {}
    for rule in repairs.resources:
        if expired(rule.until, start) or not rule.matches(start, seen):
            continue
        _check_kwargs(rule.kwargs, seen["resource_kwargs"], "resource_kwargs", rule.at)
        said |= rule.parameters(start, seen)
        if rule.join is not None:
            said["join_method"] = rule.join
        if rule.chunks is not None:
            said["chunk_shape"] = rule.chunks
        mimetype = rule.mimetype or mimetype
        applied("resources", rule.name)
    return mimetype, said


def _standard_parameters(parameters: Mapping[str, Any], mimetype: str) -> dict[str, Any]:
    """Parameters under the names of today."""
    standard = {name: value for name, value in parameters.items() if name != "frame_per_point"}
    if parameters.get("frame_per_point"):
        standard["multiplier"] = parameters["frame_per_point"]
    if mimetype == HDF5 and "path" in standard:
        standard["dataset"] = standard.pop("path")
    return standard


def _check_kwargs(
    schema: Mapping[str, Any] | None, kwargs: Document, field_name: str, at: str
) -> None:
    if schema and (problem := addition_problem(schema, kwargs)):
        raise InvalidDocumentError(f"{field_name}: {problem}", at=at)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


# ---------------------------------------------------------------- datums


@dataclass(frozen=True, slots=True)
class DatumSaid:
    """What a datum and the repairs of datums say.

    Parameters
    ----------
    kwargs
        The datum's own, without what tells its place.
    said
        Parameters that repairs give.
    place
        ``indices``, ``point_number`` or ``frame``, whichever is there; None if the datum does not
        tell its place.
    """

    kwargs: Mapping[str, Any]
    said: Mapping[str, Any]
    place: tuple[str, Any] | None


_PLACES = ("indices", "point_number", "frame")


def read_datum(
    datum: Document, resource: Resource, start: Document, repairs: Repairs, applied: Applied
) -> DatumSaid:
    """What a datum says of its resource.

    Raises
    ------
    InvalidDocumentError
        If a rule finds fault with it.
    """
    kwargs = datum["datum_kwargs"]
    said: dict[str, Any] = {}
    for rule in repairs.datums:
        if expired(rule.until, start) or not rule.matches(start, resource.seen, datum):
            continue
        _check_kwargs(rule.kwargs, kwargs, "datum_kwargs", rule.at)
        said |= rule.parameters(start, resource.seen, datum)
        applied("datums", rule.name)
    every = {**kwargs, **said}
    place = next(((name, every[name]) for name in _PLACES if every.get(name) is not None), None)
    own, repaired = (
        _standard_parameters(_without_places(each), resource.mimetype) for each in (kwargs, said)
    )
    return DatumSaid(own, repaired, place)


def _without_places(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name not in _PLACES}


def indices_of(place: tuple[str, Any] | None, counter: Counter) -> tuple[int, int]:
    """Which of its resource's datums a datum is: the first, and the one after the last.

    ``indices`` says so itself; ``point_number`` is the one; ``frame`` is the last of those since
    the datum before, and begins anew where a counter was reset. A datum that says nothing is the
    next one.

    Raises
    ------
    InvalidDocumentError
        If what the datum says is no such place.
    """
    try:
        match place:
            case ("indices", Mapping() as indices):
                first, stop = int(indices["start"]), int(indices["stop"])
            case ("point_number", number):
                first, stop = int(number), int(number) + 1
            case ("frame", frame):
                first = counter.frames
                stop = int(frame) + 1 if int(frame) >= first else first + int(frame) + 1
                counter.frames = stop
            case None:
                first, stop = counter.referred, counter.referred + 1
            case _:
                raise ValueError(place)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise InvalidDocumentError(
            f"its {place[0] if place else ''} is no place: {place}"
        ) from error
    if not 0 <= first <= stop:
        raise InvalidDocumentError(f"its place, {first} to {stop}, does not exist")
    counter.referred += 1
    return first, stop


def datums_of_page(page: Document) -> Iterator[Document]:
    """The datums of a datum page."""
    for row, datum_id in enumerate(page["datum_id"]):
        yield {
            "resource": page["resource"],
            "datum_id": datum_id,
            "datum_kwargs": {name: column[row] for name, column in page["datum_kwargs"].items()},
        }


def datums_of_bulk(bulk: Document) -> Iterator[Document]:
    """The datums of a bulk document of old."""
    for datum_id, kwargs in zip(bulk["datum_ids"], bulk["datum_kwarg_list"], strict=True):
        yield {"resource": bulk["resource"], "datum_id": datum_id, "datum_kwargs": kwargs}
