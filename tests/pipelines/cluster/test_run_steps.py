import json
from typing import Any

import pytest

from pipelines.cluster.run_pods import Pods
from pipelines.cluster.run_steps import DONE, FAILED, RUNNING, WAITING, Step, steps_of
from pipelines.cluster.workflow import Workflow, read_workflow
from pipelines.compiled_pipeline import planned_steps
from tests.pipelines.cluster.recorded_runs import answer_of, recorded, run_of


def workflow_of(name: str) -> Workflow:
    """Return the Workflow of a recorded run."""
    return read_workflow(answer_of(f"{name}.v1beta1")[1])


def steps_in(name: str, pods: Pods | None = None) -> list[Step]:
    """Return the steps of a recorded run as they were planned."""
    run = run_of(name)
    planned = planned_steps(run["pipeline_spec"]["pipeline_spec"], run["runtime_config"]["parameters"])
    return steps_of(workflow_of(name).nodes, planned, pods or Pods(), {})


def test_each_planned_step_is_found_among_argos_nodes_and_no_other_is() -> None:
    steps = steps_in("run-succeeded-frozen-at-93-of-380")
    assert len(steps) == 30
    assert {step.state for step in steps} == {DONE}
    assert len(steps_of(workflow_of("run-succeeded-frozen-at-93-of-380").nodes, [], Pods(), {})) == 30


def test_what_was_not_planned_here_has_its_name_and_source_by_kubeflows_driver() -> None:
    steps = steps_of(workflow_of("run-succeeded-frozen-at-93-of-380").nodes, [], Pods(), {})
    titles = [step.title for step in steps]
    assert titles.count("generate_questions first") == 3
    assert titles.count("import_model random:llama") == 7
    assert titles[0] == "import_questions reasoning-gym:gsm_symbolic"


def test_a_container_driver_that_died_fails_its_step() -> None:
    workflow = workflow_of("run-first-pod-pending-insufficient-cpu")
    for node in workflow.nodes:
        raw: Any = node.raw
        if node.place[-1:] == ("import-questions-driver",):
            raw |= {"phase": "Failed", "message": "main: Error (exit code 1)"}
    nodes = [node for node in workflow.nodes if not node.template.endswith(("-executor", "-impl"))]
    (step,) = steps_of(nodes, [], Pods(), {})
    assert (step.name, step.state, step.why) == ("import_questions", FAILED, "Kubeflow's driver: exit code 1")
    assert step.ending
    assert step.ending.why == "Kubeflow's driver: exit code 1"


@pytest.mark.parametrize(
    ("pod", "state", "why"),
    [
        ("step-running", RUNNING, ""),
        ("step-being-deleted", RUNNING, "its pod is being deleted"),
        ("step-ended-sidecar-still-running", RUNNING, "its work is done, its pod has not ended yet"),
        ("step-pending-insufficient-cpu", WAITING, "for a node with cpu 3"),
        ("step-image-cannot-be-pulled", WAITING, "for its image registry.invalid"),
    ],
)
def test_a_pod_knows_better_than_argo_whether_a_step_runs(pod: str, state: str, why: str) -> None:
    name = "run-step-running"
    (active,) = [node for node in workflow_of(name).nodes if node.is_attempt and not node.has_ended]
    steps = steps_in(name, Pods(by_node={active.id: recorded(f"pods/{pod}.pod")}))
    (step,) = [step for step in steps if step.title == "generate_questions first" and step.started]
    assert step.state == state
    assert step.why.startswith(why)
    assert bool(step.why) == bool(why)


def test_a_workflow_reads_the_same_compressed_or_not() -> None:
    _, answer = answer_of("run-succeeded-frozen-at-93-of-380.v1beta1")
    manifest = json.loads(answer["pipeline_runtime"]["workflow_manifest"])
    assert "compressedNodes" in manifest["status"]
    workflow = read_workflow(answer)
    manifest["status"] = {"nodes": {node.id: node.raw for node in workflow.nodes}}
    assert read_workflow({"pipeline_runtime": {"workflow_manifest": json.dumps(manifest)}}).nodes == workflow.nodes
    assert len(workflow.nodes) == 380


def test_a_run_that_was_only_just_taken_has_no_nodes() -> None:
    assert read_workflow({}).nodes == ()
