import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tiledmap.problems.codes import CODES
from tiledmap.resources import schema_text, shipped_mappings

ROOT = Path(__file__).parents[1]
PROBE = """
import json, tiledmap.resources as resources
print(json.dumps([
    resources.__file__,
    {name: str(path) for name, path in resources.shipped_mappings().items()},
    json.loads(resources.schema_text("mapping-v1"))["title"],
    sorted(page.stem for page in (resources.reference_folder() / "problems").glob("TM*.md")),
]))
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this repository, unpacked."""
    home = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(home)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
    (wheel,) = home.glob("tiledmap-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(home / "site")
    return home / "site"


def test_a_checkout_has_its_mappings_and_schemas() -> None:
    assert shipped_mappings()["bluesky-v3"] == ROOT / "mappings/bluesky-v3.yaml"
    assert json.loads(schema_text("mapping-v1"))["title"] == "tiledmap mapping, version 1"


def test_mappings_are_found_in_folders_too() -> None:
    written = {path.stem for path in (ROOT / "mappings").rglob("*.yaml")}
    assert set(shipped_mappings()) == {name for name in written if not name.endswith(".test")}


def test_a_wheel_carries_its_mappings_schemas_and_pages(unpacked: Path, tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(unpacked)!r}){PROBE}"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    home, mappings, title, pages = json.loads(done.stdout)
    assert Path(home).is_relative_to(unpacked)
    assert set(mappings) == set(shipped_mappings())
    assert all(Path(path).is_relative_to(unpacked) for path in mappings.values())
    assert title == "tiledmap mapping, version 1"
    assert pages == sorted(CODES)


def test_a_wheel_carries_what_a_new_repository_is_made_of(unpacked: Path, tmp_path: Path) -> None:
    probe = (
        "import tiledmap.authoring.repository as made; print(made.__file__); "
        "print(len(made.repository('p99', '0.1.0')), len(made.example_recording().splitlines()))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(unpacked)!r}); {probe}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    home, counts = done.stdout.splitlines()
    assert Path(home).is_relative_to(unpacked)
    assert counts == "5 6"
