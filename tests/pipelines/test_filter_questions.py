"""What the graph calls the filters."""

import pytest

from pipelines.filter_questions import CPU_FILTERS, title_of


def test_a_filter_is_called_by_what_it_looks_at() -> None:
    assert [title_of(step) for step in CPU_FILTERS] == ["Language", "Duplicates"]
    assert title_of("filter_short_questions") == "Short questions"


def test_a_title_that_the_graph_would_cut_is_refused_and_not_cut() -> None:
    with pytest.raises(ValueError, match="'Ambiguous questions', the title of the filter filter_ambiguous"):
        title_of("filter_ambiguous_questions")
