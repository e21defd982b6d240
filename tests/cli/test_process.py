"""The command line in a process of its own, as a shell runs it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import tiledmap as package
from tests.cli.conftest import documents, write

SCRIPT = str(Path(sys.executable).with_name("tiledmap"))


@pytest.mark.parametrize("command", [[SCRIPT], [sys.executable, "-m", "tiledmap"]])
def test_it_is_a_script_and_a_module(command):
    result = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert result.stdout == f"tiledmap {package.__version__}\n"


@pytest.mark.parametrize("verb", [["schema"], ["show", "bluesky-v3"], ["coverage", "bluesky-v3"]])
def test_output_that_nobody_reads_any_more_ends_quietly(verb):
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as pipe:
        result = subprocess.run(
            [SCRIPT, *verb], stdout=pipe, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("verb", ["schema", "show bluesky-v3", "diff bluesky-2024 bluesky-v3"])
def test_an_output_that_was_closed_takes_nothing(verb):
    result = subprocess.run(
        ["bash", "-c", f"{SCRIPT} {verb} >&-"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("verb", ["schema", "show bluesky-v3", "coverage bluesky-v3 --format html"])
def test_a_full_disk_is_said(verb):
    result = subprocess.run(
        ["bash", "-c", f"{SCRIPT} {verb} > /dev/full"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stderr == "tiledmap: not all could be written: No space left on device\n"


def test_an_interrupt_ends_without_a_traceback(recording):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        verb = ["ingest", "bluesky-v3", "--documents", str(recording), "--to", uri]
        process = subprocess.Popen([SCRIPT, *verb], stderr=subprocess.PIPE, text=True)
        # It has called, and waits for an answer that never comes.
        connection, _ = silent.accept()
        with connection:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.endswith("stopped\n")
    assert "Traceback" not in errors


def test_a_server_that_is_away_is_said(recording):
    result = ingest(recording, "http://127.0.0.1:9")
    assert result.returncode == 2
    assert "http://127.0.0.1:9 cannot be reached" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_key_is_said(recording, server):
    refused = ingest(recording, server.uri)
    assert refused.returncode == 2
    assert "wants an API key" in refused.stderr


def test_a_wrong_key_is_said(recording, server):
    refused = ingest(recording, server.uri, "--api-key-env", "SMI_KEY", SMI_KEY="no")
    assert refused.returncode == 2
    assert "does not accept this API key" in refused.stderr


def ingest(recording, to, *options, **environment):
    return subprocess.run(
        [SCRIPT, "ingest", "bluesky-v3", "--documents", recording, "--to", to, *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_output_that_lacks_a_character_gets_an_escape(tmp_path):
    recording = write(tmp_path / "run.jsonl", *documents("5°C"))
    result = subprocess.run(
        [SCRIPT, "preview", "bluesky-v3", "--documents", recording],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "5\\xb0C  container" in result.stdout


def test_a_mapping_may_come_from_a_pipe(mapping, recording):
    command = f"{SCRIPT} preview <(cat {mapping}) --documents <(cat {recording})"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert "run-1  container" in result.stdout


def test_what_is_no_file_is_written_to_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = f"timeout 60 cat {pipe} & {SCRIPT} schema -o {pipe}; wait"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("{")
    assert pipe.is_fifo()
