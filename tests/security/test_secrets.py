"""Keys and tokens stay where they belong: in the headers of requests, and nowhere else."""

import logging
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tiled.client import from_uri

import tiledmap
from tests.cli.conftest import documents, write
from tests.conftest import Server, free_port
from tests.running import Result, run_tiledmap
from tiledmap.runtime import WriteError
from tiledmap.sinks.tiled import TiledSink

WRONG_KEY = "s3cret0key0that0nobody0may0see"
PASSWORD = "hunter2hunter2"

WITH_SETTING = """\
tiledmap: 1
name: with-setting
version: 1.0.0
extends: bluesky-v3@^3
settings:
  lab: {type: string, default: none}
"""


@pytest.fixture(params=["header", "uri"])
def client(request: pytest.FixtureRequest, server: Server) -> Iterator[Any]:
    """A client whose key came in the one way or the other."""
    if request.param == "uri":
        client = from_uri(f"{server.uri}?api_key={server.api_key}")
    else:
        client = server.connect()
    yield client.create_container()
    client.context.close()


@pytest.fixture
def said(client: Any, caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Everything that any logger says once there is a client, whatever its level."""
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    return lambda: "\n".join(map(told_by, caplog.records))


def told_by(record: logging.LogRecord) -> str:
    """A log record as text, with its traceback and all that it was given."""
    return f"{logging.Formatter().format(record)} {record.args!r}"


def everything_in(directory: Path) -> str:
    """The names and contents of all files below a directory."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return "".join(f"{path} {path.read_bytes()!r}" for path in files)


def tell(value: Any) -> str:
    """What Python says of a value when asked, and of what it holds."""
    return f"{value!r} {value} {vars(value) if hasattr(value, '__dict__') else ''}"


def run_documents(uid: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from map(tuple, documents(uid))


# A writer


def test_a_writer_does_not_tell_the_key(
    client: Any, server: Server, said: Callable[[], str], tmp_path: Path
) -> None:
    mapping = tiledmap.load("bluesky-v3")
    kept = tmp_path / "spool"
    with mapping.writer(client, on_error="raise", spool=kept) as writer:
        for name, document in run_documents("run-1"):
            writer(name, document)
        told = [tell(writer), tell(writer.status()), everything_in(kept)]
    told += [mapping.show(), mapping.compile(), tell(mapping), everything_in(kept)]

    assert "HTTP Request: POST" in said()  # with the address
    assert server.api_key not in "".join([*told, said()])


@pytest.mark.parametrize("delivery", ["inline", "background"])
@pytest.mark.parametrize("fault", ["refused", "away"])
def test_a_request_that_fails_does_not_tell_the_key(
    client: Any, server: Server, said: Callable[[], str], tmp_path: Path, fault: str, delivery: str
) -> None:
    if fault == "refused":
        client.context.api_key = WRONG_KEY
    else:
        client.item["links"]["self"] = f"http://127.0.0.1:{free_port()}/api/v1/metadata/x"
    sink = TiledSink(client, patience=0)
    writer = tiledmap.load("bluesky-v3").writer(
        sink, delivery=delivery, on_error="raise", spool=tmp_path / "spool"
    )
    told = []
    documents = (partial(writer, *pair) for pair in run_documents("run-1"))
    for act in (*documents, partial(writer.close, timeout=1)):
        try:
            act()
        except WriteError as error:
            told += [*traceback.format_exception(error), tell(error)]
    text = "".join([*told, tell(writer), tell(writer.status()), everything_in(tmp_path), said()])

    assert {"refused": "401", "away": "does not answer"}[fault] in text
    assert "run-1" in everything_in(tmp_path / "spool")
    assert server.api_key not in text
    assert WRONG_KEY not in text


# The command line


Command = Callable[..., Result]


@pytest.fixture
def tiledmap_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return run_tiledmap


@pytest.mark.parametrize("key", ["right", "wrong"])
@pytest.mark.parametrize("verb", ["ingest", "preflight"])
@pytest.mark.parametrize("given", ["in the environment", "in the address"])
def test_the_command_line_does_not_tell_the_key(
    tiledmap_command: Command,
    server: Server,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    verb: str,
    key: str,
    given: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = server.api_key if key == "right" else WRONG_KEY
    recording = write(tmp_path / "run.jsonl", *documents(f"run-{given[-4:]}"))
    command = [verb, "bluesky-v3", "--documents", recording, "--to"]
    if given == "in the address":
        result = tiledmap_command(*command, f"{server.uri}?api_key={secret}")
    else:
        result = tiledmap_command(*command, server.uri, "--api-key-env", "SMI_KEY", SMI_KEY=secret)

    assert (result.returncode == 2) is (key == "wrong"), result.stderr
    said = "\n".join(map(told_by, caplog.records))
    assert "HTTP Request: GET" in said
    assert secret not in result.stdout + result.stderr + said + everything_in(tmp_path)


@pytest.mark.parametrize("verb", ["ingest", "preflight"])
def test_the_command_line_does_not_tell_a_password_of_an_address(
    tiledmap_command: Command, tmp_path: Path, verb: str
) -> None:
    recording = write(tmp_path / "run.jsonl", *documents("run-1"))
    address = f"http://alice:{PASSWORD}@127.0.0.1:{free_port()}/api/v1"

    result = tiledmap_command(verb, "bluesky-v3", "--documents", recording, "--to", address)

    assert result.returncode == 2
    assert "cannot be reached" in result.stderr
    assert PASSWORD not in result.stdout + result.stderr


def test_variables_that_are_no_settings_of_the_mapping_are_told_nobody(
    tiledmap_command: Command, tmp_path: Path
) -> None:
    """The value of a setting is in the plan, where the mapping's author wants it."""
    mapping = tmp_path / "with-setting.yaml"
    mapping.write_text(WITH_SETTING)
    recording = write(tmp_path / "run.jsonl", *documents("run-1"))
    environment = {"TILED_API_KEY": WRONG_KEY, "TILEDMAP_SET_TOKEN": PASSWORD}
    said = ""
    for command in (
        ["validate", mapping],
        ["show", mapping],
        ["compile", mapping, "-o", "writer.py"],
        ["preview", mapping, "--documents", recording],
        ["ingest", mapping, "--documents", recording],
    ):
        result = tiledmap_command(*command, TILEDMAP_SET_LAB="atomic", **environment)
        assert result.returncode == 0, result.stderr
        said += result.stdout + result.stderr
    said += everything_in(tmp_path)
    assert "atomic" in said
    assert WRONG_KEY not in said
    assert PASSWORD not in said
