"""``tiledmap docs``: a site on mappings, which needs no server and no network."""

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tiledmap.cli import recordings
from tiledmap.cli.mistakes import PROBLEMS_FOUND, Mistake, missing_package
from tiledmap.cli.options import (
    OverlayOption,
    SetOption,
    examples,
    find_files,
    find_mappings,
    parse_settings,
    with_options,
)
from tiledmap.cli.terminal import console, kept_log, use_color, width

if TYPE_CHECKING:
    from tiledmap.api import LoadedMapping
    from tiledmap.check.examine import Examined
    from tiledmap.docgen.errors import SiteError
    from tiledmap.docgen.mapping_pages import Documented
    from tiledmap.docgen.values import Page, Site

docs = typer.Typer(no_args_is_help=True)


@dataclass(frozen=True)
class SiteOptions:
    """What both verbs are told of a site, as the command line gives it."""

    mappings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MAPPING",
            help="YAML files, names of shipped mappings, or directories to look for mappings in.",
        ),
    ] = None
    everything: Annotated[bool, typer.Option("--all", help="Every shipped mapping, too.")] = False
    pages: Annotated[
        Path | None,
        typer.Option(
            "--pages",
            metavar="DIR",
            help="Pages of your own: a directory of Markdown, in the order of its contents.yaml.",
        ),
    ] = None
    results: Annotated[
        Path | None,
        typer.Option(
            "--results",
            metavar="DIR",
            help="Results of the benchmarks, to draw the figures of those pages.",
        ),
    ] = None
    documents: Annotated[
        list[str] | None,
        typer.Option(
            "--documents",
            metavar="NAME=FILE",
            help="Recorded documents to show what the mapping of that name makes of them; "
            "or a directory of recordings that are named after mappings. May be repeated.",
        ),
    ] = None
    title: Annotated[
        str | None, typer.Option("--title", metavar="TEXT", help="What the site is called.")
    ] = None
    settings: SetOption = None
    overlays: OverlayOption = None


@dataclass(frozen=True)
class Wanted:
    """What a site should show."""

    mappings: tuple[str, ...]
    documents: dict[str, list[Path]]
    named: frozenset[str]
    """Mappings for which documents were given by name; others may not be there."""
    pages: Path | None
    results: Path | None
    title: str | None
    settings: dict[str, str]
    overlays: tuple[Path, ...]


@docs.callback()
def docs_command() -> None:
    """Make a site on mappings: what each makes, where every field goes, and the reference."""


@docs.command(
    "build",
    epilog=examples(
        "tiledmap docs build smi.yaml",
        "tiledmap docs build mappings/ --pages docs -o site --title 'Data at SMI'",
        "tiledmap docs build smi.yaml --documents smi=run.jsonl   # with an example run",
    ),
)
@with_options(SiteOptions)
def build_site(
    asked: SiteOptions,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Where to write it; a site that is there goes."
        ),
    ] = Path("site"),
) -> None:
    """Write a site that can be read from a directory, a USB stick or any web server.

    It shows each mapping's tree, nodes and lineage, event-model's documents, and the reference of
    the language. Nothing in it is fetched from elsewhere.

    Exits with 1 where a mapping has errors or a link leads nowhere; the site that is there stays.
    """
    from tiledmap.docgen.errors import SiteError
    from tiledmap.docgen.site import build, may_replace, write

    if not may_replace(output):
        raise Mistake(
            f"'{output}' holds something else than a site that tiledmap made",
            "name a directory that is new, or empty",
        )
    wanted = _wanted(asked)
    try:
        site = _assemble(wanted)
        with _progress(len(site.pages)) as made:
            files = build(site, made)
    except SiteError as error:
        raise Mistake(_in_words(error), exit_code=PROBLEMS_FOUND) from None
    try:
        write(files, output)
    except OSError as error:
        raise Mistake(f"'{output}' cannot be written: {error.strerror or error}") from None
    typer.echo(f"{len(site.pages):,} pages: {output / 'index.html'}")


@docs.command(
    "serve",
    epilog=examples(
        "tiledmap docs serve smi.yaml",
        "tiledmap docs serve mappings/ --pages docs --port 8001",
    ),
)
@with_options(SiteOptions)
def serve_site(
    asked: SiteOptions,
    host: Annotated[
        str, typer.Option("--host", metavar="NAME", help="Which address to listen at.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            "--port",
            metavar="NUMBER",
            min=0,
            max=65_535,
            help="Which port; 0 for any that is free.",
        ),
    ] = 8000,
) -> None:
    """Show the site in a browser while you write: it follows every change of a file.

    A mapping with errors is told of in the terminal; the pages stay as they were.
    """
    try:
        from tiledmap.docgen.serving import serve
    except ModuleNotFoundError as error:
        raise missing_package(error, "docs serve", "docs") from None
    wanted = _wanted(asked)
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise Mistake(f"cannot listen at {host}:{port}: {error.strerror or error}") from None
    with listener:
        files = _make(wanted)
        address, taken, *_ = listener.getsockname()
        typer.echo(f"http://{address}:{taken}/   stop with Ctrl-C")
        serve(files, partial(_make_again, wanted), partial(_folders, wanted), listener)


# What is wanted


def _wanted(asked: SiteOptions) -> Wanted:
    from tiledmap.resources import shipped_mappings

    names = [name for given in asked.mappings or () for name in find_mappings(given)]
    if asked.everything:
        names += shipped_mappings()
    if not names and asked.pages is None:
        raise Mistake("there is nothing to show", "name mappings, or say --all or --pages DIR")
    for folder in (asked.pages, asked.results):
        if folder is not None and not folder.is_dir():
            raise Mistake(f"there is no directory '{folder}'")
    recorded: dict[str, list[Path]] = {}
    named = set()
    for text in asked.documents or ():
        name, equals, file = text.partition("=")
        if equals:
            named.add(name)
            recorded.setdefault(name, []).extend(find_files([Path(file)]))
        elif Path(text).is_dir():
            for path in _recordings(Path(text)):
                recorded.setdefault(path.name.partition(".")[0], []).append(path)
        else:
            raise Mistake(f"--documents takes NAME=FILE or a directory, not {text!r}")
    mappings = tuple(dict.fromkeys(names))
    if (asked.settings or asked.overlays) and len(mappings) != 1:
        raise Mistake("--set and --overlay are for a site on one mapping")
    return Wanted(
        mappings,
        recorded,
        frozenset(named),
        asked.pages,
        asked.results,
        asked.title,
        parse_settings(asked.settings),
        tuple(find_files(asked.overlays)),
    )


def _recordings(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_file() and recordings.is_named_as_one(path):
            yield path


def _folders(wanted: Wanted) -> frozenset[Path]:
    """Every folder that is there with something that the site is made of."""
    return frozenset(folder for folder in _sources(wanted) if folder.is_dir())


def _sources(wanted: Wanted) -> Iterator[Path]:
    for examined in _examine(wanted):
        for file in examined.sources:
            if Path(file).is_file():
                yield Path(file).parent
    for path in (path for paths in wanted.documents.values() for path in paths):
        yield path.parent
    if wanted.pages is not None:
        yield wanted.pages
        yield from (path for path in wanted.pages.rglob("*") if path.is_dir())
    if wanted.results is not None:
        yield wanted.results


# How it is made


def _make(wanted: Wanted) -> dict[str, bytes]:
    from tiledmap.docgen.errors import SiteError
    from tiledmap.docgen.site import build

    try:
        return build(_assemble(wanted))
    except SiteError as error:
        raise Mistake(_in_words(error), exit_code=PROBLEMS_FOUND) from None


def _make_again(wanted: Wanted) -> dict[str, bytes] | None:
    """Make the site; where it cannot be made, say so, and return nothing."""
    try:
        files = _make(wanted)
    except Mistake as mistake:
        typer.echo(str(mistake), err=True)
        return None
    except typer.Exit:
        return None
    typer.echo("made anew")
    return files


def _assemble(wanted: Wanted) -> "Site":
    from tiledmap.docgen.assembly import assemble

    mappings = _load(wanted)
    if unknown := sorted(wanted.named - {mapping.name for mapping in mappings}):
        known = ", ".join(mapping.name for mapping in mappings) or "none"
        raise Mistake(f"--documents: no mapping is named {unknown[0]!r}", f"named are: {known}")
    documented = [_documented(mapping, wanted) for mapping in mappings]
    return assemble(documented, title=wanted.title, pages=wanted.pages, results=wanted.results)


def _documented(mapping: "LoadedMapping", wanted: Wanted) -> "Documented":
    """Collect what the pages of a mapping show, with what it makes of documents.

    What of an example cannot be stored, such as files that lie elsewhere, is no fault of the site:
    it is noted in a line.
    """
    files = wanted.documents.get(mapping.name, ())
    with kept_log() as lacks:
        made = mapping.documented(document for path in files for document in recordings.read(path))
    if lacks:
        more = f" (and {len(lacks) - 1} more; `tiledmap preview` tells all)" if lacks[1:] else ""
        typer.echo(f"note: the example run of {mapping.name}: {lacks[0]}{more}", err=True)
    return made


def _load(wanted: Wanted) -> list["LoadedMapping"]:
    """Load the mappings, and print what is wrong with them as `validate` does."""
    from tiledmap import api
    from tiledmap.problems import rank
    from tiledmap.problems.formats import format_text

    examined = _examine(wanted)
    problems = rank([problem for each in examined for problem in each.problems])
    if problems:
        sources = {file: text for each in examined for file, text in each.sources.items()}
        text = format_text(problems, sources, color=use_color(sys.stderr), width=width(sys.stderr))
        typer.echo(text, err=True, color=True)
    if any(each.has_errors for each in examined):
        raise typer.Exit(PROBLEMS_FOUND)
    return [api.LoadedMapping(each) for each in examined]


def _examine(wanted: Wanted) -> list["Examined"]:
    from tiledmap import api

    return [
        api.examine(name, settings=wanted.settings, overlays=wanted.overlays)
        for name in wanted.mappings
    ]


def _in_words(error: "SiteError") -> str:
    first, *others = error.faults
    return "\n".join([f"the site cannot be made: {first}", *others])


@contextmanager
def _progress(pages: int) -> "Iterator[Callable[[Page], None]]":
    """Show how many pages are made, on a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    shown = Progress(
        *columns, console=console(sys.stderr), transient=True, disable=not sys.stderr.isatty()
    )
    with shown as bar:
        task = bar.add_task("pages", total=pages)
        yield lambda page: bar.advance(task)
