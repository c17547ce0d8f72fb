from __future__ import annotations

from typing import Any

import pytest

from components.shared.publishing.decontamination import Certificate, ComparedBenchmark
from components.shared.report.quality_checks import checks_of, emptied_by
from components.shared.report.row_figures import RowFigures, ShownRow
from tests.components.shared.report.stages import stage

GOOD = {"repeated_questions": 0.0, "rows": 10.0, "largest_cluster": 0.05, "vendi_score": 9.0, "num_sampled": 10.0}
CERTIFICATE = Certificate(
    benchmarks=[ComparedBenchmark(name="gsm8k", num_questions=1319, num_copied=3, num_reworded=1)],
    is_reworded=True,
    recall_of_copies=1.0,
    recall_of_rewordings=0.9,
)


def figures(number: int = 10, **values: Any) -> RowFigures:
    found = RowFigures()
    for index in range(number):
        base: dict[str, Any] = {"response": "r", "num_agreeing": 2, "num_candidates": 3}
        found.add(ShownRow(id=str(index), question=f"q{index}", **base | values))
    return found


def verdicts(**changed: Any) -> dict[str, str]:
    given: dict[str, Any] = {
        "figures": figures(),
        "rows_stages": [stage("filter_language", 20, 10)],
        "certificate": CERTIFICATE,
        "metrics": GOOD,
    }
    return {check.name: check.verdict for check in checks_of(**given | changed)}


def test_a_sound_dataset_has_no_check_to_look_at() -> None:
    assert set(verdicts().values()) == {"good"}


@pytest.mark.parametrize(
    ("name", "verdict", "changed"),
    [
        ("Rows", "bad", {"figures": figures(0)}),
        ("Sums", "bad", {"rows_stages": [stage("filter_language", 20, 10, rejected={"long": 9})]}),
        ("Duplicates", "unknown", {"metrics": {}}),
        ("Duplicates", "bad", {"metrics": GOOD | {"repeated_questions": 3.0}}),
        ("Duplicates", "look", {"metrics": GOOD | {"repeated_questions": 3.0, "rows": 9000.0}}),
        ("Leaks", "look", {"certificate": None}),
        ("Agreement", "look", {"figures": figures(num_agreeing=1)}),
        ("Agreement", "unknown", {"figures": figures(num_agreeing=None)}),
        ("Variety", "look", {"metrics": GOOD | {"largest_cluster": 0.4}}),
        ("Variety", "unknown", {"metrics": {}}),
    ],
)
def test_what_is_wrong_is_told(name: str, verdict: str, changed: dict[str, Any]) -> None:
    assert verdicts(**changed)[name] == verdict


def test_the_stage_that_left_nothing_is_named() -> None:
    stages = [stage("filter_language", 8, 8), stage("filter_solvability", 8, 0), stage("sample_difficulty", 0, 0)]
    assert emptied_by(stages) == "all 8 rows left in filter_solvability"
    assert emptied_by([stage("generate_questions", 0, 0)]) == "there were no rows to begin with"
    assert emptied_by(stages[:1]) == ""


def test_repeats_are_counted_without_regard_to_case_and_spaces() -> None:
    found = RowFigures()
    for question in ("What is 2?", "what  is 2?", "What is 3?"):
        found.add(ShownRow(id="", question=question))
    assert found.num_repeated == 1
