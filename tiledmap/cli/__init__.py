"""The command line, one verb per file. What a verb needs is imported when it runs."""

import gc

_OBJECTS_AT_ONCE = 50_000
"""Most of what a command makes, it keeps; to look for garbage often takes a tenth of its time."""


def main() -> None:
    """Run the command line, as the ``tiledmap`` script does."""
    gc.set_threshold(_OBJECTS_AT_ONCE)
    from tiledmap.cli.app import app
    from tiledmap.cli.terminal import write_anything

    write_anything()
    app(prog_name="tiledmap")
