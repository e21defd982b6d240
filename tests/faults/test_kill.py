"""Some of the kills that ``python -m tests.faults kill`` makes by the hundred."""

from tests.faults.kill import try_kill
from tests.faults.trials import draw_seed


def test_not_one_row_is_lost_or_doubled_by_kills() -> None:
    outcome = try_kill(50, draw_seed())

    assert not outcome.different, outcome
