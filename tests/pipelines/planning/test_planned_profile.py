from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.shared.errors import InputError
from pipelines.cli import app
from pipelines.planning.planned_profile import read_planned_profile

DIGEST = f"reg/vllm@sha256:{'a' * 64}"
NODE = "{machine: m, gpus: 8, cpu: '90', memory: 900Gi, ephemeral_storage: 900Gi}"
TASK = "{gpus: '0', cpu: '2', memory: 8Gi, ephemeral_storage: 20Gi, shm: 1Gi}"
TASKS = f"tasks: {{cpu: {TASK}, inference: {TASK}, training: {TASK}}}\n"


def profile(folder: Path, text: str) -> str:
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return str(folder / "mine.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected lines of `name: value`, found nothing"),
        ("- a", "expected lines of `name: value`, found a list"),
        ("like:\tlocal", "is not YAML: while scanning for the next token"),
        ("like: loca", "profile mine: like is 'loca'; did you mean 'local'?"),
        ("like: mine", "profile mine: like is 'mine'; expected one of eks-p4d, "),
        ("like: local-spot", "local has no spot nodes; leave -spot out"),
        ("like: local\nqueu: x", "profile mine: unknown key 'queu'; did you mean 'queue'?"),
        ("like: local\nqueue: [x]", "profile mine: queue is ['x']; expected text"),
        ("like: local\ntasks: {}", "profile mine: tasks says nothing beside like; leave one of them out"),
        ("like: local\nprice_per_gpu_hour: 2 $", "price_per_gpu_hour is '2 $'; expected US dollars for one GPU"),
        ("like: local\ntraining_nodes: 0.5", "training_nodes is 0.5; expected a whole number, at least 1"),
        ("like: local\nimages: {gpu: x}", "images names gpu; expected any of cpu, vllm, train"),
        ("like: local\nnode: {gpus: 8}", "profile mine: node is {'gpus': 8}; expected a mapping with machine, gpus,"),
        (f"like: local\nnode: {NODE.replace('900Gi', 'much', 1)}", "mine.node.memory: 'much' is not a quantity"),
        (f"like: local\nnode: {NODE.replace('8', '-8', 1)}", "profile mine: node.gpus is -8; expected a whole number"),
        (f"{TASKS}node: {NODE}", "profile mine does not say what its nodes have; add like: PROFILE, or node and cpu_"),
        (f"node: {NODE}\ncpu_node: {NODE}", "profile mine has no task 'cpu'"),
        (
            f"{TASKS.replace('20Gi', 'some', 1)}node: {NODE}\ncpu_node: {NODE}",
            "mine.tasks.cpu.ephemeral_storage: 'some' is not a quantity",
        ),
    ],
)
def test_what_is_no_profile_is_explained(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_planned_profile(profile(tmp_path, text))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gke", "--profile 'gke' is unknown; expected one of eks-p4d, "),
        ("nope.yaml", "--profile nope.yaml cannot be read: No such file or directory"),
        ("folder.yaml", "--profile folder.yaml cannot be read: Is a directory"),
    ],
)
def test_a_name_that_is_no_profiles_is_explained(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(InputError) as caught:
        read_planned_profile(name)
    assert message in str(caught.value)


def test_a_profile_may_say_everything_itself(tmp_path: Path) -> None:
    own = read_planned_profile(profile(tmp_path, f"{TASKS}node: {NODE}\ncpu_node: {NODE}\nqueue: q\n"))
    assert (own.hardware.node.gpus, own.hardware.tasks["training"].memory, own.of_jobs.queue) == (8, "8Gi", "q")


def test_spot_nodes_and_another_profile_hold_where_a_profile_says_nothing(tmp_path: Path) -> None:
    spot, own = read_planned_profile("gke-a100-80g-spot"), profile(tmp_path, "like: gke-a100-80g-spot\nqueue: q\n")
    assert spot.hardware.on_demand.node_selector["cloud.google.com/gke-spot"] == "true"
    assert read_planned_profile(own).hardware.on_demand == spot.hardware.on_demand
    assert read_planned_profile(own).hardware.node == spot.hardware.node


def test_a_plan_has_the_queue_the_images_and_the_price_of_a_profile_of_ones_own(tmp_path: Path) -> None:
    own = profile(tmp_path, f"like: gke-a100-80g\nqueue: ours\nprice_per_gpu_hour: 2.5\nimages: {{vllm: '{DIGEST}'}}\n")
    words = ["plan", "answer-smoke", "--workspace", str(tmp_path / "runs"), "--profile"]
    result = CliRunner().invoke(app, [*words, own])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert "queue      ours" in lines
    assert f"image      vllm: {DIGEST}" in lines
    assert any("at $2.50 an hour for a GPU (the profile mine)" in line for line in lines)
    document = json.loads(CliRunner().invoke(app, [*words, own, "--json"]).stdout)
    assert (document["queue"], document["images"]["vllm"], document["profile"]) == ("ours", DIGEST, "mine")
    released = CliRunner().invoke(app, [*words, "gke-a100-80g"]).output
    assert "queue      none in the profile; submit takes scalequest-gpu for GPUs, unless --no-queue" in released
