from pathlib import Path

import pytest

from tiledmap.docgen.errors import SiteError
from tiledmap.docgen.figures import Measured, Plot, Report, Series, figures_of, plots

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def test_every_figure_is_drawn_from_the_results():
    figures = figures_of(RESULTS)
    assert list(figures) == ["thread", "in-all", "held"]
    drawn = figures["thread"]("What <it> shows.")
    assert '<svg viewBox="0 0 720' in drawn
    assert 'role="img"' in drawn
    assert "What &lt;it&gt; shows." in drawn
    assert "tiledmap, background, events of 10 scalars: " in drawn


def test_a_value_is_where_its_power_of_ten_says():
    plot = Plot("x", "µs", ("a",), (Series("w", (Measured(0, (1.0, 10.0, 1000.0)),)),))
    assert list(plot.decades) == [0, 1, 2, 3]
    assert plot.x(1) == plot.left
    assert plot.x(1000) == plot.right
    assert plot.x(10) == pytest.approx(plot.left + (plot.right - plot.left) / 3, abs=0.1)
    assert plot.series[0].measured[0].median == 10


def test_what_was_not_measured_is_left_out():
    figures = {"w": {"thread_us": {"values": [1, 0, 3]}}, "v": {}, "u": {"gets": {"values": [2]}}}
    results = {writer: {"figures": measured} for writer, measured in figures.items()}
    report = Report.model_validate({"work": "events", "results": results})
    [plot] = plots({"events-in-process": report, "held": report})
    assert plot.name == "thread"
    assert plot.rows == ("events of 10 scalars",)
    assert plot.series == (Series("w", (Measured(0, (1, 3)),)),)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "Invalid JSON"),
        ("[]", "should be an object"),
        ("{}", "results: Field required"),
        ('{"results": {"w": {"figures": {"thread_us": [1]}}}}', "results: w: figures: thread_us: "),
        ('{"results": {"w": {"figures": {"x": {"values": ["fast"]}}}}}', "x: values: 0: .*number"),
    ],
)
def test_results_of_another_shape_are_named(tmp_path, text, fault):
    (tmp_path / "instructions.json").write_text("of no figure", "utf-8")
    (tmp_path / "held.json").write_text(text, "utf-8")
    with pytest.raises(SiteError, match=rf"held\.json: no results of a benchmark: .*{fault}"):
        figures_of(tmp_path)


def test_a_folder_without_results_is_no_folder_of_results(tmp_path):
    with pytest.raises(SiteError, match="holds no results of the benchmarks"):
        figures_of(tmp_path)
