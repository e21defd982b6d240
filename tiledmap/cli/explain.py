"""``tiledmap explain``: where a field goes, where a node comes from, what a problem means."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tiledmap.cli.loading import load
from tiledmap.cli.mistakes import Mistake
from tiledmap.cli.options import OverlayOption, SetOption, TreeFormat
from tiledmap.cli.terminal import console

if TYPE_CHECKING:
    from tiledmap.outline.explain import PlaceExplained


def explain(
    mapping: Annotated[
        str,
        typer.Argument(
            metavar="MAPPING",
            help="A YAML file, or the name of a shipped mapping. Not needed for a problem's code.",
        ),
    ],
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="WHAT",
            help="A field, as descriptor.data_keys.*.units; a path in the tree, as "
            "/primary/internal/det; or a problem's code, as TM203.",
        ),
    ] = None,
    settings: SetOption = None,
    overlays: OverlayOption = None,
    format: Annotated[
        TreeFormat, typer.Option("--format", help="For people or for programs.")
    ] = TreeFormat.TEXT,
) -> None:
    """Say where a field goes, where a node comes from, or what a problem means.

    A path begins below the run, or at the top of the catalog; the last step may be a column of a
    table, and any step a glob.
    """
    asked = mapping if what is None else what
    if _is_code(asked):
        _explain_code(asked.upper(), format)
    elif what is None:
        raise Mistake(
            f"explain what of {mapping!r}?",
            "name a field, as  descriptor.data_keys.*.units\n"
            "or a path,        as  /primary/internal/det\n"
            "or a problem,     as  TM203",
        )
    else:
        _explain(mapping, what, settings, overlays, format)


def _explain(
    mapping: str,
    what: str,
    settings: SetOption,
    overlays: OverlayOption,
    format: TreeFormat,
) -> None:
    from tiledmap.cli.explaining import draw_field, draw_place, python_of
    from tiledmap.outline.explain import FieldExplained, UnexplainedError, as_json
    from tiledmap.outline.explain import explain as explain_what

    loaded = load(mapping, settings, overlays)
    try:
        explained: FieldExplained | PlaceExplained = explain_what(
            loaded.resolved, loaded.outline, what
        )
    except UnexplainedError as error:
        raise Mistake(error.message, error.hint) from None
    if format is TreeFormat.JSON:
        said = as_json(explained)
        if not isinstance(explained, FieldExplained):
            for each, found in zip(said["found"], explained.found, strict=True):
                each["python"] = list(python_of(loaded.outline, found, what))
        typer.echo(json.dumps(said, indent=2, ensure_ascii=False))
    elif isinstance(explained, FieldExplained):
        draw_field(console(sys.stdout), loaded.outline, explained)
    else:
        draw_place(console(sys.stdout), loaded.outline, explained)


def _is_code(text: str) -> bool:
    return text[:2].upper() == "TM" and text[2:].isdigit()


def _explain_code(code: str, format: TreeFormat) -> None:
    """Print the page of a problem's code."""
    from tiledmap.problems.codes import CODES
    from tiledmap.problems.nearest import did_you_mean
    from tiledmap.resources import problem_page

    if code not in CODES:
        raise Mistake(f"there is no problem {code}", did_you_mean(code, CODES))
    text = problem_page(code)
    if format is TreeFormat.JSON:
        kind = CODES[code]
        said = {"code": code, "title": kind.title, "severity": kind.severity.value, "page": text}
        typer.echo(json.dumps(said, indent=2, ensure_ascii=False))
    elif sys.stdout.isatty():
        from rich.markdown import Markdown

        console(sys.stdout).print(Markdown(text))
    else:
        typer.echo(text.rstrip("\n"))
