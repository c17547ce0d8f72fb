from __future__ import annotations

import math
from typing import Any

import pytest

from components.shared.errors import InputError
from pipelines.planning.stated import read_stated
from pipelines.preset_files import placed_preset


def test_what_the_paper_removes_and_took_is_stated_in_its_preset() -> None:
    stated = placed_preset("paper").expected
    assert stated["filter_language"].kept == pytest.approx(1 - 0.201)
    left = (1 - 0.201) * 2_000_000
    assert (stated["filter_solvability"].kept or 0) * left == pytest.approx(left - 0.194 * 2_000_000, rel=0.001)
    hours = 2_000_000 * (stated["generate_questions"].gpu_seconds_per_row or 0) / 3600
    assert hours == pytest.approx(38.4, rel=0.01)
    assert (stated["generate_responses"].gpu_seconds_per_row or 0) * 5_000_000 / 3600 == pytest.approx(251.0, rel=0.01)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (3, "expected: 3 is not accepted; expected a mapping of steps"),
        ({"filter_langage": {}}, "expected: filter_langage: unknown step; .*filter_language"),
        ({"filter_language": 0.8}, "expected: filter_language: 0.8 is not accepted; expected source, and any of kept"),
        ({"filter_language": {"kept": 0.8}}, "expected source, and any of kept, gpu_seconds_per_row"),
        ({"filter_language": {"source": "x", "keep": 1}}, "expected source, and any of kept"),
        ({"filter_language": {"source": "x", "kept": 2}}, r"filter_language.kept: 2 is not accepted; .* 0 to 1"),
        ({"filter_language": {"source": "x", "gpu_seconds_per_row": "1 s"}}, "expected a finite number, at least 0"),
        (
            {"filter_language": {"source": "x", "gpu_seconds_per_row": math.inf}},
            "inf is not accepted; expected a finite",
        ),
        ({"filter_language": {"source": "x", "kept": math.nan}}, "nan is not accepted; expected a number, 0 to 1"),
        (
            {"filter_language": {"source": ["x"], "kept": 0.5}},
            "filter_language.source: .* is not accepted; expected text",
        ),
    ],
)
def test_what_states_nothing_that_a_plan_can_count_with_is_refused(section: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_stated(section)
