"""The language server as an editor has it: a process, and its standard input and output."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editor.client import PATIENCE, Client, position_of, stretch

MISTAKES = (Path(__file__).parent / "mappings/ten-mistakes.yaml").read_text("utf-8")
PARENT = """\
tiledmap: 1
name: parent
version: 1.0.0
extends: bluesky-v3@^3
settings:
  root: {type: string, default: /data}
"""
CHILD = """\
tiledmap: 1
name: child
version: 1.0.0
extends: ./parent.yaml
repair:
  roots:
    - {name: old, prefix: /🔬, becomes: "${{ settings.root }}"}
run:
  specs:
    prepend:
      - spec: Made/${{ start.time }}
streams:
  - name: every-stream
    data:
      - name: scalars
        store: table
        table: internal
"""


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    client = Client()
    client.start()
    yield client
    assert client.stop() == 0


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    path = tmp_path / "parent.yaml"
    path.write_text(PARENT)
    return path


@pytest.fixture
def child(client: Client, parent: Path) -> Iterator[Path]:
    """The path of a mapping that is open."""
    path = parent.with_name("child.yaml")
    assert client.open(path, CHILD) == []
    yield path
    client.close(path)


def test_it_says_what_it_can_do():
    client = Client()
    watching = {"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}}}
    found = client.start(**watching)["capabilities"]
    assert client.stop() == 0
    assert client.asked == ["client/registerCapability"]
    assert found["positionEncoding"] == "utf-16"
    for provider in ("hover", "definition", "completion", "documentSymbol", "codeAction"):
        assert found[f"{provider}Provider"]


def test_ten_mistakes_are_ten_problems_where_they_are(client, tmp_path):
    path = tmp_path / "ten.yaml"
    found = client.open(path, MISTAKES)
    assert [(each["code"], stretch(MISTAKES, each["range"])) for each in found] == [
        ("TM026", "/data"),
        ("TM201", "rot"),
        ("TM213", "int33"),
        ("TM010", "🔬resum"),
        ("TM005", "parnt"),
        ("TM200", "strat"),
        ("TM203", "start.edge"),
        ("TM103", "lowr"),
        ("TM018", '"yes"'),
        ("TM315", "intern"),
    ]
    assert {(each["severity"], each["source"]) for each in found} == {(1, "tiledmap")}
    assert found[1]["message"] == "there is no setting 'rot'\ndid you mean 'root'?"


def test_problems_come_and_go_as_one_types(client, child):
    wrong = CHILD.replace("settings.root", "settings.rot")
    assert [each["code"] for each in client.change(child, wrong)] == ["TM201"]
    half = CHILD.replace(' }}"}', "")
    assert [each["code"] for each in client.change(child, half)] == ["TM002"]
    assert client.change(child, CHILD) == []


def test_the_other_place_of_a_problem_is_named(client, child):
    (problem,) = client.change(child, f"{CHILD}name: twice\n")
    (other,) = problem["relatedInformation"]
    assert problem["code"] == "TM004"
    assert other["location"]["uri"] == child.as_uri()
    assert other["location"]["range"]["start"] == {"line": 1, "character": 0}


def test_problems_of_an_inherited_text_are_shown_until_they_are_mended(client, parent, child):
    wrong = f"{PARENT}titel: x\n"
    assert [each["code"] for each in client.open(parent, wrong)] == ["TM005"]
    (problem,) = client.next_problems(child)
    assert stretch(CHILD, problem["range"]) == "./parent.yaml"
    assert problem["message"].startswith("in parent.yaml, line 7: the key 'titel' is not known")
    assert problem["relatedInformation"][0]["location"]["uri"] == parent.as_uri()

    assert client.change(parent, PARENT) == []
    assert client.next_problems(child) == []

    client.change(parent, wrong)
    assert len(client.next_problems(child)) == 1
    client.close(parent)  # what counts then is the file, which has no problem
    assert client.next_problems(child) == []


def test_tests_have_their_problems_too_and_follow_their_mapping(client, parent):
    path = parent.with_name("parent.test.yaml")
    text = (
        "tiledmap_test: 1\nmapping: ./parent.yaml\n"
        "tests: [{name: a, settings: {root: /x}, given: {documents: []}, strikt: true}]\n"
    )
    found = client.open(path, text)
    assert [(each["code"], stretch(text, each["range"])) for each in found] == [
        ("TM011", "a"),
        ("TM009", "[]"),
        ("TM005", "strikt"),
    ]
    assert len(client.change(path, text.replace("[]", "[[stopp, {}]]"))) == 3
    assert client.open(parent, PARENT.replace("root:", "files:")) == []
    codes = [each["code"] for each in client.next_problems(path)]
    assert codes == ["TM011", "TM025", "TM009", "TM005"]
    client.close(parent)
    assert len(client.next_problems(path)) == 3
    client.close(path)


def test_files_that_change_beside_the_editor_are_read_again(client, parent, child):
    parent.write_text(f"{PARENT}titel: x\n")
    changes = {"changes": [{"uri": parent.as_uri(), "type": 2}]}
    client.notify("workspace/didChangeWatchedFiles", changes)
    assert [each["code"] for each in client.next_problems(child)] == ["TM005"]
    parent.write_text(PARENT)
    client.notify("textDocument/didSave", {"textDocument": {"uri": parent.as_uri()}})
    assert client.next_problems(child) == []


def test_what_is_under_the_mouse_is_explained(client, child):
    found = client.ask("hover", child, CHILD, CHILD.index("root }}"))
    assert found["contents"]["kind"] == "markdown"
    assert found["contents"]["value"].startswith("**settings.root**: string, default `/data`")
    assert stretch(CHILD, found["range"]) == "root"
    assert client.ask("hover", child, CHILD, CHILD.index("/🔬")) is None


def test_the_way_leads_to_what_is_inherited(client, parent, child):
    found = client.ask("definition", child, CHILD, CHILD.index("root }}"))
    assert found["uri"] == parent.as_uri()
    assert stretch(PARENT, found["range"]) == "root"
    found = client.ask("definition", child, CHILD, CHILD.index("scalars"))
    shipped = Path(found["uri"].removeprefix("file://")).read_text().split("\n")
    assert shipped[found["range"]["start"]["line"]].strip() == "- name: scalars"
    assert client.ask("definition", child, CHILD, 0) is None


def test_what_may_come_next_is_offered(client, child):
    text = CHILD.replace("start.time", "start.ti")
    client.change(child, text)
    place = text.index("start.ti") + len("start.ti")
    items = client.ask("completion", child, text, place)["items"]
    item = next(each for each in items if each["label"] == "time")
    assert item["detail"] == "number, required"
    assert "**start.time**" in item["documentation"]["value"]
    assert stretch(text, item["textEdit"]["range"]) == "ti"
    assert item["textEdit"]["newText"] == "time"


def test_an_empty_file_is_helped_to_begin(client, tmp_path):
    path = tmp_path / "new.yaml"
    assert client.open(path, "") == []
    items = client.ask("completion", path, "", 0)["items"]
    assert items[0]["textEdit"]["newText"] == "tiledmap: "


def test_the_outline_is_given(client, child):
    found = client.request("textDocument/documentSymbol", {"textDocument": {"uri": child.as_uri()}})
    assert [each["name"] for each in found] == ["repair", "run", "streams"]
    rule = found[2]["children"][0]
    assert (rule["name"], stretch(CHILD, rule["selectionRange"])) == ("every-stream",) * 2


def test_a_wrong_word_is_mended(client, child):
    text = CHILD.replace("settings.root", "settings.rot")
    problems = client.change(child, text)
    place = position_of(text, text.index("rot }}"))
    (action,) = client.request(
        "textDocument/codeAction",
        {
            "textDocument": {"uri": child.as_uri()},
            "range": {"start": place, "end": place},
            "context": {"diagnostics": problems},
        },
    )
    assert action["title"] == "Write 'root'"
    assert action["diagnostics"] == problems
    (edit,) = action["edit"]["changes"][child.as_uri()]
    assert (stretch(text, edit["range"]), edit["newText"]) == ("rot", "root")


def test_other_yaml_is_left_alone(client, tmp_path):
    path = tmp_path / "compose.yaml"
    text = "services: {web: {image: x}}\n"
    assert client.open(path, text) == []
    assert client.ask("hover", path, text, 2) is None
    assert client.ask("completion", path, text, len(text)) is None


def test_what_a_facility_prints_does_not_reach_the_editor(tmp_path):
    module = "print('loud')\ndef put_right(document: dict) -> dict:\n    return document\n"
    (tmp_path / "loud.py").write_text(module)
    client = Client(PYTHONPATH=str(tmp_path))
    client.start()
    hook = "hooks: {loud: {document: start, function: loud:put_right}}\n"
    assert client.open(tmp_path / "loud.yaml", f"{PARENT}{hook}") == []
    assert client.stop() == 0
    assert "loud" in client.errors


def test_it_ends_when_its_editor_is_gone():
    client = Client()
    client.start()
    assert client.process.stdin is not None
    client.process.stdin.close()
    client.process.wait(PATIENCE)
    client.finish()


# ---------------------------------------------------------------- how long it takes

CPU_SECONDS = 0.2
"""What an edit of a mapping of 300 lines may cost the server, its problems included."""
LINES = 300


def large_mapping() -> str:
    """A mapping of a beamline with many detectors."""
    detectors = "".join(
        f"""\
    - name: detector-{number}
      match: {{spec: DETECTOR_{number}}}
      mimetype: multipart/related;type=image/tiff
      kwargs: {{filename: {{type: string}}}}
      join: concat
      parameters:
        template: /${{{{ resource.resource_kwargs.filename }}}}_${{{{ pad(index, 6) }}}}.tiff
"""
        for number in range(30)
    )
    repairs = "".join(
        f"""\
    - name: data-key-{number}
      match: {{name: "detector_{number}_*", dtype: array}}
      when: data_key.ndim > {number}
      dtype: int32
      reason: described as float64
"""
        for number in range(12)
    )
    streams = "".join(
        f"  - {{name: live-{n}, match: {{name: LIVE_{n}}}, drop: shown live only}}\n"
        for n in range(20)
    )
    resources, data_keys = f"  resources:\n{detectors}", f"  data_keys:\n{repairs}"
    text = f"{PARENT}repair:\n{resources}{data_keys}streams:\n{streams}"
    return f"{text}run:\n  on_collision: refuse\n"


def cpu_seconds(process: int) -> float:
    """The CPU time that a process has taken, in all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="needs /proc")
def test_the_problems_of_an_edit_take_little(client, tmp_path):
    text = large_mapping()
    assert text.count("\n") >= LINES
    path = tmp_path / "large.yaml"
    assert client.open(path, text) == []

    costs = []
    for number in range(8):
        wrong = text.replace("refuse", f"refuze{number}")
        before = cpu_seconds(client.process.pid)
        assert [each["code"] for each in client.change(path, wrong)] == ["TM010"]
        costs.append(cpu_seconds(client.process.pid) - before)
    assert min(costs) < CPU_SECONDS  # the others were disturbed
    client.close(path)
