"""pytest's plugin: a ``NAME.test.yaml`` that begins with ``tiledmap_test:`` is a file of tests.

It is there as soon as tiledmap is installed; ``-p no:tiledmap`` turns it off. Nothing of tiledmap
but this module is loaded before such a file is met.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tiledmap.testing.cases.read import Case
    from tiledmap.testing.cases.run import Outcome

_BEGINNING = 4096
_SAYS = b"tiledmap_test:"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "CaseFile | None":
    """Collect a file of tests."""
    if file_path.name.endswith(".test.yaml") and _is_case_file(file_path):
        return CaseFile.from_parent(parent, path=file_path)
    return None


def _is_case_file(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            lines = file.read(_BEGINNING).splitlines()
    except OSError:
        return False
    return any(line.startswith(_SAYS) for line in lines)


class CaseFile(pytest.File):
    """A file of tests."""

    def collect(self) -> Iterable["CaseItem"]:
        """Yield its tests, or say what is wrong with it."""
        from tiledmap.problems import MappingError
        from tiledmap.testing.cases.find import shown
        from tiledmap.testing.cases.read import load_cases

        try:
            cases = load_cases(shown(self.path))
        except MappingError as error:
            raise self.CollectError(str(error)) from None
        for case in cases:
            yield CaseItem.from_parent(self, name=case.name, case=case)


class CaseItem(pytest.Item):
    """A test of a mapping."""

    def __init__(self, *, case: "Case", **options: Any) -> None:
        super().__init__(**options)
        self.case = case

    def runtest(self) -> None:
        """Run the test."""
        from tiledmap.testing.cases.run import run_case

        outcome = run_case(self.case)
        if not outcome.passed:
            raise CaseFailed(outcome)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show how what was found differs, at the lines that expect something else."""
        if isinstance(excinfo.value, CaseFailed):
            return str(excinfo.value.outcome)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Say where the test stands."""
        return self.path, self.case.line - 1, self.name


class CaseFailed(Exception):  # noqa: N818  (a verdict, as pytest's own)
    """Something else was found than a test expects."""

    def __init__(self, outcome: "Outcome") -> None:
        super().__init__(outcome)
        self.outcome = outcome
