"""Some of the runs that ``python -m tests.faults proxy`` writes by the thousand."""

from tests.faults.fault_proxy import Fault
from tests.faults.proxy import try_proxy
from tests.faults.trials import draw_seed


def test_not_one_row_is_lost_or_doubled_by_a_network_at_fault() -> None:
    outcome = try_proxy(200, draw_seed())

    assert set(outcome.happened) == set(Fault), outcome
    assert not outcome.different, outcome
