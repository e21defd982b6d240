"""What is found is compared with what a test expects, each difference at its own line."""

from pathlib import Path
from typing import Any

import pytest

from tests.testing.cases import write_facility
from tiledmap.documents.recordings import write_documents
from tiledmap.problems import MappingError
from tiledmap.testing import Outcome, load_cases, run_case

RUN = "raw/run-1"


def outcome_of(home: Path, case: str) -> Outcome:
    [case_] = load_cases(write_facility(home, case))
    return run_case(case_)


def differences(outcome: Outcome) -> list[tuple[str, str, str]]:
    """The code of each problem, what is underlined, and what was found."""
    lines = outcome.case.source.characters.lines
    return [
        (problem.code, lines[span.line - 1][span.column - 1 : span.end_column - 1], problem.label)
        for problem in outcome.problems
        for span in [problem.span]
    ]


def test_a_test_expects_only_what_it_says(tmp_path: Path) -> None:
    outcome = outcome_of(
        tmp_path,
        """\
    expect:
      raw: {family: container, made_by: run}
      raw/run-1:
        specs: [BlueskyRun/3.0]
        access_tags: [staff]
        metadata: {start: {sample: {size: 2.0}}}
      raw/run-1/primary/image:
        store: array
        dtype: <u2
        shape: [1, 2, 3]
        dims: [time, dim_int_1, dim_int_2]
        made_by: streams.every-stream.data.arrays
      raw/run-1/primary/internal:
        store: table
        columns: {counts: int64, seq_num: int64}
        rows: 1
        made_by: streams.every-stream.tables.internal
""",
    )
    assert outcome.passed, str(outcome)
    assert set(outcome.found or {}) == {
        "raw",
        RUN,
        f"{RUN}/primary",
        f"{RUN}/primary/image",
        f"{RUN}/primary/internal",
    }


def test_each_difference_is_at_its_own_place(tmp_path: Path) -> None:
    outcome = outcome_of(
        tmp_path,
        """\
    expect:
      raw/run-1:
        specs: [BlueskyRun/2.0]
        access_tags: [staff, users]
        metadata:
          start:
            sample: {size: true, nme: Ni}
      raw/run-1/primary/image:
        family: table
        store: files
        dtype: float64
        shape: [1, 2, 4]
        columns: {seq_num: int64}
        rows: 3
        files: [a]
        mimetype: image/tiff
        made_by: streams.every-stream.data.array
      raw/run-1/primary/internal:
        columns: {counts: float64, seqnum: int64}
""",
    )
    assert differences(outcome) == [
        ("TM600", "BlueskyRun/2.0", "found BlueskyRun/3.0"),
        ("TM600", "[staff, users]", "found [staff]"),
        ("TM600", "true", "found 2"),
        ("TM600", "Ni", "expected Ni"),
        ("TM600", "table", "found array"),
        ("TM600", "files", "found array"),
        ("TM600", "float64", "found uint16"),
        ("TM600", "4", "found 3"),
        ("TM600", "int64", "expected int64"),
        ("TM600", "3", "expected 3"),
        ("TM600", "[a]", "found []"),
        ("TM600", "image/tiff", "expected image/tiff"),
        ("TM600", "streams.every-stream.data.array", "found streams.every-stream.data.arrays"),
        ("TM600", "float64", "found int64"),
        ("TM600", "int64", "expected int64"),
    ]
    hints = [problem.hint for problem in outcome.problems]
    assert hints[3] == "did you mean 'name'?"
    assert hints[-1] == "did you mean 'seq_num'?"
    assert "did you mean 'streams.every-stream.data.arrays'?" in hints[12]
    assert hints[0] == "it is a container made by run, mine.yaml:8"


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("raw/run-1/primry", "did you mean 'raw/run-1/primary'?"),
        ("raw/run-1/primary/image/frame", "did you mean 'raw/run-1/primary/image'?"),
        ("zzz", "the documents make 'raw', 'raw/run-1'"),
        ("raw/qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq", "in 'raw' there is 'raw/run-1'"),
    ],
)
def test_a_node_that_is_not_there(tmp_path: Path, path: str, hint: str) -> None:
    outcome = outcome_of(tmp_path, f"    expect:\n      {path}: {{family: array}}\n")
    assert differences(outcome) == [("TM601", path, "")]
    assert outcome.problems[0].hint.startswith(hint)


def test_a_strict_test_names_everything(tmp_path: Path) -> None:
    outcome = outcome_of(
        tmp_path,
        """\
    expect:
      raw: {family: container}
      raw/run-1: {family: container}
      raw/run-1/primary/image: {}
      raw/run-1/primary/internal:
        columns: {counts: int64, seq_num: int64}
    strict: true
""",
    )
    assert differences(outcome) == [
        ("TM602", "columns", "found time: float64, ts_counts: float64, ts_image: float64"),
        ("TM602", "true", ""),
    ]
    assert "'raw/run-1/primary'" in outcome.problems[1].message


def test_problems_are_expected_by_code_or_by_words(tmp_path: Path) -> None:
    path = write_facility(tmp_path, "    expect_problem: no such words\n")
    path.write_text(
        path.read_text()
        + """\
  - name: by code
    settings: {max_columns: 2}
    expect_problem: TM026
  - name: by code, and nothing is stored
    given: {documents: nothing.jsonl}
    settings: {max_columns: 2}
    expect_problem: TM026
    strict: true
  - name: another error beside the one that is expected
    settings: {max_columns: 2, max_colums: 5}
    expect_problem: TM026
  - name: a code that does not occur
    expect_problem: TM026
  - name: a refused setting
    given: {documents: nothing.jsonl}
    settings: {max_columns: 2, max_colums: 5}
    strict: true
"""
    )
    words, code, strict, two, other, setting = map(run_case, load_cases(path))

    assert code.passed
    assert strict.passed
    assert [problem[:2] for problem in differences(two)] == [("TM025", "max_colums")]
    assert differences(words) == [("TM604", "no such words", "")]
    assert words.problems[0].hint.splitlines()[-1] == "nothing was logged"
    assert differences(other) == [("TM604", "TM026", "")]
    found = [problem[:2] for problem in differences(setting)]
    assert found == [("TM026", "2"), ("TM025", "max_colums")]


def test_the_environment_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILEDMAP_SET_MAX_COLUMNS", "2")
    assert outcome_of(tmp_path, "    expect: {raw: {}}\n").passed


def test_documents_must_be_there_and_fit_their_schema(tmp_path: Path) -> None:
    path = write_facility(tmp_path, "    expect: {raw: {}}\n")
    (tmp_path / "bad.jsonl").write_text('["start", {"uid": "x"}]\n')
    (tmp_path / "torn.jsonl").write_text('["start", {"uid":')
    (tmp_path / "empty.jsonl").write_text("")
    names = [("bad", "TM603"), *((name, "TM001") for name in ("torn", "empty", "no", "n" * 300))]
    for name, code in names:
        path.write_text(
            "tiledmap_test: 1\nmapping: ./mine.yaml\ntests:\n  - name: x\n    strict: true\n"
            f"    given: {{documents: {name}.jsonl}}\n"
        )
        [case] = load_cases(path)
        assert [d[:2] for d in differences(run_case(case))] == [(code, f"{name}.jsonl")]


def test_documents_that_are_repaired_or_whose_refusal_is_expected_need_not_fit_their_schema(
    tmp_path: Path,
) -> None:
    mapping = "tiledmap: 1\nname: mine\nversion: 1.0.0\nextends: bluesky-v3@^3\n"
    repair = """\
repair:
  data_keys:
    - name: epics
      match: {dtype_numpy: DBF_DOUBLE}
      dtype: float64
      reason: EPICS has its own word.
"""
    path = tmp_path / "mine.test.yaml"
    path.write_text(
        """\
tiledmap_test: 1
mapping: ./mine.yaml
tests:
  - name: stored
    given: {documents: run.jsonl}
    expect:
      run-1/primary/internal:
        columns: {x: float64}
  - name: refused
    given: {documents: run.jsonl}
    expect_problem: DBF_DOUBLE
"""
    )
    write_documents(tmp_path / "run.jsonl", run_of_a_number(dtype_numpy="DBF_DOUBLE"))
    (tmp_path / "mine.yaml").write_text(mapping + repair)
    stored, refused = load_cases(path)
    assert run_case(stored).passed
    assert differences(run_case(refused)) == [("TM604", "DBF_DOUBLE", "")]

    (tmp_path / "mine.yaml").write_text(mapping)
    assert [each[:2] for each in differences(run_case(stored))] == [("TM603", "run.jsonl")]
    assert run_case(refused).passed


def run_of_a_number(**data_key: str) -> list[tuple[str, dict[str, Any]]]:
    number = {"source": "PV", "dtype": "number", "shape": [], **data_key}
    return [
        ("start", {"uid": "run-1", "time": 1.0}),
        (
            "descriptor",
            {
                "uid": "stream-1",
                "run_start": "run-1",
                "time": 1.0,
                "name": "primary",
                "data_keys": {"x": number},
            },
        ),
        (
            "event",
            {
                "uid": "event-1",
                "descriptor": "stream-1",
                "time": 1.5,
                "seq_num": 1,
                "data": {"x": 0.5},
                "timestamps": {"x": 1.5},
            },
        ),
        ("stop", {"uid": "stop-1", "run_start": "run-1", "time": 2.0, "exit_status": "success"}),
    ]


def test_a_mapping_with_errors_is_not_run(tmp_path: Path) -> None:
    path = write_facility(tmp_path, "    expect: {raw: {}}\n")
    (tmp_path / "mine.yaml").write_text("tiledmap: 1\nname: mine\nversion: 1.0.0\nrunn: {}\n")
    [case] = load_cases(path)
    outcome = run_case(case)
    assert {problem.span.file for problem in outcome.problems} == {str(tmp_path / "mine.yaml")}
    assert "runn" in str(outcome)


def test_files_beside_a_test_are_found_wherever_it_lies(tmp_path: Path) -> None:
    home = tmp_path / "with a space"
    home.mkdir()
    path = home / "smi.test.yaml"
    path.write_text(
        """\
tiledmap_test: 1
mapping: smi
tests:
  - name: x
    given:
      documents:
        - [start, {uid: run-1, time: 1.0, data_session: pass-1}]
        - - descriptor
          - uid: stream-1
            run_start: run-1
            time: 1.0
            name: primary
            data_keys:
              image: {dtype: array, shape: [1, 2, 3], source: camera, external: "FILESTORE:"}
        - - stream_resource
          - uid: file-1
            run_start: run-1
            data_key: image
            mimetype: application/x-hdf5
            uri: file://localhost/nsls2/data1/smi/a.h5
            parameters: {dataset: data}
        - - stream_datum
          - uid: file-1/0
            stream_resource: file-1
            descriptor: stream-1
            indices: {start: 0, stop: 1}
            seq_nums: {start: 1, stop: 2}
        - [stop, {uid: stop-1, run_start: run-1, time: 2.0, exit_status: success}]
    settings: {data_root: "${{ here }}/files"}
    expect:
      run-1/primary/image:
        files: ["file://localhost${{ here }}/files/a.h5"]
"""
    )
    [case] = load_cases(path)
    outcome = run_case(case)
    [uri] = (outcome.found or {})["run-1/primary/image"].node.files
    assert outcome.passed, str(outcome)
    assert uri.startswith(f"file://localhost{tmp_path}/")


# ---------------------------------------------------------------- files of tests

HEAD = "tiledmap_test: 1\nmapping: ./mine.yaml\n"
BAD_FILES = {
    "an unknown key": (
        HEAD + "tests:\n  - {name: x, expects: {}, strict: true, given: {documents: a}}\n",
        ["4:15 TM005 expects"],
    ),
    "a value of the wrong type": (
        HEAD + "tests:\n  - {name: x, strict: maybe, given: {documents: a}}\n",
        ["4:23 TM010 maybe", "4:12 TM011 expects nothing"],
    ),
    "a wrong field of a node": (
        HEAD + "tests:\n  - name: x\n    given: {documents: a}\n    expect:\n"
        "      a: {store: fils, shape: 3, dtpe: int8}\n",
        ["7:18 TM010 fils", "7:31 TM009 list", "7:34 TM005 dtpe"],
    ),
    "a mapping that is not there": (
        "tiledmap_test: 1\nmapping: ./min.yaml\ntests: []\n",
        ["2:10 TM020 ./min.yaml"],
    ),
    "a name that no file can have": (
        f"tiledmap_test: 1\nmapping: ./{'n' * 300}.yaml\ntests: []\n",
        ["2:10 TM020 nnn"],
    ),
    "a shipped mapping that is not there": (
        "tiledmap_test: 1\nmapping: bluesky-v4\ntests: []\n",
        ["2:10 TM020 bluesky-v4"],
    ),
    "another version": (
        "tiledmap_test: 2\nmapping: ./mine.yaml\ntests: []\n",
        ["1:16 TM010 '2'"],
    ),
    "two tests of one name": (
        HEAD
        + "tests:\n  - {name: x, expect_problem: TM026}\n  - {name: x, expect_problem: TM026}\n",
        ["5:12 TM014 'x'"],
    ),
    "a code that does not exist": (
        HEAD + "tests:\n  - {name: x, expect_problem: TM999}\n",
        ["4:31 TM010 TM999"],
    ),
    "a hole": (
        HEAD + "tests:\n  - name: x\n    given: {documents: a}\n    expect:\n"
        '      a: {files: ["${{ start.uid }}"]}\n',
        ["7:19 TM106 here"],
    ),
    "a path that is none": (
        HEAD + "tests:\n  - {name: x, given: {documents: a}, expect: {/a//b: {}}}\n",
        ["4:47 TM010 '/a//b'"],
    ),
    "no YAML": ("tiledmap_test: [", ["1:17 TM002 YAML"]),
}


@pytest.mark.parametrize(("text", "expected"), BAD_FILES.values(), ids=BAD_FILES)
def test_every_mistake_in_a_file_has_its_place(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    path = write_facility(tmp_path, "")
    path.write_text(text)
    with pytest.raises(MappingError) as caught:
        load_cases(path)
    found = caught.value.problems
    for problem, words in zip(found, sorted(expected), strict=True):
        place, code, word = words.split(" ", 2)
        assert (f"{problem.span.line}:{problem.span.column}", problem.code) == (place, code)
        assert word in problem.message
