import pytest

from tests.reading import read_expression
from tiledmap.check.typing import infer, present_if, presumed, what_is_wrong_with_pattern
from tiledmap.documents.fields import data_key_type, document_type
from tiledmap.documents.types import ANY, INTEGER, NEVER, Field, Type
from tiledmap.language.expressions import Path
from tiledmap.problems import Problem

ADDED = {
    "properties": {
        "edge": {"type": "string"},
        "sample_name": {"type": "string"},
        "energy": {"type": "number"},
        "session": {"type": "string"},
        "dark": {"type": "boolean"},
        "peaks": {"type": "array", "items": {"type": "number"}},
        "tags": {"type": "array", "items": {"type": "string"}},
        "crystal": {
            "type": "object",
            "properties": {"cut": {"type": "string"}, "d": {"type": ["number", "null"]}},
            "required": ["d"],
        },
    },
    "required": ["session", "energy", "dark", "tags", "peaks", "crystal"],
}
SCOPE = {
    "start": document_type("start", ADDED),
    "descriptor": document_type("descriptor"),
    "data_key": data_key_type(document_type("descriptor")),
    "settings": Type(frozenset({"object"}), properties={"limit": Field(INTEGER, True)}),
    "value": ANY,
}


def problems(source: str) -> list[Problem]:
    return infer(read_expression(source), SCOPE)[1]


def codes(source: str) -> list[str]:
    return [problem.code for problem in problems(source)]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("start.uid", "text"),
        ("'a' + start.uid", "text"),
        ("settings.limit + 1", "integer"),
        ("settings.limit / 1", "number"),
        ("settings.limit // 2 % 3", "integer"),
        ("start.energy * 2", "number"),
        ("-settings.limit", "integer"),
        ("start.tags + ['x']", "list of text"),
        ("[1, 'a']", "list of text or integer"),
        ("[]", "list"),
        ("start.dark and not has(start.edge)", "boolean"),
        ("1 < start.energy <= 3", "boolean"),
        ("'a' in start.tags", "boolean"),
        ("'a' in start.uid", "boolean"),
        ("default(start.edge, 'K')", "text"),
        ("default(start.edge, 0)", "text or integer"),
        ("default(start.crystal.d, 0)", "number"),
        ("first(start.edge, start.sample_name, 'x')", "text"),
        ("first(start.edge, start.uid)", "text"),
        ("start.edge if has(start.edge) else 'none'", "text"),
        ("split(start.uid, '-')[0]", "text"),
        ("str(value)", "text"),
        ("float(value) * 2", "number"),
        ("value == 3", "boolean"),
        ("data_key.size", "integer"),
        ("matches(start.uid, '^a+b{2}$')", "boolean"),
    ],
)
def test_a_right_expression_has_a_type(source: str, words: str) -> None:
    found, wrong = infer(read_expression(source), SCOPE)
    assert wrong == []
    assert str(found) == words


@pytest.mark.parametrize(
    ("source", "code", "label"),
    [
        ("event.seq_num", "TM200", ""),
        ("strat.uid", "TM200", "did you mean 'start'?"),
        ("start.uidd", "TM201", "did you mean 'uid'?"),
        ("start.crystal.ctu", "TM202", "did you mean 'cut'?"),
        ("settings.limt", "TM201", "did you mean 'limit'?"),
        ("start.uid.x", "TM207", ""),
        ("start.uid[0]", "TM207", ""),
        ("slug('a')[0]", "TM207", ""),
        ("'a' + settings.limit", "TM204", ""),
        ("settings.limit + 'a'", "TM204", ""),
        ("'a' * 3", "TM204", ""),
        ("'%s' % start.uid", "TM204", ""),
        ("start.dark + 1", "TM204", ""),
        ("value * 2", "TM204", ""),
        ("not start.uid", "TM204", ""),
        ("start.uid or 'x'", "TM204", ""),
        ("start.uid == 3", "TM204", ""),
        ("data_key.dtype == 'arry'", "TM204", "did you mean 'array'?"),
        ("start.energy < 'a'", "TM204", ""),
        ("3 in start.tags", "TM204", ""),
        ("1 if start.uid else 2", "TM205", ""),
        ("default(start.uid, 'x')", "TM208", ""),
        ("slug(start.energy)", "TM104", ""),
        ("pad(1)", "TM104", ""),
        ("pad(1, 2, 3)", "TM104", ""),
        ("has(1)", "TM104", ""),
        ("default(first(start.edge, start.uid), 'x')", "TM104", ""),
        ("join(start.peaks, ',')", "TM104", ""),
        ("slug(value)", "TM104", ""),
        ("matches(start.uid, start.session)", "TM104", ""),
        ("matches(start.uid, '(')", "TM108", ""),
        ("matches(start.uid, '(a+)+$')", "TM108", ""),
        ("first(start.edge, start.sample_name)", "TM203", ""),
        ("start.edge == 'K'", "TM203", "event-model"),
        ("start.peaks[0] + 1", "TM203", "shorter"),
    ],
)
def test_a_wrong_expression_has_one_problem(source: str, code: str, label: str) -> None:
    (problem,) = problems(source)
    assert problem.code == code
    assert label in problem.label or "source" in problem.label


def test_what_may_be_absent_is_said_with_three_ways_out() -> None:
    (problem,) = problems("slug(start.sample_name)")
    assert problem.message == "'start.sample_name' may be absent"
    assert problem.label == "source declares it, but does not require it; slug() needs text"
    assert problem.hint.splitlines() == [
        "say what then:      default(start.sample_name, 'unnamed')",
        "or only if there:   when: has(start.sample_name)",
        "or refuse such runs: source: start: required: [sample_name]",
    ]


def test_a_mistake_is_not_followed_by_others() -> None:
    assert codes("slug(start.uidd + 3) + lower(event.x * 2)") == ["TM201", "TM200"]


def test_every_mistake_of_an_expression_is_found() -> None:
    assert codes("slug(start.edge) + pad(start.uid, 'a')") == ["TM203", "TM104", "TM104"]


# ---------------------------------------------------------------- narrowing


@pytest.mark.parametrize(
    "source",
    [
        "has(start.edge) and start.edge == 'K'",
        "not has(start.edge) or start.edge == 'K'",
        "start.edge if has(start.edge) else 'x'",
        "'x' if not has(start.edge) else start.edge",
        "has(start.edge) and (has(start.group) and start.group + start.edge == 'ab')",
        "has(start.crystal.cut) and start.crystal.cut == 'Si'",
        "has(start.crystal.d) and start.crystal.d > 1",
        "has(start.peaks[0]) and start.peaks[0] > 1",
        "(start.edge if has(start.edge) and has(start.group) else 'x') == 'K'",
        "not (not has(start.edge) or not has(start.group)) and start.edge == start.group",
    ],
)
def test_a_guard_makes_a_field_sure_where_it_holds(source: str) -> None:
    assert problems(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "has(start.edge) or start.edge == 'K'",
        "start.edge == 'K' and has(start.edge)",
        "'x' if has(start.edge) else start.edge",
        "not has(start.edge) and start.edge == 'K'",
        "(has(start.edge) or start.dark) and start.edge == 'K'",
        "has(start.group) and start.edge == 'K'",
        "has(start.hints) and default(start.hints.a, 1) == start.hints.b",
    ],
)
def test_a_guard_that_does_not_hold_makes_nothing_sure(source: str) -> None:
    assert codes(source) == ["TM203"]


@pytest.mark.parametrize(
    "source",
    ["has(start.egde) and start.edge == 'K'", "has(strat.edge) and start.edge == 'K'"],
)
def test_a_typo_in_a_guard_is_the_only_problem(source: str) -> None:
    (problem,) = problems(source)
    assert problem.code in {"TM200", "TM201"}


def test_a_guard_shows_the_whole_path() -> None:
    guard = read_expression("has(start.crystal.cut)")
    assert present_if(guard, True, SCOPE) == {
        Path("start", ("crystal",)),
        Path("start", ("crystal", "cut")),
    }
    assert present_if(guard, False, SCOPE) == frozenset()


def test_after_a_guard_that_was_not_read_nothing_is_absent() -> None:
    expr = read_expression("start.edge + descriptor.name")
    assert infer(expr, SCOPE, presumed(SCOPE))[1] == []


def test_what_has_been_reported_fits_everywhere() -> None:
    scope = {**SCOPE, "p": NEVER}
    assert infer(read_expression("slug(p.x) + p[0] * p"), scope)[1] == []


# ---------------------------------------------------------------- patterns


@pytest.mark.parametrize(
    "pattern", ["^[A-Za-z]+[-_ ][K-Z]+$", r"(ab)*", r"(\d{4}-)+", "(a+b){2}", "a?b?", "(?i)x|y+"]
)
def test_a_pattern_without_repeats_inside_repeats_is_safe(pattern: str) -> None:
    assert what_is_wrong_with_pattern(pattern) == ""


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "((a*)b?)*", "(a|b+)*", "(?:x{2,}){3,}", "(?=(a*)*)", "(a+){50}"]
)
def test_a_repeat_inside_a_repeat_is_found(pattern: str) -> None:
    assert "repeat inside a repeat" in what_is_wrong_with_pattern(pattern)


@pytest.mark.parametrize("pattern", ["(", "*", "[z-a]", "(?P<x>a)(?P<x>b)"])
def test_a_pattern_that_is_none_is_found(pattern: str) -> None:
    assert "not a regular expression" in what_is_wrong_with_pattern(pattern)
