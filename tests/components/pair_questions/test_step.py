from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.measure_fail_rate.config import MeasureFailRateConfig
from components.measure_fail_rate.step import run as measure_fail_rate
from components.pair_questions.config import PairQuestionsConfig
from components.pair_questions.step import run
from components.shared.errors import InputError
from components.shared.records import FailRate, PreferencePair
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.pods import check_pods_make_the_rows_of_one
from tests.components.rejects import read_rejects
from tests.conftest import WriteRows


def measured(number: int, agreeing: int, of: int = 8, **values: Any) -> FailRate:
    row: dict[str, Any] = {
        "id": f"q{number}",
        "question": f"Tom has {number} apples and buys {agreeing}. How many apples does he have?",
        "answer": "1",
        "source": "generator",
        "fail_rate": 1 - agreeing / of if of else 0.0,
        "responses": ("x",) * of,
        "correct": (True,) * agreeing + (False,) * (of - agreeing),
    }
    return FailRate(**(row | values))


def pair(workspace: Workspace, fail_rates: str, **options: Any) -> str:
    return run(PairQuestionsConfig(workspace=workspace.uri, fail_rates=fail_rates, **options), workspace)


def test_a_question_within_the_band_is_preferred_to_one_that_is_too_easy_or_never_agrees(
    workspace: Workspace, write_rows: WriteRows
) -> None:
    rows = [measured(1, 4), measured(2, 8), measured(3, 1), measured(4, 6)]
    folder = pair(workspace, write_rows(workspace, rows))
    pairs = list(workspace.read(folder, PreferencePair))
    assert [each.id for each in pairs] == ["q1", "q4"]
    assert {each.rejected for each in pairs} == {rows[1].question, rows[2].question}
    assert {each.direction: each.rejected_fail_rate for each in pairs} == {"difficulty": 0.0, "solvability": 0.875}
    assert [each.chosen_fail_rate for each in pairs] == [0.5, 0.25]
    assert {row["id"]: row["reason"] for row in read_rejects(folder)} == {"q2": "paired", "q3": "paired"}


def test_both_sides_are_whole_questions_in_english_and_stand_once(workspace: Workspace, write_rows: WriteRows) -> None:
    faulty = {
        "no_question": [
            measured(1, 4, question="I cannot write a question."),
            measured(2, 8, question="Find the sum of the"),
        ],
        "not_english": [measured(3, 8, question="Wie viele Äpfel hat Tom, wenn er 7 Äpfel kauft und 2 verschenkt?")],
        "repeated": [measured(10, 4, id="again")],
        "too_few_samples": [measured(5, 1, of=1)],
        "too_hard": [measured(6, 2, of=16)],
        "no_partner": [measured(12, 4)],
    }
    sound = [measured(10, 4), measured(11, 8)]
    rows = sound + [row for each in faulty.values() for row in each]
    folder = pair(workspace, write_rows(workspace, rows))
    (kept,) = workspace.read(folder, PreferencePair)
    assert (kept.chosen, kept.rejected) == (sound[0].question, sound[1].question)
    found = {row["id"]: row["reason"] for row in read_rejects(folder)}
    assert found == {"q11": "paired"} | {row.id: reason for reason, each in faulty.items() for row in each}
    manifest = read_manifest(folder)
    assert manifest.rows_in == len(rows) == manifest.rows_out + sum(manifest.rejected.values())


def test_the_band_is_an_option(workspace: Workspace, write_rows: WriteRows) -> None:
    fail_rates = write_rows(workspace, [measured(1, 7), measured(2, 8)])
    assert read_manifest(pair(workspace, fail_rates)).rows_out == 0
    assert read_manifest(pair(workspace, fail_rates, min_fail_rate=0.1)).rows_out == 1
    with pytest.raises(InputError, match=r"--min-fail-rate 0\.8 is above --max-fail-rate 0\.2"):
        pair(workspace, fail_rates, min_fail_rate=0.8, max_fail_rate=0.2)


def test_pairs_of_a_generators_questions_come_from_what_a_solver_answers(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    texts = [f"A shop has {n} boxes with 12 pencils in each box. How many pencils does it have?" for n in range(20, 80)]
    config = MeasureFailRateConfig(
        workspace=workspace.uri,
        questions=write_questions(workspace, texts),
        model="scripted:s",
        engine="scripted",
        num_samples=6,
        compare_with="majority",
    )
    rows = list(workspace.read(measure_fail_rate(config, workspace), FailRate))
    right = [row for row, n in zip(rows, range(20, 80), strict=True) if row.answer == str(12 * n)]
    assert len(right) > 50  # a quarter of the responses is wrong, and seldom in one way
    pairs = list(workspace.read(pair(workspace, measure_fail_rate(config, workspace)), PreferencePair))
    assert pairs
    rates = {row.question: row.fail_rate for row in rows}
    assert all(0.25 <= rates[each.chosen] <= 0.75 for each in pairs)
    assert all(rates[each.rejected] < 0.25 for each in pairs if each.direction == "difficulty")


def test_three_pods_and_a_second_start_make_the_rows_of_one(tmp_path: Path, write_rows: WriteRows) -> None:
    rows = [measured(number, number % 9) for number in range(40)]
    check_pods_make_the_rows_of_one(
        tmp_path,
        lambda workspace: write_rows(workspace, rows),
        lambda workspace, fail_rates: pair(workspace, fail_rates, rows_per_part=7),
    )
