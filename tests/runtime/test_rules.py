"""What generated modules use to write rules down."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiledmap.runtime import first, reshape, same_text


@pytest.mark.parametrize(
    ("shape", "changes", "expected"),
    [
        ([1, 5, None], {}, [1, 5, None]),
        ([7], {"lengths": (1, None, 512)}, [1, None, 512]),
        ([1, 5, 1, None], {"squeeze": True}, [5, None]),
        ([0, 5, None, -1], {"clamp": 1}, [1, 5, None, 1]),
        ([5], {"pad_left": 3}, [1, 1, 5]),
        ([2, 3, 4], {"pad_left": 2}, [2, 3, 4]),
        ([], {"pad_left": 1}, [1]),
        ([1, 0], {"squeeze": True, "clamp": 1, "pad_left": 3}, [1, 1, 1]),
        ([9], {"lengths": (1, 0), "squeeze": True, "clamp": 2, "pad_left": 2}, [1, 2]),
    ],
)
def test_a_shape_is_put_right_in_order(
    shape: list[int | None], changes: dict[str, Any], expected: list[int | None]
) -> None:
    given_shape = list(shape)
    assert reshape(shape, **changes) == expected
    assert shape == given_shape


@given(st.lists(st.none() | st.integers(0, 9), max_size=5), st.integers(1, 5))
def test_padding_keeps_every_length_at_the_end(shape: list[int | None], count: int) -> None:
    padded = reshape(shape, pad_left=count)
    assert len(padded) == max(len(shape), count)
    assert padded[len(padded) - len(shape) :] == shape
    assert set(padded[: len(padded) - len(shape)]) <= {1}


@pytest.mark.parametrize(
    ("text", "patterns", "same"),
    [
        ("PIL100K_HDF5", ("PIL100k_HDF5",), True),
        ("ad_tiff", ("OTHER", "AD_TIFF"), True),
        ("Xsp3_Bulk", ("xsp3*",), True),
        ("xsp4", ("XSP3*",), False),
        ("AD[1]", ("ad[12]",), False),
        ("ad1", ("AD[12]",), True),
        ("STRASSE", ("straße",), True),
        (None, ("*",), False),
    ],
)
def test_specs_are_the_same_in_any_case(text: Any, patterns: tuple[str, ...], same: bool) -> None:
    assert same_text(text, *patterns) is same


def test_the_first_value_that_is_there_is_taken() -> None:
    assert first(None, 0, 1) == 0
    assert first(None, None) is None
