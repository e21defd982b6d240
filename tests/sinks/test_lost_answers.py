"""Requests and answers that are lost, or come late: the tree is that of one clean write."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pyarrow as pa
import pytest
from tiled.utils import safe_json_dump

from tests.files import write_hdf5
from tests.model.tiled import TiledModel, connect
from tests.sinks.test_files import FRAMES, register, sequence, update, uri
from tests.sinks.test_tiled import (
    SCHEMA,
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
    while_answering,
)
from tiledmap.runtime.errors import DoubledRowsError, SinkError
from tiledmap.runtime.ops import AppendRows, Asset, CloseRun, FileSource, Op, ValidateFiles
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
        ``late``: it arrives when `arrive` is called. ``busy``: a proxy answers that it is.
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
        if self.how == "busy":
            return httpx.Response(500, request=request)
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
    found = re.search(r"/(?:api/v1|custom)/(\w+)(/full|/partition)?/", request.url.path)
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
    # What is there is looked up, a table's rows are counted twice, and as another writer may have
    # begun the run, each array and each node of files is said again at the end: three times, as
    # what is in doubt is looked at.
    "POST metadata": (1, 7),
    "POST register": (1, 6),
    "PUT array": (12, 12),  # the node is there already, as above
    "PATCH array": (4, 4),  # its length is said again at the end
    "PATCH table": (5, 1),  # rows that were not there may come yet: counted again at the end
    "PATCH ragged": (9, 8),  # the same where these are its first rows
    "PATCH metadata": (2, 2),
    "PUT data_source": (4, 4),
    "PUT awkward": (3, 3),
}
NOT_MADE = {"sqlite": {"PATCH ragged"}, "duckdb": {"PUT awkward"}}


@dataclass(frozen=True)
class Clean:
    """What one clean write stores, and its requests."""

    tree: dict[tuple[str, ...], Any]
    made: list[str]

    def last(self, kind: str) -> int:
        return len(self.made) - 1 - self.made[::-1].index(kind)


@pytest.fixture(scope="module")
def clean(storage: EmbeddedCatalog) -> Clean:
    client = storage.client.create_container("clean")
    with line_to(client) as line:
        perform(client, *whole_run(storage.directory))
    return Clean(tree(client), line.made)


@pytest.mark.parametrize("how", ["request", "answer"])
@pytest.mark.parametrize("kind", MORE)
def test_nothing_is_lost_or_doubled_by_one_loss(
    client: Any, storage: EmbeddedCatalog, clean: Clean, how: str, kind: str
) -> None:
    """Of each kind of request the first or the last; the laws lose any."""
    assert set(clean.made) == set(MORE) - NOT_MADE[storage.storage]
    if kind in NOT_MADE[storage.storage]:
        return
    number = clean.made.index(kind) if how == "request" else clean.last(kind)
    with line_to(client, number, how) as line:
        perform(client, *whole_run(storage.directory))
    assert tree(client) == clean.tree
    assert len(line.made) <= len(clean.made) + MORE[kind][how == "answer"]


@pytest.mark.parametrize("kind", MORE)
def test_a_replay_after_any_loss_ends_in_the_same_tree(
    client: Any, storage: EmbeddedCatalog, clean: Clean, kind: str
) -> None:
    """The process ends while an answer is on its way."""
    if kind in NOT_MADE[storage.storage]:
        return
    number = clean.made.index(kind)
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


def test_rows_that_come_after_the_first_look_are_found_as_well(client: Any) -> None:
    sink = perform(client, *BEGINNING, table())
    with line_to(client, 0, "late") as line:
        sink.perform(rows(0, 2))
    looks = count()

    def answered(response: httpx.Response) -> None:
        if response.request.method == "GET" and next(looks) == 0:
            line.arrive()

    with while_answering(client, answered), pytest.raises(DoubledRowsError):
        sink.perform(close())
    assert "stop" not in client[UID].metadata


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


def test_files_whose_former_state_a_killed_writer_left_on_the_way_are_said_again(
    client: Any, storage: EmbeddedCatalog
) -> None:
    first, second, third = files(storage.directory)
    killed = perform(client, *BEGINNING, first, patience=0)
    with line_to(client, 0, "late") as line, suppress(SinkError):
        killed.perform(second)
    killed.release(UID)
    sink = perform(client, *BEGINNING, first, second, third)
    line.arrive()
    assert stored(client, "img").shape[0] == 4
    sink.perform(close())
    np.testing.assert_array_equal(stored(client, "img").read(), FRAMES)


def test_files_that_were_registered_in_a_run_begun_before_are_as_they_were(
    client: Any, storage: EmbeddedCatalog
) -> None:
    """What is said of them once more at the run's end is all of it."""
    (first, *_) = files(storage.directory)
    perform(client, *BEGINNING).release(UID)
    perform(client, *BEGINNING, first, close())
    assert stored(client, "img").structure().dims == first.source.dims
    np.testing.assert_array_equal(stored(client, "img").read(), FRAMES[:2])


def test_files_of_which_a_replay_knows_less_are_left_as_they_are(
    client: Any, storage: EmbeddedCatalog
) -> None:
    first, second, _ = files(storage.directory)
    perform(client, *BEGINNING, first, second).release(UID)
    perform(client, *BEGINNING, first, close())
    np.testing.assert_array_equal(stored(client, "img").read(), FRAMES[:4])


def in_another_order(directory: Path) -> list[Op]:
    """Files of which the second comes before the first: their node is deleted, and made anew."""
    for name, part in (("a.h5", FRAMES[:2]), ("b.h5", FRAMES[2:4]), ("c.h5", FRAMES[4:])):
        if not (directory / name).exists():
            write_hdf5(directory / name, {"d": part})

    def source(*names: str) -> FileSource:
        assets = (Asset(uri(directory / name), "data_uris", n) for n, name in enumerate(names))
        return sequence(
            directory,
            2 * len(names),
            mimetype="application/x-hdf5",
            assets=tuple(assets),
            parameters={"dataset": "d"},
        )

    later = update(source("a.h5", "b.h5"), 0), update(source("a.h5", "b.h5", "c.h5"), 4)
    return [register(source("b.h5")), *later]


@pytest.mark.parametrize("when", ["at the next file", "at the end"])
def test_a_node_that_was_made_anew_and_deleted_late_is_made_again(
    client: Any, storage: EmbeddedCatalog, when: str
) -> None:
    first, second, third = in_another_order(storage.directory)
    sink = perform(client, *BEGINNING, first)
    with line_to(client, 0, "late") as line:
        sink.perform(second)
    if when == "at the next file":
        line.arrive()
    sink.perform(third)
    sink.perform(patch({"kind": "image"}, *first.path))
    if when == "at the end":
        line.arrive()
    with requests_of(client) as made:
        sink.perform(close())
    posts = [request for request in made if request.method == "POST"]
    assert len(posts) == (when == "at the end")
    np.testing.assert_array_equal(stored(client, "img").read(), FRAMES)
    assert stored(client, "img").metadata["kind"] == "image"


def test_an_array_that_waited_and_was_deleted_late_is_made_again(
    catalog: EmbeddedCatalog,
) -> None:
    client, empty = catalog.client, np.zeros((1, 0))
    perform(client, *BEGINNING, array(empty, "nothing"), ragged([[1]]), close())
    again = (array(empty, "nothing"), ragged([[1]]), more_ragged([[2]], 1))
    sink = perform(client, *BEGINNING, *again, more_array(empty, 1, "nothing"))
    transport = client.context.http_client._transport
    late: list[httpx.Request] = []
    given_up: set[httpx.URL] = set()

    def delay(request: httpx.Request) -> httpx.Response:
        """Give up the first DELETE of each node, which arrives after that has been made anew."""
        if request.method == "DELETE" and request.url not in given_up:
            given_up.add(request.url)
            late.append(request)
            raise httpx.ReadTimeout("timed out", request=request)
        response = transport.handle_request(request)
        is_made = request.method == "PUT" or b'"nothing"' in request.content
        if is_made and response.status_code == 200 and late:
            transport.handle_request(late.pop()).read()
        return response

    client.context.http_client._transport = httpx.MockTransport(delay)
    try:
        sink.perform(close())
    finally:
        client.context.http_client._transport = transport
    assert len(given_up) == 2
    assert stored(client, "nothing").shape == (2, 0)
    assert stored(client, "waveform").read().tolist() == [[1], [2]]


def test_what_is_found_wrong_at_the_end_is_in_the_notes(catalog: EmbeddedCatalog) -> None:
    """And stays there where the last word has to be said twice."""
    client = catalog.client
    begin = run_container(metadata={"start": {"uid": UID}, "notes": ["by the mapping"]})
    sink = perform(client, begin, stream_container(), ragged([[1]]), patience=0)
    transport = client.context.http_client._transport
    words = []

    def refuse(request: httpx.Request) -> httpx.Response:
        if "/awkward/" in request.url.path:
            return httpx.Response(403, json={"detail": "no"})
        if request.method == "PATCH":
            words.append(request)
            if len(words) == 1:
                return httpx.Response(503)
        return transport.handle_request(request)

    client.context.http_client._transport = httpx.MockTransport(refuse)
    for reason in ("503", "403"):
        with pytest.raises(SinkError, match=f"the server says {reason}"):
            sink.perform(close())
    client.context.http_client._transport = transport
    assert client[UID].metadata["notes"] == [
        "by the mapping",
        f"{UID}/primary/waveform is not complete: the server says 403: no",
    ]


def test_what_a_last_look_has_found_is_in_the_notes(client: Any) -> None:
    """Also where the last word has to be said twice."""
    sink = perform(client, *BEGINNING, array(np.ones((2, 3))), patience=0)
    with line_to(client, 0, "late"), suppress(SinkError):
        sink.perform(more_array(np.ones((1, 3)), 2))
    sink.perform(more_array(np.ones((1, 3)), 2))
    plain(client)[UID, "primary"].delete_contents("image", external_only=False)
    with line_to(client, 1, "request"), pytest.raises(SinkError, match="did not come"):
        sink.perform(close())
    with pytest.raises(SinkError, match="404"):
        sink.perform(close())
    [note] = client[UID].metadata["notes"]
    assert note.startswith(f"{UID}/primary/image is not complete: the server says 404: ")
    assert "stop" in client[UID].metadata


# Which rows a table holds


class Losses:
    """What becomes of requests that append rows, in turn; all others succeed.

    Attributes
    ----------
    plan
        ``never, lost``: it does not arrive. ``now, lost``: its answer does not. ``late, lost``:
        it arrives just before the next one.
    """

    def __init__(self) -> None:
        self.plan: list[str] = []
        self._late: list[httpx.Request] = []

    def handle(self, model: TiledModel, request: httpx.Request) -> httpx.Response:
        is_append = request.method == "PATCH" and "/table/" in request.url.path
        if not is_append or not self.plan:
            return model.handle_request(request)
        what = self.plan.pop(0)
        while self._late:
            model.handle_request(self._late.pop())
        if what == "late, lost":
            self._late.append(request)
        elif what == "now, lost":
            model.handle_request(request)
        if what.endswith("lost"):
            raise httpx.ReadTimeout("timed out", request=request)
        return model.handle_request(request)


KEYLESS = pa.schema([("number", pa.int64()), ("x", pa.float64())])


def keyless(first: int, count: int) -> AppendRows:
    """Rows that no column tells apart."""
    columns = [pa.array([7] * count), pa.array([n / 2 for n in range(first, first + count)])]
    return replace(rows(first, count), rows=pa.RecordBatch.from_arrays(columns, schema=KEYLESS))


def with_losses(*plan: str, shuffle: Random | None, schema: pa.Schema) -> tuple[Any, TiledSink]:
    """A model of a server, and a sink whose appends to a new table there meet losses."""
    model, losses = TiledModel(shuffle=shuffle), Losses()
    losses.plan = list(plan)
    client = connect(httpx.MockTransport(lambda request: losses.handle(model, request)))
    return model, perform(client, *BEGINNING, table(schema))


IN_ANY_ORDER = pytest.mark.parametrize(
    "shuffle", [None, Random(4)], ids=["in order", "in any order"]
)
WITH_AND_WITHOUT_KEY = pytest.mark.parametrize(
    ("more", "schema"), [(rows, SCHEMA), (keyless, KEYLESS)], ids=["key", "no key"]
)


@IN_ANY_ORDER
@WITH_AND_WITHOUT_KEY
@pytest.mark.parametrize(
    "plan",
    [
        ("now, lost",),
        ("never, lost", "sent"),
        ("sent", "now, lost"),
        ("sent", "never, lost", "never, lost", "sent"),
    ],
    ids=", then ".join,
)
def test_a_table_that_holds_its_rows_is_sound(
    plan: tuple[str, ...], more: Any, schema: pa.Schema, shuffle: Random | None
) -> None:
    model, sink = with_losses(*plan, shuffle=shuffle, schema=schema)
    for op in (more(0, 2), more(2, 2), more(4, 2), close()):
        sink.perform(op)
    there = model.nodes[UID, "primary", "internal"].data["x"].to_pylist()
    assert there == [0, 0.5, 1, 1.5, 2, 2.5]


@IN_ANY_ORDER
@WITH_AND_WITHOUT_KEY
def test_rows_that_came_twice_are_found_behind_as_many_that_are_lost(
    more: Any, schema: pa.Schema, shuffle: Random | None
) -> None:
    plan = ("late, lost", "sent", "never, lost")
    model, sink = with_losses(*plan, shuffle=shuffle, schema=schema)
    sink.perform(more(0, 2))
    sink.perform(more(2, 2))
    assert len(model.nodes[UID, "primary", "internal"].data) == 4
    with pytest.raises(DoubledRowsError, match="it holds other rows than the 4 that the run has"):
        sink.perform(close())


@pytest.mark.parametrize("is_told", [True, False])
def test_rows_that_came_late_in_place_of_themselves_are_known_by_their_key(is_told: bool) -> None:
    more, schema = (rows, SCHEMA) if is_told else (keyless, KEYLESS)
    plan = ("late, lost", "never, lost")
    _, sink = with_losses(*plan, shuffle=None, schema=schema)
    sink.perform(more(0, 2))
    with nullcontext() if is_told else pytest.raises(DoubledRowsError):
        sink.perform(close())


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 6])
def test_a_replay_goes_on_with_rows_in_any_order(cut: int) -> None:
    """In portions of another size than those that are there."""
    model = TiledModel(shuffle=Random(4))
    client = connect(model)
    perform(client, *BEGINNING, table(), rows(0, cut)).release(UID)
    perform(client, *BEGINNING, table(), rows(0, 2), rows(2, 2), rows(4, 2), close())
    there = model.nodes[UID, "primary", "internal"].data["seq_num"].to_pylist()
    assert there == [0, 1, 2, 3, 4, 5]


def test_a_replay_finds_rows_of_a_writer_before_in_the_place_of_others() -> None:
    model = TiledModel(shuffle=Random(4))
    client = connect(model)
    perform(client, *BEGINNING, table(), rows(0, 2)).release(UID)
    node = model.nodes[UID, "primary", "internal"]
    node.data = pa.concat_tables([node.data, node.data])
    with pytest.raises(DoubledRowsError, match="it holds other rows than the 5"):
        perform(client, *BEGINNING, table(), rows(0, 3), rows(3, 2), close())


@pytest.mark.parametrize("at", ["creation", "extension"])
def test_rows_of_a_ragged_array_that_were_half_stored_are_found(
    duckdb_catalog: EmbeddedCatalog, monkeypatch: pytest.MonkeyPatch, at: str
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
    sink = perform(client, *BEGINNING, first)
    if at == "creation":
        monkeypatch.setattr(RaggedSQLAdapter, "patch", fail_once)
    sink.perform(ragged([[1, 2], []]))
    if at == "extension":
        monkeypatch.setattr(RaggedSQLAdapter, "patch", fail_once)
    sink.perform(more_ragged([[3]], 2))
    sink.perform(more_ragged([[4, 5]], 3))
    with pytest.raises(DoubledRowsError, match="it holds other rows than the 4"):
        sink.perform(close())
    sink.discard(ragged([[1]]))
    for op in (*BEGINNING, first, ragged([[1, 2], []]), more_ragged([[3], [4, 5]], 2), close()):
        sink.perform(op)
    assert stored(client, "waveform").read().tolist() == [[1, 2], [], [3], [4, 5]]


def test_a_proxy_that_is_busy_while_a_ragged_array_is_looked_at_dooms_no_run(
    duckdb_catalog: EmbeddedCatalog,
) -> None:
    client = duckdb_catalog.client
    sink = perform(client, *BEGINNING, ragged([[1]]))
    with line_to(client, 0, "request"):
        sink.perform(more_ragged([[2, 3]], 1))
    with line_to(client, 0, "busy") as line:
        sink.perform(close())
    assert line.made[:2] == ["GET ragged", "GET ragged"]
    assert set(client[UID].metadata) == {"start", "stop"}


def test_a_proxy_that_is_busy_while_files_are_compared_is_asked_again(
    duckdb_catalog: EmbeddedCatalog,
) -> None:
    sink = perform(duckdb_catalog.client, *BEGINNING)
    question = ValidateFiles(run=UID, path=(UID,), at="m.yaml:1", fix=False)
    answer = sink.validate_files(question)
    with line_to(duckdb_catalog.client, 0, "busy") as line:
        assert sink.validate_files(question) == answer == (True, [])
    assert line.made == ["GET validate", "GET validate"]


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
