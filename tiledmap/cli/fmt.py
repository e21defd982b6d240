"""``tiledmap fmt``: mappings in their canonical order and style."""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tiledmap.cli.files import write_text
from tiledmap.cli.mistakes import PROBLEMS_FOUND, Mistake
from tiledmap.cli.options import find_files, find_mappings
from tiledmap.cli.terminal import use_color, width

if TYPE_CHECKING:
    from tiledmap.language.nodes import Node
    from tiledmap.language.yaml_source import Source
    from tiledmap.problems import Problem

STANDARD_INPUT = "-"
_NO_NEWLINE = "\\ No newline at end of file\n"


def fmt(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Mappings, files of tests, directories of them; - reads one and prints it.",
        ),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 1 where something would be.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="As --check, and print what would be changed.")
    ] = False,
) -> None:
    """Write mappings in their canonical order and style.

    Keys stand in the order of the language, rules and comments stay where they are. What a mapping
    says does not change. A file that is no mapping is left as it is; exits with 1 then.
    """
    if STANDARD_INPUT in files:
        if len(files) > 1:
            raise Mistake("- stands for one mapping, and alone")
        changed, failed = _standard_input(check=check, diff=diff)
    else:
        changed, failed = _files(list(_named(files)), check=check, diff=diff)
    if failed or (changed and (check or diff)):
        raise typer.Exit(PROBLEMS_FOUND)


def _named(names: Sequence[str]) -> Iterator[Path]:
    """Yield the files that were named, and those that directories hold."""
    from tiledmap.testing.cases.find import case_files

    for name in names:
        path = Path(name)
        if name and path.is_dir():
            tests = case_files(path)
            try:
                yield from map(Path, find_mappings(name))
            except Mistake:
                if not tests:
                    raise
            yield from tests
        else:
            yield from find_files([path])


def _files(paths: list[Path], *, check: bool, diff: bool) -> tuple[bool, bool]:
    """Format files; whether any was not as it should be, and whether any could not be formatted."""
    from tiledmap.language.yaml_source import read_source

    changed: list[Path] = []
    failed: list[Path] = []
    for path in dict.fromkeys(paths):
        source, problems = read_source(path)
        formatted = _formatted(source, problems)
        if formatted is None or source is None:
            failed.append(path)
        elif formatted.encode() != path.read_bytes():
            changed.append(path)
            if diff:
                typer.echo(_difference(source, formatted), nl=False)
            elif check:
                typer.echo(f"{path} is not formatted")
            else:
                write_text(path, formatted)
                typer.echo(f"formatted {path}")
    if not diff:
        same = len(set(paths)) - len(changed) - len(failed)
        typer.echo(
            f"{_count(len(changed))} {'to format' if check else 'formatted'}, {same} as before"
        )
    return bool(changed), bool(failed)


def _count(files: int) -> str:
    return f"{files} file{'' if files == 1 else 's'}"


def _standard_input(*, check: bool, diff: bool) -> tuple[bool, bool]:
    from tiledmap.language.yaml_source import read_source

    content = sys.stdin.buffer.read()
    source, problems = read_source(content, "<stdin>")
    formatted = _formatted(source, problems)
    if formatted is None or source is None:
        return False, True
    changed = formatted.encode() != content
    if diff and changed:
        typer.echo(_difference(source, formatted), nl=False)
    elif not (diff or check):
        typer.echo(formatted, nl=False)
    return changed, False


def _formatted(source: "Source | None", problems: "list[Problem]") -> str | None:
    """The canonical text; None where there is none, once it has been said why."""
    from tiledmap.language.format import format_source
    from tiledmap.problems.formats import format_text

    text = None
    if source is not None and not problems:
        cls = _statement(source)
        if cls is not None:
            text, problems = format_source(source, cls)
        else:
            problems = [_foreign(source)]
    if problems:
        sources = {source.file: source.text} if source is not None else None
        color, columns = use_color(sys.stderr), width(sys.stderr)
        shown = format_text(problems, sources, color=color, width=columns)
        typer.echo(shown, err=True, color=True)
        return None
    return text


def _statement(source: "Source") -> "type[Node] | None":
    """Tell by its first words what a file is; None where it is none of our business."""
    from tiledmap.language.nodes import Mapping
    from tiledmap.language.yaml_source import MappingNode
    from tiledmap.testing.cases.statements import CaseFileStatement

    says = source.root.get if isinstance(source.root, MappingNode) else lambda _: None
    if says("tiledmap_test") is not None:
        return CaseFileStatement
    return Mapping if says("tiledmap") is not None else None


def _foreign(source: "Source") -> "Problem":
    from tiledmap.problems import Problem

    message = "this is neither a mapping nor a file of tests"
    hint = "a mapping says  tiledmap: 1\na file of tests  tiledmap_test: 1"
    return Problem("TM011", source.characters.span(0, 0), message, hint=hint)


def _difference(source: "Source", formatted: str) -> str:
    from difflib import unified_diff

    if source.text == formatted:
        return f"{source.file}: only how lines end, or a mark before the first one\n"
    before, after = (re.findall(".*\n|.+", text) for text in (source.text, formatted))
    lines = unified_diff(before, after, source.file, f"{source.file}, formatted")
    return "".join(line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}" for line in lines)
