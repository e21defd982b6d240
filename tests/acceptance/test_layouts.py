"""Each shipped layout answers as its title says."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr

import tiledmap
from tiledmap.documents.recordings import read_documents
from tiledmap.sinks.embedded import EmbeddedCatalog


@pytest.fixture
def run(request: pytest.FixtureRequest, catalog: EmbeddedCatalog, runs: Path) -> Any:
    """The recorded scan, as the layout that the test names stores it."""
    documents = list(read_documents(runs / "scan.jsonl"))
    with tiledmap.load(request.param).writer(catalog.client, on_error="raise") as writer:
        for name, document in documents:
            writer(name, document)
    return catalog.client[documents[0][1]["uid"]]


@pytest.mark.parametrize("run", ["bluesky-v3"], indirect=True)
def test_bluesky_v3_has_a_composite_stream(run: Any) -> None:
    assert sorted(run["primary"].read()["motor"].values) == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert list(run["primary"].base) == ["internal"]
    names = [name for name, _ in run.documents()]
    assert (names[0], names.count("event"), names[-1]) == ("start", 12, "stop")


@pytest.mark.parametrize("run", ["bluesky-streams"], indirect=True)
def test_bluesky_streams_has_its_streams_below_a_container(run: Any) -> None:
    dataset = run["streams/primary"].read()

    assert isinstance(dataset, xr.Dataset)
    assert dataset["motor"].values.tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert list(run.base) == ["streams"]


@pytest.mark.parametrize("run", ["bluesky-2024"], indirect=True)
def test_bluesky_2024_has_its_events_below_internal(run: Any) -> None:
    frame = run["primary"]["internal/events"].read()

    assert isinstance(frame, pd.DataFrame)
    assert frame["motor"].tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert frame["seq_num"].tolist() == [1, 2, 3, 4, 5]
