import pytest

from tests.check.subjects import beamline, codes, only, shipped, subject_of
from tiledmap.check.unambiguous import check_unambiguous


@pytest.mark.parametrize("name", ["bluesky-v3", "bluesky-streams", "bluesky-2024"])
def test_shipped_mappings_are_unambiguous(name: str) -> None:
    assert codes(check_unambiguous, subject_of(shipped(name))) == []


def data_rules(rules: str) -> str:
    return "streams:\n  - name: every-stream\n    data:\n" + "".join(
        f"      - {{{rule}}}\n" for rule in rules.strip().splitlines()
    )


# ---------------------------------------------------------------- order


def test_a_rule_that_an_earlier_one_leaves_nothing_is_never_reached() -> None:
    rules = """
name: detectors, match: {name: "pil*"}, drop: too large
name: pilatus, match: {name: [pil1M_image, "pil2*"]}, store: array, key: "${{ data_key.name }}"
"""
    problem = only(check_unambiguous, beamline(data_rules(rules)))
    assert problem.code == "TM310"
    assert "'detectors' takes all that it matches" in problem.message


def test_several_rules_can_leave_nothing_together() -> None:
    rules = """
name: in-files, match: {external: present, name: "pil*"}, drop: too large
name: in-events, match: {external: absent}, drop: too small
name: pilatus, match: {name: pil1M_image}, drop: never reached
"""
    problem = next(check_unambiguous(beamline(data_rules(rules))))
    assert problem.code == "TM310"
    assert "'in-files' and 'in-events' together take all" in problem.message
    assert len(problem.notes) == 2


def test_a_rule_with_a_condition_may_leave_all() -> None:
    rules = """
name: detectors, match: {name: "pil*"}, when: data_key.size > 16, drop: too large
name: pilatus, match: {name: pil1M_image}, drop: never read back
"""
    assert codes(check_unambiguous, beamline(data_rules(rules))) == []


def test_a_match_that_nothing_fits_is_never_reached() -> None:
    problem = only(
        check_unambiguous, beamline(data_rules("name: floats, match: {dtype: numbre}, drop: why"))
    )
    assert problem.code == "TM310"
    assert problem.message == "rule 'floats' can never apply: no dtype is 'numbre'"
    assert problem.hint == "did you mean 'number'?"


def test_streams_and_assets_have_an_order_too() -> None:
    subject = beamline(
        """
        streams:
          - {name: monitors, match: {name: "*_monitor"}, drop: live only}
          - {name: ring, match: {name: ring_monitor}, drop: live only}
        assets:
          - {name: any-text, match: {mimetype: "text/*"}, refuse: no text is read}
          - {name: plain, match: {mimetype: text/plain}, refuse: no plain text is read}
        """
    )
    assert codes(check_unambiguous, subject) == ["TM310", "TM310", "TM310"]
    # The third is the inherited rule for csv, which any-text hides.


def test_rules_that_differ_only_by_their_condition_are_pointed_out() -> None:
    rules = """
name: large, match: {dtype: array}, when: data_key.size > 100, drop: too large
name: flat, match: {dtype: array}, when: data_key.ndim == 1, drop: never read back
"""
    problem = next(check_unambiguous(beamline(data_rules(rules))))
    assert problem.code == "TM316"
    assert problem.label == "where both are true, 'large' wins"


def test_what_is_at_odds_with_an_inherited_rule_is_shown_in_the_mapping_itself() -> None:
    subject = beamline(data_rules("name: all, drop: nothing is read back"))
    problems = list(check_unambiguous(subject))
    assert problems
    for problem in problems:
        assert problem.span.file == "<text>"
        assert [note.message for note in problem.notes] == ["the other is inherited"]


# ---------------------------------------------------------------- nodes


def test_a_stream_of_any_name_has_a_key_of_its_own() -> None:
    subject = beamline("streams:\n  - {name: every-stream, key: primary}\n")
    problem = only(check_unambiguous, subject)
    assert problem.code == "TM311"
    assert problem.message == "all streams that 'every-stream' takes would be one node"


def test_two_streams_do_not_share_a_key() -> None:
    data = "data: [{name: all, drop: never read back}]"
    subject = beamline(
        f"""
        streams:
          - {{name: dark, match: {{name: dark}}, key: calibration, {data}}}
          - {{name: flat, match: {{name: flat}}, key: calibration, {data}}}
        """
    )
    problem = only(check_unambiguous, subject)
    assert problem.code == "TM311"
    assert "'dark' and 'flat' would write the same node" in problem.message


def test_data_keys_of_one_rule_have_keys_of_their_own() -> None:
    rules = 'name: images, match: {name: "*_image"}, store: array, key: image'
    assert only(check_unambiguous, beamline(data_rules(rules))).code == "TM311"


def test_one_data_key_can_have_a_key_of_any_name() -> None:
    rules = "name: image, match: {name: pil1M_image}, store: array, key: image"
    assert codes(check_unambiguous, beamline(data_rules(rules))) == []


def test_a_data_key_does_not_take_the_key_of_a_table() -> None:
    rules = "name: own, match: {name: internal}, store: array, key: '${{ data_key.name }}'"
    problem = only(check_unambiguous, beamline(data_rules(rules)))
    assert problem.code == "TM311"
    assert "table 'internal' and data rule 'own'" in problem.message


def test_nodes_in_different_containers_may_have_one_key() -> None:
    rules = "name: own, match: {name: a}, store: array, parent: [x], key: internal"
    assert codes(check_unambiguous, beamline(data_rules(rules))) == []


# ---------------------------------------------------------------- tables, columns


def table(text: str, key: str = "second") -> str:
    return f"""
streams:
  - name: every-stream
    tables:
      - name: second
        key: {key}
        columns:
          {text}
"""


def test_two_tables_do_not_share_a_key() -> None:
    column = "- {column: seq_num, from: event.seq_num}"
    assert codes(check_unambiguous, beamline(table(column, "internal"))) == ["TM311"]


def test_a_table_needs_something_to_hold() -> None:
    column = '- {column: "${{ data_key.name }}", keys: {stored: table}, from: value}'
    problem = only(check_unambiguous, beamline(table(column)))
    assert problem.code == "TM314"


def test_a_table_may_hold_what_belongs_to_arrays() -> None:
    column = '- {column: "ts_${{ data_key.name }}", keys: {stored: array}, from: timestamp}'
    assert codes(check_unambiguous, beamline(table(column))) == []


def test_a_data_rule_names_a_table_that_there_is() -> None:
    problem = only(
        check_unambiguous,
        beamline(data_rules("name: motors, match: {name: m1}, store: table, table: intrenal")),
    )
    assert problem.code == "TM315"
    assert problem.hint == "did you mean 'internal'?"


@pytest.mark.parametrize(
    "columns",
    [
        "[{column: time, from: event.time}, {column: Time, from: event.time}]",
        "[{column: x, keys: {stored: table}, from: value}]",
        "[{column: 'v_${{ data_key.name }}', keys: {dtype: number}, from: value},"
        " {column: 'V_${{data_key.name}}', keys: {name: 'd*'}, from: value}]",
    ],
    ids=["case", "one name for all", "overlapping keys"],
)
def test_columns_have_names_of_their_own(columns: str) -> None:
    subject = beamline(table("").replace("columns:", f"columns: {columns}"))
    assert "TM312" in codes(check_unambiguous, subject)


def test_columns_of_different_keys_may_have_one_name() -> None:
    columns = (
        "[{column: time, from: event.time},"
        " {column: 'v_${{ data_key.name }}', keys: {dtype: number}, from: value},"
        " {column: 'v_${{ data_key.name }}', keys: {dtype: integer}, from: value}]"
    )
    subject = beamline(table("").replace("columns:", f"columns: {columns}"))
    assert codes(check_unambiguous, subject) == []


# ---------------------------------------------------------------- repairs


def repairs(first: str, second: str, section: str = "data_keys") -> str:
    return f"repair:\n  {section}:\n    - {{{first}}}\n    - {{{second}}}\n"


def test_two_repairs_do_not_set_one_field_of_one_thing() -> None:
    subject = beamline(
        repairs(
            'name: pilatus, match: {name: "pil*"}, set: {dtype_numpy: int32}',
            'name: images, match: {name: "*_image"}, set: {dtype_numpy: uint16, units: counts}',
        )
    )
    problem = only(check_unambiguous, subject)
    assert problem.code == "TM313"
    assert "both set 'dtype_numpy'" in problem.message


@pytest.mark.parametrize(
    "second",
    [
        'name: images, match: {name: "eiger*"}, set: {dtype_numpy: uint16}',
        'name: images, match: {name: "*_image"}, set: {units: counts}',
        'name: images, match: {name: "*_image"}, set: {dtype_numpy: int32}',
        'name: images, match: {name: "*_image"}, set: {dtype_numpy: uint16}, over: pilatus',
    ],
    ids=["other keys", "other field", "same value", "over"],
)
def test_repairs_agree_or_one_is_over_the_other(second: str) -> None:
    first = 'name: pilatus, match: {name: "pil*"}, set: {dtype_numpy: int32}'
    assert codes(check_unambiguous, beamline(repairs(first, second))) == []


def test_specs_meet_without_regard_to_case() -> None:
    subject = beamline(
        "repair:\n  resources:\n    - {name: own, match: {spec: ad_tiff}, mimetype: image/tiff}\n"
    )
    problem = only(check_unambiguous, subject)
    assert problem.code == "TM313"
    assert "'own' and 'area-detector-tiff' both set 'mimetype'" in problem.message


def test_documents_have_one_repair_for_a_field() -> None:
    subject = beamline(
        repairs("name: a, set: {owner: smi}", "name: b, set: {owner: cms}", section="start")
    )
    assert codes(check_unambiguous, subject) == ["TM313"]


def test_one_prefix_becomes_one_path() -> None:
    subject = beamline(
        repairs(
            "name: a, prefix: /nsls2/data1, becomes: /nsls2/data",
            "name: b, prefix: /nsls2/data1, becomes: /nsls2/archive",
            section="roots",
        )
    )
    assert codes(check_unambiguous, subject) == ["TM313"]


def test_a_repair_is_over_one_that_there_is() -> None:
    subject = beamline(
        repairs(
            'name: pilatus, match: {name: "pil*"}, set: {units: counts}',
            'name: mono, match: {name: "mono*"}, set: {units: eV}, over: pilatsu',
        )
    )
    problem = only(check_unambiguous, subject)
    assert (problem.code, problem.hint) == ("TM317", "did you mean 'pilatus'?")


# ---------------------------------------------------------------- runs and roots


def test_runs_do_not_share_a_node() -> None:
    problem = only(check_unambiguous, beamline("run: {key: latest}"))
    assert (problem.code, problem.message) == ("TM311", "all runs would be one node")


@pytest.mark.parametrize(
    "run", ["{parent: ['${{ start.uid }}'], key: run}", "{key: a, on_collision: suffix_uid}"]
)
def test_runs_are_told_apart_by_any_part_of_their_path(run: str) -> None:
    assert codes(check_unambiguous, beamline(f"run: {run}")) == []


def roots(*rules: str) -> str:
    return "repair:\n  roots:\n" + "".join(f"    - {{{rule}}}\n" for rule in rules)


def test_a_root_below_an_earlier_one_finds_nothing() -> None:
    text = roots(
        "name: all, prefix: /nsls2/data1, becomes: /gpfs",
        "name: smi, prefix: /nsls2/data1/smi, becomes: /smi",
    )
    problem = only(check_unambiguous, beamline(text))
    assert problem.code == "TM310"
    assert problem.message == "root 'smi' finds no path: 'all' has rewritten them before"


@pytest.mark.parametrize(
    "first",
    [
        "name: all, prefix: /nsls2/data, becomes: /gpfs",
        "name: all, prefix: /nsls2/data1, becomes: /nsls2/data1/smi",
        "name: all, prefix: /nsls2/data1, becomes: /gpfs, until: 2026-06-30",
        "name: all, prefix: /nsls2/data1, becomes: '${{ start.uid }}'",
    ],
    ids=["another path that begins alike", "rewritten below itself", "expires", "not known"],
)
def test_a_root_may_find_what_an_earlier_one_leaves(first: str) -> None:
    text = roots(first, "name: smi, prefix: /nsls2/data1/smi, becomes: /smi")
    assert codes(check_unambiguous, beamline(text)) == []


@pytest.mark.parametrize("root", ["/data/smi", "${{ settings.root }}"])
def test_what_a_setting_says_of_a_root_counts(root: str) -> None:
    text = f"""
    settings:
      root: {{type: string, default: /data/smi}}
    repair:
      roots:
        - {{name: old, prefix: /nsls2, becomes: "{root}", reason: moved}}
        - {{name: deep, prefix: /nsls2/deep, becomes: /elsewhere, reason: moved}}
    """
    problem = only(check_unambiguous, beamline(text))
    assert problem.code == "TM310"
    assert codes(check_unambiguous, beamline(text, root="/nsls2/deep")) == (
        ["TM310"] if root == "/data/smi" else []
    )


@pytest.mark.parametrize(
    "repair",
    [
        "dtype: int32, set: {dtype_numpy: int64}",
        "dtype: int32, set: {dtype_numpy: int32}",
        "shape: {squeeze: true}, set: {shape: [2, 3]}",
        "dims: [y, x], set: {dims: [a, b]}",
        "units: mm, set: {units: m}",
    ],
)
def test_a_repair_sets_a_field_once(repair: str) -> None:
    text = f"repair: {{data_keys: [{{name: a, reason: wrong, {repair}}}]}}"
    problem = only(check_unambiguous, beamline(text))
    assert problem.code == "TM313"
    assert "twice" in problem.message


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("dtype: int32", "set: {dtype_numpy: '<i4'}", []),
        ("dtype: int32", "set: {dtype_numpy: '<i8'}", ["TM313"]),
        ("shape: {lengths: [1, null]}", "set: {shape: [1, null]}", []),
        ("shape: {pad_left: 3}", "shape: {pad_left: 3}", []),
        ("shape: {pad_left: 3}", "shape: {squeeze: true}", ["TM313"]),
        ("units: mm", "set: {units: mm}", []),
        ("dims: [y, x]", "dims: [x, y]", ["TM313"]),
    ],
)
def test_a_field_is_the_same_however_it_is_set(one: str, other: str, found: list[str]) -> None:
    text = (
        f"repair: {{data_keys: [{{name: a, reason: wrong, {one}}},"
        f" {{name: b, reason: wrong, {other}}}]}}"
    )
    assert codes(check_unambiguous, beamline(text)) == found


@pytest.mark.parametrize(
    ("key", "found"), [("energy", []), ("internal", ["TM311"]), ("other", ["TM311"])]
)
def test_a_coordinate_has_a_key_of_its_own(key: str, found: list[str]) -> None:
    text = f"""
    streams:
      - name: every-stream
        coordinates:
          - {{name: energies, key: {key}, from: "[1.0]"}}
          - {{name: others, key: other, from: "[1.0]"}}
    """
    assert codes(check_unambiguous, beamline(text)) == found


@pytest.mark.parametrize(
    "rule",
    [
        "sidecars: [{parameter: a, uri: 'x'}, {parameter: a, uri: 'y'}]",
        "asset_parameter: a, sidecars: [{parameter: a, uri: 'x'}]",
        "parameters: {a: 1}, sidecars: [{parameter: a, uri: 'x'}]",
    ],
)
def test_a_parameter_of_an_adapter_is_given_once(rule: str) -> None:
    text = f"assets: [{{name: own, match: {{mimetype: a/b}}, consolidator: bytes, {rule}}}]"
    assert codes(check_unambiguous, beamline(text)) == ["TM015"]


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("/nsls2/data1", []),
        ("C:/data", []),
        ("nsls2/data1", ["TM310"]),
        ("file:///nsls2", ["TM310"]),
        ("''", ["TM310"]),
    ],
)
def test_a_root_is_the_beginning_of_an_absolute_path(prefix: str, found: list[str]) -> None:
    text = f"repair: {{roots: [{{name: a, prefix: {prefix}, becomes: /b, reason: moved}}]}}"
    assert codes(check_unambiguous, beamline(text)) == found
