"""The Python that a node's page shows reads the node, from a real catalog with real files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tiledmap
from tests.beamlines import find_cases, moved, settings
from tiledmap.docgen.mapping_pages import Documented
from tiledmap.docgen.mapping_pages.snippets import Snippet, snippet
from tiledmap.documents.recordings import read_documents
from tiledmap.outline.values import OutlineNode
from tiledmap.sinks.embedded import EmbeddedCatalog, open_catalog

CASES = find_cases()
OF_BEAMLINES = ("csx", "nexus-simple")
LAYOUTS = ("bluesky-streams", "bluesky-2024")
RUNS = ("count-arrays.jsonl", "ragged.jsonl")


@dataclass(frozen=True)
class Written:
    """A mapping, and the container that its run was written to."""

    documented: Documented
    client: Any


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCatalog]:
    home = tmp_path_factory.mktemp("snippets")
    (home / "files").mkdir()
    adapters = {
        mimetype: adapter
        for name in OF_BEAMLINES
        for mimetype, adapter in getattr(CASES[name], "ADAPTERS", {}).items()
    }
    with open_catalog(
        home / "catalog", readable_storage=[home / "files"], storage="duckdb", adapters=adapters
    ) as catalog:
        yield catalog


@pytest.fixture(scope="module", params=(*OF_BEAMLINES, *LAYOUTS))
def written(request: pytest.FixtureRequest, catalog: EmbeddedCatalog, runs: Path) -> Written:
    name = request.param
    home = catalog.directory.parent
    if name in LAYOUTS:
        mapping = tiledmap.load(name)
        documents = [each for run in RUNS for each in read_documents(runs / run)]
    else:
        case = CASES[name]
        case.write_files(home / "files")
        mapping = tiledmap.load(
            name,
            settings=settings(case, home / "files"),
            overlays=moved(case, home / "files", home),
        )
        documents = list(case.documents())
    client = catalog.client.create_container(name)
    with mapping.writer(client) as writer:
        for kind, document in documents:
            writer(kind, document)
    return Written(mapping.documented(documents), client)


def snippets_of(documented: Documented) -> Iterator[tuple[OutlineNode, Snippet]]:
    """The snippet of each node that the documented run has, with that run's keys."""
    made = [node for top in documented.example for node in top.walk()]
    for node in documented.outline.walk():
        for example in made:
            if example.rule == node.rule and len(example.path) == len(node.path):
                yield node, snippet(documented.outline, node, example.path)
                break


def test_each_snippet_reads_its_node(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # some download files
    read = {}
    for node, found in snippets_of(written.documented):
        names = {variable.name: variable.example for variable in found.variables}
        exec(found.statements, {"client": written.client, **names})
        read[node.id] = node.family.value

    assert {"container", "table"} <= set(read.values())
    assert len(read) >= 4


def test_a_snippet_is_a_program(written: Written) -> None:
    for node in written.documented.outline.walk():
        compile(snippet(written.documented.outline, node).text, node.id, "exec")


def test_keys_that_documents_bring_are_variables() -> None:
    outline = tiledmap.load("bluesky-v3").outline
    table = outline.node("streams.every-stream.tables.internal")

    assert snippet(outline, table).text == (
        "from tiled.client import from_uri\n"
        "\n"
        'client = from_uri("http://localhost:8000")  # your server\n'
        'uid = "…"                # {start.uid}\n'
        'stream_name = "primary"  # {descriptor.name}\n'
        "\n"
        "run = client[uid]\n"
        "stream = run[stream_name]\n"
        'table = stream.base["internal"]\n'
        'table.read().sort_values("seq_num")  # a pandas DataFrame\n'
    )


def test_any_key_is_written_as_python() -> None:
    outline = tiledmap.load("bluesky-v3").outline
    files = outline.node("streams.every-stream.data.files")
    hostile = ("a", 'b"]\nimport os #', "c\\")
    text = snippet(outline, files, hostile).text

    names: dict[str, Any] = {}
    lines = [line for line in text.splitlines() if line.startswith(("uid", "stream_name", "data"))]
    exec("\n".join(lines), names)
    assert (names["uid"], names["stream_name"], names["data_key"]) == hostile
