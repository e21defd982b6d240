"""pytest collects a facility's files of tests, and shows what differs as tiledmap itself does."""

import sys
from pathlib import Path

import pytest

from tests.testing.cases import write_facility

pytest_plugins = ["pytester"]

TESTS = """\
    expect:
      raw/run-1/primary/image: {dtype: float64}
  - name: refused
    settings: {max_columns: 1}
    expect_problem: TM026
"""


@pytest.fixture
def facility(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with a mapping, its tests, other YAML and a test of Python."""
    # Other plugins that are installed take seconds to load, in each session anew.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p tiledmap.testing.plugin")
    write_facility(pytester.path, TESTS)
    (pytester.path / "other.test.yaml").write_text("a: tiledmap_test\n")
    pytester.makepyfile("def test_python(): pass")
    return pytester


def test_a_facilitys_tests_are_items_and_what_differs_is_underlined(
    facility: pytest.Pytester,
) -> None:
    result = facility.runpytest("-v")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*mine.test.yaml::a run FAILED*",
            "*mine.test.yaml::refused PASSED*",
            "mine.test.yaml:*: error TM600: dtype of 'raw/run-1/primary/image' is uint16",
            "*raw/run-1/primary/image: {dtype: float64}",
            "*^^^^^^^ found uint16",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*runtest*")


def test_one_test_can_be_asked_for(facility: pytest.Pytester) -> None:
    facility.runpytest("mine.test.yaml::refused").assert_outcomes(passed=1)


def test_a_file_with_mistakes_is_an_error_of_collection(facility: pytest.Pytester) -> None:
    path = facility.path / "mine.test.yaml"
    path.write_text(path.read_text().replace("expect:", "expects:"))
    result = facility.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*error TM005: the key 'expects' is not known here"])


def test_a_project_without_such_files_loads_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_python(): pass")
    Path(pytester.path / "other.test.yaml").write_text("a: 1\n")
    pytester.makeconftest(
        """
        import sys

        def pytest_unconfigure():
            print("loaded:", sorted(name for name in sys.modules if name.startswith("tiledmap")))
        """
    )
    result = pytester.run(sys.executable, "-m", "pytest", "-s")
    result.stdout.fnmatch_lines(
        ["loaded: [[]'tiledmap', 'tiledmap.testing', 'tiledmap.testing.plugin']"]
    )
