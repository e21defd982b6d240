"""Every problem code has a mapping that has the problem, and the text that explains it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.golden import assert_golden
from tiledmap.api import examine
from tiledmap.problems import CODES
from tiledmap.problems.formats import format_text

INVALID = Path(__file__).parent / "mappings" / "invalid"
CASES = sorted(path.name for path in INVALID.iterdir())


def options(folder: Path) -> dict[str, Any]:
    path = folder / "options.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found


def test_every_code_has_a_mapping() -> None:
    assert sorted(CODES) == CASES


@pytest.mark.parametrize("code", CASES)
def test_the_problem_is_explained(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = INVALID / code
    monkeypatch.chdir(folder)
    examined = examine("mapping.yaml", **options(folder))
    assert code in {problem.code for problem in examined.problems}
    assert_golden(folder / "expected.txt", format_text(examined.problems, examined.sources))
