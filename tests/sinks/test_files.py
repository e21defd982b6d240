"""Nodes of files that lie elsewhere, in Tiled: what is read back is what the files hold."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tiled.client.utils import ClientError

from tests.conftest import PolicyServer, Server, serve
from tests.files import frames, write_hdf5, write_npy, write_sequence
from tests.sinks.test_tiled import (
    UID,
    array,
    close,
    perform,
    plain,
    requests_of,
    run_container,
    stored,
    stream_container,
    while_answering,
)
from tiledmap.runtime.errors import CollisionError, SinkError
from tiledmap.runtime.ops import (
    Asset,
    FileSource,
    Op,
    RegisterFiles,
    UpdateFiles,
    ValidateFiles,
)
from tiledmap.sinks.embedded import EmbeddedCatalog, open_catalog
from tiledmap.sinks.tiled import TiledSink

NPY = "multipart/related;type=application/x-npy"
FRAMES = frames(6, 2, 3)
TEXT = "text/x-scaled"
BEGINNING: tuple[Op, ...] = (run_container(), stream_container())


@pytest.fixture(scope="module")
def file_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """``tiled serve`` with a directory of files that it may read, and that directory."""
    home = tmp_path_factory.mktemp("with-files")
    detector = tmp_path_factory.mktemp("detector")
    open_catalog(home).close()
    config = f"""\
catalog:
  uri: sqlite:///{home}/catalog.db
  writable_storage: ["{home}/data", "sqlite:///{home}/tables.db"]
  readable_storage: ["{detector}"]
routers: ["bluesky_tiled_plugins.routers.validator:router"]
"""
    with serve(home, config) as server:
        yield server, detector


@pytest.fixture(params=["embedded", "served"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Any, Path]]:
    """A client of an empty container, and a directory whose files can be read there."""
    if request.param == "embedded":
        detector = tmp_path / "detector"
        detector.mkdir()
        adapters = {TEXT: "tests.sinks.adapters:ScaledText"}
        with open_catalog(
            tmp_path / "catalog", readable_storage=[detector], adapters=adapters
        ) as catalog:
            yield catalog.client, detector
    else:
        server, detector = request.getfixturevalue("file_server")
        client = server.connect()
        yield client.create_container(tmp_path.name), detector / tmp_path.name
        client.context.close()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[tuple[Any, Path]]:
    """A client of an embedded catalog, and a directory whose files can be read there."""
    adapters = {TEXT: "tests.sinks.adapters:ScaledText"}
    with open_catalog(
        tmp_path / "catalog", readable_storage=[tmp_path], adapters=adapters
    ) as catalog:
        yield catalog.client, tmp_path


def uri(path: Path) -> str:
    return f"file://localhost{path}"


def write_frames(directory: Path, number: int = len(FRAMES)) -> None:
    write_sequence(f"{directory}/{{:04d}}.npy", FRAMES[:number], write_npy)


def sequence(directory: Path, number: int, **changes: Any) -> FileSource:
    """The first `number` frames, a file for each."""
    _, *frame = FRAMES.shape
    settings = {
        "family": "array",
        "mimetype": NPY,
        "assets": tuple(
            Asset(uri(directory / f"{n:04d}.npy"), "data_uris", n) for n in range(number)
        ),
        "dtype": FRAMES.dtype,
        "shape": (number, *frame),
        "chunks": ((1,) * number, *((length,) for length in frame)),
        "dims": ("time", "y", "x"),
        **changes,
    }
    return FileSource(**settings)


def register(source: FileSource, key: str = "img", **changes: Any) -> RegisterFiles:
    settings = {"metadata": {"spec": "NPY_SEQ"}, **changes}
    return RegisterFiles(
        run=UID, path=(UID, "primary", key), at="m.yaml:9", source=source, **settings
    )


def update(source: FileSource, first: int, key: str = "img") -> UpdateFiles:
    rows, *row = source.shape
    return UpdateFiles(
        run=UID,
        path=(UID, "primary", key),
        at="m.yaml:9",
        source=source,
        offset=(first, *(0 for _ in row)),
        extent=(rows - first, *row),
    )


def assets_sent(request: httpx.Request) -> list[str]:
    body = json.loads(request.content)
    [source] = body.get("data_sources") or [body["data_source"]]
    return [asset["data_uri"].rpartition("/")[2] for asset in source["assets"]]


# What is stored


def test_files_are_read_back_as_they_are(place: tuple[Any, Path]) -> None:
    client, directory = place
    write_frames(directory)
    perform(client, *BEGINNING, register(sequence(directory, 6)))
    node = stored(client, "img")
    np.testing.assert_array_equal(node.read(), FRAMES)
    assert node.dims == ("time", "y", "x")
    assert node.dtype == FRAMES.dtype
    assert dict(node.metadata) == {"spec": "NPY_SEQ"}
    [source] = node.include_data_sources().data_sources()
    assert source.management == "external"
    assert [asset.data_uri for asset in source.assets] == [
        uri(directory / f"{n:04d}.npy") for n in range(6)
    ]


def test_parameters_and_properties_come_with_the_files(embedded: tuple[Any, Path]) -> None:
    client, directory = embedded
    write_hdf5(directory / "f.h5", {"entry/data": FRAMES}, {"entry/data": (2, 2, 3)})
    source = sequence(
        directory,
        6,
        mimetype="application/x-hdf5",
        assets=(Asset(uri(directory / "f.h5"), "data_uris", 0),),
        parameters={"dataset": "entry/data", "slice": "1:5", "swmr": False},
        properties={"chunks": [[2, 2], [2], [3]]},
        shape=(4, 2, 3),
        chunks=((2, 2), (2,), (3,)),
    )
    perform(client, *BEGINNING, register(source))
    node = stored(client, "img")
    np.testing.assert_array_equal(node.read(), FRAMES[1:5])
    [there] = node.include_data_sources().data_sources()
    assert there.parameters == source.parameters
    assert there.properties == source.properties


def test_records_are_read_from_files(embedded: tuple[Any, Path]) -> None:
    client, directory = embedded
    record = np.dtype([("x", "<f8"), ("counts", "<i4"), ("pair", "<i2", (2,))])
    rows = np.array([(0.5, 1, (2, 3)), (1.5, -2, (4, 5))], record)
    np.save(directory / "rows.npy", rows)
    source = FileSource(
        family="array",
        mimetype="application/x-npy",
        assets=(Asset(uri(directory / "rows.npy"), "data_uri"),),
        dtype=record,
        shape=(2,),
        chunks=((2,),),
    )
    perform(client, *BEGINNING, register(source))
    there = stored(client, "img").read()
    assert there.dtype == record
    assert there.tobytes() == rows.tobytes()


def test_bytes_are_given_back_as_they_are(place: tuple[Any, Path]) -> None:
    client, directory = place
    directory.mkdir(exist_ok=True)
    (directory / "a.bin").write_bytes(b"\x00one")
    (directory / "b.bin").write_bytes(b"two")
    files = [
        Asset(uri(directory / name), "data_uris", n) for n, name in enumerate(["a.bin", "b.bin"])
    ]
    source = FileSource(
        family="bytes", mimetype="application/octet-stream", assets=tuple(files[:1])
    )
    more = replace(source, assets=tuple(files))
    growth = UpdateFiles(
        run=UID, path=(UID, "primary", "raw"), at="m.yaml:9", source=more, offset=(1,), extent=(1,)
    )
    perform(client, *BEGINNING, register(source, "raw"), growth)
    node = stored(client, "raw").include_data_sources()
    assert node.structure_family.value == "bytes"
    fetched = [_content(client, node, asset.id) for asset in node.data_sources()[0].assets]
    assert fetched == [b"\x00one", b"two"]


def _content(client: Any, node: Any, asset: int) -> bytes:
    address = node.uri.replace("/metadata/", "/asset/bytes/", 1)
    answer = client.context.http_client.get(address, params={"id": asset})
    return bytes(answer.raise_for_status().content)


def test_a_facility_s_own_files_are_read_by_its_adapter(embedded: tuple[Any, Path]) -> None:
    client, directory = embedded
    (directory / "values.txt").write_text("1\n2\n4\n")
    (directory / "values.scale").write_text("2.5")
    source = FileSource(
        family="array",
        mimetype=TEXT,
        assets=(
            Asset(uri(directory / "values.txt"), "data_uri"),
            Asset(uri(directory / "values.scale"), "scale"),
        ),
        parameters={"unit": "mm"},
        dtype=np.dtype("<f8"),
        shape=(3,),
        chunks=((3,),),
    )
    perform(client, *BEGINNING, register(source))
    assert stored(client, "img").read().tolist() == [2.5, 5, 10]


def test_two_nodes_may_share_their_files(place: tuple[Any, Path]) -> None:
    client, directory = place
    write_frames(directory)
    source = sequence(directory, 6)
    perform(client, *BEGINNING, register(source), register(source, "again"))
    for key in ("img", "again"):
        np.testing.assert_array_equal(stored(client, key).read(), FRAMES)


# Growth


def test_a_reader_sees_what_is_there_while_files_are_added(place: tuple[Any, Path]) -> None:
    client, directory = place
    write_frames(directory, 2)
    sink = perform(client, *BEGINNING, register(sequence(directory, 2)))
    for number in range(3, 7):
        write_frames(directory, number)
        sink.perform(update(sequence(directory, number), number - 1))
        np.testing.assert_array_equal(stored(client, "img").read(), FRAMES[:number])
    sink.perform(close())


def test_an_op_is_one_request_and_tells_only_of_new_files(embedded: tuple[Any, Path]) -> None:
    client, directory = embedded
    write_frames(directory)
    sink = perform(client, *BEGINNING)
    with requests_of(client) as made:
        for op in (
            register(sequence(directory, 2)),
            update(sequence(directory, 3), 2),
            update(sequence(directory, 6), 3),
        ):
            sink.perform(op)
    assert [(request.method, assets_sent(request)) for request in made] == [
        ("POST", ["0000.npy", "0001.npy"]),
        ("PUT", ["0002.npy"]),
        ("PUT", ["0003.npy", "0004.npy", "0005.npy"]),
    ]
    patches = [dict(request.url.params) for request in made[1:]]
    assert patches == [
        {"patch_shape": "1,2,3", "patch_offset": "2,0,0"},
        {"patch_shape": "3,2,3", "patch_offset": "3,0,0"},
    ]
    np.testing.assert_array_equal(stored(client, "img").read(), FRAMES)


def test_a_source_that_was_mended_may_be_smaller(embedded: tuple[Any, Path]) -> None:
    client, directory = embedded
    write_hdf5(directory / "f.h5", {"d": FRAMES[:4]})
    one_file = {
        "mimetype": "application/x-hdf5",
        "assets": (Asset(uri(directory / "f.h5"), "data_uris", 0),),
        "parameters": {"dataset": "d"},
    }
    declared, mended = (sequence(directory, number, **one_file) for number in (6, 4))
    perform(client, *BEGINNING, register(declared), update(mended, 0))
    np.testing.assert_array_equal(stored(client, "img").read(), FRAMES[:4])


# Again


WAYS = {
    "in the same portions": (2, 3, 6),
    "in other portions": (1, 4, 6),
    "at once": (6,),
    "with what comes after": (3, 6),
}


@pytest.mark.parametrize("lost_of_each", ["none", "DELETE", "POST"])
def test_files_that_come_between_others_make_the_node_anew(
    place: tuple[Any, Path], lost_of_each: str
) -> None:
    """Tiled moves no file that it knows: the order is that of a new node in the same place."""
    client, directory = place
    write_frames(directory)
    later = sequence(directory, 4).assets[2:]
    early = sequence(
        directory, 2, assets=tuple(replace(asset, num=n) for n, asset in enumerate(later))
    )
    perform_all = [*BEGINNING, register(early), update(sequence(directory, 4), 2)]

    with while_answering(client, losing_once(lost_of_each)):
        perform(client, *perform_all, update(sequence(directory, 5), 4), close())

    node = stored(client, "img")
    np.testing.assert_array_equal(node.read(), FRAMES[:5])
    assets = node.include_data_sources().data_sources()[0].assets
    assert [(asset.num, asset.data_uri) for asset in assets] == [
        (asset.num, asset.uri) for asset in sequence(directory, 5).assets
    ]
    assert node.metadata["spec"] == "NPY_SEQ"


def losing_once(
    method: str, lost: set[tuple[str, bytes]] | None = None
) -> Callable[[httpx.Response], None]:
    """Lose the first answer to each request with this method."""
    lost = set() if lost is None else lost

    def lose(response: httpx.Response) -> None:
        request = response.request
        identity = (str(request.url), request.content)
        if request.method == method and response.is_success and identity not in lost:
            lost.add(identity)
            raise httpx.ReadError("the connection was reset")

    return lose


def _ops(directory: Path, counts: tuple[int, ...]) -> list[Op]:
    first, *rest = counts
    return [
        *BEGINNING,
        register(sequence(directory, first)),
        *(
            update(sequence(directory, count), before)
            for before, count in zip(counts, rest, strict=False)
        ),
    ]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("performed", [3, 4, 5])
def test_a_replay_completes_a_run_and_never_takes_anything_back(
    embedded: tuple[Any, Path], way: str, performed: int
) -> None:
    client, directory = embedded
    write_frames(directory)
    before = _ops(directory, (2, 3, 6))[:performed]
    perform(client, *before)
    there = stored(client, "img").shape[0]
    sink = TiledSink(client)
    for op in _ops(directory, WAYS[way]):
        sink.perform(op)
        assert stored(client, "img").shape[0] >= there
    np.testing.assert_array_equal(stored(client, "img").read(), FRAMES)


def test_a_replay_mends_what_was_mended_before(embedded: tuple[Any, Path]) -> None:
    client, directory = embedded
    write_frames(directory)
    ops = [*_ops(directory, (2, 6)), update(sequence(directory, 6, dtype=np.dtype("<u2")), 0)]
    wrong = [
        replace(op, source=replace(op.source, dtype=np.dtype("<i4")))
        if isinstance(op, RegisterFiles)
        else op
        for op in ops
    ]
    for _ in range(2):
        perform(client, *wrong)
        assert stored(client, "img").dtype == np.dtype("<u2")


@pytest.mark.parametrize("lost_of_each", ["POST", "PUT"])
def test_a_lost_answer_loses_and_doubles_nothing(
    place: tuple[Any, Path], lost_of_each: str
) -> None:
    client, directory = place
    write_frames(directory)
    lost: set[tuple[str, bytes]] = set()

    with (
        while_answering(client, losing_once(lost_of_each, lost)),
        requests_of(client) as made,
    ):
        perform(client, *_ops(directory, (2, 3, 6)), close())
    assert lost
    np.testing.assert_array_equal(stored(client, "img").read(), FRAMES)
    puts = [assets_sent(request) for request in made if request.method == "PUT"]
    if lost_of_each == "PUT":  # what the server holds is not known: it is told of all again
        assert [len(sent) for sent in puts] == [1, 3, 3, 3, 6, 6]


def test_something_else_in_its_place_is_refused(embedded: tuple[Any, Path]) -> None:
    client, directory = embedded
    write_frames(directory)
    perform(client, *BEGINNING, register(sequence(directory, 2)))
    other = sequence(directory, 2, mimetype="application/x-npy")
    with pytest.raises(CollisionError, match=f"files of {NPY}"):
        perform(client, *BEGINNING, register(other))
    perform(client, *BEGINNING, array(np.ones((2, 3)), "stored"))
    with pytest.raises(CollisionError, match="another array in this place"):
        perform(client, *BEGINNING, register(sequence(directory, 2), "stored"))
    with pytest.raises(CollisionError, match="two things of this run"):
        perform(client, *BEGINNING, *[register(sequence(directory, 2))] * 2)


def test_only_what_was_registered_can_be_updated(embedded: tuple[Any, Path]) -> None:
    client, directory = embedded
    with pytest.raises(SinkError, match="was not created"):
        perform(client, *BEGINNING, update(sequence(directory, 2), 0))
    with pytest.raises(SinkError, match="not created as a node of such files"):
        perform(
            client, *BEGINNING, array(np.ones((2, 3)), "img"), update(sequence(directory, 2), 0)
        )


# What a server refuses


def test_a_mimetype_without_an_adapter_says_what_to_configure(place: tuple[Any, Path]) -> None:
    client, directory = place
    with pytest.raises(SinkError, match="415") as caught:
        perform(client, *BEGINNING, register(sequence(directory, 2, mimetype="image/x-own")))
    assert not caught.value.transient
    assert 'adapters_by_mimetype: {"image/x-own": "package.module:Adapter"}' in caught.value.hint


def test_a_key_that_may_not_register_is_told_which_scope_it_lacks(
    policy_server: PolicyServer, tmp_path: Path
) -> None:
    scopes = ["read:metadata", "write:metadata", "create:node"]
    tags = ("beamline",)
    ops = [replace(op, access_tags=tags) for op in (run_container(), stream_container())]
    registration = register(sequence(tmp_path, 1), access_tags=tags)
    with (
        policy_server.connect_as("alice", scopes) as client,
        pytest.raises(SinkError, match="Requires scopes") as caught,
    ):
        perform(client, *ops, registration)
    assert "the scope register" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dtype": np.dtype("O")}, "Python objects"),
        ({"parameters": {"gain": float("nan")}}, "holds nan"),
    ],
)
def test_what_no_server_could_read_is_refused_before_any_request(
    embedded: tuple[Any, Path], changes: dict[str, Any], words: str
) -> None:
    client, directory = embedded
    sink = perform(client, *BEGINNING)
    with requests_of(client) as made, pytest.raises(SinkError, match=words):
        sink.perform(register(sequence(directory, 2, **changes)))
    assert made == []


# Validation by the server


def test_the_server_compares_files_with_their_nodes(place: tuple[Any, Path]) -> None:
    client, directory = place
    directory.mkdir(exist_ok=True)
    write_hdf5(directory / "v.h5", {"d": FRAMES})
    declared = sequence(
        directory,
        6,
        mimetype="application/x-hdf5",
        assets=(Asset(uri(directory / "v.h5"), "data_uris", 0),),
        parameters={"dataset": "d"},
        dtype=np.dtype("<i4"),
    )
    sink = perform(client, *BEGINNING, register(declared))
    question = ValidateFiles(run=UID, path=(UID,), at="m.yaml:1", fix=False)
    valid, notes = sink.validate_files(question) or (None, [])
    assert valid is False
    assert "Data type mismatch" in notes[0]
    valid, notes = sink.validate_files(replace(question, fix=True)) or (None, [])
    assert valid is True
    assert notes
    np.testing.assert_array_equal(stored(client, "img").read(), FRAMES)


def test_a_file_that_cannot_be_opened_is_not_valid(embedded: tuple[Any, Path]) -> None:
    client, directory = embedded
    sink = perform(client, *BEGINNING, register(sequence(directory, 2)))
    answer = sink.validate_files(ValidateFiles(run=UID, path=(UID,), at="m.yaml:1", fix=False))
    assert answer is not None
    assert answer[0] is False


def test_a_server_without_the_route_is_not_asked(served: Any) -> None:
    sink = perform(served, *BEGINNING)
    question = ValidateFiles(run=UID, path=(UID,), at="m.yaml:1", fix=True)
    assert sink.validate_files(question) is None


def test_a_run_that_is_no_bluesky_run_is_not_asked_for(embedded: tuple[Any, Path]) -> None:
    client, _ = embedded
    sink = perform(client, run_container(specs=()))
    question = ValidateFiles(run=UID, path=(UID,), at="m.yaml:1", fix=True)
    assert sink.validate_files(question) is None


# What an embedded catalog may read


def test_files_outside_of_readable_storage_are_not_read(
    catalog: EmbeddedCatalog, tmp_path: Path
) -> None:
    write_frames(tmp_path / "elsewhere")
    perform(catalog.client, *BEGINNING, register(sequence(tmp_path / "elsewhere", 2)))
    with pytest.raises((RuntimeError, ClientError), match="outside"):
        plain(catalog.client)[UID, "primary", "img"].read()
