"""Requests and answers that are lost, or come late: the tree is that of one clean write."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest
from tiled.utils import safe_json_dump

from tests.files import write_hdf5
from tests.sinks.test_files import FRAMES, register, sequence, update, uri
from tests.sinks.test_tiled import (
    UID,
    WHOLE_RUN,
    array,
    close,
    more_array,
    more_ragged,
    patch,
    perform,
    plain,
    ragged,
    requests_of,
    rows,
    run_container,
    stored,
    stream_container,
    table,
    tree,
)
from tiledmap.runtime.errors import DoubledRowsError, SinkError
from tiledmap.runtime.ops import Asset, CloseRun, Op
from tiledmap.sinks.embedded import EmbeddedCatalog, open_catalog
from tiledmap.sinks.tiled import TiledSink

BEGINNING: tuple[Op, ...] = (run_container(), stream_container())


class Line(httpx.BaseTransport):
    """The line to a server, on which one request goes astray.

    Parameters
    ----------
    number
        Which request it is, counted from 0; none if negative.
    how
        ``request``: it never arrives. ``answer``: it does, its answer does not.
        ``late``: it arrives when `arrive` is called.
    """

    def __init__(self, line: httpx.BaseTransport, number: int = -1, how: str = "") -> None:
        self.line = line
        self.number = number
        self.how = how
        self.made: list[str] = []
        self.late: httpx.Request | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.made.append(f"{request.method} {_kind(request)}")
        if len(self.made) - 1 != self.number:
            return self.line.handle_request(request)
        request.read()
        if self.how == "late":
            self.late = request
            raise httpx.ReadTimeout("timed out", request=request)
        if self.how == "answer":
            self.line.handle_request(request).read()
        raise httpx.ReadError("the connection was reset", request=request)

    def arrive(self) -> None:
        assert self.late is not None
        self.line.handle_request(self.late).read()


def _kind(request: httpx.Request) -> str:
    found = re.search(r"/api/v1/(\w+)(/full|/partition)?/", request.url.path)
    assert found
    return found[1]


@contextmanager
def line_to(client: Any, number: int = -1, how: str = "") -> Iterator[Line]:
    http = client.context.http_client
    before = http._transport
    http._transport = line = Line(before, number, how)
    try:
        yield line
    finally:
        http._transport = before


@pytest.fixture(scope="module", params=["sqlite", "duckdb"])
def storage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedCatalog]:
    home = tmp_path_factory.mktemp(request.param)
    with open_catalog(home, storage=request.param, readable_storage=[home]) as catalog:
        yield catalog


@pytest.fixture
def client(storage: EmbeddedCatalog) -> Any:
    """A client of an empty container."""
    return storage.client.create_container(f"test-{uuid4().hex}")


def files(directory: Path) -> list[Op]:
    """A file that grows."""
    path = directory / "f.h5"
    if not path.exists():
        write_hdf5(path, {"d": FRAMES})
    one_file = {
        "mimetype": "application/x-hdf5",
        "assets": (Asset(uri(path), "data_uris", 0),),
        "parameters": {"dataset": "d"},
    }
    two, four, six = (sequence(directory, number, **one_file) for number in (2, 4, 6))
    return [register(two), update(four, 2), update(six, 4)]


def whole_run(directory: Path) -> list[Op]:
    """A run with every kind of op."""
    *ops, last = WHOLE_RUN
    return [*ops, *files(directory), last]


MORE = {
    # Requests that one lost request takes, and one lost answer.
    "POST metadata": (1, 4),  # what is there is looked up, and a table's rows are counted twice
    "POST register": (1, 3),
    "PUT array": (4, 4),  # the node is there already: what is ragged in the run is counted, too
    "PATCH array": (2, 2),  # its length is said once more at the end
    "PATCH table": (3, 1),  # rows that were not there may come yet: counted again at the end
    "PATCH ragged": (4, 3),
    "PATCH metadata": (2, 2),
    "PUT data_source": (2, 2),
    "PUT awkward": (3, 3),
}


@dataclass(frozen=True)
class Clean:
    """What one clean write stores, and its requests."""

    tree: dict[tuple[str, ...], Any]
    made: list[str]


@pytest.fixture(scope="module")
def clean(storage: EmbeddedCatalog) -> Clean:
    client = storage.client.create_container("clean")
    with line_to(client) as line:
        perform(client, *whole_run(storage.directory))
    return Clean(tree(client), line.made)


@pytest.mark.parametrize("how", ["request", "answer"])
@pytest.mark.parametrize("number", range(20))
def test_nothing_is_lost_or_doubled_by_one_loss(
    client: Any, storage: EmbeddedCatalog, clean: Clean, how: str, number: int
) -> None:
    assert len(clean.made) <= 20
    if number >= len(clean.made):
        return
    with line_to(client, number, how) as line:
        perform(client, *whole_run(storage.directory))
    assert tree(client) == clean.tree
    more = MORE[clean.made[number]][how == "answer"]
    assert len(line.made) <= len(clean.made) + more


@pytest.mark.parametrize("number", range(20))
def test_a_replay_after_any_loss_ends_in_the_same_tree(
    client: Any, storage: EmbeddedCatalog, clean: Clean, number: int
) -> None:
    """The process ends while an answer is on its way."""
    if number >= len(clean.made):
        return
    ops = whole_run(storage.directory)
    sink = TiledSink(client, patience=0)
    with line_to(client, number, "answer"), suppress(SinkError):
        for op in ops:
            sink.perform(op)
    del sink
    perform(client, *ops)
    assert tree(client) == clean.tree


# What comes late


def test_rows_that_come_late_are_found_before_the_run_is_closed(client: Any) -> None:
    sink = perform(client, *BEGINNING, table())
    with line_to(client, 0, "late") as line:
        sink.perform(rows(0, 2))
    sink.perform(rows(2, 3))
    line.arrive()
    with pytest.raises(DoubledRowsError, match="it holds 7 rows, and not just the 5 ") as caught:
        sink.perform(close())
    assert caught.value.path == table().path
    assert "stop" not in client[UID].metadata
    sink.perform(close())
    assert client[UID].metadata["stop"]["uid"] == "s1"


def test_a_run_with_doubled_rows_is_written_again_from_its_documents(client: Any) -> None:
    ops = (*BEGINNING, table(), rows(0, 2), rows(2, 3), close())
    sink = perform(client, *ops[:3])
    with line_to(client, 0, "late") as line:
        sink.perform(rows(0, 2))
    sink.perform(rows(2, 3))
    line.arrive()
    with pytest.raises(DoubledRowsError):
        sink.perform(close())
    sink.discard(table())
    for op in ops:
        sink.perform(op)
    assert stored(client, "internal").read()["seq_num"].tolist() == [0, 1, 2, 3, 4]
    assert set(client[UID].metadata) == {"start", "stop"}


def test_rows_that_an_earlier_writer_left_on_the_way_are_found(client: Any) -> None:
    sink = perform(client, *BEGINNING, table())
    with line_to(client, 0, "late") as line, pytest.raises(SinkError):
        TiledSink.perform(_without_patience(sink), rows(0, 2))
    sink.release(UID)
    sink = perform(client, *BEGINNING, table(), rows(0, 2))
    line.arrive()
    with pytest.raises(DoubledRowsError, match="it holds 4 rows, and not just the 2 "):
        sink.perform(close())


def _without_patience(sink: TiledSink) -> TiledSink:
    sink._patience = 0
    return sink


def test_rows_that_came_before_they_were_counted_are_in_no_doubt(client: Any) -> None:
    sink = perform(client, *BEGINNING, table())
    with line_to(client, 0, "answer"):
        sink.perform(rows(0, 2))
    with requests_of(client) as made:
        sink.perform(close())
    assert [request.method for request in made] == ["PATCH"]


def test_an_array_that_late_rows_made_short_has_its_length_again(client: Any) -> None:
    sink = perform(client, *BEGINNING, array(np.arange(6.0).reshape(2, 3)))
    with line_to(client, 0, "late") as line:
        sink.perform(more_array(np.ones((1, 3)), 2))
    sink.perform(more_array(np.ones((2, 3)), 3))
    _shorten(client, line)
    sink.perform(close())
    assert stored(client, "image").read().tolist() == [[0, 1, 2], [3, 4, 5], *[[1, 1, 1]] * 3]


def _shorten(client: Any, line: Line) -> None:
    """Let rows come late to a server that looked the array up before it grew."""
    line.arrive()
    node = stored(client, "image")
    source = node.include_data_sources().data_sources()[0]
    source.structure = {**source.structure, "shape": (3, 3), "chunks": ((2, 1), (3,))}
    address = node.uri.replace("/metadata/", "/data_source/", 1)
    body = {"data_source": asdict(source)}
    content = safe_json_dump(body)
    client.context.http_client.put(
        address, content=content, headers={"Content-Type": "application/json"}
    ).raise_for_status()
    assert stored(client, "image").shape == (3, 3)


def test_files_whose_former_state_comes_late_are_said_again(
    client: Any, storage: EmbeddedCatalog
) -> None:
    first, second, third = files(storage.directory)
    sink = perform(client, *BEGINNING, first)
    with line_to(client, 0, "late") as line:
        sink.perform(second)
    sink.perform(third)
    line.arrive()
    assert stored(client, "img").shape[0] == 4
    sink.perform(close())
    np.testing.assert_array_equal(stored(client, "img").read(), FRAMES)


def test_rows_of_a_ragged_array_that_were_half_stored_are_found(
    duckdb_catalog: EmbeddedCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are in the table, and the server fails before it notes how many there are."""
    from tiled.adapters.ragged import RaggedSQLAdapter

    client, append = duckdb_catalog.client, RaggedSQLAdapter.patch
    failures = iter([True])

    def fail_once(self: Any, *arguments: Any) -> Any:
        structure = append(self, *arguments)
        if next(failures, False):
            raise OSError("database is locked")
        return structure

    # Tiled guards one table of a database, the first, against this.
    first = ragged([[1]], dtype="<i4", key="first")
    sink = perform(client, *BEGINNING, first, ragged([[1, 2], []]))
    monkeypatch.setattr(RaggedSQLAdapter, "patch", fail_once)
    sink.perform(more_ragged([[3]], 2))
    sink.perform(more_ragged([[4, 5]], 3))
    with pytest.raises(DoubledRowsError, match="it holds other rows than the 4"):
        sink.perform(close())
    sink.discard(ragged([[1]]))
    for op in (*BEGINNING, first, ragged([[1, 2], []]), more_ragged([[3], [4, 5]], 2), close()):
        sink.perform(op)
    assert stored(client, "waveform").read().tolist() == [[1, 2], [], [3], [4, 5]]


# What an earlier attempt left


def test_rows_that_an_array_was_made_for_but_never_got_are_written(client: Any) -> None:
    sink = perform(client, *BEGINNING, patience=0)
    with line_to(client, 1, "request"), pytest.raises(SinkError):
        sink.perform(array(np.arange(1.0, 6)))
    sink.release(UID)
    perform(client, *BEGINNING, array(np.arange(1.0, 3)), more_array(np.arange(3.0, 6), 2), close())
    assert stored(client, "image").read().tolist() == [1, 2, 3, 4, 5]


def test_notes_and_stop_are_those_of_the_last_attempt(client: Any) -> None:
    stop = {"uid": "s0", "exit_status": "abort", "reason": "made up"}
    failed = CloseRun(
        run=UID, path=(UID,), at="m.yaml:8", patch={"stop": stop, "notes": ["x is not complete"]}
    )
    perform(client, *BEGINNING, failed)
    perform(client, *BEGINNING, close())
    assert client[UID].metadata == {**run_container().metadata, **close().patch}


def test_notes_that_a_mapping_makes_are_kept(client: Any) -> None:
    begin = run_container(metadata={"start": {"uid": UID}, "notes": ["by the mapping"]})
    failed = replace(close(), patch={"notes": ["by the mapping", "x is not complete"]})
    perform(client, begin, failed)
    perform(client, begin, close())
    assert client[UID].metadata["notes"] == ["by the mapping"]


def test_an_array_that_an_earlier_attempt_wrote_short_is_made_anew(
    catalog: EmbeddedCatalog,
) -> None:
    client, empty = catalog.client, np.zeros((1, 0))
    perform(client, *BEGINNING, ragged([[1]]), array(empty, "nothing"), close())
    perform(
        client,
        *BEGINNING,
        ragged([[1]]),
        array(empty, "nothing"),
        more_ragged([[2, 3]], 1),
        more_array(empty, 1, "nothing"),
        close(),
    )
    assert stored(client, "waveform").read().tolist() == [[1], [2, 3]]
    assert stored(client, "nothing").shape == (2, 0)


def test_a_patch_whose_answer_was_lost_may_remove(client: Any) -> None:
    sink = perform(client, *BEGINNING)
    with line_to(client, 0, "answer"):
        sink.perform(patch({"uid": None, "fresh": 1}))
    assert plain(client)[UID, "primary"].metadata == {"fresh": 1}
