"""Some of the runs that ``python -m tests.faults proxy`` writes by the thousand."""

import pytest

from tests.faults.fault_proxy import Fault
from tests.faults.proxy import try_proxy
from tests.faults.server import Storage
from tests.faults.trials import draw_seed


@pytest.mark.parametrize(("storage", "runs"), [("sqlite", 40), ("postgresql", 15)])
def test_not_one_row_is_lost_or_doubled_by_a_network_at_fault(storage: Storage, runs: int) -> None:
    outcome = try_proxy(runs, draw_seed(), storage=storage)

    assert set(outcome.happened) == set(Fault), outcome
    assert not outcome.different, outcome
