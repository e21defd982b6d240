import subprocess
import sys

import pytest

from tiledmap.sinks.embedded import open_catalog


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return folder, subprocess.run(
        [sys.executable, "-m", "tiledmap", "demo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_three_runs_are_written(demo):
    folder, result = demo
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Three runs, written by the mapping bluesky-v3")
    with open_catalog(folder / "tiledmap-demo") as catalog:
        plans = [run.metadata["start"]["plan_name"] for run in catalog.client.values()]
        assert sorted(plans) == ["count", "scan", "two_exposures"]


def test_the_scan_has_a_baseline_and_a_monitor(demo):
    folder, _ = demo
    with open_catalog(folder / "tiledmap-demo") as catalog:
        [scan] = [run for run in catalog.client.values() if plan(run) == "scan"]
        assert sorted(scan) == ["baseline", "motor_monitor", "primary"]


def test_the_change_of_configuration_is_kept(demo):
    folder, _ = demo
    with open_catalog(folder / "tiledmap-demo") as catalog:
        [run] = [run for run in catalog.client.values() if plan(run) == "two_exposures"]
        [update] = run["primary"].metadata["_config_updates"]
        assert update["configuration"]["cell"]["data"]["cell_exposure"] == 0.5


def test_the_line_that_reads_it_back_works_as_printed(demo):
    folder, result = demo
    line = result.stdout.rstrip().splitlines()[-1]
    read = subprocess.run(
        [sys.executable, "-c", line], cwd=folder, capture_output=True, text=True, check=False
    )
    assert read.returncode == 0, read.stderr
    assert "detector" in read.stdout


@pytest.mark.parametrize("mapping", ["bluesky-streams", "bluesky-2024"])
def test_other_layouts_can_be_seen_and_read_back(tiledmap, tmp_path, mapping):
    result = tiledmap("demo", "--mapping", mapping, "elsewhere")
    assert result.returncode == 0, result.stderr
    line = result.stdout.rstrip().splitlines()[-1]
    read = subprocess.run(
        [sys.executable, "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert read.returncode == 0, read.stderr
    assert "time" in read.stdout


def test_a_missing_extra_is_said_with_the_command_that_brings_it(tmp_path):
    # An import that finds nothing stands for a package that is not installed.
    script = (
        "import sys; sys.modules['ophyd'] = None; "
        "sys.argv = ['tiledmap', 'demo']; from tiledmap.cli import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "tiledmap: the demo needs the package 'ophyd', which is not installed",
        "  pip install 'tiledmap[bluesky]'",
    ]


def plan(run):
    return run.metadata["start"]["plan_name"]
