"""Outcomes as JUnit XML, which every CI server reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from tiledmap.problems import Problem
from tiledmap.problems.excerpt import printable
from tiledmap.problems.formats import format_text
from tiledmap.testing.cases.run import Outcome


def format_junit(
    outcomes: Mapping[Path, Sequence[Outcome]], unreadable: Mapping[Path, Sequence[Problem]]
) -> str:
    """Format outcomes as JUnit XML: a suite for each file.

    Parameters
    ----------
    outcomes
        By the file of the tests.
    unreadable
        Files that could not be read, and why; each counts as an error.
    """
    top = ElementTree.Element("testsuites", name="tiledmap")
    for path, of_file in outcomes.items():
        _add_suite(top, path, of_file)
    for path, problems in unreadable.items():
        suite = ElementTree.SubElement(top, "testsuite", name=str(path))
        case = ElementTree.SubElement(suite, "testcase", classname=str(path), name="the file")
        case.set("time", "0.000")
        _add_fault(case, "error", problems, format_text(problems))
        _count(suite, tests=1, errors=1)
    suites = top.findall("testsuite")
    for name in ("tests", "failures", "errors"):
        top.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    ElementTree.indent(top)
    return ElementTree.tostring(top, encoding="unicode", xml_declaration=True) + "\n"


def _add_suite(top: ElementTree.Element, path: Path, outcomes: Sequence[Outcome]) -> None:
    suite = ElementTree.SubElement(top, "testsuite", name=str(path))
    for outcome in outcomes:
        case = ElementTree.SubElement(suite, "testcase", classname=str(path), file=str(path))
        case.set("line", str(outcome.case.line))
        case.set("name", printable(outcome.case.name))
        case.set("time", f"{outcome.seconds:.3f}")
        if not outcome.passed:
            _add_fault(case, "failure", outcome.problems, str(outcome))
    failures = sum(not outcome.passed for outcome in outcomes)
    _count(suite, tests=len(outcomes), failures=failures)
    suite.set("time", f"{sum(outcome.seconds for outcome in outcomes):.3f}")


def _add_fault(case: ElementTree.Element, tag: str, problems: Sequence[Problem], text: str) -> None:
    fault = ElementTree.SubElement(case, tag, type=problems[0].code)
    fault.set("message", printable(problems[0].message))
    fault.text = text


def _count(suite: ElementTree.Element, tests: int, failures: int = 0, errors: int = 0) -> None:
    counts = {"tests": tests, "failures": failures, "errors": errors, "skipped": 0}
    for name, count in counts.items():
        suite.set(name, str(count))
    suite.set("time", "0.000")
