"""What pre-commit would run: the commands of our hooks, on a repository of mappings."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.running import run_tiledmap

ROOT = Path(__file__).parent.parent
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))


def command(hook: dict[str, str], files: list[str]) -> list[str]:
    """The arguments that a hook gives to tiledmap for files that are about to be committed."""
    program, *arguments = [*shlex.split(hook["entry"]), *hook.get("args", [])]
    assert program == "tiledmap"
    if hook.get("pass_filenames", True):
        arguments += [
            file
            for file in files
            if re.search(hook["files"], file) and not re.search(hook.get("exclude", "^$"), file)
        ]
    return arguments


def test_the_hooks_are_these():
    assert [hook["id"] for hook in HOOKS] == ["tiledmap-validate", "tiledmap-fmt", "tiledmap-test"]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_finds_what_is_wrong(hook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_tiledmap("init", "--ci", ".", "--name", "p99").returncode == 0
    files = [path.as_posix() for path in Path().rglob("*") if path.is_file()]
    arguments = command(hook, files)
    assert "mappings" in " ".join(arguments)
    assert run_tiledmap(*arguments).returncode == 0
    mapping = Path("mappings/p99.yaml")
    mapping.write_text(mapping.read_text("utf-8").replace("extends: bluesky", "extends: bluskey"))
    if hook["id"] == "tiledmap-fmt":
        mapping.write_text("tiledmap: [1")
    assert run_tiledmap(*arguments).returncode == 1
