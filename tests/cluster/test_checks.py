"""Each check of `make e2e-cluster` on a stand-in, which runs the pods of Jobs as processes here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.shared.errors import ExitCode
from pipelines.cluster.kubernetes_access import configure
from tests.cluster.checked_jobs import CheckedJobs
from tests.cluster.job_checks import (
    EXIT_CODES,
    check_deadline,
    check_eviction,
    check_exit_code,
    check_kill,
    check_scaling,
    check_start,
)
from tests.cluster.node_stand_in import NodeCluster
from tests.pipelines.cluster.conftest import NAMESPACE, Server, kubeconfig_of
from tests.source_tree import ROOT


@pytest.fixture
def cluster(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NodeCluster]:
    """A cluster that runs Jobs."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of(server.url, tmp_path)))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    configure()
    standing = NodeCluster(place=tmp_path)
    standing.serve(server, NAMESPACE)
    yield standing
    standing.end_all()


@pytest.fixture
def made(cluster: NodeCluster) -> CheckedJobs:
    """Jobs of the checks, in whose pauses the cluster works."""

    def work(_: float) -> None:
        time.sleep(0.02)
        cluster.tick()

    return CheckedJobs(NAMESPACE, sleep=work)


@pytest.mark.parametrize("code", EXIT_CODES, ids=[str(int(code)) for code in EXIT_CODES])
def test_a_job_ends_as_its_pods_do(code: ExitCode, made: CheckedJobs) -> None:
    assert check_exit_code(made, code).endswith(f"read as {int(EXIT_CODES[code][1])}")


def test_a_pod_that_starts_is_content(made: CheckedJobs) -> None:
    assert re.fullmatch(r"its pod had run after \d+ s", check_start(made))


def test_why_a_pod_does_not_start_is_told(
    made: CheckedJobs, cluster: NodeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.cluster.job_checks.START_SECONDS", 1)
    monkeypatch.setattr(cluster, "_start", lambda *_: None)
    cluster.on_create = lambda name: cluster.events.append(
        {"type": "Warning", "involvedObject": {"name": name}, "message": "exceeded quota: gpus"}
    )
    with pytest.raises(AssertionError, match="its end not within 1 s; starting: it gets no pods: exceeded quota: gpus"):
        check_start(made)


def test_bad_input_without_its_message_is_not_right(made: CheckedJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXIT_CODES, ExitCode.BAD_INPUT, ("exit 2", ExitCode.BAD_INPUT))
    with pytest.raises(AssertionError, match="Ending"):
        check_exit_code(made, ExitCode.BAD_INPUT)


def test_eviction_kill_and_scaling_are_content(made: CheckedJobs) -> None:
    assert check_eviction(made) == "heard SIGTERM, replaced, not counted"
    assert check_kill(made) == "replaced"
    assert check_scaling(made) == "1, 3, 2 pods; the first one stayed"
    assert made.clean_up() == 3


def test_an_eviction_that_is_counted_is_no_right_eviction(
    made: CheckedJobs, cluster: NodeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_counts", lambda pod: pod["status"]["phase"] == "Failed")
    with pytest.raises(AssertionError, match="the eviction was counted"):
        check_eviction(made)


def test_a_job_whose_pods_are_all_replaced_when_it_is_scaled_is_not_right(
    made: CheckedJobs, cluster: NodeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    scale = made.scale

    def restart_all(name: str, pods: int) -> None:
        with cluster.lock:
            cluster._remove_pods(name)
        scale(name, pods)

    monkeypatch.setattr(made, "scale", restart_all)
    with pytest.raises(AssertionError, match="the first pod was replaced"):
        check_scaling(made)


def test_a_job_that_nobody_follows_ends_by_itself(made: CheckedJobs, cluster: NodeCluster) -> None:
    cluster.clock = datetime.now(UTC)
    sleep = made.sleep

    def pass_time(seconds: float) -> None:
        cluster.advance(seconds)
        sleep(seconds)

    made.sleep = pass_time
    assert check_deadline(made) == "ended after its deadline of 20 s"
    assert made.living_pods(made.run) == []


def test_the_command_examines_the_cluster_of_kubectls_context_and_prints_a_table(
    cluster: NodeCluster, tmp_path: Path
) -> None:
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.05):
            cluster.tick()

    (worker := threading.Thread(target=work)).start()
    given = {"E2E_NAMESPACE": NAMESPACE, "E2E_HOST": "http://localhost:1", "E2E_WORKSPACE": "s3://bucket/e2e"}
    words = ["-m", "cluster", "-k", "as_its_pods_do and 75 or killed_pod or stop_leaves", "tests/cluster"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "-p", "no:cacheprovider"],
        cwd=ROOT,
        env=os.environ | given,
        capture_output=True,
        text=True,
        check=False,
    )
    ended.set()
    worker.join()
    table = done.stdout.partition(" the cluster ")[2].partition("\n=")[0]
    lines = [" ".join(line.split()) for line in table.splitlines()[1:]]
    assert re.fullmatch(
        r"a job ends as its pods do\[75\] passed \d+ s Failed, 2 failed pods, read as 75\n"
        r"a killed pod is replaced passed \d+ s replaced\n"
        r"stop leaves nothing alive failed \d+ s .*",
        "\n".join(lines),
    ), done.stdout
    assert done.returncode == 1
    assert cluster.live == [], "what the checks made was not taken away"
