import gzip
import re
import shlex
from pathlib import Path

import pytest
import yaml

import tiledmap as api
from tests.cli.conftest import documents, write
from tests.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden"
BEAMLINES = Path(__file__).parents[1] / "runs" / "beamlines"


@pytest.mark.parametrize("name", ["bmm", "csx"])
def test_a_mapping_says_what_was_seen_needed_and_asked(tiledmap, name):
    result = tiledmap("init", "--documents", BEAMLINES / f"{name}.jsonl", "-o", f"{name}.yaml")
    assert result.returncode == 0
    assert_golden(GOLDEN / f"init-{name}.yaml", Path(f"{name}.yaml").read_text("utf-8"))


def test_it_says_what_is_not_stored_yet_and_what_to_do_next(tiledmap):
    recording = BEAMLINES / "bmm.jsonl"
    result = tiledmap("init", "--documents", recording, "-o", "bmm.yaml")
    first, *questions = result.stdout.partition("\n\n")[0].splitlines()
    assert first == (
        "bmm.yaml: 1 run seen, 3 fields declared, 0 repairs made, 8 questions to answer"
    )
    assert [re.findall(r"\? What do files of the spec (\w+) hold", each) for each in questions] == [
        ["BMM_USBCAM"],
        ["TIMEPIX4_BIN"],
    ]
    assert f"tiledmap preview bmm.yaml --documents {recording}" in result.stdout


def test_a_mapping_of_nothing_in_particular_extends_the_plain_layout(tiledmap, recording):
    result = tiledmap("init", "--documents", recording, "-o", "-")
    assert "extends: bluesky-v3@^3\n" in result.stdout
    assert "name: my-beamline\n" in result.stdout
    assert "sample_name: {type: string}  # in 1 of 1 runs" in result.stdout
    assert list(Path().glob("*.yaml")) == []


def test_fields_are_counted_over_all_recordings(tiledmap, recording, tmp_path):
    named = documents("run-2")
    named[0][1]["operator"] = "Marie"
    other = write(tmp_path / "other.jsonl", *named)
    result = tiledmap("init", "--documents", recording, other, "--name", "two", "-o", "-")
    assert "name: two\n" in result.stdout
    assert "sample_name: {type: string}  # in 2 of 2 runs" in result.stdout
    assert "operator: {type: string}  # in 1 of 2 runs" in result.stdout
    assert "# required: [sample_name]" in result.stdout


def test_gzipped_recordings_are_read(tiledmap, recording, tmp_path):
    (tmp_path / "run.jsonl.gz").write_bytes(gzip.compress(recording.read_bytes()))
    result = tiledmap("init", "--documents", "run.jsonl.gz", "-o", "-")
    assert (result.returncode, result.stderr) == (0, "")
    assert "stream primary: in 1 of 1 runs, 3 events" in result.stdout


def test_of_a_recording_that_breaks_off_what_could_be_read_is_used(tiledmap, tmp_path):
    torn = write(tmp_path / "torn.jsonl", *documents("run-1")[:4])
    torn.write_text(torn.read_text() + '["event", {"uid"')
    result = tiledmap("init", "--documents", "torn.jsonl", "-o", "torn.yaml")
    assert result.returncode == 1
    assert result.stderr == "tiledmap: torn.jsonl: record 5, line 5: the file ends within it\n"
    text = Path("torn.yaml").read_text("utf-8")
    assert "#   could not be read to its end: record 5, line 5: the file ends within it" in text
    assert "1 run, 1 of them without a stop document" in text
    assert api.validate("torn.yaml") == []


def test_what_nothing_goes_before_is_told_and_what_comes_twice_counts_once(tiledmap, tmp_path):
    start, _, *others = documents("run-1")
    write(tmp_path / "odd.jsonl", start, start, *others)
    text = tiledmap("init", "--documents", "odd.jsonl", "-o", "-").stdout
    assert "not every event is as event-model has it: it refers to 'run-1-d', which was" in text
    assert "sample_name: {type: string}  # in 1 of 1 runs" in text


def test_a_file_is_not_written_over_unless_asked(tiledmap, recording):
    mine = Path("mine.yaml")
    mine.write_text("precious")
    result = tiledmap("init", "--documents", recording, "-o", mine)
    assert (result.returncode, mine.read_text()) == (2, "precious")
    assert "'mine.yaml' exists" in result.stderr
    assert tiledmap("init", "--documents", recording, "-o", mine, "--force").returncode == 0
    assert api.validate(mine) == []


def test_a_shipped_mapping_can_be_extended(tiledmap):
    recording = BEAMLINES / "csx.jsonl"
    result = tiledmap("init", "--documents", recording, "--extends", "csx", "-o", "-")
    assert "extends: csx@^1\n" in result.stdout
    assert "0 repairs" not in result.stdout
    assert "float64" not in yaml.safe_load(result.stdout)  # CSX has put it right already
    assert "repair" not in yaml.safe_load(result.stdout)


def test_a_file_can_be_extended_from_anywhere(tiledmap, recording, mapping):
    Path("deeper").mkdir()
    result = tiledmap(
        "init", "--documents", recording, "--extends", "smi.yaml", "-o", "deeper/own.yaml"
    )
    assert result.returncode == 0
    assert yaml.safe_load(Path("deeper/own.yaml").read_text())["extends"] == "../smi.yaml"
    assert api.validate("deeper/own.yaml") == []


def test_a_mapping_is_named_where_it_is_written(tiledmap, recording):
    assert tiledmap("init", "--documents", recording, "--name", "../our beamline").returncode == 0
    assert "name: our-beamline\n" in Path("our-beamline.yaml").read_text("utf-8")


def test_what_cannot_be_extended_is_a_problem(tiledmap, recording):
    result = tiledmap("init", "--documents", recording, "--extends", "blusky-v3", "-o", "x.yaml")
    assert result.returncode == 1
    assert "did you mean 'bluesky-v3'?" in result.stderr
    assert not Path("x.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "there is nothing to make a mapping of"),
        (["--documents", "none.jsonl"], 2, "there is no file 'none.jsonl'"),
        (["--documents", "empty.jsonl"], 1, "there is no run in these documents"),
        (["--documents", "bad.jsonl"], 1, "bad.jsonl: record 1, byte 0: this is neither JSON"),
        (["--documents", "empty.jsonl", "-o", "mine"], 2, "'mine' is no name of a mapping"),
        (["--ci", "one", "two"], 2, "--ci takes one directory"),
        (["--ci", "one", "-o", "two"], 2, "the repository's directory is named twice"),
        (["--ci", "--documents", "empty.jsonl", "mine.jsonl"], 2, "there is no file 'mine.jsonl'"),
    ],
)
def test_what_cannot_be_done_is_said(tiledmap, arguments, code, said):
    Path("empty.jsonl").touch()
    Path("bad.jsonl").write_bytes(b"\x00\x01")
    result = tiledmap("init", *arguments)
    assert result.returncode == code
    assert result.stderr.startswith(f"tiledmap: {said}")
    assert not list(Path().glob("*.yaml"))


# ---------------------------------------------------------------- a repository


def steps(workflow: str) -> list[str]:
    """The commands of a workflow that are tiledmap's, as its shell is given them."""
    [job] = yaml.safe_load(workflow)["jobs"].values()
    commands = [step.get("run", "") for step in job["steps"]]
    return [command for command in commands if command.startswith("tiledmap ")]


def test_a_new_repository_passes_its_own_checks(tiledmap, monkeypatch):
    result = tiledmap("init", "--ci", "smi-mappings", "--name", "smi")
    assert result.returncode == 0
    written = re.findall(r"^wrote (.*)$", result.stdout, re.MULTILINE)
    assert all(Path(path).is_file() for path in written)
    monkeypatch.chdir("smi-mappings")
    commands = steps(Path(".github/workflows/mappings.yml").read_text("utf-8"))
    verbs = [command.split()[1] for command in commands]
    assert verbs == ["validate", "test", "fmt", "compile", "docs", "validate"]
    for command in commands:
        arguments = shlex.split(command.partition(" > ")[0])[1:]
        done = tiledmap(*arguments)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def test_what_a_repository_checks_before_a_commit_is_there(tiledmap):
    tiledmap("init", "--ci", "mappings-of-smi", "--name", "smi")
    config = yaml.safe_load(Path("mappings-of-smi/.pre-commit-config.yaml").read_text("utf-8"))
    [repository] = config["repos"]
    files = [str(p.relative_to("mappings-of-smi")) for p in Path().rglob("mappings/*.yaml")]
    for hook in repository["hooks"]:
        taken = [
            file
            for file in files
            if re.search(hook["files"], file) and not re.search(hook.get("exclude", "$^"), file)
        ]
        assert "mappings/smi.yaml" in taken
        assert hook["additional_dependencies"] == [f"tiledmap~={api.__version__}"]


@pytest.mark.parametrize("home", [["home"], ["-o", "home"]])
def test_a_repository_begins_with_recordings_that_are_given(tiledmap, recording, home):
    result = tiledmap("init", "--ci", *home, "--name", "p01", "--documents", recording)
    assert result.returncode == 0
    assert Path("home/recordings/run.jsonl").read_bytes() == recording.read_bytes()
    assert "sample_name" in Path("home/mappings/p01.yaml").read_text("utf-8")
    assert "run-1/primary/internal:" in Path("home/mappings/p01.test.yaml").read_text("utf-8")
    assert tiledmap("test", "home/mappings").returncode == 0


def test_a_repository_is_not_written_over(tiledmap):
    assert tiledmap("init", "--ci", "home").returncode == 0
    own = Path("home/README.md")
    own.write_text("ours")
    result = tiledmap("init", "--ci", "home")
    assert (result.returncode, own.read_text()) == (2, "ours")
    assert tiledmap("init", "--ci", "home", "--force").returncode == 0
    assert own.read_text() != "ours"
