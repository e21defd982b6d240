"""The layers, as import-linter sees them, and the one place where Tiled is imported."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tiledmap"
MAY_IMPORT_TILED = re.compile(r"sinks/(embedded|server|tiled/\w+)\.py")


def imported(path: Path) -> set[str]:
    """The top-level packages that a module imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import():
                names |= {alias.name.partition(".")[0] for alias in node.names}
            case ast.ImportFrom(module=str(module), level=0):
                names.add(module.partition(".")[0])
    return names


def test_imports_run_downward_only():
    lint = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_architecture_page_has_every_layer_and_package():
    page = (ROOT / "docs" / "explanations" / "architecture.md").read_text("utf-8")
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    [layers] = [each["layers"] for each in contracts["contracts"] if each["type"] == "layers"]
    assert " → ".join(layers).replace("tiledmap.", "") in " ".join(page.split())
    described = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert described == packages | {"api", "resources"}


def test_only_the_sinks_that_talk_to_tiled_import_it():
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "tiled" in imported(path)
    }
    assert found
    assert all(map(MAY_IMPORT_TILED.fullmatch, found)), found


def test_the_runtime_imports_nothing_of_ours_but_itself():
    for path in (PACKAGE / "runtime").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tiledmap"):
                # The Tiled sink is loaded where a Tiled client is given, inside a function.
                assert node.module.startswith(("tiledmap.runtime", "tiledmap.sinks")), path


def test_rich_is_for_the_command_line():
    found = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        if imported(path) & {"rich", "typer"}
    }
    assert found == {"cli"}
