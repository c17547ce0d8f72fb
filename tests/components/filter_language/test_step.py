from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from components.filter_language.config import FilterLanguageConfig
from components.filter_language.step import judge, run
from components.shared.filters import KEEP, Verdict
from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.rejects import read_content, read_rejects
from tests.components.shared.language_cases import ENGLISH, OTHER
from tests.components.shared.other_processes import run_pods
from tests.components.shared.texts.case_files import cases_of
from tests.conftest import WriteRows


@pytest.mark.parametrize(
    ("question", "verdict"),
    [
        ("What is 2 × 2?", KEEP),
        ("  \n", Verdict("empty")),
        ("Wie viel ist zwei mal zwei?", Verdict("non_english", "german")),
        ("2 + 2 = ?", Verdict("garbage", "no words")),
        ("sum sum sum sum sum sum sum sum sum", Verdict("garbage", "repeated words (1 in turn)")),
    ],
)
def test_a_verdict_is_a_reason(question: str, verdict: Verdict) -> None:
    assert judge(question) == verdict


@pytest.mark.parametrize(("question", "reason"), cases_of("languages"))
def test_a_question_stays_if_it_is_english_mathematics_and_nothing_else(question: str, reason: str) -> None:
    assert judge(question).reason == ("" if reason == "kept" else reason)


def test_rejects_are_counted_by_reason_and_name_the_language(workspace: Workspace, write_questions: WriteRows) -> None:
    texts = ["What is 2+2?", "Wie viele Primzahlen gibt es zwischen 1 und 100?", " ", "Find " + "ab" * 30]
    folder = run(_config(workspace, write_questions(workspace, texts)), workspace)

    assert [row.question for row in workspace.read(folder, Question)] == ["What is 2+2?"]
    assert read_manifest(folder).rejected == {"empty": 1, "garbage": 1, "non_english": 1}
    assert [(row["id"], row["detail"]) for row in read_rejects(folder)] == [
        ("q1", "german"),
        ("q2", ""),
        ("q3", "a word of 60 letters"),
    ]


def test_three_pods_make_the_rows_of_one(tmp_path: Path, write_questions: WriteRows) -> None:
    contents = []
    for num_pods in (1, 3):
        workspace = Workspace(str(tmp_path / str(num_pods)))
        questions = write_questions(workspace, [*ENGLISH, *(text for text, _ in OTHER)])
        config = _config(workspace, questions, rows_per_part=9)
        folder = run_pods(partial(run, config), workspace.uri, num_pods)
        contents.append(read_content(folder))
    assert contents[0] == contents[1]
    assert Counter(row["reason"] for row in read_rejects(folder)) == {"non_english": len(OTHER)}


def test_no_question_of_gsm8k_is_rejected() -> None:
    lines = (Path(__file__).parent / "gsm8k_questions.txt").read_text(encoding="utf-8").splitlines()
    questions = [line for line in lines if not line.startswith("#")]
    assert len(questions) == 200
    assert [question for question in questions if judge(question) != KEEP] == []


def _config(workspace: Workspace, questions: str, **options: Any) -> FilterLanguageConfig:
    return FilterLanguageConfig(workspace=workspace.uri, questions=questions, **options)
