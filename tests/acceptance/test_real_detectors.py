"""Real detectors, a real RunEngine, a Tiled server in a process of its own.

While the writer works in a thread of its own, what Tiled reads is compared with what the detectors
have put into their files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import bluesky.preprocessors as bpp
import h5py
import numpy as np
import pytest
from bluesky import RunEngine
from ophyd.sim import hw

import tiledmap
from tests.acceptance.logs import errors_in
from tests.conftest import Server, serve
from tests.files import frames, read_hdf5
from tests.parity.both import differences
from tests.parity.snapshot import snapshot
from tests.runs.external.record import fly, sim_detector, small_images
from tests.waiting import wait_for
from tiledmap.documents.recordings import NamedDocument
from tiledmap.sinks.embedded import open_catalog

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ophyd")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory into which all detectors write."""
    return tmp_path_factory.mktemp("detectors")


@pytest.fixture(scope="module")
def server(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("served-with-files")
    open_catalog(home).close()
    config = f"""\
catalog:
  uri: sqlite:///{home}/catalog.db
  writable_storage: ["{home}/data", "sqlite:///{home}/tables.db"]
  readable_storage: ["{files}"]
media_types:
  BlueskyRun: {{application/json-seq: "bluesky_tiled_plugins.exporters:json_seq_exporter"}}
"""
    with serve(home, config) as server:
        yield server


@dataclass
class Beamline:
    """A RunEngine whose documents are stored, and a reader that looks on."""

    server: Server
    reader: Any
    documents: list[NamedDocument] = field(default_factory=list)

    @contextmanager
    def engine(self, mapping: str = "bluesky-v3") -> Iterator[RunEngine]:
        """A RunEngine; everything is stored when the context ends."""
        client = self.server.connect()
        writer = tiledmap.load(mapping).writer(client, flush_rows=1)
        engine = RunEngine(call_returns_result=False)
        engine.subscribe(lambda name, document: self.documents.append((name, dict(document))))
        engine.subscribe(writer)
        try:
            yield engine
        finally:
            writer.close()
            client.context.close()

    @property
    def run(self) -> Any:
        return self.reader[self.documents[0][1]["uid"]]

    def node(self, key: str) -> Any:
        return self.run["primary"].base[key]

    def frames_stored(self, key: str) -> int:
        """How many frames a reader finds who looks for them now."""
        try:
            return len(self.node(key))
        except KeyError:
            return 0

    def store_again(self) -> None:
        """Write the same documents with another writer."""
        client = self.server.connect()
        with tiledmap.load("bluesky-v3").writer(client, on_error="raise") as writer:
            for name, document in self.documents:
                writer(name, document)
        client.context.close()


@pytest.fixture
def beamline(server: Server, caplog: pytest.LogCaptureFixture) -> Iterator[Beamline]:
    reader = server.connect()
    yield Beamline(server, reader)
    reader.context.close()
    assert errors_in(caplog) == []


def frames_in(path: Path, number: int) -> Any:
    """The first frames of a file that is still being written."""
    with h5py.File(path, "r", swmr=True) as file:
        return file["entry/data/data"][:number]


def test_a_live_reader_sees_each_frame_as_it_comes(beamline: Beamline, files: Path) -> None:
    seen = []

    @bpp.run_decorator()
    def plan(det: Any, pattern: Any) -> Iterator[Any]:
        for point in range(1, 5):
            pattern.set_x(point)
            yield from bps.trigger_and_read([det])
            wait_for(lambda: beamline.frames_stored("det") == point)  # noqa: B023  # called at once
            seen.append(beamline.node("det").read())
            np.testing.assert_array_equal(seen[-1][:, 0], frames_in(files / "live.h5", point))

    with small_images(), beamline.engine() as engine:
        det, pattern = sim_detector(files, "live")
        engine(bpp.stage_wrapper(plan(det, pattern), [det]))

    images = read_hdf5(files / "live.h5", "entry/data/data")
    assert [len(each) for each in seen] == [1, 2, 3, 4]
    assert len(np.unique(images, axis=0)) == 4
    np.testing.assert_array_equal(seen[-1][:, 0], images)
    sums = read_hdf5(files / "live.h5", "entry/sum")
    np.testing.assert_array_equal(beamline.run["primary"].read()["det-sum"].values, sums)


def test_what_is_read_while_a_detector_flies_is_right(beamline: Beamline, files: Path) -> None:
    """The file is ahead of the documents; this mapping gives the array the shape of the file."""
    looks: list[Any] = []

    def look_on(message: Any) -> None:
        """Read all images that there are, while the writer goes on in its own thread.

        They are asked for by number: of an array that has grown since its length was asked for,
        Tiled refuses to give all.
        """
        if message.command == "close_run":
            wait_for(lambda: beamline.frames_stored("det"))
        if message.command in ("collect", "close_run") and (
            number := beamline.frames_stored("det")
        ):
            looks.append(beamline.node("det")[0:number])

    with small_images(), beamline.engine("ophyd-async-areadetector") as engine:
        det, _ = sim_detector(files, "flying")
        engine.msg_hook = look_on
        engine(fly(det, events=12, frames_per_event=2))

    images = read_hdf5(files / "flying.h5", "entry/data/data")
    assert len(images) == 24
    np.testing.assert_array_equal(beamline.node("det").read(), images)
    lengths = [len(look) for look in looks]
    assert lengths == sorted(lengths)
    for look in looks:
        np.testing.assert_array_equal(look, images[: len(look)])


def test_npy_files_of_ophyds_own_detector(beamline: Beamline, files: Path) -> None:
    devices = hw(save_path=str(files))
    images = frames(5, 10, 10, dtype="float64")
    sequence = iter(images)
    devices.img.sim_set_func(lambda: next(sequence))

    with beamline.engine() as engine:
        engine(bp.scan([devices.img, devices.det], devices.motor, -1, 1, 5))

    primary = beamline.run["primary"]
    np.testing.assert_array_equal(primary.base["img"].read(), images)
    np.testing.assert_array_equal(primary.base["img"][3, 2:4, 5], images[3, 2:4, 5])
    np.testing.assert_array_equal(primary.read()["motor"].values, [-1, -0.5, 0, 0.5, 1])
    assert beamline.run.metadata["stop"]["exit_status"] == "success"


def test_detectors_of_both_kinds_in_one_run_stored_twice(beamline: Beamline, files: Path) -> None:
    devices = hw(save_path=str(files))

    with small_images(), beamline.engine() as engine:
        det, _ = sim_detector(files, "both")
        engine(bp.count([det, devices.img, devices.motor], 3))
    once = snapshot(beamline.run)
    beamline.store_again()

    assert {"det", "det-sum", "img", "internal"} == set(once["children"]["primary"]["children"])
    assert differences(snapshot(beamline.run), once) == {}
    images = read_hdf5(files / "both.h5", "entry/data/data")
    np.testing.assert_array_equal(beamline.node("det").read()[:, 0], images)
