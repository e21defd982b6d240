from tests.faults.absent import try_absence


def test_what_was_scanned_while_the_server_was_away_is_all_there_afterwards() -> None:
    absence = try_absence(scans=2, points=10)
    assert absence.documents == 2 * (10 + 3)
    assert absence.left == 0
    assert absence.different == {}
