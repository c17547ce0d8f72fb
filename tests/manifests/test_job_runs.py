"""Jobs run on this machine as the kubelet runs them: the image's command, arguments and environment of the object."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from components.shared.exit_codes import BAD_INPUT
from components.shared.manifests import read_manifest
from tests.manifests.tools import Tools, write_overlay
from tests.source_tree import ROOT


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
    options = {"workspace": str(tmp_path / "runs"), "questions": questions, "num_shards": "2", "rows_per_part": "2"}
    pods = _run_job("filter-language", options, tools, tmp_path, indexes=(0, 1))
    assert [pod.returncode for pod in pods] == [0, 0], [pod.stderr for pod in pods]
    (folder,) = {pod.stdout.strip() for pod in pods}
    assert read_manifest(folder).rows_in == read_manifest(questions).rows_out


def test_an_option_that_is_missing_ends_with_the_code_that_stops_the_job(tools: Tools, tmp_path: Path) -> None:
    (pod,) = _run_job("filter-language", {"workspace": str(tmp_path / "runs")}, tools, tmp_path)
    assert pod.returncode == BAD_INPUT
    assert "--questions must be given" in pod.stderr


def test_a_pod_whose_index_is_beyond_the_shards_ends_with_the_code_that_gives_it_up(
    questions: str, tools: Tools, tmp_path: Path
) -> None:
    options = {"workspace": str(tmp_path / "runs"), "questions": questions, "num_shards": "1"}
    (last,) = _run_job("filter-language", options, tools, tmp_path, indexes=(1,))
    assert last.returncode == BAD_INPUT
    assert "--shard 1 does not exist among --num-shards 1" in last.stderr


def _run_job(
    name: str, options: dict[str, str], tools: Tools, folder: Path, indexes: Sequence[int] = (0,)
) -> list[subprocess.CompletedProcess[str]]:
    """Run pods of a Job, one after the other; of an Indexed Job those with the given indexes."""
    place = folder / "overlay"
    place.mkdir()
    patch = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": options}
    write_overlay(place, resources=[f"jobs/{name}"], patches=[{"patch": json.dumps(patch)}])
    config_map, job = tools.build(place)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    is_indexed = job["spec"].get("completionMode") == "Indexed"
    return [
        _run_container(
            container, config_map["data"], {"JOB_COMPLETION_INDEX": str(index)} if is_indexed else {}, folder
        )
        for index in indexes
    ]


def _run_container(
    container: dict[str, Any], options: dict[str, str], index: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a container's command with what stands in the object, and nothing else of this machine's environment."""
    given = options | {item["name"]: item["value"] for item in container["env"] if "value" in item} | index
    arguments = [re.sub(r"\$\((\w+)\)", lambda found: given[found[1]], word) for word in container["args"]]
    image = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    command = [sys.executable, *container["command"][1:], *arguments]
    return subprocess.run(command, cwd=folder, env=given | image, capture_output=True, text=True, check=False)
