"""The race is fair: every writer stores the same, and what is counted is what is asked."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from event_model import DocumentNames, schema_validators

from benchmarks.bulk import ALL_AT_ONCE, BULK_WRITERS, NODES_AT_ONCE
from benchmarks.bulk_router import NAME as BULK_ROUTER
from benchmarks.measure import cost_of, enter, footprint_of, measure
from benchmarks.report import results_of
from benchmarks.targets import Target, open_target
from benchmarks.works import Work, scalars, works
from benchmarks.writers import BACKGROUND, BLUESKYS, FLOOR, INLINE, LEFT_OUT, WRITERS, Writer
from tests.faults.catalogs import read_tree

# Of the writers that there are, which say what is deprecated.
pytestmark = pytest.mark.filterwarnings("ignore")

TINY = 0.0005
WORKS = works(TINY)
CANNOT = {("arrays", BLUESKYS)}
"""Bluesky's own writer puts arrays into the table, which a database of SQLite does not take."""


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with open_target("in-process") as target:
        yield target


@pytest.fixture(scope="module")
def clients(target: Target) -> Iterator[dict[str, Any]]:
    """A container for each writer."""
    with target.new_place().connect() as client:
        yield {name: client.create_container(f"writer-{n}") for n, name in enumerate(WRITERS)}


@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS.keys())
def test_every_writer_stores_the_same(target: Target, clients: dict[str, Any], work: Work) -> None:
    documents = list(work.sample("compared", target.files))
    uids = {document["uid"] for kind, document in documents if kind == "start"}
    stored, refused = {}, set()
    for name, open_writer in WRITERS.items():
        client = clients[name].create_container(work.name)
        try:
            write(open_writer(client), work, target)
        except ValueError:
            refused.add(name)
        else:
            stored[name] = {uid: values_in(client[uid]) for uid in uids}
    ours = stored[INLINE]
    assert rows_in(ours) > 0
    assert refused == {name for kind, name in CANNOT if kind == work.name}
    assert {name for name, found in stored.items() if found != ours} == {
        name for kind, name in LEFT_OUT if kind == work.name
    }


@pytest.mark.parametrize("name", [NODES_AT_ONCE, ALL_AT_ONCE])
def test_many_nodes_in_one_request_are_the_same_nodes(name: str) -> None:
    work = WORKS["small-runs"]
    with (
        open_target("served", routers=(BULK_ROUTER,)) as target,
        target.new_place().connect() as client,
    ):
        found = []
        for each in (FLOOR, name):
            parent = client.create_container(each.replace(" ", "-"))
            write(BULK_WRITERS[each](parent), work, target)
            found.append(read_tree(parent))
    assert found[0] == found[1] != {}


def write(opening: AbstractContextManager[Writer], work: Work, target: Target) -> None:
    with opening as writer:
        for act in writer.acts(work.sample("compared", target.files)):
            act()
        writer.finish()


def values_in(run: Any) -> dict[tuple[str, ...], Any]:
    """All values of a run, by stream and name: however they are put into tables."""
    return _internal(read_tree(run)) | _external(run)


def _internal(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for key, node in tree.items():
        holds = node["holds"]
        match node["family"]:
            case "container":
                found |= _internal(holds, (*path, key))
            case "table":
                found |= {(*path[-1:], name): rows for name, rows in holds["rows"].items()}
            case "array" if isinstance(holds, dict):
                found[*path[-1:], key] = np.ravel(holds["values"]["data"]).tolist()
    return found


def _external(run: Any) -> dict[tuple[str, ...], Any]:
    """What is read of files, where frames may have a dimension more; nothing if nothing can be."""
    primary = run.get("streams", run)["primary"]
    found = {}
    for name, node in getattr(primary, "base", primary).items():
        if name in ("det_0", "det_1", "img"):
            with suppress(AttributeError):  # of an adapter of bytes, which gives no array
                found["primary", name] = np.ravel(node.read()).tolist()
    return found


def rows_in(runs: dict[str, dict[tuple[str, ...], Any]]) -> int:
    return sum(len(values) for run in runs.values() for values in run.values())


@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS.keys())
def test_documents_are_bluesky_s(tmp_path: Path, work: Work) -> None:
    documents = list(work.compose("checked", tmp_path))
    for name, document in documents:
        if name not in ("event", "event_page"):  # their arrays are numpy's, which JSON has not
            schema_validators[DocumentNames[name]].validate(document)
    kinds = Counter(name for name, _ in documents)
    units = {
        "run": kinds["stop"],
        "event": kinds["event"],
        "row": sum(len(page["uid"]) for name, page in documents if name == "event_page"),
        "datum": kinds["stream_datum"] + kinds["datum"],
    }
    assert units[work.unit] == work.units


def test_a_turn_has_runs_of_its_own(tmp_path: Path) -> None:
    for work in WORKS.values():
        one, again, other = (
            {doc["uid"] for kind, doc in work.compose(turn, tmp_path) if kind == "start"}
            for turn in ("one", "one", "other")
        )
        assert one == again
        assert one.isdisjoint(other)


@pytest.mark.parametrize("name", WRITERS)
def test_requests_are_counted_where_they_leave(
    target: Target, clients: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    work = WORKS["events"]
    client = clients[name].create_container("counted")
    with WRITERS[name](client) as writer:
        transport = client.context.http_client._transport
        send, left = transport.handle_request, []

        def listen(request: httpx.Request) -> httpx.Response:
            left.append(request)
            response: httpx.Response = send(request)
            return response

        monkeypatch.setattr(transport, "handle_request", listen)
        cost = cost_of(writer, client, work.compose("counted", target.files))
        assert cost.methods == Counter(request.method for request in left)
        assert cost.sent == sum(len(request.read()) for request in left)
        assert cost.methods["POST"] == 3
        assert 0 < cost.returned <= cost.landed


def test_what_cannot_be_done_is_said(target: Target) -> None:
    entrants = enter(WORKS["arrays"], writers=(BACKGROUND, BLUESKYS))
    measured = measure(target, entrants, 1, with_memory=False)
    results = results_of(entrants, measured)
    assert "Unsupported PyArrow type" in results[BLUESKYS].cannot
    assert not results[BACKGROUND].cannot
    assert results[BACKGROUND].figures["thread_us"].values > (0,)


def test_memory_is_measured_in_a_process_of_its_own(target: Target) -> None:
    [entrant] = enter(scalars("events", 2_000), writers=(BACKGROUND,))
    found = footprint_of(target, entrant)
    assert found.early is not None
    assert 0 < found.before <= found.early <= found.whole
