"""A notebook in a kernel of its own, where a loop runs in the main thread."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.packages import need
from tiledmap.sinks.embedded import open_catalog

need("nbclient", "ipykernel")

BEGINNING = """\
import os, signal
from bluesky import RunEngine
from bluesky.utils import RunEngineInterrupted
import bluesky.plan_stubs as bps, bluesky.plans as bp, bluesky.preprocessors as bpp
from ophyd.sim import det
import tiledmap
from tiledmap.sinks.embedded import open_catalog

catalog = open_catalog("catalog")
writer = tiledmap.load("bluesky-v3").writer(catalog.client, spool="spool")
RE = RunEngine(call_returns_result=False)
RE.subscribe(writer)
"""
"""The first cell of every notebook."""


FAILS = {"tags": ["raises-exception"]}


def execute(directory: Path, *cells: str) -> list[str]:
    """What a notebook's cells give, in words; its kernel ends with them."""
    return [shown(outputs) for outputs in outputs_of(directory, *cells)]


def outputs_of(directory: Path, *cells: str) -> list[list[Any]]:
    """What a notebook's cells give, in every form; one that begins with ``# fails`` may do so."""
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    notebook = new_notebook(
        cells=[
            new_code_cell(cell, metadata=FAILS if cell.startswith("# fails") else {})
            for cell in (BEGINNING, *cells)
        ]
    )
    resources = {"metadata": {"path": str(directory)}}
    NotebookClient(notebook, kernel_name="python3", timeout=60, resources=resources).execute()
    return [cell.outputs for cell in notebook.cells[1:]]


def shown(outputs: list[Any], form: str = "text/plain") -> str:
    return "".join(
        output.data[form] for output in outputs if output.output_type == "execute_result"
    )


BROKEN = """\
tiledmap: 1
name: smi
version: 1.0.0
extends: bluesky-v3@^3
run:
  parnt: [smi]
"""


def test_a_notebook_scans_reads_and_shows(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(BROKEN)
    _, is_sent, status, rows, mapping, plan, preview, problems, error, _ = outputs_of(
        tmp_path,
        "documents = []\nRE(bp.count([det], 3), lambda *named: documents.append(named))",
        "writer.flush(timeout=30)",
        "writer.status()",
        "len(catalog.client.values().last()['primary'].read()['det'])",
        "mapping = tiledmap.load('bluesky-v3')\nmapping",
        "mapping.plan",
        "mapping.preview(documents)",
        "tiledmap.validate('broken.yaml')",
        "# fails\ntiledmap.load('broken.yaml')",
        "writer.close(), catalog.close()",
    )
    assert shown(is_sent) == "True"
    assert "state='idle'" in shown(status)
    assert "runs_written=1" in shown(status)
    assert shown(rows) == "3"

    assert shown(mapping) == "<mapping bluesky-v3 3.1.0>"
    assert "tm-section" in shown(mapping, "text/html")
    assert "on descriptor" in shown(plan, "text/html")
    assert "table, 3 rows" in shown(preview, "text/html")
    assert "<mark>parnt</mark>" in shown(problems, "text/html")
    [error] = error
    assert "the key 'parnt' is not known here" in "\n".join(error.traceback)
    assert "api.py" not in "\n".join(error.traceback)


def test_an_interrupted_cell_leaves_a_run_that_can_be_ended(tmp_path: Path) -> None:
    interrupted = """\
@bpp.run_decorator()
def plan():
    yield from bps.trigger_and_read([det])
    os.kill(os.getpid(), signal.SIGINT)
    while True:
        yield from bps.checkpoint()
        yield from bps.sleep(0.01)

try:
    RE(plan())
except RunEngineInterrupted:
    state = RE.state
state
"""
    state, _, stop, _ = execute(
        tmp_path,
        interrupted,
        "RE.abort()\nwriter.flush(timeout=30)",
        "catalog.client.values().last().metadata['stop']['exit_status']",
        "writer.close(), catalog.close()",
    )
    assert state == "'paused'"
    assert stop == "'abort'"


def test_a_kernel_that_dies_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    from nbclient.exceptions import DeadKernelError

    dying = """\
@bpp.run_decorator()
def plan():
    for _ in range(3):
        yield from bps.trigger_and_read([det])
    os.kill(os.getpid(), signal.SIGKILL)

RE(plan())
"""
    with pytest.raises(DeadKernelError):
        execute(tmp_path, dying)
    is_sent, _ = execute(tmp_path, "writer.flush(timeout=30)", "writer.close(), catalog.close()")

    assert is_sent == "True"
    with open_catalog(tmp_path / "catalog") as catalog:
        [run] = catalog.client.values()
        assert "stop" not in run.metadata
        assert len(run["primary"].read()["det"]) == 3
