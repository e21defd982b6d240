"""Internal data is stored completely, and read back by Bluesky's own clients.

Each kind of data that a RunEngine may send is written with `bluesky-v3` into real catalogs, with
tables in SQLite and in DuckDB, and read through `BlueskyRun` and `BlueskyEventStream`.
"""

import math
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiledmap
from tests.acceptance.logs import errors_in
from tests.runtime.layouts import descriptor, event, key, page, start, stop
from tiledmap.sinks.embedded import EmbeddedCatalog

Documents = Sequence[tuple[str, dict[str, Any]]]


@pytest.fixture(params=["catalog", "duckdb_catalog"])
def catalog_of_either_kind(request: pytest.FixtureRequest) -> EmbeddedCatalog:
    catalog: EmbeddedCatalog = request.getfixturevalue(request.param)
    return catalog


@pytest.fixture
def client(catalog_of_either_kind: EmbeddedCatalog) -> Any:
    return catalog_of_either_kind.client


def store(
    client: Any,
    documents: Iterable[tuple[str, Any]],
    mapping: str | Path = "bluesky-v3",
    **settings: Any,
) -> Any:
    """Write documents two rows at a time, and give the first run, where nothing may go wrong."""
    loaded = tiledmap.load(mapping, settings=settings)
    with loaded.writer(client, flush_rows=2, on_error="raise") as writer:
        for name, document in documents:
            writer(name, document)
    return client["run-1"]


def a_run(data_keys: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Documents:
    return [
        ("start", start(plan_name="count")),
        ("descriptor", descriptor(data_keys)),
        *(("event", event(number, row)) for number, row in enumerate(rows, start=1)),
        ("stop", stop()),
    ]


def values(run: Any, name: str, stream: str = "primary") -> list[Any]:
    """The values of a data key, as the stream's client reads them."""
    found: list[Any] = run[stream].read()[name].values.tolist()
    return found


def notes(run: Any) -> str:
    return "\n".join(run.metadata.get("notes", []))


def configured(gain: float) -> dict[str, Any]:
    return {
        "det": {"data": {"gain": gain}, "timestamps": {"gain": 1.0}, "data_keys": {"gain": key()}}
    }


# Descriptors


def test_a_second_descriptor_updates_the_configuration(client: Any) -> None:
    run = store(
        client,
        [
            ("start", start()),
            ("descriptor", descriptor({"x": key()}, configuration=configured(1.0))),
            ("event", event(1, {"x": 1.5})),
            ("descriptor", descriptor({"x": key()}, uid="d2", configuration=configured(2.0))),
            ("event", event(2, {"x": 2.5}, "d2")),
            ("event", event(3, {"x": 3.5}, "d2")),
            ("stop", stop()),
        ],
    )

    assert values(run, "x") == [1.5, 2.5, 3.5]
    (update,) = run["primary"].metadata["_config_updates"]
    assert update["configuration"]["det"]["data"] == {"gain": 2.0}
    gains = [found["configuration"]["det"]["data"]["gain"] for found in run["primary"].descriptors]
    assert gains == [1.0, 2.0]


def test_a_descriptor_with_other_data_keys_opens_another_stream(client: Any) -> None:
    run = store(
        client,
        [
            ("start", start()),
            ("descriptor", descriptor({"x": key()})),
            ("event", event(1, {"x": 1.5})),
            ("descriptor", descriptor({"x": key(), "y": key("string")}, uid="d2")),
            ("event", event(2, {"x": 2.5, "y": "two"}, "d2")),
            ("descriptor", descriptor({"z": key()}, uid="d3", name="primary_2")),
            ("event", event(1, {"z": 7.0}, "d3")),
            ("stop", stop()),
        ],
    )

    assert values(run, "x") == [1.5]
    assert values(run, "y", "primary_2") == ["two"]
    assert values(run, "x", "primary_2") == [2.5]
    assert values(run, "z", "primary_2_2") == [7.0]
    assert "continues in run-1/primary_2" in notes(run)
    assert "stream 'primary_2' is stored as run-1/primary_2_2" in notes(run)


# Events


def test_pages_and_events_are_one_table(client: Any) -> None:
    keys = {"x": key(), "s": key("string"), "image": key("array", (2,), dtype_numpy="<i4")}
    events = [event(n, {"x": n / 2, "s": f"{n}", "image": [n, -n]}) for n in range(1, 8)]
    run = store(
        client,
        [
            ("start", start()),
            ("descriptor", descriptor(keys)),
            ("event", events[0]),
            ("event_page", page(events[1:4])),
            ("event_page", {**page(events[4:6]), "seq_num": np.array([5, 6])}),
            ("event", events[6]),
            ("stop", stop()),
        ],
    )

    assert run["primary"].base["internal"].read()["seq_num"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert values(run, "x") == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]
    assert values(run, "s") == ["1", "2", "3", "4", "5", "6", "7"]
    assert values(run, "image") == [[n, -n] for n in range(1, 8)]


def test_interleaved_and_nested_runs_are_kept_apart(client: Any) -> None:
    store(
        client,
        [
            ("start", start("run-1")),
            ("descriptor", descriptor({"x": key()}, "run-1", "d1")),
            ("event", event(1, {"x": 1.0}, "d1")),
            ("start", start("run-2", parent="run-1")),
            ("descriptor", descriptor({"x": key("string")}, "run-2", "d2")),
            ("event", event(1, {"x": "inner"}, "d2")),
            ("event", event(2, {"x": 2.0}, "d1")),
            ("stop", stop("run-2")),
            ("event", event(3, {"x": 3.0}, "d1")),
            ("stop", stop("run-1")),
        ],
    )

    assert values(client["run-1"], "x") == [1.0, 2.0, 3.0]
    assert values(client["run-2"], "x") == ["inner"]
    assert client["run-2"].metadata["stop"]["run_start"] == "run-2"


def test_what_an_event_lacks_is_null_and_said(client: Any, caplog: Any) -> None:
    keys = {"x": key(), "n": key("integer"), "s": key("string"), "a": key("array", (2,))}
    rows = [{"x": 1.0, "n": 1, "s": "a", "a": [1, 2]}, {"x": 2.0}, {"n": 3, "s": "c"}]

    run = store(client, a_run(keys, rows))

    table = run["primary"].base["internal"].read()
    assert table["x"].tolist()[:2] == [1.0, 2.0]
    assert math.isnan(table["x"][2])
    assert table["n"].isna().tolist() == [False, True, False]
    assert table["s"].isna().tolist() == [False, True, False]
    assert np.isnan(values(run, "a")).tolist() == [[False] * 2, [True] * 2, [True] * 2]
    assert "event 3 has no data['x']" in notes(run)


# Values


NUMBERS = {
    "boolean": ("boolean", "|b1", [True, False, True]),
    "signed": ("integer", "<i8", [-(2**63), 2**63 - 1, 0]),
    "unsigned": ("integer", "<u8", [2**64 - 1, 0, 2**63]),
    "narrow": ("integer", "<i2", [-(2**15), 2**15 - 1, 0]),
    "double": ("number", "<f8", [0.1, 5e-324, -1.7976931348623157e308]),
    "whole": ("number", "<f8", [1, 2, 3]),
    "infinite": ("number", "<f8", [math.inf, -math.inf, 0.0]),
    "text": ("string", "<U9", ["", "Å \U0001f600", "it's; --"]),
    "long": ("string", "<U0", ["x" * 100_000, "y" * 70_000, "z"]),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_values_come_back_as_they_were(client: Any, kind: str) -> None:
    dtype, dtype_numpy, sent = NUMBERS[kind]
    keys = {"x": key(dtype, dtype_numpy=dtype_numpy)}

    run = store(client, a_run(keys, [{"x": value} for value in sent]))

    assert values(run, "x") == sent
    assert "notes" not in run.metadata or "not stored" not in notes(run)


def test_nan_is_nan(client: Any) -> None:
    keys = {"x": key(), "a": key("array", (2,))}

    run = store(client, a_run(keys, [{"x": math.nan, "a": [1.5, math.nan]}, {"x": 1, "a": [0, 1]}]))

    assert np.isnan(values(run, "x")).tolist() == [True, False]
    assert np.isnan(values(run, "a")).tolist() == [[False, True], [False, False]]


def test_large_integers_beside_missing_ones_stay_exact(
    catalog_of_either_kind: EmbeddedCatalog,
) -> None:
    rows = [{"n": 2**53 + 1}, {}, {"n": 2**63 - 1}, {"n": 1}]

    run = store(catalog_of_either_kind.client, a_run({"n": key("integer")}, rows))

    database = catalog_of_either_kind.directory / "tables.db"
    if database.exists():  # Tiled itself reads a column that has a null as floats, and says so
        with closing(sqlite3.connect(database)) as tables:
            ((table,),) = tables.execute("SELECT name FROM sqlite_master WHERE name LIKE 'table_%'")
            found = [n for (n,) in tables.execute(f"SELECT n FROM {table} ORDER BY seq_num")]
        assert found == [2**53 + 1, None, 2**63 - 1, 1]
    assert "'n' has integers beyond 2**53 beside missing values" in notes(run)


ARRAYS = {
    "large": ((40, 50), "<f4", [np.full((40, 50), n, "<f4") for n in range(5)]),
    "listed": ((2, 2), "<i8", [[[n, 2**62], [0, -n]] for n in range(5)]),
    "numpy": ((3,), "<u8", [np.array([n, 2**64 - 1, 0], "<u8") for n in range(5)]),
    "flags": ((2,), "|b1", [[True, False], [False, True], [True, True], [False, False], [1, 0]]),
    "text": ((2,), "<U3", [["abc", "d"], ["", "é"], ["x", "y"], ["z", ""], ["1", "2"]]),
    "scalar": ((), "<u8", [2**64 - 1, 0, 1, 2, 3]),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_grow_by_a_row_for_each_event(client: Any, kind: str) -> None:
    shape, dtype_numpy, sent = ARRAYS[kind]
    dtype = "array" if shape else "integer"
    keys = {"a": key(dtype, shape, dtype_numpy=dtype_numpy), "x": key()}

    run = store(client, a_run(keys, [{"a": value, "x": 0.0} for value in sent]))

    node = run["primary"].base["a"]
    assert (node.dtype, node.shape) == (np.dtype(dtype_numpy), (len(sent), *shape))
    assert node.dims[0] == "time"
    assert values(run, "a") == np.array(sent, dtype_numpy).tolist()


@pytest.mark.filterwarnings("ignore:Failed to convert ragged array to numpy")
def test_ragged_arrays_keep_their_lengths(catalog_of_either_kind: EmbeddedCatalog) -> None:
    sent = [[1.5, 2.5], [], [3.5], [4.5, 5.5, 6.5], []]
    keys = {"r": key("array", (None,), dtype_numpy="<f8"), "x": key()}

    run = store(
        catalog_of_either_kind.client, a_run(keys, [{"r": value, "x": 0.0} for value in sent])
    )

    assert run["primary"].base["r"].read().tolist() == sent
    assert run["primary"].base["internal"].read()["seq_num"].tolist() == [1, 2, 3, 4, 5]
    if catalog_of_either_kind.storage == "duckdb":
        assert run["primary"].read()["r"].shape == (5, 3)


@pytest.mark.parametrize("shape", [(0,), (2, 0)])
def test_empty_arrays_are_there(client: Any, shape: tuple[int, ...]) -> None:
    keys = {"a": key("array", shape, dtype_numpy="<f8"), "x": key()}

    run = store(client, a_run(keys, [{"a": np.zeros(shape), "x": 1.0}] * 3))

    assert run["primary"].base["a"].shape == (3, *shape)
    assert values(run, "x") == [1.0, 1.0, 1.0]


def test_numpy_values_may_stand_everywhere(client: Any) -> None:
    metadata = {
        "count": np.int64(2**62),
        "exposure": np.float32(0.5),
        "flag": np.bool_(True),
        "positions": np.array([[1.5, np.inf], [2.5, -np.inf]]),
        "name": np.str_("Ni"),
        "extreme": [2**200, -math.inf, "nul\0"],
    }
    keys = {"x": key(), "n": key("integer"), "b": key("boolean"), "s": key("string")}
    row = {"x": np.float32(0.5), "n": np.uint16(7), "b": np.bool_(True), "s": np.str_("a")}
    later = event(2, {"x": np.float64(1), "n": np.array(8), "b": True, "s": "b"})
    gain = configured(np.float64(3.5))  # type: ignore[arg-type]

    run = store(
        client,
        [
            ("start", start(**metadata)),
            ("descriptor", descriptor(keys, configuration=gain, extra=np.arange(3))),
            ("event", event(np.int64(1), row)),  # type: ignore[arg-type]
            ("event", later),
            ("stop", stop(reason=np.str_("done"), num_events={"primary": np.int64(2)})),
        ],
    )

    restored = tiledmap.restore_exact(run.metadata)["start"]
    assert restored == start(
        count=2**62,
        exposure=0.5,
        flag=True,
        positions=[[1.5, math.inf], [2.5, -math.inf]],
        name="Ni",
        extreme=metadata["extreme"],
    )
    assert run.metadata["stop"]["num_events"] == {"primary": 2}
    assert run["primary"].metadata["extra"] == [0, 1, 2]
    assert run["primary"].metadata["configuration"]["det"]["data"] == {"gain": 3.5}
    assert {name: values(run, name) for name in keys} == {
        "x": [0.5, 1.0],
        "n": [7, 8],
        "b": [True, True],
        "s": ["a", "b"],
    }


# Small arrays in tables


SMALL = {"a": key("array", (3,), dtype_numpy="<f8"), "m": key("array", (2, 2), dtype_numpy="<i8")}
SMALL_ROWS = [{"a": [n, 0.5, -n], "m": [[n, 1], [2, 3]]} for n in range(5)]


def test_small_arrays_are_columns_where_the_database_has_lists(
    duckdb_catalog: EmbeddedCatalog,
) -> None:
    run = store(duckdb_catalog.client, a_run(SMALL, SMALL_ROWS), max_array_size=16)

    assert list(run["primary"].base) == ["internal"]
    table = run["primary"].base["internal"]
    assert np.stack(table["a"].read()).tolist() == [row["a"] for row in SMALL_ROWS]


def test_small_arrays_become_nodes_where_it_has_none(
    catalog: EmbeddedCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite has no lists: nothing is lost, and the user is told which setting says so."""
    documents = [*a_run({**SMALL, "x": key()}, [{**row, "x": 1.0} for row in SMALL_ROWS])]

    run = store(catalog.client, documents, max_array_size=16)

    assert sorted(run["primary"].base) == ["a", "internal", "m"]
    assert values(run, "a") == [row["a"] for row in SMALL_ROWS]
    assert values(run, "m") == [row["m"] for row in SMALL_ROWS]
    assert values(run, "x") == [1.0] * 5
    assert run["primary"].base["internal"].columns == [
        *("seq_num", "time", "x"),
        *("ts_a", "ts_m", "ts_x"),
    ]
    assert "'a' in stream 'primary' is stored as an array beside the table" in notes(run)
    assert "settings.max_array_size: 0" in caplog.text
    assert errors_in(caplog) == []


def test_a_server_is_found_to_have_no_lists_only_once(
    served: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tiledmap")
    mapping = tiledmap.load("bluesky-v3", settings={"max_array_size": 16})
    with mapping.writer(served, flush_rows=2, on_error="raise") as writer:
        for uid in ("one", "two"):
            writer("start", start(uid))
            writer("descriptor", descriptor(SMALL, uid, f"{uid}-d"))
            for number, row in enumerate(SMALL_ROWS, start=1):
                writer("event", event(number, row, f"{uid}-d"))
            writer("stop", stop(uid))

    for uid in ("one", "two"):
        assert values(served[uid], "m") == [row["m"] for row in SMALL_ROWS]
    asked = [each for each in caplog.records if "Internal server error" in each.getMessage()]
    assert len(asked) == 1  # for the first run; for the second it is known
    assert errors_in(caplog) == []


# Names


def test_names_that_databases_refuse_are_changed_and_said(client: Any) -> None:
    names = [
        *("time", "seq_num", "internal", "ts_x", "x", "X", "1st", "_private", "äu", "a%b", "a(b)"),
        *("a=b", "semi;colon", "quote'd", "rowid", "select", "with space", "n" * 80, "a:b[0]"),
    ]
    keys = {name: key() for name in names}
    rows = [{name: n + place / 100 for place, name in enumerate(names)} for n in range(3)]

    run = store(client, a_run(keys, rows))

    dataset = run["primary"].read()
    for place, name in enumerate(names):
        said = f"Renamed data_key '{name}' to '"
        renamed = [note for note in run.metadata["notes"] if note.startswith(said)]
        stored = renamed[0].removeprefix(said).partition("' in ")[0] if renamed else name
        assert dataset[stored].values.tolist() == [row[name] for row in rows], (place, name)


def test_arrays_may_have_reserved_names(client: Any) -> None:
    keys = {name: key("array", (2,)) for name in ("internal", "time", "internal_0")}

    run = store(client, a_run(keys, [{name: [n, n] for name in keys} for n in range(3)]))

    for name in ("internal_", "time_", "internal_0_"):
        assert values(run, name) == [[0, 0], [1, 1], [2, 2]]


# Values that a place cannot hold


def test_a_value_that_cannot_be_stored_is_kept_in_the_notes(
    client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    keys = {"n": key("integer"), "s": key("string")}
    rows = [{"n": 0.5, "s": "a"}, {"n": 2, "s": "nul\0"}, {"n": 2**64, "s": "c"}]
    with tiledmap.load("bluesky-v3").writer(client) as writer:
        for name, document in a_run(keys, rows):
            writer(name, document)

    run = client["run-1"]
    table = run["primary"].base["internal"].read()
    assert table["n"].isna().tolist() == [True, False, True]
    assert table["s"].isna().tolist() == [False, True, False]
    for text in ("its value is 0.5", r"its value is 'nul\x00'", f"its value is {2**64}"):
        assert text in notes(run)
    assert len(errors_in(caplog)) == 2  # the first of each data key


# Wide tables


@pytest.fixture
def wide(wide_run: Documents) -> Documents:
    """A wide run, with a second descriptor that changes the configuration after two events."""
    first = wide_run[1][1]
    second = {**first, "uid": "second", "configuration": configured(2.0)}
    *before, last, stop = wide_run
    again = {**last[1], "descriptor": "second"}
    return [*before, ("descriptor", second), ("event", again), stop]


def test_a_wide_stream_is_read_whole(client: Any, wide: Documents) -> None:
    with tiledmap.load("bluesky-v3").writer(client, flush_rows=2, on_error="raise") as writer:
        for name, document in wide:
            writer(name, document)

    run = client[wide[0][1]["uid"]]
    parts = list(run["primary"].base)
    assert parts == ["internal_0", "internal_1", "internal_2"]
    for part in parts:
        table = run["primary"].base[part]
        assert table.columns[:2] == ["seq_num", "time"]
        assert len(table.columns) <= 900
        assert table.read()["seq_num"].tolist() == [1, 2, 3]
    dataset = run["primary"].read()
    for number in (0, 448, 449, 1_099):
        assert dataset[f"key_{number:04}"].values.tolist() == [0, number, 2 * number]
    assert len(dataset.data_vars) == 1_100
    (update,) = run["primary"].metadata["_config_updates"]
    assert update["configuration"]["det"]["data"] == {"gain": 2.0}


# Readers


@pytest.mark.parametrize("name", ["bluesky-v3", "bluesky-streams", "bluesky-2024"])
def test_readers_may_look_in_while_a_run_is_written(
    catalog_of_either_kind: EmbeddedCatalog, name: str
) -> None:
    """They see whole rows, each where it belongs, and never fewer than before."""
    keys = {"x": key(), "a": key("array", (3,)), "s": key("string")}
    rows = [{"x": float(n), "a": [n, n, n], "s": f"{n}"} for n in range(1, 41)]
    client = catalog_of_either_kind.client
    lengths: set[int] = set()
    looked, done = threading.Condition(), threading.Event()

    def look() -> None:
        longest = 0
        while not done.is_set():
            found = read_stream(client, name)
            if found is None:
                continue
            numbers = found["x"]
            assert numbers == [float(n) for n in range(1, len(numbers) + 1)]
            assert found["s"] == [f"{n:.0f}" for n in numbers]
            assert found["a"][: len(numbers)] == [[n, n, n] for n in numbers]
            assert len(numbers) >= longest
            longest = len(numbers)
            with looked:
                lengths.add(longest)
                looked.notify()

    def documents() -> Iterator[tuple[str, dict[str, Any]]]:
        """The run; after ten, twenty and thirty events it waits for someone to have seen them."""
        for name, document in a_run(keys, rows):
            yield name, document
            if name == "event" and document["seq_num"] in (10, 20, 30):
                with looked:
                    looked.wait_for(lambda seen=document["seq_num"]: seen in lengths, timeout=60)

    with ThreadPoolExecutor(max_workers=2) as threads:
        readers = [threads.submit(look) for _ in range(2)]
        try:
            store(client, documents(), name)
        finally:
            done.set()
        for reader in readers:
            reader.result()

    assert lengths >= {10, 20, 30}
    final = read_stream(client, name)
    assert final is not None
    assert final["x"] == [row["x"] for row in rows]


def read_stream(client: Any, layout: str) -> dict[str, list[Any]] | None:
    """What is there of the primary stream, through the clients that the layout is for."""
    try:
        run = client["run-1"]
        match layout:
            case "bluesky-v3":
                dataset = run["primary"].read()
            case "bluesky-streams":
                dataset = client["run-1"]["streams/primary"].read()
            case _:
                table = run["primary"]["internal/events"].read()
                array = run["primary"]["internal/a"].read()
                return {**{key: table[key].tolist() for key in ("x", "s")}, "a": array.tolist()}
    except KeyError:
        return None  # not there yet
    except ValueError as error:
        if "conflicting sizes for dimension 'time'" not in str(error):
            raise
        return None  # Bluesky's client reads node after node; the run has grown in between
    if "a" not in dataset or "x" not in dataset:
        return None
    return {key: dataset[key].values.tolist() for key in ("x", "s", "a")}
