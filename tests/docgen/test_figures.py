import json
from pathlib import Path

import pytest

from tiledmap.docgen.errors import SiteError
from tiledmap.docgen.figures import Measured, Plot, Series, figures_of, plots

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
    report = {
        "results": {"w": {"figures": {"thread_us": {"values": [1, 2, 3]}}}, "v": {"figures": {}}}
    }
    [plot] = [plot for plot in plots({"events-in-process": report}) if plot.name == "thread"]
    assert plot.rows == ("events of 10 scalars",)
    assert plot.series[0].at(0) == Measured(0, (1, 2, 3))
    assert all(series.writer == "w" for series in plot.series if series.measured)
    assert list(plots({})) == []


def test_results_that_cannot_be_read_say_so(tmp_path):
    (tmp_path / "events.json").write_text("{", "utf-8")
    with pytest.raises(SiteError, match=r"events\.json: Expecting"):
        figures_of(tmp_path)
    (tmp_path / "events.json").write_text(json.dumps({"results": {}}), "utf-8")
    assert figures_of(tmp_path) == {}
