"""What comes from strangers runs no code, opens no file that it names, and does not grow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs.external.record import COMPOSED
from tiledmap.documents.recordings import write_documents

WATCHED = """\
import sys

import tiledmap
from tiledmap.documents.recordings import read_documents
from tiledmap.sinks.memory import MemorySink

recording, mode, root = sys.argv[1:]
documents = list(read_documents(recording))
mapping = tiledmap.load("bluesky-v3")
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
with mapping.writer(MemorySink(), check_files=mode, file_roots=[root]) as writer:
    for name, document in documents:
        writer(name, document)
print(*opened, sep="\\n")
"""


def opened_by(recording: Path, mode: str, root: Path) -> list[str]:
    """The files that a fresh process opens while it writes a recording."""
    command = [sys.executable, "-c", WATCHED, str(recording), mode, str(root)]
    environment = {**os.environ, "PYTHONPATH": str(recording.parent)}
    result = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return result.stdout.splitlines()


@pytest.mark.parametrize("name", ["csv", "ad-tiff", "jpeg", "blobs"])
@pytest.mark.parametrize("mode", ["off", "error"])
def test_files_that_documents_name_are_opened_only_below_the_roots(
    tmp_path: Path, name: str, mode: str
) -> None:
    files, elsewhere = tmp_path / "files", tmp_path / "elsewhere"
    for directory in (files, elsewhere):
        directory.mkdir()
    recording = tmp_path / "run.jsonl"
    write_documents(recording, COMPOSED[name](files).documents)

    assert not any(str(files) in path for path in opened_by(recording, mode, elsewhere))
    if mode == "error" and name != "blobs":  # of which nothing is known but that they are there
        assert any(str(files) in path for path in opened_by(recording, mode, files))


EVIL = """\
from pathlib import Path
Path(__file__).with_name("ran").touch()
"""


def test_documents_that_name_code_run_none(tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text(EVIL)
    code = {"consolidator": "evil:Evil", "hooks": {"start": "evil:start"}, "class": "evil.Evil"}
    documents = COMPOSED["ad-tiff"](tmp_path).documents
    for name, document in documents:
        document.update(code)
        if name in ("resource", "stream_resource"):
            document.update(spec="evil:Evil", mimetype="evil:Evil")
            document.setdefault("parameters", {}).update(code)
            document.setdefault("resource_kwargs", {}).update(code)
    recording = tmp_path / "run.jsonl"
    write_documents(recording, documents)

    opened_by(recording, "error", tmp_path)

    assert not (tmp_path / "ran").exists()
