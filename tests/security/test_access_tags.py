"""Who may see a run: its tags are on every node, and a run without tags is not written."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import tiledmap
from tests.conftest import ALL_SCOPES, PolicyServer, serve_with_policy
from tests.files import frames, write_sequence, write_tiff
from tests.runs.external.record import TIFF, image, stream_datum, stream_resource
from tests.runtime.layouts import descriptor, event, key, start, stop
from tests.sinks.test_tiled import requests_of
from tiledmap.api import LoadedMapping
from tiledmap.testing.logs import logged_texts

NamedDocument = tuple[str, dict[str, Any]]
READING = ("read:metadata", "read:data")

BY_PROPOSAL = """\
tiledmap: 1
name: by-proposal
version: 1.0.0
extends: bluesky-v3@^3
source:
  start:
    properties:
      proposal: {type: string}
run:
  parent:
    - ${{ slug(default(start.proposal, 'none')) }}
    - ${{ slug(start.uid) }}
  access_tags:
    - tag: ${{ start.proposal }}
      when: has(start.proposal)
"""
REFUSING = f"{BY_PROPOSAL}  untagged: refuse\n"
FALLING_BACK = f"{BY_PROPOSAL}  fallback_tags: [staff]\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of six files of a detector."""
    directory = tmp_path_factory.mktemp("detector")
    write_sequence(f"{directory}/abc_{{:03d}}.tif", frames(6, 4, 6), write_tiff)
    return directory


@pytest.fixture(scope="module")
def server(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PolicyServer]:
    """Admin writes, alice may read one proposal, and bob may read nothing."""
    tags = {
        "staff": {"admin": ALL_SCOPES},
        "proposal-1": {"admin": ALL_SCOPES, "alice": READING},
        "unowned": {"admin": READING},
    }
    home = tmp_path_factory.mktemp("policy")
    with serve_with_policy(home, tags, *tags, readable_storage=[files]) as server:
        yield server


@pytest.fixture
def client(server: PolicyServer) -> Iterator[Any]:
    """The client that writes."""
    with server.connect_as("admin", ALL_SCOPES) as client:
        yield client


@pytest.fixture
def uid() -> str:
    return f"run-{uuid4().hex}"


def load(home: Path, text: str) -> LoadedMapping:
    mapping = home / "mapping.yaml"
    mapping.write_text(text)
    return tiledmap.load(mapping)


def documents_of(uid: str, files: Path, **fields: Any) -> list[NamedDocument]:
    """A run with a table, an array, and files of which the later ones are announced first."""
    desc = f"{uid}-d"
    keys = {
        "x": key(),
        "spectrum": key("array", (20,), dtype_numpy="<f8"),
        "img": image(4, 6, dtype_numpy="<u2"),
    }
    name, resource = stream_resource(TIFF, files, template="/abc_{:03d}.tif", chunk_shape=[1, 4, 6])
    return [
        ("start", start(uid, **fields)),
        ("descriptor", descriptor(keys, uid, desc)),
        (name, {**resource, "run_start": uid}),
        *(
            pair
            for number, first in enumerate((2, 0, 4), start=1)
            for pair in (
                stream_datum(first, first + 2, descriptor=desc),
                ("event", event(number, {"x": 1.5, "spectrum": [float(number)] * 20}, desc)),
            )
        ),
        ("stop", stop(uid)),
    ]


def write(
    mapping: LoadedMapping, client: Any, documents: Sequence[NamedDocument], **options: Any
) -> list[str]:
    """Write documents; give what was logged."""
    with logged_texts() as texts, mapping.writer(client, flush_rows=1, **options) as writer:
        for name, document in documents:
            writer(name, document)
    return texts


def tags_of(client: Any, top: str, uid: str) -> dict[str, list[str]]:
    """The access tags of all nodes of a run, and of those above it, by path."""
    tags: dict[str, list[str]] = {}

    def walk(parent: Any, path: str) -> None:
        for name, node in getattr(parent, "base", parent).items():
            where = f"{path}/{name}".lstrip("/")
            if where == top or uid in where:
                tags[where] = node.item["attributes"]["access_tags"]
                if node.structure_family == "container":
                    walk(node, where)

    walk(client, "")
    return tags


def paths_of(top: str, uid: str) -> list[str]:
    """The paths of all nodes of a run of `documents_of`, and of those above it."""
    stream = f"{top}/{uid}/{uid}/primary"
    nodes = [f"{stream}/{node}" for node in ("internal", "spectrum", "img")]
    return [top, f"{top}/{uid}", f"{top}/{uid}/{uid}", stream, *nodes]


def all_with(tag: str, paths: Sequence[str]) -> dict[str, list[str]]:
    """Every path with one tag."""
    return {path: [tag] for path in paths}


def test_tags_are_on_every_node_and_nobody_else_sees_any(
    server: PolicyServer, client: Any, files: Path, uid: str, tmp_path: Path
) -> None:
    documents = documents_of(uid, files, proposal="proposal-1")

    write(load(tmp_path, REFUSING), client, documents, on_error="raise")

    assert tags_of(client, "proposal-1", uid) == all_with("proposal-1", paths_of("proposal-1", uid))
    with server.connect_as("alice", READING) as alice:
        stream = alice["proposal-1", uid, uid]["primary"].base
        assert list(stream["internal"].read()["x"]) == [1.5] * 3
        assert stream["spectrum"].read().shape == (3, 20)
        assert stream["img"].read().shape == (6, 4, 6)
    with server.connect_as("bob", READING) as bob:
        assert list(bob) == []
        for path in paths_of("proposal-1", uid):
            with pytest.raises(KeyError):
                bob[tuple(path.split("/"))]


def test_tags_stay_when_a_run_is_resumed_and_written_again(
    client: Any, files: Path, uid: str, tmp_path: Path
) -> None:
    mapping = load(tmp_path, REFUSING)
    documents = documents_of(uid, files, proposal="proposal-1")
    with requests_of(client) as requests:
        for part in (documents[:5], documents, documents):
            write(mapping, client, part)

    # Files that come before those that Tiled knows have their node made anew.
    deleted = {request.url.path for request in requests if request.method == "DELETE"}
    assert [path.rpartition("/")[2] for path in deleted] == ["img"]
    assert tags_of(client, "proposal-1", uid) == all_with("proposal-1", paths_of("proposal-1", uid))
    assert client["proposal-1", uid, uid].metadata["stop"]["exit_status"] == "success"


def test_a_run_that_gets_no_tag_is_not_written(
    client: Any, files: Path, uid: str, tmp_path: Path
) -> None:
    with requests_of(client) as requests:
        texts = write(load(tmp_path, REFUSING), client, documents_of(uid, files))

    assert requests == []
    assert "it has no access tags, so it is not written" in texts[0]
    assert uid in texts[0]


def test_a_run_that_gets_no_tag_has_those_that_are_declared_for_it(
    client: Any, files: Path, uid: str, tmp_path: Path
) -> None:
    write(load(tmp_path, FALLING_BACK), client, documents_of(uid, files))

    assert tags_of(client, "none", uid) == all_with("staff", paths_of("none", uid))


@pytest.mark.parametrize("proposal", ["unowned", "unknown"])
def test_a_tag_that_may_not_be_given_leaves_nothing_open(
    client: Any, files: Path, uid: str, tmp_path: Path, proposal: str
) -> None:
    texts = write(load(tmp_path, REFUSING), client, documents_of(uid, files, proposal=proposal))

    assert any("the server says 403" in text and uid in text for text in texts)
    assert any(f"'{proposal}'" in text for text in texts)
    assert tags_of(client, proposal, uid) == {}
