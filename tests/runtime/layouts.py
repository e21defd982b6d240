"""Layouts written by hand, and documents to store with them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tiledmap.runtime.layout import (
    Column,
    EventField,
    KeyColumn,
    Layout,
    Run,
    Stored,
    Stream,
    Table,
    Timestamp,
    Value,
)
from tiledmap.runtime.ops import Spec
from tiledmap.runtime.rules import without

Document = dict[str, Any]


def store(start: Document, descriptor: Document, data_key: Document) -> Stored:
    name = data_key["name"]
    if "external" in data_key:
        return Stored("files", at="m.yaml:1", path=(name,), dims=("time", "..."))
    if data_key["dtype"] == "array":
        kind = "ragged" if None in data_key["shape"] else "array"
        return Stored(kind, at="m.yaml:2", path=(name,), dims=("time", "..."))
    return Stored("table", at="m.yaml:3", table="internal")


TABLE = Table(
    name="internal",
    path=lambda start, descriptor: ("internal",),
    columns=(
        Column(lambda s, d: "seq_num", "int64", EventField("seq_num"), "m.yaml:4"),
        Column(lambda s, d: "time", "float64", EventField("time"), "m.yaml:5"),
        KeyColumn(
            lambda s, d, key: key["name"],
            lambda key, stored: stored == "table",
            None,
            Value(),
            "m.yaml:6",
        ),
        KeyColumn(
            lambda s, d, key: f"ts_{key['name']}",
            lambda key, stored: stored in ("table", "array", "ragged"),
            "float64",
            Timestamp(),
            "m.yaml:7",
        ),
    ),
    at="m.yaml:8",
    metadata=lambda start, descriptor, data_keys: dict(data_keys),
)

STREAM = Stream(
    name="every-stream",
    path=lambda start, descriptor: (descriptor.get("name", "primary"),),
    specs=lambda start, descriptor: (Spec("BlueskyEventStream", "3.0"), Spec("composite")),
    metadata=lambda start, descriptor: without(descriptor, "name", "object_keys", "run_start"),
    store=store,
    tables=(TABLE,),
    at="m.yaml:9",
    updates="_config_updates",
)

RUN = Run(
    path=lambda start: (start["uid"],),
    specs=lambda start: (Spec("BlueskyRun", "3.0"),),
    access_tags=lambda start: start.get("tiled_access_tags", ()),
    metadata=lambda start: {"start": without(start, "tiled_access_tags")},
    stop_metadata=lambda start, stop: {"stop": dict(stop)},
    at="m.yaml:10",
)

LAYOUT = Layout(
    name="by-hand", version="1.0.0", sha256="", run=RUN, select_stream=lambda start, d: STREAM
)


def with_run(**changes: Any) -> Layout:
    return replace(LAYOUT, run=replace(RUN, **changes))


def with_stream(**changes: Any) -> Layout:
    stream = replace(STREAM, **changes)
    return replace(LAYOUT, select_stream=lambda start, descriptor: stream)


def with_table(**changes: Any) -> Layout:
    return with_stream(tables=(replace(TABLE, **changes),))


# Documents


def start(uid: str = "run-1", **fields: Any) -> Document:
    return {"uid": uid, "time": 1.0, **fields}


def stop(run: str = "run-1", **fields: Any) -> Document:
    return {"uid": f"{run}-stop", "time": 9.0, "run_start": run, "exit_status": "success", **fields}


def key(dtype: str = "number", shape: tuple[int | None, ...] = (), **fields: Any) -> Document:
    return {"source": "sim", "dtype": dtype, "shape": list(shape), **fields}


def descriptor(
    data_keys: dict[str, Document], run: str = "run-1", uid: str = "desc-1", **fields: Any
) -> Document:
    return {
        "uid": uid,
        "run_start": run,
        "time": 2.0,
        "name": "primary",
        "data_keys": data_keys,
        **fields,
    }


def event(seq_num: int, data: Document, descriptor: str = "desc-1", **fields: Any) -> Document:
    return {
        "uid": f"{descriptor}-{seq_num}",
        "descriptor": descriptor,
        "time": 3.0 + seq_num,
        "seq_num": seq_num,
        "data": data,
        "timestamps": dict.fromkeys(data, 3.0 + seq_num / 8),
        "filled": {},
        **fields,
    }


def page(events: list[Document]) -> Document:
    """The same events as one page; all must have the same keys."""
    first = events[0]
    return {
        "descriptor": first["descriptor"],
        **{name: [event[name] for event in events] for name in ("uid", "time", "seq_num")},
        **{
            part: {name: [event[part][name] for event in events] for name in first[part]}
            for part in ("data", "timestamps", "filled")
        },
    }


def whole_run(data_keys: dict[str, Document], rows: list[Document]) -> Iterator[tuple[str, Any]]:
    """The documents of a run with one stream."""
    yield "start", start()
    yield "descriptor", descriptor(data_keys)
    for number, row in enumerate(rows, start=1):
        yield "event", event(number, row)
    yield "stop", stop()


NUMBERS = [0.5, 1.5, 2.5]


def numbers(uid: str) -> Iterator[tuple[str, Any]]:
    """The documents of a run whose key ``x`` has the values of `NUMBERS`."""
    yield "start", start(uid)
    yield "descriptor", descriptor({"x": key(dtype_numpy="<f8")}, uid, f"{uid}-desc")
    for number, x in enumerate(NUMBERS, start=1):
        yield "event", event(number, {"x": x}, f"{uid}-desc")
    yield "stop", stop(uid)
