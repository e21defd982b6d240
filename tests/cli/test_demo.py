import os
import signal
import subprocess
import sys

import pytest

from tiledmap.sinks.embedded import open_catalog


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demo in a process of its own, and its directory."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, fresh_python(folder, "-m", "tiledmap", "demo")


def fresh_python(folder, *arguments):
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
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


def test_the_line_that_reads_it_back_works_as_printed(demo, tmp_path):
    _, result = demo
    read = fresh_python(tmp_path, "-c", result.stdout.rstrip().splitlines()[-1])
    assert read.returncode == 0, read.stderr
    assert "detector" in read.stdout


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:ophyd", "ignore::DeprecationWarning:bluesky"
)
def test_other_layouts_can_be_seen_and_read_back(tiledmap, capsys):
    for mapping in ("bluesky-streams", "bluesky-2024"):
        result = tiledmap("demo", "--mapping", mapping, "elsewhere")
        assert result.returncode == 0, result.stderr
        exec(result.stdout.rstrip().splitlines()[-1], {})
        assert "time" in capsys.readouterr().out


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:ophyd", "ignore::DeprecationWarning:bluesky"
)
def test_ctrl_c_in_a_scan_ends_the_demo():
    from tiledmap.cli.demo_runs import run_all

    def press(name, _):
        if name == "descriptor":
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_all(press)


def test_a_missing_extra_is_said_with_the_command_that_brings_it(tmp_path):
    # An import that finds nothing stands for a package that is not installed.
    script = (
        "import sys; sys.modules['ophyd'] = None; "
        "sys.argv = ['tiledmap', 'demo']; from tiledmap.cli import main; main()"
    )
    result = fresh_python(tmp_path, "-c", script)
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "tiledmap: the demo needs the package 'ophyd', which is not installed",
        "  pip install 'tiledmap[server,bluesky]'",
    ]


def plan(run):
    return run.metadata["start"]["plan_name"]
