from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiledmap.check.globs import combinations, is_glob

GLOBS = st.text(alphabet="ab]-![*?", min_size=1, max_size=6)
TEXTS = st.text(alphabet="ab]-![c", max_size=7)


@given(st.lists(GLOBS, max_size=4), TEXTS)
def test_every_text_fits_a_combination_that_was_found(globs: list[str], text: str) -> None:
    fitting = frozenset(glob for glob in globs if fnmatchcase(text, glob))
    assert fitting in (combinations(globs) or ())


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (["*"], [{"*"}]),
        (["pil*"], [set(), {"pil*"}]),
        (["pil*", "*_image"], [set(), {"pil*"}, {"*_image"}, {"pil*", "*_image"}]),
        (["pil*", "pil1*"], [set(), {"pil*"}, {"pil*", "pil1*"}]),
        (["det?", "det[12]"], [set(), {"det?"}, {"det?", "det[12]"}]),
        (["det[1-3]", "det[!1-3]"], [set(), {"det[1-3]"}, {"det[!1-3]"}]),
        (["a*", "b*"], [set(), {"a*"}, {"b*"}]),
    ],
)
def test_only_combinations_that_some_text_fits_are_found(
    globs: list[str], expected: list[set[str]]
) -> None:
    assert combinations(globs) == frozenset(map(frozenset, expected))


def test_globs_that_are_too_tangled_are_given_up() -> None:
    tangled = [f"*{letter}{'?' * 16}" for letter in "abc"]
    assert combinations(tangled) is None


def test_a_text_without_stars_marks_or_brackets_is_no_glob() -> None:
    assert not is_glob("entry/data/data")
    assert is_glob("det[12]")
