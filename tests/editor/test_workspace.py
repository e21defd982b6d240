import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.editor.marked import HEADER, ON_V3, opened
from tiledmap.api import examine
from tiledmap.editor.completion import completions
from tiledmap.editor.definition import definition
from tiledmap.editor.fixes import fixes
from tiledmap.editor.hover import hover
from tiledmap.editor.symbols import symbols
from tiledmap.editor.workspace import Document, Workspace, form_of
from tiledmap.language.nodes import Mapping
from tiledmap.testing.cases.statements import CaseFileStatement

MAPPINGS = Path(__file__).parents[1] / "mappings"
INVALID = sorted((MAPPINGS / "invalid").glob("*/mapping.yaml"))
PARENT = f"{ON_V3}run:\n  on_collision: refuse\n"
CHILD = f"{HEADER.replace('beamline', 'child')}extends: ./parent.yaml\n"
WRONG = f"{ON_V3}run:\n  key: ${{{{ start.uuid }}}}\n  on_colision: refuse\n"


def codes(document: Document) -> list[str]:
    return [problem.code for problem in document.problems]


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    path = tmp_path / "parent.yaml"
    path.write_text(PARENT)
    return path


@pytest.fixture
def child(parent: Path) -> Path:
    return parent.with_name("child.yaml")


@pytest.fixture
def workspace(child: Path) -> Workspace:
    """An editor in which the child is open."""
    workspace = Workspace()
    workspace.put(child, CHILD)
    return workspace


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.parent.name)
def test_an_editor_shows_what_validate_prints(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(path.parent)
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        pytest.skip("an editor has text")
    workspace = Workspace()
    workspace.put(path, text)
    printed = {(each.code, each.message) for each in examine(path).problems}
    shown = {(each.code, each.message) for each in workspace.check(path).problems}
    inherited = {each for each in shown if each[1].startswith("in ")}
    assert {code for code, _ in printed} <= {code for code, _ in shown}
    assert shown - inherited <= printed


def test_a_text_that_is_not_saved_stands_before_the_file(workspace, child):
    assert codes(workspace.check(child)) == []
    workspace.put(child, f"{CHILD}titel: x\n")
    assert codes(workspace.document(child)) == ["TM005"]


def test_a_file_that_is_inherited_is_read_again_when_it_changes(workspace, child, parent):
    assert codes(workspace.check(child)) == []
    parent.write_text(f"{PARENT}titel: x\n")
    (problem,) = workspace.check(child).problems
    assert (problem.code, problem.span.line) == ("TM005", 4)
    assert problem.message == "in parent.yaml, line 7: the key 'titel' is not known here"
    assert problem.notes[0].span is not None
    assert problem.notes[0].span.file == str(parent)
    parent.write_text(PARENT)
    assert codes(workspace.check(child)) == []


def test_an_inherited_text_that_is_not_saved_stands_before_its_file(workspace, child, parent):
    workspace.put(parent, f"{PARENT}titel: x\n")
    assert codes(workspace.check(child)) == ["TM005"]
    workspace.drop(parent)
    assert codes(workspace.check(child)) == []


def test_it_is_known_what_stands_on_a_file(workspace, child, parent):
    document = workspace.check(child)
    assert workspace.stands_on(document, parent)
    assert not workspace.stands_on(document, parent.with_name("other.yaml"))
    workspace.put(child, CHILD.replace("parent", "parnt"))
    assert workspace.stands_on(workspace.check(child), parent.with_name("parnt.yaml"))


def test_without_what_it_extends_a_mapping_is_still_explained(workspace, child):
    text = f"{CHILD.replace('parent', 'parnt')}run:\n  key: ${{{{ start.uid }}}}\n"
    workspace.put(child, text)
    document = workspace.check(child)
    assert codes(document) == ["TM020"]
    found = hover(document, text.index("uid"))
    assert found is not None
    assert "**start.uid**" in found.markdown


@pytest.mark.parametrize(
    "line",
    ["  par", "  specs: [{spec: a", '  parent: "a', "  x: {{ start.uid }}", "  - - :", "\tx: 1"],
)
def test_while_a_line_is_written_the_problems_of_the_others_stay(line):
    before = opened(WRONG)[0]
    assert codes(before) == ["TM502", "TM201", "TM005"]

    workspace = Workspace()
    path = Path(before.file)
    workspace.put(path, WRONG)
    workspace.check(path)
    workspace.put(path, f"{WRONG}{line}\nstreams: []\n")
    found = workspace.check(path)
    assert found.problems[-1].code in ("TM002", "TM008")
    assert codes(found)[:-1] == codes(before)


def test_what_another_line_may_be_the_cause_of_is_not_shown_while_it_is_written():
    text = f"{ON_V3}source:\n  start: {{properties: {{edge: {{type: string}}}}\nrun:\n  titel: a\n"
    used = f"{text}  key: ${{{{ start.edge }}}}\n"
    assert codes(opened(used)[0]) == ["TM002", "TM005"]


def test_a_text_that_cannot_be_read_at_all_has_its_problem():
    document, _ = opened("\x00")
    assert codes(document) == ["TM002"]
    assert symbols(document) == ()


def test_suppressions_count():
    line = "run:\n  key: a_${{ start.uid }}"
    assert codes(opened(f"{ON_V3}{line}\n")[0]) == ["TM502"]
    assert codes(opened(f"{ON_V3}{line} # tiledmap: ignore[TM502] nobody looks\n")[0]) == []


def test_other_yaml_is_left_alone():
    assert form_of(PARENT) is Mapping
    schema = "# yaml-language-server: $schema=../mapping-{}v1.schema.json\nname: x\n"
    assert form_of(schema.format("")) is Mapping
    assert form_of("mapping: x\ntiledmap_test: 1\n") is CaseFileStatement
    assert form_of(schema.format("test-")) is CaseFileStatement
    assert form_of("services: {tiledmap: {image: x}}\n") is None


def test_line_ends_of_windows_make_no_difference():
    spans = [each.span for each in opened(WRONG)[0].problems]
    assert [each.span for each in opened(WRONG.replace("\n", "\r\n"))[0].problems] == spans


TYPED = st.text(alphabet=" \n:-'\"{}[]#$.&*|>()abt", max_size=4)
EVERYTHING = (MAPPINGS / "valid/everything.yaml").read_text()


@settings(deadline=None)
@given(st.integers(0, len(EVERYTHING)), st.integers(0, 30), TYPED)
def test_whatever_is_typed_every_question_is_answered(place: int, removed: int, typed: str):
    text = EVERYTHING[:place] + typed + EVERYTHING[place + removed :]
    document, _ = opened(text)
    index = place + len(typed)
    hover(document, index)
    definition(document, index)
    symbols(document)
    assert all(each.label for each in completions(document, index))
    assert all(each.words for each in fixes(document, 0, len(text)))


# ---------------------------------------------------------------- outline and mending


def test_the_outline_has_sections_and_their_rules():
    document, _ = opened(
        f"{ON_V3}settings:\n  root: {{type: string, default: a}}\n"
        "repair:\n  resources:\n    - {name: a, match: {spec: A}, mimetype: a/b}\n"
        "streams:\n  - name: s\n    tables:\n      - name: t\n  - match: {}\n"
    )
    names = [
        (one.name, two.name, two.detail, [three.name for three in two.children])
        for one in symbols(document)
        for two in one.children
    ]
    assert names == [
        ("settings", "root", "type: string", []),
        ("repair", "resources", "", ["a"]),
        ("streams", "s", "", ["tables"]),
    ]
    (rule,) = symbols(document)[1].children[0].children
    assert (rule.name, rule.detail, rule.kind) == ("a", "mimetype: a/b", "rule")
    assert rule.name_span.line == 9


def mended(text: str) -> str:
    """The text with everything mended that an editor can mend."""
    document, _ = opened(text)
    lines = document.text.split("\n")
    edits = {(fix.words, span) for fix in fixes(document, 0, len(text)) for span in fix.spans}
    for words, span in sorted(edits, key=lambda each: each[1], reverse=True):
        line = lines[span.line - 1]
        lines[span.line - 1] = line[: span.column - 1] + words + line[span.end_column - 1 :]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("run:\n  parnt: []\n", "run:\n  parent: []\n"),
        ("run:\n  on_collision: resum\n", "run:\n  on_collision: resume\n"),
        ('run:\n  on_collision: "resum"\n', 'run:\n  on_collision: "resume"\n'),
        (
            "run:\n  parent: ['${{ start.uuid }}', '${{ slg(start.uuid) }}']\n",
            "run:\n  parent: ['${{ start.uid }}', '${{ slug(start.uuid) }}']\n",
        ),
        (
            "source:\n  start: {properties: {a: {type: strng}}}\n",
            "source:\n  start: {properties: {a: {type: string}}}\n",
        ),
        ("run: {unheard: 1}\n", "run: {unheard: 1}\n"),
    ],
)
def test_the_nearest_spelling_is_put_in_the_place_of_a_wrong_word(wrong, right):
    assert mended(ON_V3 + wrong) == ON_V3 + right


def test_a_word_that_is_wrong_in_two_places_is_mended_in_both():
    text = f"{ON_V3}run:\n  parent: ['${{{{ start.uuid }}}}']\n  key: ${{{{ start.uuid }}}}\n"
    assert mended(text) == text.replace("uuid", "uid")


def test_the_file_that_was_meant_is_named(parent: Path, child: Path):
    workspace = Workspace()
    workspace.put(child, CHILD.replace("parent", "paernt"))
    (fix,) = fixes(workspace.check(child), 0, 1000)
    assert fix.words == "./parent.yaml"
    workspace.put(child, f"{HEADER}extends: blueky-v3@^3\n")
    assert [fix.words for fix in fixes(workspace.check(child), 0, 1000)] == ["bluesky-v3@^3"]


def test_a_word_that_is_wrong_in_another_file_is_not_mended_here(workspace, child, parent):
    parent.with_name("parnt.yaml").write_text(f"{PARENT}  parnt: []\n")
    workspace.put(child, CHILD.replace("parent", "parnt"))
    document = workspace.check(child)
    assert "did you mean 'parent'?" in document.problems[0].hint
    assert list(fixes(document, 0, 1000)) == []


def test_only_what_is_selected_is_mended():
    text = f"{ON_V3}run:\n  parnt: []\n  specz: []\n"
    document, _ = opened(text)
    place = text.index("specz")
    assert [fix.words for fix in fixes(document, place, place)] == ["specs"]
    assert list(itertools.islice(fixes(document, 0, 1), 1)) == []
