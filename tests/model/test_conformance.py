"""The model answers what Tiled answers, as far as a sink reads it, and holds what Tiled holds."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import awkward
import httpx
import numpy as np
import pyarrow as pa
import pytest
from tiled.serialization.ragged import from_zipped_buffers, to_zipped_buffers
from tiled.structures.data_source import DataSource
from tiled.structures.table import TableStructure
from tiled.utils import APACHE_ARROW_FILE_MIME_TYPE, safe_json_dump

from tests.model.ops import ops_of
from tests.model.tiled import BASE, Chunks, TiledModel
from tests.runtime.layouts import descriptor, event, key, start, stop
from tests.sinks.test_tiled import UID, WHOLE_RUN, ragged, run_container, stream_container, tree
from tiledmap.documents.recordings import read_documents
from tiledmap.runtime.ops import Asset, FileSource, Op, Spec
from tiledmap.sinks.embedded import EmbeddedCatalog, open_catalog
from tiledmap.sinks.tiled import TiledSink
from tiledmap.sinks.tiled.encoding import (
    SQL_TABLE,
    arrow_file,
    external_source,
    node_body,
    ragged_array,
)

RUNS = Path(__file__).parents[1] / "runs"
INTERNAL = ("count-arrays", "ragged", "pages")
EXTERNAL = ("external/blobs", "external/csv-records", "external/interleaved", "external/split")


class Both:
    """A Tiled in this process, and a model that is asked all that it is asked.

    Attributes
    ----------
    status
        Of the last answer.
    breaks_off
        Whether the model takes no second step, as a Tiled that has been made to fail there.
    differences
        Of each request that they answered differently: what it was, what Tiled answered, and what
        the model did.
    """

    def __init__(self, catalog: EmbeddedCatalog) -> None:
        self.model = TiledModel(stores_lists=catalog.storage == "duckdb", doubled="dropped")
        self.http: httpx.Client = catalog.client.context.http_client
        self.status = 0
        self.breaks_off = False
        self.differences: list[tuple[str, Any, Any]] = []
        self._send = self.http.send

    @contextmanager
    def asked_together(self) -> Iterator[None]:
        self.http.send = self._ask_both  # type: ignore[method-assign]
        yield
        self.http.send = self._send  # type: ignore[method-assign]
        assert self.differences == []

    def _ask_both(self, request: httpx.Request, **options: Any) -> httpx.Response:
        finish = self.model.begin(request)
        modelled = httpx.Response(500) if self.breaks_off else finish()
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
        case np.ndarray() | Chunks():
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


@pytest.mark.parametrize("suffix", ["{}", "{index}", " %7B?#"])
def test_names_are_told_as_tiled_tells_them(catalog: EmbeddedCatalog, suffix: str) -> None:
    frame = key("array", (2,), dtype_numpy="<f8")
    keys = {f"x{suffix}": key(dtype_numpy="<f8"), f"frame{suffix}": frame}
    data = {f"x{suffix}": 0.5, f"frame{suffix}": [1.0, 2.0]}
    documents = [
        ("start", start(UID)),
        ("descriptor", descriptor(keys, UID, name=f"primary{suffix}")),
        ("event", event(1, data)),
        ("event", event(2, data)),
        ("stop", stop(UID)),
    ]
    both = Both(catalog)
    with both.asked_together():
        for _ in range(2):
            write(catalog.client, ops_of(documents, flush_rows=1))
    assert tree_of(both.model) == tree(catalog.client)


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
    source = asdict(external_source(replace(FILES, assets=(asset,)), number))
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
    files = create("files", external_source(FILES))
    with both.asked_together():
        both.http.post(f"{BASE}/register/", **files)
        write(catalog.client, list(WHOLE_RUN))
        for expected, method, path, more in REQUESTS:
            with suppress(Exception):  # which a Tiled in this process raises for a 500
                both.http.request(method, f"{BASE}/{path}", **more)
            assert str(both.status) in expected, (method, path, more)
    assert tree_of(both.model) == tree(catalog.client)


# Between two steps


@pytest.fixture
def half_done(duckdb_catalog: EmbeddedCatalog, monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    """A run with a ragged array, of which rows were stored that are not counted."""
    both = Both(duckdb_catalog)
    with both.asked_together():
        write(duckdb_catalog.client, list(WHOLE_RUN))
        break_off(both, monkeypatch, upload_ragged([[7.0], [8.0, 9.0]], 5), RAGGED)
        yield both
    assert tree_of(both.model) == tree(duckdb_catalog.client)


def upload_ragged(rows: list[list[float]], offset: int) -> dict[str, Any]:
    array = ragged_array([np.array(row) for row in rows], (None,))
    params = {"offset": offset, "shape": len(rows), "extend": True}
    content = to_zipped_buffers("application/zip", array, {})
    return {"content": content, "params": params, "headers": {"content-type": "application/zip"}}


def break_off(
    both: Both, monkeypatch: pytest.MonkeyPatch, upload: dict[str, Any], place: str
) -> None:
    """Append rows, and fail before they are counted."""
    with monkeypatch.context() as patches, suppress(ZeroDivisionError):
        patches.setattr("tiled.catalog.adapter.compute_structure_id", lambda _: 1 / 0)
        both.breaks_off = True
        both.http.patch(f"{BASE}/ragged/full/{place}", **upload)
    both.breaks_off = False


def test_rows_that_are_not_counted_are_not_read(half_done: Both) -> None:
    half_done.http.get(f"{BASE}/metadata/{RAGGED}")
    half_done.http.get(f"{BASE}/ragged/full/{RAGGED}", headers={"accept": "application/zip"})
    assert half_done.status == 200


@pytest.mark.parametrize("rows", [[[1.0]], [[1.0], [2.0]], [[1.0], [2.0], [3.0]]])
def test_rows_that_are_not_counted_are_taken_for_the_next(
    half_done: Both, rows: list[list[float]]
) -> None:
    half_done.http.patch(f"{BASE}/ragged/full/{RAGGED}", **upload_ragged(rows, 5))
    assert half_done.status == 200
    with suppress(Exception):  # of fewer rows than were counted then
        half_done.http.get(f"{BASE}/ragged/full/{RAGGED}", headers={"accept": "application/zip"})
    half_done.http.delete(f"{BASE}/metadata/{RAGGED}", params={"external_only": False})


def test_a_node_that_is_made_anew_knows_nothing_of_them(half_done: Both) -> None:
    op = ragged([[1, 2]])
    half_done.http.delete(f"{BASE}/metadata/{RAGGED}", params={"external_only": False})
    client = SimpleNamespace(
        uri=f"{BASE}/metadata/", context=SimpleNamespace(http_client=half_done.http)
    )
    write(client, [run_container(), stream_container(), op])
    assert half_done.status == 200


@pytest.mark.parametrize("lost", [[[7.0], [8.0, 9.0]], [[7.0, 7.0]], [[]]])
def test_of_another_kind_of_ragged_array_both_are_stored(
    duckdb_catalog: EmbeddedCatalog, monkeypatch: pytest.MonkeyPatch, lost: list[list[float]]
) -> None:
    both = Both(duckdb_catalog)
    place = f"{UID}/primary/other"
    first = [ragged([[1]], dtype="<i8"), ragged([[1, 2]], key="other")]
    with both.asked_together():
        write(duckdb_catalog.client, [run_container(), stream_container(), *first])
        break_off(both, monkeypatch, upload_ragged(lost, 1), place)
        for rows, offset in ([[3.0, 4.0]], 1), ([[5.0]], 2):
            both.http.patch(f"{BASE}/ragged/full/{place}", **upload_ragged(rows, offset))
            assert both.status == 200
        with suppress(Exception):
            both.http.get(f"{BASE}/ragged/full/{place}", headers={"accept": "application/zip"})


@pytest.mark.parametrize(
    ("step", "is_made"),
    [
        ("tiled.catalog.adapter.compute_structure_id", False),
        ("tiled.server.router.links_for_node", True),
    ],
)
def test_what_is_answered_with_500_may_be_there(
    catalog: EmbeddedCatalog, monkeypatch: pytest.MonkeyPatch, step: str, is_made: bool
) -> None:
    http = catalog.client.context.http_client
    source = DataSource(
        structure_family="table",
        structure=TableStructure.from_schema(ROWS.schema, 1),
        mimetype=SQL_TABLE,
    )
    creation = create("table", source)
    with monkeypatch.context() as patches:
        patches.setattr(step, lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            http.post(f"{BASE}/metadata/", **creation)
    assert http.get(f"{BASE}/metadata/table").status_code == (200 if is_made else 404)
    assert http.post(f"{BASE}/metadata/", **creation).status_code == (409 if is_made else 200)
