"""The command line, one verb per file. What a verb needs is imported when it runs."""


def main() -> None:
    """Run the command line, as the ``tiledmap`` script does."""
    from tiledmap.cli.app import app
    from tiledmap.cli.terminal import write_anything

    write_anything()
    app(prog_name="tiledmap")
