"""What an event costs does not grow unnoticed."""

import os

import pytest

from benchmarks.instructions import TOLERANCE, UncountedError, count, growth, interpreter


def test_an_event_takes_no_more_instructions_than_it_did() -> None:
    try:
        counted = count()
    except UncountedError as error:
        pytest.fail(str(error)) if os.environ.get("CI") else pytest.skip(str(error))
    more = growth(counted)
    if more is None:
        pytest.skip(f"there is no baseline for {interpreter()}")
    assert more <= TOLERANCE, f"an event takes {more:.1%} more: {counted}"
