"""External data: which nodes and which ops documents about files become."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.conftest import Store, write
from tests.runtime.layouts import LAYOUT, descriptor, event, key, page, start, stop
from tiledmap.runtime.consolidators import Reach, find_consolidator
from tiledmap.runtime.file_parts import insert_range
from tiledmap.runtime.files import Files
from tiledmap.runtime.layout import (
    AssetRule,
    DataKeyRepair,
    DatumRepair,
    Dropped,
    Hook,
    Layout,
    Refused,
    Repairs,
    ResourceRepair,
    RootRepair,
    Sidecar,
)
from tiledmap.runtime.ops import Asset, FileSource, Op, RegisterFiles, UpdateFiles
from tiledmap.runtime.writer import Writer
from tiledmap.sinks.memory import MemorySink

HDF5 = "application/x-hdf5"
TIFF = "multipart/related;type=image/tiff"
IMAGE = ("run-1", "primary", "img")
Named = tuple[str, Any]

HDF5_RULE = AssetRule(
    "hdf5", find_consolidator("hdf5"), at="m.yaml:30", needs=("dataset",), join="stack"
)
TIFF_RULE = AssetRule(
    "tiff", find_consolidator("tiff"), at="m.yaml:31", needs=("template",), join="stack"
)


def select_asset(start: Any, stream_resource: Any) -> AssetRule | Refused:
    match stream_resource["mimetype"]:
        case "application/x-hdf5":
            return HDF5_RULE
        case "multipart/related;type=image/tiff":
            return TIFF_RULE
    return Refused(f"nothing reads {stream_resource['mimetype']}", "m.yaml:32")


def spec(name: str, mimetype: str) -> ResourceRepair:
    return ResourceRepair(
        name,
        matches=lambda start, resource: resource["spec"].upper() == name,
        parameters=lambda start, resource: {},
        mimetype=mimetype,
        at="m.yaml:33",
    )


WITH_FILES = replace(
    LAYOUT,
    select_asset=select_asset,
    repairs=Repairs(resources=(spec("AD_HDF5", HDF5), spec("AD_TIFF", TIFF))),
)


def with_repairs(**repairs: Any) -> Layout:
    return replace(WITH_FILES, repairs=replace(WITH_FILES.repairs, **repairs))


def image(**fields: Any) -> dict[str, Any]:
    return key("array", (4, 6), **{"external": "FILESTORE:", "dtype_numpy": "<i4", **fields})


# Documents about files


def stream_resource(uid: str = "res", key: str = "img", **fields: Any) -> Named:
    document = {
        "uid": uid,
        "run_start": "run-1",
        "data_key": key,
        "mimetype": HDF5,
        "uri": f"file://localhost/data/{uid}.h5",
        "parameters": {"dataset": "/entry/data", "chunk_shape": (2,)},
    }
    return "stream_resource", {**document, **fields}


def stream_datum(
    first: int, end: int, resource: str = "res", of: str = "desc-1", seq_num: int | None = None
) -> Named:
    begin = first + 1 if seq_num is None else seq_num
    return "stream_datum", {
        "uid": f"{resource}/{first}",
        "stream_resource": resource,
        "descriptor": of,
        "indices": {"start": first, "stop": end},
        "seq_nums": {"start": begin, "stop": begin + end - first},
    }


def resource(uid: str = "RES", spec: str = "AD_TIFF", **fields: Any) -> Named:
    document = {
        "uid": uid,
        "run_start": "run-1",
        "spec": spec,
        "root": "/data",
        "resource_path": uid,
        "resource_kwargs": {"template": "%s%s_%3.3d.tiff", "filename": "a"},
    }
    return "resource", {**document, **fields}


def datum(number: int, resource: str = "RES", **kwargs: Any) -> Named:
    return "datum", {
        "datum_id": f"{resource}/{number}",
        "resource": resource,
        "datum_kwargs": kwargs or {"point_number": number},
    }


def refers(seq_num: int, datum_id: str, key: str = "img", **fields: Any) -> Named:
    return "event", event(seq_num, {key: datum_id}, filled={key: False}, **fields)


def run(*documents: Named, keys: dict[str, Any] | None = None) -> list[Named]:
    return [
        ("start", start()),
        ("descriptor", descriptor(keys or {"img": image()})),
        *documents,
        ("stop", stop()),
    ]


def source(sink: MemorySink, path: tuple[str, ...] = IMAGE) -> FileSource:
    found = sink.tree[path].source
    assert found is not None
    return found


def names(sink: MemorySink, path: tuple[str, ...] = IMAGE) -> list[str]:
    return [asset.uri.removeprefix("file://localhost/data/") for asset in source(sink, path).assets]


def notes(sink: MemorySink) -> list[str]:
    return list(sink.tree[("run-1",)].metadata.get("notes", []))


def ops_of_files(sink: MemorySink) -> list[Op]:
    return [op for op in sink.ops if isinstance(op, RegisterFiles | UpdateFiles)]


def stored_quietly(documents: Iterable[Named], layout: Layout = WITH_FILES) -> MemorySink:
    """Store documents with which nothing is wrong."""
    return write(documents, layout, on_error="raise")


# Stream resources and stream datums


def test_a_stream_resource_becomes_a_node() -> None:
    sink = stored_quietly(run(stream_resource(), stream_datum(0, 5)))

    assert source(sink) == FileSource(
        family="array",
        mimetype=HDF5,
        assets=(Asset("file://localhost/data/res.h5", "data_uris", 0),),
        parameters={"dataset": "/entry/data", "swmr": True, "locking": None},
        dtype=source(sink).dtype,
        shape=(5, 4, 6),
        chunks=((2, 2, 1), (4,), (6,)),
    )
    assert str(source(sink).dtype) == "int32"
    assert notes(sink) == []


def test_one_request_registers_what_is_known_at_the_end() -> None:
    sink = stored_quietly(run(stream_resource(), stream_datum(0, 2), stream_datum(2, 5)))

    (op,) = ops_of_files(sink)
    assert isinstance(op, RegisterFiles)
    assert (op.path, op.at) == (IMAGE, "m.yaml:1")


def test_a_reader_is_told_what_is_new() -> None:
    documents = run(stream_resource(), stream_datum(0, 2), stream_datum(2, 5), stream_datum(5, 6))

    sink = write(documents, WITH_FILES, flush_rows=1)

    first, *updates = ops_of_files(sink)
    assert isinstance(first, RegisterFiles)
    assert first.source.shape == (2, 4, 6)
    assert [(op.offset, op.extent) for op in updates if isinstance(op, UpdateFiles)] == [
        ((2, 0, 0), (3, 4, 6)),
        ((5, 0, 0), (1, 4, 6)),
    ]


def test_a_stream_resource_may_come_after_its_datums() -> None:
    assert source(stored_quietly(run(stream_datum(0, 5), stream_resource()))).shape == (5, 4, 6)


def test_datums_of_streams_that_are_not_stored_are_passed_over(stored: Store) -> None:
    layout = replace(WITH_FILES, repairs=Repairs())
    sink = stored(run(stream_resource("res", "other"), stream_datum(0, 5)), layout)

    assert IMAGE not in sink.tree
    assert notes(sink) == [
        "stream datum res/0 is not stored: no data key 'other' is stored as files there"
    ]


def test_a_stream_datum_without_a_resource_is_lost_aloud(
    stored: Store, caplog: pytest.LogCaptureFixture
) -> None:
    sink = stored(run(stream_datum(0, 5)), WITH_FILES)

    assert notes(sink) == [
        "stream datum res/0 is not stored: its stream resource 'res' was not seen"
    ]
    assert "its stream resource 'res' was not seen" in caplog.text


def test_several_stream_resources_follow_each_other() -> None:
    sink = stored_quietly(
        run(
            stream_resource("a"),
            stream_datum(0, 3, "a"),
            stream_resource("b"),
            stream_datum(0, 2, "b", seq_num=4),
        )
    )

    assert names(sink) == ["a.h5", "b.h5"]
    assert source(sink).shape == (5, 4, 6)
    assert notes(sink) == []


@pytest.mark.parametrize("first", [0, 3])
def test_indices_may_go_on_counting_in_the_next_resource(first: int) -> None:
    """The files of each resource are numbered from 0, as its own datums are."""
    parameters = {"template": "_{:d}.tiff"}
    sink = stored_quietly(
        run(
            stream_resource(
                "a", mimetype=TIFF, uri="file://localhost/data/a", parameters=parameters
            ),
            stream_datum(0, 3, "a"),
            stream_resource(
                "b", mimetype=TIFF, uri="file://localhost/data/b", parameters=parameters
            ),
            stream_datum(first, first + 1, "b", seq_num=4),
            stream_datum(first + 1, first + 2, "b", seq_num=5),
        )
    )

    assert names(sink) == ["a_0.tiff", "a_1.tiff", "a_2.tiff", "b_0.tiff", "b_1.tiff"]


def test_indices_that_go_on_may_number_the_same_files_on() -> None:
    where = {"mimetype": TIFF, "uri": "file://localhost/data/", "parameters": {"template": "{:d}"}}
    sink = stored_quietly(
        run(
            stream_resource("a", **where),
            stream_datum(0, 2, "a"),
            stream_resource("b", **where),
            stream_datum(2, 4, "b"),
        )
    )

    assert names(sink) == ["0", "1", "2", "3"]


def test_a_file_of_two_stream_resources_costs_the_second_only(stored: Store) -> None:
    uri = "file://localhost/data/one.h5"
    documents = [
        stream_resource("a", uri=uri),
        stream_datum(0, 2, "a"),
        stream_resource("b", uri=uri),
        stream_datum(0, 2, "b", seq_num=3),
        stream_datum(2, 5, "a", seq_num=5),
    ]
    sink = stored(run(*documents), WITH_FILES)

    assert source(sink).shape == (5, 4, 6)
    assert any(f"{uri} is the file of another stream resource" in note for note in notes(sink))


def test_datums_that_were_skipped_are_said() -> None:
    sink = stored_quietly(run(stream_resource(), stream_datum(0, 2), stream_datum(4, 6, seq_num=3)))

    assert source(sink).shape == (6, 4, 6)  # the file holds them
    assert notes(sink) == [
        "stream 'primary': files of 'img': its rows are not numbered as the events are: "
        "event 3 to 4 is datum 4 to 5, counted from 0, of file://localhost/data/res.h5"
    ]


def test_a_resource_that_cannot_join_the_others_is_said(stored: Store) -> None:
    other = {"dataset": "/another", "chunk_shape": (2,)}
    sink = stored(
        run(
            stream_resource("a"),
            stream_datum(0, 3, "a"),
            stream_resource("b", parameters=other),
            stream_datum(0, 2, "b", seq_num=4),
        ),
        WITH_FILES,
    )

    assert names(sink) == ["a.h5"]
    (note,) = notes(sink)
    assert note.startswith(
        "event 4 to 5 of stream 'primary': 'img' is not stored: "
        "file://localhost/data/b.h5: its dataset is '/another'"
    )


def test_a_file_that_should_say_the_structure_and_is_not_there_is_said(tmp_path: Path) -> None:
    read = replace(HDF5_RULE, structure_from="file")
    missing = stream_resource(uri=f"file://localhost{tmp_path}/missing.h5")
    layout = replace(WITH_FILES, select_asset=lambda start, stream_resource: read)
    sink = write(run(missing, stream_datum(0, 3)), layout, file_roots=[tmp_path])

    (note,) = notes(sink)
    assert "run-1/primary/img, which gets no rows from the last event on" in note
    assert "missing.h5 is not there" in note


RANGES = st.lists(st.integers(0, 12), min_size=2, max_size=2).map(sorted).map(tuple)


@given(st.lists(RANGES, max_size=6))
def test_ranges_are_merged(ranges: list[Any]) -> None:
    merged: list[tuple[int, int]] = []
    for each in ranges:
        insert_range(merged, each)

    assert {n for each in merged for n in range(*each)} == {n for e in ranges for n in range(*e)}
    assert all(first < end for first, end in merged)
    assert all(before[1] < after[0] for before, after in pairwise(merged))


@given(st.data())
def test_neither_splits_nor_batches_nor_order_change_what_is_stored(data: st.DataObject) -> None:
    ends = sorted(data.draw(st.sets(st.integers(1, 11), max_size=4)) | {12})
    splits = [stream_datum(first, end) for first, end in zip([0, *ends[:-1]], ends, strict=True)]
    shuffled = data.draw(st.permutations([stream_resource(), *splits]))
    flush_rows = data.draw(st.integers(1, 4))
    whole = stored_quietly(run(stream_resource(), stream_datum(0, 12)))

    sink = write(run(*shuffled), WITH_FILES, flush_rows=flush_rows)

    assert source(sink) == source(whole)


# Resources and datums of old


def test_events_refer_to_datums() -> None:
    sink = stored_quietly(
        run(resource(), datum(0), refers(1, "RES/0"), datum(1), refers(2, "RES/1"))
    )

    assert names(sink) == ["RES/a_000.tiff", "RES/a_001.tiff"]
    assert source(sink).shape == (2, 4, 6)
    assert sink.tree[IMAGE].metadata == {"spec": "AD_TIFF"}
    assert notes(sink) == []


def test_datums_may_come_after_their_events() -> None:
    documents = run(refers(1, "RES/0"), refers(2, "RES/1"), resource(), datum(1), datum(0))

    for flush_rows in (1, 10):
        sink = write(documents, WITH_FILES, flush_rows=flush_rows, on_error="raise")
        assert names(sink) == ["RES/a_000.tiff", "RES/a_001.tiff"]


@pytest.mark.parametrize("bulk", [False, True])
def test_pages_and_bulk_documents_are_taken(bulk: bool) -> None:
    events = [refers(n, f"RES/{n - 1}")[1] for n in (1, 2, 3)]
    ids = [f"RES/{n}" for n in range(3)]
    old = [
        ("bulk_datum", {"resource": "RES", "datum_ids": ids, "datum_kwarg_list": [{}] * 3}),
        ("bulk_events", {"desc-1": events}),
    ]
    new = [
        ("datum_page", {"resource": "RES", "datum_id": ids, "datum_kwargs": {}}),
        ("event_page", page(events)),
    ]

    sink = stored_quietly(run(resource(), *(old if bulk else new)))

    assert names(sink) == [f"RES/a_00{n}.tiff" for n in range(3)]


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("datum_page", {"datum_id": ["RES/0"], "datum_kwargs": {"point_number": [0]}}),
        ("bulk_datum", {"datum_ids": ["RES/0"], "datum_kwarg_list": [{"point_number": 0}]}),
    ],
)
def test_hooks_for_datums_are_given_those_of_pages(name: str, document: Any) -> None:
    def count_from_3(document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "datum_kwargs": {"point_number": 3}}

    layout = replace(WITH_FILES, hooks=(Hook("later", "datum", count_from_3, "m.yaml:42"),))
    documents = [resource(), (name, {"resource": "RES", **document}), refers(1, "RES/0")]
    sink = MemorySink()
    with Writer(layout, sink, delivery="inline", on_error="raise") as writer:
        for kind, taken in run(*documents):
            writer(kind, taken)

    assert names(sink) == ["RES/a_003.tiff"]


@pytest.mark.parametrize("paged_as", [None, list, np.array])
def test_an_event_that_was_filled_still_says_its_datum(paged_as: Any) -> None:
    """What was loaded is in the file; the name of the datum has moved to ``filled``."""
    loaded = [event(n, {"img": [[0] * 6] * 4}, filled={"img": "RES/0"}) for n in (1, 2)]
    named = ("event", loaded[0])
    if paged_as is not None:
        whole = page(loaded)
        named = ("event_page", {**whole, "filled": {"img": paged_as(whole["filled"]["img"])}})

    assert names(stored_quietly(run(resource(), datum(0), named))) == ["RES/a_000.tiff"]


LOADED = [[[number] * 6] * 4 for number in range(3)]


def holding(seq_num: int) -> Named:
    loaded = event(seq_num, {"img": LOADED[seq_num - 1]}, filled={"img": True})
    return "event", loaded


@pytest.mark.parametrize("paged", [False, True])
def test_loaded_values_without_a_datum_are_stored(paged: bool) -> None:
    events = [holding(1), holding(2), holding(3)]
    if paged:
        events = [("event_page", page([document for _, document in events]))]

    sink = stored_quietly(run(*events))

    node = sink.tree[IMAGE]
    assert node.data is not None
    assert (node.data.tolist(), str(node.data.dtype)) == (LOADED, "int32")
    (note,) = notes(sink)
    assert "its events hold what was loaded from files; it is stored as an array" in note


@pytest.mark.parametrize("loaded_first", [True, False])
def test_what_comes_first_decides_between_files_and_loaded_values(
    stored: Store, loaded_first: bool
) -> None:
    files = [resource(), datum(0)]
    events = [holding(1), refers(2, "RES/0")] if loaded_first else [refers(1, "RES/0"), holding(2)]

    sink = stored(run(*files, *events), WITH_FILES)

    assert (sink.tree[IMAGE].data is not None) is loaded_first
    assert (sink.tree[IMAGE].source is not None) is not loaded_first
    assert any("event 2 of stream 'primary': 'img' is not stored" in note for note in notes(sink))


@pytest.mark.parametrize("flush_rows", [1, 10])
def test_loaded_values_keep_the_rows_of_events_before_that_have_none(flush_rows: int) -> None:
    documents = run(("event", event(1, {"img": None}, filled={"img": False})), holding(2))
    sink = write(documents, WITH_FILES, flush_rows=flush_rows)

    data = sink.tree[IMAGE].data
    assert data is not None
    assert data.shape == (2, 4, 6)


def test_flags_that_are_not_as_many_as_the_events_cost_nothing(stored: Store) -> None:
    events = {**page([event(1, {"img": "RES/0"})]), "filled": {"img": [False, False]}}
    sink = stored(run(resource(), datum(0), ("event_page", events)), WITH_FILES)

    assert source(sink).shape == (1, 4, 6)
    (note,) = notes(sink)
    assert "filled['img'] of a page is passed over" in note


def test_interleaved_runs_may_name_the_same_resource() -> None:
    def of_run(number: int, *documents: Named) -> list[Named]:
        return [
            (
                name,
                {
                    **document,
                    **({"run_start": f"run-{number}"} if "run_start" in document else {}),
                    **({"descriptor": f"desc-{number}"} if "descriptor" in document else {}),
                },
            )
            for name, document in documents
        ]

    both = [("start", start(uid=f"run-{number}")) for number in (1, 2)]
    for number in (1, 2):
        described = descriptor({"img": image()}, uid=f"desc-{number}")
        both += of_run(number, ("descriptor", described), resource())
    both.append(datum(0))
    for number in (1, 2):
        both += of_run(number, refers(1, "RES/0"), ("stop", stop(uid=f"stop-{number}")))

    sink = stored_quietly(both)

    assert names(sink) == names(sink, ("run-2", "primary", "img")) == ["RES/a_000.tiff"]


def test_stream_datums_of_a_data_key_that_is_dropped_are_passed_over() -> None:
    drop = DataKeyRepair(
        "drop",
        matches=lambda start, descriptor, key: key["name"] == "img",
        repair=lambda start, descriptor, key: Dropped("not wanted", "m.yaml:40"),
        at="m.yaml:40",
    )
    keys = {"img": image(), "x": key()}
    sink = stored_quietly(
        run(stream_resource(), stream_datum(0, 3), keys=keys), with_repairs(data_keys=(drop,))
    )

    assert notes(sink) == ["data_key 'img' in stream 'primary' is not stored: not wanted"]


def test_stream_datums_that_came_before_their_resource_leave_by_age() -> None:
    moments = [0.0]
    sink = MemorySink()
    writer = Writer(WITH_FILES, sink, delivery="inline", clock=lambda: moments[-1])
    for name, document in run(stream_datum(0, 3))[:-1]:
        writer(name, document)
    for moment in (10.0, 20.0):
        moments.append(moment)
        writer(*stream_datum(3, 4))
    writer(*stream_resource())
    assert not ops_of_files(sink)
    moments.append(30.0)
    writer(*stream_datum(4, 5))

    assert source(sink).shape == (5, 4, 6)


def test_a_replay_of_resources_that_take_turns_takes_nothing_back() -> None:
    where = {"mimetype": TIFF, "parameters": {"template": "{:d}"}}
    documents = run(
        stream_resource("a", uri="file://localhost/data/a/", **where),
        stream_datum(0, 2, "a"),
        stream_resource("b", uri="file://localhost/data/b/", **where),
        stream_datum(0, 2, "b", seq_num=3),
        stream_datum(2, 4, "a", seq_num=5),
    )
    sink = stored_quietly(documents)
    whole = source(sink)
    writer = Writer(WITH_FILES, sink, delivery="inline", flush_rows=1)
    for name, document in documents:
        writer(name, document)
        assert source(sink) == whole
    assert len(whole.assets) == 6


@pytest.mark.parametrize("root", ["", "/", "data", "/data/../etc", "//."])
def test_a_root_that_says_nothing_opens_no_directory(root: str) -> None:
    rules = (RootRepair("root", "/old", lambda start: root, at="m.yaml:41"),)
    files = Files(start(), with_repairs(roots=rules), None, lambda *_: None, lambda _: None)

    assert files.reach() == Reach(())


def test_one_resource_may_serve_two_data_keys_and_two_streams() -> None:
    keys = {"img": image(), "dark": image()}
    other = descriptor({"img": image()}, uid="desc-2", name="other")
    sink = stored_quietly(
        run(
            ("descriptor", other),
            resource(),
            *(datum(n) for n in range(3)),
            ("event", event(1, {"img": "RES/0", "dark": "RES/1"})),
            refers(1, "RES/2", descriptor="desc-2"),
            keys=keys,
        )
    )

    assert names(sink) == ["RES/a_000.tiff"]
    assert names(sink, ("run-1", "primary", "dark")) == ["RES/a_001.tiff"]
    assert names(sink, ("run-1", "other", "img")) == ["RES/a_002.tiff"]


def test_a_datum_that_two_events_refer_to_is_stored_once_and_said() -> None:
    sink = stored_quietly(run(resource(), datum(0), refers(1, "RES/0"), refers(2, "RES/0")))

    assert names(sink) == ["RES/a_000.tiff"]
    (note,) = notes(sink)
    assert "its rows are not numbered as the events are: event 2 is datum 0" in note


def test_frame_counters_that_reset_go_on() -> None:
    hdf5 = {"resource_kwargs": {"dataset": "/entry/data"}, "spec": "AD_HDF5"}
    documents = [
        resource("A", **hdf5),
        *(datum(n, "A", frame=n) for n in range(2)),
        resource("B", **hdf5),
        *(datum(n, "B", frame=n) for n in range(3)),
    ]
    events = [refers(n, f"A/{n - 1}") for n in (1, 2)]
    events += [refers(n, f"B/{n - 3}") for n in (3, 4, 5)]

    sink = stored_quietly(run(*documents, *events))

    assert names(sink) == ["A", "B"]
    assert source(sink).shape == (5, 4, 6)


def test_a_resource_that_names_no_run_belongs_to_the_one_that_is_open() -> None:
    name, document = resource()
    del document["run_start"]

    sink = stored_quietly(run((name, document), datum(0), refers(1, "RES/0")))

    assert names(sink) == ["RES/a_000.tiff"]


def test_a_resource_that_names_no_run_is_found_by_whichever_refers_to_it() -> None:
    name, document = resource()
    del document["run_start"]
    documents = run((name, document), datum(0), refers(1, "RES/0"))

    sink = stored_quietly([("start", start("run-2")), *documents, ("stop", stop("run-2"))])

    assert names(sink) == ["RES/a_000.tiff"]
    assert notes(sink) == []


def test_stream_resources_of_before_event_model_1_20_are_taken() -> None:
    _, old = resource(spec="AD_HDF5", resource_kwargs={"path": "/entry/data"})

    sink = stored_quietly(
        run(("stream_resource", {**old, "data_key": "img"}), stream_datum(0, 2, "RES"))
    )

    assert source(sink).shape == (2, 4, 6)
    assert source(sink).parameters["dataset"] == "/entry/data"


# Rules


def test_the_asset_rule_gives_what_nobody_else_says() -> None:
    rule = replace(
        HDF5_RULE,
        chunks=(3, 2),
        parameters=lambda start, stream_resource: {"swmr": False, "dataset": "/of/rule"},
    )
    layout = replace(WITH_FILES, select_asset=lambda start, stream_resource: rule)
    said_nothing = stream_resource(parameters={})

    alone = source(stored_quietly(run(said_nothing, stream_datum(0, 4)), layout))
    beside = source(stored_quietly(run(stream_resource(), stream_datum(0, 4)), layout))

    assert (alone.parameters["dataset"], alone.chunks[:2]) == ("/of/rule", ((3, 1), (2, 2)))
    assert (beside.parameters["dataset"], beside.chunks[:2]) == ("/entry/data", ((2, 2), (4,)))
    assert alone.parameters["swmr"] is beside.parameters["swmr"] is False


def test_repairs_come_over_documents() -> None:
    rule = ResourceRepair(
        "right",
        matches=lambda start, resource: True,
        parameters=lambda start, resource: {"dataset": "/right"},
        join="concat",
        chunks=(4,),
        at="m.yaml:40",
    )

    sink = stored_quietly(
        run(stream_resource(), stream_datum(0, 3)), with_repairs(resources=(rule,))
    )

    assert source(sink).parameters["dataset"] == "/right"
    assert (source(sink).shape, source(sink).chunks[0]) == ((12, 6), (4, 4, 4))


CHANNEL = DatumRepair(
    "channel",
    matches=lambda start, resource, datum: "channel" in datum["datum_kwargs"],
    parameters=lambda start, resource, datum: {"slice": f"{datum['datum_kwargs']['channel']}"},
    at="m.yaml:41",
)


def test_a_datum_can_choose_a_part_of_its_file() -> None:
    hdf5 = resource(spec="AD_HDF5", resource_kwargs={"dataset": "/entry/data"})
    keys = {"img": image(), "other": image()}
    sink = stored_quietly(
        run(
            hdf5,
            datum(0, channel=2, point_number=0),
            datum(1, channel=3, point_number=0),
            ("event", event(1, {"img": "RES/0", "other": "RES/1"})),
            keys=keys,
        ),
        with_repairs(datums=(CHANNEL,)),
    )

    assert source(sink).parameters["slice"] == "2"
    assert source(sink, ("run-1", "primary", "other")).parameters["slice"] == "3"


def test_a_datum_that_chooses_another_part_than_those_before_is_lost_aloud(stored: Store) -> None:
    hdf5 = resource(spec="AD_HDF5", resource_kwargs={"dataset": "/entry/data"})
    sink = stored(
        run(
            hdf5,
            datum(0, channel=2, point_number=0),
            datum(1, channel=3, point_number=1),
            refers(1, "RES/0"),
            refers(2, "RES/1"),
        ),
        with_repairs(datums=(CHANNEL,)),
    )

    assert source(sink).shape == (1, 4, 6)
    (note,) = notes(sink)
    assert "event 2 of stream 'primary': 'img' is not stored: the rules of repair.datums" in note


@pytest.mark.parametrize(
    ("file", "kwargs", "words"),
    [
        (resource(spec="AD_HDF5", resource_kwargs={}), "path", "its dataset is 'b'"),
        (
            resource(resource_kwargs={"template": "%s%s_%d.tiff"}),
            "filename",
            "its files would be named as file://localhost/data/RES/b_0.tiff",
        ),
    ],
)
def test_a_datum_whose_own_words_change_its_resource_is_lost_aloud(
    file: Named, kwargs: str, words: str, stored: Store
) -> None:
    datums = [datum(number, **{kwargs: value}) for number, value in enumerate(["a", "b"])]
    events = [refers(1, "RES/0"), refers(2, "RES/1")]
    sink = stored(run(file, *datums, *events), WITH_FILES)

    assert source(sink).shape == (1, 4, 6)
    (note,) = notes(sink)
    assert f"event 2 of stream 'primary': 'img' is not stored: {words}" in note


def test_what_documents_leave_empty_is_as_the_asset_rule_says() -> None:
    rule = replace(HDF5_RULE, parameters=lambda start, resource: {"swmr": False})
    layout = replace(WITH_FILES, select_asset=lambda start, resource: rule)
    empty = stream_resource(parameters={"dataset": "/entry/data", "swmr": None})

    sink = stored_quietly(run(empty, stream_datum(0, 3)), layout)

    assert source(sink).parameters["swmr"] is False


def test_a_sidecar_is_an_asset_for_another_parameter() -> None:
    sidecar = Sidecar("config", lambda start, resource: f"{resource['uri']}.txt")
    layout = replace(
        WITH_FILES,
        select_asset=lambda start, resource: replace(HDF5_RULE, sidecars=(sidecar,)),
    )

    sink = stored_quietly(run(stream_resource(), stream_datum(0, 3)), layout)

    assert source(sink).assets[1] == Asset("file://localhost/data/res.h5.txt", "config")


def test_numpy_s_own_numbers_are_parameters_like_others() -> None:
    rule = replace(
        HDF5_RULE,
        consolidator=find_consolidator("csv"),
        needs=(),
        join="concat",
    )
    layout = replace(WITH_FILES, select_asset=lambda start, stream_resource: rule)
    parameters = {"skiprows": np.int64(2), "delimiter": ";"}

    sink = stored_quietly(run(stream_resource(parameters=parameters), stream_datum(0, 1)), layout)

    assert type(source(sink).parameters["skiprows"]) is int


# What is wrong


@pytest.mark.parametrize(
    ("documents", "words"),
    [
        (
            [resource(spec="NOBODY_KNOWS"), datum(0), refers(1, "RES/0")],
            "no rule says what the spec 'NOBODY_KNOWS' stands for",
        ),
        (
            [stream_resource(mimetype="image/x-odd"), stream_datum(0, 1)],
            "nothing reads image/x-odd",
        ),
        (
            [stream_resource(parameters={}), stream_datum(0, 1)],
            "its parameters have no dataset",
        ),
        ([refers(1, "RES/0")], "it refers to a datum that was not seen"),
        ([datum(0), refers(1, "RES/0")], "the resource 'RES' of its datum was not seen"),
        (
            [resource(root="", resource_path="here"), datum(0), refers(1, "RES/0")],
            "'here' is no absolute path",
        ),
        (
            [resource(), datum(0, point_number="one"), refers(1, "RES/0")],
            "its point_number is no place",
        ),
        (
            [stream_resource(), stream_datum(5, 3)],
            "its indices, 5 to 3, do not exist",
        ),
        (
            [
                stream_resource(parameters={"dataset": "/d", "chunk_shape": (1,)}),
                stream_datum(10**12, 10**12 + 1, seq_num=1),
            ],
            "more than 10,000,000 files or chunks",
        ),
        (
            [
                stream_resource(mimetype=TIFF, parameters={"template": "{:d}"}),
                stream_datum(0, 10**12),
            ],
            "more than 10,000,000 files or chunks",
        ),
        (
            [
                stream_resource(
                    mimetype=TIFF, parameters={"template": "{:d}", "multiplier": 10**9}
                ),
                stream_datum(0, 1),
            ],
            "more than 10,000,000 files or chunks",
        ),
    ],
)
def test_files_that_cannot_be_stored_are_said_and_cost_nothing_else(
    documents: list[Named], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    keys = {"img": image(), "x": key()}
    more = [("event", event(9, {"x": 1.5}))]

    sink = write(run(*documents, *more, keys=keys), WITH_FILES)

    assert IMAGE not in sink.tree
    assert any(words in note for note in notes(sink)), notes(sink)
    assert words in caplog.text
    assert sink.tree[("run-1",)].closed
    rows = sink.tree[("run-1", "primary", "internal")].rows
    assert rows is not None
    assert rows["x"].to_pylist()[-1] == 1.5


def test_a_shape_that_is_not_known_is_said(stored: Store) -> None:
    keys = {"img": {**image(), "shape": [None, 6]}}

    sink = stored(run(stream_resource(), stream_datum(0, 1), keys=keys), WITH_FILES)

    (note,) = notes(sink)
    assert "has a length that is not known before" in note


def test_what_nothing_refers_to_is_said(stored: Store) -> None:
    sink = stored(run(resource(), datum(0), datum(1)), WITH_FILES)

    assert notes(sink) == [
        "resource RES: nothing that is stored refers to file://localhost/data/RES",
        "2 datums were given to which no event that is stored refers",
    ]


def test_a_resource_of_an_unknown_run_is_an_error(
    stored: Store, caplog: pytest.LogCaptureFixture
) -> None:
    stored([resource(run_start="never")], WITH_FILES)

    assert "run never, resource: its run was not seen" in caplog.text


@pytest.mark.parametrize("name", ["datum", "datum_page", "stream_datum", "bulk_datum"])
def test_invalid_documents_about_files_are_errors(
    name: str, stored: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        stored(run((name, {"uid": "x"})), WITH_FILES)

    assert name in caplog.text


def test_streams_and_data_keys_that_share_letters_share_no_node() -> None:
    other = descriptor({"y": image()}, uid="desc-2", name="primary_x")
    sink = stored_quietly(
        run(
            ("descriptor", other),
            stream_resource("a", "x_y"),
            stream_resource("b", "y"),
            stream_datum(0, 1, "a"),
            stream_datum(0, 2, "b", of="desc-2"),
            keys={"x_y": image()},
        )
    )

    assert names(sink, ("run-1", "primary", "x_y")) == ["a.h5"]
    assert names(sink, ("run-1", "primary_x", "y")) == ["b.h5"]
