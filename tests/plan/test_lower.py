import pytest

from tests.plan.plans import plan_of_beamline
from tiledmap.plan.steps import Copy, Relation, Values, place
from tiledmap.plan.text import format_plan
from tiledmap.problems import Span

LIVE = """
    settings:
      live: {type: boolean, default: false}
    streams:
      - name: live
        match: {name: "live_*"}
        when: not settings.live
        drop: never read back
"""


def test_a_rule_that_settings_make_false_is_not_in_the_plan() -> None:
    assert [stream.name for stream in plan_of_beamline(LIVE).streams] == ["live", "every-stream"]
    assert [stream.name for stream in plan_of_beamline(LIVE, live=True).streams] == ["every-stream"]


def test_a_condition_that_settings_make_true_is_no_condition() -> None:
    (live, _) = plan_of_beamline(LIVE).streams
    assert live.condition.when is None
    assert [test.relation for test in live.condition.tests] == [Relation.LIKE]


def test_settings_are_in_the_plan_as_values() -> None:
    (stream,) = plan_of_beamline("settings: {max_columns: {default: 20}}").streams
    assert stream.tables[0].max_columns == 20


@pytest.mark.parametrize("dtype", ["int32", "<i4", "intc"])
def test_every_spelling_of_a_dtype_is_the_same_test(dtype: str) -> None:
    plan = plan_of_beamline(
        f"streams: [{{name: every-stream, data: [{{name: x, match: {{dtype_numpy: {dtype}}}, "
        "drop: why not}]}]"
    )
    (test,) = plan.streams[0].data[0].condition.tests
    assert test.values == ("<i4",)


def test_what_stands_under_stop_is_written_at_the_end() -> None:
    run = plan_of_beamline(
        """
        run:
          metadata:
            start: {copy: start}
            kept: yes
            stop:
              copy: stop
              lasted: ${{ stop.time - start.time }}
              by: ${{ start.uid }}
        """
    ).run
    assert set(run.metadata.entries) == {"start", "kept"}
    (name, stop), *others = run.stop_metadata.entries.items()
    assert (name, others) == ("stop", [])
    assert isinstance(stop, Copy)
    assert stop.document == "stop"
    assert all(isinstance(stop.entries[key], Values) for key in ("lasted", "by"))


OVER = """
    repair:
      data_keys:
        - {name: second, match: {name: x}, set: {units: mm}, over: first, reason: newer}
        - {name: other, match: {name: z}, set: {units: s}, reason: forgotten}
        - {name: first, match: {name: "*"}, set: {units: m}, over: other, reason: forgotten}
"""


def test_a_repair_is_applied_after_the_one_that_it_is_over() -> None:
    repairs = plan_of_beamline(OVER).data_key_repairs
    assert [repair.name for repair in repairs] == ["other", "first", "second"]


def test_repairs_that_are_over_each_other_keep_their_order() -> None:
    plan = plan_of_beamline(OVER.replace("over: other", "over: second"))
    assert [repair.name for repair in plan.data_key_repairs] == ["other", "second", "first"]


def test_a_place_never_breaks_a_line() -> None:
    assert place(Span("a/b\n.yaml", 3, 1, 3, 1)) == "b?.yaml:3"


def test_the_text_of_a_plan_depends_on_the_plan_alone() -> None:
    one, other = plan_of_beamline(OVER), plan_of_beamline(OVER)
    assert format_plan(one) == format_plan(other)
    assert format_plan(one) != format_plan(plan_of_beamline(OVER.replace("mm", "um")))


def test_the_text_of_a_plan_says_each_step_with_its_place() -> None:
    lines = format_plan(plan_of_beamline(LIVE)).splitlines()
    (dropped,) = (line for line in lines if "drop:" in line)
    assert dropped.split() == ["drop:", "never", "read", "back", "<text>:8"]
    assert all(line == line.rstrip() for line in lines)
