import datetime
import importlib.metadata
import re
import types
import typing
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.check.subjects import alone, beamline, codes, only, shipped, subject_of
from tiledmap import validate
from tiledmap.check import CHECKS, check, merge_causes
from tiledmap.check.scopes import SCOPES, WHERE, types_of_names
from tiledmap.check.sound import check_sound
from tiledmap.check.usage import EXPRESSION_FIELDS, SECTIONS, Usage
from tiledmap.language import nodes
from tiledmap.language.scalars import Expression, Free, Text
from tiledmap.problems import Problem, Span


def found(text: str) -> list[str]:
    return codes(check_sound, beamline(text))


def one(text: str) -> Problem:
    return only(check_sound, beamline(text))


def underlined(text: str, span: Span) -> str:
    """What a span says of a text to which the helper added a header of three lines."""
    assert span.line == span.end_line
    return text.splitlines()[span.line - 4][span.column - 1 : span.end_column - 1]


# ---------------------------------------------------------------- the registry


def _node_classes(cls: type[nodes.Node] = nodes.Node) -> Iterator[type[nodes.Node]]:
    for below in cls.__subclasses__():
        if not below.__pydantic_generic_metadata__["origin"]:
            yield below
        yield from _node_classes(below)


def _mentions(annotation: Any, kinds: tuple[type, ...]) -> bool:
    if annotation in kinds:
        return True
    return any(_mentions(argument, kinds) for argument in typing.get_args(annotation))


BEARING = sorted(
    (cls.__name__, name)
    for cls in _node_classes()
    for name, field in cls.model_fields.items()
    if _mentions(field.annotation, (Expression, Text, Free))
)


@pytest.mark.parametrize(("cls", "field"), BEARING)
def test_every_field_that_holds_expressions_is_checked(cls: str, field: str) -> None:
    node = getattr(nodes, cls)
    if any(node is not other and issubclass(other, node) for other in _node_classes()):
        return  # only the classes below it stand in mappings
    assert (node, field) in EXPRESSION_FIELDS


def test_only_fields_that_hold_expressions_are_registered() -> None:
    assert {(cls.__name__, name) for cls, name in EXPRESSION_FIELDS} <= set(BEARING)


def test_a_field_that_is_not_registered_cannot_be_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    left = {key: use for key, use in EXPRESSION_FIELDS.items() if key != (nodes.Run, "key")}
    monkeypatch.setattr("tiledmap.check.usage.EXPRESSION_FIELDS", left)
    with pytest.raises(LookupError, match=r"Run\.key"):
        list(Usage(shipped("bluesky-v3")).problems())


def test_every_section_and_name_is_known() -> None:
    names = types_of_names(shipped("bluesky-v3"))
    assert set(SECTIONS.values()) <= set(SCOPES)
    in_scope = {name for scope in SCOPES.values() for name in scope}
    assert {*in_scope, "index"} == set(WHERE) == set(names)  # only templates have an index


# ---------------------------------------------------------------- what is right


@pytest.mark.parametrize("name", ["bluesky-v3", "bluesky-streams", "bluesky-2024"])
def test_a_shipped_mapping_is_sound(name: str) -> None:
    assert codes(check_sound, subject_of(shipped(name))) == []


BEAMLINE = r"""
source:
  start:
    properties:
      data_session: {type: string}
      sample_name: {type: string}
      edge: {type: string}
      d_spacing: {type: number}
      participants:
        type: array
        items: {type: object, properties: {orcid: {type: string}}, required: [orcid]}
    required: [data_session]
settings:
  data_root: {type: string, default: /nsls2/data/smi}
repair:
  roots:
    - {name: old-mount, prefix: /nsls2/data1/smi, becomes: "${{ settings.data_root }}"}
  resources:
    - name: area-detector-tiff
      match: {spec: AD_TIFF}
      mimetype: multipart/related;type=image/tiff
      kwargs:
        filename: {type: string}
      join: concat
      parameters:
        template: /${{ resource.resource_kwargs.filename }}_${{ pad(index, 6) }}.tiff
  datums:
    - name: xspress3-channel
      match: {spec: XSP3}
      when: has(datum.datum_kwargs.channel)
      kwargs:
        channel: {type: integer}
      parameters:
        slice: (:,${{ datum.datum_kwargs.channel - 1 }},:)
        squeeze: true
  data_keys:
    - name: pilatus-is-int32
      match: {name: "pil*_image"}
      set: {dtype_numpy: int32}
      reason: described as float64, written as int32
run:
  parent: [smi, "${{ start.data_session }}"]
  key: ${{ slug(default(start.sample_name, 'unnamed')) }}_${{ start.uid }}
  specs:
    prepend:
      - spec: XASRun/1.0
        when: >-
          has(start.edge) and has(start.d_spacing) and matches(start.edge, '^[A-Za-z]+[-_ ]K$')
  access_tags:
    prepend:
      - tag: ${{ start.data_session }}
      - each: default(start.participants, [])
        as: p
        tag: orcid:${{ p.orcid }}
"""


def test_a_beamlines_mapping_is_sound() -> None:
    text = BEAMLINE.replace(">-\n          ", "")
    assert found(text) == []


# ---------------------------------------------------------------- expressions in their places


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("run: {key: '${{ event.seq_num }}'}", "TM200"),
        ("run: {key: '${{ start.uidd }}'}", "TM201"),
        ("run: {key: '${{ start.group }}'}", "TM203"),
        ("run: {key: '${{ start.time }}'}", "TM206"),
        ("run: {key: '${{ start.uid }}_${{ [1] }}'}", "TM206"),
        ("run: {parent: ['${{ start.time }}']}", "TM206"),
        ("run: {metadata: {a: {b: ['${{ stop.uid }}']}}}", "TM200"),
        ("run: {metadata: {stop: {copy: stop, a: '${{ stop.uidd }}'}}}", "TM201"),
        ("run: {metadata: {copy: descriptor}}", "TM200"),
        ("run: {specs: [{spec: x, when: start.uid}]}", "TM205"),
        ("run: {specs: [{spec: x, when: has(start.uid) + 1}]}", "TM204"),
        ("run: {specs: [{each: start.uid, as: x, spec: '${{ x }}'}]}", "TM206"),
        ("run: {specs: [{each: '[]', as: start, spec: a}]}", "TM014"),
        ("run: {specs: [{each: '[]', as: a-b, spec: a}]}", "TM010"),
        ("run: {access_tags: [{each: '[1]', as: x, tag: '${{ x }}'}]}", "TM206"),
        ("streams: [{name: s, drop: why, when: descriptor.nme == 'x'}]", "TM201"),
        ("assets: [{name: a, refuse: '${{ data_key.name }}'}]", "TM200"),
        ("repair: {start: [{name: a, reason: b, set: {x: '${{ stop.uid }}'}}]}", "TM200"),
        ("repair: {roots: [{name: a, prefix: /a, becomes: '${{ index }}'}]}", "TM200"),
        ("repair: {roots: [{name: a, prefix: /a, becomes: '${{ settings.rot }}'}]}", "TM201"),
    ],
)
def test_an_expression_is_checked_where_it_stands(text: str, code: str) -> None:
    assert found(text) == [code]


TABLE = """
streams:
  - name: every-stream
    tables:
      - name: internal
        max_columns: {max_columns}
        columns:
          append:
            - {{column: "x", from: "{from_}", type: {type}, keys: {keys}}}
"""


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ({"from_": "event.seq_num", "type": "int64"}, []),
        ({"from_": "event.seq_num", "type": "float64"}, []),
        ({"from_": "event.time", "type": "int64"}, ["TM206"]),
        ({"from_": "event.uid", "type": "string"}, []),
        ({"from_": "event.uid", "type": "bool"}, ["TM206"]),
        ({"from_": "value", "type": "float64"}, ["TM200"]),
        ({"from_": "value", "type": "float64", "keys": "{stored: table}"}, []),
        ({"from_": "value * 2", "type": "float64", "keys": "{stored: table}"}, ["TM204"]),
        ({"from_": "default(event.data.a, 0)", "type": "float64"}, []),
        ({"from_": "event.data.a", "type": "float64"}, ["TM203"]),
        ({"from_": "event.data", "type": "float64"}, ["TM206"]),
        ({"max_columns": "${{ settings.max_columns + 1 }}"}, []),
        ({"max_columns": "${{ start.scan_id }}"}, ["TM200"]),
        ({"max_columns": "${{ settings.max_columns / 2 }}"}, ["TM206"]),
        ({"max_columns": "many"}, ["TM206"]),
    ],
)
def test_a_column_takes_what_fits_its_type(column: dict[str, str], expected: list[str]) -> None:
    given = {"max_columns": "9", "from_": "event.time", "type": "float64", "keys": "null"}
    text = TABLE.format(**{**given, **column}).replace(", keys: null", "")
    assert found(text) == expected


def test_a_rules_own_when_makes_fields_sure_below_it() -> None:
    guarded = """
    streams:
      - name: named
        when: has(descriptor.name)
        key: ${{ descriptor.name }}
        specs: [{spec: "${{ descriptor.name }}"}]
        data: [{name: d, store: array, key: "${{ descriptor.name }}"}]
    """
    assert found(guarded) == []
    assert found(guarded.replace("when: has(descriptor.name)", "match: {name: a}")) == ["TM203"] * 3


def test_a_typo_in_a_rules_when_is_the_only_problem() -> None:
    problem = one(
        """
        streams:
          - name: named
            when: has(descriptor.nam)
            key: ${{ descriptor.name }}
        """
    )
    assert problem.label == "did you mean 'name'?"


def test_kwargs_that_a_repair_declares_are_its_only_ones() -> None:
    text = """
    repair:
      resources:
        - name: tiff
          reason: why
          kwargs: {filename: {type: string}}
          parameters: {template: "${{ resource.resource_kwargs.%s }}"}
    """
    assert found(text % "filename") == []
    problem = one(text % "filenme")
    assert (problem.code, problem.label) == ("TM202", "did you mean 'filename'?")


@pytest.mark.parametrize(
    ("kwarg", "value", "types"),
    [
        ("datum.datum_kwargs.channel", "{} - 1", ["…", "number"]),
        ("resource.resource_kwargs.channel", "lower({})", ["…", "string"]),
        ("resource.resource_kwargs.channel", "{}", ["…"]),
    ],
)
def test_kwargs_that_are_not_declared_are_to_be_declared(
    kwarg: str, value: str, types: list[str]
) -> None:
    text = f"""
    repair:
      {kwarg.partition(".")[0]}s:
        - name: own
          match: {{spec: AD_HDF5}}
          parameters: {{slice: "a_${{{{ {value.format(kwarg)} }}}}"}}
    """
    for problem, type in zip(check_sound(beamline(text)), types, strict=True):
        first = problem.hint.partition("\n")[0]
        assert re.fullmatch(f"declare it: +kwargs: {{channel: {{type: {type}}}}}", first)


def test_kwargs_may_be_absent_until_a_repair_is_known_to_apply() -> None:
    text = """
    repair:
      datums:
        - name: channel
          reason: why
          when: datum.datum_kwargs.channel > 3
          kwargs: {channel: {type: integer}}
    """
    assert found(text) == ["TM203"]


def test_a_problem_stands_at_the_words_that_are_wrong() -> None:
    text = "run:\n  key: a_${{ slug(start.uidd) }}\n"
    assert underlined(text, one(text).span) == "uidd"


# ---------------------------------------------------------------- declarations and copies


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("source: {start: {properties: {a: {type: strin}}}}", "TM010"),
        ("source: {start: {properties: {a: {items: {type: strin}}}}}", "TM010"),
        ("source: {start: {properties: {a: text}}}", "TM010"),
        ("source: {start: {properties: {a: {type: [string, string]}}}}", "TM010"),
        ("source: {start: {properties: {a: {type: []}}}}", "TM010"),
        ("source: {start: {properties: {a: {type: [[string]]}}}}", "TM010"),
        ("source: {start: {properties: {a: {required: [b, b]}}}}", "TM010"),
        ("source: {start: {properties: {scan_id: {type: string}}}}", "TM027"),
        ("source: {stop: {required: [reson]}}", "TM201"),
    ],
)
def test_a_declaration_is_one_that_can_hold(text: str, code: str) -> None:
    assert found(text) == [code]


def test_a_declaration_can_narrow_what_event_model_says() -> None:
    text = """
    source:
      start:
        properties: {sample: {type: object, properties: {name: {type: string}}, required: [name]}}
        required: [sample]
    run: {key: "${{ start.sample.name }}"}
    """
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run:\n  metadata: {copy: start, without: {scan_idd: why}}", "scan_idd"),
        ("run:\n  metadata: {stop: {copy: stop, only: {reson: why}}}", "reson"),
        ("streams:\n- {name: s, key: k, events: {without: {filed: why}}}", "filed"),
        (
            "streams:\n- {name: s, key: k, data: [{name: d, store: array, key: k,\n"
            "  metadata: {copy: data_key, without: {unit: why}}}]}",
            "unit",
        ),
    ],
)
def test_only_what_is_there_can_be_left_out(text: str, words: str) -> None:
    problem = one(text)
    assert problem.code == "TM209"
    assert underlined(text, problem.span) == words
    assert problem.label.startswith("did you mean")


# ---------------------------------------------------------------- imports, dtypes, dates


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("copy:copy", None),
        ("os:getcwd", "TM212"),
        ("collections:OrderedDict", "TM212"),
        ("os.path:jion", "TM211"),
        ("no_such_package.writers:fix", "TM211"),
    ],
)
def test_a_hook_is_a_function_of_one_document(reference: str, code: str | None) -> None:
    text = f'hooks: {{fix: {{document: start, function: "{reference}"}}}}'
    assert found(text) == ([code] if code else [])


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("tiledmap.runtime.consolidators.base:Consolidator", None),
        ("bluesky_tiled_plugins.writing.consolidators:HDF5Consolidator", "TM212"),
        ("collections:OrderedDict", "TM212"),
        ("os.path:join", "TM212"),
        ("no_such_package:Consolidator", "TM211"),
    ],
)
def test_a_consolidator_is_a_class_of_its_kind(reference: str, code: str | None) -> None:
    text = f'assets: [{{name: a, join: stack, consolidator: "{reference}"}}]'
    assert found(text) == ([code] if code else [])


def test_a_module_that_fails_when_it_is_imported_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "failing_module.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    problem = one("hooks: {fix: {document: start, function: 'failing_module:fix'}}")
    assert problem.code == "TM211"
    assert "ZeroDivisionError" in problem.message


@pytest.mark.parametrize(
    ("dtype", "known"),
    [("int32", True), ("<i4", True), ("<U16", True), ("int33", False), ("flot64", False)],
)
def test_dtypes_are_numpys(dtype: str, known: bool) -> None:
    repaired = '{name: a, reason: b, match: {name: x}, set: {dtype_numpy: "%s"}}'
    rule = '{name: d, drop: why, match: {dtype_numpy: "%s"}}'
    for text in (
        f"repair: {{data_keys: [{repaired}]}}",
        f"streams: [{{name: s, key: k, data: [{rule}]}}]",
    ):
        assert found(text % dtype) == ([] if known else ["TM213"])


def test_a_repair_matches_dtypes_that_numpy_does_not_know() -> None:
    match = "{dtype_numpy: DBF_DOUBLE}"
    text = f"repair: {{data_keys: [{{name: a, reason: b, match: {match}, dtype: float64}}]}}"
    assert found(text) == []


def test_a_pattern_of_dtypes_is_not_a_dtype() -> None:
    rule = "{name: d, drop: why, match: {dtype_numpy: '<U*'}}"
    assert found(f"streams: [{{name: s, key: k, data: [{rule}]}}]") == []


def test_a_repair_that_has_expired_is_a_warning() -> None:
    subject = beamline("repair: {roots: [{name: old, prefix: /a, becomes: /b, until: 2026-03-01}]}")
    assert codes(check_sound, subject) == []
    problem = only(check_sound, replace(subject, today=datetime.date(2026, 3, 2)))
    assert problem.code == "TM214"


# ---------------------------------------------------------------- all checks


def test_every_check_is_listed_once() -> None:
    names = [run.__name__ for run in CHECKS]
    assert names == [
        "check_sound",
        "check_total",
        "check_unambiguous",
        "check_storable",
        "check_readable",
    ]
    assert all(isinstance(run, types.FunctionType) for run in CHECKS)


def test_a_shipped_mapping_has_no_problems() -> None:
    assert validate("bluesky-v3") == []


def test_a_field_that_does_not_exist_is_reported_once_with_its_other_places() -> None:
    text = "run:\n  parent: ['${{ start.uidd }}']\n  key: ${{ start.uidd }}\n"
    (problem,) = (found for found in check(beamline(text)) if found.code == "TM201")
    (note,) = problem.notes
    assert note.span is not None
    assert note.span.line == problem.span.line + 1
    assert underlined(text, problem.span) == underlined(text, note.span) == "uidd"


def test_problems_that_only_look_alike_are_kept() -> None:
    here, there = Span("a", 1, 1, 1, 2), Span("a", 2, 1, 2, 2)
    alike = [Problem("TM203", span, "'start.x' may be absent") for span in (there, here, here)]
    assert merge_causes(alike) == [alike[1], alike[0]]


def test_a_mapping_on_nothing_can_be_checked() -> None:
    subject = alone("tiledmap: 1\nname: a\nversion: 1.0.0\nrun: {key: '${{ start.uid }}'}\n")
    assert codes(check_sound, subject) == []


@pytest.mark.parametrize(
    ("document", "field", "message"),
    [
        (
            "start",
            "scan_id: soon",
            "'scan_id' of a start document must be an integer; this is text",
        ),
        (
            "start",
            "scan_id: '${{ start.time }}'",
            "'scan_id' of a start document must be an integer; this is a number",
        ),
        (
            "data_keys",
            "units: 5",
            "'units' of a data key must be text or nothing; this is an integer",
        ),
        (
            "stop",
            "exit_status: good",
            "'exit_status' of a stop document cannot be 'good'",
        ),
    ],
)
def test_a_repair_keeps_the_type_of_a_field(document: str, field: str, message: str) -> None:
    text = f"repair: {{{document}: [{{name: r, set: {{{field}}}, reason: why}}]}}"
    problem = only(check_sound, beamline(text))
    assert (problem.code, problem.message) == ("TM206", message)


def test_a_repair_can_set_what_nobody_has_declared() -> None:
    text = "repair: {data_keys: [{name: r, set: {asset: true, units: mm}, reason: why}]}"
    assert codes(check_sound, beamline(text)) == []


@pytest.mark.parametrize("name", ["class", "True", "a-b"])
def test_an_item_is_called_what_an_expression_can_say(name: str) -> None:
    text = f"run: {{access_tags: [{{each: \"['a']\", as: {name!r}, tag: a}}]}}"
    problem = only(check_sound, beamline(text))
    assert problem.code == "TM010"


@pytest.mark.parametrize("source", ["settings", "has(settings)", "default(settings, 1)"])
def test_settings_are_named_one_by_one(source: str) -> None:
    text = f"run: {{metadata: {{start: {{copy: start}}, a: '${{{{ {source} }}}}'}}}}"
    problem = only(check_sound, beamline(text))
    assert (problem.code, problem.message) == ("TM202", "'settings' is no value; name one")


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("{type: object, required: [{a: b}]}", "is not of type 'string' in 'required'"),
        ("{type: string, pattern: '('}", "is not a 'regex' in 'pattern'"),
        ("{type: integer, minimum: x}", "is not of type 'number' in 'minimum'"),
    ],
)
def test_a_declaration_that_is_not_a_json_schema_is_an_error(schema: str, message: str) -> None:
    subject = beamline(f"source: {{start: {{properties: {{field: {schema}}}}}}}")

    (problem,) = check_sound(subject)

    assert problem.code == "TM010"
    assert message in problem.message


# ---------------------------------------------------------------- files and coordinates


def coordinate(more: str) -> str:
    return f"streams: [{{name: every-stream, coordinates: [{{name: a, key: a, {more}}}]}}]"


BINS = "descriptor.configuration.det.data.bins"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (f'when: "has({BINS})", from: {BINS}', None),
        (f"when: 'has(descriptor.configuration[\"det\"].data.bins)', from: {BINS}", None),
        (f'from: "default({BINS}, [])"', None),
        (f"from: {BINS}", "TM203"),
        ("from: descriptor.configuration.det.dta.bins", "TM203"),
        ("from: '[1.5, start.time]', type: float64", None),
        ("from: start.time", "TM206"),
        ("from: '[1.5]', type: flaot64", "TM213"),
        ("from: '[data_key.size]'", "TM200"),
        ("from: '[event.time]'", "TM200"),
    ],
)
def test_a_coordinate_is_a_list_that_is_there(more: str, code: str | None) -> None:
    assert found(coordinate(more)) == ([code] if code else [])


@pytest.mark.parametrize(
    ("repair", "code"),
    [
        ("dtype: int32", None),
        ("dtype: '<U16'", None),
        ("dtype: itn32", "TM213"),
        ("units: mm", None),
        ("units: 'in ${{ data_key.name }}'", None),
        ("units: '${{ data_key.size }}'", "TM206"),
        ("units: '${{ data_key.units }}'", "TM203"),
        ("set: {shape: [1, '${{ data_key.size }}']}", None),
        ("set: {shape: [1, '${{ data_key.name }}']}", "TM206"),
    ],
)
def test_what_a_repair_says_of_a_data_key_fits(repair: str, code: str | None) -> None:
    text = f"repair: {{data_keys: [{{name: a, match: {{name: x}}, reason: wrong, {repair}}}]}}"
    assert found(text) == ([code] if code else [])


KWARGS = "resource.resource_kwargs.path"


@pytest.mark.parametrize(
    ("type", "value", "code"),
    [
        ("string", f"${{{{ {KWARGS} }}}}", None),
        ("string", f"${{{{ default({KWARGS}, 'x') }}}}", "TM208"),
        ("[string, 'null']", f"${{{{ default({KWARGS}, 'x') }}}}", None),
        ("[string, 'null']", f"${{{{ {KWARGS} }}}}", "TM203"),
    ],
)
def test_kwargs_are_there_unless_they_may_be_null(type: str, value: str, code: str | None) -> None:
    text = f"""
    repair:
      resources:
        - name: own
          match: {{spec: OWN}}
          mimetype: application/x-hdf5
          kwargs: {{path: {{type: {type}}}}}
          parameters: {{dataset: "{value}"}}
          reason: by convention
    """
    assert found(text) == ([code] if code else [])


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("mimetype: a/b, parameters: {template: '${{ pad(index, 4) }}'}", None),
        ("mimetype: a/b, parameters: {dataset: '${{ index }}'}", "TM200"),
        ("mimetype: a/b, parameters: {deep: [{template: '${{ index }}'}]}", "TM200"),
        ("mimetype: a/b, when: index > 3", "TM200"),
    ],
)
def test_a_file_has_a_number_only_in_a_template(place: str, code: str | None) -> None:
    text = f"repair: {{resources: [{{name: a, match: {{spec: A}}, reason: so, {place}}}]}}"
    assert found(text) == ([code] if code else [])


def test_a_consolidator_that_a_package_registers_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registered = {"good": "tiledmap.runtime.consolidators.base:Consolidator", "bad": "os:getcwd"}
    monkeypatch.setattr(
        "importlib.metadata.entry_points",
        lambda group, name: [
            importlib.metadata.EntryPoint(name, registered[name], group)
            for name in [name]
            if name in registered
        ],
    )
    assert found("assets: [{name: a, consolidator: good}]") == []
    assert found("assets: [{name: a, consolidator: bad}]") == ["TM212"]
