from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from components.evaluate.config import EvaluateConfig
from components.evaluate.groups import MAX_GROUPS, groups_of
from components.evaluate.step import run
from components.shared.intervals import wilson_interval
from components.shared.records import Evaluation, Question
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from pipelines.show_command import show_folder
from tests.conftest import WriteRows


def question(number: int, *, source: str = "math", subject: str = "", level: str = "") -> Question:
    text, answer = f"What is the sum of {number} and {number + 1}?", str(2 * number + 1)
    return Question(id=f"q{number}", question=text, answer=answer, source=source, subject=subject, level=level)


def evaluate(workspace: Workspace, questions: str, **options: Any) -> str:
    given: dict[str, Any] = {"engine": "scripted", "model": "scripted:solver", **options}
    return run(EvaluateConfig(workspace=workspace.uri, questions=questions, **given), workspace)


def share(rows: Sequence[Evaluation]) -> float:
    return sum(row.correct.count(True) / len(row.correct) for row in rows) / len(rows)


@pytest.mark.parametrize("options", [{}, {"num_samples": 4, "temperature": 1.0}])
def test_each_subject_and_level_has_its_accuracy_and_interval(
    workspace: Workspace,
    write_rows: WriteRows,
    capsys: pytest.CaptureFixture[str],
    options: dict[str, Any],
) -> None:
    subjects = ["Algebra", "Counting & Probability", ""]
    rows = [question(n, subject=subjects[n % 3], level=f"Level {n % 2}") for n in range(40)]
    folder = evaluate(workspace, write_rows(workspace, rows), rows_per_part=7, **options)
    done, metrics = list(workspace.read(folder, Evaluation)), read_manifest(folder).metrics
    for kind, group, members in (
        ("subject", "Algebra", [row for row in done if row.subject == "Algebra"]),
        ("subject", "Counting & Probability", [row for row in done if row.subject == "Counting & Probability"]),
        ("subject", "none", [row for row in done if not row.subject]),
        ("level", "Level 1", [row for row in done if row.level == "Level 1"]),
    ):
        place = f"{kind}/{group}"
        accuracy = share(members)
        assert metrics[f"{place}/num_questions"] == len(members)
        assert metrics[f"{place}/accuracy"] == pytest.approx(accuracy, abs=1e-5)
        interval = (metrics[f"{place}/accuracy_low"], metrics[f"{place}/accuracy_high"])
        assert interval == pytest.approx(wilson_interval(accuracy * len(members), len(members)), abs=1e-5)
    assert sum(metrics[f"level/Level {n}/num_correct"] for n in (0, 1)) == pytest.approx(
        metrics["num_correct"], abs=1e-4
    )
    assert not [name for name in metrics if name.startswith("source/")]
    assert show_folder(folder, 0) == 0
    shown = capsys.readouterr().out
    assert "subject/" not in shown
    (line,) = [line for line in shown.splitlines() if line.startswith("Counting & Probability")]
    assert line.split()[3] == "13"


def test_several_sources_have_figures_of_their_own_and_do_not_share_subjects(
    workspace: Workspace, write_rows: WriteRows
) -> None:
    first = write_rows(workspace, [question(n, subject="Algebra") for n in range(10)])
    second = write_rows(workspace, [question(n, subject="Algebra", source="olympiadbench") for n in range(10, 15)])
    metrics = read_manifest(evaluate(workspace, f'["{first}", "{second}"]')).metrics
    numbers = {name: value for name, value in metrics.items() if name.endswith("/num_questions")}
    assert numbers == {
        "source/math/num_questions": 10,
        "source/olympiadbench/num_questions": 5,
        "subject/math: Algebra/num_questions": 10,
        "subject/olympiadbench: Algebra/num_questions": 5,
    }


def test_questions_without_groups_have_no_figures_of_groups() -> None:
    groups = groups_of([question(1), question(2)])
    assert groups.kinds == ()
    assert groups.sums(question(1), 1.0) == groups.figures({}) == {}


def test_more_groups_than_a_manifest_takes_are_counted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    most = [question(n, subject=f"s{n}", level=str(n % 2)) for n in range(MAX_GROUPS)]
    assert groups_of(most).kinds == ("subject", "level")
    groups = groups_of([*most, question(99, subject="s99", level="1")])
    assert groups.kinds == ("level",)
    assert groups.figures({}) == {"subjects_not_shown": MAX_GROUPS + 1}
    assert f"have {MAX_GROUPS + 1} values of subject, more than {MAX_GROUPS}" in caplog.text
