"""What tiledmap logs, as a test looks at it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class _Texts(logging.Handler):
    """Keeps the texts of warnings and errors."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextmanager
def logged_texts() -> Iterator[list[str]]:
    """Keep the warnings and errors that tiledmap logs until the block ends; nobody else is told."""
    handler, logger = _Texts(), logging.getLogger("tiledmap")
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield handler.texts
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
