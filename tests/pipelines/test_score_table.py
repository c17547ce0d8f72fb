from __future__ import annotations

import json

import pytest

from components.compare_solvers.config import CompareSolversConfig
from components.compare_solvers.step import run
from components.shared.workspace import Workspace
from pipelines.show_command import show_folder
from tests.components.compare_solvers.evaluations import BASE, evaluations, train, write_evaluation

BENCHMARKS = ("gsm8k", "math", "college_math", "olympiadbench", "[red]l\x1b]0;cm[/red]")


@pytest.mark.parametrize("width", [80, 200])
def test_show_prints_the_table_whole_at_any_width(
    workspace: Workspace, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    solver = train(workspace, BASE)
    after, before = (
        [write_evaluation(workspace, evaluations(marks, benchmark=name), model) for name in BENCHMARKS]
        for marks, model in (("+" * 13 + "c-n", solver), ("-" * 13 + "+-n", BASE))
    )
    config = CompareSolversConfig(workspace=workspace.uri, evaluations=json.dumps(after), before=json.dumps(before))
    assert show_folder(run(config, workspace), 3) == 0
    shown = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert max(map(len, shown.splitlines())) <= width
    assert sum(line.startswith("Base-1B + train_sft 81.2") for line in lines) == (2 if width == 80 else 1)
    assert "[red]l\\x1b]0;cm[/red]" in shown
    assert "\x1b" not in shown
    assert any(line.startswith("cut off 6.2 6.2") for line in lines)
    assert any(line.startswith("no answer 6.2 6.2") for line in lines)
    assert any("never subtract" in line for line in lines)
    assert sum(line.startswith("ScaleQuest-Qwen2-Math-7B 89.7 73.4 50.0 38.5") for line in lines) == 1
    assert any(line.startswith("Base-1B + train_sft, against Base-1B") for line in lines)
    assert any("+75.0" in line and "13 1 0.009 better" in line for line in lines)


def test_figures_beside_the_accuracy_are_printed_where_they_say_something(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    sampled, greedy = ["+++-"] * 2 + ["+---"] * 3 + ["--u?"] * 5, "+" * 5 + "u?-nu"
    for marks, shown in (
        ("+-" * 5, []),
        (greedy, ["not compared 10.0", "right, box or not 70.0"]),
        (sampled, ["not compared 12.5", "right, box or not 35.0", "pass@k 50.0", "majority of k 20.0"]),
    ):
        evaluation = write_evaluation(workspace, evaluations(marks), BASE)
        folder = run(CompareSolversConfig(workspace=workspace.uri, evaluations=evaluation), workspace)
        assert show_folder(folder, 3) == 0
        lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
        names = ("not compared", "right, box", "pass@k", "majority")
        assert [line for line in lines if line.startswith(names)] == shown
        assert any("without a box counted" in line for line in lines) is bool(shown)
