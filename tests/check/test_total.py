import pytest

from tests.check.subjects import alone, beamline, codes, only, shipped, subject_of
from tiledmap.check.total import check_total

LAYOUT = """
run:
  key: ${{ start.uid }}
  metadata:
    start: {copy: start}
    stop: {copy: stop}
"""
STREAM = """
streams:
  - name: every-stream
    key: ${{ default(descriptor.name, 'primary') }}
    metadata: {copy: descriptor}
    events:
      without:
        uid: rows need no name
        descriptor: is the stream
        filled: files are never loaded
"""
DATA = """\
    data:
      - {name: files, match: {external: present}, drop: no detector here writes files}
      - {name: scalars, store: table, table: events}
    tables:
      - name: events
        key: events
        columns:
          - {column: seq_num, from: event.seq_num}
          - {column: time, from: event.time}
          - {column: "${{ data_key.name }}", keys: {stored: table}, from: value}
          - {column: "ts_${{ data_key.name }}", keys: {stored: table}, from: timestamp}
"""


@pytest.mark.parametrize("name", ["bluesky-v3", "bluesky-streams", "bluesky-2024"])
def test_shipped_mappings_forget_nothing(name: str) -> None:
    assert codes(check_total, subject_of(shipped(name))) == []


def test_a_small_layout_can_be_total() -> None:
    assert codes(check_total, alone(LAYOUT + STREAM + DATA)) == []


def test_the_last_stream_rule_takes_what_is_left() -> None:
    conditional = STREAM.replace("key: $", "when: has(descriptor.hints)\n    key: $", 1)
    problem = only(check_total, alone(LAYOUT + conditional + DATA))
    assert problem.code == "TM300"
    assert problem.message == "any stream may match no rule of streams"


def test_a_star_does_not_take_streams_without_a_name() -> None:
    named = STREAM.replace("key: $", 'match: {name: "*"}\n    key: $', 1)
    problem = only(check_total, alone(LAYOUT + named + DATA))
    assert problem.message == "a stream without name may match no rule of streams"


def test_dropping_streams_is_a_way_of_taking_them() -> None:
    named = STREAM.replace("key: $", 'match: {name: "prim*"}\n    key: $', 1)
    rest = "  - {name: rest, drop: only primary is read back}\n"
    assert codes(check_total, alone(LAYOUT + named + DATA + rest)) == []


def test_data_rules_take_every_data_key() -> None:
    narrowed = DATA.replace("scalars,", "scalars, match: {dtype: [number, integer]},")
    problem = only(check_total, alone(LAYOUT + STREAM + narrowed))
    assert problem.code == "TM301"
    assert "without external and with dtype 'string'" in problem.message


def test_rules_that_together_leave_nothing_need_no_last_one() -> None:
    shared = DATA.replace(
        "      - {name: scalars, store: table, table: events}\n",
        "      - {name: scalars, match: {dtype: [number, integer]}, store: table, table: events}\n"
        "      - {name: others, match: {dtype: [string, array, boolean]}, store: table,"
        " table: events}\n",
    )
    assert codes(check_total, alone(LAYOUT + STREAM + shared)) == []


def test_values_in_a_table_need_a_column() -> None:
    numbers = DATA.replace(
        "keys: {stored: table}, from: value", "keys: {dtype: number}, from: value"
    )
    problem = only(check_total, alone(LAYOUT + STREAM + numbers))
    assert problem.code == "TM303"
    assert "'scalars' stores them" in problem.notes[0].message.replace("data rule ", "")


def test_stored_files_need_an_asset_rule() -> None:
    files = DATA.replace("drop: no detector here writes files", "store: files, key: image")
    assert codes(check_total, alone(LAYOUT + STREAM + files)) == ["TM304"]


def test_every_mimetype_needs_an_asset_rule() -> None:
    files = DATA.replace("drop: no detector here writes files", "store: files, key: image")
    assets = """
assets:
  - {name: hdf5, match: {mimetype: application/x-hdf5}, consolidator: hdf5, join: stack}
"""
    problem = only(check_total, alone(LAYOUT + STREAM + files + assets))
    assert problem.code == "TM304"
    assert problem.message == "a file with another mimetype may match no rule of assets"


def test_a_start_document_is_copied_or_left_out_for_a_reason() -> None:
    problem = only(check_total, alone(LAYOUT.replace("start: {copy: start}", "") + STREAM + DATA))
    assert problem.code == "TM302"
    assert problem.message == "nothing of a start document goes anywhere"


def test_fields_that_are_picked_one_by_one_leave_others_behind() -> None:
    picked = LAYOUT.replace("{copy: start}", "{uid: '${{ start.uid }}', time: '${{ start.time }}'}")
    problem = only(check_total, alone(picked + STREAM + DATA))
    assert problem.message.startswith("a start's fields 'data_groups', ")
    assert problem.message.endswith("'scan_id', all others go nowhere")


def test_only_says_why_the_rest_may_go() -> None:
    few = LAYOUT.replace("{copy: stop}", "{copy: stop, only: {uid: the rest is in the log book}}")
    assert codes(check_total, alone(few + STREAM + DATA)) == []


CLOSING = LAYOUT.replace("  metadata:", "  unfinished: close\n  metadata:", 1)


@pytest.mark.parametrize(
    "stop",
    [
        "{copy: stop, without: {synthesised_by: nobody asks}}",
        "{copy: stop, only: {uid: the rest is in the log book}}",
    ],
)
def test_a_stop_document_that_is_made_up_must_say_so(stop: str) -> None:
    problem = only(check_total, alone(CLOSING.replace("{copy: stop}", stop) + STREAM + DATA))
    assert problem.code == "TM306"
    assert problem.message == "a stop document that is made up loses its field 'synthesised_by'"


@pytest.mark.parametrize("stop", ["{copy: stop}", "{copy: stop, only: {synthesised_by: enough}}"])
def test_a_stop_document_that_is_made_up_says_so_where_it_is_copied(stop: str) -> None:
    assert codes(check_total, alone(CLOSING.replace("{copy: stop}", stop) + STREAM + DATA)) == []


def test_a_descriptor_is_copied_or_left_out_for_a_reason() -> None:
    problem = only(
        check_total, alone(LAYOUT + STREAM.replace("    metadata: {copy: descriptor}\n", "") + DATA)
    )
    assert problem.code == "TM302"
    assert problem.message == (
        "nothing of a descriptor document goes anywhere in stream rule 'every-stream'"
    )


def test_each_field_of_an_event_has_a_column_or_a_reason() -> None:
    problem = only(
        check_total, alone(LAYOUT + STREAM.replace("        uid: rows need no name\n", "") + DATA)
    )
    assert problem.message == "an event's field 'uid' goes nowhere in stream rule 'every-stream'"
    assert "events: {without: {uid: why}}" in problem.hint


def test_timestamps_have_columns_or_a_reason() -> None:
    untimed = DATA.rsplit('          - {column: "ts_', 1)[0]
    assert only(check_total, alone(LAYOUT + STREAM + untimed)).message.startswith(
        "an event's field 'timestamps' goes nowhere"
    )
    reason = STREAM + "        timestamps: nobody asks when a motor was read\n"
    assert codes(check_total, alone(LAYOUT + reason + untimed)) == []


def test_the_names_of_datums_are_not_stored_for_values() -> None:
    leaky = DATA.replace("{external: present}", '{external: present, name: "pil*"}')
    problem = only(check_total, alone(LAYOUT + STREAM + leaky))
    assert problem.code == "TM305"
    assert "'scalars' would store the names of its datums" in problem.message


def test_a_beamline_that_drops_a_stream_is_still_total() -> None:
    subject = beamline(
        """
        streams:
          - name: live-plots
            match: {name: "DONOTSAVE_*"}
            drop: live plotting only, never read back
        """
    )
    assert codes(check_total, subject) == []


def resources(*rules: str) -> str:
    return "repair:\n  resources:\n" + "".join(f"    - {{{rule}}}\n" for rule in rules)


def test_a_mimetype_that_every_rule_of_assets_refuses_is_reported() -> None:
    text = resources("name: odd, match: {spec: ODD}, mimetype: application/x-odd")
    problem = only(check_total, beamline(text))
    assert (problem.code, problem.message) == ("TM304", "no rule of assets reads application/x-odd")


def test_a_spec_stands_for_a_mimetype() -> None:
    joined = "name: odd, match: {spec: odd}, join: stack"
    problem = only(check_total, beamline(resources(joined)))
    assert problem.code == "TM011"
    assert problem.message == "resources that 'odd' takes may get no mimetype"
    assert problem.label == "a spec says nothing of the files' format"


def test_the_nearest_spec_of_a_known_format_is_asked_for() -> None:
    known = "name: known, match: {spec: [OTHER, OUR_CAMERA]}, mimetype: application/x-hdf5"
    mistyped = "name: mistyped, match: {spec: [OTHER, OUR_CAMRA]}, join: stack"
    problem = only(check_total, beamline(resources(known, mistyped)))
    assert (problem.code, problem.label) == ("TM011", "did you mean 'OUR_CAMERA'?")


@pytest.mark.parametrize(
    "other",
    [
        "name: x, match: {spec: 'o*'}, mimetype: application/x-hdf5",
        "name: x, match: {spec: ODD}, mimetype: application/x-hdf5",
    ],
)
def test_another_repair_can_say_the_mimetype(other: str) -> None:
    text = resources("name: odd, match: {spec: Odd}, join: stack", other)
    assert codes(check_total, beamline(text)) == []


def test_a_rule_that_says_nothing_of_data_is_reported_as_that_alone() -> None:
    text = "streams:\n  - name: primary\n    match: {name: primary}\n    key: main\n"
    assert codes(check_total, beamline(text)) == []
