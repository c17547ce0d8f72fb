"""Jobs run on this machine as the kubelet runs them: the image's command, arguments and environment of the object."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from components.shared.errors import ExitCode
from components.shared.workspace.manifests import read_manifest
from manifests.jobs import OPTIONS
from pipelines.parameters import Common
from tests.manifests.mounts import mount_of, write_mounted
from tests.manifests.tools import Tools, write_overlay
from tests.source_tree import ROOT
from tests.stores import Store

Secrets = Mapping[str, Mapping[str, str]]  # name, key, value


@pytest.fixture(scope="module")
def questions(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of questions that the Job import-questions made."""
    folder = tmp_path_factory.mktemp("imported")
    options = {"workspace": str(folder / "runs"), "source": "reasoning-gym:chain_sum", "num_questions": "12"}
    (pod,) = _run_job("import-questions", options, tools, folder)
    assert pod.returncode == 0, pod.stderr
    return pod.stdout.strip()


def test_a_jobs_pod_runs_the_step_on_the_options_of_its_config_map(questions: str) -> None:
    assert read_manifest(questions).rows_in == 12


def test_the_pods_of_an_indexed_job_share_the_work(questions: str, tools: Tools, tmp_path: Path) -> None:
    options = {"workspace": str(tmp_path / "runs"), "questions": questions, "rows_per_part": "2"}
    pods = _run_job("filter-language", options, tools, tmp_path, num_pods=2)
    assert [pod.returncode for pod in pods] == [0, 0], [pod.stderr for pod in pods]
    (folder,) = {pod.stdout.strip() for pod in pods}
    assert read_manifest(folder).rows_in == read_manifest(questions).rows_out


def test_an_option_that_is_missing_ends_with_the_code_that_stops_the_job(tools: Tools, tmp_path: Path) -> None:
    (pod,) = _run_job("filter-language", {"workspace": str(tmp_path / "runs")}, tools, tmp_path)
    assert pod.returncode == ExitCode.BAD_INPUT
    assert "--questions must be given" in pod.stderr


def test_an_option_that_is_misspelt_ends_with_the_code_that_stops_the_job(tools: Tools, tmp_path: Path) -> None:
    options = {"workspace": str(tmp_path / "runs"), "quetsions": "q"}
    (pod,) = _run_job("filter-language", options, tools, tmp_path)
    assert pod.returncode == ExitCode.BAD_INPUT
    assert "'quetsions' in" in pod.stderr
    assert "did you mean 'questions'?" in pod.stderr
    assert not (tmp_path / "runs").exists()


def test_a_job_finds_its_store_by_the_secret_and_nothing_else(s3_store: Store, tools: Tools, tmp_path: Path) -> None:
    options = {"workspace": s3_store.uri, "source": "reasoning-gym:chain_sum", "num_questions": "3"}
    secret = dict(s3_store.environment)
    secret["AWS_REGION"] = secret.pop("AWS_DEFAULT_REGION")
    secret |= {"key.json": "a file of the volume", "num_questions": "99"}  # keys that are no variables of a pod's
    (pod,) = _run_job("import-questions", options, tools, tmp_path, secrets={Common.store_secret: secret})
    assert pod.returncode == 0, pod.stderr
    assert read_manifest(pod.stdout.strip()).rows_in == 3


def test_a_job_without_role_and_secret_is_told_of_both(tools: Tools, tmp_path: Path) -> None:
    options = {"workspace": "s3://bucket/runs", "source": "reasoning-gym:chain_sum", "num_questions": "3"}
    alone = {Common.store_secret: {"AWS_EC2_METADATA_DISABLED": "true"}}  # not one of the keys that a pod takes
    (pod,) = _run_job("import-questions", options, tools, tmp_path, secrets=alone, AWS_EC2_METADATA_DISABLED="true")
    assert pod.returncode == ExitCode.BAD_INPUT
    assert "give the step's service account a role (IRSA, Pod Identity), or put AWS_ACCESS_KEY_ID and " in pod.stderr
    assert f"into the Secret {Common.store_secret} of the pod's namespace" in pod.stderr


def _run_job(
    name: str,
    options: dict[str, str],
    tools: Tools,
    folder: Path,
    num_pods: int = 1,
    secrets: Secrets = MappingProxyType({}),
    **machine: str,
) -> list[subprocess.CompletedProcess[str]]:
    """Run pods of a Job, at once; of an Indexed Job several.

    ``secrets`` are those of the namespace, ``machine`` what a pod finds in its environment besides.
    """
    place = folder / "overlay"
    place.mkdir()
    patch = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": options}
    write_overlay(place, resources=[f"jobs/{name}"], patches=[{"patch": json.dumps(patch)}])
    config_map, job = tools.build(place)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert num_pods == 1 or job["spec"].get("completionMode") == "Indexed"
    assert mount_of(job, OPTIONS)["configMap"]["name"] == config_map["metadata"]["name"]
    container["args"] = [word.replace(OPTIONS, str(place / "options")) for word in container["args"]]
    write_mounted(place / "options", config_map["data"])
    given = dict(_variables(container, secrets))
    with ThreadPoolExecutor(num_pods) as threads:
        return list(threads.map(lambda _: _run_container(container, given, folder, machine), range(num_pods)))


def _variables(container: dict[str, Any], secrets: Secrets) -> Iterator[tuple[str, str]]:
    """Yield a container's variables as the kubelet does: none of an optional Secret, or key, that is not there."""
    for item in container["env"]:
        if "value" in item:
            yield item["name"], item["value"]
            continue
        source = item["valueFrom"]["secretKeyRef"]
        value = secrets.get(source["name"], {}).get(source["key"])
        assert value is not None or source["optional"], "the kubelet would not start the container"
        if value is not None:
            yield item["name"], value


def _run_container(
    container: dict[str, Any], given: dict[str, str], folder: Path, machine: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a container's command with what stands in the object, and nothing else of this machine's environment."""
    image = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder), **machine}
    command = [sys.executable, *container["command"][1:], *container["args"]]
    return subprocess.run(command, cwd=folder, env=given | image, capture_output=True, text=True, check=False)
