"""Some of the kills that ``python -m tests.faults kill`` makes by the hundred."""

import pytest

from tests.faults.kill import try_kill
from tests.faults.server import Storage
from tests.faults.trials import draw_seed


@pytest.mark.parametrize(("storage", "kills"), [("sqlite", 12), ("postgresql", 6)])
def test_not_one_row_is_lost_or_doubled_by_kills(storage: Storage, kills: int) -> None:
    outcome = try_kill(kills, draw_seed(), storage=storage)

    assert not outcome.different, outcome
