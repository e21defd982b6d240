"""Tests are rewritten and recorded: what holds stays as it is written, comments and order too."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.testing.cases import DOCUMENTS, write_facility
from tiledmap.documents.recordings import write_documents
from tiledmap.language.format import format_text
from tiledmap.language.render import flow
from tiledmap.problems import MappingError
from tiledmap.testing import Outcome, load_cases, read_cases, run_case
from tiledmap.testing.cases.compare import Found, compare
from tiledmap.testing.cases.record import TakenNameError, recorded
from tiledmap.testing.cases.statements import CaseFileStatement
from tiledmap.testing.cases.write import updated


def update(path: Path) -> str:
    """Rewrite a file, and return what follows the documents of its test."""
    cases = load_cases(path)
    text = updated(cases[0].source, [run_case(case) for case in cases])
    path.write_text(text)
    assert all(run_case(case).passed for case in load_cases(path)), text
    return text.partition(DOCUMENTS)[2]


CASES = {
    "a value": (
        "    expect:\n      raw/run-1/primary/image:\n        dtype: int8  # why\n",
        "    expect:\n      raw/run-1/primary/image:\n        dtype: uint16  # why\n",
    ),
    "an item of a list": (
        "    expect:\n      raw/run-1/primary/image: {shape: [1, 2,  4], dims: [time, x, y]}\n",
        "    expect:\n      raw/run-1/primary/image: {shape: [1, 2,  3], "
        "dims: [time, dim_int_1, dim_int_2]}\n",
    ),
    "a list of another length": (
        "    expect:\n      raw/run-1:\n        access_tags:\n          - a  # one\n          - b\n"
        "        specs: []  # none\n",
        "    expect:\n      raw/run-1:\n        access_tags:\n          - staff\n"
        "        specs: [BlueskyRun/3.0]  # none\n",
    ),
    "what is not there": (
        "    expect:\n      # gone\n      raw/run-2: {}\n      raw/run-1:\n        dtype: int8\n"
        "        metadata:\n          start: {x: 1, uid: run-1}\n          y: 2\n",
        "    expect:\n      # gone\n      raw/run-1:\n        metadata:\n"
        "          start: {uid: run-1}\n",
    ),
    "all that is there of a node": (
        "    expect:\n      raw/run-1:\n        dtype: int8\n        shape: [1]\n",
        "    expect:\n      raw/run-1:\n        {}\n",
    ),
    "all nodes": ("    expect: {a: {}, b: {}}\n", "    expect: {}\n"),
    "the only column": (
        "    expect:\n      raw/run-1/primary/internal: {columns: {x: int8}}\n",
        "    expect:\n      raw/run-1/primary/internal: {columns: {}}\n",
    ),
    "a type of a column, and its comment": (
        "    expect:\n      raw/run-1/primary/internal:\n        columns:\n"
        "          counts: bool  # five\n          x: int8\n"
        "          # time\n          time: float64\n",
        "    expect:\n      raw/run-1/primary/internal:\n        columns:\n"
        "          counts: int64  # five\n          # time\n          time: float64\n",
    ),
    "columns that a strict test does not list": (
        "    expect:\n      raw: {}\n      raw/run-1: {}\n      raw/run-1/primary: {}\n"
        "      raw/run-1/primary/image: {}\n      raw/run-1/primary/internal:\n"
        "        columns: {time: float64, counts: int64}\n    strict: true  # all\n",
        "    expect:\n      raw: {}\n      raw/run-1: {}\n      raw/run-1/primary: {}\n"
        "      raw/run-1/primary/image: {}\n      raw/run-1/primary/internal:\n"
        "        columns: {time: float64, counts: int64, seq_num: int64, ts_counts: float64, "
        "ts_image: float64}\n    strict: true  # all\n",
    ),
}


@pytest.mark.parametrize(("case", "expected"), CASES.values(), ids=CASES)
def test_only_what_differs_is_rewritten(tmp_path: Path, case: str, expected: str) -> None:
    path = write_facility(tmp_path, case)
    if expected.rstrip().endswith("expect: {}"):
        path.write_text(path.read_text() + "    expect_problem: TM411\n")
        expected += "    expect_problem: TM411\n"
        cases = load_cases(path)
        assert updated(cases[0].source, list(map(run_case, cases))).endswith(expected)
    else:
        assert update(path) == expected


WHOLE = """\
      raw:
        family: container
        access_tags: [staff]
        made_by: run
      raw/run-1:
        family: container
        specs: [BlueskyRun/3.0]
        access_tags: [staff]
        metadata: {start: {}, stop: {}}
        made_by: run
      raw/run-1/primary:
        family: container
        specs: [BlueskyEventStream/3.0, composite]
        access_tags: [staff]
        metadata: {uid: stream-1, time: 1.0, data_keys: {}}
        made_by: streams.every-stream
"""


@pytest.mark.parametrize(
    "case",
    [
        "    strict: true\n",
        "    expect: {}\n    strict: true\n",
        "    expect: {x: {}}\n    strict: true\n",
    ],
)
def test_a_strict_test_is_completed(tmp_path: Path, case: str) -> None:
    text = update(write_facility(tmp_path, case))
    assert text.endswith("    strict: true\n")
    if "x:" not in case:
        assert WHOLE in text


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "family": st.sampled_from(["container", "array"]),
        "store": st.sampled_from(["table", "files", "array"]),
        "dtype": st.sampled_from(["int8", "uint16", "<u2"]),
        "shape": st.lists(st.integers(0, 3), max_size=3),
        "specs": st.lists(st.sampled_from(["BlueskyRun/3.0", "X"]), max_size=2),
        "columns": st.dictionaries(st.sampled_from(["time", "x", "counts"]), st.just("float64")),
        "rows": st.integers(0, 2),
        "metadata": st.dictionaries(st.sampled_from(["start", "uid", "time"]), st.just({"uid": 1})),
        "made_by": st.sampled_from(["run", "streams.every-stream"]),
    },
)
PATHS = ["raw", "raw/run-1", "raw/run-1/primary/image", "raw/run-1/primary/internal", "raw/no"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Found]:
    """What the documents make."""
    path = write_facility(tmp_path_factory.mktemp("found"), "    strict: true\n")
    nodes = run_case(load_cases(path)[0]).found
    assert nodes is not None
    return nodes


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def written(path: str, fields: dict[str, object], style: str) -> list[str]:
    """An expectation of a node, in one of several styles, with comments."""
    if style == "block" and fields:
        entries = [f"        {name}: {flow(value)}  # {name}" for name, value in fields.items()]
        return [f"      {path}:  # a node", *entries]
    return [f"      {path}: {flow(fields)}  # a node"]


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(PATHS), FIELDS, min_size=1),
    st.booleans(),
    st.sampled_from(["block", "flow", "all flow"]),
)
def test_an_updated_test_passes(
    home: Path,
    found: Mapping[str, Found],
    expect: dict[str, dict[str, object]],
    strict: bool,
    style: str,
) -> None:
    lines = [line for path, fields in expect.items() for line in written(path, fields, style)]
    case = "\n".join(["    expect:  # nodes", *lines])
    if style == "all flow":
        case = f"    expect: {flow(expect)}  # nodes"
    path = write_facility(home, f"{case}\n    strict: {str(strict).lower()}\n")
    [before] = load_cases(path)
    text = updated(before.source, [Outcome(before, found=found)])
    path.write_text(text)
    cases, problems = read_cases(path)
    if problems:  # nothing that was expected is there
        assert ({problem.code for problem in problems}, strict) == ({"TM011"}, False)
    else:
        [after] = cases
        assert list(compare(after, found, {})) == [], text
        assert updated(after.source, [Outcome(after, found=found)]) == text
    assert "# nodes" in text


# ---------------------------------------------------------------- recording


@pytest.fixture
def recording(tmp_path: Path, runs: Path) -> Path:
    (tmp_path / "runs").mkdir()
    path = tmp_path / "runs" / "scan.jsonl"
    path.write_bytes((runs / "scan.jsonl").read_bytes())
    return path


def test_a_recorded_test_passes_and_is_formatted(tmp_path: Path, recording: Path) -> None:
    write_facility(tmp_path, "")
    path = tmp_path / "mine.test.yaml"
    path.unlink()
    first = recorded(path, "./mine.yaml", recording, {"max_columns": "50"})
    path.write_text(first)
    again = recording.with_name("other.jsonl")
    recording.rename(again)
    path.write_text(recorded(path, "./mine.yaml", again))
    again.rename(recording)
    write_documents(again, [])
    again.write_bytes(recording.read_bytes())

    cases = load_cases(path)
    assert [case.name for case in cases] == ["scan", "other"]
    assert all(run_case(case).passed for case in cases)
    assert all(case.statement.strict for case in cases)
    text = path.read_text()
    assert text.startswith(first)
    assert 'given: {documents: runs/scan.jsonl}\n    settings: {max_columns: "50"}' in text
    assert format_text(text, cls=CaseFileStatement) == (text, [])
    with pytest.raises(TakenNameError):
        recorded(path, "./mine.yaml", recording)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tests: []  # none yet\n", "tests:  # none yet\n  - name: scan\n"),
        (
            "tests:\n- name: a  # mine\n  given: {documents: x}\n  strict: true\n# end\n",
            "# end\n- name: s",
        ),
        (
            "tests:\n  - {name: a, given: {documents: x}, strict: true}\ntiledmap_test: 1\n",
            "    strict: true\ntiledmap_test: 1\n",
        ),
    ],
)
def test_a_recorded_test_is_put_after_the_others(
    tmp_path: Path, recording: Path, before: str, after: str
) -> None:
    path = write_facility(tmp_path, "")
    head = "" if "tiledmap_test" in before else "tiledmap_test: 1\n"
    path.write_text(f"# ours\n{head}mapping: ./mine.yaml\n{before}")
    text = recorded(path, "./other.yaml", recording)
    path.write_text(text)
    assert text.startswith("# ours\n")
    assert after in text
    assert [case.name for case in load_cases(path)][-1] == "scan"


def test_nothing_is_recorded_of_what_cannot_be_used(
    tmp_path: Path, recording: Path, runs: Path
) -> None:
    path = write_facility(tmp_path, "").with_name("new.test.yaml")
    with pytest.raises(MappingError, match="TM025"):
        recorded(path, "./mine.yaml", recording, {"no_such": "1"})
    recording.write_text("no documents")
    with pytest.raises(MappingError, match="TM001"):
        recorded(path, "./mine.yaml", recording)
    with pytest.raises(MappingError, match="TM020"):
        recorded(path, "./none.yaml", recording)
    path.write_text(
        "tiledmap_test: 1\nmapping: ./mine.yaml\n"
        "tests: [{name: a, given: {documents: x}, strict: true}]\n"
    )
    recording.write_bytes((runs / "scan.jsonl").read_bytes())
    with pytest.raises(MappingError, match="in brackets"):
        recorded(path, "./mine.yaml", recording)
