"""What is known of the terminal, if there is one."""

import io
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

Handler = TypeVar("Handler", bound=logging.Handler)


def write_anything() -> None:
    """Let the output take every character; one that its encoding lacks is written as an escape.

    What is written to an output that was closed goes nowhere.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def use_color(stream: TextIO) -> bool:
    """Whether colours should be written: a terminal that was not asked to go without."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width(stream: TextIO) -> int | None:
    """Return the columns of a terminal, or None where the output goes elsewhere."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


UNBROKEN = 100_000
"""Columns where no line is broken."""


def console(stream: TextIO) -> "Console":
    """Return a rich console on a stream: in colour on a terminal, plain anywhere else.

    A program reads lines: they are broken for a terminal, or where ``COLUMNS`` says how wide.
    """
    from rich.console import Console

    class Lines(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # whoever runs the verb knows what to do; rich would exit

    colorful = use_color(stream)
    broken = stream.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return Lines(
        file=stream,
        width=None if broken else UNBROKEN,
        force_terminal=colorful,
        no_color=not colorful,
        highlight=False,
        emoji=False,
        soft_wrap=False,
    )


class PlainLog(logging.Handler):
    """Shows what is logged as a line beside the output, without a traceback."""

    errors = 0

    def __init__(self, source: str = "") -> None:
        super().__init__(logging.WARNING)
        self._source = f"{source}: " if source else ""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, and count it where it tells of an error."""
        self.errors += record.levelno >= logging.ERROR
        level = record.levelname.lower()
        print(f"{self._source}{level}: {_message(record)}", file=sys.stderr)


@contextmanager
def silent_log(*names: str) -> Iterator[None]:
    """Log nothing by these names until the block ends: what fails is said in another way."""
    levels = {logger: logger.level for logger in map(logging.getLogger, names)}
    for logger in levels:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


class KeptLog(logging.Handler):
    """Keeps what is logged, for whoever says it in another way."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message, once."""
        if (message := _message(record)) not in self.messages:
            self.messages.append(message)


def _message(record: logging.LogRecord) -> str:
    """What is logged, which may quote documents: a terminal must not obey them."""
    from tiledmap.problems.excerpt import printable

    return "\n".join(map(printable, record.getMessage().split("\n")))


@contextmanager
def shown_log(source: str = "") -> Iterator[PlainLog]:
    """Show warnings and errors of tiledmap as lines, until the block ends.

    Parameters
    ----------
    source
        What they are of, where there is more than one thing that they may be of.
    """
    with _logged_to(PlainLog(source)) as log:
        yield log


@contextmanager
def kept_log() -> Iterator[list[str]]:
    """Keep the messages of warnings and errors of tiledmap, until the block ends."""
    with _logged_to(KeptLog()) as log:
        yield log.messages


@contextmanager
def _logged_to(log: Handler) -> Iterator[Handler]:
    logger = logging.getLogger("tiledmap")
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(log)
    try:
        yield log
    finally:
        logger.removeHandler(log)
        logger.propagate = propagate
