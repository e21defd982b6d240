"""The stop document that is made up for a run that came without one."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import pytest
from event_model import DocumentNames, schema_validators
from tiled.queries import Key

from tests.conftest import RUNS
from tests.runtime.conftest import frozen
from tests.runtime.layouts import descriptor, event, key, page, start
from tiledmap.check import coverage
from tiledmap.documents.recordings import read_documents
from tiledmap.runtime import fallback
from tiledmap.runtime.unfinished import SYNTHESISED_BY, LastSeen, synthesised_stop
from tiledmap.sinks.embedded import EmbeddedCatalog

BY_A_RUN_ENGINE = [
    *(path for path in sorted(RUNS.glob("*.*")) if path.suffix in (".jsonl", ".msgpack")),
    *sorted((RUNS / "external").glob("ophyd-*.jsonl")),
]
SCALAR = {"x": key()}


def seen(documents: Iterable[tuple[str, Any]]) -> LastSeen:
    last = LastSeen()
    for name, document in documents:
        last.note(name, frozen(document))
    return last


def single_runs(recording: Iterable[tuple[str, Any]]) -> Iterator[list[tuple[str, Any]]]:
    """The documents of each run of a recording."""
    runs: dict[str, list[tuple[str, Any]]] = {}
    run_of_descriptor: dict[str, str] = {}
    for name, document in recording:
        run = document["uid"] if name == "start" else document.get("run_start")
        if name == "descriptor":
            run_of_descriptor[document["uid"]] = run
        run = run or run_of_descriptor.get(document.get("descriptor", ""))
        if run:
            runs.setdefault(run, []).append((name, document))
    yield from runs.values()


@pytest.mark.parametrize("recording", BY_A_RUN_ENGINE, ids=lambda path: path.stem)
def test_it_says_what_the_run_engine_would_have_said(recording):
    for *documents, (name, stop) in single_runs(read_documents(recording)):
        assert name == "stop"
        last = seen(documents)
        made = synthesised_stop(stop["run_start"], last.time, last.num_events)
        assert made["num_events"] == stop["num_events"]
        assert made["run_start"] == stop["run_start"]
        assert documents[0][1]["time"] < made["time"] <= stop["time"]


def test_event_model_takes_it():
    made = synthesised_stop("run-1", 2.5, {"primary": 3})
    schema_validators[DocumentNames.stop].validate(made)


def test_readers_can_tell_it_from_a_run_engines(catalog: EmbeddedCatalog):
    stops = {
        "lost": synthesised_stop("lost", 2.5, {}),
        "whole": {"uid": "s", "time": 2.5, "run_start": "whole", "exit_status": "abort"},
    }
    with fallback.writer(catalog.client) as writer:
        for run, stop in stops.items():
            writer("start", start(run))
            writer("stop", stop)

    assert list(catalog.client.search(Key(f"stop.{SYNTHESISED_BY}") == "tiledmap")) == ["lost"]


def test_its_uid_follows_from_the_runs():
    first, again, other = (
        synthesised_stop(run, time, {})["uid"] for run, time in [("a", 1.0), ("a", 2.0), ("b", 1.0)]
    )
    assert first == again != other
    assert UUID(first).version == 5


def test_what_was_seen_later_does_not_change_it():
    last = seen([("start", start()), ("descriptor", descriptor(SCALAR))])
    made = synthesised_stop("run-1", last.time, last.num_events)

    last.note("event", event(1, {"x": 0.0}))

    assert made["num_events"] == {"primary": 0}


def test_a_run_of_which_only_the_start_came_ended_when_it_began():
    last = seen([("start", start(time=1.5))])
    assert (last.time, last.num_events) == (1.5, {})


def test_an_event_that_was_taken_again_counts_once():
    events = [("event", event(number, {"x": 0.0})) for number in (1, 2, 3, 2, 3)]
    assert seen([("descriptor", descriptor(SCALAR)), *events]).num_events == {"primary": 3}


def test_a_stream_goes_on_under_another_descriptor():
    second = {**event(2, {"x": 0.0}), "descriptor": "desc-2"}
    last = seen(
        [
            ("descriptor", descriptor(SCALAR)),
            ("event", event(1, {"x": 0.0})),
            ("descriptor", descriptor(SCALAR, uid="desc-2")),
            ("event", second),
        ]
    )
    assert last.num_events == {"primary": 2}


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("event", {}),
        ("event", {"descriptor": "desc-9", "seq_num": 9, "time": 9e9}),
        ("event", {"descriptor": [], "seq_num": 9, "time": 9e9}),
        ("event", {"descriptor": "desc-1", "seq_num": "9", "time": 9e9}),
        ("event", {"descriptor": "desc-1", "seq_num": float("inf"), "time": 9e9}),
        ("event_page", {"descriptor": "desc-1", "seq_num": [], "time": []}),
        ("stream_datum", {"descriptor": "desc-1", "seq_nums": {"start": 0, "stop": 0}}),
        ("stream_datum", {"descriptor": "desc-1", "seq_nums": None}),
        ("start", {"time": "noon"}),
        ("descriptor", {"uid": "desc-3"}),
        ("resource", {"uid": "r"}),
        ("surprise", None),
    ],
)
def test_a_document_that_is_not_valid_changes_nothing(name, document):
    last = seen(
        [("start", start()), ("descriptor", descriptor(SCALAR)), ("event", event(1, {"x": 0.0}))]
    )
    before = last.time, dict(last.num_events)

    last.note(name, document)

    assert (last.time, last.num_events) == before


def test_a_page_counts_as_its_events():
    described = ("descriptor", descriptor(SCALAR))
    rows = [event(number, {"x": 0.0}) for number in (1, 2, 3)]
    whole = seen([described, ("event_page", page(rows))])
    one_by_one = seen([described, *(("event", row) for row in rows)])
    assert (whole.time, whole.num_events) == (one_by_one.time, one_by_one.num_events)


def test_the_checks_know_the_field_by_its_name():
    assert coverage.SYNTHESISED_BY == SYNTHESISED_BY
