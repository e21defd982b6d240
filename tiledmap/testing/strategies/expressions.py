"""Expressions of the language, as text, that are well typed in their scope.

Their names are those of event-model, of `SOURCE` and of `SETTINGS`.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

from hypothesis import strategies as st

Scope: TypeAlias = tuple[str, ...]
"""The names that an expression can use."""

SOURCE: dict[str, Any] = {
    "start": {
        "properties": {
            "plan_name": {"type": "string"},
            "sample_name": {"type": ["string", "null"]},
            "sample": {
                "type": "object",
                "properties": {"name": {"type": ["string", "null"]}},
            },
            "edge": {"type": "string"},
            "energy": {"type": "number"},
            "participants": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "orcid": {"type": "string"}},
                    "required": ["name"],
                },
            },
            "tiled_access_tags": {"type": "array", "items": {"type": "string"}},
        }
    }
}
"""What the mappings declare under ``source``."""

SETTINGS: dict[str, Any] = {
    "hutch": {"type": "string", "default": "B'1\""},
    "limit": {"type": "integer", "default": 3},
    "factor": {"type": "number", "default": -0.5},
    "dark": {"type": "boolean", "default": True},
}
"""What the mappings declare under ``settings``."""

_TEXT_LITERALS = st.sampled_from(["'a'", "'Ni-K'", "''", "'/'", "'it\\'s'", '"q"', "'{x}'"])
_INTEGER_LITERALS = st.integers(-9, 99).map(str)

_OPTIONAL_TEXT = {
    "start": [
        "start.plan_name",
        "start.sample_name",
        "start.edge",
        "start.sample.name",
        "start.participants[0].orcid",
        "start.participants[-1].name",
    ],
    "descriptor": ["descriptor.name"],
    "data_key": ["data_key.units", "data_key.object_name"],
    "stop": ["stop.reason"],
    "resource": ["resource.path_semantics", "resource.run_start"],
    "stream_resource": ["stream_resource.run_start"],
    "p": ["p.orcid"],
}
_SURE_TEXT = {
    "start": ["start.uid", "settings.hutch"],
    "descriptor": ["descriptor.uid"],
    "data_key": ["data_key.name", "data_key.dtype", "data_key.dtype_numpy"],
    "event": ["event.uid"],
    "stop": ["stop.exit_status"],
    "resource": ["resource.spec", "resource.root", "resource.resource_path"],
    "datum": ["datum.datum_id"],
    "stream_resource": ["stream_resource.uri", "stream_resource.data_key"],
    "p": ["p.name"],
}
_SURE_NUMBERS = {
    "start": ["start.time", "settings.limit", "settings.factor"],
    "descriptor": ["descriptor.time"],
    "data_key": ["data_key.size", "data_key.ndim"],
    "event": ["event.seq_num", "event.time"],
    "timestamp": ["timestamp"],
    "stop": ["stop.time"],
    "index": ["index"],
}
_OPTIONAL_NUMBERS = {"start": ["start.energy", "start.scan_id"]}
_SURE_TRUTHS = {"start": ["settings.dark", "True", "False"]}


def _calls(form: str, *arguments: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*arguments).map(lambda texts: form.format(*texts))


def _of_scope(table: Mapping[str, Sequence[str]], scope: Scope) -> st.SearchStrategy[str]:
    paths = [path for root in scope for path in table.get(root, ())]
    return st.sampled_from(paths) if paths else st.nothing()


@cache
def texts(scope: Scope = ("start",)) -> st.SearchStrategy[str]:
    """Expressions that give text."""
    sure = _of_scope(_SURE_TEXT, scope) | _TEXT_LITERALS
    optional = _of_scope(_OPTIONAL_TEXT, scope)
    leaves = (
        sure
        | _calls("default({}, {})", optional, sure)
        | _calls("first({}, {}, {})", optional, optional, sure)
        | st.tuples(optional, sure).map(lambda pair: "({0} if has({0}) else {1})".format(*pair))
    )

    def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return (
            _calls("slug({})", inner)
            | _calls("upper({})", inner)
            | _calls("strip({})", inner)
            | _calls("removeprefix({}, {})", inner, inner)
            | _calls("replace({}, 'a', {})", inner, inner)
            | _calls("split({}, '-')[0]", inner)
            | _calls("split({}, '_')[-1]", inner)
            | _calls("[{}, {}][1]", inner, inner)
            | _calls("({} + {})", inner, inner)
            | _calls("default({}, {})", optional, inner)
            | _calls("pad({}, 3)", st.integers(0, 99).map(str))
            | _calls("({} if {} else {})", inner, _conditions(inner, scope), inner)
            | _calls("join([{}, {}], '-')", inner, inner)
            | _calls("basename({})", inner)
            | _calls("str({})", _of_scope(_SURE_NUMBERS, scope))
            | _calls("str({})", _of_scope(_SURE_TRUTHS, scope))
        )

    return st.recursive(leaves, extend, max_leaves=4).filter(_is_short)


@cache
def numbers(scope: Scope = ("start",)) -> st.SearchStrategy[str]:
    """Expressions that give a number."""
    leaves = (
        _of_scope(_SURE_NUMBERS, scope)
        | _INTEGER_LITERALS
        | _calls("default({}, {})", _of_scope(_OPTIONAL_NUMBERS, scope), _INTEGER_LITERALS)
    )

    def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return (
            _calls("({} + {})", inner, inner)
            | _calls("({} - {})", inner, inner)
            | _calls("{} * {}", inner.map(_atom), inner.map(_atom))
            | _calls("{} / 4", inner.map(_atom))
            | _calls("{} // 3", inner.map(_atom))
            | _calls("{} % {}", inner.map(_atom), inner.map(_atom))
            | _calls("-{}", inner.map(_atom))
            | _calls("int({})", inner)
            | _calls("({} if {} > {} else {})", inner, inner, inner, inner)
        )

    return st.recursive(leaves, extend, max_leaves=3).filter(_is_short)


def _is_short(text: str) -> bool:
    """Whether several such expressions are together no longer than an expression may be."""
    return len(text) <= 80


def _atom(text: str) -> str:
    return f"({text})"


def _conditions(words: st.SearchStrategy[str], scope: Scope) -> st.SearchStrategy[str]:
    return (
        _calls("{} == upper({})", words, words)
        | _calls("{} in {}", _TEXT_LITERALS, words)
        | _calls("upper({}) not in [{}, {}]", words, words, words)
        | _calls("matches({}, '^[A-Z]')", words)
        | _calls("has({})", _of_scope(_OPTIONAL_TEXT, scope))
        | _of_scope(_SURE_TRUTHS, scope)
    )


@cache
def conditions(scope: Scope = ("start",)) -> st.SearchStrategy[str]:
    """Expressions that are true or false."""
    simple = (
        _conditions(texts(scope), scope)
        | _calls("{} > {}", numbers(scope), numbers(scope))
        | _calls("{} < {} <= {}", numbers(scope), numbers(scope), numbers(scope))
    )
    return (
        simple
        | _calls("not ({})", simple)
        | _calls("({}) and ({})", simple, simple)
        | _calls("({}) or ({})", simple, simple)
    )


@cache
def words_with_holes(scope: Scope = ("start",)) -> st.SearchStrategy[str]:
    """Texts with holes."""
    hole = (texts(scope) | numbers(scope)).map(lambda text: f"${{{{ {text} }}}}")
    literal = st.sampled_from(["a", "-", "b {c} ", "'", '"q"', "\\", "ö"])
    return st.lists(hole | literal, min_size=1, max_size=3).map("".join)
