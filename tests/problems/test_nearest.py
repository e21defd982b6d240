from hypothesis import given
from hypothesis import strategies as st

from tiledmap.problems.nearest import did_you_mean, meant

WORDS = st.text(st.characters(exclude_characters="'", exclude_categories=["Cs"]), min_size=1)


@given(WORDS, st.text(), st.text())
def test_the_word_that_is_asked_for_is_found_again(word: str, before: str, after: str) -> None:
    asked = did_you_mean(word, [word])
    assert meant(asked) == word
    assert meant(f"{before.replace('did', '')}\n{asked}\n{after}") == word


def test_where_nothing_is_near_nothing_is_meant() -> None:
    assert did_you_mean("units", ["zebra"]) == ""
    assert meant("write it as 'units'") is None
