"""The example of docs/how-to/write-a-consolidator.md, with a Tiled server in its own process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiledmap
from tests.conftest import Server, serve
from tests.test_docs import DOCS, blocks
from tiledmap.runtime import Writer
from tiledmap.sinks.embedded import open_catalog

PAGE = DOCS / "how-to" / "write-a-consolidator.md"
RECORDS = np.dtype([("time", "<i4"), ("value", "<f8")])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the modules and the mapping of the page, beside a server's catalog."""
    home = tmp_path_factory.mktemp("facility")
    for block in blocks(PAGE):
        if block.title:
            (home / block.title).write_text(block.text)
    open_catalog(home).close()
    (home / "files").mkdir()
    return home


@pytest.fixture(scope="module")
def facility(home: Path) -> Iterator[Server]:
    """A server that has the adapter of the page."""
    [text] = [block.text for block in blocks(PAGE) if block.remark.endswith("configuration")]
    config = text + (
        f"  uri: sqlite:///{home}/catalog.db\n"
        f'  writable_storage: ["{home}/data", "sqlite:///{home}/tables.db"]\n'
        f'  readable_storage: ["{home}/files"]\n'
    )
    with serve(home, config) as server:
        yield server


@pytest.fixture
def client(facility: Server) -> Iterator[Any]:
    client = facility.connect()
    yield client
    client.context.close()


def documents(uri: str, stops: list[int]) -> list[tuple[str, Any]]:
    """A run in which the datums before each of `stops` are there."""
    from event_model import compose_run

    run: Any = compose_run()
    data_key = {
        "source": "counter",
        "dtype": "array",
        "shape": [3],
        "dtype_numpy": [list(field) for field in RECORDS.descr],
        "external": "STREAM:",
    }
    primary = run.compose_descriptor(name="primary", data_keys={"counter": data_key})
    resource = run.compose_stream_resource(
        mimetype="application/x-counter", uri=uri, data_key="counter", parameters={"offset": 100.0}
    )
    datums = [
        {
            **resource.compose_stream_datum(indices={"start": start, "stop": stop}),
            "descriptor": primary.descriptor_doc["uid"],
        }
        for start, stop in zip([0, *stops], stops, strict=False)
    ]
    return [
        ("start", run.start_doc),
        ("descriptor", primary.descriptor_doc),
        ("stream_resource", resource.stream_resource_doc),
        *(("stream_datum", datum) for datum in datums),
        ("stop", run.compose_stop()),
    ]


@pytest.mark.parametrize("held", [12, 9])
def test_a_server_reads_what_was_written(
    home: Path, client: Any, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    """With all datums of the run in the file, and with fewer: then the node is mended."""
    monkeypatch.syspath_prepend(str(home))
    files = home / "files"
    records = np.array([(time, 2 * time) for time in range(held)], RECORDS)
    records.tofile(files / f"{held}.bin")
    (files / f"{held}.txt").write_text("0.5\n")
    run = documents(f"file://localhost{files}/{held}.bin", [1, 4])
    writer: Writer = tiledmap.load(home / "beamline.yaml").writer(
        client, on_error="raise", check_files="fix", file_roots=[files]
    )
    for name, document in run:
        writer(name, document)
    writer.close()
    node = client[run[0][1]["uid"]]["primary"]["counter"]
    assert node.read().tolist() == [(time, time + 100) for time in range(held)]
    assert node[2:4].tolist() == [(2, 102), (3, 103)]
    [source] = node.include_data_sources().data_sources()
    parameters = {asset.parameter: Path(asset.data_uri).name for asset in source.assets}
    assert parameters == {"data_uri": f"{held}.bin", "config": f"{held}.txt"}
    notes = client[run[0][1]["uid"]].metadata.get("notes", [])
    mended = [note for note in notes if note.endswith("; mended")]
    assert len(mended) == (held != 12)
    assert all(note.startswith("primary/counter: declared (12,)") for note in mended)
