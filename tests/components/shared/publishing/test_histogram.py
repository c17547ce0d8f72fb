from __future__ import annotations

from array import array

from components.shared.publishing.histogram import histogram


def test_a_histogram_counts_every_value_once() -> None:
    bars = histogram(array("d", [0.0, 0.1, 0.5, 0.99, 1.0, 1.0]))
    assert [bar.rows for bar in bars] == [1, 1, 0, 0, 0, 1, 0, 0, 0, 3]
    assert bars[9].text == "█" * 24


def test_equal_values_make_one_bar() -> None:
    assert [(bar.label, bar.rows) for bar in histogram(array("d", [2.5, 2.5]))] == [("2.5", 2)]


def test_no_values_make_no_histogram() -> None:
    assert histogram(array("d")) == []
