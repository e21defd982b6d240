"""What tiledmap logs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class _Texts(logging.Handler):
    """Keeps the texts of all that is logged, from warnings on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextmanager
def logged_texts() -> Iterator[list[str]]:
    """What tiledmap logs in the meantime."""
    handler, logger = _Texts(), logging.getLogger("tiledmap")
    logger.addHandler(handler)
    try:
        yield handler.texts
    finally:
        logger.removeHandler(handler)
