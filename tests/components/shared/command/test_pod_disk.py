from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.shared.command import pod_disk
from components.shared.command.pod_disk import mount_of, refuse_pod_disk
from components.shared.command.step_command import run_step
from components.shared.errors import ExitCode, InputError
from components.shared.processes import KUBERNETES, RUNNER
from components.shared.workspace import Workspace
from tests.components.shared.command.test_step_command import SampleConfig

ON_SCRATCH = "/tmp/runs"


@pytest.fixture
def in_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be in a pod, in which /tmp is a volume for scratch, as in our Jobs."""
    monkeypatch.setenv(KUBERNETES, "10.0.0.1")
    monkeypatch.delenv(RUNNER, raising=False)
    monkeypatch.setattr(pod_disk, "mount_of", lambda path: Path("/tmp") if Path("/tmp") in path.parents else Path("/"))


def is_refused(workspace: str, *, of_kubeflow: bool = True) -> bool:
    try:
        refuse_pod_disk(workspace, of_kubeflow=of_kubeflow)
    except InputError:
        return True
    return False


@pytest.mark.parametrize("workspace", [ON_SCRATCH, f"file://{ON_SCRATCH}", "runs", "/runs"])
@pytest.mark.usefixtures("in_pod")
def test_the_step_of_a_pod_is_refused_a_directory_that_ends_with_it(workspace: str) -> None:
    with pytest.raises(InputError, match="is gone when the pod ends; give gs://"):
        refuse_pod_disk(workspace, of_kubeflow=True)


@pytest.mark.parametrize("place", ["/gcs", "/s3", "/minio"])
@pytest.mark.usefixtures("in_pod")
def test_what_kubeflow_mounts_for_artifacts_ends_with_the_pod(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_disk, "mount_of", lambda _: Path(place))
    with pytest.raises(InputError, match="is gone when the pod ends"):
        refuse_pod_disk(f"{place}/bucket/runs", of_kubeflow=True)


@pytest.mark.usefixtures("in_pod")
def test_a_bucket_and_a_volume_are_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_refused("gs://bucket/runs")
    assert is_refused("/workspace/runs")
    monkeypatch.setattr(pod_disk, "mount_of", lambda _: Path("/workspace"))
    assert not is_refused("/workspace/runs")


@pytest.mark.usefixtures("in_pod")
def test_what_a_person_starts_in_a_pod_may_write_where_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_refused(ON_SCRATCH, of_kubeflow=False)  # this process is not the first of its container
    assert is_refused(ON_SCRATCH)
    monkeypatch.setenv(RUNNER, str(os.getpid()))  # scalequest run
    assert not is_refused(ON_SCRATCH)


@pytest.mark.usefixtures("in_pod")
def test_outside_of_kubernetes_any_directory_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_refused(ON_SCRATCH)
    monkeypatch.delenv(KUBERNETES)
    assert not is_refused(ON_SCRATCH)


def test_the_mount_of_a_path_is_found_whether_it_exists_or_not(tmp_path: Path) -> None:
    assert mount_of(Path("/proc/self/status")) == Path("/proc")
    assert mount_of(tmp_path / "not" / "there").is_mount()


@pytest.mark.usefixtures("in_pod")
def test_a_job_ends_with_2_before_it_writes_anything(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(config: SampleConfig, workspace: Workspace) -> str:
        raise AssertionError("it began")

    monkeypatch.setattr(os, "getpid", lambda: 1)  # as the command of a container
    with pytest.raises(SystemExit) as ended:
        run_step(SampleConfig, work, ["--workspace", str(tmp_path), "--name", "n"])
    assert ended.value.code == ExitCode.BAD_INPUT
    assert "is a directory of this pod" in capsys.readouterr().err
