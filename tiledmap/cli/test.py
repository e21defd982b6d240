"""``tiledmap test``: a mapping's own examples."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tiledmap.cli.files import write_text
from tiledmap.cli.mistakes import PROBLEMS_FOUND, Mistake
from tiledmap.cli.options import SetOption, find_files, find_mapping, parse_settings
from tiledmap.cli.terminal import use_color, width

if TYPE_CHECKING:
    from tiledmap.problems import Problem
    from tiledmap.testing.cases.run import Outcome


class Format(StrEnum):
    """How outcomes are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def run_tests(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="MAPPING...",
            help="Mappings whose tests lie beside them, files of tests, or directories.",
        ),
    ],
    keyword: Annotated[
        str, typer.Option("-k", metavar="TEXT", help="Only tests whose name has this in it.")
    ] = "",
    settings: SetOption = None,
    update: Annotated[
        bool,
        typer.Option(
            "--update", help="Expect what was found; comments and order stay. Read the difference!"
        ),
    ] = False,
    record: Annotated[
        list[Path] | None,
        typer.Option(
            "--record",
            metavar="FILE",
            help="Make a new test of recorded documents; may be repeated.",
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Also write JUnit XML.")
    ] = None,
    format: Annotated[
        Format, typer.Option("--format", help="For people, for programs or for code hosting.")
    ] = Format.TEXT,
) -> None:
    """Run a mapping's own tests: documents in, expected nodes out. No server is needed.

    Tests stand in files called NAME.test.yaml. Only lines that expect something else than was found
    are shown. Exits with 1 where a test fails.
    """
    if record:
        if update or len(targets) > 1:
            raise Mistake("--record takes one mapping, or one file of tests, and no --update")
        _record(targets[0], find_files(record), parse_settings(settings))
        return
    report = _run(targets, keyword, parse_settings(settings))
    if update:
        report = _update(report, keyword, parse_settings(settings))
    if text := _format(report, format):
        typer.echo(text, color=True)
    if junit is not None:
        from tiledmap.testing.cases.junit import format_junit

        write_text(junit, format_junit(report.outcomes, report.unreadable))
    if not report.passed:
        raise typer.Exit(PROBLEMS_FOUND)


@dataclass(frozen=True)
class Report:
    """What came of tests, by file."""

    outcomes: dict[Path, list["Outcome"]] = field(default_factory=dict)
    unreadable: "dict[Path, list[Problem]]" = field(default_factory=dict)
    updated: list[Path] = field(default_factory=list)

    @property
    def all(self) -> list["Outcome"]:
        return [outcome for outcomes in self.outcomes.values() for outcome in outcomes]

    @property
    def passed(self) -> bool:
        return not self.unreadable and all(outcome.passed for outcome in self.all)


def _run(targets: Sequence[str], keyword: str, settings: dict[str, str]) -> Report:
    from tiledmap.problems import Severity
    from tiledmap.testing.cases.read import read_cases
    from tiledmap.testing.cases.run import run_case

    report = Report()
    for path in dict.fromkeys(path for target in targets for path in find_case_files(target)):
        cases, problems = read_cases(path)
        if any(problem.severity is Severity.ERROR for problem in problems):
            report.unreadable[path] = problems
        elif chosen := [case for case in cases if keyword.casefold() in case.name.casefold()]:
            report.outcomes[path] = [run_case(case, settings=settings) for case in chosen]
    if not report.outcomes and not report.unreadable:
        raise Mistake(f"no test has {keyword!r} in its name" if keyword else "there is no test")
    return report


def find_case_files(target: str) -> list[Path]:
    """Find the files of tests that a mapping, a directory or a file stands for."""
    from tiledmap.resources import shipped_mappings
    from tiledmap.testing.cases.find import case_files, case_files_of, shown
    from tiledmap.testing.cases.read import SUFFIX

    path = Path(target)
    if target.endswith(SUFFIX):
        return find_files([path])
    if target and path.is_dir():
        found = case_files(path)
        where = f"in '{path}'"
    else:
        name = find_mapping(target)
        mapping = path if path.exists() else shipped_mappings()[name]
        found = case_files_of(mapping)
        where = f"of {target!r}"
    if not found:
        raise Mistake(
            f"there are no tests {where}",
            f"make one from recorded documents: tiledmap test {target} --record run.jsonl",
        )
    return [shown(path) for path in found]


def _update(report: Report, keyword: str, settings: dict[str, str]) -> Report:
    """Rewrite what failed, and run it again."""
    from tiledmap.testing.cases.write import updated

    changed = []
    for path, outcomes in report.outcomes.items():
        source = outcomes[0].case.source
        if (text := updated(source, outcomes)) != source.text:
            write_text(path, text)
            changed.append(path)
    if not changed:
        return report
    again = _run([str(path) for path in report.outcomes], keyword, settings)
    return Report(again.outcomes, report.unreadable | again.unreadable, changed)


def _record(target: str, recordings: Sequence[Path], settings: dict[str, str]) -> None:
    """Write a new test for each recording."""
    from tiledmap.testing.cases.record import TakenNameError, recorded

    path, mapping = _place_of_tests(target)
    for recording in recordings:
        try:
            write_text(path, recorded(path, mapping, recording, settings))
        except TakenNameError as error:
            raise Mistake(f"'{path}' has a test {str(error)!r}", "--update rewrites it") from None
        typer.echo(f"wrote a test of {recording} into {path}; read it before you keep it")


def _place_of_tests(target: str) -> tuple[Path, str]:
    """The file that new tests belong into, and what it calls its mapping."""
    from tiledmap.testing.cases.read import SUFFIX

    path = Path(target)
    if target.endswith(SUFFIX):
        return path, f"./{path.name.removesuffix(SUFFIX)}.yaml"
    name = find_mapping(target)
    if path.exists():
        return path.with_suffix(SUFFIX), f"./{path.name}"
    return Path(f"{name}{SUFFIX}"), name


# ---------------------------------------------------------------- what is printed


def _format(report: Report, format: Format) -> str:
    from tiledmap.problems import formats

    problems = [problem for outcome in report.all for problem in outcome.problems]
    problems += [problem for found in report.unreadable.values() for problem in found]
    match format:
        case Format.TEXT:
            return "\n".join(_text(report))
        case Format.GITHUB:
            return formats.format_github(problems)
        case Format.JSON:
            return json.dumps(_as_json(report), indent=2, ensure_ascii=False)


def _text(report: Report) -> Iterable[str]:
    from tiledmap.problems.formats import format_text

    color, columns = use_color(sys.stdout), width(sys.stdout)

    def page(problems: Sequence["Problem"], sources: Any = None) -> str:
        text = format_text(problems, sources, color=color, width=columns)
        return text.rpartition("\n\n")[0]  # without how many there are

    for path in report.updated:
        yield f"updated {path}; read what changed before you keep it"
    for path, problems in report.unreadable.items():
        yield f"{path}\n\n{page(problems)}\n"
    for path, outcomes in report.outcomes.items():
        yield str(path)
        for outcome in outcomes:
            yield _line(outcome, color)
            if not outcome.passed:
                yield f"\n{page(outcome.problems, outcome.sources)}\n"
    yield _count(report)


def _line(outcome: "Outcome", color: bool) -> str:
    verdict, style = ("ok", "32") if outcome.passed else ("failed", "1;31")
    shown = f"\x1b[{style}m{verdict:<6}\x1b[0m" if color else f"{verdict:<6}"
    return f"  {shown}  {outcome.case.name}"


def _count(report: Report) -> str:
    tests = len(report.all)
    failed = sum(not outcome.passed for outcome in report.all)
    parts = [f"{tests} test{'' if tests == 1 else 's'}", f"{failed} failed" if failed else ""]
    if unreadable := len(report.unreadable):
        parts.append(f"{unreadable} file{'' if unreadable == 1 else 's'} could not be read")
    return ", ".join(filter(None, parts))


def _as_json(report: Report) -> dict[str, Any]:
    from tiledmap.problems.formats import format_json

    def listed(problems: Sequence["Problem"]) -> Any:
        return json.loads(format_json(problems))["problems"]

    return {
        "tests": [
            {
                "file": str(path),
                "line": outcome.case.line,
                "name": outcome.case.name,
                "passed": outcome.passed,
                "problems": listed(outcome.problems),
                "logged": list(outcome.logged),
            }
            for path, outcomes in report.outcomes.items()
            for outcome in outcomes
        ],
        "files": [
            {"file": str(path), "problems": listed(problems)}
            for path, problems in report.unreadable.items()
        ],
        "passed": report.passed,
    }
