from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from components.shared.workspace.manifests import read_manifest
from pipelines.arguments import config_of_step
from pipelines.cluster.hardware import find_profile
from pipelines.planning import planned_hardware as planned_hardware_module
from pipelines.planning.figures import Figure
from pipelines.planning.planned_hardware import planned_hardware
from pipelines.planning.run_plans import PlannedWork, RunPlan, plan_of
from pipelines.planning.stated import Stated
from pipelines.run_checks.hardware_outputs import asked_hardware
from pipelines.run_checks.step_checks import check_steps
from pipelines.run_checks.vantage import LAPTOP
from tests.pipelines.answered import answer_run

QUESTIONS = "import_questions.num_questions"


def plan_in(
    workspace: str,
    *settings: str,
    profile: str = "",
    price: float = 0.0,
    stated: dict[str, Stated] | None = None,
) -> RunPlan:
    """The plan of a run that answers four questions."""
    run = answer_run(workspace, *settings, f"price_per_gpu_hour={price}")
    of_profile = find_profile(profile) if profile else None
    asked = asked_hardware(of_profile, [])[0] if of_profile else {}
    return plan_of(dataclasses.replace(run, expected=stated or {}), check_steps(run, LAPTOP), of_profile, asked)


def step_of(plan: RunPlan, name: str) -> PlannedWork:
    (found,) = [each for each in plan.steps if each.step == name]
    return found


def value_of(figure: Figure | None) -> float:
    assert figure is not None
    return figure.value


def test_an_unchanged_finished_run_has_nothing_to_do_and_costs_nothing(answered: str) -> None:
    plan = plan_in(answered, "pods=5", "generate_responses.rows_per_part=2")
    assert plan.is_done
    assert plan.counts == {"reused": len(plan.steps)}
    totals = plan.totals
    every = (totals.tokens_read, totals.tokens_written, totals.gpu_hours, totals.seconds, totals.num_bytes)
    assert {(total.value, total.is_known) for total in every} == {(0.0, True)}
    dataset = plan.steps[-1]
    assert value_of(dataset.rows.rows_out) == read_manifest(dataset.folder).rows_out


def test_what_was_set_otherwise_is_why_a_step_is_new_and_what_it_makes_is_why_the_next_ones_are(answered: str) -> None:
    plan = plan_in(answered, "generate_responses.max_tokens=48", "select_responses.keep_all_wrong=false")
    states = {each.step: each.state for each in plan.steps}
    assert states == dict.fromkeys(states, "new") | {
        "import_model": "reused", "import_questions": "reused", "filter_solvability": "reused",
    }  # fmt: skip
    responses = step_of(plan, "generate_responses")
    assert responses.why.endswith("it differs in generate_responses.max_tokens 64, now 48")
    assert step_of(plan, "score_responses").why == f"reads {responses.number} generate_responses"
    selected = step_of(plan, "select_responses")
    assert selected.why.startswith("reads ")
    assert "also differs in select_responses.keep_all_wrong True, now False" in selected.why


def test_rows_and_tokens_of_a_larger_run_follow_from_the_finished_one(answered: str) -> None:
    plan, done = plan_in(answered, f"{QUESTIONS}=12"), plan_in(answered)
    for each, before in zip(plan.steps, done.steps, strict=True):
        if not each.is_model:
            expected = 3 * value_of(before.rows.rows_out)
            assert value_of(each.rows.rows_out) == pytest.approx(expected), each.step
            assert each.rows.rows_out
            assert not each.rows.rows_out.at_most
    responses, folder = step_of(plan, "generate_responses"), step_of(done, "generate_responses").folder
    metrics = read_manifest(folder).metrics
    assert value_of(responses.costs.tokens_written) == pytest.approx(3 * metrics["output_tokens"])
    assert value_of(responses.costs.tokens_read) == pytest.approx(3 * metrics["prompt_tokens"])
    assert responses.rows.taken_over == 0, "of questions that are imported anew nothing is known"
    assert responses.costs.tokens_written
    name = "/".join(folder.split("/")[-2:])
    assert responses.costs.tokens_written.sources == (f"{name} of this workspace",)


def test_more_responses_to_each_question_make_more_rows_and_a_dataset_of_the_same_size(answered: str) -> None:
    plan, done = plan_in(answered, "solver_num_responses=6"), plan_in(answered)
    responses, before = step_of(plan, "generate_responses"), step_of(done, "generate_responses")
    assert value_of(responses.rows.rows_in) == 2 * value_of(before.rows.rows_in)
    questions = value_of(step_of(done, "filter_solvability").rows.rows_out)
    assert value_of(plan.steps[-1].rows.rows_out) <= questions


def test_without_a_finished_run_nothing_is_invented(tmp_path: Path) -> None:
    plan = plan_in(str(tmp_path / "runs"), profile="gke-a100-80g", price=2.0)
    assert plan.counts == {"new": len(plan.steps)}
    responses = step_of(plan, "generate_responses")
    assert value_of(responses.rows.rows_in) == 12
    assert responses.rows.rows_in
    assert responses.rows.rows_in.at_most, "how many the judge keeps is not known"
    unknown = (responses.costs.gpu_hours, responses.costs.seconds, responses.costs.tokens_written)
    assert unknown == (None, None, None)
    assert plan.totals.gpu_hours.unknown == ("filter_solvability", "generate_responses", "score_responses")
    assert plan.totals.money
    assert not plan.totals.money.is_known


def test_what_a_processor_took_says_nothing_of_gpus(answered: str) -> None:
    plan = plan_in(answered, f"{QUESTIONS}=12", profile="gke-a100-80g")
    responses = step_of(plan, "generate_responses")
    assert (responses.costs.gpu_hours, responses.costs.seconds) == (None, None)
    assert value_of(responses.costs.tokens_written) > 0
    assert value_of(step_of(plan, "select_responses").costs.gpu_hours) == 0


def test_rates_that_the_preset_states_give_hours_time_and_money_on_a_profile(tmp_path: Path) -> None:
    stated = {
        "filter_solvability": Stated(source="a", kept=0.5, gpu_seconds_per_row=3600.0),
        "generate_responses": Stated(source="b", gpu_seconds_per_row=1800.0),
        "score_responses": Stated(source="c", kept=1.0, gpu_seconds_per_row=0.0),
    }
    settings = (f"{QUESTIONS}=8", "pods=4", "solver_num_responses=2")
    plan = plan_in(str(tmp_path / "runs"), *settings, profile="gke-a100-80g", price=2.5, stated=stated)
    judged, responses = step_of(plan, "filter_solvability"), step_of(plan, "generate_responses")
    assert value_of(judged.costs.gpu_hours) == 8
    assert value_of(judged.costs.seconds) == 8 * 3600 / 4, "four pods with a GPU each"
    assert judged.costs.gpu_hours
    assert judged.costs.gpu_hours.sources == ("a",)
    assert value_of(responses.rows.rows_in) == 8 * 0.5 * 2
    assert plan.totals.gpu_hours.value == 8 + 4
    assert plan.totals.money
    assert plan.totals.money.value == pytest.approx(12 * 2.5)
    assert plan.totals.seconds.value >= 3 * 3600, "of steps that wait for each other"


def test_a_run_that_ended_in_between_goes_on_with_what_is_left(answered: str, tmp_path: Path) -> None:
    shutil.copytree(answered, tmp_path / "runs")
    (folder,) = (tmp_path / "runs" / "generate_responses").iterdir()
    before = plan_in(answered, "seed=1")
    for name in ("_manifest.json", "part-00001.parquet"):
        (folder / name).unlink(missing_ok=True)
    settings = () if (folder / "part-00000.parquet").exists() else ("generate_responses.rows_per_part=2",)
    plan = plan_in(str(tmp_path / "runs"), *settings)
    responses = step_of(plan, "generate_responses")
    assert responses.state == "continued"
    assert "parts are written" in responses.why
    assert before.counts["new"] > plan.counts.get("new", 0)


def test_pods_are_held_against_the_nodes_of_the_profile(answered: str) -> None:
    plan = plan_in(answered, "seed=5", "pods=16", profile="gke-a100-80g")
    (inference,) = [pods for pods in plan.pods if pods.size == "inference"]
    assert (inference.pods, inference.asks.gpus, inference.on_a_node, inference.nodes) == (16, "1", 8, 2)
    assert not plan_in(answered, "seed=5").pods, "on this machine, there are none"


def test_where_tasks_do_the_work_one_pod_is_as_large_as_all_and_takes_as_long(tmp_path: Path) -> None:
    stated = {
        "filter_solvability": Stated(source="a", kept=1.0, gpu_seconds_per_row=3600.0),
        "generate_responses": Stated(source="b", gpu_seconds_per_row=1800.0),
        "score_responses": Stated(source="c", kept=1.0, gpu_seconds_per_row=0.0),
    }
    by_job, by_task = (
        plan_in(str(tmp_path / "runs"), "pods=8", f"gpu_work={who}", profile="gke-a100-80g", stated=stated)
        for who in ("job", "task")
    )
    (inference,) = [pods for pods in by_task.pods if pods.size == "inference"]
    assert (inference.pods, inference.asks.gpus, inference.on_a_node, inference.nodes) == (1, "8", 1, 1)
    for step in stated:
        ours, theirs = step_of(by_task, step).costs, step_of(by_job, step).costs
        assert (ours.gpu_hours, ours.seconds) == (theirs.gpu_hours, theirs.seconds), step


@pytest.mark.parametrize(
    ("settings", "gpus"),
    [([], 0), (["engine=vllm"], 1), (["engine=vllm", "generate_responses.tensor_parallel_size=2"], 2)],
)
def test_on_this_machine_a_scripted_engine_holds_no_gpu_and_a_model_those_that_it_uses(
    settings: list[str], gpus: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planned_hardware_module, "num_accelerators", lambda: 8)
    run = answer_run(str(tmp_path / "runs"), *settings)
    hardware = planned_hardware(run.arguments, None, {})
    (responses,) = [step for step in run.steps if step.name == "generate_responses"]
    assert hardware.gpus_of(config_of_step(responses)) == gpus


@pytest.mark.parametrize(("given", "expected"), [(0.0, 3.0), (1.5, 1.5)])
def test_a_price_that_is_given_goes_before_the_profiles(given: float, expected: float) -> None:
    profile = dataclasses.replace(find_profile("gke-a100-80g"), price_per_gpu_hour=3.0)
    price = planned_hardware({"pods": "1", "price_per_gpu_hour": given}, profile, {}).price
    assert value_of(price) == expected
