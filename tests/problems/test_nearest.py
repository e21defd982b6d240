import pickle

from hypothesis import given
from hypothesis import strategies as st

from tiledmap.problems import NOWHERE, Problem
from tiledmap.problems.nearest import did_you_mean


@given(st.text())
def test_a_problem_knows_the_word_that_it_asks_for(word: str) -> None:
    asked = did_you_mean(word, [word])
    for problem in (
        Problem("TM005", NOWHERE, "", asked),
        Problem("TM005", NOWHERE, "", hint=asked),
    ):
        suggestion = pickle.loads(pickle.dumps(problem)).suggestion
        assert (suggestion.written, suggestion.meant) == (word, word)
        assert suggestion == f"did you mean '{word}'?"


def test_where_nothing_is_near_nothing_is_asked() -> None:
    assert did_you_mean("units", ["zebra"]) == ""
    assert Problem("TM005", NOWHERE, "", hint="did you mean 'units'?").suggestion is None
