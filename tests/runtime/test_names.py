from hypothesis import given
from hypothesis import strategies as st

from tiledmap.runtime.names import is_column_name, node_key_problem, safe_names

NAMES = st.text(max_size=80) | st.sampled_from(
    [
        "a",
        "A",
        "ts_a",
        "ts_ts_a",
        "time",
        "Time",
        "seq_num",
        "internal",
        "internal_0",
        "rowid",
        "1",
        "_x",
    ]
)


@given(st.lists(NAMES, unique=True, max_size=8))
def test_all_names_in_the_end_are_storable_and_none_is_taken_twice(names: list[str]) -> None:
    new = safe_names(names, taken=("uid",))
    final = [new.get(name, name) for name in names]
    columns = [column.casefold() for name in final for column in (name, f"ts_{name}")]
    assert len(set(columns)) == len(columns)
    assert not {"time", "seq_num", "internal", "rowid", "uid"} & set(columns)
    for name in final:
        assert is_column_name(name)
        assert is_column_name(f"ts_{name}")
        assert node_key_problem(name) is None


@given(st.lists(NAMES, unique=True, max_size=8))
def test_renaming_is_the_same_each_time(names: list[str]) -> None:
    assert safe_names(names) == safe_names(names)


def test_reserved_names_get_an_underscore() -> None:
    assert safe_names(["time", "seq_num", "det"]) == {"time": "time_", "seq_num": "seq_num_"}


def test_no_data_key_is_taken_for_a_column_of_timestamps() -> None:
    assert safe_names(["a", "ts_a"]) == {"ts_a": "key_ts_a"}


def test_upper_and_lower_case_are_one_name() -> None:
    assert safe_names(["Det", "det"]) == {"det": "det_2"}


def test_a_name_that_is_fine_is_kept_before_one_that_is_not() -> None:
    assert safe_names(["a%b", "a_b"]) == {"a%b": "a_b_2"}


def test_a_node_may_begin_with_a_digit_and_a_column_may_not() -> None:
    names = ["4-element SDD"]
    assert safe_names(names, in_table=lambda name: False) == {}
    assert safe_names(names) == {"4-element SDD": "key_4-element SDD"}


def test_what_tiled_cannot_reach_is_no_node_key() -> None:
    for key in ("", ".", "..", "a/b", "a?", "a#", "a%20", "a\n", "k" * 256, "\ud800"):
        assert node_key_problem(key)
    for key in ("ü ,:;&='\"{}", "streams", "1", "k" * 255):
        assert node_key_problem(key) is None
