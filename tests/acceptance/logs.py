"""What was logged."""

import logging

import pytest


def errors_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Messages of all errors."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
