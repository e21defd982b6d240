"""Reports say what was measured, and whether it is what is aimed at."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.aims import AIMS, Aim, judge
from benchmarks.measure import Cost, Footprint, Measured, enter
from benchmarks.report import Figure, Report, Result, ratio, ratios_of, results_of
from benchmarks.run import Settings, make_report, targets_of, titles
from benchmarks.works import works
from benchmarks.writers import BACKGROUND, FLOOR, INCUMBENT, INLINE

RESULTS = Path(__file__).parent.parent.parent / "benchmarks" / "results"

pytestmark = pytest.mark.filterwarnings("ignore")  # of the writers that there are


def figure(*values: float) -> Figure:
    return Figure(values=values)


def test_ratios_are_those_of_turns() -> None:
    """A turn in which everything is slow changes nothing."""
    assert ratio(figure(1, 10, 1), figure(2, 20, 2)) == 0.5
    results = {
        INLINE: Result(figures={"thread_us": figure(1, 2, 30)}),
        INCUMBENT: Result(figures={"thread_us": figure(10, 20, 30)}),
        FLOOR: Result(cannot="no"),
    }
    assert ratios_of(results) == {INLINE: {INCUMBENT: {"thread_us": 0.1}}}


def test_costs_are_given_for_each_unit() -> None:
    work = works(0.0005)["events"]
    entrants = enter(work, writers=(INLINE, INCUMBENT))
    cost = Cost(1e-3, 2e-3, 3e-3, 4e-3, {"POST": 3, "GET": 1}, 100)
    slower = replace(cost, thread=2e-3, methods={"POST": 4})
    measured = Measured(
        {INLINE: [cost, slower]}, {INLINE: Footprint(2**20, None, 2**21)}, {INCUMBENT: "no"}
    )

    results = results_of(entrants, measured)

    assert work.units == 10
    ours = results[INLINE]
    assert ours.figures["thread_us"] == figure(100, 200)
    assert ours.figures["thread_us"].median == 150
    assert ours.figures["requests"] == figure(0.4, 0.4)
    assert ours.figures["gets"] == figure(0.1, 0)
    assert ours.figures["memory_mb"] == figure(2)
    assert ours.requests == {"POST": 4}
    assert results[INCUMBENT] == Result(cannot="no")


@pytest.mark.parametrize(
    ("aim", "measured", "met"),
    [
        (Aim("", "cpu_s", 0.5, ("a",)), 1.0, False),
        (Aim("", "cpu_s", 0.5, ("a",), over="b"), 0.25, True),
        (Aim("", "cpu_s", 4, ("a",), over="b", at_least=True), 4.0, True),
        (Aim("", "cpu_s", 0.5, ("a",), over="a", over_figure="wall_s"), 0.1, True),
    ],
)
def test_an_aim_bounds_a_figure_or_a_ratio(aim: Aim, measured: float, met: bool) -> None:
    results = {
        "a": Result(figures={"cpu_s": figure(1), "wall_s": figure(10)}),
        "b": Result(figures={"cpu_s": figure(4)}),
    }
    [verdict] = judge([aim], results, "served")
    assert (verdict.measured, verdict.met) == (measured, met)


def test_what_was_not_measured_is_not_judged() -> None:
    results = {INLINE: Result(figures={"thread_us": figure(1)}), INCUMBENT: Result(cannot="no")}
    assert list(judge(AIMS["wide"], results, "in-process")) == []
    assert list(judge([Aim("", "thread_us", 1, targets=("served",))], results, "in-process")) == []


def test_every_work_has_a_title_and_somewhere_to_be_done() -> None:
    assert AIMS.keys() <= titles(1.0).keys()
    for name in titles(1.0):
        assert targets_of(name, ("in-process",))


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    writers = (BACKGROUND, FLOOR)
    settings = Settings(1, 0.0005, with_memory=False, writers=writers)
    report = make_report("events", "in-process", settings)

    path = report.write(tmp_path)

    assert path.name == "events-in-process.json"
    assert Report.model_validate_json(path.read_text()) == report
    assert tuple(report.results) == writers
    assert report.ratios[BACKGROUND][FLOOR].keys() >= {"thread_us", "process_us"}
    assert [verdict.limit for verdict in report.aims] == [1.6]


@pytest.mark.parametrize(
    "path",
    [path for path in RESULTS.glob("*.json") if path.stem != "instructions"],
    ids=lambda path: path.stem,
)
def test_committed_reports_are_of_full_size(path: Path) -> None:
    report = Report.model_validate_json(path.read_text())
    assert report.scale == 1
    assert path.stem == report.name
    assert report.work in titles(1.0)
