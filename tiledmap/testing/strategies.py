"""Hypothesis strategies: documents of Bluesky runs, and mappings that fit them.

A facility can draw `runs` to try its own mapping on documents that no one thought of.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from hypothesis import strategies as st

Documents = list[tuple[str, dict[str, Any]]]

STREAM_NAMES = ("primary", "baseline", "det_monitor", "DONOTSAVE_live")
_WORDS = st.text(alphabet="abcXYZ 0189_-/äµ'\"{}\\%$", max_size=8)
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)
_INTEGERS = st.integers(-(2**53), 2**53)


# ---------------------------------------------------------------- runs


@dataclass(frozen=True)
class _Kind:
    """A kind of data key: its fields, and a strategy for its values."""

    fields: Mapping[str, Any]
    values: st.SearchStrategy[Any]


def _arrays(shape: Sequence[int], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    for length in reversed(shape):
        values = st.lists(values, min_size=length, max_size=length)
    return values


_KINDS = (
    _Kind({"dtype": "number", "shape": [], "dtype_numpy": "<f8", "units": "mm"}, _NUMBERS),
    _Kind({"dtype": "number", "shape": []}, _NUMBERS | st.integers(-1000, 1000)),
    _Kind({"dtype": "number", "shape": [], "dtype_numpy": "<f4"}, _NUMBERS),
    _Kind({"dtype": "integer", "shape": [], "dtype_numpy": "<i8"}, _INTEGERS),
    _Kind({"dtype": "integer", "shape": [], "dtype_numpy": "|u1"}, st.integers(0, 255)),
    _Kind({"dtype": "integer", "shape": [], "dtype_numpy": "<u8"}, st.integers(0, 2**64 - 1)),
    _Kind({"dtype": "boolean", "shape": []}, st.booleans()),
    _Kind({"dtype": "string", "shape": []}, _WORDS),
    _Kind({"dtype": "array", "shape": [3], "dtype_numpy": "<f8"}, _arrays([3], _NUMBERS)),
    _Kind(
        {"dtype": "array", "shape": [2, 2], "dtype_numpy": "<i4"},
        _arrays([2, 2], st.integers(0, 9)),
    ),
    _Kind({"dtype": "array", "shape": [20]}, _arrays([20], _NUMBERS)),
    _Kind(
        {"dtype": "array", "shape": [None], "dtype_numpy": "<f8"}, st.lists(_NUMBERS, max_size=4)
    ),
)


@st.composite
def _data_keys(draw: st.DrawFn) -> dict[str, _Kind]:
    names = draw(
        st.lists(
            st.sampled_from(
                ["det", "det_a", "motor", "motor_setpoint", "I0", "img", "time", "ts_det", "Det"]
            ),
            min_size=1,
            max_size=5,
            unique=True,
        )
    )
    return {name: draw(st.sampled_from(_KINDS)) for name in names}


@st.composite
def starts(draw: st.DrawFn, uid: str = "run-1") -> dict[str, Any]:
    """Run start documents, with some of the fields that mappings of `mappings` know."""
    start: dict[str, Any] = {"uid": uid, "time": draw(st.floats(0, 2e9))}
    optional = {
        "scan_id": st.integers(0, 10_000),
        "plan_name": st.sampled_from(["scan", "count", "xafs scan"]),
        "sample_name": _WORDS | st.none(),
        "edge": st.sampled_from(["Ni-K", "Fe L3", "", "?"]),
        "energy": _NUMBERS,
        "participants": st.lists(
            st.fixed_dictionaries({"name": _WORDS}, optional={"orcid": _WORDS}), max_size=2
        ),
        "sample": st.fixed_dictionaries({"name": _WORDS}) | _WORDS,
        "tiled_access_tags": st.lists(st.sampled_from(["a", "b"]), max_size=2, unique=True),
    }
    for field, values in optional.items():
        if draw(st.booleans()):
            start[field] = draw(values)
    return start


@st.composite
def _stream(draw: st.DrawFn, run: str, name: str) -> Documents:
    """The descriptors and events of one stream, some of the events as pages."""
    kinds = draw(_data_keys())
    uid = f"{run}-{name}"
    described = {key: {"source": f"SIM:{key}", **kind.fields} for key, kind in kinds.items()}
    documents: Documents = [
        (
            "descriptor",
            {
                "uid": uid,
                "run_start": run,
                "time": draw(st.floats(0, 2e9)),
                "name": name,
                "data_keys": described,
                "configuration": {
                    "det": {
                        "data": {"exposure": draw(_NUMBERS)},
                        "timestamps": {"exposure": 1.0},
                        "data_keys": {
                            "exposure": {"dtype": "number", "shape": [], "source": "SIM:e"}
                        },
                    }
                },
                "hints": {},
                "object_keys": {"det": list(kinds)},
            },
        )
    ]
    rows = draw(
        st.lists(
            st.fixed_dictionaries({key: kind.values for key, kind in kinds.items()}), max_size=6
        )
    )
    position = 0
    while position < len(rows):
        length = draw(st.integers(1, 3))
        chunk = rows[position : position + length]
        numbers = list(range(position + 1, position + 1 + len(chunk)))
        if draw(st.booleans()):
            documents.extend(_events(uid, chunk, numbers))
        else:
            documents.append(("event_page", event_page(_events(uid, chunk, numbers))))
        position += len(chunk)
    return documents


def _events(
    descriptor: str, rows: Sequence[Mapping[str, Any]], numbers: Sequence[int]
) -> Documents:
    return [
        (
            "event",
            {
                "uid": f"{descriptor}-{number}",
                "descriptor": descriptor,
                "seq_num": number,
                "time": 1000.0 + number,
                "data": dict(row),
                "timestamps": dict.fromkeys(row, 1000.5 + number),
                "filled": {},
            },
        )
        for row, number in zip(rows, numbers, strict=True)
    ]


def event_page(events: Documents) -> dict[str, Any]:
    """Pack events of one descriptor into a page."""
    documents = [document for _, document in events]
    return {
        "descriptor": documents[0]["descriptor"],
        "uid": [document["uid"] for document in documents],
        "seq_num": [document["seq_num"] for document in documents],
        "time": [document["time"] for document in documents],
        "data": {key: [d["data"][key] for d in documents] for key in documents[0]["data"]},
        "timestamps": {
            key: [d["timestamps"][key] for d in documents] for key in documents[0]["timestamps"]
        },
        "filled": {},
    }


@st.composite
def runs(draw: st.DrawFn, uid: str = "run-1") -> Documents:
    """The documents of one run, valid by event-model's schemas, its streams interleaved."""
    start = draw(starts(uid))
    names = draw(st.lists(st.sampled_from(STREAM_NAMES), max_size=3, unique=True))
    streams = [draw(_stream(uid, name)) for name in names]
    documents: Documents = [("start", start)]
    while any(streams):
        chosen = draw(st.sampled_from([stream for stream in streams if stream]))
        documents.append(chosen.pop(0))
    stop = {"uid": f"{uid}-stop", "run_start": uid, "time": 2e9, "exit_status": "success"}
    return [*documents, ("stop", stop)]


# ---------------------------------------------------------------- expressions


def _calls(form: str, *arguments: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*arguments).map(lambda texts: form.format(*texts))


_TEXT_LITERALS = st.sampled_from(["'a'", "'Ni-K'", "''", "'/'", "'it\\'s'", '"q"', "'{x}'"])
_INTEGER_LITERALS = st.integers(-9, 99).map(str)

_OPTIONAL_TEXT = {
    "start": ["start.plan_name", "start.sample_name", "start.edge"],
    "descriptor": ["descriptor.name"],
    "data_key": ["data_key.units", "data_key.object_name"],
}
_SURE_TEXT = {
    "start": ["start.uid"],
    "descriptor": ["descriptor.uid"],
    "data_key": ["data_key.name", "data_key.dtype", "data_key.dtype_numpy"],
    "event": ["event.uid"],
}
_SURE_NUMBERS = {
    "start": ["start.time"],
    "descriptor": ["descriptor.time"],
    "data_key": ["data_key.size", "data_key.ndim"],
    "event": ["event.seq_num", "event.time"],
    "timestamp": ["timestamp"],
}


def _of_scope(table: Mapping[str, list[str]], scope: Sequence[str]) -> list[str]:
    return [path for root in scope for path in table.get(root, [])]


def texts(scope: Sequence[str] = ("start",)) -> st.SearchStrategy[str]:
    """Expressions that give text."""
    sure = st.sampled_from(_of_scope(_SURE_TEXT, scope)) | _TEXT_LITERALS
    optional = st.sampled_from(_of_scope(_OPTIONAL_TEXT, scope))
    leaves = (
        sure | _calls("default({}, {})", optional, sure) | _calls("first({}, {})", optional, sure)
    )

    def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return (
            _calls("slug({})", inner)
            | _calls("upper({})", inner)
            | _calls("strip({})", inner)
            | _calls("replace({}, 'a', {})", inner, inner)
            | _calls("({} + {})", inner, inner)
            | _calls("pad({}, 3)", st.integers(0, 99).map(str))
            | _calls("({} if {} else {})", inner, _conditions(inner, scope), inner)
            | _calls("join([{}, {}], '-')", inner, inner)
            | _calls("basename({})", inner)
        )

    return st.recursive(leaves, extend, max_leaves=4)


def numbers(scope: Sequence[str] = ("start",)) -> st.SearchStrategy[str]:
    """Expressions that give a number."""
    leaves = st.sampled_from(_of_scope(_SURE_NUMBERS, scope)) | _INTEGER_LITERALS

    def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return (
            _calls("({} + {})", inner, inner)
            | _calls("({} - {})", inner, inner)
            | _calls("{} * {}", inner.map(_atom), inner.map(_atom))
            | _calls("{} / 4", inner.map(_atom))
            | _calls("-{}", inner.map(_atom))
        )

    return st.recursive(leaves, extend, max_leaves=3)


def _atom(text: str) -> str:
    return f"({text})"


def _conditions(words: st.SearchStrategy[str], scope: Sequence[str]) -> st.SearchStrategy[str]:
    return (
        _calls("{} == {}", words, words)
        | _calls("{} in {}", _TEXT_LITERALS, words)
        | _calls("matches({}, '^[A-Z]')", words)
        | _calls("has({})", st.sampled_from(_of_scope(_OPTIONAL_TEXT, scope)))
    )


def conditions(scope: Sequence[str] = ("start",)) -> st.SearchStrategy[str]:
    """Expressions that are true or false."""
    simple = _conditions(texts(scope), scope) | _calls("{} > {}", numbers(scope), numbers(scope))
    return (
        simple
        | _calls("not ({})", simple)
        | _calls("({}) and ({})", simple, simple)
        | _calls("({}) or ({})", simple, simple)
    )


def words_with_holes(scope: Sequence[str] = ("start",)) -> st.SearchStrategy[str]:
    """Texts with holes."""
    hole = (texts(scope) | numbers(scope)).map(lambda text: f"${{{{ {text} }}}}")
    literal = st.sampled_from(["a", "-", "b {c} ", "'", '"q"', "\\", "ö"])
    return st.lists(hole | literal, min_size=1, max_size=3).map("".join)


# ---------------------------------------------------------------- mappings


_SOURCE = {
    "start": {
        "properties": {
            "plan_name": {"type": "string"},
            "sample_name": {"type": ["string", "null"]},
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


@st.composite
def _entries(draw: st.DrawFn, word: str, made: str, scope: Sequence[str]) -> list[dict[str, Any]]:
    """Specs or tags: some always, some `when`, some `each`."""
    entries: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 2))):
        entry: dict[str, Any] = {word: made.format(number)}
        if draw(st.booleans()):
            entry["when"] = draw(conditions(scope))
        if "start" in scope and draw(st.booleans()):
            entry |= {"each": "default(start.participants, [])", "as": "p"}
            entry[word] += "-${{ p.name }}"
        entries.append(entry)
    return entries


@st.composite
def _metadata(draw: st.DrawFn, document: str, scope: Sequence[str]) -> dict[str, Any]:
    metadata: dict[str, Any] = {"copy": document}
    for number in range(draw(st.integers(0, 2))):
        metadata[f"extra_{number}"] = draw(
            words_with_holes(scope)
            | st.integers(-5, 5)
            | st.booleans()
            | st.fixed_dictionaries({"NX_class": st.just("NXentry"), "t": words_with_holes(scope)})
            | st.lists(words_with_holes(scope), max_size=2)
        )
    return metadata


@st.composite
def _data_rules(draw: st.DrawFn) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [
        {
            "name": "files",
            "match": {"external": "present"},
            "store": "files",
            "key": "${{ data_key.name }}",
        },
        {
            "name": "ragged",
            "match": {"dtype": "array", "shape": "ragged"},
            "store": "ragged",
            "key": "${{ data_key.name }}",
            "dims": ["time", "..."],
            "metadata": {"copy": "data_key"},
        },
        {
            "name": "arrays",
            "match": {"dtype": "array"},
            "store": "array",
            "key": "${{ data_key.name }}",
            "dims": ["time", "..."],
            "metadata": draw(_metadata("data_key", ("start", "descriptor", "data_key"))),
        },
        {
            "name": "unsigned",
            "match": {"dtype_numpy": "uint64"},
            "store": "array",
            "key": "${{ data_key.name }}",
        },
    ]
    if draw(st.booleans()):
        scope = ("start", "descriptor", "data_key")
        special: dict[str, Any] = {
            "name": "dropped",
            "drop": "not wanted",
            "when": draw(conditions(scope)),
        }
        if draw(st.booleans()):
            special["match"] = {"name": draw(st.sampled_from(["motor*", ["I0", "img"], "d?t"]))}
        rules.insert(draw(st.integers(0, 2)), special)
    return [*rules, {"name": "scalars", "store": "table", "table": "internal"}]


@st.composite
def _table(draw: st.DrawFn) -> dict[str, Any]:
    columns: list[dict[str, Any]] = [
        {"column": "seq_num", "type": "int64", "from": "event.seq_num"},
        {"column": "time", "type": "float64", "from": "event.time"},
        {"column": "${{ data_key.name }}", "keys": {"stored": "table"}, "from": "value"},
        {
            "column": "ts_${{ data_key.name }}",
            "keys": {"stored": ["table", "array", "ragged"]},
            "type": "float64",
            "from": "timestamp",
        },
    ]
    scope = ("start", "descriptor", "event")
    if draw(st.booleans()):
        columns.append({"column": "computed", "type": "float64", "from": draw(numbers(scope))})
    if draw(st.booleans()):
        columns.append({"column": "label", "type": "string", "from": draw(texts(scope))})
    if draw(st.booleans()):
        columns.append(
            {
                "column": "age_${{ data_key.name }}",
                "keys": {"dtype": ["number", "integer"]},
                "type": "float64",
                "from": draw(numbers((*scope, "data_key", "timestamp"))),
            }
        )
    table = {"name": "internal", "key": "internal", "metadata": {"copy": "data_keys"}}
    return {**table, "columns": columns}


@st.composite
def mappings(draw: st.DrawFn) -> str:
    """Mappings as YAML text, meant to be valid: their checks find no error."""
    start, stream = ("start",), ("start", "descriptor")
    rules: list[dict[str, Any]] = []
    if draw(st.booleans()):
        rules.append({"name": "live", "match": {"name": "DONOTSAVE_*"}, "drop": "only for plots"})
    if draw(st.booleans()):
        rules.append(
            {
                "name": "some",
                "match": {"name": draw(st.sampled_from(["primary", ["baseline", "det_*"]]))},
                "when": draw(conditions(stream)),
                "drop": "not in this case",
            }
        )
    rules.append(
        {
            "name": "all",
            "key": draw(
                st.sampled_from(
                    ["${{ default(descriptor.name, 'primary') }}", "s_${{ descriptor.uid }}"]
                )
            ),
            "specs": [
                {"spec": "BlueskyEventStream/3.0"},
                *draw(_entries("spec", "Extra{}", stream)),
            ],
            "metadata": {**draw(_metadata("descriptor", stream)), "updates": "_config_updates"},
            "events": {
                "without": dict.fromkeys(["uid", "descriptor", "filled"], "not needed to read")
            },
            "data": draw(_data_rules()),
            "tables": [draw(_table())],
        }
    )
    mapping = {
        "tiledmap": 1,
        "name": "generated",
        "version": "1.0.0",
        "profile": "free",
        "source": _SOURCE,
        "run": {
            "parent": draw(st.sampled_from([[], ["raw"], ["raw", "${{ slug(start.uid) }}"]])),
            "key": f"${{{{ slug({draw(texts(start))}) }}}}_${{{{ start.uid }}}}",
            "specs": [*draw(_entries("spec", "Run{}", start)), {"spec": "BlueskyRun/3.0"}],
            "access_tags": draw(_entries("tag", "tag{}", start)),
            "untagged": "store",
            "metadata": {"start": draw(_metadata("start", start)), "stop": {"copy": "stop"}},
        },
        "streams": rules,
        "assets": [{"name": "none", "refuse": "no files are read here"}],
    }
    return yaml.safe_dump(mapping, sort_keys=False, allow_unicode=True, width=math.inf)
