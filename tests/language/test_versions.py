import pytest

from tiledmap.language.versions import RangeError, admits


@pytest.mark.parametrize(
    ("range_", "inside", "outside"),
    [
        ("^3", "3.9.1", "4.0.0"),
        ("^3.2", "3.2.0", "3.1.9"),
        ("^0.2", "0.2.7", "0.3.0"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("^0", "0.9.0", "1.0.0"),
        ("~1.2", "1.2.9", "1.3.0"),
        ("~1.2.3", "1.2.3", "1.2.2"),
        ("~1", "1.9.0", "2.0.0"),
        (">=1.20,<2", "1.20.0", "2.0.0"),
        (">=1, ^1.3", "1.3.0", "1.2.0"),
        ("~=1.4", "1.5.0", "2.0.0"),
        ("1.2.0", "1.2.0", "1.2.1"),
        ("1.2.*", "1.2.5", "1.3.0"),
        ("^3", "3.0.0", "4.0.0-rc.1"),
        ("^1", "1.0.0-nightly+5", "2.0.0-nightly"),
    ],
)
def test_a_range_admits_what_it_says(range_: str, inside: str, outside: str) -> None:
    assert admits(range_, inside)
    assert not admits(range_, outside)


@pytest.mark.parametrize("range_", ["", "^", "^x", "latest", ">=", "3 or 4"])
def test_what_is_no_range_is_refused(range_: str) -> None:
    with pytest.raises(RangeError):
        admits(range_, "1.0.0")
