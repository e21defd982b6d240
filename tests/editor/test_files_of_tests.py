"""Files of tests in an editor: their problems, and what is said and offered in them."""

from pathlib import Path

import pytest

from tests.editor.marked import MARK
from tests.testing.cases import write_facility
from tiledmap.editor.completion import completions
from tiledmap.editor.definition import definition
from tiledmap.editor.fixes import fixes
from tiledmap.editor.hover import hover
from tiledmap.editor.symbols import symbols
from tiledmap.editor.workspace import Document, Workspace
from tiledmap.testing.cases.read import load_cases
from tiledmap.testing.cases.run import run_case

HEAD = "tiledmap_test: 1\nmapping: ./mine.yaml\ntests:\n"
ONE = f"{HEAD}  - name: one\n    given: {{documents: run.jsonl}}\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a mapping, and no recording."""
    home = tmp_path_factory.mktemp("home")
    write_facility(home, "").unlink()
    return home


def opened(home: Path, text: str) -> tuple[Document, int]:
    before, _, after = text.partition(MARK)
    path = home / "mine.test.yaml"
    workspace = Workspace()
    workspace.put(path, before + after)
    return workspace.check(path), len(before)


def test_problems_are_those_that_a_run_prints(home: Path) -> None:
    text = f"""{ONE}    strict: true
  - name: two
    given: {{documents: [[strt, {{}}]]}}
    settings: {{max_columns: 2}}
    strict: true
  - name: three
    given: {{documents: 5}}
    settings: {{max_colums: 2}}
    strict: true
  - name: four
    given: {{documents: run.jsonl}}
    settings: {{max_columns: 2}}
    expect_problem: TM026
"""
    document, _ = opened(home, text)
    shown = [(each.code, each.message, each.span) for each in document.problems]
    assert len(shown) == 5

    path = home / "mine.test.yaml"
    path.write_text(text)
    outcomes = [run_case(case) for case in load_cases(path)]
    printed = [(p.code, p.message, p.span) for outcome in outcomes for p in outcome.problems]
    assert outcomes[-1].passed
    assert set(printed) <= set(shown)  # where a setting is wrong, no documents are read
    path.unlink()


def test_the_shape_of_the_file_is_checked_as_one_types(home: Path) -> None:
    text = f"{HEAD}  - {{name: one, expct: {{}}, expect_problem: TM026}}\n"
    document, _ = opened(home, text)
    assert [each.code for each in document.problems] == ["TM005"]
    assert [fix.words for fix in fixes(document, 0, len(text))] == ["expect"]
    document, _ = opened(home, f"{text}  - name: [\n")
    assert [each.code for each in document.problems] == ["TM005", "TM002"]
    document, _ = opened(home, text.replace("mine", "mien"))
    assert [each.code for each in document.problems] == ["TM020", "TM005"]


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("▮", {"tiledmap_test"}),
        ("tiledmap_test: 1\nmapping: ▮\n", {"bluesky-v3", "./mine.yaml"}),
        (f"{HEAD}  ▮", {"- name:"}),
        (f"{ONE}    ▮", {"settings", "expect", "strict"}),
        (f"{ONE}    settings:\n      ▮", {"max_columns"}),
        (f"{ONE}    expect:\n      a/b:\n        ▮", {"family", "dtype"}),
        (f"{ONE}    expect:\n      a/b: {{family: ▮", {"container", "table"}),
        (f"{ONE}    expect:\n      a/b: {{made_by: ▮", {"run", "streams.every-stream.data.files"}),
        (f"{ONE}    expect:\n      a/b: {{files: ['${{{{ ▮", {"here"}),
        (f"{ONE}    expect_problem: ▮", {"TM026"}),
    ],
)
def test_what_fits_is_offered(home: Path, text: str, some: set[str]) -> None:
    document, index = opened(home, text)
    found = {each.label for each in completions(document, index)}
    assert some <= found
    assert not {"given", "default", "mine"} & found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tiledmap_test: 1\nmapping: ./mi▮ne.yaml\n", "**mine** 1.0.0"),
        (f"{ONE}    str▮ict: true\n", "No other node or column, and no problem."),
        (f"{ONE}    settings: {{max_c▮olumns: 20}}\n", "**settings.max_columns**: integer"),
        (f"{ONE}    expect: {{a: {{family: ra▮gged}}}}\n", "Lists whose lengths may differ."),
        (
            f"{ONE}    expect: {{a: {{made_by: streams.every-str▮eam.data.files}}}}\n",
            "store: files",
        ),
        (f"{ONE}    expect: {{a: {{files: ['${{{{ he▮re }}}}']}}}}\n", "directory of this file"),
        (f"{ONE}    expect_problem: TM0▮26\n", "# TM026: a setting's value"),
    ],
)
def test_what_is_written_is_explained(home: Path, text: str, said: str) -> None:
    found = hover(*opened(home, text))
    assert found is not None
    assert said in found.markdown


def test_the_way_leads_into_the_mapping(home: Path) -> None:
    found = definition(*opened(home, "tiledmap_test: 1\nmapping: ./mi▮ne.yaml\n"))
    assert found is not None
    assert (Path(found.file), found.line) == (home / "mine.yaml", 2)
    rule = "streams.every-stream.tables.inter▮nal"
    found = definition(*opened(home, f"{ONE}    expect: {{a: {{made_by: {rule}}}}}\n"))
    assert found is not None
    assert found.file == "bluesky-v3.yaml"
    assert definition(*opened(home, "tiledmap_test: 1\nmapping: ./no▮ne.yaml\n")) is None


def test_the_outline_has_the_tests_and_their_nodes(home: Path) -> None:
    document, _ = opened(home, f"{ONE}    expect: {{raw: {{}}, raw/a: {{store: table}}}}\n")
    (tests,) = symbols(document)
    (one,) = tests.children
    (expect,) = one.children
    assert [(each.name, each.detail) for each in expect.children] == [
        ("raw", ""),
        ("raw/a", "store: table"),
    ]
