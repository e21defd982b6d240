"""The model answers what Tiled answers, as far as a sink reads it, and holds what Tiled holds."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import awkward
import httpx
import numpy as np
import pyarrow as pa
import pytest
from tiled.serialization.ragged import from_zipped_buffers
from tiled.structures.data_source import DataSource
from tiled.structures.table import TableStructure
from tiled.utils import APACHE_ARROW_FILE_MIME_TYPE, safe_json_dump

from tests.model.ops import ops_of
from tests.model.tiled import BASE, TiledModel
from tests.sinks.test_tiled import UID, WHOLE_RUN, tree
from tiledmap.documents.recordings import read_documents
from tiledmap.runtime.ops import Asset, FileSource, Op, Spec
from tiledmap.sinks.embedded import EmbeddedCatalog, open_catalog
from tiledmap.sinks.tiled import TiledSink
from tiledmap.sinks.tiled.encoding import SQL_TABLE, arrow_file, external_source, node_body

RUNS = Path(__file__).parents[1] / "runs"
INTERNAL = ("count-arrays", "ragged", "pages")
EXTERNAL = ("external/blobs", "external/csv-records", "external/interleaved", "external/split")


class Both:
    """A Tiled in this process, and a model that is asked all that it is asked.

    Attributes
    ----------
    status
        Of the last answer.
    differences
        Of each request that they answered differently: what it was, what Tiled answered, and what
        the model did.
    """

    def __init__(self, catalog: EmbeddedCatalog) -> None:
        self.model = TiledModel(stores_lists=catalog.storage == "duckdb")
        self.http: httpx.Client = catalog.client.context.http_client
        self.status = 0
        self.differences: list[tuple[str, Any, Any]] = []
        self._send = self.http.send

    @contextmanager
    def asked_together(self) -> Iterator[None]:
        self.http.send = self._ask_both  # type: ignore[method-assign]
        yield
        self.http.send = self._send  # type: ignore[method-assign]
        assert self.differences == []

    def _ask_both(self, request: httpx.Request, **options: Any) -> httpx.Response:
        modelled = self.model.handle_request(request)
        expected, self.status = as_read(modelled), modelled.status_code
        answer: Any = 500  # what a server would answer where a Tiled in this process raises
        try:
            response = self._send(request, **options)
            answer = as_read(response)
        finally:
            if answer != expected:
                self.differences.append((f"{request.method} {request.url}", answer, expected))
        return response


def as_read(response: httpx.Response) -> Any:
    """Of an answer, what a sink reads; of an error, its status."""
    if response.is_error:
        return response.status_code
    if response.content.startswith(b"ARROW"):
        rows = pa.ipc.open_file(response.content).read_all()
        return {name: rows[name].to_pylist() for name in rows.column_names if name[0] != "_"}
    if response.content.startswith(b"PK"):
        return from_zipped_buffers(response.content, None).tolist()
    answer = response.json() if response.content else None
    if answer is None:
        return None
    item = answer.get("data", answer)
    item = {**item, **item.get("attributes", {})}
    return {
        "links": {name: item.get("links", {}).get(name) for name in ("self", "full", "partition")},
        "sources": [source_as_read(source) for source in item.get("data_sources") or []],
        **structure_as_read(item.get("structure") or item),
        **{name: item.get(name) for name in ("id", "structure_family", "metadata", "specs")},
    }


def structure_as_read(structure: Mapping[str, Any]) -> dict[str, Any]:
    names = ("arrow_schema", "data_type", "shape", "dims", "form", "length")
    return {name: structure[name] for name in names if name in structure}


def source_as_read(source: Mapping[str, Any]) -> Any:
    if source["management"] != "external":
        return source["management"]
    names = ("data_uri", "parameter", "num", "is_directory")
    return {
        **{name: source[name] for name in ("id", "mimetype", "parameters", "properties")},
        "structure": structure_as_read(source["structure"] or {}),
        "assets": {tuple(asset[name] for name in names) for asset in source["assets"]},
    }


def tree_of(model: TiledModel) -> dict[tuple[str, ...], Any]:
    """The model's nodes in the form of `tree`."""
    return {
        path: (
            node.family,
            [str(Spec(**spec)) for spec in node.specs],
            node.metadata,
            _data(node.data, node.structure),
        )
        for path, node in model.nodes.items()
    }


def _data(data: Any, structure: Any) -> Any:
    match data:
        case pa.Table():
            return data.to_pydict()
        case np.ndarray():
            return data.tolist()
        case dict():  # the buffers of an awkward array
            form = awkward.forms.from_dict(structure["form"])
            return awkward.from_buffers(form, structure["length"], data).tolist()
    return data


@pytest.fixture(params=["sqlite", "duckdb"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    with open_catalog(tmp_path, storage=request.param) as catalog:
        yield catalog


def write(client: Any, ops: list[Op], into: str = "") -> None:
    """Write ops into a container of their own."""
    if into:
        body = node_body(into)
        client.context.http_client.post(f"{BASE}/metadata/", json=body)
        client = SimpleNamespace(uri=f"{BASE}/metadata/{into}", context=client.context)
    sink = TiledSink(client)
    for op in ops:
        sink.perform(op)


def test_runs_are_stored_as_tiled_stores_them_and_again(catalog: EmbeddedCatalog) -> None:
    both = Both(catalog)
    with both.asked_together():
        for name in INTERNAL:
            for flush_rows in (1, 3):
                write(catalog.client, ops_of(read_documents(RUNS / f"{name}.jsonl"), flush_rows))
    assert tree_of(both.model) == tree(catalog.client)


def test_files_are_kept_as_tiled_keeps_them(catalog: EmbeddedCatalog) -> None:
    both = Both(catalog)
    with both.asked_together():
        for name in EXTERNAL:
            for flush_rows in (1, 3):
                ops = ops_of(read_documents(RUNS / f"{name}.jsonl"), flush_rows)
                write(catalog.client, ops, into=name.replace("/", "-"))


# What is refused, and what is only asked for where something else failed

TABLE, ARRAY, RAGGED = (f"{UID}/primary/{key}" for key in ("internal", "image", "waveform"))
ROWS = pa.RecordBatch.from_pydict({"seq_num": [1], "x": [0.5], "label": ["a"]})
OTHERS = ROWS.rename_columns(["seq_num", "y", "label"])
TEXTS = ROWS.set_column(1, "x", pa.array(["text"]))
FILES = FileSource(
    family="bytes",
    mimetype="application/x-hdf5",
    assets=(Asset("file://localhost/a", "data_uris", 0),),
)
ALSO_FIRST, ANOTHER = (Asset("file://localhost/b", "data_uris", number) for number in (0, 1))


def patch(op: str, path: str, kind: str = "json-patch") -> dict[str, Any]:
    steps = [{"op": op, "path": path, "value": 1}]
    kind = f"application/{kind}+json"
    return {"json": {"content-type": kind, "metadata": steps, "specs": None}}


def append(rows: pa.RecordBatch) -> dict[str, Any]:
    headers = {"content-type": APACHE_ARROW_FILE_MIME_TYPE}
    return {"content": arrow_file(rows), "headers": headers, "params": {"partition": 0}}


def upload(count: int, **params: Any) -> dict[str, Any]:
    headers = {"content-type": "application/octet-stream"}
    return {"content": np.arange(float(count)).tobytes(), "headers": headers, "params": params}


def create(key: str, source: DataSource[Any] | None = None) -> dict[str, Any]:
    return {"content": safe_json_dump(node_body(key, source))}


def put_source(number: int, asset: Asset) -> dict[str, Any]:
    source = asdict(external_source(FILES, [asset], number))
    return {"content": safe_json_dump({"data_source": source})}


LISTS = DataSource(
    structure_family="table",
    structure=TableStructure.from_schema(pa.schema([("x", pa.list_(pa.float64()))]), 1),
    mimetype=SQL_TABLE,
)
REQUESTS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("409", "POST", f"metadata/{UID}", create("primary")),
    ("409", "POST", f"metadata/{UID}/primary", create("internal")),
    ("404", "POST", f"metadata/{UID}/absent", create("new")),
    ("200 or 500", "POST", f"metadata/{UID}/primary", create("lists", LISTS)),
    ("404", "GET", f"metadata/{UID}/absent", {}),
    ("500", "PATCH", f"metadata/{UID}", patch("remove", "/absent")),
    ("500", "PATCH", f"metadata/{UID}", patch("add", "/absent/below")),
    ("500", "PATCH", f"metadata/{UID}", patch("test", "/start")),
    ("406", "PATCH", f"metadata/{UID}", patch("add", "/new", "other-patch")),
    ("404", "PATCH", f"metadata/{UID}/absent", patch("add", "/new")),
    ("404", "PATCH", f"table/partition/{UID}/absent", append(ROWS)),
    ("405", "PATCH", f"table/partition/{UID}", append(ROWS)),
    ("500", "PATCH", f"table/partition/{TABLE}", append(OTHERS)),
    ("500", "PATCH", f"table/partition/{TABLE}", append(ROWS.select(["seq_num", "x"]))),
    ("500", "PATCH", f"table/partition/{TABLE}", append(TEXTS)),
    ("200", "PATCH", f"table/partition/{TABLE}", append(ROWS)),
    ("200", "PATCH", f"table/partition/{TABLE}", append(ROWS)),
    ("200", "GET", f"table/partition/{TABLE}", {"params": {"partition": 0}}),
    ("404", "GET", f"table/partition/{ARRAY}", {"params": {"partition": 0}}),
    ("500", "PUT", f"array/full/{ARRAY}", upload(7)),
    ("409", "PATCH", f"array/full/{ARRAY}", upload(3, offset="9", shape="1,3")),
    ("500", "PATCH", f"array/full/{ARRAY}", upload(4, offset="5", shape="1,3", extend=True)),
    ("404", "PATCH", f"array/full/{TABLE}", upload(3, offset="5", shape="1,3", extend=True)),
    ("200", "PATCH", f"array/full/{ARRAY}", upload(3, offset="1", shape="1,3")),
    ("200", "PATCH", f"array/full/{ARRAY}", upload(3, offset="6", shape="1,3", extend=True)),
    ("200", "PATCH", f"array/full/{ARRAY}", upload(0, offset="7", shape="0,3", extend=True)),
    ("200 or 404", "GET", f"ragged/full/{RAGGED}", {"headers": {"accept": "application/zip"}}),
    ("404", "GET", f"ragged/full/{ARRAY}", {}),
    ("404", "PUT", "data_source/files", put_source(99, ANOTHER)),
    ("500", "PUT", "data_source/files", put_source(1, ALSO_FIRST)),
    ("200", "PUT", "data_source/files", put_source(1, ANOTHER)),
    ("200", "GET", "metadata/files", {"params": {"include_data_sources": True}}),
    ("404", "DELETE", f"stream/close/{UID}/absent", {}),
    ("200", "DELETE", f"stream/close/{UID}", {}),
    ("404", "DELETE", f"metadata/{UID}/absent", {}),
    ("409", "DELETE", f"metadata/{UID}", {}),
    ("409", "DELETE", f"metadata/{TABLE}", {}),
    ("200", "DELETE", "metadata/files", {}),
    ("200", "DELETE", f"metadata/{TABLE}", {"params": {"external_only": False}}),
    ("404", "GET", f"metadata/{TABLE}", {}),
    ("409", "DELETE", f"metadata/{UID}/primary", {"params": {"recursive": True}}),
    ("404", "GET", "../custom/absent", {}),
)


def test_what_tiled_refuses_is_refused(catalog: EmbeddedCatalog) -> None:
    both = Both(catalog)
    files = create("files", external_source(FILES, FILES.assets))
    with both.asked_together():
        both.http.post(f"{BASE}/register/", **files)
        write(catalog.client, list(WHOLE_RUN))
        for expected, method, path, more in REQUESTS:
            with suppress(Exception):  # which a Tiled in this process raises for a 500
                both.http.request(method, f"{BASE}/{path}", **more)
            assert str(both.status) in expected, (method, path, more)
    assert tree_of(both.model) == tree(catalog.client)
