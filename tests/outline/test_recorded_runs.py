"""Every node that recorded documents make is one that the outline tells of."""

from pathlib import Path

import pyarrow as pa
import pytest

import tiledmap
from tiledmap.api import LoadedMapping, shipped
from tiledmap.documents.recordings import read_documents
from tiledmap.outline.find import find_from_top
from tiledmap.outline.values import Family, OutlineNode
from tiledmap.outline.words import AS_DATA_KEY
from tiledmap.plan.steps import place
from tiledmap.runtime.ops import CreateNode

RUNS = Path(__file__).parents[1] / "runs"
RECORDINGS = sorted(
    [*RUNS.glob("*.jsonl"), *RUNS.glob("external/*.jsonl"), *RUNS.glob("*.msgpack")]
)
OF_FILES = {"array", "bytes"}


def is_of_family(node: OutlineNode, family: str) -> bool:
    if node.family is Family.FILES:
        return family in OF_FILES  # where values came instead of files, they are an array, too
    return node.family == family


def check(mapping: LoadedMapping, recording: Path) -> None:
    sink = mapping.preview(read_documents(recording))
    asked_at = {sink.place(op): op.at for op in sink.ops if isinstance(op, CreateNode)}
    for path, stored in sink.tree.items():
        found = [each.node for each in find_from_top(mapping.outline, path) if each.column is None]
        alike = [node for node in found if is_of_family(node, stored.family)]
        assert alike, f"{'/'.join(path)}, a {stored.family}"
        if stored.family != "container":
            assert asked_at[path] in {place(node.at) for node in alike}, path
        for column in stored.rows.schema if stored.rows is not None else ():
            check_column(mapping, (*path, column.name), column.type)


def check_column(mapping: LoadedMapping, path: tuple[str, ...], type: pa.DataType) -> None:
    columns = [each.column for each in find_from_top(mapping.outline, path) if each.column]
    (column,) = columns
    if column.type == "JSON text":
        assert type == pa.string()
    elif column.type != AS_DATA_KEY:
        assert str(pa.type_for_alias(column.type)) in str(type)


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_nodes_of_a_recording_are_in_the_outline(recording: Path) -> None:
    check(tiledmap.load("bluesky-v3"), recording)


@pytest.mark.parametrize("name", [each.name for each in shipped()])
def test_nodes_of_a_beamline_are_in_its_outline(name: str) -> None:
    own = RUNS / "beamlines" / f"{name}.jsonl"
    check(tiledmap.load(name), own if own.exists() else RUNS / "scan.jsonl")
