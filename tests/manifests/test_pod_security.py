from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests.pod_security import pods_of, violations
from tests.manifests.tools import MANIFESTS, Tools, write_overlay

SECURE: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {"name": "c", "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
    ],
}
CONTAINER = SECURE["containers"][0]


def _container(**context: Any) -> dict[str, Any]:
    return {"containers": [{**CONTAINER, "securityContext": {**CONTAINER["securityContext"], **context}}]}


@pytest.mark.parametrize("path", sorted((MANIFESTS / "jobs").glob("*/job.yaml")), ids=lambda path: path.parent.name)
def test_a_steps_job_is_restricted_with_a_read_only_root_and_no_token(path: Path) -> None:
    ((_, pod),) = pods_of(list(yaml.safe_load_all(path.read_text(encoding="utf-8"))))
    assert violations(pod) == []
    assert pod["automountServiceAccountToken"] is False
    assert all(container["securityContext"]["readOnlyRootFilesystem"] for container in pod["containers"])


@pytest.mark.parametrize(
    "option", ["jobs-on-eks-p4de-spot", "jobs-on-gke-a100-40g", "jobs-on-local", "jobs-queued", "jobs-model-cache"]
)
def test_an_option_for_jobs_leaves_them_restricted(option: str, tools: Tools, tmp_path: Path) -> None:
    overlay = write_overlay(tmp_path, resources=["jobs/train-sft"], components=[f"options/{option}"])
    assert [violations(pod) for _, pod in pods_of(tools.build(overlay))] == [[]]


@pytest.mark.parametrize("option", ["judge/judge.yaml", "trainer/trainingruntime.yaml"])
def test_every_other_pod_template_is_restricted(option: str) -> None:
    objects = list(yaml.safe_load_all((MANIFESTS / "options" / option).read_text(encoding="utf-8")))
    assert [violations(pod) for _, pod in pods_of(objects)] == [[]]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, ""),
        ({"hostNetwork": True}, "hostNetwork"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "volume v"),
        ({"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}, "runAsNonRoot"),
        ({"securityContext": {"runAsNonRoot": True}}, "seccomp"),
        ({"securityContext": {**SECURE["securityContext"], "runAsUser": 0}}, "user 0"),
        ({"securityContext": {**SECURE["securityContext"], "sysctls": [{"name": "kernel.x"}]}}, "sysctl kernel.x"),
        (_container(privileged=True), "privileged"),
        (_container(allowPrivilegeEscalation=None), "allowPrivilegeEscalation"),
        (_container(capabilities={"drop": ["NET_RAW"]}), "capabilities are not dropped"),
        (_container(capabilities={"drop": ["ALL"], "add": ["SYS_PTRACE"]}), "SYS_PTRACE"),
        (_container(runAsNonRoot=False), "runAsNonRoot"),
        (_container(procMount="Unmasked"), "procMount"),
        ({"containers": [{**CONTAINER, "ports": [{"hostPort": 80}]}]}, "a port of the host"),
        ({"initContainers": [{"name": "i"}]}, "i: allowPrivilegeEscalation"),
    ],
)
def test_what_restricted_forbids_is_found(change: dict[str, Any], found: str) -> None:
    problems = violations({**SECURE, **change})
    assert any(found in problem for problem in problems) if found else problems == []


def test_pods_are_found_in_whatever_they_stand() -> None:
    template = {"template": {"spec": SECURE}}
    cron = {"kind": "CronJob", "metadata": {"name": "x"}, "spec": {"jobTemplate": {"spec": template}}}
    jobs = [{"template": {"spec": template}}]
    runtime = {
        "kind": "TrainingRuntime",
        "metadata": {"name": "y"},
        "spec": {"template": {"spec": {"replicatedJobs": jobs}}},
    }
    pod = {"kind": "Pod", "metadata": {"name": "z"}, "spec": SECURE}
    assert [name for name, _ in pods_of([cron, runtime, pod])] == ["CronJob x", "TrainingRuntime y", "Pod z"]
