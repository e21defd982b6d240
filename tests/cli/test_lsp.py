"""How the language server is started; what it answers is said in `tests/editor`."""

import os
import pty
import subprocess
import sys

import pytest


def test_without_its_extra_it_says_which_to_install(
    tiledmap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "tiledmap.editor.server", raising=False)
    monkeypatch.setitem(sys.modules, "lsprotocol", None)
    result = tiledmap("lsp")
    assert result.returncode == 2
    assert "pip install 'tiledmap[lsp]'" in result.stderr


def test_at_a_terminal_it_says_who_starts_it() -> None:
    ours, theirs = pty.openpty()
    try:
        command = [sys.executable, "-m", "tiledmap", "lsp"]
        result = subprocess.run(command, stdin=theirs, capture_output=True, text=True, check=False)
    finally:
        os.close(ours)
        os.close(theirs)
    assert result.returncode == 2
    assert "this is for editors" in result.stderr
