"""Ops become nodes of a Tiled catalog: once, whatever happens on the way."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from tiled.structures.core import StructureFamily

from tiledmap.runtime.errors import CollisionError, SinkError, UnfitColumnsError
from tiledmap.runtime.ops import (
    AppendRows,
    CloseRun,
    CreateArray,
    CreateContainer,
    CreateRagged,
    CreateTable,
    ExtendArray,
    ExtendRagged,
    Op,
    PatchMetadata,
    Spec,
)
from tiledmap.sinks.embedded import EmbeddedCatalog
from tiledmap.sinks.tiled import TiledSink, encoding

UID = "0f3c9a52-7d1e-4c6b-9a57-2b8f6c1d4e90"
SCHEMA = pa.schema([("seq_num", pa.int64()), ("x", pa.float64()), ("label", pa.string())])


# Ops of one small run


def run_container(key: str = UID, uid: str = UID, **more: Any) -> CreateContainer:
    start = {"uid": uid, "time": 1.0, "plan": {"name": "count", "detectors": ["det"]}}
    settings = {"metadata": {"start": start}, "specs": (Spec("BlueskyRun", "3.0"),), **more}
    return CreateContainer(run=uid, path=(key,), at="m.yaml:1", **settings)


def stream_container(*path: str) -> CreateContainer:
    return CreateContainer(
        run=UID,
        path=path or (UID, "primary"),
        at="m.yaml:2",
        metadata={"uid": "d1"},
        specs=(Spec("BlueskyEventStream", "3.0"), Spec("composite")),
    )


def table(schema: pa.Schema = SCHEMA, key: str = "internal") -> CreateTable:
    return CreateTable(
        run=UID, path=(UID, "primary", key), at="m.yaml:3", metadata={"x": {}}, schema=schema
    )


def rows(first: int, count: int) -> AppendRows:
    numbers = range(first, first + count)
    columns = {
        "seq_num": numbers,
        "x": [n / 2 for n in numbers],
        "label": [str(n) for n in numbers],
    }
    batch = pa.RecordBatch.from_pydict({k: list(v) for k, v in columns.items()}, schema=SCHEMA)
    return AppendRows(
        run=UID, path=(UID, "primary", "internal"), at="m.yaml:4", rows=batch, first=first
    )


def array(data: np.ndarray[Any, Any], key: str = "image", **more: Any) -> CreateArray:
    settings = {"metadata": {"kind": "image"}, "dims": None, **more}
    return CreateArray(run=UID, path=(UID, "primary", key), at="m.yaml:5", data=data, **settings)


def more_array(data: np.ndarray[Any, Any], first: int, key: str = "image") -> ExtendArray:
    return ExtendArray(run=UID, path=(UID, "primary", key), at="m.yaml:5", data=data, first=first)


def ragged(
    lists: Sequence[Any],
    shape: tuple[int | None, ...] = (None,),
    dtype: str = "<f8",
    key: str = "waveform",
) -> CreateRagged:
    return CreateRagged(
        run=UID,
        path=(UID, "primary", key),
        at="m.yaml:6",
        metadata={"kind": "waveform"},
        rows=tuple(np.array(row, dtype) for row in lists),
        shape=shape,
        dims=("time", *(f"dim_{n}" for n in range(len(shape)))),
    )


def more_ragged(
    lists: Sequence[Any],
    first: int,
    shape: tuple[int | None, ...] = (None,),
    dtype: str = "<f8",
    key: str = "waveform",
) -> ExtendRagged:
    return ExtendRagged(
        run=UID,
        path=(UID, "primary", key),
        at="m.yaml:6",
        rows=tuple(np.array(row, dtype) for row in lists),
        shape=shape,
        first=first,
    )


def patch(values: dict[str, Any], *path: str) -> PatchMetadata:
    return PatchMetadata(run=UID, path=path or (UID, "primary"), at="m.yaml:7", patch=values)


def close(key: str = UID, uid: str = UID) -> CloseRun:
    stop = {"uid": "s1", "exit_status": "success"}
    return CloseRun(run=uid, path=(key,), at="m.yaml:8", patch={"stop": stop})


WHOLE_RUN: tuple[Op, ...] = (
    run_container(),
    stream_container(),
    table(),
    array(np.arange(6.0).reshape(2, 3)),
    ragged([[1, 2], []]),
    array(np.zeros((2, 0)), "nothing"),
    rows(0, 2),
    more_array(np.arange(6.0, 9).reshape(1, 3), 2),
    more_ragged([[3]], 2),
    more_array(np.zeros((1, 0)), 2, "nothing"),
    patch({"updates": [{"uid": "d2"}]}),
    rows(2, 3),
    more_array(np.arange(9.0, 15).reshape(2, 3), 3),
    more_ragged([[], [4, 5, 6]], 3),
    close(),
)
WHOLE_TREE = {
    (UID,): (
        "container",
        ["BlueskyRun/3.0"],
        {**run_container().metadata, "stop": close().patch["stop"]},
        None,
    ),
    (UID, "primary"): (
        "container",
        ["BlueskyEventStream/3.0", "composite"],
        {"uid": "d1", "updates": [{"uid": "d2"}]},
        None,
    ),
    (UID, "primary", "internal"): (
        "table",
        [],
        {"x": {}},
        {
            "seq_num": [0, 1, 2, 3, 4],
            "x": [0, 0.5, 1, 1.5, 2],
            "label": ["0", "1", "2", "3", "4"],
        },
    ),
    (UID, "primary", "image"): (
        "array",
        [],
        {"kind": "image"},
        np.arange(15.0).reshape(5, 3).tolist(),
    ),
    (UID, "primary", "nothing"): ("array", [], {"kind": "image"}, [[], [], []]),
    (UID, "primary", "waveform"): (
        "awkward",
        [],
        {"kind": "waveform"},
        [[1, 2], [], [3], [], [4, 5, 6]],
    ),
}


# What a catalog holds


def tree(client: Any) -> dict[tuple[str, ...], Any]:
    """All nodes below a client: family, specs, metadata and data."""
    return dict(_walk(plain(client), ()))


def _walk(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, child in node.items():
        family = child.structure_family.value
        specs = [str(Spec(spec.name, spec.version)) for spec in child.specs]
        yield (*path, key), (family, specs, dict(child.metadata), _data(child, family))
        if family == "container":
            yield from _walk(child, (*path, key))


def plain(client: Any) -> Any:
    """A client that sees plain containers in place of Bluesky's runs and streams."""
    families = {family.value for family in StructureFamily}
    clients = {key: client.structure_clients[key] for key in families}
    return client.new_variation(structure_clients=clients)


def stored(client: Any, key: str) -> Any:
    """A node of the run's one stream."""
    return plain(client)[UID, "primary", key]


def _data(node: Any, family: str) -> Any:
    match family:
        case "container":
            return None
        case "table":
            return node.read().to_dict("list")
        case _:
            return node.read().tolist()


def perform(client: Any, *ops: Op, **settings: Any) -> TiledSink:
    sink = TiledSink(client, **settings)
    for op in ops:
        sink.perform(op)
    return sink


@contextmanager
def requests_of(client: Any) -> Iterator[list[httpx.Request]]:
    """The requests that are made meanwhile."""
    made: list[httpx.Request] = []
    with _hook(client, "request", made.append):
        yield made


def while_asking(client: Any, function: Callable[[Any], None]) -> Any:
    """Call a function with each request meanwhile."""
    return _hook(client, "request", function)


def while_answering(client: Any, function: Callable[[Any], None]) -> Any:
    """Call a function with each response meanwhile."""
    return _hook(client, "response", function)


@contextmanager
def _hook(client: Any, event: str, function: Callable[[Any], None]) -> Iterator[None]:
    http = client.context.http_client
    before = http.event_hooks
    http.event_hooks = {**before, event: [*before[event], function]}
    try:
        yield
    finally:
        http.event_hooks = before


@pytest.fixture(params=["catalog", "duckdb_catalog", "served"])
def client(request: pytest.FixtureRequest) -> Any:
    """A client of an empty container, of every kind of Tiled in turn."""
    catalog = request.getfixturevalue(request.param)
    return catalog.client if isinstance(catalog, EmbeddedCatalog) else catalog


# A whole run


def test_a_run_is_stored_as_its_ops_say(client: Any, request: pytest.FixtureRequest) -> None:
    perform(client, *WHOLE_RUN)
    expected = dict(WHOLE_TREE)
    if "duckdb" in request.node.name:
        _, *rest = expected[UID, "primary", "waveform"]
        expected[UID, "primary", "waveform"] = ("ragged", *rest)
    assert tree(client) == expected


def test_an_op_is_one_request_and_rows_with_a_new_array_are_one_more(
    duckdb_catalog: EmbeddedCatalog,
) -> None:
    sink = TiledSink(duckdb_catalog.client)
    made: dict[str, list[str]] = {}
    for op in WHOLE_RUN:
        with requests_of(duckdb_catalog.client) as requests:
            sink.perform(op)
        made.setdefault(type(op).__name__, []).append(" ".join(r.method for r in requests))
    assert made == {
        "CreateContainer": ["POST", "POST"],
        "CreateTable": ["POST"],
        "AppendRows": ["PATCH", "PATCH"],
        "CreateArray": ["POST PUT", ""],
        "ExtendArray": ["PATCH", "", "PATCH"],
        "CreateRagged": ["POST PATCH"],
        "ExtendRagged": ["PATCH", "PATCH"],
        "PatchMetadata": ["PATCH"],
        "CloseRun": ["POST PATCH"],
    }


@pytest.mark.parametrize("key", ["r{index}", "r{0}", "{}", "{index.__class__}", "{"])
def test_a_key_with_braces_is_a_key_like_others(client: Any, key: str) -> None:
    """Tiled's own addresses of tables have a place to be filled in, in braces."""
    for run in ("r0", key):
        uid = f"{UID}-{run}"
        ops = (run_container(run, uid), stream_container(run, "primary"), table(), rows(0, 2))
        moved = [replace(op, run=uid, path=(run, *op.path[1:])) for op in ops]
        perform(client, *moved)
        assert len(plain(client)[run, "primary", "internal"].read()) == 2


def test_every_new_node_is_sent_its_access_tags(catalog: EmbeddedCatalog) -> None:
    creations = [run_container(), stream_container(), table(), array(np.ones((1, 2)))]
    with requests_of(catalog.client) as requests:
        perform(catalog.client, *(replace(op, access_tags=("p1", "p2")) for op in creations))
    bodies = [json.loads(request.content) for request in requests if request.method == "POST"]
    assert [body["access_tags"] for body in bodies] == [["p1", "p2"]] * 4


def test_a_streaming_server_is_told_that_nodes_are_complete(catalog: EmbeddedCatalog) -> None:
    with requests_of(catalog.client) as requests:
        perform(catalog.client, run_container(), stream_container(), close(), close_streams=True)
    ends = [request.url.path.partition("/stream/close/")[2] for request in requests]
    assert [end.strip("/") for end in ends if end] == [f"{UID}/primary", UID]


# Again


@pytest.mark.parametrize("performed", range(0, len(WHOLE_RUN) + 1, 2))
def test_a_run_that_was_cut_off_is_completed_by_a_replay(
    catalog: EmbeddedCatalog, performed: int
) -> None:
    perform(catalog.client, *WHOLE_RUN[:performed])
    perform(catalog.client, *WHOLE_RUN)
    assert tree(catalog.client) == WHOLE_TREE


def test_a_replay_through_the_same_sink_changes_nothing(catalog: EmbeddedCatalog) -> None:
    perform(catalog.client, *WHOLE_RUN[:-3], *WHOLE_RUN, *WHOLE_RUN)
    assert tree(catalog.client) == WHOLE_TREE


def test_a_replay_in_other_portions_changes_nothing(duckdb_catalog: EmbeddedCatalog) -> None:
    beginning = [run_container(), stream_container()]
    perform(
        duckdb_catalog.client,
        *beginning,
        table(),
        rows(0, 2),
        rows(2, 2),
        array(np.arange(2.0)),
        more_array(np.arange(2.0, 4), 2),
        ragged([[0]]),
        more_ragged([[1], [2], [3]], 1),
    )
    perform(
        duckdb_catalog.client,
        *beginning,
        table(),
        rows(0, 3),
        rows(3, 3),
        array(np.arange(3.0)),
        more_array(np.arange(3.0, 6), 3),
        ragged([[0], [1], [2]]),
        more_ragged([[3], [4], [5]], 3),
    )
    data_of = {path[-1]: data for path, (*_, data) in tree(duckdb_catalog.client).items()}
    assert data_of["internal"]["seq_num"] == [0, 1, 2, 3, 4, 5]
    assert data_of["image"] == [0, 1, 2, 3, 4, 5]
    assert data_of["waveform"] == [[0], [1], [2], [3], [4], [5]]


@pytest.mark.parametrize("lost_of_each", ["POST", "PUT", "PATCH"])
def test_a_lost_answer_loses_and_doubles_nothing(client: Any, lost_of_each: str) -> None:
    lost: set[tuple[str, bytes]] = set()

    def lose_once(response: httpx.Response) -> None:
        request = response.request
        identity = (str(request.url), request.content)
        if request.method == lost_of_each and response.is_success and identity not in lost:
            lost.add(identity)
            raise httpx.ReadError("the connection was reset")

    with while_answering(client, lose_once):
        perform(client, *WHOLE_RUN)
    assert lost
    assert {path: node[1:] for path, node in tree(client).items()} == {
        path: node[1:] for path, node in WHOLE_TREE.items()
    }


def test_a_busy_server_is_asked_again(catalog: EmbeddedCatalog) -> None:
    failures = iter([True, True, False])

    def fail(request: httpx.Request) -> None:
        if next(failures, False):
            raise httpx.ConnectError("refused")

    with _hook(catalog.client, "request", fail):
        perform(catalog.client, run_container())
    assert list(catalog.client) == [UID]


def test_a_server_that_stays_away_is_a_transient_error(catalog: EmbeddedCatalog) -> None:
    def fail(request: httpx.Request) -> None:
        raise httpx.ConnectError("connection refused")

    sink = TiledSink(catalog.client, patience=0.2)
    with _hook(catalog.client, "request", fail), pytest.raises(SinkError) as caught:
        sink.perform(run_container())
    assert caught.value.transient
    assert "the server does not answer: connection refused" in str(caught.value)
    assert (caught.value.run, caught.value.path, caught.value.at) == (UID, (UID,), "m.yaml:1")


# Containers and their places


def test_the_place_of_another_run_is_refused(client: Any) -> None:
    perform(client, run_container("scan", "first-run"))
    for policy in ("refuse", "resume"):
        with pytest.raises(CollisionError, match="taken by a container of run first-run"):
            perform(client, run_container("scan", on_collision=policy))


def test_a_place_that_no_run_has_is_refused(catalog: EmbeddedCatalog) -> None:
    catalog.client.write_array(np.ones(3), key="scan")
    with pytest.raises(CollisionError, match="taken by a array of something that is no run"):
        perform(catalog.client, run_container("scan"))


def test_a_run_may_take_another_key_where_its_own_is_taken(client: Any) -> None:
    perform(client, run_container("scan", "first-run"))
    ops = [
        run_container("scan", on_collision="suffix_uid"),
        stream_container("scan", "primary"),
        close("scan"),
    ]
    perform(client, *ops)
    perform(client, *ops)
    assert sorted(client) == ["scan", f"scan_{UID[:8]}"]
    assert list(client[f"scan_{UID[:8]}"]) == ["primary"]
    assert client[f"scan_{UID[:8]}"].metadata["stop"]["uid"] == "s1"
    assert list(client["scan"]) == []


def test_a_shared_container_is_taken_as_it_is(client: Any) -> None:
    def ops(uid: str) -> list[Op]:
        proposal = CreateContainer(
            run=uid, path=("p-1",), at="m.yaml:1", metadata={"first": uid}, shared=True
        )
        return [proposal, replace(run_container(uid=uid), path=("p-1", uid))]

    perform(client, *ops("one"), *ops("two"))
    perform(client, *ops("three"))
    assert client["p-1"].metadata["first"] == "one"
    assert sorted(client["p-1"]) == ["one", "three", "two"]


def test_a_shared_container_that_was_deleted_is_made_again(catalog: EmbeddedCatalog) -> None:
    shared = CreateContainer(run="a", path=("p",), at="m.yaml:1", metadata={}, shared=True)
    sink = perform(catalog.client, shared)
    catalog.client.delete_contents("p", external_only=False)
    with pytest.raises(SinkError, match="404"):
        sink.perform(replace(run_container(uid="a"), path=("p", "a")))
    sink.perform(shared)
    sink.perform(replace(run_container(uid="a"), path=("p", "a")))
    assert list(catalog.client["p"]) == ["a"]


def test_concurrent_creators_of_a_shared_container_all_go_on(catalog: EmbeddedCatalog) -> None:
    def store(uid: str) -> None:
        shared = CreateContainer(run=uid, path=("p",), at="m.yaml:1", metadata={}, shared=True)
        perform(catalog.client, shared, replace(run_container(uid=uid), path=("p", uid)))

    uids = [f"run-{number}" for number in range(8)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(store, uids))
    assert sorted(catalog.client["p"]) == uids


@pytest.mark.parametrize("key", ["a b", "x&y=z;", "Größe", "it's", "[0]", "a:b,c"])
def test_keys_may_hold_what_tiled_allows(client: Any, key: str) -> None:
    perform(client, run_container(key), stream_container(key, key))
    perform(client, run_container(key), stream_container(key, key), close(key))
    assert list(client[key]) == [key]
    assert client[key].metadata["stop"]["uid"] == "s1"


def test_two_things_of_a_run_in_one_place_are_a_collision(catalog: EmbeddedCatalog) -> None:
    sink = perform(catalog.client, run_container(), stream_container(), table())
    for op in (table(), stream_container(), array(np.ones(2), "internal")):
        with pytest.raises(CollisionError, match="two things of this run"):
            sink.perform(op)


def test_a_resumed_run_must_have_the_same_nodes(duckdb_catalog: EmbeddedCatalog) -> None:
    beginning = [run_container(), stream_container()]
    client = duckdb_catalog.client
    perform(client, *beginning, table(), array(np.ones((2, 3))), ragged([[1]]))
    others = [
        table(pa.schema([("seq_num", pa.int64())])),
        array(np.ones((2, 4))),
        array(np.ones((2, 3), "<i4")),
        ragged([[1]], dtype="<i4"),
        array(np.ones(2), "internal"),
    ]
    for other in others:
        sink = perform(client, *beginning)
        with pytest.raises(CollisionError, match=r"the run has another \w+ in this place"):
            sink.perform(other)
        sink.release(UID)


# Metadata


def test_patches_merge_objects_and_replace_all_else(client: Any) -> None:
    perform(
        client,
        run_container(),
        patch({"start": {"plan": {"name": "scan"}, "new": {"a/b": {"~": 1}}}}, UID),
        patch({"start": {"time": None, "new": {"a/b": {"list": [None, 1]}}}, "notes": []}, UID),
        patch({"notes": ["one"], "absent": None, "fresh": {"kept": 1, "dropped": None}}, UID),
    ).release(UID)
    assert client[UID].metadata == {
        "start": {
            "uid": UID,
            "plan": {"name": "scan", "detectors": ["det"]},
            "new": {"a/b": {"~": 1, "list": [None, 1]}},
        },
        "notes": ["one"],
        "fresh": {"kept": 1},
    }


def test_a_node_that_waits_for_the_end_has_its_patches_too(catalog: EmbeddedCatalog) -> None:
    waveform = (UID, "primary", "waveform")
    perform(
        catalog.client,
        run_container(),
        stream_container(),
        ragged([[1]]),
        patch({"units": "V"}, *waveform),
        close(),
    )
    assert stored(catalog.client, "waveform").metadata == {
        "kind": "waveform",
        "units": "V",
    }


def test_metadata_keeps_its_values(client: Any) -> None:
    values = {
        "large": 2**64 - 1,
        "small": -(2**63),
        "tiny": 5e-324,
        "none": None,
        "text": "Å \U0001f600",
    }
    sink = perform(client, replace(run_container(), metadata={"start": {"uid": UID}, **values}))
    sink.release(UID)
    assert client[UID].metadata == {"start": {"uid": UID}, **values}


# Arrays

RECORD = np.dtype([("n", "<i4"), ("inner", [("x", "<f8"), ("y", "<f4")])])


@pytest.mark.parametrize(
    "dtype",
    ["?", "|i1", "<u8", "<f2", ">f8", "<c16", "<U5", "|S3", "<M8[ns]", "<m8[s]", RECORD],
    ids=str,
)
def test_arrays_keep_their_dtype(catalog: EmbeddedCatalog, dtype: Any) -> None:
    data = np.arange(12).astype("<i4").reshape(3, 4).astype(dtype)
    perform(
        catalog.client,
        run_container(),
        stream_container(),
        array(data[:2], dims=("time", "channel")),
        more_array(data[2:], 2),
    )
    node = stored(catalog.client, "image")
    assert node.read().dtype == data.dtype
    assert node.read().tolist() == data.tolist()
    assert node.dims == ("time", "channel")
    assert node.chunks[0] == (2, 1)


def test_a_row_may_be_a_single_number(catalog: EmbeddedCatalog) -> None:
    perform(
        catalog.client,
        run_container(),
        stream_container(),
        array(np.array([1, 2])),
        more_array(np.array([3]), 2),
    )
    assert stored(catalog.client, "image").read().tolist() == [1, 2, 3]


def test_data_of_a_narrower_dtype_fits(catalog: EmbeddedCatalog) -> None:
    perform(
        catalog.client,
        run_container(),
        stream_container(),
        array(np.array(["abcde"])),
        more_array(np.array(["xy"]), 1),
    )
    assert stored(catalog.client, "image").read().tolist() == ["abcde", "xy"]


def test_large_arrays_go_in_pieces(
    catalog: EmbeddedCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "LARGEST_UPLOAD", 100)
    data = np.arange(90.0).reshape(30, 3)
    with requests_of(catalog.client) as requests:
        perform(
            catalog.client,
            run_container(),
            stream_container(),
            array(data[:10]),
            more_array(data[10:], 10),
        )
    assert max(len(r.content) for r in requests if "/array/" in r.url.path) <= 100
    assert stored(catalog.client, "image").read().tolist() == data.tolist()


@pytest.mark.parametrize(
    ("extension", "words"),
    [
        (more_array(np.ones((1, 4)), 2), r"rows have shape \(4,\), those of the array \(3,\)"),
        (more_array(np.ones((1, 3), "<c16"), 2), "complex128 does not fit the array's float64"),
        (more_array(np.ones((1, 3)), 5), "rows 2 to 4 were never stored"),
        (more_array(np.ones((1, 3)), 2, "other"), "it was not created"),
    ],
)
def test_rows_that_do_not_fit_an_array_are_refused(
    catalog: EmbeddedCatalog, extension: ExtendArray, words: str
) -> None:
    sink = perform(catalog.client, run_container(), stream_container(), array(np.ones((2, 3))))
    with requests_of(catalog.client) as requests, pytest.raises(SinkError, match=words):
        sink.perform(extension)
    assert requests == []


@pytest.mark.parametrize("dtype", [object, [("a", "<i4"), ("b", "<f8", (2,))]], ids=str)
def test_dtypes_that_tiled_cannot_store_are_refused(catalog: EmbeddedCatalog, dtype: Any) -> None:
    sink = perform(catalog.client, run_container(), stream_container())
    with pytest.raises(SinkError, match="Tiled stores no arrays"):
        sink.perform(array(np.zeros(2, dtype)))


# Ragged arrays

RAGGED = {
    "vectors": ((None,), "<i4", [[1, 2, 3], [], [4]], [[5, 6]]),
    "bytes": ((None,), "|u1", [[255]], [[0, 1]]),
    "flags": ((None,), "?", [[True, False], [True]], [[]]),
    "points": ((None, 2), "<f8", [[[1, 2], [3, 4]], [[5, 6]]], [[[7, 8]]]),
    "pairs": ((2, None), "<f8", [[[1], [2]]], [[[3, 4], [5, 6]]]),
    "images": ((None, None), "<i8", [[[1, 2]], [[3], [4]]], [[[5, 6], [7, 8]]]),
}


@pytest.mark.parametrize("kind", RAGGED)
@pytest.mark.parametrize("where", ["catalog", "duckdb_catalog"])
def test_ragged_arrays_grow(request: pytest.FixtureRequest, where: str, kind: str) -> None:
    catalog = request.getfixturevalue(where)
    shape, dtype, first, then = RAGGED[kind]
    perform(
        catalog.client,
        run_container(),
        stream_container(),
        ragged(first, shape, dtype),
        more_ragged(then, len(first), shape, dtype),
        close(),
        storage=catalog.storage,
    )
    node = stored(catalog.client, "waveform")
    assert node.read().tolist() == [*first, *then]
    if where == "duckdb_catalog":
        assert node.shape == (len(first) + len(then), *shape)
        assert node.dtype == np.dtype(dtype)
        assert node.dims[0] == "time"


def test_ragged_text_is_refused(catalog: EmbeddedCatalog) -> None:
    sink = perform(catalog.client, run_container(), stream_container())
    with pytest.raises(SinkError, match="a ragged array holds numbers, not <U1"):
        sink.perform(ragged([["a"]], dtype="<U1"))


def test_stop_is_written_though_a_waiting_array_cannot_be(catalog: EmbeddedCatalog) -> None:
    sink = perform(catalog.client, run_container(), stream_container(), ragged([[1], [2]]))
    plain(catalog.client)[UID, "primary"].write_array(np.ones(2), key="waveform")
    with pytest.raises(CollisionError, match="the run has another awkward array") as caught:
        sink.perform(close())
    assert caught.value.path == (UID, "primary", "waveform")
    assert catalog.client[UID].metadata["stop"]["uid"] == "s1"


# Tables


@pytest.mark.parametrize("type", [pa.list_(pa.float64()), pa.uint64()], ids=str)
def test_sqlite_refuses_what_it_cannot_hold_before_any_request(
    catalog: EmbeddedCatalog, type: pa.DataType
) -> None:
    sink = perform(catalog.client, run_container(), stream_container(), storage="sqlite")
    with (
        requests_of(catalog.client) as requests,
        pytest.raises(UnfitColumnsError, match="storage of tables cannot hold it") as caught,
    ):
        sink.perform(table(pa.schema([("x", type)])))
    assert requests == []
    assert caught.value.columns == ("x",)
    assert not caught.value.transient
    assert ("max_array_size: 0" in caught.value.hint) == pa.types.is_list(type)


@pytest.mark.parametrize("where", ["catalog", "served"])
def test_a_refusal_of_the_server_is_explained_at_once(
    request: pytest.FixtureRequest, where: str
) -> None:
    found = request.getfixturevalue(where)
    client = found.client if where == "catalog" else found
    sink = perform(client, run_container(), stream_container())
    with requests_of(client) as requests, pytest.raises(UnfitColumnsError) as caught:
        sink.perform(table(pa.schema([("x", pa.list_(pa.float64()))])))
    assert len(requests) <= 6
    assert caught.value.columns == ("x",)
    assert "settings.max_array_size: 0" in str(caught.value)
    assert {"catalog": "Unsupported PyArrow type", "served": "under request"}[where] in str(
        caught.value
    )


def test_duckdb_holds_lists_and_large_unsigned_integers(duckdb_catalog: EmbeddedCatalog) -> None:
    schema = pa.schema([("x", pa.list_(pa.float64())), ("n", pa.uint64())])
    batch = pa.RecordBatch.from_pydict({"x": [[1, 2]], "n": [2**64 - 1]}, schema=schema)
    perform(
        duckdb_catalog.client,
        run_container(),
        stream_container(),
        table(schema),
        replace(rows(0, 1), rows=batch),
        storage="duckdb",
    )
    node = stored(duckdb_catalog.client, "internal")
    assert node["x"].read().tolist() == [[1, 2]]
    assert node["n"].read().tolist() == [2**64 - 1]


def test_integers_that_a_null_would_change_are_refused(catalog: EmbeddedCatalog) -> None:
    schema = pa.schema([("seq_num", pa.int64())])

    def append(values: list[int | None], first: int) -> AppendRows:
        batch = pa.RecordBatch.from_pydict({"seq_num": values}, schema=schema)
        return replace(rows(first, 1), rows=batch)

    sink = perform(catalog.client, run_container(), stream_container(), table(schema))
    sink.perform(append([None, 2**53, None], 0))
    sink.perform(append([2**53 + 1, 2**63 - 1, -(2**63)], 3))
    for harmful in (2**53 + 1, -(2**53) - 1):
        with pytest.raises(SinkError, match="column 'seq_num' has nulls beside integers"):
            sink.perform(append([None, harmful], 6))
    assert len(stored(catalog.client, "internal").read()) == 6


def test_rows_behind_a_gap_are_refused(catalog: EmbeddedCatalog) -> None:
    sink = perform(catalog.client, run_container(), stream_container(), table(), rows(0, 2))
    with pytest.raises(SinkError, match="rows 2 to 4 were never stored"):
        sink.perform(rows(5, 1))


def test_a_node_needs_its_parent(catalog: EmbeddedCatalog) -> None:
    with pytest.raises(SinkError, match=f"its parent {UID}/primary was not created"):
        perform(catalog.client, run_container(), table())


def test_after_a_failed_op_the_rest_of_the_run_is_still_stored(catalog: EmbeddedCatalog) -> None:
    sink = perform(catalog.client, run_container(), stream_container())
    with pytest.raises(SinkError):
        sink.perform(table(pa.schema([("x", pa.list_(pa.float64()))])))
    with pytest.raises(SinkError, match="it was not created"):
        sink.perform(rows(0, 1))
    sink.perform(array(np.ones(2)))
    sink.perform(close())
    assert list(plain(catalog.client)[UID, "primary"]) == ["image"]
    assert catalog.client[UID].metadata["stop"]["uid"] == "s1"
