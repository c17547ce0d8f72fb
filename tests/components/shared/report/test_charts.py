from __future__ import annotations

from array import array

import pytest

from components.shared.report.charts import HEIGHT, LEFT, MAX_LABELS, WIDTH, histogram_chart, quartile_chart


@pytest.mark.parametrize(
    "values", [[0.1, 0.5, 0.9, 0.9], [3.0], [-20.0, 31.0, 7.0], [float(n) for n in range(1, 2000, 7)]]
)
def test_all_is_drawn_inside(values: list[float]) -> None:
    chart = histogram_chart("Reward", array("d", values), "")
    assert chart
    assert all(each.left >= LEFT and each.left + each.width <= WIDTH for each in chart.columns)
    assert min(each.top for each in chart.columns) == 0  # the longest fills the height
    assert all(each.top >= 0 and each.top + each.height <= HEIGHT + 1 for each in chart.columns)
    assert 1 <= len(chart.below) <= MAX_LABELS + 1
    assert all(LEFT <= label.at <= WIDTH + 0.01 for label in chart.below)


def test_the_median_lies_between_the_quartiles() -> None:
    xs = array("d", [0.1, 0.15, 0.19, 0.9, 0.95])
    ys = array("d", [1.0, 2.0, 3.0, -5.0, -6.0])
    chart = quartile_chart("Reward by difficulty", xs, ys, "")
    assert chart
    first, last = chart.columns[0], chart.columns[-1]
    assert first.top <= (first.middle or -1) <= first.bottom
    assert first.bottom < last.top  # higher rewards stand above lower ones
    assert "median 2" in chart.told


def test_no_values_make_no_chart() -> None:
    assert histogram_chart("Reward", array("d"), "") is None
    assert quartile_chart("Reward by difficulty", array("d"), array("d"), "") is None
