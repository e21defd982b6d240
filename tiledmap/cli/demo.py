"""``tiledmap demo``: a real scan, written through a mapping into a real catalog."""

import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tiledmap.cli.destination import open_destination
from tiledmap.cli.loading import load
from tiledmap.cli.mistakes import PROBLEMS_FOUND, Mistake, missing_package
from tiledmap.cli.options import OverlayOption, SetOption
from tiledmap.cli.terminal import console, silent_log

if TYPE_CHECKING:
    from rich.console import Console

    from tiledmap.runtime import Writer
    from tiledmap.sinks.tree import TreeNode

    Scans = Callable[[Writer], list[str]]

MOST_COLUMNS = 6


def demo(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the catalog is kept.")
    ] = Path("tiledmap-demo"),
    mapping: Annotated[
        str,
        typer.Option("--mapping", metavar="MAPPING", help="A YAML file, or a shipped mapping."),
    ] = "bluesky-v3",
    settings: SetOption = None,
    overlays: OverlayOption = None,
) -> None:
    """Run three simulated scans and write them through a mapping; show what was written.

    The catalog stays in DIR. Edit the mapping and run it again, to see the layout change.
    """
    loaded = load(mapping, settings, overlays)
    out = console(sys.stdout)
    with console(sys.stderr).status("Running three simulated scans …") as waiting:
        run_all = _scans()
        with open_destination(str(directory)) as client:
            runs = _run(loaded.writer(client, on_error="raise"), run_all)
            waiting.stop()
            out.print(f"Three runs, written by the mapping {loaded.name} {loaded.version}:\n")
            _show(out, client, runs, directory)


def _scans() -> "Scans":
    try:
        from tiledmap.cli.demo_runs import run_all
    except ModuleNotFoundError as error:
        raise missing_package(error, "the demo", "server,bluesky") from error
    return run_all


def _run(writer: "Writer", run_all: "Scans") -> list[str]:
    """Run the scans; return the uids of their runs."""
    from tiledmap.runtime import WriteError

    try:
        # What fails here is the writing, and that is said once, below.
        with silent_log("bluesky", "tiledmap"), writer:
            return run_all(writer)
    except WriteError as error:
        raise Mistake("a run could not be written", str(error), PROBLEMS_FOUND) from error


def _show(out: "Console", client: Any, runs: Collection[str], directory: Path) -> None:
    from tiledmap.cli.drawing import draw
    from tiledmap.display.nodes import branches_of_nodes
    from tiledmap.sinks.tree import find_runs, tree_of_client

    nodes = [(path, tree_of_client(node, "/".join(path))) for path, node in find_runs(client, runs)]
    draw(out, str(directory), branches_of_nodes(node for _, node in nodes))
    tables = [found for path, node in nodes for found in _tables(node, path)]
    if tables:
        # The widest table says most; of equals, the first.
        path, _ = max(tables, key=lambda found: len(found[1].columns))
        _show_rows(out, client, path)
        _show_how_to_read(out, client, path, directory)


def _tables(
    node: "TreeNode", path: tuple[str, ...]
) -> "Iterator[tuple[tuple[str, ...], TreeNode]]":
    if node.family == "table":
        yield path, node
    for child in node.children:
        yield from _tables(child, (*path, child.key))


def _show_rows(out: "Console", client: Any, path: tuple[str, ...]) -> None:
    from tiledmap.sinks.tree import descend

    rows = descend(client, path).read().head()
    shown = [name for name in rows.columns if not name.startswith("ts_")][:MOST_COLUMNS]
    text = rows[shown].to_string(
        index=False, float_format="{:.6g}".format, formatters={"time": "{:.3f}".format}
    )
    out.print(f"\nThe first rows of {'/'.join(path)}:\n", text, sep="\n", markup=False)


def _show_how_to_read(out: "Console", client: Any, path: tuple[str, ...], directory: Path) -> None:
    """Print the line of Python that reads the stream, or where it has no reader, the table."""
    from tiledmap.sinks.tree import descend

    stream = path[:-1]
    whole = any(spec.name == "BlueskyEventStream" for spec in descend(client, stream).specs)
    keys = "".join(f"[{key!r}]" for key in (stream if whole else path))
    line = (
        "from tiledmap.sinks.embedded import open_catalog; "
        f"print(open_catalog({str(directory.resolve())!r}).client{keys}.read())"
    )
    out.print("\nTo read it back, in Python:\n")
    out.print(line, markup=False, soft_wrap=True)
