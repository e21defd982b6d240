"""No document ends a plan, and none harms what does not belong to it.

Valid runs are changed in one or two places: fields removed, replaced by values of any kind, whole
documents that are no documents. Whatever comes of that, nothing is raised, every error names the
run that it belongs to where that can be told, and another run that is written at the same time is
stored as if it were alone.
"""

import copy
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import tiledmap
from tests.comparing import plain
from tiledmap.runtime import Layout, WriteError, Writer
from tiledmap.sinks.memory import MemorySink

HEALTHY, HOSTILE = "run-healthy", "run-hostile"
Documents = list[tuple[Any, Any]]


class Unfriendly:
    """A value that does nothing that is asked of it."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("no array")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no equality")

    __hash__ = object.__hash__

    def __deepcopy__(self, memo: Any) -> "Unfriendly":
        return self


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def circle() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


VALUES = [
    None,
    True,
    -1,
    2**70,
    2**40_000,
    0.5,
    float("nan"),
    float("-inf"),
    1j,
    "",
    "text",
    "a/b",
    "nul\0",
    "\ud800",
    "x" * 5_000,
    b"bytes",
    [],
    [[1, 2], [3]],
    [None],
    ["a", 1, 2.5],
    (1, 2),
    {},
    {1: 2},
    {"a": {"b": {("c",): 1}}},
    {1, 2},
    deep(3_000),
    circle(),
    object(),
    Unfriendly(),
    [Unfriendly()],
    {"key": Unfriendly()},
    np.int64(-7),
    np.float32(1.5),
    np.array(3.0),
    np.array([1, 2, 3]),
    np.zeros((2, 0)),
    np.array(["2026-01-01"], "M8[s]"),
    np.array([(1, 2.0)], [("n", "<i4"), ("x", "<f8")]),
    np.array([{"a": 1}, None], object),
    range(3),
    iter(()),
    type,
]
KEYS = ["", "extra", "a/b", 3, None, "notes", "_exact", "uid"]
# Not "stop": it ends the run of whichever document is called so.
NAMES: list[Any] = [
    *("start", "descriptor", "event", "event_page", "bulk_events"),
    *("resource", "datum", "datum_page", "stream_resource", "stream_datum", "other", 3, []),
]


def documents(uid: str) -> Documents:
    """A run with two streams; events, pages and bulk events; files; every kind of data key."""
    fields = {"source": "SIM"}
    keys = {
        "number": {**fields, "dtype": "number", "shape": []},
        "integer": {**fields, "dtype": "integer", "shape": []},
        "label": {**fields, "dtype": "string", "shape": []},
        "unsigned": {**fields, "dtype": "integer", "shape": [], "dtype_numpy": "<u8"},
        "image": {**fields, "dtype": "array", "shape": [2, 2], "dtype_numpy": "<i4"},
        "ragged": {**fields, "dtype": "array", "shape": [None], "dtype_numpy": "<f8"},
        "camera": {**fields, "dtype": "array", "shape": [1, 2, 3], "external": "FILESTORE:"},
        "fly": {**fields, "dtype": "array", "shape": [5], "external": "STREAM:"},
    }
    configuration = {
        "det": {
            "data": {"gain": 1.0},
            "timestamps": {"gain": 1.0},
            "data_keys": {"gain": {**fields, "dtype": "number", "shape": []}},
        }
    }

    def descriptor(stream: str, number: int) -> dict[str, Any]:
        return {
            "uid": f"{uid}-{stream}-{number}",
            "run_start": uid,
            "time": 2.0,
            "name": stream,
            "data_keys": copy.deepcopy(keys),
            "configuration": copy.deepcopy(configuration),
            "hints": {"det": {"fields": ["number"]}},
            "object_keys": {"det": list(keys)},
        }

    def event(stream: str, descriptor: int, seq_num: int) -> dict[str, Any]:
        data = {
            "number": seq_num / 2,
            "integer": seq_num,
            "label": f"event {seq_num}",
            "unsigned": 2**64 - seq_num,
            "image": [[seq_num, 0], [0, 1]],
            "ragged": [0.5] * seq_num,
            "camera": f"{uid}-{stream}-datum-{seq_num}",
        }
        return {
            "uid": f"{uid}-{stream}-event-{seq_num}",
            "descriptor": f"{uid}-{stream}-{descriptor}",
            "seq_num": seq_num,
            "time": 3.0 + seq_num,
            "data": data,
            "timestamps": dict.fromkeys(data, 3.0),
            "filled": {"camera": False},
        }

    def files(stream: str) -> Documents:
        resource, detector = f"{uid}-{stream}-resource", f"{uid}-{stream}-detector"
        return [
            (
                "resource",
                {
                    "uid": resource,
                    "run_start": uid,
                    "spec": "AD_TIFF",
                    "root": "/data",
                    "resource_path": f"{uid}/{stream}",
                    "resource_kwargs": {"template": "%s%s_%d.tiff", "filename": "a"},
                },
            ),
            (
                "datum",
                {
                    "datum_id": f"{uid}-{stream}-datum-1",
                    "resource": resource,
                    "datum_kwargs": {"point_number": 0},
                },
            ),
            (
                "datum_page",
                {
                    "datum_id": [f"{uid}-{stream}-datum-{n}" for n in range(2, 8)],
                    "resource": resource,
                    "datum_kwargs": {"point_number": list(range(1, 7))},
                },
            ),
            (
                "stream_resource",
                {
                    "uid": detector,
                    "run_start": uid,
                    "data_key": "fly",
                    "mimetype": "application/x-hdf5",
                    "uri": f"file://localhost/data/{uid}-{stream}.h5",
                    "parameters": {"dataset": "/data", "chunk_shape": [3]},
                },
            ),
            (
                "stream_datum",
                {
                    "uid": f"{detector}/0",
                    "stream_resource": detector,
                    "descriptor": f"{uid}-{stream}-1",
                    "indices": {"start": 0, "stop": 7},
                    "seq_nums": {"start": 1, "stop": 8},
                },
            ),
        ]

    def page(events: list[dict[str, Any]]) -> dict[str, Any]:
        first = events[0]
        return {
            "descriptor": first["descriptor"],
            **{name: [event[name] for event in events] for name in ("uid", "seq_num", "time")},
            **{
                part: {key: [event[part][key] for event in events] for key in first[part]}
                for part in ("data", "timestamps", "filled")
            },
        }

    start = {
        "uid": uid,
        "time": 1.0,
        "plan_name": "count",
        "sample": {"name": "Ni", "sizes": [1, 2.5]},
        "tiled_access_tags": [],
        "tiled_specs": [],
    }
    run: Documents = [("start", start)]
    for stream in ("primary", "other"):
        run += [
            ("descriptor", descriptor(stream, 1)),
            *files(stream),
            ("event", event(stream, 1, 1)),
            ("event", event(stream, 1, 2)),
            ("event_page", page([event(stream, 1, n) for n in (3, 4, 5)])),
            ("descriptor", descriptor(stream, 2)),
            ("bulk_events", {"a": [event(stream, 2, 6), event(stream, 2, 7)]}),
        ]
    stop = {"uid": f"{uid}-stop", "run_start": uid, "time": 9.0, "exit_status": "success"}
    return [*run, ("stop", stop)]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to everything inside a document."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for step, item in items:
        yield (*path, step)
        yield from places(item, (*path, step))


@dataclass(frozen=True)
class Change:
    """What is done to one document of a run: numbers of the document, the place and the value."""

    document: int
    how: str
    place: int
    value: int

    def __call__(self, run: Documents) -> None:
        name, document = run[self.document]
        value = VALUES[self.value % len(VALUES)]
        match self.how:
            case "add":
                document[KEYS[self.place % len(KEYS)]] = value
            case "document":
                document = value
            case "name":
                name = NAMES[self.place % len(NAMES)]
            case _:
                found = list(places(document))
                *above, last = found[self.place % len(found)]
                place = document
                for step in above:
                    place = place[step]
                if self.how == "remove":
                    del place[last]
                else:
                    place[last] = value
        run[self.document] = (name, document)


def changes(of: Sequence[int]) -> st.SearchStrategy[list[Change]]:
    """Changes of one or two documents among these."""
    hows = ["replace", "replace", "replace", "remove", "add", "document", "name"]
    change = st.builds(
        Change,
        document=st.sampled_from(of),
        how=st.sampled_from(hows),
        place=st.integers(0, 400),
        value=st.integers(0, len(VALUES) - 1),
    )
    return st.lists(change, min_size=1, max_size=2, unique_by=lambda change: change.document)


def hostile(changes: Sequence[Change]) -> Documents:
    run = documents(HOSTILE)
    for change in changes:
        change(run)
    return run


def interleaved(one: Documents, other: Documents) -> Documents:
    return [document for pair in zip(one, other, strict=True) for document in pair]


def write(layout: Layout, sent: Documents, on_error: str = "log") -> MemorySink:
    sink = MemorySink()
    writer = Writer(layout, sink, delivery="inline", flush_rows=2, on_error=on_error)  # type: ignore[arg-type]
    for name, document in sent:
        try:
            writer(name, document)
        except WriteError:
            assert on_error == "raise"
    try:
        writer.close()
    except WriteError:
        assert on_error == "raise"
    return sink


def tree_below(sink: MemorySink, *path: str) -> dict[Any, Any]:
    return {
        place: (
            node.family,
            node.specs,
            plain(node.metadata),
            plain(node.rows),
            plain(node.data),
            plain(node.ragged),
            plain(node.source and asdict(node.source)),
        )
        for place, node in sink.tree.items()
        if place[: len(path)] == path
    }


@pytest.fixture(scope="module")
def layout() -> Iterator[Layout]:
    logger = logging.getLogger("tiledmap")
    logger.disabled = True  # thousands of tracebacks
    yield tiledmap.load("bluesky-v3").layout
    logger.disabled = False


class Tree(dict[Any, Any]):
    """A tree that does not fill the screen where a test fails."""

    def __repr__(self) -> str:
        return f"<Tree of {len(self)} nodes>"


@pytest.fixture(scope="module")
def alone(layout: Layout) -> Tree:
    """What each of the two runs is when nothing is wrong."""
    runs = documents(HEALTHY) + documents(HOSTILE)
    return Tree(tree_below(write(layout, runs)))


def differing(sink: MemorySink, alone: Tree, *path: str) -> list[Any]:
    """The nodes below a path that are not as they should be."""
    there = tree_below(sink, *path)
    wanted = {place: node for place, node in alone.items() if place[: len(path)] == path}
    return [place for place in {**wanted, **there} if wanted.get(place) != there.get(place)]


SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck))
WHOLE_RUN = range(len(documents(HOSTILE)))
PRIMARY = range(1, 12)
LABELS = {f"event {number}": number for number in range(1, 8)}


@given(changes=changes(WHOLE_RUN), on_error=st.sampled_from(["log", "raise"]))
@settings(SETTINGS, max_examples=400)
def test_a_hostile_run_harms_no_other(
    layout: Layout, alone: Tree, changes: list[Change], on_error: str
) -> None:
    run = hostile(changes)
    # What names no run is of the only one that is open, and noted there.
    assume(run[0][0] not in ("resource", "stream_resource", "datum", "datum_page"))
    sent = interleaved(documents(HEALTHY), run)

    assert differing(write(layout, sent, on_error), alone, HEALTHY) == []


@given(changes=changes(PRIMARY))
@settings(SETTINGS, max_examples=300)
def test_a_hostile_stream_harms_no_other(
    layout: Layout, alone: Tree, changes: list[Change]
) -> None:
    sink = write(layout, hostile(changes))

    assert differing(sink, alone, HOSTILE, "other") == []
    assert sink.tree[(HOSTILE,)].closed


@given(changes=changes(WHOLE_RUN))
@settings(SETTINGS, max_examples=300)
def test_rows_never_shift(layout: Layout, changes: list[Change]) -> None:
    sink = write(layout, hostile(changes))

    for path, table in sink.tree.items():
        if table.rows is None:
            continue
        for other, node in sink.tree.items():
            if other[:-1] == path[:-1] and (node.ragged or node.data is not None):
                assert len(node.ragged if node.data is None else node.data) == table.rows.num_rows
        for row in table.rows.to_pylist():
            # One document has at most one change: two of the three still say which event it is.
            number = row["seq_num"]
            said = [number, (row["time"] or 0) - 3, LABELS.get(row.get("label"), number)]
            assert len(set(said)) < 3, said
