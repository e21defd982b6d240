"""Every problem code has a mapping that has the problem, and the text that explains it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.golden import assert_golden
from tiledmap.api import examine
from tiledmap.problems import CODES
from tiledmap.problems.formats import format_text
from tiledmap.testing import read_cases, run_case

INVALID = Path(__file__).parent / "mappings" / "invalid"
CASES = sorted(path.name for path in INVALID.iterdir())
OF_TESTS = "TM6"
"""What problems of a mapping's own tests begin with; what the mappings themselves have does not."""


def options(folder: Path) -> dict[str, Any]:
    path = folder / "options.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found


def test_every_code_has_a_mapping() -> None:
    assert sorted(CODES) == CASES


@pytest.mark.parametrize("code", [code for code in CASES if not code.startswith(OF_TESTS)])
def test_the_problem_is_explained(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = INVALID / code
    monkeypatch.chdir(folder)
    examined = examine("mapping.yaml", **options(folder))
    assert code in {problem.code for problem in examined.problems}
    assert_golden(folder / "expected.txt", format_text(examined.problems, examined.sources))


@pytest.mark.parametrize("code", [code for code in CASES if code.startswith(OF_TESTS)])
def test_the_problem_of_a_test_is_explained(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = INVALID / code
    monkeypatch.chdir(folder)
    cases, problems = read_cases("mapping.test.yaml")
    outcomes = [run_case(case) for case in cases]
    problems += [problem for outcome in outcomes for problem in outcome.problems]
    assert {problem.code for problem in problems} == {code}
    assert_golden(folder / "expected.txt", format_text(problems))
