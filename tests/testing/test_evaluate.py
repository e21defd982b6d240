from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.check.test_typing import ADDED, SCOPE
from tests.reading import Words, read_expression
from tiledmap.check.typing import infer
from tiledmap.documents.types import literal_type
from tiledmap.language.expressions import Expr, parse_text
from tiledmap.problems import Severity
from tiledmap.runtime.functions import AbsentField
from tiledmap.testing.evaluate import RUN_TIME_ERRORS, evaluate, render

START = {
    "uid": "a-b",
    "time": 1.5,
    "session": "pass-1",
    "energy": 8.3,
    "dark": False,
    "tags": ["x", "y"],
    "peaks": [1.0, 2.0],
    "crystal": {"d": None},
}
NAMES = {
    "start": START,
    "settings": {"limit": 3},
    "descriptor": {"uid": "d", "time": 1.0, "run_start": "a-b", "data_keys": {}},
    "data_key": {
        "name": "det",
        "size": 1,
        "ndim": 0,
        "device": "",
        "dtype": "number",
        "dtype_numpy": "<f8",
        "shape": [],
        "source": "x",
    },
    "value": 3,
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("7 // 2 + 7 % 4 - -1", 7),
        ("1 / 2", 0.5),
        ("'a' + start.uid", "aa-b"),
        ("start.tags + ['z']", ["x", "y", "z"]),
        ("1 < 2 < 3", True),
        ("1 < 2 > 3", False),
        ("'x' in start.tags and 'z' not in start.tags", True),
        ("'yes' if start.dark else 'no'", "no"),
        ("split(start.uid, '-')[-1]", "b"),
        ("start.peaks[1]", 2.0),
        ("default(start.crystal.d, 3)", 3),
        ("has(start.crystal.d.x)", False),
        ("start.dark and start.edge == 'K'", False),
    ],
)
def test_an_expression_means_what_python_means(source: str, value: Any) -> None:
    assert evaluate(read_expression(source), NAMES) == value


def test_a_field_that_is_absent_is_named() -> None:
    with pytest.raises(AbsentField, match=r"'start\.edge' is absent"):
        evaluate(read_expression("start.edge"), NAMES)


@pytest.mark.parametrize("source", ["'a' * 9", "'%99d' % 1", "start - 1", "[1] * 2", "'a' + 1"])
def test_operators_take_numbers_whatever_a_document_holds(source: str) -> None:
    with pytest.raises(TypeError, match="does not take"):
        evaluate(read_expression(source), NAMES)


def filled(text: str) -> Any:
    parts, problems = parse_text(Words(text))
    assert not problems
    assert parts is not None
    return render(parts, NAMES)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${{ settings.limit }}", 3),
        ("${{ start.tags }}", ["x", "y"]),
        ("${{ settings.limit }}_${{ start.energy }}", "3_8.3"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_one_hole_keeps_its_value_and_several_make_text(text: str, value: Any) -> None:
    assert filled(text) == value


# ---------------------------------------------------------------- generated expressions

_PLAIN = st.text("aZ9 _-/.", max_size=4).map(repr)


def _texts(depth: int) -> st.SearchStrategy[str]:
    leaves = st.sampled_from(
        [
            "start.uid",
            "start.session",
            "data_key.name",
            "default(start.edge, 'K')",
            "first(start.edge, start.group, start.uid)",
            "(start.edge if has(start.edge) else 'none')",
            "str(value)",
        ]
    )
    if depth == 0:
        return leaves | _PLAIN
    text, number, truth = _texts(depth - 1), _numbers(depth - 1), _truths(depth - 1)
    return st.one_of(
        leaves,
        st.builds("{} + {}".format, text, text).map("({})".format),
        st.builds("{}({})".format, st.sampled_from(["lower", "slug", "basename", "strip"]), text),
        st.builds("replace({}, {}, {})".format, text, text, text),
        st.builds("removeprefix({}, {})".format, text, text),
        st.builds("join(split({}, {}), {})".format, text, text, text),
        st.builds("split({}, {})[{}]".format, text, text, st.integers(-2, 2)),
        st.builds("pad(int({}), {})".format, number, st.integers(-1, 200)),
        st.builds("isoformat({})".format, number),
        st.builds("str({})".format, number),
        st.builds("({} if {} else {})".format, text, truth, text),
    )


def _numbers(depth: int) -> st.SearchStrategy[str]:
    leaves = st.sampled_from(
        ["start.energy", "settings.limit", "data_key.size", "default(start.scan_id, 0)", "0"]
    )
    literals = st.integers(-(2**63) + 1, 2**63 - 1).map(str) | st.floats(
        allow_nan=False, allow_infinity=False
    ).map(repr)
    if depth == 0:
        return leaves | literals
    number = _numbers(depth - 1)
    operator = st.sampled_from(["+", "-", "*", "/", "//", "%"])
    return st.one_of(
        leaves,
        st.builds("({} {} {})".format, number, operator, number),
        st.builds("-({})".format, number),
        st.builds("float({})".format, _texts(depth - 1)),
        st.builds("int({})".format, number),
        st.builds("default(start.peaks[{}], {})".format, st.integers(-3, 3), number),
    )


def _truths(depth: int) -> st.SearchStrategy[str]:
    leaves = st.sampled_from(["start.dark", "has(start.edge)", "has(start.crystal.d)", "True"])
    if depth == 0:
        return leaves
    text, number, truth = _texts(depth - 1), _numbers(depth - 1), _truths(depth - 1)
    compare = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    return st.one_of(
        leaves,
        st.builds("({} {} {})".format, text, compare, text),
        st.builds("({} {} {})".format, number, compare, number),
        st.builds("({} in {})".format, text, text),
        st.builds("({} not in start.tags)".format, text),
        st.builds("({} {} {})".format, truth, st.sampled_from(["and", "or"]), truth),
        st.builds("(not {})".format, truth),
        st.builds("matches({}, '^[a-z]+')".format, text),
        st.builds("bool({})".format, number),
    )


def _fixed(values: dict[str, Any]) -> dict[str, st.SearchStrategy[Any]]:
    return {name: st.just(value) for name, value in values.items()}


_DRAWN_STARTS = st.fixed_dictionaries(
    _fixed(START),
    optional={
        "edge": st.sampled_from(["K", "", None]),
        "group": st.none() | st.just("g"),
        "scan_id": st.integers(-5, 5) | st.none(),
    },
)


def well_typed(source: str) -> Expr | None:
    """The expression, unless the generator asked for something that is always refused."""
    if len(source) > 500:
        return None
    expr = read_expression(source)
    wrong = [p.code for p in infer(expr, SCOPE)[1] if p.severity is Severity.ERROR]
    assert set(wrong) <= {"TM204"}, wrong
    return None if wrong else expr


@settings(max_examples=300, deadline=None)
@given(_texts(3) | _numbers(3) | _truths(3), _DRAWN_STARTS)
def test_a_well_typed_expression_gives_its_type_or_a_documented_error(
    source: str, start: dict[str, Any]
) -> None:
    expr = well_typed(source)
    if expr is None:
        return
    found, _ = infer(expr, SCOPE)
    try:
        value = evaluate(expr, {**NAMES, "start": start})
    except RUN_TIME_ERRORS:
        return
    assert literal_type(value).fits(found)


def test_the_documents_of_these_tests_are_of_their_types() -> None:
    assert set(ADDED["required"]) <= set(START)
