import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.filter_language import step
from components.filter_language.config import FilterLanguageConfig
from components.shared.command import termination_message
from components.shared.command.step_command import run_step
from components.shared.errors import ExitCode
from pipelines.cluster.argo_retries import merged
from pipelines.compiled_pipeline import COMPILED, executors_on_kubernetes, read_documents
from tests.manifests.schemas import kubernetes_versions, problems_of
from tests.source_tree import ROOT

KUBEFLOWS_OWN = Path(__file__).with_name("workflow_controller.yaml").read_text(encoding="utf-8")


def strategy_of(config_map: dict[str, Any]) -> dict[str, Any]:
    strategy: dict[str, Any] = defaults_of(config_map)["spec"]["templateDefaults"]["retryStrategy"]
    return strategy


def defaults_of(config_map: dict[str, Any]) -> Any:
    return yaml.safe_load(config_map["data"]["workflowDefaults"])


def run(given: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.cluster.argo_retries"]
    return subprocess.run(command, cwd=ROOT, input=given, capture_output=True, text=True, check=False)


def test_kubeflows_own_defaults_stay_and_the_policy_is_put_onto_them() -> None:
    done = run(KUBEFLOWS_OWN)
    assert done.returncode == 0, done.stderr
    applied = yaml.safe_load(done.stdout)
    assert defaults_of(applied)["spec"]["ttlStrategy"] == {"secondsAfterCompletion": 3600}
    assert strategy_of(applied)["limit"] == "2"
    assert strategy_of(applied)["retryPolicy"] == "Always"
    assert sorted(applied["data"]) == [
        "failedPodRestart",
        "workflowDefaults",
    ]  # an apply leaves the rest alone
    assert applied["metadata"] == {"name": "workflow-controller-configmap", "namespace": "kubeflow"}
    assert [problem for version in kubernetes_versions() for problem in problems_of([applied], version)] == []


def test_a_pod_that_failed_before_its_container_began_is_made_again() -> None:
    given = yaml.safe_load(KUBEFLOWS_OWN)
    given["data"]["failedPodRestart"] = "enabled: false\n"
    for config_map in (yaml.safe_load(KUBEFLOWS_OWN), given):
        restarts = yaml.safe_load(merged(config_map)["data"]["failedPodRestart"])
        assert restarts == {"enabled": True, "maxRestarts": 20}


def test_merging_twice_changes_nothing_more() -> None:
    once = merged(yaml.safe_load(KUBEFLOWS_OWN))
    assert merged(once) == once


def test_a_step_that_asks_for_attempts_has_its_own_number_of_them_under_the_policy() -> None:
    """What Argo puts onto a template is what the template does not say itself: Kubeflow sets limit and pauses alone."""
    (spec, *_) = read_documents(COMPILED / "scalequest-paper.yaml")
    graphs = [spec["root"], *(each for each in spec["components"].values() if "dag" in each)]
    policies = {
        name: task["retryPolicy"]
        for graph in graphs
        for name, task in graph["dag"]["tasks"].items()
        if "retryPolicy" in task
    }
    assert policies.keys() > {"check-run"}
    for name, policy in policies.items():
        assert policy == {
            "maxRetryCount": 3 if name == "check-run" else 20,  # a wrong form is told soon
            "backoffDuration": "60s",
            "backoffFactor": 1.0,  # a constant pause
            "backoffMaxDuration": "315360000s",  # ten years
        }


def test_no_limit_in_time_ends_a_step_before_its_attempts_are_used_up() -> None:
    """Argo counts it from the first attempt's start, so that it holds for all attempts, pauses and queues together."""
    (spec, platform) = read_documents(COMPILED / "scalequest-paper.yaml")
    (policy,) = {
        (
            each["retryPolicy"]["maxRetryCount"],
            each["retryPolicy"]["backoffDuration"],
            each["retryPolicy"]["backoffMaxDuration"],
        )
        for component in spec["components"].values()
        for each in component.get("dag", {}).get("tasks", {}).values()
        if "retryPolicy" in each
    }
    retries, pause, limit = (int(str(value).removesuffix("s")) for value in policy)
    executors = executors_on_kubernetes([spec, platform]).values()
    longest = max(int(settings["activeDeadlineSeconds"]) for settings in executors)
    assert limit > 10 * ((retries + 1) * longest + retries * pause)


@pytest.mark.parametrize("data", [{}, {"data": {"workflowDefaults": ""}}], ids=["no data", "an empty key"])
def test_without_a_limit_of_kubeflows_nothing_is_tried_for_ever(data: dict[str, Any]) -> None:
    metadata = {"name": "workflow-controller-configmap", "namespace": "kubeflow"}
    assert strategy_of(merged({"kind": "ConfigMap", "metadata": metadata, **data}))["limit"] == "0"


@pytest.mark.parametrize(
    ("message", "again"),
    [
        ("Error (exit code 75)", True),
        ("Error (exit code 1): the store did not answer", True),
        ("OOMKilled (exit code 137)", True),
        ("Pod was terminated in response to imminent node shutdown.", True),
        ("The node was low on resource: ephemeral-storage. Pod was Evicted", True),
        ("pod deleted", True),
        ("Pod was rejected: Allocate failed due to no healthy devices present; cannot allocate nvidia.com/gpu", True),
        (
            "Error (exit code 143): Pod was active on the node longer than the specified deadline",
            True,
        ),  # a step's words
        ("Pod was active on the node longer than the specified deadline", False),  # of 14 days
        ("", False),  # of a graph or a loop: its levels would multiply each other
        ("Error (exit code 1): bad input: --workspace must be given", False),
        ("main: Error (exit code 1): bad input: --workspace must be given", False),
        ("main: Error (exit code 1): budget spent: gs://b/w has taken 8 GPU-hours", False),
        ("Error (exit code 1): gate closed: the gate is not kept", False),
        ("main: Error (exit code 1): the gate closed: of a store", True),
    ],
)
def test_all_that_ends_a_pod_is_tried_again_but_bad_input_and_an_attempt_of_14_days(message: str, again: bool) -> None:
    assert is_tried_again(message) is again


def is_tried_again(message: str) -> bool:
    """Evaluate our expression as Argo does; it has one form, which is held here."""
    expression = strategy_of(merged(yaml.safe_load(KUBEFLOWS_OWN)))["expression"]
    first, *others = expression.split(" and ")
    assert first == 'lastRetry.message != ""'
    found = [re.fullmatch(r'not \(lastRetry\.message matches "([^"]*)"\)', other) for other in others]
    assert found
    assert all(found)
    return message != "" and not any(each and re.search(each[1], message) for each in found)


def test_bad_input_is_left_alone_by_the_words_that_a_step_leaves_and_argo_repeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (words := tmp_path / "termination-log").touch()
    monkeypatch.setattr(termination_message, "FILE", words)
    with pytest.raises(SystemExit, match=str(ExitCode.BAD_INPUT)):
        run_step(FilterLanguageConfig, step.run, ["--workspace", str(tmp_path), "--questions", str(tmp_path / "none")])
    said = f"Error (exit code 1): {words.read_text()}"  # as Argo's inferFailedReason puts it, the newest with "main: "
    assert not is_tried_again(said)
    assert not is_tried_again(f"main: {said}")
    assert is_tried_again(f"Error (exit code 1): a server said (400): {words.read_text()}")


@pytest.mark.parametrize("given", ["", "kind: Pod", "nonsense"])
def test_what_is_no_config_map_is_refused_in_one_message(given: str) -> None:
    done = run(given)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("argo_retries: error: no ConfigMap on standard input")
