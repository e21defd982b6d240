import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from tests.cli.conftest import documents, write
from tests.golden import assert_golden
from tiledmap.cli.drawing import draw
from tiledmap.display.nodes import branches_of_nodes
from tiledmap.runtime.ops import Asset, CreateContainer, FileSource, RegisterFiles
from tiledmap.sinks.memory import MemorySink
from tiledmap.sinks.tree import trees_of_memory

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("columns", [80, 140])
def test_the_tree_is_drawn(tiledmap, mapping, recording, columns):
    result = tiledmap("preview", mapping, "--documents", recording, COLUMNS=str(columns))
    assert result.returncode == 0
    assert max(map(len, result.stdout.splitlines())) <= columns
    lines = "\n".join(line.rstrip() for line in result.stdout.splitlines())
    assert_golden(GOLDEN / f"preview-{columns}.txt", lines)


def test_colours_add_nothing_to_the_words(tiledmap, recording):
    plain, colorful, without = (
        tiledmap("preview", "bluesky-v3", "--documents", recording, **environment).stdout
        for environment in ({}, {"FORCE_COLOR": "1"}, {"FORCE_COLOR": "1", "NO_COLOR": "1"})
    )
    assert "\x1b[1m" in colorful
    assert Text.from_ansi(colorful).plain.rstrip("\n") == plain.rstrip("\n")
    assert without == plain


def test_lines_for_programs_are_whole(tiledmap, recording):
    result = tiledmap("preview", "bluesky-v3", "--documents", recording, COLUMNS="")
    [columns] = [line for line in result.stdout.splitlines() if "columns" in line]
    assert columns.endswith("ts_motor double, ts_edge double, ts_image double")


def test_programs_get_json(tiledmap, mapping, recording):
    result = tiledmap("preview", mapping, "--documents", recording, "--format", "json")
    [sample] = json.loads(result.stdout)["nodes"]
    [run] = sample["children"]
    [stream] = run["children"]
    nodes = {node["key"]: node for node in stream["children"]}
    assert run["specs"] == ["BlueskyRun/3.0"]
    assert nodes["internal"]["rows"] == 3
    assert nodes["internal"]["columns"]["motor"] == "double"
    assert nodes["image"]["shape"] == [3, 4, 6]
    assert nodes["image"]["dtype"] == "int32"


def test_several_recordings_may_follow_one_option(tiledmap, recording, tmp_path):
    other = write(tmp_path / "other.jsonl", *documents("run-2"))
    result = tiledmap("preview", "bluesky-v3", "--documents", recording, other)
    assert "run-1  container" in result.stdout
    assert "run-2  container" in result.stdout


def test_a_recording_that_breaks_off_is_drawn_as_far_as_it_goes(tiledmap, tmp_path):
    torn = write(tmp_path / "torn.jsonl", *documents("run-1")[:4])
    torn.write_text(torn.read_text() + '["event", {"uid"')
    result = tiledmap("preview", "bluesky-v3", "--documents", "torn.jsonl")
    assert result.returncode == 1
    assert "table, 2 rows" in result.stdout
    assert "tiledmap: torn.jsonl: record 5, line 5: the file ends within it" in result.stderr


def test_a_recording_that_cannot_be_read_harms_no_other(tiledmap, recording, tmp_path):
    (tmp_path / "bad.jsonl").write_bytes(b"\x00\x01")
    result = tiledmap("preview", "bluesky-v3", "--documents", "bad.jsonl", recording)
    assert result.returncode == 1
    assert "run-1  container" in result.stdout
    assert result.stderr.startswith("tiledmap: bad.jsonl: record 1")


def test_a_document_that_is_not_valid_is_said_beside_the_tree(tiledmap, tmp_path):
    named = documents("run-1")
    del named[2][1]["time"]
    result = tiledmap("preview", "bluesky-v3", "--documents", write(tmp_path / "r.jsonl", *named))
    assert result.returncode == 1
    assert "run-1  container" in result.stdout
    assert "time" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_recording_that_is_not_there_is_wrong_use(tiledmap):
    result = tiledmap("preview", "bluesky-v3", "--documents", "none.jsonl")
    assert (result.returncode, result.stderr) == (2, "tiledmap: there is no file 'none.jsonl'\n")


def test_a_node_of_files_says_which(tmp_path):
    frames = [f"file://localhost{tmp_path}/img_{number:03}.tif" for number in range(4)]
    sink = MemorySink()
    sink.perform(CreateContainer(run="r", path=("r",), at="m.yaml:1", metadata={}))
    sources = {
        "img": FileSource(
            family="array",
            mimetype="multipart/related;type=image/tiff",
            assets=tuple(Asset(uri, "data_uris", n) for n, uri in enumerate(frames)),
            dtype=np.dtype("<u2"),
            shape=(4, 5, 6),
            chunks=((1,) * 4, (5,), (6,)),
            dims=("time", "y", "x"),
        ),
        "raw": FileSource(
            family="bytes",
            mimetype="application/octet-stream",
            assets=(Asset("file://localhost/d/raw.bin", "data_uris", 0),),
        ),
    }
    for key, source in sources.items():
        sink.perform(
            RegisterFiles(run="r", path=("r", key), at="m.yaml:2", metadata={}, source=source)
        )
    [run] = trees_of_memory(sink)
    output = StringIO()
    draw(Console(file=output, width=200), "smi", branches_of_nodes([run]))
    lines = " ".join(output.getvalue().replace("│", "").split())
    assert "img array uint16 4 x 5 x 6 (time, y, x) made by m.yaml:2" in lines
    assert f"files 4 x multipart/related;type=image/tiff: {frames[0]} … img_003.tif" in lines
    assert "files 1 x application/octet-stream: file://localhost/d/raw.bin" in lines
    img, raw = run.as_json()["children"]
    assert img["files"] == frames
    assert img["shape"] == [4, 5, 6]
    assert raw["mimetype"] == "application/octet-stream"
