from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from components.shared.errors import BudgetSpentError
from components.shared.workspace.spending import SPENT
from pipelines.cli import app
from pipelines.planning.budgets import PlannedBudget, budget_sentence, check_not_spent, planned_budget
from pipelines.planning.figures import Total

RUN = ("answer-smoke", "--set", "import_questions.num_questions=4")
ARGUMENTS = {"max_gpu_hours": 0.0, "max_cost": 0.0, "price_per_gpu_hour": 0.0}


def spend(workspace: Path, hours: int) -> str:
    """Leave the record of a process that has held a GPU for so many hours; return the workspace."""
    record = workspace / SPENT / "train_sft" / f"{7:016x}" / f"pod-1x{hours * 3600:09d}.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    return str(workspace)


def budget_of(
    workspace: str, planned: Total, *, price: float = 0.0, is_readable: bool = True, **limits: float
) -> PlannedBudget:
    """The budget of a run with these limits, of which so much is left."""
    budget = planned_budget(ARGUMENTS | limits | {"workspace": workspace}, price, planned, is_readable=is_readable)
    assert budget
    return budget


def invoked(command: str, workspace: str, *words: str) -> Result:
    return CliRunner().invoke(app, [command, *RUN, "--workspace", workspace, *words])


@pytest.mark.parametrize(
    ("planned", "verdict", "told"),
    [
        (
            Total(value=30.0),
            "enough",
            "100.0 GPU-hours (max_gpu_hours): 61.0 are taken in this workspace, 30.0 planned",
        ),
        (Total(value=39.0), "enough", "39.0 planned: enough"),
        (Total(value=45.5), "too little", "ends there with exit code 5, unless you raise max_gpu_hours to 107"),
        (Total(value=45.5, unknown=("train_sft",)), "too little", "unless you raise max_gpu_hours to 107 or more"),
        (Total(value=45.5, at_most=True), "may not be enough", "at most 45.5 planned: may not be enough; the run may"),
        (Total(value=1.0, unknown=("train_sft",)), "not known", "1.0 + unknown planned: not known"),
        (Total(unknown=("train_sft",)), "not known", "an unknown number planned: not known"),
    ],
)
def test_what_is_taken_and_what_is_planned_are_told_together_against_the_limit(
    planned: Total, verdict: str, told: str, tmp_path: Path
) -> None:
    budget = budget_of(spend(tmp_path, 61), planned, max_gpu_hours=100.0)
    assert budget.verdict == verdict
    assert told in budget_sentence(budget)
    check_not_spent(budget)


def test_of_hours_and_money_the_lower_limit_is_told_in_what_was_given(tmp_path: Path) -> None:
    workspace = spend(tmp_path, 61)
    budget = budget_of(workspace, Total(value=10.0), price=2.0, max_gpu_hours=100.0, max_cost=130.0)
    assert (budget.may_take, budget.parameter, budget.raise_to) == (65.0, "max_cost", {"max_cost": 142})
    assert "65.0 GPU-hours (max_cost 130 at $2.00 each)" in budget_sentence(budget)
    both = budget_of(workspace, Total(value=2_000_000.0), price=2.0, max_gpu_hours=100.0, max_cost=130.0)
    assert "unless you raise max_gpu_hours to 2000061 and max_cost to 4000122" in budget_sentence(both)
    assert budget_of(workspace, Total(), price=2.0, max_gpu_hours=64.0, max_cost=130.0).parameter == "max_gpu_hours"
    assert planned_budget(ARGUMENTS | {"workspace": workspace}, 2.0, Total(), is_readable=True) is None


def test_a_workspace_that_only_pods_can_read_is_said_to_be_unknown() -> None:
    budget = budget_of("s3://nowhere/runs", Total(value=1.0), is_readable=False, max_gpu_hours=9.0)
    assert "not known from here how many are taken" in budget_sentence(budget)
    more = budget_of("s3://nowhere/runs", Total(value=10.0), is_readable=False, max_gpu_hours=9.0)
    assert (budget.verdict, more.verdict) == ("not known", "too little")


def test_a_budget_that_is_spent_is_refused_with_what_to_raise_to_how_much(tmp_path: Path) -> None:
    workspace = spend(tmp_path, 61)
    with pytest.raises(BudgetSpentError, match=r"61\.0 of the 61\.0 .*take 8\.0; .*raise max_gpu_hours to 69, and"):
        check_not_spent(budget_of(workspace, Total(value=8.0), max_gpu_hours=61.0))
    with pytest.raises(BudgetSpentError, match="an unknown number; all that is finished stays: raise max_cost, and"):
        check_not_spent(budget_of(workspace, Total(unknown=("train_sft",)), price=2.0, max_cost=61.0))


def test_a_limit_that_is_met_exactly_is_named_whatever_the_rounding(tmp_path: Path) -> None:
    for price in (number / 20 for number in range(1, 200)):
        cost = price * 61
        met = budget_of(str(spend(tmp_path / str(price), 61)), Total(value=2.0), price=price, max_cost=cost)
        assert met.verdict in ("spent", "too little")
        assert met.raise_to["max_cost"] > cost


def test_a_run_whose_budget_is_spent_is_refused_before_its_first_step_and_planned(tmp_path: Path) -> None:
    workspace = spend(tmp_path / "runs", 5)
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    for command in ("run", "plan"):
        refused = invoked(command, workspace, "--set", "max_gpu_hours=4")
        assert refused.exit_code == 5
        assert f"scalequest {command}: error: the workspace has taken 5.0 of the 4.0 GPU-hours" in refused.output
        assert "budget" in refused.stdout
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == before
    document = json.loads(invoked("plan", workspace, "--set", "max_gpu_hours=4", "--json").stdout)
    assert (document["budget"]["verdict"], document["budget"]["taken"]) == ("spent", 5.0)


def test_a_plan_has_the_budget_and_one_without_work_has_none(answered: str, tmp_path: Path) -> None:
    limit = ("--set", "max_gpu_hours=20")
    told = invoked("plan", str(tmp_path / "runs"), *limit)
    assert (
        "budget     20.0 GPU-hours (max_gpu_hours): 0.0 are taken in this workspace, 0.0 planned: enough" in told.stdout
    )
    assert json.loads(invoked("plan", answered, *limit, "--json").stdout)["budget"] is None
    assert json.loads(invoked("plan", str(tmp_path / "runs"), "--json").stdout)["budget"] is None
