from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.shared.stores.inventory import list_objects
from components.shared.stores.retries import ENDPOINT_VARIABLE, LIMIT_VARIABLE
from components.shared.workspace._uses import IN_USE
from pipelines.cli import app
from tests.fault_proxy import new_clients

RUN = ("answer-smoke", "--set", "import_questions.num_questions=4")


def planned(*words: str, code: int = 0) -> str:
    """Return what the command printed, standard error included."""
    result = CliRunner().invoke(app, ["plan", *words])
    assert result.exit_code == code, result.output
    return result.output


def test_a_finished_run_is_told_in_a_line_with_its_last_folder(answered: str) -> None:
    before = [each for each in list_objects(answered) if not each.name.startswith(IN_USE)]
    (line,) = planned(*RUN, "--workspace", answered).splitlines()
    assert f"nothing to do, all folders are finished; the last is {answered}/package_dataset/" in line
    assert [each for each in list_objects(answered) if not each.name.startswith(IN_USE)] == before


def test_the_table_has_each_step_with_its_state_why_and_where_its_figures_come_from(answered: str) -> None:
    said = planned(*RUN, "--workspace", answered, "--set", "generate_responses.max_tokens=48")
    lines = [line.split() for line in said.splitlines()]
    assert ["3", "filter_solvability", "reused", "4"] in [words[:4] for words in lines]
    (responses,) = [words for words in lines if words[1:3] == ["generate_responses", "new"]]
    assert "it differs in generate_responses.max_tokens 64, now 48" in said
    assert ["5", "score_responses", "reads", "4", "generate_responses"] in lines
    (source,) = [words for words in lines if words[:1] == responses[-1:]]
    assert source[1].startswith("generate_responses/")
    assert "$0.00 for GPUs: none is used" in said


def test_the_json_document_has_the_same(answered: str) -> None:
    document = json.loads(planned(*RUN, "--workspace", answered, "--set", "seed=5", "--json"))
    assert (document["nothing_to_do"], document["preset"], document["counts"]["reused"]) == (False, "answer-smoke", 1)
    (responses,) = [step for step in document["steps"] if step["step"] == "generate_responses"]
    assert responses["state"] == "new"
    assert responses["costs"]["tokens_written"]["value"] > 0
    assert responses["costs"]["tokens_written"]["sources"][0].startswith("generate_responses/")
    assert document["totals"]["gpu_hours"] == {"value": 0.0, "unknown": [], "at_most": False}


def test_on_a_profile_the_table_says_what_is_not_known_and_what_pods_ask_for(
    tmp_path: Path,
) -> None:
    words = (*RUN, "--workspace", str(tmp_path / "runs"), "--profile", "gke-a100-40g", "--set", "pods=16")
    said = planned(*words)
    unknown = "unknown until a first run or --pilot for filter_solvability, generate_responses, score_responses"
    assert f"GPU-hours  {unknown}" in said
    assert "money      unknown: the profile has no price_per_gpu_hour; give --price-per-gpu-hour" in said
    pods = "inference: up to 16 of 1 GPU, 11 CPU, 72Gi, 120Gi of disk each; one a2-highgpu-8g takes 8, so 2 nodes"
    assert pods in said
    assert f"money      {unknown}; at $2.50 an hour" in planned(*words, "--price-per-gpu-hour", "2.5")
    assert not (tmp_path / "runs").exists()


def test_where_tasks_do_the_work_one_pod_of_a_whole_node_is_planned(tmp_path: Path) -> None:
    said = planned(
        *RUN, "--workspace", str(tmp_path), "--profile", "gke-a100-80g", "--set", "pods=8", "--set", "gpu_work=task"
    )
    assert "inference: up to 1 of 8 GPU, 88 CPU, " in said


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["inference_gpus=-1"], "parameter inference_gpus: '-1' is not accepted; expected a whole number, at least 0"),
        (["training_gpus=0.5"], "parameter training_gpus: '0.5' is not accepted; expected a whole number, at least 0"),
        (["inference_memory=0"], "parameter inference_memory: '0' is not accepted; expected more than 0"),
        (["training_cpu=-2"], "parameter training_cpu: '-2' is not accepted; expected more than 0"),
        (["training_nodes=0"], "parameter training_nodes: '0' is not accepted; expected a whole number, at least 1"),
        (["training_image=own/train:1"], "--set training_image: a run's images are those of its compiled pipeline;"),
        (["inference_gpus=9"], "inference_gpus 9 fits no node: a a2-ultragpu-8g of the profile gke-a100-80g"),
        (["pods=16", "gpu_work=task"], "inference_gpus 16 fits no node: a a2-ultragpu-8g of the profile"),
        (["generate_responses.tensor_parallel_size=2"], "a pod has too few GPUs; let the profile's task inference ask"),
    ],
)
def test_what_no_node_of_the_profile_takes_is_refused_as_submit_does(
    settings: list[str], message: str, tmp_path: Path
) -> None:
    words = [word for setting in settings for word in ("--set", setting)]
    said = planned(*RUN, "--workspace", str(tmp_path), "--profile", "gke-a100-80g", *words, code=2)
    assert message in said


def test_on_a_profile_a_store_that_only_pods_can_read_is_planned_as_submit_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        LIMIT_VARIABLE: "1",
    }.items():
        monkeypatch.setenv(name, value)
    words = (*RUN, "--workspace", "s3://bucket/runs", "--json")
    with new_clients():
        document = json.loads(planned(*words, "--profile", "gke-a100-40g"))
        assert document["counts"] == {"not known": len(document["steps"])}
        planned(*words, code=75)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["reward_model=/tmp/none/here"], "reward_model '/tmp/none/here': nothing exists there; check the address"),
        (["questions=/tmp/none.jsonl"], "questions"),
        (["solver=openai:good", "judge=", "solver_endpoint=http://127.0.0.1:9/v1"], "solver_endpoint"),
        (["judge=/tmp/none/here"], "judge"),
    ],
)
@pytest.mark.parametrize("command", ["plan", "run"])
def test_what_a_step_would_not_find_is_refused_before_the_first_one_by_its_parameter(
    settings: list[str], message: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT_VARIABLE, "1")
    words = [word for setting in settings for word in ("--set", setting)]
    result = CliRunner().invoke(app, [command, *RUN, "--workspace", str(tmp_path / "runs"), *words])
    assert result.exit_code in (2, 75), result.output
    (said,) = [line for line in result.output.splitlines() if line.startswith(f"scalequest {command}: error: ")]
    assert said.removeprefix(f"scalequest {command}: error: ").startswith(message)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
