"""What recorded documents hold, with how often: one pass over them, and nothing decided.

Documents are seen as the mapping that will be extended repairs them, so what it knows how to put
right is not asked about again.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from os.path import exists
from pathlib import PurePosixPath
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from tiledmap.authoring.datasets import datasets_like, look_into
from tiledmap.authoring.formats import HDF5
from tiledmap.authoring.inference import SchemaOfValues, plain_items
from tiledmap.authoring.seen import (
    DirectorySeen,
    FieldSeen,
    FilesSeen,
    FormSeen,
    HDF5Seen,
    KeySeen,
    MimetypeSeen,
    Recording,
    SpecSeen,
    StreamSeen,
    Survey,
)
from tiledmap.authoring.values import ValuesSeen
from tiledmap.authoring.words import lengths
from tiledmap.documents.recordings import NamedDocument, RecordingError
from tiledmap.documents.schemas import document_schema
from tiledmap.runtime.consolidators import Declared
from tiledmap.runtime.documents import numpy_dtype, row_shape, schema_problem, standard_descriptor
from tiledmap.runtime.errors import InvalidDocumentError, WriteError, in_words
from tiledmap.runtime.file_parts import FileParts
from tiledmap.runtime.files import Files
from tiledmap.runtime.layout import Layout, Refused
from tiledmap.runtime.repair import repair_data_keys, repaired
from tiledmap.runtime.upgrade import join_path, rooted

Document: TypeAlias = Mapping[str, Any]

OPEN_DOCUMENTS = ("start", "descriptor", "stop")
"""Documents to which a site may add fields."""
STEPS_OF_A_DIRECTORY = 3
_DTYPES = ("dtype_descr", "dtype_numpy", "dtype_str")
"""Fields in which descriptors, old and new, name numpy's dtype."""
MOST_FORMS = 20
"""Descriptions of one data key that are told from each other."""
MOST_FILES = 20
"""Files that are looked into."""
MOST_ALIKE = 200
"""Resources of one spec, and of one data key, that are held against rules."""
MOST_REFERENCES = 1_000
"""Datums of one data key of a run that are remembered until their resource has come."""


def survey(
    recordings: Iterable[tuple[str, Iterable[NamedDocument]]],
    layout: Layout,
    *,
    is_there: Callable[[str], bool] = exists,
    look: Callable[[str], HDF5Seen | None] = look_into,
) -> Survey:
    """Look at the documents of recordings.

    Parameters
    ----------
    recordings
        The name of each, and its documents. Of one that cannot be read to its end, what came
        before counts.
    layout
        Of the mapping that will be extended.
    is_there
        Whether a directory can be found here.
    look
        What the HDF5 file of a URI holds; None where it is not here, or is no such file.
    """
    surveyor = _Surveyor(layout, look)
    read: list[Recording] = []
    for name, documents in recordings:
        count, broken = 0, ""
        try:
            for named in documents:
                surveyor.take(*named)
                count += 1
        except RecordingError as error:
            broken = f"record {error.record}, {error.position}: {error.reason}"
        except OSError as error:
            broken = error.strerror or str(error)
        read.append(Recording(name, count, broken))
    surveyor.finish()
    return surveyor.seen(tuple(read), is_there)


@dataclass(slots=True)
class _Form:
    """A data key as some of its descriptors have it, and the values under these."""

    data_key: Document
    is_typed: bool
    """Whether numpy's dtype is named; without one it is by default float64."""
    values: ValuesSeen = field(default_factory=ValuesSeen)


@dataclass(slots=True)
class _Key:
    """What is known so far of a data key of a stream."""

    forms: dict[str, _Form] = field(default_factory=dict)
    """By what is said of its type."""
    latest: _Form = field(default_factory=lambda: _Form({}, is_typed=False))
    seen: int = 0
    looked_at: dict[str, int] = field(default_factory=dict)
    """Resources, by their spec."""
    files: dict[tuple[str, str, str], FilesSeen] = field(default_factory=dict)


@dataclass(slots=True)
class _Stream:
    runs: set[str] = field(default_factory=set)
    descriptors: int = 0
    events: int = 0
    keys: dict[str, _Key] = field(default_factory=dict)


@dataclass(slots=True)
class _Spec:
    mimetype: str | None = None
    refused: str = ""
    resources: int = 0
    path: str = ""
    kwargs: SchemaOfValues = field(default_factory=SchemaOfValues)
    datum_kwargs: SchemaOfValues = field(default_factory=SchemaOfValues)


@dataclass(slots=True)
class _Run:
    """What must be remembered of a run until its end."""

    start: Document
    files: Files
    forms: dict[str, dict[str, _Form]] = field(default_factory=dict)
    """By descriptor and data key."""
    references: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """By stream and data key: datums to which its events refer, those of new resources."""
    of_datum: dict[str, str] = field(default_factory=dict)
    known: set[tuple[str, str, str]] = field(default_factory=set)
    stream_datums: dict[tuple[str, str], Document] = field(default_factory=dict)
    data_keys_of: dict[str, str] = field(default_factory=dict)
    specs: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)


def _nothing(*_: Any) -> None:
    """Take what is told and keep none of it."""


class _Surveyor:
    """Takes documents one after the other."""

    def __init__(self, layout: Layout, look: Callable[[str], HDF5Seen | None]) -> None:
        self._layout = layout
        self._look_into = look
        self._opened: dict[str, HDF5Seen] = {}
        self._runs: dict[str, _Run] = {}
        self._stream_of: dict[str, tuple[str, str]] = {}
        self._run_of_resource: dict[str, _Run] = {}
        self._count = dict.fromkeys(OPEN_DOCUMENTS, 0)
        self._fields: dict[str, dict[str, SchemaOfValues]] = {name: {} for name in OPEN_DOCUMENTS}
        self._invalid: dict[str, str] = {}
        self._streams: dict[str, _Stream] = {}
        self._specs: dict[str, _Spec] = {}
        self._mimetypes: dict[str, list[Any]] = {}
        self._directories: dict[str, int] = {}
        self._current = ""
        self._data_sessions = 0

    def take(self, name: str, document: Document) -> None:
        """Take one document; one that makes no sense is passed over, as far as it makes none."""
        take = getattr(self, f"_take_{name}", None)
        if take is not None:
            try:
                take(document)
            except KeyError as error:
                referred = [value for value in document.values() if isinstance(value, str)]
                lacks = f"it refers to {error}, which was not seen"
                lacks = lacks if error.args[0] in referred else f"it has no {error}"
                self._invalid.setdefault(name, lacks)
            except (TypeError, AttributeError, ValueError) as error:
                self._invalid.setdefault(name, f"{type(error).__name__}: {error}")

    # Documents of the run

    def _take_start(self, document: Document) -> None:
        if document.get("uid") in self._runs:  # recorded twice
            return
        self._look_at("start", document)
        self._data_sessions += isinstance(document.get("data_session"), str)
        uid = document["uid"]
        start = repaired(self._layout, "start", document, document, _nothing, _nothing)
        files = Files(start, self._layout, None, _nothing, _nothing)
        self._runs[uid] = _Run(start, files)
        self._current = uid

    def _take_stop(self, document: Document) -> None:
        self._look_at("stop", document)
        if run := self._runs.get(document["run_start"]):
            self._look_at_files(run)
            run.files = Files(run.start, self._layout, None, _nothing, _nothing)
            run.of_datum.clear()
            run.forms.clear()

    def _look_at(self, name: str, document: Document) -> None:
        self._count[name] += 1
        if problem := schema_problem(name, document):
            self._invalid.setdefault(name, problem)
        known = document_schema(name)["properties"]
        for field_name, value in document.items():
            if field_name not in known and isinstance(field_name, str):
                self._fields[name].setdefault(field_name, SchemaOfValues()).add(value)

    def _take_descriptor(self, document: Document) -> None:
        self._look_at("descriptor", document)
        name, run = document.get("name", "primary"), self._runs[document["run_start"]]
        stream = self._streams.setdefault(str(name), _Stream())
        self._stream_of[document["uid"]] = (document["run_start"], str(name))
        stream.runs.add(document["run_start"])
        stream.descriptors += 1
        right = repaired(self._layout, "descriptor", run.start, document, _nothing, _nothing)
        standard = standard_descriptor(right)
        keys = repair_data_keys(self._layout, run.start, standard, _nothing, _nothing)
        forms = run.forms[document["uid"]] = {}
        for key, new_name in keys.names.items():
            seen = stream.keys.setdefault(str(key), _Key())
            seen.seen += 1
            given = document["data_keys"][key]
            said = _type_as_said(given)
            is_typed = not given.keys().isdisjoint(_DTYPES)
            seen.latest = seen.forms.get(said) or _Form(keys.data_keys[new_name], is_typed)
            if len(seen.forms) < MOST_FORMS:
                seen.forms[said] = seen.latest
            forms[str(key)] = seen.latest

    # Events

    def _take_event(self, document: Document) -> None:
        self._take_values(
            document["descriptor"],
            1,
            {key: [value] for key, value in document["data"].items()},
            {key: [flag] for key, flag in document.get("filled", {}).items()},
        )

    def _take_event_page(self, document: Document) -> None:
        self._take_values(
            document["descriptor"],
            len(document["seq_num"]),
            document["data"],
            document.get("filled", {}),
        )

    def _take_bulk_events(self, document: Document) -> None:
        for events in document.values():
            for event in events:
                self._take_event(event)

    def _take_values(self, descriptor: str, count: int, data: Document, filled: Document) -> None:
        run_uid, name = self._stream_of[descriptor]
        stream, run = self._streams[name], self._runs[run_uid]
        stream.events += count
        forms = run.forms.get(descriptor, {})
        for key, values in data.items():
            form = forms.get(key)
            if form is None:
                continue
            flags = list(filled.get(key, ())) or [False] * count
            for value, flag in zip(values, flags, strict=False):
                if "external" not in form.data_key or flag is True:
                    form.values.add(value)
                elif reference := next((x for x in (flag, value) if isinstance(x, str)), None):
                    _refer(run, name, key, reference)

    # Files

    def _take_resource(self, document: Document) -> None:
        run = self._run_of_resource[document["uid"]] = self._run_of(document)
        run.files.take_resource(document)
        if "mimetype" not in document:
            self._take_spec(run, document)
        self._take_uri(run, document)

    def _take_stream_resource(self, document: Document) -> None:
        run = self._run_of(document)
        run.data_keys_of[document["uid"]] = document["data_key"]
        if "spec" in document and "mimetype" not in document:  # of the days before mimetypes
            self._take_spec(run, document)
        run.files.take_resource(document)
        self._take_uri(run, document)

    def _take_spec(self, run: _Run, document: Document) -> None:
        spec = str(document["spec"])
        run.specs[document["uid"]] = spec
        seen = self._specs.setdefault(spec, _Spec())
        seen.resources += 1
        run.paths[document["uid"]] = path = self._path(run, document)
        seen.path = seen.path or path
        for name, value in document["resource_kwargs"].items():
            seen.kwargs.add({name: value})
        if seen.resources > MOST_ALIKE:
            return
        rules = [
            rule
            for rule in self._layout.repairs.resources
            if rule.mimetype and rule.matches(run.start, document)
        ]
        seen.mimetype = rules[-1].mimetype if rules else None

    def _take_uri(self, run: _Run, document: Document) -> None:
        resource = run.files.resource(document["uid"])
        if isinstance(resource, WriteError):
            if spec := run.specs.get(document["uid"]):
                self._specs[spec].refused = self._specs[spec].refused or resource.reason
                self._take_directory(run.paths[document["uid"]])
        elif resource is not None:
            count = self._mimetypes.setdefault(resource.mimetype, [0, ""])
            count[0] += 1
            self._take_directory(urlsplit(resource.uri).path)

    def _path(self, run: _Run, document: Document) -> str:
        """Where a resource's files are, as far as that can be told."""
        semantics = document.get("path_semantics", "posix")
        path = join_path(document["root"], document["resource_path"], semantics)
        try:
            return rooted(self._layout.repairs, run.start, path)
        except WriteError:  # no rule of roots fits, and one must
            return path

    def _take_directory(self, file: str) -> None:
        path = PurePosixPath(file)
        directory = str(PurePosixPath(*path.parts[: 1 + STEPS_OF_A_DIRECTORY]))
        inner = path if file.endswith("/") else path.parent
        if inner != PurePosixPath("/"):
            directory = min(directory, str(inner), key=len)
        self._directories[directory] = self._directories.get(directory, 0) + 1

    def _take_datum(self, document: Document) -> None:
        run = self._run_of_resource.get(document["resource"]) or self._runs[self._current]
        run.files.take_datum(document)
        run.of_datum[document["datum_id"]] = document["resource"]
        if spec := run.specs.get(document["resource"]):
            self._specs[spec].datum_kwargs.add(dict(document["datum_kwargs"]))

    def _take_datum_page(self, document: Document) -> None:
        for row, datum_id in enumerate(document["datum_id"]):
            kwargs = {name: column[row] for name, column in document["datum_kwargs"].items()}
            self._take_datum(
                {"datum_id": datum_id, "resource": document["resource"], "datum_kwargs": kwargs}
            )

    def _take_bulk_datum(self, document: Document) -> None:
        for datum_id, kwargs in zip(
            document["datum_ids"], document["datum_kwarg_list"], strict=False
        ):
            self._take_datum(
                {"datum_id": datum_id, "resource": document["resource"], "datum_kwargs": kwargs}
            )

    def _take_stream_datum(self, document: Document) -> None:
        run_uid, stream = self._stream_of[document["descriptor"]]
        datums = self._runs[run_uid].stream_datums
        datums.setdefault((stream, document["stream_resource"]), document)

    def _run_of(self, document: Document) -> _Run:
        return (
            self._runs.get(document.get("run_start") or self._current) or self._runs[self._current]
        )

    def _look_at_files(self, run: _Run) -> None:
        """See what the extended mapping would make of the files of a run."""
        for (stream, key), datum_ids in run.references.items():
            for datum_id in datum_ids:
                datum = run.files.datum(datum_id)
                uid = str(datum["resource"]) if datum is not None else ""
                if datum is not None:
                    self._look_at_file(run, stream, key, uid, datum)
        for (stream, resource), document in run.stream_datums.items():
            if data_key := run.data_keys_of.get(resource):
                self._look_at_file(run, stream, data_key, resource, document)
        run.references.clear()
        run.stream_datums.clear()

    def _look_at_file(self, run: _Run, stream: str, key: str, uid: str, datum: Document) -> None:
        seen = self._streams[stream].keys.get(key)
        resource = run.files.resource(uid)
        if seen is None or resource is None or "external" not in seen.latest.data_key:
            return
        spec = run.specs.get(uid, "")
        seen.looked_at[spec] = seen.looked_at.get(spec, 0) + 1
        if seen.looked_at[spec] > MOST_ALIKE:
            return
        if isinstance(resource, WriteError):
            path = run.paths.get(uid)
            found = FilesSeen(spec, "", resource.reason, uri=f"file://{path}" if path else "")
            documents_name_it = False
        else:
            found = self._files_as_stored(run, seen, key, resource, datum, spec)
            documents_name_it = bool(
                resource.parameters.get("dataset") or datum.get("datum_kwargs", {}).get("dataset")
            )
        kind = (found.spec, found.mimetype, found.refused)
        if kind not in seen.files:
            seen.files[kind] = self._looked_into(found, key, seen, documents_name_it)

    def _looked_into(
        self, files: FilesSeen, name: str, key: _Key, documents_name_it: bool
    ) -> FilesSeen:
        """The same, with what the first file holds, if that is of use."""
        hdf5 = self._open(files.uri) if files.mimetype in ("", HDF5) else None
        if hdf5 is None:
            return files
        if documents_name_it or (files.named and not hdf5.has_no(files.named)):
            return replace(files, hdf5=hdf5)
        form = key.latest
        dtype = numpy_dtype(form.data_key) if form.is_typed else None
        fitting = datasets_like(hdf5.datasets, name, row_shape(form.data_key), dtype)
        return replace(files, hdf5=hdf5, fitting=fitting)

    def _open(self, uri: str) -> HDF5Seen | None:
        if uri and uri not in self._opened and len(self._opened) < MOST_FILES:
            hdf5 = self._look_into(uri)
            if hdf5 is not None:
                self._opened[uri] = hdf5
        return self._opened.get(uri)

    def _files_as_stored(
        self, run: _Run, seen: _Key, key: str, resource: Any, datum: Document, spec: str
    ) -> FilesSeen:
        data_key = seen.latest.data_key
        declared = Declared(
            name=key,
            shape=row_shape(data_key),
            dtype=numpy_dtype(data_key),
            dims=tuple(data_key.get("dims") or ()),
        )
        parts = FileParts(key, declared, None, run.files, _nothing)
        refused, of_documents = "", False
        try:
            if "datum_id" in datum:
                parts.add_datum(datum, resource, 1)
            else:
                parts.add_stream_datum(datum, resource)
        except Exception as error:  # rules and facilities' classes may raise anything
            refused = in_words(error).removeprefix(f"{resource.uri}: ")
            of_documents = isinstance(error, InvalidDocumentError)
        said = {**resource.parameters, **resource.said}
        rule = run.files.asset_rule(
            {
                "uid": resource.uid,
                "data_key": key,
                "mimetype": resource.mimetype,
                "uri": resource.uri,
                "parameters": said,
            }
        )
        lacks: tuple[str, ...] = ()
        if isinstance(rule, Refused):
            self._mimetypes[resource.mimetype][1] = rule.reason
        elif refused and not of_documents:
            needs = (*rule.consolidator.needs, *rule.needs)
            lacks = tuple(dict.fromkeys(name for name in needs if not said.get(name)))
        found = FilesSeen(spec, resource.mimetype, refused, lacks, uri=resource.uri)
        if parts.consolidator is None:
            return found
        files = parts.consolidator.declared_source(parts.parts).assets
        return replace(
            found,
            joined=parts.consolidator.join_method,
            uri=files[0].uri if files else resource.uri,
            named=_dataset_name(parts.consolidator.parameters.get("dataset")),
        )

    # At the end

    def finish(self) -> None:
        """Look at the files of runs that have no stop document."""
        for run in self._runs.values():
            self._look_at_files(run)

    def seen(self, recordings: tuple[Recording, ...], is_there: Callable[[str], bool]) -> Survey:
        """Everything, as values."""
        return Survey(
            recordings=recordings,
            runs=len(self._runs),
            finished=self._count["stop"],
            fields={name: tuple(self._fields_seen(name)) for name in OPEN_DOCUMENTS},
            invalid=dict(self._invalid),
            streams=tuple(
                StreamSeen(name, len(stream.runs), stream.events)
                for name, stream in self._streams.items()
            ),
            keys=tuple(self._keys_seen()),
            specs=tuple(self._specs_seen()),
            mimetypes=tuple(
                MimetypeSeen(mimetype, count, refused)
                for mimetype, (count, refused) in self._mimetypes.items()
            ),
            directories=tuple(
                DirectorySeen(path, files, is_there(path))
                for path, files in self._directories.items()
            ),
            opened=tuple(self._opened.values()),
            data_sessions=self._data_sessions,
        )

    def _fields_seen(self, name: str) -> Iterator[FieldSeen]:
        for field_name, values in self._fields[name].items():
            yield FieldSeen(
                field_name, values.schema(), values.count, self._count[name], values.whole
            )

    def _keys_seen(self) -> Iterator[KeySeen]:
        for name, stream in self._streams.items():
            for key, seen in stream.keys.items():
                yield KeySeen(
                    stream=name,
                    name=key,
                    data_key=seen.latest.data_key,
                    forms=tuple(
                        FormSeen(said, form.data_key, form.values)
                        for said, form in seen.forms.items()
                    ),
                    seen=seen.seen,
                    of=stream.descriptors,
                    files=tuple(seen.files.values()),
                )

    def _specs_seen(self) -> Iterator[SpecSeen]:
        for spec, seen in self._specs.items():
            yield SpecSeen(
                spec=spec,
                mimetype=seen.mimetype,
                refused=seen.refused,
                resources=seen.resources,
                path=seen.path,
                kwargs=seen.kwargs.schema().get("properties", {}),
                datum_kwargs=seen.datum_kwargs.schema().get("properties", {}),
            )


def _refer(run: _Run, stream: str, key: str, datum_id: str) -> None:
    """Remember a datum, unless one of its resource is remembered for this data key."""
    datums = run.references.setdefault((stream, key), [])
    resource = run.of_datum.get(datum_id)
    if resource is None:
        if len(datums) < MOST_REFERENCES:
            datums.append(datum_id)
    elif (stream, key, resource) not in run.known:
        run.known.add((stream, key, resource))
        datums.append(datum_id)


def _type_as_said(data_key: Document) -> str:
    """What a descriptor says of a data key's type, in one line."""
    words = [str(data_key.get("dtype", "no dtype"))]
    for name in _DTYPES:
        if name in data_key:
            words.append(_shown(data_key[name]))
            break
    if shape := plain_items(data_key.get("shape")):
        words.append(lengths(shape))
    if units := data_key.get("units"):
        words.append(f"in {units}")
    if external := data_key.get("external"):
        words.append(f"in files ({external})")
    return " ".join(words)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _dataset_name(said: Any) -> str:
    """A dataset's name, which may also be given step by step."""
    return "/".join(map(str, said)) if isinstance(said, list | tuple) else str(said or "")
