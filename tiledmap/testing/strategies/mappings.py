"""Mappings that the checks find no error in, as YAML."""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import yaml
from hypothesis import strategies as st

from tiledmap.testing.strategies.expressions import (
    SETTINGS,
    SOURCE,
    Scope,
    conditions,
    numbers,
    texts,
    words_with_holes,
)

_START = ("start",)
_STREAM = ("start", "descriptor")
_DATA = ("start", "descriptor", "data_key")
_STOP = ("start", "stop")
_ROW = ("start", "descriptor", "event")
_RESOURCE = ("start", "resource")
_DATUM = ("start", "resource", "datum")
_FILE = ("start", "stream_resource")
_KEY_ROW = ("start", "descriptor", "data_key", "event", "timestamp")

_NOT_NEEDED = "not needed to read"


def _hole(expression: str) -> str:
    return f"${{{{ {expression} }}}}"


def _maybe(draw: st.DrawFn, name: str, values: st.SearchStrategy[Any]) -> dict[str, Any]:
    """One entry, or none."""
    return {name: draw(values)} if draw(st.booleans()) else {}


# ---------------------------------------------------------------- pieces


@st.composite
def _entries(draw: st.DrawFn, word: str, made: str, scope: Scope) -> list[dict[str, Any]]:
    """Specs or tags: some always, some `when`, some `each`."""
    entries: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 2))):
        entry: dict[str, Any] = {word: made.format(number)}
        inner: Scope = scope
        if draw(st.booleans()):
            entry |= {"each": "default(start.participants, [])", "as": "p"}
            inner = (*scope, "p")
            entry[word] += "-" + _hole(draw(texts(("p",))))
        entries.append({**entry, **_maybe(draw, "when", conditions(inner))})
    return entries


@cache
def _value(scope: Scope) -> st.SearchStrategy[Any]:
    return (
        words_with_holes(scope)
        | conditions(scope).map(_hole)
        | st.integers(-5, 5)
        | st.booleans()
        | st.none()
        | st.fixed_dictionaries({"NX_class": st.just("NXentry"), "t": words_with_holes(scope)})
        | st.lists(words_with_holes(scope), max_size=2)
    )


@st.composite
def _metadata(
    draw: st.DrawFn, document: str, scope: Scope, fields: Sequence[str] = ()
) -> dict[str, Any]:
    """A copied document, perhaps without some `fields`, with values and copies beside it."""
    metadata: dict[str, Any] = {"copy": document}
    left_out = draw(st.lists(st.sampled_from(fields), max_size=2, unique=True)) if fields else []
    if left_out:
        metadata["without"] = dict.fromkeys(left_out, _NOT_NEEDED)
    for number in range(draw(st.integers(0, 2))):
        metadata[f"extra_{number}"] = draw(_value(scope))
    if draw(st.booleans()):
        inner: dict[str, Any] = {"copy": "start", "note": draw(_value(scope))}
        inner |= _maybe(draw, "only", st.just({"uid": "who it was", "plan_name": "what it did"}))
        metadata["about"] = inner
    return metadata


@cache
def _parents(scope: Scope) -> st.SearchStrategy[list[str]]:
    slugs = texts(scope).map(lambda text: _hole(f"slug({text})"))
    return st.sampled_from([["raw"], ["raw", "more"]]) | st.lists(slugs, min_size=1, max_size=1)


# ---------------------------------------------------------------- streams


@st.composite
def _node_rule(draw: st.DrawFn, name: str, store: str, match: dict[str, Any]) -> dict[str, Any]:
    """A data rule that makes a node of each data key."""
    dims = st.sampled_from([["time", "..."], ["frame", "..."]])
    return {
        "name": name,
        "match": match,
        "store": store,
        "key": _hole("data_key.name"),
        **_maybe(draw, "parent", _parents(_DATA).map(lambda parents: ["arrays", *parents])),
        **_maybe(draw, "dims", dims),
        **_maybe(draw, "specs", _entries("spec", f"{name}{{}}", _DATA)),
        **_maybe(draw, "metadata", _metadata("data_key", _DATA, ("source", "shape"))),
    }


@st.composite
def _data_rules(draw: st.DrawFn, tables: int) -> list[dict[str, Any]]:
    files = {
        "name": "files",
        "match": {"external": "present"},
        "store": "files",
        "key": _hole("data_key.name"),
    }
    rules: list[dict[str, Any]] = [
        files,
        draw(_node_rule("ragged", "ragged", {"dtype": "array", "shape": "ragged"})),
        draw(_node_rule("arrays", "array", {"dtype": "array"})),
        draw(_node_rule("unsigned", "array", {"dtype_numpy": "uint64"})),
    ]
    if draw(st.booleans()):
        match = st.sampled_from([{"name": "motor*"}, {"name": ["I0", "img"]}, {"units": "present"}])
        special = {
            "name": "dropped",
            "drop": "not wanted",
            "when": draw(conditions(_DATA)),
            **_maybe(draw, "match", match),
        }
        rules.insert(draw(st.integers(0, 2)), special)
    if tables > 1:
        rules.append(
            {"name": "words", "match": {"dtype": "string"}, "store": "table", "table": "table-1"}
        )
    return [*rules, {"name": "scalars", "store": "table", "table": "table-0"}]


_KEY_FILTERS = st.sampled_from(
    [
        {"dtype": ["number", "integer"]},
        {"name": "motor*", "stored": "table"},
        {"units": "present"},
        {"shape": "scalar"},
        {"dtype_numpy": ["float64", "<i8"], "stored": ["table", "array"]},
    ]
)


@st.composite
def _table(draw: st.DrawFn, number: int) -> dict[str, Any]:
    columns: list[dict[str, Any]] = [
        {"column": "seq_num", "type": "int64", "from": "event.seq_num"},
        {"column": "time", "type": "float64", "from": "event.time"},
        {"column": _hole("data_key.name"), "keys": {"stored": "table"}, "from": "value"},
        {
            "column": "ts_" + _hole("data_key.name"),
            "keys": {"stored": ["table", "array", "ragged"]},
            "type": "float64",
            "from": "timestamp",
        },
    ]
    if draw(st.booleans()):
        columns.append({"column": "computed", "type": "float64", "from": draw(numbers(_ROW))})
    if draw(st.booleans()):
        columns.append({"column": "label", "type": "string", "from": draw(texts(_ROW))})
    if draw(st.booleans()):
        columns.append({"column": "good", "type": "bool", "from": draw(conditions(_ROW))})
    if draw(st.booleans()):
        columns.append(
            {
                "column": "age_" + _hole("data_key.name"),
                "keys": draw(_KEY_FILTERS),
                "type": "float64",
                "from": draw(numbers(_KEY_ROW)),
            }
        )
    if draw(st.booleans()):
        columns.append(
            {
                "column": "was_" + _hole("data_key.name"),
                "keys": {"dtype": "string"},
                "type": "string",
                "from": f"default(value, {draw(texts(_KEY_ROW))})",
            }
        )
    return {
        "name": f"table-{number}",
        "key": f"internal_{number}",
        **_maybe(draw, "parent", _parents(_STREAM).map(lambda parents: ["tables", *parents])),
        **_maybe(draw, "order", st.just("seq_num")),
        **_maybe(draw, "max_columns", st.just(8) | st.just(_hole("settings.limit + 5"))),
        **_maybe(draw, "specs", _entries("spec", "Table{}", _STREAM)),
        "metadata": {"copy": "data_keys", **_maybe(draw, "extra", _value(_STREAM))},
        "columns": columns,
    }


_VALUES = st.sampled_from(
    [
        "default(descriptor.configuration['det'].data.energy_bins, [1.5])",
        "[start.time, descriptor.time, settings.limit]",
        "first(descriptor.configuration['det'].data.energy_bins, [0])",
    ]
)


@st.composite
def _coordinates(draw: st.DrawFn) -> list[dict[str, Any]]:
    rules = [
        {
            "name": "axis",
            "key": "axis_" + _hole(f"slug({draw(texts(_STREAM))})"),
            "from": draw(_VALUES),
            **_maybe(draw, "when", conditions(_STREAM)),
        },
        {
            "name": "energies",
            "key": "energies",
            "when": "has(descriptor.configuration['det'].data.energy_bins)",
            "from": "descriptor.configuration['det'].data.energy_bins",
        },
    ]
    chosen = draw(st.lists(st.sampled_from(rules), max_size=2, unique_by=lambda rule: rule["name"]))
    return [
        {
            **rule,
            **_maybe(draw, "parent", _parents(_STREAM).map(lambda parents: ["axes", *parents])),
            **_maybe(draw, "type", st.sampled_from(["float64", "<f4"])),
            **_maybe(draw, "dims", st.just(["energy"])),
            **_maybe(draw, "specs", _entries("spec", "Axis{}", _STREAM)),
            **_maybe(draw, "metadata", _metadata("descriptor", _STREAM, ("hints",))),
        }
        for rule in chosen
    ]


@st.composite
def _stream_rule(draw: st.DrawFn) -> dict[str, Any]:
    keys = ["default(descriptor.name, 'primary')", "'s_' + descriptor.uid"]
    tables = draw(st.integers(1, 2))
    fields = ("name", "hints", "object_keys", "run_start")
    return {
        "name": "all",
        **_maybe(draw, "parent", _parents(_STREAM)),
        "key": _hole(draw(st.sampled_from(keys))),
        "specs": [
            {"spec": "BlueskyEventStream/3.0"},
            *draw(_entries("spec", "Extra{}", _STREAM)),
        ],
        "metadata": {
            **draw(_metadata("descriptor", _STREAM, fields)),
            "updates": "_config_updates",
        },
        "events": {"without": dict.fromkeys(["uid", "descriptor", "filled"], _NOT_NEEDED)},
        "data": draw(_data_rules(tables)),
        "tables": [draw(_table(number)) for number in range(tables)],
        **_maybe(draw, "coordinates", _coordinates()),
    }


@st.composite
def _streams(draw: st.DrawFn) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    if draw(st.booleans()):
        rules.append({"name": "live", "match": {"name": "DONOTSAVE_*"}, "drop": "only for plots"})
    if draw(st.booleans()):
        rules.append(
            {
                "name": "some",
                "match": {"name": draw(st.sampled_from(["primary", ["baseline", "det_*"]]))},
                "when": draw(conditions(_STREAM)),
                "drop": "not in this case",
            }
        )
    return [*rules, draw(_stream_rule())]


# ---------------------------------------------------------------- repairs and hooks


def _repair(draw: st.DrawFn, name: str, scope: Scope) -> dict[str, Any]:
    until = st.sampled_from(["1999-12-31", "2099-12-31"])
    return {
        "name": name,
        "reason": "the documents need it",
        **_maybe(draw, "when", conditions(scope)),
        **_maybe(draw, "until", until),
    }


@st.composite
def _start_repairs(draw: st.DrawFn) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = [
        {"set": {"edge": "edge " + draw(words_with_holes(_START))}},
        {"rename": {"scan_id": "number"}, "without": {"plan_name": _NOT_NEEDED}},
        {"set": {"energy": _hole(draw(numbers(_START))), "sample_name": None}},
        {"set": {"proposal": {"id": draw(words_with_holes(_START)), "open": True}}},
    ]
    chosen = draw(st.lists(st.sampled_from(range(len(changes))), max_size=3, unique=True))
    return [{**_repair(draw, f"start-{n}", _START), **changes[n]} for n in chosen]


_SHAPES = st.fixed_dictionaries(
    {},
    optional={
        "lengths": st.lists(st.none() | st.integers(0, 4), max_size=3),
        "squeeze": st.booleans(),
        "clamp": st.integers(0, 3),
        "pad_left": st.integers(1, 4),
    },
).filter(bool)


@st.composite
def _data_key_repairs(draw: st.DrawFn) -> list[dict[str, Any]]:
    units = {"units": "in " + draw(words_with_holes(_DATA))}
    changes: list[dict[str, Any]] = [
        draw(st.sampled_from([units, {"set": units}])),
        {"rename": _hole("data_key.name") + "_new", "match": {"name": "det*"}},
        {"drop": "never read back", "match": {"stream": "baseline", "dtype": "string"}},
        {"set": {"dtype_numpy": "<f4"}, "match": {"dtype_numpy": "float64", "shape": "scalar"}},
        {"dtype": "float32", "match": {"dtype_numpy": "float64"}},
        {"shape": draw(_SHAPES), "match": {"name": ["img", "det_a"]}},
        {"dims": ["y", "x"], "match": {"dtype": "array"}},
        {"set": {"precision": _hole(f"int({draw(numbers(_DATA))})")}, "match": {"units": "absent"}},
    ]
    chosen = draw(st.lists(st.sampled_from(range(len(changes))), max_size=3, unique=True))
    return [{**_repair(draw, f"key-{n}", _DATA), **changes[n]} for n in chosen]


@st.composite
def _root_repairs(draw: st.DrawFn) -> list[dict[str, Any]]:
    roots = {
        "deep": {"prefix": "/old/deep", "becomes": "/data/" + _hole(f"slug({draw(texts())})")},
        "old": {"prefix": "/old", "becomes": "/data"},
        "data": {"prefix": "/data", "becomes": "/archive/" + _hole("settings.limit")},
    }
    until = st.sampled_from(["2099-12-31"])
    return [
        {"name": name, "reason": "moved", **root, **_maybe(draw, "until", until)}
        for name, root in roots.items()
        if draw(st.booleans())
    ]


@cache
def _template(scope: Scope) -> st.SearchStrategy[str]:
    """Names of files, which depend on the number of a file."""
    return words_with_holes((*scope, "index")).map(lambda words: f"/{words}_" + _hole("index"))


@st.composite
def _resource_repairs(draw: st.DrawFn) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = [
        {
            "match": {"spec": draw(st.sampled_from(["ad_tiff", ["AD_TIFF", "pil*"]]))},
            "mimetype": "multipart/related;type=image/tiff",
            "kwargs": {"filename": {"type": "string"}},
            "join": "concat",
            "parameters": {
                "template": draw(_template(_RESOURCE)),
                "made": _hole("resource.resource_kwargs.filename"),
            },
        },
        {
            "match": {"spec": "XSP3"},
            "mimetype": "application/x-hdf5",
            "kwargs": {"dataset": {"type": ["string", "null"]}},
            "chunks": [1, 10],
            "parameters": {"dataset": _hole("default(resource.resource_kwargs.dataset, 'data')")},
        },
        {
            "match": {"mimetype": "application/*", "root": "/old*"},
            "parameters": {"note": draw(_value(_RESOURCE))},
        },
    ]
    chosen = draw(st.lists(st.sampled_from(range(len(changes))), max_size=3, unique=True))
    return [{**_repair(draw, f"resource-{n}", _RESOURCE), **changes[n]} for n in chosen]


@st.composite
def _datum_repairs(draw: st.DrawFn) -> list[dict[str, Any]]:
    channel = {
        "match": {"spec": "xsp*"},
        "kwargs": {"channel": {"type": "integer"}},
        "parameters": {"slice": "(:," + _hole("datum.datum_kwargs.channel - 1") + ",:)"},
    }
    any_other: dict[str, Any] = {"parameters": {"label": draw(_value(_DATUM))}}
    return [
        {**_repair(draw, name, _DATUM), **change}
        for name, change in (("channel", channel), ("any", any_other))
        if draw(st.booleans())
    ]


@st.composite
def _file_repairs(draw: st.DrawFn) -> dict[str, Any]:
    return {
        **_maybe(draw, "unmapped", st.sampled_from(["pass", "error"])),
        "roots": draw(_root_repairs()),
        "resources": draw(_resource_repairs()),
        "datums": draw(_datum_repairs()),
    }


@st.composite
def _repairs(draw: st.DrawFn) -> dict[str, Any]:
    stop = {"set": {"reason": "said: " + draw(words_with_holes(_STOP))}}
    descriptor = {"set": {"hints": {}}, "without": {"object_keys": _NOT_NEEDED}}
    return {
        "start": draw(_start_repairs()),
        "data_keys": draw(_data_key_repairs()),
        **draw(_file_repairs()),
        **({"stop": [{**_repair(draw, "stop", _STOP), **stop}]} if draw(st.booleans()) else {}),
        **(
            {"descriptor": [{**_repair(draw, "descriptor", _STREAM), **descriptor}]}
            if draw(st.booleans())
            else {}
        ),
    }


_HOOKED = st.sampled_from(["start", "descriptor", "event", "event_page", "stop"])


# ---------------------------------------------------------------- assets


@st.composite
def _asset(draw: st.DrawFn, name: str, mimetype: str, needs: str) -> dict[str, Any]:
    given = st.dictionaries(st.sampled_from(["one", "two"]), _value(_FILE), max_size=2)
    sidecars = st.lists(
        st.fixed_dictionaries(
            {
                "parameter": st.sampled_from(["config", "log"]),
                "uri": words_with_holes(_FILE).map("file:///".__add__),
            }
        ),
        max_size=2,
        unique_by=lambda sidecar: sidecar["parameter"],
    )
    return {
        "name": name,
        "match": {"mimetype": mimetype},
        "consolidator": name,
        "needs": [needs],
        "join": draw(st.sampled_from(["stack", "concat"])),
        **_maybe(draw, "chunks", st.just([1, 10])),
        **_maybe(draw, "parameters", given),
        **_maybe(draw, "asset_parameter", st.just("data_uri")),
        **_maybe(draw, "sidecars", sidecars),
        **_maybe(draw, "structure_from", st.sampled_from(["documents", "file"])),
    }


@st.composite
def _assets(draw: st.DrawFn) -> list[dict[str, Any]]:
    refused = {
        "name": "not-these",
        "match": {"mimetype": "application/*", "data_key": ["img", "det*"]},
        "when": draw(conditions(_FILE)),
        "refuse": "not " + draw(words_with_holes(_FILE)),
    }
    return [
        *([refused] if draw(st.booleans()) else []),
        draw(_asset("hdf5", "application/x-hdf5", "dataset")),
        draw(_asset("tiff", "multipart/related;type=image/tiff", "template")),
        {"name": "none", "refuse": "nothing reads " + draw(words_with_holes(_FILE))},
    ]


# ---------------------------------------------------------------- mappings


@st.composite
def _run(draw: st.DrawFn) -> dict[str, Any]:
    start = _metadata("start", _START, ("tiled_access_tags", "scan_id", "plan_name"))
    return {
        "parent": draw(st.just([]) | _parents(_START)),
        "key": f"{_hole(f'slug({draw(texts(_START))})')}_{_hole('start.uid')}",
        "specs": [*draw(_entries("spec", "Run{}", _START)), {"spec": "BlueskyRun/3.0"}],
        "access_tags": draw(_entries("tag", "tag{}", _START)),
        "untagged": "store",
        **_maybe(draw, "fallback_tags", st.just(["staff"])),
        **_maybe(draw, "on_collision", st.sampled_from(["resume", "suffix_uid", "refuse"])),
        **_maybe(draw, "unfinished", st.sampled_from(["leave", "close"])),
        "metadata": {
            "start": draw(start),
            "stop": draw(_metadata("stop", _STOP, ("run_start",))),
            **_maybe(draw, "note", _value(_START)),
        },
    }


class _Dumper(yaml.SafeDumper):
    """Writes what occurs twice twice: mappings have no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@st.composite
def mappings(draw: st.DrawFn) -> str:
    """Mappings as YAML text, meant to be valid: their checks find no error."""
    hook = {"document": draw(_HOOKED), "function": "copy:copy"}
    mapping = {
        "tiledmap": 1,
        "name": "generated",
        "version": "1.0.0",
        "profile": "free",
        "source": SOURCE,
        "settings": SETTINGS,
        **_maybe(draw, "repair", _repairs()),
        "run": draw(_run()),
        "streams": draw(_streams()),
        "assets": draw(_assets()),
        **_maybe(draw, "hooks", st.just({"again": hook})),
    }
    return yaml.dump(mapping, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf)
