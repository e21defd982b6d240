"""The application: every verb, and what all of them share."""

import errno
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import tiledmap
from tiledmap.cli.compile import compile_mapping
from tiledmap.cli.coverage import coverage
from tiledmap.cli.demo import demo
from tiledmap.cli.diff import diff
from tiledmap.cli.docs import docs
from tiledmap.cli.explain import explain
from tiledmap.cli.fmt import fmt
from tiledmap.cli.ingest import ingest
from tiledmap.cli.init import init
from tiledmap.cli.list import list_mappings
from tiledmap.cli.lsp import lsp
from tiledmap.cli.mistakes import PROBLEMS_FOUND, Mistake
from tiledmap.cli.options import examples, unwrapped
from tiledmap.cli.preflight import preflight
from tiledmap.cli.preview import preview
from tiledmap.cli.replay import replay
from tiledmap.cli.schema import schema
from tiledmap.cli.show import show
from tiledmap.cli.status import status
from tiledmap.cli.terminal import use_color, width
from tiledmap.cli.test import run_tests
from tiledmap.cli.validate import validate
from tiledmap.problems import MappingError

INTERRUPTED = 130

_NO_TO_A_NAME = (errno.EACCES, errno.ENAMETOOLONG)
"""Why not even the existence of a file can be told."""

BEGINNING = "To begin"
WRITING = "To write a mapping"
LOOKING = "To look at one"
RUNNING = "To write runs with it"


class Verbs(TyperGroup):
    """Runs a verb, and says in words what would otherwise end in a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb that was asked for."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                _flush()
        except MappingError as error:
            _print_problems(error)
            raise typer.Exit(PROBLEMS_FOUND) from None
        except Mistake as mistake:
            typer.echo(str(mistake), err=True)
            raise typer.Exit(mistake.exit_code) from None
        except KeyboardInterrupt:
            typer.echo("\nstopped", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            _write_no_more()
            raise typer.Exit(0) from None  # whoever read the output has seen enough
        except OSError as error:
            if error.errno == errno.ENOSPC:
                _write_no_more()
                fault = Mistake(f"not all could be written: {error.strerror}")
            elif error.errno in _NO_TO_A_NAME and error.filename is not None:
                fault = Mistake(f"'{error.filename}': {str(error.strerror).lower()}")
            else:
                raise
            typer.echo(str(fault), err=True)
            raise typer.Exit(fault.exit_code) from None


def _flush() -> None:
    """Write what is held back, so that a full disk is told of while there is someone to tell."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _write_no_more()  # and exit as the verb says


def _write_no_more() -> None:
    """Let nothing be flushed into an output at exit that takes nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_problems(error: MappingError) -> None:
    from tiledmap.problems.formats import format_text

    text = format_text(error.problems, color=use_color(sys.stderr), width=width(sys.stderr))
    typer.echo(text, err=True, color=True)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tiledmap {tiledmap.__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=Verbs,
    name="tiledmap",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "tiledmap demo                     # see it work, in ./tiledmap-demo",
        "tiledmap init --documents run.jsonl -o smi.yaml",
        "tiledmap validate smi.yaml        # every mistake, before anything runs",
        "tiledmap preview smi.yaml --documents run.jsonl",
    ),
)


@app.callback()
def tiledmap_command(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Say in YAML how Bluesky documents are stored in Tiled.

    A MAPPING is a YAML file, or the name of a shipped one: see [b]tiledmap list[/b].
    Exit codes: 0 fine, 1 problems found, 2 wrong use.
    """


app.command(
    "init",
    rich_help_panel=BEGINNING,
    epilog=examples(
        "tiledmap init --documents run.jsonl -o my-beamline.yaml",
        "tiledmap init --documents runs/*.jsonl.gz --extends resources -o smi.yaml",
        "tiledmap init --ci my-mappings   # a repository, with its checks",
    ),
)(init)
app.command(
    "validate",
    rich_help_panel=WRITING,
    epilog=examples(
        "tiledmap validate smi.yaml",
        "tiledmap validate mappings/ --strict",
        "tiledmap validate smi.yaml --set max_array_size=16 --overlay smi-dev.yaml",
        "tiledmap validate smi.yaml --format sarif > tiledmap.sarif",
    ),
)(validate)
app.command(
    "show",
    rich_help_panel=LOOKING,
    epilog=examples(
        "tiledmap show smi.yaml              # the tree that it makes",
        "tiledmap show smi.yaml --plan       # what happens to each document",
        "tiledmap show smi.yaml --resolved   # with nothing inherited left",
        "tiledmap show smi.yaml --origin     # and which file says each line",
        "tiledmap show smi.yaml --format json",
    ),
)(show)
app.command(
    "explain",
    rich_help_panel=LOOKING,
    epilog=examples(
        "tiledmap explain smi.yaml descriptor.data_keys.*.units  # goes where?",
        "tiledmap explain smi.yaml /primary/internal/det         # comes from where?",
        "tiledmap explain smi.yaml 'start[\"my field\"]' --format json",
        "tiledmap explain TM203                                  # means what?",
    ),
)(explain)
app.command(
    "coverage",
    rich_help_panel=LOOKING,
    epilog=examples(
        "tiledmap coverage smi.yaml",
        "tiledmap coverage smi.yaml --documents runs/*.jsonl  # rules in use",
        "tiledmap coverage smi.yaml --format html > coverage.html",
    ),
)(coverage)
app.command(
    "diff",
    rich_help_panel=LOOKING,
    epilog=examples(
        "tiledmap diff smi-1.2.yaml smi.yaml",
        "tiledmap diff smi-1.2.yaml smi.yaml --documents runs/*.jsonl",
        "tiledmap diff smi-1.2.yaml smi.yaml --fail-on READER --fail-on VERSION   # in CI",
    ),
)(diff)
app.command(
    "preview",
    rich_help_panel=LOOKING,
    epilog=examples(
        "tiledmap preview smi.yaml --documents run.jsonl",
        "tiledmap preview bluesky-v3 --documents run.jsonl.gz --format json",
    ),
)(preview)
app.command(
    "test",
    rich_help_panel=WRITING,
    epilog=examples(
        "tiledmap test smi.yaml                          # what smi.test.yaml says",
        "tiledmap test smi.yaml --record runs/pilatus.jsonl",
        "tiledmap test smi.yaml -k pilatus --update      # expect what is found now",
        "tiledmap test mappings/ --junit tests.xml",
    ),
)(run_tests)
app.command(
    "fmt",
    rich_help_panel=WRITING,
    epilog=examples(
        "tiledmap fmt smi.yaml",
        "tiledmap fmt mappings/ --check          # for CI",
        "tiledmap fmt - < smi.yaml               # for an editor",
    ),
)(fmt)
app.command(
    "compile",
    rich_help_panel=RUNNING,
    epilog=examples(
        "tiledmap compile smi.yaml -o smi_writer.py",
        "tiledmap compile smi.yaml -o smi_writer.py --check   # for CI: is it current?",
    ),
)(compile_mapping)
app.command(
    "preflight",
    rich_help_panel=RUNNING,
    epilog=examples(
        "tiledmap preflight smi.yaml --to https://tiled.example.org/api/v1 --api-key-env SMI_KEY",
        "tiledmap preflight smi.yaml --to http://localhost:8000 --documents run.jsonl",
        "tiledmap preflight smi.yaml --to http://localhost:8000 --root /data --tag pass-1",
    ),
)(preflight)
app.command(
    "ingest",
    rich_help_panel=RUNNING,
    epilog=examples(
        "tiledmap ingest smi.yaml --documents run1.jsonl run2.jsonl.gz",
        "tiledmap ingest smi.yaml --documents runs/*.jsonl --to ./catalog",
        "tiledmap ingest smi.yaml --documents run.msgpack --to https://tiled.example.org/api/v1"
        " --api-key-env SMI_KEY",
    ),
)(ingest)
app.command(
    "status",
    rich_help_panel=RUNNING,
    epilog=examples(
        "tiledmap status /data/spool",
        "tiledmap status /data/spool --watch",
        "tiledmap status /data/spool --format json   # for a monitor; exits with 1 if runs failed",
    ),
)(status)
app.command(
    "replay",
    rich_help_panel=RUNNING,
    epilog=examples(
        "tiledmap replay /data/spool",
        "tiledmap replay /data/spool --mapping smi.yaml --to https://tiled.example.org/api/v1"
        " --api-key-env SMI_KEY",
        "tiledmap replay /data/spool --run 5f9c1f2e-7a3b-4c83-a1e1-0d2f6d0c9a11 --close-unfinished",
    ),
)(replay)
app.command("list", rich_help_panel=BEGINNING, epilog=examples("tiledmap list"))(list_mappings)
app.command(
    "schema",
    rich_help_panel=WRITING,
    epilog=examples(
        "tiledmap schema -o mapping-v1.schema.json",
        "# then, in an editor, as the first line of a mapping:",
        "# yaml-language-server: $schema=mapping-v1.schema.json",
    ),
)(schema)
app.add_typer(docs, name="docs", rich_help_panel=LOOKING)
app.command(
    "lsp",
    rich_help_panel=WRITING,
    epilog=examples(
        "tiledmap lsp   # what an editor runs; see docs/how-to/edit-in-an-editor.md",
    ),
)(lsp)
app.command(
    "demo",
    rich_help_panel=BEGINNING,
    epilog=examples("tiledmap demo", "tiledmap demo --mapping bluesky-streams ./somewhere"),
)(demo)

for verb in (*app.registered_commands, *docs.registered_commands):
    assert verb.callback is not None
    verb.help = unwrapped(verb.callback)
