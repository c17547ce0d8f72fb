from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.shared.jobs.folder_course import FolderCourse
from components.shared.jobs.job_reading import Seen
from components.shared.jobs.selected_jobs import SelectedJobs
from components.shared.kubernetes_api import connect
from components.shared.workspace import Workspace
from tests.components.shared.jobs.jobs_cluster import NAMESPACE, JobsCluster
from tests.components.shared.jobs.jobs_server import serving
from tests.components.shared.sample_folders import create_folder, settle


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobsCluster]:
    cluster = JobsCluster()
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with serving(cluster, tmp_path / "kubeconfig"):
        connect("a test")
        yield cluster


def seen(*phases: str) -> Seen:
    pods: list[dict[str, Any]] = [
        {"metadata": {"name": f"pod-{index}"}, "status": {"phase": phase}} for index, phase in enumerate(phases)
    ]
    return Seen(job={"metadata": {"name": "job-0"}, "spec": {}, "status": {}}, pods=pods)


def test_rows_are_told_part_by_part_and_before_the_first_one_what_a_pod_says(
    cluster: JobsCluster, workspace: Workspace
) -> None:
    cluster.logs["pod-0"] = "loading the model\x1b[2J\n"
    folder = create_folder(workspace, 12, 4)
    course = FolderCourse(SelectedJobs(NAMESPACE, "a=b", allowed_by=""), folder.uri)
    assert not course.look(seen("Running", "Pending"), at_once=True)
    assert str(course) == "; 0 of 12 rows; last line: loading the model [2J"
    part = next(folder.missing_parts())
    for index in range(4):
        settle(part, index)
    assert not course.look(seen("Running"), at_once=True)
    assert str(course).startswith("; 4 of 12 rows, ")
    assert str(course).endswith(" left")
    course.look(seen("Pending"), at_once=True)
    assert str(course) == ""


def test_a_folder_is_looked_at_when_a_pod_has_ended_well_and_only_now_and_then_otherwise(
    cluster: JobsCluster, workspace: Workspace
) -> None:
    folder = create_folder(workspace, 4, 4)
    course = FolderCourse(SelectedJobs(NAMESPACE, "a=b", allowed_by=""), folder.uri)
    assert not course.look(seen("Running"), at_once=False)
    for part in folder.missing_parts():
        for index in range(4):
            settle(part, index)
    folder.finish()
    assert not course.look(seen("Running"), at_once=False)
    ended = Seen(job={"metadata": {"name": "job-0"}, "spec": {}, "status": {"succeeded": 1}})
    assert course.look(ended, at_once=False)


def test_a_log_that_may_not_be_read_is_left_out(cluster: JobsCluster, workspace: Workspace) -> None:
    cluster.refusals["GET log"] = [(403, {"message": "no"})]
    course = FolderCourse(SelectedJobs(NAMESPACE, "a=b", allowed_by=""), f"{workspace.uri}/s/f")
    course.look(seen("Running"), at_once=True)
    assert str(course) == ""
