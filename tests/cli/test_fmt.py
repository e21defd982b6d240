"""``tiledmap fmt``: what is written, what is printed, and the exit code."""

from pathlib import Path

import pytest

from tests.running import run_tiledmap

BEFORE = "name: mine   # ours\ntiledmap: 1\nversion: '1.0.0'\nextends: bluesky-v3@^3\n"
AFTER = "tiledmap: 1\nname: mine   # ours\nversion: 1.0.0\nextends: bluesky-v3@^3\n"


@pytest.fixture
def mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.yaml"
    path.write_text(BEFORE)
    return path


def test_files_are_formatted(mapping: Path) -> None:
    mapping.chmod(0o640)
    assert run_tiledmap("fmt", "mine.yaml").stdout == (
        "formatted mine.yaml\n1 file formatted, 0 as before\n"
    )
    assert (mapping.read_text(), mapping.stat().st_mode & 0o777) == (AFTER, 0o640)
    assert run_tiledmap("fmt", "mine.yaml").stdout == "0 files formatted, 1 as before\n"


def test_a_check_changes_nothing(mapping: Path) -> None:
    result = run_tiledmap("fmt", "--check", ".")
    assert result.returncode == 1
    assert result.stdout == "mine.yaml is not formatted\n1 file to format, 0 as before\n"
    assert mapping.read_text() == BEFORE
    mapping.write_text(AFTER)
    assert run_tiledmap("fmt", "--check", ".").returncode == 0


def test_a_difference_is_printed(mapping: Path) -> None:
    result = run_tiledmap("fmt", "--diff", "mine.yaml")
    assert result.returncode == 1
    assert "-version: '1.0.0'\n+version: 1.0.0\n" in result.stdout
    assert mapping.read_text() == BEFORE
    mapping.write_text(AFTER.rstrip())
    end = "\n-extends: bluesky-v3@^3\n\\ No newline at end of file\n+extends: bluesky-v3@^3\n"
    assert run_tiledmap("fmt", "--diff", "mine.yaml").stdout.endswith(end)
    mapping.write_bytes(AFTER.replace("\n", "\r\n").encode())
    assert run_tiledmap("fmt", "--diff", "mine.yaml").stdout.startswith("mine.yaml: only how lines")


def test_directories_are_gone_through_with_their_tests(mapping: Path) -> None:
    (mapping.parent / "deep").mkdir()
    tests = mapping.parent / "deep" / "mine.test.yaml"
    tests.write_text("mapping: mine\ntiledmap_test: 1\ntests: []\n")
    (mapping.parent / "other.yaml").write_text("b: 1\na:   2\n")
    assert run_tiledmap("fmt", ".").stdout.splitlines()[-1] == "2 files formatted, 0 as before"
    assert tests.read_text() == "tiledmap_test: 1\nmapping: mine\ntests: []\n"
    assert (mapping.parent / "other.yaml").read_text() == "b: 1\na:   2\n"
    assert run_tiledmap("fmt", "deep").returncode == 0


def test_standard_input_is_printed(mapping: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from tiledmap.cli.app import app

    result = CliRunner().invoke(app, ["fmt", "-"], input=BEFORE)
    assert (result.exit_code, result.stdout) == (0, AFTER)
    result = CliRunner().invoke(app, ["fmt", "-", "--check"], input=BEFORE)
    assert (result.exit_code, result.stdout) == (1, "")
    result = CliRunner().invoke(app, ["fmt", "-", "--check"], input=AFTER.replace("\n", "\r\n"))
    assert result.exit_code == 1
    for wrong, said in (
        ("a: [", "<stdin>:1:5: error TM002"),
        (b"\xff", "<stdin>:1:1: error TM001"),
    ):
        result = CliRunner().invoke(app, ["fmt", "-"], input=wrong)
        assert (result.exit_code, result.stdout) == (1, "")
        assert said in result.stderr
    assert run_tiledmap("fmt", "-", "mine.yaml").returncode == 2


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a: [", "TM002"),
        (b"a: 1\na: 2\n", "TM004"),
        (b"a: &b 1\n", "TM006"),
        (b"\xff", "TM001"),
        (b"b:   1\na: 2\n", "TM011"),
        (b"[1,   2]\n", "TM011"),
    ],
)
def test_what_cannot_be_read_is_left_as_it_is(mapping: Path, content: bytes, code: str) -> None:
    bad = mapping.with_name("bad.yaml")
    bad.write_bytes(content)
    result = run_tiledmap("fmt", "bad.yaml", "mine.yaml")
    assert result.returncode == 1
    assert code in result.stderr
    assert bad.read_bytes() == content
    assert mapping.read_text() == AFTER


def test_a_file_with_errors_is_formatted(mapping: Path) -> None:
    mapping.write_text("nme: a\ntiledmap: 1\nversion: '1'\n")
    assert run_tiledmap("fmt", "mine.yaml").returncode == 0
    assert mapping.read_text() == 'tiledmap: 1\nversion: "1"\nnme: a\n'


def test_line_ends_are_those_of_unix(mapping: Path) -> None:
    mapping.write_bytes(AFTER.replace("\n", "\r\n").encode())
    assert run_tiledmap("fmt", "mine.yaml", "--check").returncode == 1
    assert run_tiledmap("fmt", "mine.yaml").returncode == 0
    assert mapping.read_bytes() == AFTER.encode()


def test_a_file_that_is_not_there(mapping: Path) -> None:
    result = run_tiledmap("fmt", "no.yaml")
    assert (result.returncode, result.stderr) == (2, "tiledmap: there is no file 'no.yaml'\n")
