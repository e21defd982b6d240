"""Column types come from the data key, and each key goes where the mapping says (field need AT-4).

A motor that reports 0 and then 0.5, and a counter whose first row is integers: the tree is the same
for 10 and for 32 elements, on SQLite, DuckDB and PostgreSQL, streamed event by event.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiledmap
from tiledmap.documents.recordings import read_documents


@pytest.fixture(params=["catalog", "duckdb_catalog", "postgresql_client"])
def client(request: pytest.FixtureRequest) -> Any:
    found = request.getfixturevalue(request.param)
    return getattr(found, "client", found)


@pytest.mark.parametrize("length", [10, 32])
@pytest.mark.parametrize("flush_rows", [1, 10_000])
def test_a_run_is_stored_as_it_was_declared(
    client: Any, runs: Path, length: int, flush_rows: int
) -> None:
    documents = list(read_documents(runs / f"at4-{length}.jsonl"))
    with tiledmap.load("bluesky-v3").writer(
        client, flush_rows=flush_rows, on_error="raise"
    ) as writer:
        for name, document in documents:
            writer(name, document)

    run = client[documents[0][1]["uid"]]
    stream = run["primary"].base
    table = stream["internal"]
    schema = table.structure().arrow_schema_decoded
    assert {name: str(schema.field(name).type) for name in schema.names} == {
        "seq_num": "int64",
        "time": "double",
        "SampleY": "double",
        "ts_SampleY": "double",
        "ts_Counter1": "double",
    }
    assert table.read()["SampleY"].tolist() == [0.0, 0.5, 1.0, -4.5]
    counter = stream["Counter1"]
    sent = [document["data"]["Counter1"] for name, document in documents if name == "event"]
    assert (counter.dtype, counter.shape) == (np.dtype("<f8"), (4, length))
    assert counter.dims[0] == "time"
    assert counter.read().tolist() == sent
    assert run.metadata["stop"]["exit_status"] == "success"


def test_limits_that_json_cannot_hold_are_kept_exactly(client: Any, runs: Path) -> None:
    documents = list(read_documents(runs / "at4-10.jsonl"))
    with tiledmap.load("bluesky-v3").writer(client, on_error="raise") as writer:
        for name, document in documents:
            writer(name, document)

    metadata = client[documents[0][1]["uid"]]["primary"].metadata

    assert metadata["data_keys"]["SampleY"]["upper_ctrl_limit"] is None
    restored = tiledmap.restore_exact(metadata)
    assert restored["data_keys"]["SampleY"]["upper_ctrl_limit"] == float("inf")
    assert restored["data_keys"]["SampleY"]["lower_ctrl_limit"] == float("-inf")
