"""``tiledmap validate``: everything that is wrong with mappings."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from tiledmap.cli.mistakes import PROBLEMS_FOUND
from tiledmap.cli.options import OverlayOption, SetOption, find_files, find_mappings, parse_settings
from tiledmap.cli.terminal import use_color, width
from tiledmap.problems import Problem, Severity, rank


class Format(StrEnum):
    """How problems are printed."""

    TEXT = "text"
    CONCISE = "concise"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def validate(
    mappings: Annotated[
        list[str],
        typer.Argument(
            metavar="MAPPING...",
            help="YAML files, names of shipped mappings, or directories to look for mappings in.",
        ),
    ],
    settings: SetOption = None,
    overlays: OverlayOption = None,
    format: Annotated[
        Format, typer.Option("--format", help="For people, for scripts or for code hosting.")
    ] = Format.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail, too.")] = False,
) -> None:
    """Prove that mappings make sense, or say everything that is wrong with them.

    Nothing is contacted and nothing is run. Exits with 1 where there are errors.
    """
    from tiledmap import api

    values = parse_settings(settings)
    over = find_files(overlays)
    problems: list[Problem] = []
    sources: dict[str, str] = {}
    names = [name for given in mappings for name in find_mappings(given)]
    for name in names:
        examined = api.examine(name, settings=values, overlays=over)
        problems += examined.problems
        sources |= examined.sources
    problems = rank(problems)
    if text := _format(problems, sources, format, len(names)):
        typer.echo(text, color=True)
    if any(strict or problem.severity is Severity.ERROR for problem in problems):
        raise typer.Exit(PROBLEMS_FOUND)


def _format(problems: list[Problem], sources: dict[str, str], format: Format, mappings: int) -> str:
    import tiledmap
    from tiledmap.problems import formats
    from tiledmap.problems.sarif import format_sarif

    match format:
        case Format.TEXT if not problems:
            return f"{mappings} mapping{'' if mappings == 1 else 's'}, no problems"
        case Format.TEXT:
            color, columns = use_color(sys.stdout), width(sys.stdout)
            return formats.format_text(problems, sources, color=color, width=columns)
        case Format.CONCISE:
            return formats.format_concise(problems)
        case Format.JSON:
            return formats.format_json(problems)
        case Format.GITHUB:
            return formats.format_github(problems)
        case Format.SARIF:
            return format_sarif(problems, version=tiledmap.__version__)
