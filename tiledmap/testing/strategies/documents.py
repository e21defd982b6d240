"""Documents of Bluesky runs, valid by event-model's schemas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Documents = list[tuple[str, dict[str, Any]]]

STREAM_NAMES = ("primary", "baseline", "det_monitor", "DONOTSAVE_live")
_WORDS = st.text(alphabet="abcXYZ 0189_-/äµ'\"{}\\%$", max_size=8)
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)
_INTEGERS = st.integers(-(2**53), 2**53)


# ---------------------------------------------------------------- runs


@dataclass(frozen=True)
class _Kind:
    """A kind of data key: its fields, and a strategy for its values."""

    fields: Mapping[str, Any]
    values: st.SearchStrategy[Any]


def _arrays(shape: Sequence[int], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    for length in reversed(shape):
        values = st.lists(values, min_size=length, max_size=length)
    return values


_KINDS = (
    _Kind({"dtype": "number", "shape": [], "dtype_numpy": "<f8", "units": "mm"}, _NUMBERS),
    _Kind({"dtype": "number", "shape": []}, _NUMBERS | st.integers(-1000, 1000)),
    _Kind({"dtype": "number", "shape": [], "dtype_numpy": "<f4"}, _NUMBERS),
    _Kind({"dtype": "integer", "shape": [], "dtype_numpy": "<i8"}, _INTEGERS),
    _Kind({"dtype": "integer", "shape": [], "dtype_numpy": "|u1"}, st.integers(0, 255)),
    _Kind({"dtype": "integer", "shape": [], "dtype_numpy": "<u8"}, st.integers(0, 2**64 - 1)),
    _Kind({"dtype": "boolean", "shape": []}, st.booleans()),
    _Kind({"dtype": "string", "shape": []}, _WORDS),
    _Kind({"dtype": "array", "shape": [3], "dtype_numpy": "<f8"}, _arrays([3], _NUMBERS)),
    _Kind(
        {"dtype": "array", "shape": [2, 2], "dtype_numpy": "<i4"},
        _arrays([2, 2], st.integers(0, 9)),
    ),
    _Kind({"dtype": "array", "shape": [20]}, _arrays([20], _NUMBERS)),
    _Kind(
        {"dtype": "array", "shape": [None], "dtype_numpy": "<f8"}, st.lists(_NUMBERS, max_size=4)
    ),
)


@st.composite
def _data_keys(draw: st.DrawFn) -> dict[str, _Kind]:
    names = draw(
        st.lists(
            st.sampled_from(
                ["det", "det_a", "motor", "motor_setpoint", "I0", "img", "time", "ts_det", "Det"]
            ),
            min_size=1,
            max_size=5,
            unique=True,
        )
    )
    return {name: draw(st.sampled_from(_KINDS)) for name in names}


@st.composite
def starts(draw: st.DrawFn, uid: str = "run-1") -> dict[str, Any]:
    """Run start documents, with some of the fields that mappings of `mappings` know."""
    start: dict[str, Any] = {"uid": uid, "time": draw(st.floats(0, 2e9))}
    optional = {
        "scan_id": st.integers(0, 10_000),
        "plan_name": st.sampled_from(["scan", "count", "xafs scan"]),
        "sample_name": _WORDS | st.none(),
        "edge": st.sampled_from(["Ni-K", "Fe L3", "", "?"]),
        "energy": _NUMBERS,
        "participants": st.lists(
            st.fixed_dictionaries({"name": _WORDS}, optional={"orcid": _WORDS}), max_size=2
        ),
        "sample": st.fixed_dictionaries({}, optional={"name": _WORDS | st.none()}),
        "tiled_access_tags": st.lists(st.sampled_from(["a", "b"]), max_size=2, unique=True),
    }
    for field, values in optional.items():
        if draw(st.booleans()):
            start[field] = draw(values)
    return start


_BINS = st.fixed_dictionaries(
    {}, optional={"energy_bins": st.lists(_NUMBERS, max_size=3) | st.none()}
)


@st.composite
def _stream(draw: st.DrawFn, run: str, name: str) -> Documents:
    """The descriptors and events of one stream, some of the events as pages."""
    kinds = draw(_data_keys())
    uid = f"{run}-{name}"
    described = {key: {"source": f"SIM:{key}", **kind.fields} for key, kind in kinds.items()}
    external = draw(st.sampled_from(["", "STREAM:", "FILESTORE:"]))
    if external:
        described["frames"] = {**_FRAMES, "external": external}
    descriptor = {
        "uid": uid,
        "run_start": run,
        "time": draw(st.floats(0, 2e9)),
        "name": name,
        "data_keys": described,
        "configuration": {
            "det": {
                "data": {"exposure": draw(_NUMBERS), **draw(_BINS)},
                "timestamps": {"exposure": 1.0},
                "data_keys": {"exposure": {"dtype": "number", "shape": [], "source": "SIM:e"}},
            }
        },
        "hints": {},
        "object_keys": {"det": list(kinds)},
    }
    values = st.fixed_dictionaries({key: kind.values for key, kind in kinds.items()})
    rows = draw(st.lists(values, max_size=6))
    about_files: Documents = []
    if external == "STREAM:":
        about_files = draw(_streamed_files(run, uid, len(rows)))
    elif external == "FILESTORE:":
        about_files = draw(_filed_frames(run, uid, len(rows)))
        rows = [{**row, "frames": f"{uid}-res/{number}"} for number, row in enumerate(rows)]
    events = draw(_events_and_pages(uid, rows))
    return [("descriptor", descriptor), *draw(_interleaved([events, about_files]))]


_FRAMES = {"dtype": "array", "shape": [1, 4, 5], "dtype_numpy": "<u2", "source": "SIM:frames"}


@st.composite
def _streamed_files(draw: st.DrawFn, run: str, descriptor: str, count: int) -> Documents:
    """A stream resource, and datums that say which of its frames have come."""
    resource = {
        **draw(stream_resources(run)),
        "uid": f"{descriptor}-stream-res",
        "data_key": "frames",
        "parameters": {"dataset": "entry/data", "template": "{:04d}.tiff", "chunk_shape": [1]},
    }
    documents: Documents = [("stream_resource", resource)]
    start = 0
    while start < count:
        stop = draw(st.integers(start + 1, count))
        datum = {
            "uid": f"{resource['uid']}/{start}",
            "stream_resource": resource["uid"],
            "descriptor": descriptor,
            "indices": {"start": start, "stop": stop},
            "seq_nums": {"start": start + 1, "stop": stop + 1},
        }
        documents.append(("stream_datum", datum))
        start = stop
    return documents


@st.composite
def _filed_frames(draw: st.DrawFn, run: str, descriptor: str, count: int) -> Documents:
    """A resource and its datums, to which events refer."""
    resource = {**draw(resources(run)), "uid": f"{descriptor}-res"}
    resource.pop("mimetype", None)
    datums = [
        {
            "datum_id": f"{resource['uid']}/{number}",
            "resource": resource["uid"],
            "datum_kwargs": {"point_number": number, "channel": 1},
        }
        for number in range(count)
    ]
    return [("resource", resource), *(("datum", datum) for datum in datums)]


@st.composite
def _interleaved(draw: st.DrawFn, sequences: Sequence[Documents]) -> Documents:
    """Documents of several sequences, each in its own order."""
    left = [list(sequence) for sequence in sequences]
    documents: Documents = []
    while any(left):
        chosen = draw(st.sampled_from([sequence for sequence in left if sequence]))
        documents.append(chosen.pop(0))
    return documents


@st.composite
def _events_and_pages(draw: st.DrawFn, uid: str, rows: Sequence[Mapping[str, Any]]) -> Documents:
    documents: Documents = []
    position = 0
    while position < len(rows):
        length = draw(st.integers(1, 3))
        chunk = rows[position : position + length]
        numbers = list(range(position + 1, position + 1 + len(chunk)))
        if draw(st.booleans()):
            documents.extend(_events(uid, chunk, numbers))
        else:
            documents.append(("event_page", event_page(_events(uid, chunk, numbers))))
        position += len(chunk)
    return documents


def _events(
    descriptor: str, rows: Sequence[Mapping[str, Any]], numbers: Sequence[int]
) -> Documents:
    return [
        (
            "event",
            {
                "uid": f"{descriptor}-{number}",
                "descriptor": descriptor,
                "seq_num": number,
                "time": 1000.0 + number,
                "data": dict(row),
                "timestamps": dict.fromkeys(row, 1000.5 + number),
                "filled": dict.fromkeys(row.keys() & {"frames"}, False),
            },
        )
        for row, number in zip(rows, numbers, strict=True)
    ]


def event_page(events: Documents) -> dict[str, Any]:
    """Pack events of one descriptor into a page."""
    documents = [document for _, document in events]
    return {
        "descriptor": documents[0]["descriptor"],
        "uid": [document["uid"] for document in documents],
        "seq_num": [document["seq_num"] for document in documents],
        "time": [document["time"] for document in documents],
        "data": {key: [d["data"][key] for d in documents] for key in documents[0]["data"]},
        "timestamps": {
            key: [d["timestamps"][key] for d in documents] for key in documents[0]["timestamps"]
        },
        "filled": {key: [d["filled"][key] for d in documents] for key in documents[0]["filled"]},
    }


# ---------------------------------------------------------------- documents about files


@st.composite
def resources(draw: st.DrawFn, run: str = "run-1") -> dict[str, Any]:
    """Resource documents, of specs and in places that mappings of `mappings` may know.

    Some have the mimetype of a stream resource, as rules see those.
    """
    kwargs = st.fixed_dictionaries(
        {"filename": st.sampled_from(["abc", "a b"])},
        optional={"dataset": st.sampled_from(["entry/data", "data"]) | st.none()},
    )
    return {
        "uid": "resource-1",
        "spec": draw(st.sampled_from(["AD_TIFF", "Ad_Tiff", "XSP3", "xsp3", "pilatus", "OTHER"])),
        "root": draw(st.sampled_from(["/old", "/old/deep", "/older", "/data", "/", ""])),
        "resource_path": draw(st.sampled_from(["2025/06", "/old/deep/x.h5", ""])),
        "resource_kwargs": draw(kwargs),
        **draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "path_semantics": st.sampled_from(["posix", "windows"]),
                    "run_start": st.just(run),
                    "mimetype": st.sampled_from(["application/x-hdf5", "text/csv"]),
                },
            )
        ),
    }


@st.composite
def datums(draw: st.DrawFn) -> dict[str, Any]:
    """Datum documents of `resources`."""
    kwargs = {"channel": draw(st.integers(1, 8)), "point_number": draw(st.integers(0, 9))}
    return {"datum_id": "resource-1/0", "resource": "resource-1", "datum_kwargs": kwargs}


@st.composite
def stream_resources(draw: st.DrawFn, run: str = "run-1") -> dict[str, Any]:
    """Stream resources of mimetypes that mappings of `mappings` may know."""
    mimetypes = ["application/x-hdf5", "multipart/related;type=image/tiff", "application/x-other"]
    return {
        "uid": "stream-resource-1",
        "data_key": draw(st.sampled_from(["img", "det", "I0"])),
        "mimetype": draw(st.sampled_from(mimetypes)),
        "uri": draw(st.sampled_from(["file://localhost/old/x.h5", "file://localhost/data/y/"])),
        "parameters": {},
        **draw(st.fixed_dictionaries({}, optional={"run_start": st.just(run)})),
    }


# ---------------------------------------------------------------- whole runs


@st.composite
def runs(draw: st.DrawFn, uid: str = "run-1") -> Documents:
    """The documents of one run, valid by event-model's schemas, its streams interleaved."""
    start = draw(starts(uid))
    names = draw(st.lists(st.sampled_from(STREAM_NAMES), max_size=3, unique=True))
    streams = [draw(_stream(uid, name)) for name in names]
    documents = draw(_interleaved(streams))
    stop = {"uid": f"{uid}-stop", "run_start": uid, "time": 2e9, "exit_status": "success"}
    return [("start", start), *documents, ("stop", stop)]
