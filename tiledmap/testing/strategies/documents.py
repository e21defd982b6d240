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


@st.composite
def _stream(draw: st.DrawFn, run: str, name: str) -> Documents:
    """The descriptors and events of one stream, some of the events as pages."""
    kinds = draw(_data_keys())
    uid = f"{run}-{name}"
    described = {key: {"source": f"SIM:{key}", **kind.fields} for key, kind in kinds.items()}
    documents: Documents = [
        (
            "descriptor",
            {
                "uid": uid,
                "run_start": run,
                "time": draw(st.floats(0, 2e9)),
                "name": name,
                "data_keys": described,
                "configuration": {
                    "det": {
                        "data": {"exposure": draw(_NUMBERS)},
                        "timestamps": {"exposure": 1.0},
                        "data_keys": {
                            "exposure": {"dtype": "number", "shape": [], "source": "SIM:e"}
                        },
                    }
                },
                "hints": {},
                "object_keys": {"det": list(kinds)},
            },
        )
    ]
    rows = draw(
        st.lists(
            st.fixed_dictionaries({key: kind.values for key, kind in kinds.items()}), max_size=6
        )
    )
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
                "filled": {},
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
        "filled": {},
    }


@st.composite
def runs(draw: st.DrawFn, uid: str = "run-1") -> Documents:
    """The documents of one run, valid by event-model's schemas, its streams interleaved."""
    start = draw(starts(uid))
    names = draw(st.lists(st.sampled_from(STREAM_NAMES), max_size=3, unique=True))
    streams = [draw(_stream(uid, name)) for name in names]
    documents: Documents = [("start", start)]
    while any(streams):
        chosen = draw(st.sampled_from([stream for stream in streams if stream]))
        documents.append(chosen.pop(0))
    stop = {"uid": f"{uid}-stop", "run_start": uid, "time": 2e9, "exit_status": "success"}
    return [*documents, ("stop", stop)]
