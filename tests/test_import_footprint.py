"""What is loaded, and what is not: a generated writer brings no compiler, validation no Tiled."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import tiledmap

REPORT = "import sys, json; print(json.dumps(sorted(sys.modules)))"


def loaded_by(script: str, cwd: Path) -> set[str]:
    """The modules that a fresh interpreter has loaded after a script."""
    result = subprocess.run(
        [sys.executable, "-c", f"{script}\n{REPORT}"],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(result.stdout.splitlines()[-1]))


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    """A directory with a generated module, ``bluesky_writer``."""
    source = tiledmap.load("bluesky-v3").compile()
    (tmp_path / "bluesky_writer.py").write_text(source, "utf-8")
    return tmp_path


def test_a_generated_writer_loads_the_runtime_and_nothing_else_of_ours(generated):
    ours = {
        name
        for name in loaded_by("import bluesky_writer", generated)
        if name.partition(".")[0] == "tiledmap"
    }
    assert "tiledmap.runtime" in ours
    assert all(name == "tiledmap" or name.startswith("tiledmap.runtime") for name in ours), ours


@pytest.mark.parametrize(
    "package",
    [
        *("yaml", "typer", "rich", "pydantic", "jinja2", "tiled"),
        *("pyarrow.compute", "importlib.metadata", "hashlib"),  # each is slow to load
    ],
)
def test_a_generated_writer_does_not_load(generated, package):
    assert package not in loaded_by("import event_model, bluesky_writer", generated)


def test_the_package_itself_loads_nothing(tmp_path):
    ours = {name for name in loaded_by("import tiledmap", tmp_path) if "tiledmap" in name}
    assert ours == {"tiledmap"}


@pytest.mark.parametrize("package", ["tiled", "rich", "pyarrow", "jinja2", "bluesky", "dask"])
def test_validating_does_not_load(tmp_path, package):
    script = (
        "import sys\n"
        "sys.argv = ['tiledmap', 'validate', 'bluesky-v3']\n"
        "from tiledmap.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code"
    )
    assert package not in loaded_by(script, tmp_path)


def test_formatting_does_not_load_what_writes(tmp_path):
    script = (
        "import sys\n"
        "sys.argv = ['tiledmap', 'fmt', 'mine.yaml', 'tests']\n"
        "from tiledmap.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code"
    )
    (tmp_path / "mine.yaml").write_text("tiledmap: 1\nname: mine\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "mine.test.yaml").write_text("tiledmap_test: 1\ntests: []\n")
    modules = loaded_by(script, tmp_path)
    assert "tiledmap.testing.cases.statements" in modules
    assert not {"tiledmap.runtime", "tiled", "pyarrow", "jinja2", "rich"} & modules


def test_help_does_not_load_the_compiler(tmp_path):
    modules = loaded_by("import tiledmap.cli.app", tmp_path)
    assert not {"tiledmap.api", "tiledmap.language", "rich", "tiled"} & modules
