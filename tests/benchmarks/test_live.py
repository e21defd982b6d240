from benchmarks.live import Scan, scan_and_follow
from benchmarks.targets import open_target
from benchmarks.writers import tiledmap_writer


def test_a_row_is_as_late_as_the_first_answer_that_has_it() -> None:
    scan = Scan(
        called=[1.0, 2.0, 3.0],
        held=[0, 0, 0],
        seen=[(0, 0), (2.5, 2), (4.0, 3)],
        requests=5,
        seconds=4,
    )
    assert scan.delays() == [1.5, 0.5, 1.0]


def test_a_reader_sees_every_row() -> None:
    with open_target("served") as target:
        scan = scan_and_follow(target.new_place(), target.files, tiledmap_writer, 0.2)
    assert len(scan.called) == len(scan.held) == 10
    assert scan.seen[-1][1] == 10
    assert all(delay > 0 for delay in scan.delays())
    assert scan.requests >= 4
