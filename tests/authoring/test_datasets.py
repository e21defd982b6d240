"""Files at hand say which dataset documents mean; what is in them is believed no further."""

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.authoring.test_laws import answered_at_once
from tiledmap.authoring.datasets import DEEPEST, MOST_OBJECTS, datasets_like, look_into
from tiledmap.authoring.drafting import Drafted, draft_mapping
from tiledmap.authoring.seen import DatasetSeen
from tiledmap.authoring.settle import problems_of
from tiledmap.documents.recordings import read_documents

EXTERNAL = Path(__file__).parents[1] / "runs" / "external"
FRAMES, NUMBERS = np.zeros((3, 4, 6), "u2"), np.zeros(3)


def write(path: Path, **datasets: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, data in datasets.items():
            file[name.replace("__", "/")] = data
    return path


def virtual(file: h5py.File, name: str, source: str) -> None:
    layout = h5py.VirtualLayout(FRAMES.shape, FRAMES.dtype)
    layout[:] = h5py.VirtualSource(source, "data", FRAMES.shape)
    file.create_virtual_dataset(name, layout)


# ---------------------------------------------------------------- what a file holds


def test_datasets_of_numbers_are_seen_once_and_links_are_not_followed(tmp_path):
    write(tmp_path / "beside.h5", data=FRAMES)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write(elsewhere / "secret.h5", data=FRAMES)
    below = tmp_path / "below"
    below.mkdir()
    path = write(below / "run.h5", entry__data__data=FRAMES)
    with h5py.File(path, "a") as file:
        file["entry/instrument/detector/data"] = file["entry/data/data"]
        file["circle"] = file["/"]
        file["soft"] = h5py.SoftLink("/entry/data/data")
        file["away"] = h5py.ExternalLink(str(elsewhere / "secret.h5"), "/data")
        virtual(file, "parts", "part_0.h5")
        virtual(file, "strangers", "../elsewhere/secret.h5")
        file["texts"] = ["a", "b"]
        file["nothing"] = h5py.Empty("f4")
        file["table"] = np.zeros(3, [("a", "i4"), ("b", "f8")])
        file["${{ start.uid }}"] = FRAMES
        file["/".join(["deep"] * (DEEPEST + 3))] = FRAMES
    seen = look_into(f"file://localhost{path}")
    assert seen is not None
    assert [str(each) for each in seen.datasets] == [
        "/parts (3 x 4 x 6 of uint16)",
        "/entry/data/data (3 x 4 x 6 of uint16)",
    ]
    assert seen.remark == ""
    unknown = ("soft", "away", "strangers", "texts", "circle/entry", "/".join(["deep"] * 40))
    assert [name for name in unknown if seen.has_no(name)] == []
    assert seen.has_no("entry/data")
    assert not seen.has_no("//entry/data/data/")


def test_a_walk_ends(tmp_path):
    path = tmp_path / "wide.h5"
    with h5py.File(path, "w", libver="latest") as file:
        for number in range(MOST_OBJECTS + 1):
            file.create_group(f"g{number}")
    seen = look_into(f"file://{path}")
    assert seen is not None
    assert seen.remark == f"not read beyond its first {MOST_OBJECTS:,} objects"
    assert not seen.has_no("anything")


def test_what_cannot_be_read_is_no_error(tmp_path):
    path = write(tmp_path / "whole.h5", data=FRAMES)
    torn = tmp_path / "torn.h5"
    torn.write_bytes(path.read_bytes()[:900])
    seen = look_into(f"file://{torn}")
    assert seen is not None
    assert seen.datasets == ()
    assert seen.remark.startswith("not read to its end: ")
    (tmp_path / "text.h5").write_text("no HDF5")
    os.mkfifo(tmp_path / "pipe.h5")
    for uri in ("text.h5", "pipe.h5", "nowhere.h5", "", "nul\0.h5"):
        assert look_into(f"file://{tmp_path}/{uri}") is None
    assert look_into("https://example.org/whole.h5") is None


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((4, 6), None, ["frames", "float", "many"]),
        ((1, 4, 6), "u2", ["frames"]),
        ((4, 6), "i1", ["frames", "float", "many"]),  # none has it: the description may be wrong
        ((5, 4, 6), None, ["many"]),  # frame after frame
        ((None, 6), None, ["frames", "float", "many"]),
        ((), None, ["x", "y"]),
        ((1,), None, ["x", "y"]),
        ((6,), None, ["mask"]),
        ((10, 4, 6), None, ["many"]),
        ((9, 9), None, []),
    ],
)
def test_datasets_fit_by_shape_then_by_dtype(shape, dtype, expected):
    shapes = {
        "mask": ((4, 6), "u1"),
        "frames": ((3, 4, 6), "u2"),
        "float": ((3, 4, 6), "f4"),
        "many": ((10, 4, 6), "i4"),
        "x": ((3,), "f8"),
        "y": ((3, 1), "f8"),
    }
    datasets = [DatasetSeen(name, shape, np.dtype(of)) for name, (shape, of) in shapes.items()]
    found = datasets_like(datasets, "det", shape, np.dtype(dtype) if dtype else None)
    assert [each.name for each in found] == expected


def test_a_namesake_is_meant():
    datasets = [DatasetSeen(f"/entry/{name}", (3,), np.dtype("f8")) for name in ("x", "Det_Sum")]
    assert [each.name for each in datasets_like(datasets, "det-sum", (), None)] == [
        "/entry/Det_Sum"
    ]


# ---------------------------------------------------------------- what is written of it


def drafted(
    path: Path,
    spec: str,
    *keys: str,
    said: dict[str, Any] | None = None,
    extends: str = "resources@^1",
) -> Drafted:
    """A mapping for a run of a camera, and of numbers in the same file."""
    documents = list(read_documents(EXTERNAL / "ad-hdf5.jsonl"))
    number = {"source": "", "dtype": "number", "shape": [], "external": "FILESTORE:"}
    for name, document in documents:
        if name == "resource":
            document |= {"spec": spec, "root": str(path.parent), "resource_path": path.name}
        elif name == "descriptor":
            document["data_keys"] |= dict.fromkeys(keys, number)
            document["data_keys"]["img"] |= said or {}
        elif name == "event":
            document["data"] |= dict.fromkeys(keys, document["data"]["img"])
    draft = draft_mapping([("run.jsonl", documents)], path.parent / "m.yaml", "m", extends)
    for answered in answered_at_once(draft.draft):
        assert problems_of(answered, path.parent / "m.yaml") == [], answered
    return draft


def test_the_dataset_of_an_unknown_spec_is_found(tmp_path):
    path = write(tmp_path / "run.dat", a__frames=FRAMES, mask=FRAMES[0], x=NUMBERS)
    draft = drafted(path, "OUR_CAMERA")
    assert (
        "    # Of 3 datasets in run.dat, /a/frames (3 x 4 x 6 of uint16) alone fits img.\n"
        "    - name: our_camera\n"
        "      match: {spec: OUR_CAMERA}\n"
        "      mimetype: application/x-hdf5\n"
        "      parameters: {dataset: /a/frames}\n"
    ) in draft.text
    assert f"# HDF5 file {path}: 3 datasets\n" in draft.text
    assert not any(question.urgent for question in draft.draft.questions)


def test_several_candidates_are_asked_about(tmp_path):
    path = write(tmp_path / "run.h5", raw=FRAMES, dark=FRAMES, x=NUMBERS)
    (question,) = (each for each in drafted(path, "OUR_CAMERA").draft.questions if each.urgent)
    assert question.about[-1] == "Of 3 datasets in run.h5, 2 fit img."
    datasets = [answer.data.get("parameters") for answer in question.answers]
    assert datasets == [{"dataset": "/dark"}, {"dataset": "/raw"}, None]


def test_a_rule_that_names_a_dataset_that_is_not_there_is_overruled(tmp_path):
    path = write(tmp_path / "run.h5", measured=FRAMES)
    text = drafted(path, "AD_HDF5").text
    assert "    # run.h5 has no entry/data/data. Of 1 dataset in run.h5, /measured" in text
    assert "      over: area-detector-hdf5\n      parameters: {dataset: /measured}\n" in text


def test_a_file_that_is_as_documents_say_asks_nothing(tmp_path):
    path = write(tmp_path / "run.h5", entry__data__data=FRAMES)
    assert "dataset" not in drafted(path, "AD_HDF5").text.partition("\ntiledmap: 1")[2]


@pytest.mark.parametrize("spec", ["OUR_CAMERA", "PANDA"])
def test_each_data_key_may_have_its_own_dataset(tmp_path, spec):
    path = write(tmp_path / "run.h5", raw=FRAMES, x=NUMBERS, sum=NUMBERS)
    draft = drafted(path, spec, "x", extends="bluesky-v3@^3")
    said = [each for each in draft.draft.statements if each.place == ("assets",)]
    assert [(each.answers[0].data["name"], each.chosen) for each in said] == [
        ("dataset-of-img", 0),
        ("dataset-of-x", 0),
    ]
    assert "    parameters: {dataset: /x}\n" in draft.text


def test_files_say_the_dtype(tmp_path):
    path = write(tmp_path / "run.h5", entry__data__data=FRAMES.astype(">i4"))
    text = drafted(path, "AD_HDF5", said={"dtype_str": None}).text
    assert '      dtype: ">i4"\n      reason: Its files hold >i4, not ' in text


def test_stream_resources_without_a_dataset_are_asked_about(tmp_path):
    path = write(tmp_path / "run.h5", raw=np.zeros((5, 2, 6, 8), "u1"), x=NUMBERS, y=NUMBERS)
    documents = list(read_documents(EXTERNAL / "ophyd-async-fly.jsonl"))
    for name, document in documents:
        if name == "stream_resource":
            del document["parameters"]["dataset"]
            document["uri"] = f"file://localhost{path}"
    draft = draft_mapping([("run.jsonl", documents)], tmp_path / "m.yaml", "m")
    assert problems_of(draft.text, tmp_path / "m.yaml") == []
    assert "    match: {mimetype: application/x-hdf5, data_key: det}\n" in draft.text
    (question,) = (each for each in draft.draft.questions if each.urgent)
    assert question.about[0].startswith("Where in the files of det-sum are the data? ")
