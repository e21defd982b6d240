import pytest

from tests.faults.memory import Server, measure

SPARE = 100 << 20
"""More than an interpreter and its libraries differ by, less than the events would take."""


@pytest.mark.parametrize("server", ["there", "away"])
def test_memory_does_not_grow_with_events(server: Server) -> None:
    found = measure(100_000, 10, server, True)
    assert found.accepted == 100_003
    assert found.whole < found.early + SPARE


def test_a_queue_has_an_end() -> None:
    found = measure(1_000_000, 10, "away", False)
    assert found.accepted < 1_000_000
