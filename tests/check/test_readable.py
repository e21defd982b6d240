import pytest

from tests.check.subjects import beamline, codes, only, shipped, subject_of
from tiledmap.check.readable import check_readable


@pytest.mark.parametrize("name", ["bluesky-v3", "bluesky-streams", "bluesky-2024"])
def test_shipped_mappings_are_readable_or_say_that_they_are_not(name: str) -> None:
    assert codes(check_readable, subject_of(shipped(name))) == []


def test_a_free_mapping_may_do_as_it_likes() -> None:
    subject = beamline("profile: free\nrun: {key: '${{ start.time }}', specs: []}")
    assert codes(check_readable, subject) == []


def test_a_run_key_other_than_its_uid_is_pointed_out() -> None:
    problem = only(check_readable, beamline("run: {key: 'r_${{ start.uid }}'}"))
    assert problem.code == "TM502"


def test_a_run_may_lie_anywhere() -> None:
    assert codes(check_readable, beamline("run: {parent: [smi, '2026']}")) == []


@pytest.mark.parametrize(
    "specs",
    [
        "[]",
        "[{spec: BlueskyRun}, {spec: BlueskyRun/3.0}]",
        "[{spec: BlueskyRun/4.0}]",
        "[{spec: BlueskyRun/3.0, when: has(start.owner)}]",
    ],
)
def test_a_run_has_a_versioned_spec(specs: str) -> None:
    assert codes(check_readable, beamline(f"run: {{specs: {specs}}}")) == ["TM500"]


def test_own_specs_may_stand_before_the_run_s() -> None:
    subject = beamline("run: {specs: {prepend: [{spec: XASRun/1.0}]}}")
    assert codes(check_readable, subject) == []


def stream(text: str) -> str:
    return f"streams:\n  - name: every-stream\n    {text}\n"


@pytest.mark.parametrize(
    "specs",
    ["[]", "[{spec: BlueskyEventStream}]", "[{spec: composite}, {spec: BlueskyEventStream/3.0}]"],
)
def test_a_stream_has_a_versioned_spec_before_composite(specs: str) -> None:
    found = codes(check_readable, beamline(stream(f"specs: {specs}")))
    assert found
    assert set(found) == {"TM501"}


def test_streams_lie_right_below_the_run_or_below_streams() -> None:
    assert codes(check_readable, beamline(stream("parent: [streams]"))) == []
    assert codes(check_readable, beamline(stream("parent: [raw]"))) == ["TM507"]


def test_nothing_in_a_stream_is_nested() -> None:
    rule = "{name: own, match: {name: a}, store: array, parent: [images], key: a}"
    assert codes(check_readable, beamline(stream(f"data: [{rule}]"))) == ["TM507"]


def test_the_table_is_called_internal() -> None:
    subject = beamline(stream("tables: [{name: internal, key: events}]"))
    assert codes(check_readable, subject) == ["TM503"]


def test_a_stream_has_one_table() -> None:
    table = "{name: more, key: more, columns: [{column: time, from: event.time}]}"
    assert set(codes(check_readable, beamline(stream(f"tables: [{table}]")))) >= {"TM504"}


def columns(*listed: str) -> str:
    return stream("tables: [{name: internal, columns: [" + ", ".join(listed) + "]}]")


SEQ_NUM = "{column: seq_num, from: event.seq_num}"
TIME = "{column: time, from: event.time}"
VALUES = "{column: '${{ data_key.name }}', keys: {stored: table}, from: value}"
STAMPS = (
    "{column: 'ts_${{ data_key.name }}', keys: {stored: [table, array, ragged]}, from: timestamp}"
)


def test_every_value_has_its_timestamp_beside_it() -> None:
    assert codes(check_readable, beamline(columns(SEQ_NUM, TIME, VALUES, STAMPS))) == []
    assert "TM505" in codes(check_readable, beamline(columns(SEQ_NUM, TIME, VALUES)))


@pytest.mark.parametrize(
    "stamps",
    [
        STAMPS.replace("ts_", "timestamp_"),
        STAMPS.replace("[table, array, ragged]", "[array, ragged]"),
        STAMPS.replace("[table, array, ragged]", "table"),
    ],
    ids=["other name", "no scalars", "no arrays"],
)
def test_the_timestamps_are_those_of_all_keys_and_called_ts(stamps: str) -> None:
    found = codes(check_readable, beamline(columns(SEQ_NUM, TIME, VALUES, stamps)))
    assert found
    assert set(found) == {"TM505"}


def test_a_column_of_its_own_needs_timestamps_too() -> None:
    extra = "{column: minute, from: event.time // 60}"
    stamp = "{column: ts_minute, from: event.time}"
    full = (SEQ_NUM, TIME, VALUES, STAMPS)
    assert codes(check_readable, beamline(columns(*full, extra))) == ["TM505"]
    assert codes(check_readable, beamline(columns(*full, extra, stamp))) == []


@pytest.mark.parametrize("left", [(SEQ_NUM,), (TIME,)], ids=["no time", "no seq_num"])
def test_the_table_has_seq_num_and_time(left: tuple[str, ...]) -> None:
    assert codes(check_readable, beamline(columns(*left, VALUES, STAMPS))) == ["TM508"]


def test_the_stream_s_metadata_is_its_descriptor() -> None:
    metadata = "metadata: {copy: descriptor, without: {configuration: is in the log book}}"
    problem = only(check_readable, beamline(stream(metadata)))
    assert problem.code == "TM506"
    assert "lacks configuration," in problem.message


@pytest.mark.parametrize(
    "metadata",
    [
        "{start: {copy: start}}",
        "{copy: start, stop: {copy: stop}}",
        "{start: {copy: start, without: {time: is in the log book}}, stop: {copy: stop}}",
        "{start: {copy: start}, stop: {copy: stop, only: {uid: the rest, time: goes}}}",
    ],
)
def test_start_and_stop_are_where_readers_look(metadata: str) -> None:
    assert codes(check_readable, beamline(f"run: {{metadata: {metadata}}}")) == ["TM509"]


COORDINATE = "coordinates: [{name: energies, key: energy, from: '[1.0]'%s}]"


@pytest.mark.parametrize("more", ["", ", dims: [energy]"])
def test_an_array_of_the_stream_itself_is_pointed_out(more: str) -> None:
    problem = only(check_readable, beamline(stream(COORDINATE % more)))
    assert problem.code == "TM510"
    assert ("read() fails" in problem.message) == (not more)


def test_an_array_of_the_stream_itself_lies_right_below_it() -> None:
    found = codes(check_readable, beamline(stream(COORDINATE % ", parent: [axes]")))
    assert found == ["TM507", "TM510"]
