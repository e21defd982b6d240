import pytest

from tests.check.subjects import beamline, codes, only, shipped, subject_of
from tiledmap.check.storable import ADAPTERS, OF_TIMESTAMPS, RESERVED, check_storable
from tiledmap.runtime import names


@pytest.mark.parametrize("name", ["bluesky-v3", "bluesky-streams", "bluesky-2024"])
def test_shipped_mappings_are_storable(name: str) -> None:
    found = codes(check_storable, subject_of(shipped(name)))
    assert set(found) <= {"TM415"}  # of which comments say why it does not matter


@pytest.mark.parametrize(
    "key",
    [
        "smi/runs",
        "..",
        '""',
        "50%",
        "why?",
        '"tab\\tin the middle"',
        "k" * 256,
        "é" * 128,
        '"#${{ start.uid }}"',
    ],
)
def test_keys_that_tiled_cannot_serve_are_found(key: str) -> None:
    assert codes(check_storable, beamline(f"run:\n  key: {key}\n")) == ["TM400"]


@pytest.mark.parametrize("key", ["smi", "Ü 1, 2; 'x' = {y}", '"a..b"', "k" * 255])
def test_keys_that_tiled_serves_are_fine(key: str) -> None:
    assert codes(check_storable, beamline(f'run:\n  parent: ["x", {key!r}]\n')) == []


def test_each_step_of_a_parent_is_a_key() -> None:
    problem = only(check_storable, beamline("run:\n  parent: [smi, 2026/1]\n"))
    assert problem.span.column == 17
    assert "give each step of 'parent' on its own" in problem.message


def with_column(column: str) -> str:
    return f"""
streams:
  - name: every-stream
    tables:
      - name: internal
        columns: {{append: [{{{column}}}]}}
"""


@pytest.mark.parametrize(
    "name",
    ["2theta", "_dark", "Ångström", "a(b)", "a=b", "50%", "a--b", "it's", "rowid", "c" * 64, ""],
)
def test_column_names_that_a_database_refuses_are_found(name: str) -> None:
    column = f'column: "{name}", from: event.time'
    assert codes(check_storable, beamline(with_column(column))) == ["TM401"]


@pytest.mark.parametrize("name", ["select", "a b", "a-b", "a.b:c[0]", "time_", "c" * 63])
def test_column_names_that_databases_take_are_fine(name: str) -> None:
    column = f'column: "{name}", from: event.time'
    assert codes(check_storable, beamline(with_column(column))) == []


def test_columns_are_not_uint64() -> None:
    column = "column: count, type: uint64, from: event.seq_num"
    assert codes(check_storable, beamline(with_column(column))) == ["TM402"]


def test_a_row_has_no_more_columns_than_postgresql_takes() -> None:
    problem = only(check_storable, beamline("", max_columns=1500))
    assert problem.code == "TM403"
    assert problem.message.startswith("1500 columns")


@pytest.mark.parametrize("dims", ["[time, ..., ...]", "[time, y, y]", "[]", '[time, " "]'])
def test_dims_fit_some_data(dims: str) -> None:
    rule = f"{{name: own, match: {{name: a}}, store: array, key: a, dims: {dims}}}"
    subject = beamline(f"streams:\n  - name: every-stream\n    data: [{rule}]\n")
    assert codes(check_storable, subject) == ["TM404"]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("consolidator: hdf5, join: stack", "TM405"),
        ("consolidator: tiff, join: stack, needs: [dataset]", "TM405"),
        ("consolidator: hdf6", "TM406"),
        ("consolidator: 'not a module'", "TM406"),
        ("consolidator: csv", "TM408"),
        ("match: {mimetype: hdf5}, consolidator: bytes", "TM412"),
        ("match: {mimetype: text/}, consolidator: bytes", "TM412"),
    ],
)
def test_asset_rules_say_what_a_consolidator_needs(rule: str, code: str) -> None:
    subject = beamline(f"assets:\n  - {{name: own, {rule}}}\n")
    assert codes(check_storable, subject) == [code]


@pytest.mark.parametrize(
    "rule",
    [
        "consolidator: hdf5, join: stack, needs: [dataset]",
        "consolidator: hdf5, join: concat, parameters: {dataset: entry/data}",
        "consolidator: beamline.files:Consolidator",
        "match: {mimetype: 'image/*'}, consolidator: bytes",
        "match: {mimetype: multipart/related;type=image/tiff}, consolidator: bytes",
    ],
)
def test_asset_rules_that_say_enough_are_fine(rule: str) -> None:
    assert codes(check_storable, beamline(f"assets:\n  - {{name: own, {rule}}}\n")) == []


def test_a_misspelt_consolidator_is_named_right() -> None:
    problem = only(check_storable, beamline("assets: [{name: own, consolidator: tif}]"))
    assert problem.hint == "did you mean 'tiff'?"


def specs(*texts: str) -> str:
    return "run:\n  specs:\n" + "".join(f"    - {{spec: {text}}}\n" for text in texts)


def test_a_node_has_at_most_twenty_specs() -> None:
    assert codes(check_storable, beamline(specs(*(f"S{n}" for n in range(21))))) == ["TM407"]
    assert codes(check_storable, beamline(specs(*(f"S{n}" for n in range(20))))) == []


def test_a_spec_is_not_too_long() -> None:
    assert codes(check_storable, beamline(specs("S" * 256))) == ["TM407"]
    assert codes(check_storable, beamline(specs("S" * 255 + "/1.0"))) == []


def test_a_spec_is_given_once() -> None:
    assert codes(check_storable, beamline(specs("XASRun/1.0", "XASRun/1.0"))) == ["TM409"]
    assert codes(check_storable, beamline(specs("XASRun/1.0", "XASRun/1.1"))) == []


@pytest.mark.parametrize(
    "value",
    ["18446744073709551616", "-9223372036854775809", ".inf", "-.inf", ".nan", "[1, {a: 1.0e+300}]"],
)
def test_metadata_that_cannot_be_stored_is_found(value: str) -> None:
    assert codes(check_storable, beamline(f"run: {{metadata: {{start: {value}}}}}")) == ["TM410"]


@pytest.mark.parametrize("value", ["18446744073709551615", "1.5", "true", "'1e300'", "[1, {a: 2}]"])
def test_metadata_that_is_stored_exactly_is_fine(value: str) -> None:
    assert codes(check_storable, beamline(f"run: {{metadata: {{start: {value}}}}}")) == []


def test_what_a_repair_sets_is_stored_too() -> None:
    subject = beamline("repair: {start: [{name: far, set: {distance: .inf}}]}")
    assert codes(check_storable, subject) == ["TM410"]


@pytest.mark.parametrize(
    "run",
    [
        "access_tags: [{tag: beamline}]",
        "access_tags: [{when: has(start.owner), tag: beamline}], untagged: store",
        "access_tags: [{when: has(start.owner), tag: beamline}], untagged: refuse",
        "access_tags: [{when: has(start.owner), tag: beamline}], fallback_tags: [staff]",
    ],
)
def test_tags_that_say_what_happens_without_them_are_fine(run: str) -> None:
    assert codes(check_storable, beamline(f"run: {{{run}}}")) == []


def test_a_mapping_that_adds_conditional_tags_says_what_happens_without_them() -> None:
    subject = beamline("run: {access_tags: {prepend: [{when: has(start.owner), tag: beamline}]}}")
    problem = only(check_storable, subject)
    assert problem.code == "TM411"
    assert problem.span.file == "<text>"


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("match: {shape: scalar}, store: array, dims: [time]", []),
        ("match: {shape: scalar}, store: array, dims: [time, x]", ["TM404"]),
        ("match: {shape: ragged}, store: ragged, dims: [time, x]", []),
        ("match: {shape: ragged}, store: ragged, dims: [time]", ["TM404"]),
        ("match: {shape: fixed}, store: array, dims: [time]", ["TM404"]),
        ("match: {shape: [fixed, scalar]}, store: array, dims: [time]", []),
        ("match: {shape: fixed}, store: files, dims: [time]", []),
    ],
)
def test_dims_are_as_many_as_what_is_stored_has(rule: str, found: list[str]) -> None:
    rule = f"{{name: own, key: '${{{{ data_key.name }}}}', {rule}}}"
    subject = beamline(f"streams:\n  - name: every-stream\n    data: [{rule}]\n")
    assert codes(check_storable, subject) == found


@pytest.mark.parametrize(
    ("repair", "found"),
    [
        ("dims: [y, x]", []),
        ("dims: [y, y]", ["TM404"]),
        ("dims: [time, ...]", ["TM404"]),
        ("dims: [y, x], shape: {lengths: [1, null]}", []),
        ("dims: [y, x], shape: {lengths: [1, 2, 3]}", ["TM404"]),
        ("dims: [y], shape: {lengths: [1, 2, 3], squeeze: true}", []),
        ("dims: [y, x], shape: {pad_left: 3}", ["TM404"]),
        ("dims: [z, y, x], shape: {pad_left: 2}", []),
    ],
)
def test_dims_of_a_data_key_fit_its_shape(repair: str, found: list[str]) -> None:
    text = f"repair: {{data_keys: [{{name: a, reason: wrong, {repair}}}]}}"
    assert codes(check_storable, beamline(text)) == found


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("key: energy, dims: [energy]", []),
        ("key: energy, dims: [energy, ...]", ["TM404"]),
        ("key: a/b", ["TM400"]),
        ("key: a, specs: [{spec: Axis}, {spec: Axis}]", ["TM409"]),
        ("key: a, metadata: {x: .nan}", ["TM410"]),
    ],
)
def test_a_coordinate_is_a_node_like_others(more: str, found: list[str]) -> None:
    rule = f"{{name: energies, from: '[1.0]', {more}}}"
    subject = beamline(f"streams:\n  - name: every-stream\n    coordinates: [{rule}]\n")
    assert codes(check_storable, subject) == found


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("match: {mimetype: application/x-pizza}, consolidator: bytes", ["TM413"]),
        ("match: {mimetype: application/x-hdf}, consolidator: zarr, join: stack", ["TM413"]),
        ("match: {mimetype: application/x-pizza}, consolidator: 'beamline.files:Reader'", []),
        ("match: {mimetype: 'application/*'}, consolidator: bytes", []),
        ("match: {mimetype: application/x-pizza}, refuse: 'no'", []),
    ],
)
def test_a_mimetype_needs_an_adapter(rule: str, found: list[str]) -> None:
    assert codes(check_storable, beamline(f"assets:\n  - {{name: own, {rule}}}\n")) == found


def test_tiled_s_own_adapters_are_those_that_are_known_here() -> None:
    from tiled.mimetypes import DEFAULT_ADAPTERS_BY_MIMETYPE

    assert set(DEFAULT_ADAPTERS_BY_MIMETYPE) == ADAPTERS


# ---------------------------------------------------------------- new names, files of specs


@pytest.mark.parametrize("name", [*RESERVED, "Time", "ts_det", '"ts_${{ data_key.name }}"'])
def test_a_data_key_is_not_called_what_stands_for_something_else(name: str) -> None:
    subject = beamline(f"repair: {{data_keys: [{{name: a, rename: {name}}}]}}")
    assert codes(check_storable, subject) == ["TM414"]


@pytest.mark.parametrize("name", ["clock", "times", '"${{ data_key.name }}_ts_"'])
def test_other_names_are_free(name: str) -> None:
    subject = beamline(f"repair: {{data_keys: [{{name: a, rename: {name}}}]}}")
    assert codes(check_storable, subject) == []


def test_the_names_are_those_that_the_writer_keeps_to_itself() -> None:
    assert (RESERVED, OF_TIMESTAMPS) == (names.RESERVED, names.OF_TIMESTAMPS)


SPECTRA = """\
repair:
  resources:
    - name: spectra
      match: {{spec: XSPRESS4}}
      mimetype: {mimetype}
{more}
"""
HDF5 = "application/x-hdf5"


@pytest.mark.parametrize(
    ("mimetype", "needed"),
    [
        (HDF5, "dataset"),
        ("multipart/related;type=image/tiff", "template"),
        ("multipart/related;type=image/jpeg", "template"),
    ],
)
def test_it_is_said_how_the_files_of_a_spec_are_read(mimetype: str, needed: str) -> None:
    problem = only(check_storable, beamline(SPECTRA.format(mimetype=mimetype, more="")))
    assert problem.code == "TM415"
    assert problem.message == f"nothing says which {needed} the files have that 'spectra' takes"
    assert f"parameters: {{{needed}: …}}" in problem.hint


@pytest.mark.parametrize(
    "more",
    [
        "      parameters: {dataset: entry/data}",
        "      kwargs: {dataset: {type: string}}",
        "    - {name: all, match: {spec: 'XSP*'}, over: spectra, parameters: {dataset: a}}",
        "  datums:\n    - {name: all, match: {spec: xspress4}, parameters: {dataset: entry/data}}",
        "assets:\n  - {name: hdf5, match: {mimetype: application/x-hdf5}, consolidator: hdf5, "
        "join: stack, parameters: {dataset: entry/data}}",
        "assets:\n  - {name: own, match: {mimetype: application/x-hdf5, data_key: x}, "
        "consolidator: hdf5, needs: [dataset], join: stack}",
    ],
)
def test_whoever_says_it_has_said_it(more: str) -> None:
    assert codes(check_storable, beamline(SPECTRA.format(mimetype=HDF5, more=more))) == []


def test_what_is_no_file_of_a_spec_needs_nothing() -> None:
    text = "repair: {resources: [{name: a, match: {root: /data}, mimetype: application/x-hdf5}]}"
    assert codes(check_storable, beamline(text)) == []
