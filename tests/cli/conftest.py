"""The command line as a user has it, and recordings to give it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.running import Result, run_tiledmap


@pytest.fixture
def tiledmap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run ``tiledmap`` in a directory of the test's own."""
    monkeypatch.chdir(tmp_path)
    return run_tiledmap


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where writers keep documents."""
    return tmp_path / "spool"


def documents(uid: str, *, sample: str = "Ni foil", rows: int = 3) -> list[list[Any]]:
    """Documents of a small run: numbers, text and a small image."""
    descriptor = {
        "uid": f"{uid}-d",
        "run_start": uid,
        "time": 2.0,
        "name": "primary",
        "data_keys": {
            "motor": {"source": "sim", "dtype": "number", "shape": [], "dtype_numpy": "<f8"},
            "edge": {"source": "sim", "dtype": "string", "shape": []},
            "image": {"source": "sim", "dtype": "array", "shape": [4, 6], "dtype_numpy": "<i4"},
        },
        "object_keys": {"motor": ["motor"], "sample": ["edge"], "camera": ["image"]},
        "configuration": {},
        "hints": {},
    }
    start = {
        "uid": uid,
        "time": 1.0,
        "scan_id": 7,
        "plan_name": "scan",
        "sample_name": sample,
        "tiled_access_tags": ["pass-1"],
    }
    events = [
        {
            "uid": f"{uid}-e{number}",
            "descriptor": f"{uid}-d",
            "time": 3.0 + number,
            "seq_num": number,
            "data": {"motor": number / 2, "edge": "K", "image": [[number] * 6] * 4},
            "timestamps": {"motor": 3.0, "edge": 3.0, "image": 3.0},
            "filled": {},
        }
        for number in range(1, rows + 1)
    ]
    stop = {
        "uid": f"{uid}-s",
        "run_start": uid,
        "time": 9.0,
        "exit_status": "success",
        "reason": "",
        "num_events": {"primary": rows},
    }
    return [
        ["start", start],
        ["descriptor", descriptor],
        *(["event", event] for event in events),
        ["stop", stop],
    ]


def write(path: Path, *named: list[Any]) -> Path:
    path.write_text("".join(json.dumps(pair) + "\n" for pair in named))
    return path


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """One run, recorded."""
    return write(tmp_path / "run.jsonl", *documents("run-1"))


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    """A mapping without problems that puts runs below a container for each sample."""
    path = tmp_path / "smi.yaml"
    path.write_text(
        "tiledmap: 1\n"
        "name: smi\n"
        "version: 1.0.0\n"
        "extends: bluesky-v3@^3\n"
        "source:\n"
        "  start:\n"
        "    properties:\n"
        "      sample_name: {type: string}\n"
        "    required: [sample_name]\n"
        "run:\n"
        "  parent:\n"
        "    - ${{ slug(start.sample_name) }}\n"
    )
    return path
