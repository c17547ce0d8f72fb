"""With gpu_work=task, a task asks for GPUs only where it has work that needs them."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.compiled_pipeline import PlannedStep
from pipelines.run_checks.hardware_outputs import CheckedHardware
from pipelines.run_checks.looking import Looked
from pipelines.run_checks.task_hardware import sizes_at_work, told_tasks
from tests.pipelines.run_checks.forms import Checked, check_form, in_json

IMAGES = {"cpu": "own/cpu:1", "vllm": "own/vllm:1", "train": "own/train:1"}
NOTHING = ("0", "250m", "2Gi", "own/cpu:1", "{}")
NODES = '{"cloud.google.com/gke-accelerator": "nvidia-a100-80gb"}'
INFERENCE = ("2", "22", "288Gi", "own/vllm:1", NODES)
TRAINING = ("8", "88", "1100Gi", "own/train:1", NODES)


def checked(tmp_path: Path, capsys: pytest.CaptureFixture[str], **fields: Any) -> Checked:
    """Check smoke where tasks do the work themselves, two processes each."""
    profile = in_json("gke-a100-80g", images=IMAGES)
    form = check_form("smoke", {"profile": profile, "gpu_work": "task", "pods": "2", **fields}, tmp_path, capsys)
    assert form.exit_code == 0, form.message
    return form


def told(form: Checked, title: str) -> tuple[str, ...]:
    return tuple(form.output(f"{title}_{what}") for what in ("gpus", "cpu", "memory", "image", "node_selector"))


def test_a_task_that_has_work_asks_for_what_its_size_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    form = checked(tmp_path, capsys)
    assert told(form, "answers") == told(form, "fail_rates") == INFERENCE
    assert told(form, "qft") == told(form, "difficulty_model") == TRAINING


def test_a_task_that_only_names_a_folder_asks_for_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(checked(tmp_path, capsys), "reward_model") == NOTHING, "smoke gives one"
    assert told(checked(tmp_path, capsys, reward_model=""), "reward_model") == TRAINING


def looked(step: str, title: str, state: Any, **options: Any) -> Looked:
    return Looked(step=PlannedStep(step, options, title=title), state=state)


def test_a_task_whose_folder_is_finished_or_that_asks_a_served_model_asks_for_nothing() -> None:
    steps = [
        looked("train_sft", "QFT", "reused"),
        looked("train_sft", "QFT", "continued"),  # of another round of the loop
        looked("train_dpo", "QPO", "reused"),
        looked("build_preferences", "Preferences", "new", endpoint="http://judge/v1"),
        looked("generate_questions", "Sample questions", "not known"),
        looked("filter_language", "Language", "new"),
    ]
    assert sizes_at_work(steps) == {"qft": "training", "sample_questions": "inference"}
    hardware = CheckedHardware(training_gpus="8", waiting_image="own/cpu:1")
    outputs = ["qft_gpus", "qpo_gpus", "preferences_image", "sample_questions_node_selector", "cpu_step_cpu"]
    assert told_tasks(outputs, hardware, steps) == {
        "qft_gpus": "8",
        "qpo_gpus": "0",
        "preferences_image": "own/cpu:1",
        "sample_questions_node_selector": {},
        "cpu_step_cpu": "2",
    }


def test_where_jobs_do_the_work_every_task_asks_for_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    form = checked(tmp_path, capsys, gpu_work="job", pods="8")
    assert told(form, "qft") == told(form, "answers") == NOTHING
