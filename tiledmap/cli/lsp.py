"""``tiledmap lsp``: the language server, for editors."""

import sys
from typing import Annotated

import typer

from tiledmap.cli.mistakes import Mistake, missing_package


def lsp(
    stdio: Annotated[
        bool,
        typer.Option("--stdio", help="As editors ask for it; there is no other way."),
    ] = False,
) -> None:
    """Serve an editor: problems as you type, explanations, completion, what is inherited.

    It speaks the language server protocol over standard input and output; an editor starts it.
    """
    if sys.stdin.isatty():
        raise Mistake(
            "this is for editors: one starts it and talks to it",
            "see docs/how-to/edit-in-an-editor.md; for problems here: tiledmap validate FILE",
        )
    try:
        from tiledmap.editor.server import serve
    except ModuleNotFoundError as error:
        raise missing_package(error, "the language server", "lsp") from None
    serve()
