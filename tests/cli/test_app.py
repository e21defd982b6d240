import pytest
from typer.testing import CliRunner

import tiledmap as package
from tiledmap.cli.app import app

VERBS = [
    "validate",
    "compile",
    "show",
    "preview",
    "preflight",
    "ingest",
    "list",
    "schema",
    "demo",
]
invoke = CliRunner().invoke


def test_the_version_is_the_packages():
    assert invoke(app, ["--version"]).output == f"tiledmap {package.__version__}\n"


def test_help_names_every_verb():
    output = invoke(app, ["--help"]).output
    assert all(verb in output for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_teaches_by_example(verb):
    result = invoke(app, [verb, "--help"])
    assert result.exit_code == 0
    assert "Examples" in result.output
    assert f"tiledmap {verb}" in result.output


@pytest.mark.parametrize(
    "arguments", [["explode"], ["validate"], ["validate", "bluesky-v3", "--format", "pdf"]]
)
def test_wrong_use_exits_with_2(arguments):
    assert invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize("verb", ["validate", "compile", "show"])
def test_a_mapping_that_is_not_there_is_said_to_be_none(tiledmap, verb):
    result = tiledmap(verb, "nothing.yaml")
    assert (result.returncode, result.stderr) == (2, "tiledmap: there is no file 'nothing.yaml'\n")


def test_a_name_that_no_file_can_have_is_refused_in_words(tiledmap):
    result = tiledmap("validate", "x" * 300)
    assert result.returncode == 2
    assert result.stderr == f"tiledmap: '{'x' * 300}': file name too long\n"


def test_a_misspelled_shipped_mapping_is_recognised(tiledmap):
    result = tiledmap("show", "blusky-v3")
    assert result.returncode == 2
    assert "did you mean 'bluesky-v3'?" in result.stderr
    result = tiledmap("show", "bluesky-v3@^3")
    assert result.returncode == 2
    assert "write bluesky-v3; a range of versions stands after" in result.stderr


def test_a_file_with_the_name_of_no_mapping_is_pointed_at(tiledmap, tmp_path):
    (tmp_path / "run.jsonl").write_text(f"{[0] * 1_000}\n")
    result = tiledmap("validate", "run.jsonl")
    assert result.returncode == 1
    assert "write ./run.jsonl for the file" in result.stdout
    assert max(map(len, result.stdout.splitlines())) < 420


@pytest.mark.parametrize("pair", ["max_array_size", "=1", ""])
def test_a_setting_without_a_value_is_wrong_use(tiledmap, pair):
    result = tiledmap("validate", "bluesky-v3", "--set", pair)
    assert result.returncode == 2
    assert result.stderr == f"tiledmap: --set takes NAME=VALUE, not {pair!r}\n"


def test_an_unknown_setting_is_a_problem(tiledmap):
    result = tiledmap("show", "bluesky-v3", "--set", "max_aray_size=1")
    assert result.returncode == 1
    assert "TM025" in result.stderr
    assert "did you mean 'max_array_size'?" in result.stderr


@pytest.mark.parametrize("verb", ["validate", "show", "compile"])
def test_an_empty_name_is_not_the_working_directory(tiledmap, verb):
    result = tiledmap(verb, "")
    assert (result.returncode, result.stderr) == (2, "tiledmap: the name of the mapping is empty\n")


@pytest.mark.parametrize("command", app.registered_commands, ids=lambda command: command.name)
def test_help_is_wrapped_by_the_terminal_alone(command):
    paragraphs = command.help.split("\n\n")
    assert paragraphs[0]
    assert not any("\n" in paragraph for paragraph in paragraphs), "typer keeps these line breaks"
