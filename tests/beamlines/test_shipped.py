"""Shipped mappings of beamlines store real runs, and real files are read back through Tiled.

Which nodes they make of the recordings stands in ``tests/mappings/shipped/``.
"""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import event_model
import numpy as np
import numpy.typing as npt
import pytest

import tiledmap
from tests.beamlines import Case, NamedDocument, find_cases, moved, settings
from tests.beamlines.record import recording
from tests.comparing import described
from tiledmap.api import LoadedMapping
from tiledmap.documents.recordings import read_documents
from tiledmap.problems import MappingError
from tiledmap.resources import shipped_mappings
from tiledmap.runtime.report import RunReport
from tiledmap.sinks.embedded import open_catalog
from tiledmap.sinks.tree import descend, find_runs
from tiledmap.testing.logs import logged_texts

CASES = find_cases()
TESTS = Path(__file__).parents[1] / "mappings" / "shipped"
SECTIONS = ("roots", "resources", "datums", "data_keys", "start", "descriptor", "stop")


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def test_each_beamline_has_a_case() -> None:
    beamlines = {
        name for name, path in shipped_mappings().items() if path.parent.name != "mappings"
    }
    assert beamlines <= set(CASES)


def test_each_shipped_mapping_has_tests_of_its_own() -> None:
    tested = {path.name.partition(".")[0] for path in TESTS.glob("*.test.yaml")}
    assert tested == set(shipped_mappings())


def test_the_mapping_has_no_problems(case: Case) -> None:
    assert tiledmap.validate(case.MAPPING) == []


def test_the_mapping_says_where_its_facts_come_from(case: Case) -> None:
    mapping = tiledmap.load(case.MAPPING).resolved
    assert mapping.title
    assert mapping.description


def test_the_recording_is_what_the_case_says(case: Case) -> None:
    documents = list(case.documents())
    assert list(read_documents(recording(case))) == documents
    for name, document in documents:
        event_model.schema_validators[event_model.DocumentNames[name]].validate(document)


@dataclass(frozen=True)
class Stored:
    """A case's run in a catalog, and what its nodes should hold."""

    run: Any
    expected: dict[str, npt.NDArray[Any]]
    logged: list[str]
    report: RunReport


@pytest.fixture(scope="module")
def stored(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    """The case's run, written to a real catalog, and its real files."""
    home = tmp_path_factory.mktemp(case.MAPPING)
    root = home / "files"
    root.mkdir()
    expected = case.write_files(root)
    mapping = tiledmap.load(
        case.MAPPING, settings=settings(case, root), overlays=moved(case, root, home)
    )
    documents = list(case.documents())
    reports: list[RunReport] = []
    with open_catalog(
        home / "catalog", readable_storage=[root], adapters=getattr(case, "ADAPTERS", None)
    ) as catalog:
        with (
            logged_texts() as texts,
            mapping.writer(catalog.client, reported=reports.append) as writer,
        ):
            for name, document in documents:
                writer(name, document)
        [(_, run)] = find_runs(catalog.client, [documents[0][1]["uid"]])
        yield Stored(run, expected, texts, *reports)


def test_no_problem_is_logged(stored: Stored) -> None:
    assert stored.logged == []
    assert "notes" not in stored.run.metadata


def test_each_repair_of_the_mapping_is_applied(case: Case, stored: Stored) -> None:
    repair = tiledmap.load(case.MAPPING).resolved.repair
    own = {
        (section, rule.name)
        for section in SECTIONS
        for rule in getattr(repair, section)
        if Path(rule.at().file).stem == case.MAPPING
    }
    assert own <= {(rule.section, rule.name) for rule in stored.report.applied}


def test_each_rule_of_the_layout_matters(case: Case, tmp_path: Path) -> None:
    """Without it something else is stored, or the mapping has a problem."""
    mapping = tiledmap.load(case.MAPPING)
    documents = list(case.documents())
    as_shipped = ops_of(mapping, documents)
    idle: dict[str, bool] = {}
    for number, (rule, removal) in enumerate(layout_rules(mapping, case.MAPPING)):
        overlay = tmp_path / f"without-{number}.yaml"
        header = {"tiledmap": 1, "name": "without", "version": "1.0.0"}
        overlay.write_text(json.dumps({**header, **removal}))
        try:
            without = tiledmap.load(case.MAPPING, overlays=[overlay])
        except MappingError:
            idle[rule] = False
        else:
            same = ops_of(without, documents) == as_shipped
            idle[rule] = idle.get(rule, True) and same
    assert [rule for rule, does_nothing in idle.items() if does_nothing] == []


def layout_rules(mapping: LoadedMapping, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The mapping's own rules of assets, streams and data keys, with overlays that remove them.

    A rule of data keys that several streams share has several.
    """
    removed = {"remove": "to see what it does"}

    def own(rules: Iterable[Any]) -> list[str]:
        return [rule.name for rule in rules if Path(rule.at().file).stem == name]

    resolved = mapping.resolved
    for rule in own(resolved.assets):
        yield f"assets: {rule}", {"assets": [{"name": rule, **removed}]}
    for rule in own(resolved.streams):
        yield f"streams: {rule}", {"streams": [{"name": rule, **removed}]}
    for stream in resolved.streams:
        for rule in own(stream.data):
            data = [{"name": rule, **removed}]
            yield f"data: {rule}", {"streams": [{"name": stream.name, "data": data}]}


def ops_of(mapping: LoadedMapping, documents: list[NamedDocument]) -> list[dict[str, Any]]:
    """What the mapping makes of documents, wherever it says so."""
    with logged_texts():
        ops = mapping.preview(documents).ops
    return [{**described(op), "at": ""} for op in ops]


def test_every_file_is_read_back_through_tiled(stored: Stored) -> None:
    assert stored.expected
    for path, expected in stored.expected.items():
        found = read(stored.run, tuple(path.split("/")))
        assert found.shape == expected.shape, path
        assert found.dtype == expected.dtype, path
        np.testing.assert_array_equal(found, expected, err_msg=path)


def read(run: Any, path: tuple[str, ...]) -> npt.NDArray[Any]:
    """What a node below a run holds, or a column of a table."""
    *above, last = path
    node = descend(run, tuple(above))
    if node.structure_family == "table":
        return np.asarray(node.read()[last])
    node = descend(node, (last,))
    if node.structure_family == "bytes":
        return np.frombuffer(download(node), dtype="uint8")
    return np.asarray(node.read())


def download(node: Any) -> bytes:
    """The bytes of all files of a node, one after the other, in the order of their names."""
    files: dict[str, io.BytesIO] = {}
    node.raw_export(files)
    names = sorted(files, key=lambda name: name.rpartition("/")[2])
    return b"".join(files[name].getvalue() for name in names)


def test_every_node_of_files_is_expected(case: Case, stored: Stored) -> None:
    found = {
        "/".join(path)
        for path, node in below(stored.run)
        if node.structure_family in ("array", "bytes") and is_external(node)
    }
    assert found <= set(stored.expected)


def below(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every node below a node, with its path."""
    node = getattr(node, "base", node)
    if node.structure_family == "container":
        for key in node:
            child = descend(node, (key,))
            yield (*path, key), child
            yield from below(child, (*path, key))


def is_external(node: Any) -> bool:
    """Whether a node's data lie in files that a detector wrote."""
    [source] = node.include_data_sources().data_sources()
    return bool(source.management == "external")
