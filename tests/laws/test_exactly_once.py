"""Whatever is lost, late, refused or killed: in the end a catalog holds each run exactly once.

Writers deliver runs to a model of Tiled, request by request, in any order that a schedule says. A
request may be lost, or its answer; it may be acted on long after its writer has given it up; a
writer may die at any request, and another may begin at any time to write the same run from its
first document. Whoever is told that a run is stored can rely on it, and a replay mends any other.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, TypeAlias

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.model.ops import LAYOUT, ops_of
from tests.model.tiled import Doubled, Json, Path, TiledModel
from tests.model.world import Attempt, Begin, Fault, Unhurried, World
from tests.runtime.layouts import descriptor, event, key, start, stop
from tiledmap.runtime.delivery import Delivery
from tiledmap.runtime.errors import WriteError
from tiledmap.runtime.ops import Op
from tiledmap.runtime.run_writer import RunWriter, Writing, shipped_fallback
from tiledmap.sinks.tiled import TiledSink

EXAMPLES = int(os.environ.get("TILEDMAP_EXAMPLES", "600"))
SETTINGS = settings(deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))
Documents: TypeAlias = Sequence[tuple[str, Json]]


@pytest.fixture(scope="module", autouse=True)
def _silent() -> Iterator[None]:
    logger = logging.getLogger("tiledmap")
    logger.disabled = True  # thousands of warnings
    yield
    logger.disabled = False


# Runs, and how they are written


@dataclass(frozen=True)
class Run:
    """What one run is like.

    Parameters
    ----------
    kinds
        The data that it has beside numbers.
    files
        Which resource has the file of each row. Those of the first come before those of another,
        and Tiled puts no file before one that it knows: then the node is made anew.
    suffix
        Of the names of its streams and data keys.
    """

    kinds: frozenset[str]
    files: str = "aaaaa"
    suffix: str = ""


@cache
def documents(uid: str, run: Run) -> Documents:
    """A run of two streams, one of them with a configuration that changes twice."""
    data_keys = {name + run.suffix: KEYS[name] for name in sorted({"x", *run.kinds})}
    described = [
        descriptor(
            data_keys,
            run=uid,
            uid=f"{uid}-d{number}",
            name=f"primary{run.suffix}",
            configuration={"det": {"data": {"gain": number}, "timestamps": {}, "data_keys": {}}},
        )
        for number in range(3)
    ]
    x, frames = f"x{run.suffix}", f"frames{run.suffix}"
    baseline = descriptor(
        {x: KEYS["x"]}, run=uid, uid=f"{uid}-baseline", name=f"baseline{run.suffix}"
    )

    def row(seq_num: int, of: int) -> tuple[str, Json]:
        values = {
            "x": seq_num / 2,
            "image": [[seq_num, 2], [3, 4]],
            "nothing": [],
            "waveform": [float(seq_num)] * (seq_num % 3),
        }
        named = {name + run.suffix: value for name, value in values.items()}
        data = {name: value for name, value in named.items() if name in data_keys}
        return "event", event(seq_num, data, descriptor=f"{uid}-d{of}")

    def before_and_after(seq_num: int) -> tuple[str, Json]:
        return "event", event(seq_num, {x: seq_num / 2}, descriptor=f"{uid}-baseline")

    def file(number: int) -> Documents:
        writer = run.files[number]
        first = run.files[:number].count(writer)
        datum = {
            "uid": f"{uid}-{writer}/{first}",
            "stream_resource": f"{uid}-{writer}",
            "descriptor": f"{uid}-d0",
            "indices": {"start": first, "stop": first + 1},
            "seq_nums": {"start": number + 1, "stop": number + 2},
        }
        return [("stream_datum", datum)] if "frames" in run.kinds else []

    resources = [
        {
            "uid": f"{uid}-{writer}",
            "run_start": uid,
            "data_key": frames,
            "mimetype": "multipart/related;type=image/tiff",
            "uri": f"file://localhost/data/{writer}/",
            "parameters": {"template": "{:04d}.tiff", "chunk_shape": [1]},
        }
        for writer in sorted({*run.files})
        if "frames" in run.kinds
    ]
    return (
        ("start", start(uid, tiled_access_tags=["beamline"])),
        ("descriptor", described[0]),
        *(("stream_resource", resource) for resource in resources),
        row(1, of=0),
        *file(0),
        row(2, of=0),
        *file(1),
        ("descriptor", baseline),
        before_and_after(1),
        ("descriptor", described[1]),
        row(3, of=1),
        *file(2),
        ("descriptor", described[2]),
        row(4, of=2),
        *file(3),
        row(5, of=2),
        *file(4),
        before_and_after(2),
        ("stop", stop(uid)),
    )


KEYS = {
    "x": key(dtype_numpy="<f8"),
    "image": key("array", (2, 2), dtype_numpy="<i8"),
    "nothing": key("array", (0,), dtype_numpy="<f8"),
    "waveform": key("array", (None,), dtype_numpy="<f8"),
    "frames": key("array", (1, 4, 5), dtype_numpy="<u2", external="STREAM:"),
}


Runs: TypeAlias = tuple[Run, ...]


def uids(runs: Runs) -> list[str]:
    return [f"run-{number}" for number in range(len(runs))]


@cache
def recorded_ops(uid: str, run: Run, flush_rows: int) -> Sequence[tuple[Op]]:
    return [(op,) for op in ops_of(documents(uid, run), flush_rows)]


def ops_to_be_sent(runs: Runs) -> Begin:
    """Write the ops of runs, recorded once."""
    by_uid = dict(zip(uids(runs), runs, strict=True))

    def begin(sink: TiledSink, uid: str, flush_rows: int) -> Attempt:
        delivery = Delivery(sink, pass_over, Unhurried())
        return Attempt(recorded_ops(uid, by_uid[uid], flush_rows), delivery.send, delivery)

    return begin


def documents_to_be_written(runs: Runs) -> Begin:
    """Write the documents of runs, which is slower."""
    by_uid = dict(zip(uids(runs), runs, strict=True))

    def begin(sink: TiledSink, uid: str, flush_rows: int) -> Attempt:
        writing = Writing(
            LAYOUT,
            shipped_fallback(),
            sink,
            report=pass_over,
            patience=Unhurried(),
            flush_rows=flush_rows,
            flush_seconds=3600.0,
            clock=lambda: 0.0,
        )
        writer = RunWriter(uid, writing)
        return Attempt(documents(uid, by_uid[uid]), writer.take, writer.delivery)

    return begin


def pass_over(error: WriteError) -> None:
    """A delivery knows its losses."""


@cache
def clean_tree(runs: Runs, stores_lists: bool) -> dict[Path, Json]:
    """What Tiled holds where nothing ever fails."""
    with World(TiledModel(stores_lists), uids(runs), documents_to_be_written(runs)) as world:
        world.process("clean", flush_rows=10_000)
        world.finish()
        return world.model.plain()


# What happens to them


@dataclass(frozen=True)
class Server:
    """What is not the same on every Tiled server.

    Parameters
    ----------
    stores_lists
        Whether tables may hold lists.
    order
        The seed of the order in which rows of tables are read; None where that is their own.
    doubled
        What becomes of rows of a ragged array whose number is stored already.
    """

    stores_lists: bool = True
    order: int | None = None
    doubled: Doubled = "refused"

    def model(self) -> TiledModel:
        return TiledModel(
            self.stores_lists,
            shuffle=None if self.order is None else Random(self.order),
            doubled=self.doubled,
        )


SQLITE = Server(stores_lists=False)
DUCKDB = st.builds(Server, doubled=st.sampled_from(["dropped", "stored"]))
POSTGRESQL = st.builds(
    Server, order=st.integers(0, 99), doubled=st.sampled_from(["refused", "stored"])
)


@dataclass(frozen=True)
class Step:
    """A writer makes some requests that succeed, and one that does not.

    Parameters
    ----------
    writer
        Which one; it begins, or begins again, if it is not at work.
    fault
        What becomes of that one; None for a request of before that arrives only now.
    """

    writer: int
    requests: int
    fault: Fault | None


LATE = Fault("later", httpx.ReadTimeout)
KILLED_LATE = Fault("later", None)
FAULTS = (
    Fault("never", httpx.ConnectError),
    Fault("never", httpx.ReadTimeout),
    Fault("never", 429),
    Fault("never", 500),
    Fault("never", 503),
    Fault("never", None),
    Fault("now", httpx.ReadError),
    Fault("now", httpx.RemoteProtocolError),
    Fault("now", 500),
    Fault("now", 504),
    Fault("now", None),
    Fault("later", 504),
    KILLED_LATE,
    Fault("half", httpx.ReadError),
    Fault("half", 500),
    Fault("half", None),
    Fault("half, later", httpx.ReadTimeout),
    Fault("half, later", None),
    *[LATE] * 4,  # the worst of all,
    *[None] * 4,  # with what follows it
)


def steps() -> st.SearchStrategy[list[Step]]:
    """A schedule; what follows it succeeds."""
    step = st.builds(
        Step,
        writer=st.integers(0, 2),
        requests=st.integers(0, 8),
        fault=st.sampled_from(FAULTS),
    )
    return st.integers(0, 25).flatmap(lambda n: st.lists(step, min_size=n, max_size=n))


RUNS = st.lists(
    st.builds(
        Run,
        kinds=st.frozensets(st.sampled_from(sorted(KEYS.keys() - {"x"}))),
        files=st.sampled_from(["aaaaa", "aabba", "ababa"]),
        suffix=st.sampled_from(["", "{}", "{index}"]),
    ),
    min_size=1,
    max_size=2,
).map(tuple)
CASE = {
    "runs": RUNS,
    "server": st.one_of(st.just(SQLITE), DUCKDB, POSTGRESQL),
    "flush_rows": st.tuples(*[st.integers(1, 3)] * 3),
    "schedule": steps(),
}


@given(**CASE)
@settings(SETTINGS, max_examples=EXAMPLES)
def test_in_the_end_ops_are_performed_once(
    runs: Runs, server: Server, flush_rows: Sequence[int], schedule: list[Step]
) -> None:
    check(ops_to_be_sent(runs), runs, server, flush_rows, schedule)


@given(**CASE)
@settings(SETTINGS, max_examples=EXAMPLES // 10)
def test_in_the_end_documents_are_stored_once(
    runs: Runs, server: Server, flush_rows: Sequence[int], schedule: list[Step]
) -> None:
    check(documents_to_be_written(runs), runs, server, flush_rows, schedule)


def test_what_is_late_of_a_killed_writer_may_come_whenever_another_is_at_work() -> None:
    runs = (Run(frozenset({"frames"})),)
    asked = requests_of(runs)
    for number, request in enumerate(asked):
        if request[:2] == ("PUT", "data_source"):
            for later in range(2 * len(asked)):  # it asks what is there, too
                schedule = [Step(0, number, KILLED_LATE), Step(1, later, None)]
                check(ops_to_be_sent(runs), runs, Server(), [1, 1, 1], schedule)


def requests_of(runs: Runs) -> list[tuple[str, str]]:
    """Of each request of a clean write, its method and endpoint."""
    asked = []
    with World(TiledModel(), uids(runs), ops_to_be_sent(runs)) as world:
        process = world.process("clean", flush_rows=1)
        while process.request is not None:
            asked.append((process.request.method, process.request.url.path.split("/")[3]))
            world.advance(process, requests=1)
    return asked


def check(
    begin: Begin,
    runs: Runs,
    server: Server,
    flush_rows: Sequence[int],
    schedule: Sequence[Step],
) -> None:
    with World(server.model(), uids(runs), begin) as world:
        for step in schedule:
            process = world.process(f"writer-{step.writer}", flush_rows[step.writer])
            world.advance(process, step.requests)
            if step.fault is None:
                world.arrive()
            else:
                world.fail(process, step.fault)
        world.finish()
        if world.stored < set(uids(runs)):
            world.process("replay", flush_rows[0])
            world.finish()
        assert world.stored == set(uids(runs))
        assert differing(world.model.plain(), clean_tree(runs, server.stores_lists)) == {}


def differing(tree: dict[Path, Json], wanted: dict[Path, Json]) -> dict[Path, tuple[Any, Any]]:
    """The nodes that are not as they should be, each as it is and as it should be."""
    return {
        path: (tree.get(path), wanted.get(path))
        for path in {**tree, **wanted}
        if tree.get(path) != wanted.get(path)
    }
