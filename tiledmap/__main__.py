"""Run the command line: ``python -m tiledmap``."""

from tiledmap.cli import main

main()
