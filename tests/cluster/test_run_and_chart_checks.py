"""The checks of runs and of the chart on stand-ins of Kubeflow and Kubernetes, and with the real helm."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import ExitCode
from pipelines.arguments import Run
from pipelines.cluster import stop_command, submit_command
from pipelines.cluster.kubernetes_access import configure
from pipelines.run_checks.looking import Looked
from tests.cluster.chart_check import RELEASE, check_chart, remove_chart
from tests.cluster.checked_jobs import CheckedJobs
from tests.cluster.run_checks import CheckedRuns, check_again, check_smoke, check_stop, check_terminate, clean_up
from tests.cluster.settings import Settings, read_settings
from tests.manifests.tools import Tools, tools
from tests.pipelines.cluster.conftest import NAMESPACE, RUN_ID, Server, kubeconfig_of
from tests.pipelines.cluster.recorded_runs import run_of, serve_run
from tests.pipelines.cluster.run_cluster import RunCluster

__all__ = ["tools"]  # a fixture
RUN = f"GET /apis/v2beta1/runs/{RUN_ID}"
TERMINATE = f"POST /apis/v2beta1/runs/{RUN_ID}:terminate"


@dataclass
class RunsHere(CheckedRuns):
    """Runs whose store is nowhere: what is read of it is given."""

    def command(self, *words: str, expected: Collection[int] = (ExitCode.DONE,)) -> str:
        return "sound\n" if words[0] == "verify" else super().command(*words, expected=expected)


@pytest.fixture
def cluster(kubeflow: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunCluster:
    """A namespace of Kubeflow, to which a run may be submitted."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of(kubeflow.url, tmp_path)))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(stop_command, "POLL_SECONDS", 0.01)
    configure()
    standing = RunCluster()
    for namespace in (NAMESPACE, "kubeflow"):  # where the recorded runs were
        standing.serve(kubeflow, namespace)
    return standing


@pytest.fixture
def runs(cluster: RunCluster, kubeflow: Server) -> CheckedRuns:
    """Runs in whose pauses nothing happens."""
    settings = Settings(namespace=NAMESPACE, host=kubeflow.url, workspace="s3://bucket/e2e", tags="yes")
    return RunsHere(settings, sleep=lambda _: None)


def test_a_smoke_run_that_succeeds_is_content_and_the_same_again_makes_no_job(
    runs: CheckedRuns, cluster: RunCluster, kubeflow: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_run(kubeflow, "run-succeeded-frozen-at-93-of-380", RUN_ID)
    assert check_smoke(runs) == f"succeeded, 30 of 30 steps done; sound; in s3://bucket/e2e/{runs.folder}"
    with pytest.raises(AssertionError, match="submitted smoke: "):
        check_again(runs)
    monkeypatch.setattr(submit_command, "look_from_here", all_finished_but_for_another_last_step)
    assert check_again(runs).startswith("nothing to do; with another last step no Job, ")
    cluster.add("generate_questions")
    with pytest.raises(AssertionError, match="1 Jobs were made for finished work"):
        check_again(runs)


def test_a_smoke_run_that_fails_is_told_with_what_the_command_printed(runs: CheckedRuns, kubeflow: Server) -> None:
    serve_run(kubeflow, "run-failed-bad-input-after-retry", RUN_ID)
    with pytest.raises(AssertionError, match=r"exit code 2\n(?s:.*)bad input: --source reasoning-gym"):
        check_smoke(runs)
    assert runs.run_ids == [RUN_ID], "nobody would stop it, had it only ceased to be followed"


def all_finished_but_for_another_last_step(run: Run, workspace: str, *, has_keys: bool) -> list[Looked]:
    is_other = "keep_thoughts" in str(run.arguments)
    steps = [step for step in run.steps if not step.passes_on]
    return [
        Looked(step=step, state="not known" if is_other else "reused", folder=f"{workspace}/{step.name}/1")
        for step in steps
    ]


def ends_in(kubeflow: Server, name: str, state: str) -> Callable[[Any], Any]:
    """Return an answer to Terminate, after which the run is as another one was."""

    def terminate(_: Any) -> dict[str, Any]:
        serve_run(kubeflow, name, RUN_ID)
        kubeflow.on(RUN, run_of(name) | {"run_id": RUN_ID, "state": state})
        return {}

    return terminate


def in_pauses(runs: CheckedRuns, changes: Mapping[int, Callable[[], object]]) -> list[float]:
    """Let something happen in some of the pauses, which are counted from 1; return a list that all pauses go to."""
    pauses: list[float] = []

    def pass_time(seconds: float) -> None:
        pauses.append(seconds)
        if change := changes.get(len(pauses)):
            change()

    runs.sleep = pass_time
    return pauses


def test_a_terminated_run_whose_jobs_end_by_themselves_is_content(
    runs: CheckedRuns, cluster: RunCluster, kubeflow: Server
) -> None:
    serve_run(kubeflow, "run-step-running", RUN_ID)
    kubeflow.on(TERMINATE, ends_in(kubeflow, "run-terminated-midstep", "CANCELED"))
    changes = {
        2: lambda: cluster.add("generate_questions"),
        5: lambda: cluster.fail(cluster.live[0], "DeadlineExceeded"),
    }
    pauses = in_pauses(runs, changes)
    assert check_terminate(runs, CheckedJobs(NAMESPACE)).startswith("no pod of a Job after ")
    assert len(pauses) == 5


def test_the_end_of_a_terminated_run_is_awaited_and_asked_for(
    runs: CheckedRuns, cluster: RunCluster, kubeflow: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_run(kubeflow, "run-step-running", RUN_ID)
    kubeflow.on(TERMINATE, ends_in(kubeflow, "run-terminated-midstep", "CANCELING"))
    changes = {
        1: lambda: cluster.add("generate_questions"),
        2: lambda: cluster.fail(cluster.live[0], "DeadlineExceeded"),
        4: lambda: kubeflow.on(RUN, run_of("run-terminated-midstep") | {"run_id": RUN_ID, "state": "CANCELED"}),
    }
    pauses = in_pauses(runs, changes)
    assert check_terminate(runs, CheckedJobs(NAMESPACE)).startswith("no pod of a Job after ")
    assert pauses == [2, 10, 5, 5]
    serve_run(kubeflow, "run-step-running", RUN_ID)
    cluster.jobs.clear()
    in_pauses(runs, changes | {4: lambda: None})
    monkeypatch.setattr("tests.cluster.run_checks.END_SECONDS", 0.0)
    with pytest.raises(AssertionError, match=": being terminated, "):
        check_terminate(runs, CheckedJobs(NAMESPACE))


def test_a_terminated_run_whose_jobs_live_on_is_not(
    runs: CheckedRuns, cluster: RunCluster, kubeflow: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_run(kubeflow, "run-step-running", RUN_ID)
    kubeflow.on(TERMINATE, ends_in(kubeflow, "run-terminated-midstep", "CANCELED"))
    cluster.add("generate_questions")
    monkeypatch.setattr("tests.cluster.run_checks.MINUTES_OF_JOBS", 0)
    with pytest.raises(AssertionError, match="alive 0 minutes after the end: generate-questions-"):
        check_terminate(runs, CheckedJobs(NAMESPACE))


def test_stop_is_content_once_nothing_lives(runs: CheckedRuns, cluster: RunCluster, kubeflow: Server) -> None:
    serve_run(kubeflow, "run-step-running", RUN_ID)
    kubeflow.on(TERMINATE, ends_in(kubeflow, "run-terminated-midstep", "CANCELED"))
    cluster.add("generate_questions")
    assert check_stop(runs, CheckedJobs(NAMESPACE)) == "nothing of it runs any more in kubeflow"
    clean_up(runs)


def test_stop_waits_for_a_job_and_is_not_content_where_none_was_told_to_stop(
    runs: CheckedRuns, cluster: RunCluster, kubeflow: Server
) -> None:
    serve_run(kubeflow, "run-step-running", RUN_ID)
    kubeflow.on(TERMINATE, ends_in(kubeflow, "run-terminated-midstep", "CANCELED"))
    pauses = in_pauses(runs, {2: lambda: cluster.add("generate_questions")})
    stop = runs.stop

    def stop_after_it_ended(run_id: str = "") -> str:
        if cluster.live:
            cluster.complete(cluster.live[0])
        return stop(run_id)

    runs.stop = stop_after_it_ended  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="no Job of it was running"):
        check_stop(runs, CheckedJobs(NAMESPACE))
    assert len(pauses) == 2


def test_the_chart_is_installed_found_and_taken_away(
    cluster: RunCluster, kubeflow: Server, tools: Tools, tmp_path: Path
) -> None:
    (values := tmp_path / "values.yaml").write_text("profile: local\n", encoding="utf-8")
    settings = Settings(namespace=NAMESPACE, host="", workspace="", values=str(values))
    kinds = {"ServiceAccount": "/api/v1", "ConfigMap": "/api/v1", "Role": "/apis/rbac.authorization.k8s.io/v1"}
    asked: list[str] = []

    def helm(words: Sequence[str]) -> None:
        asked.append(words[0])
        rendered = tools.render(values, release=RELEASE, namespace=NAMESPACE)
        assert rendered.error == ""
        for each in rendered.objects:
            if each["kind"] in kinds:
                plural, name = f"{each['kind'].lower()}s", each["metadata"]["name"]
                kubeflow.on(f"GET {kinds[each['kind']]}/namespaces/{NAMESPACE}/{plural}/{name}", each)

    with pytest.raises(AssertionError, match=f"not in {NAMESPACE}: scalequest, scalequest-profiles, scalequest-step"):
        check_chart(settings, lambda _: None)
    assert check_chart(settings, helm).startswith("installed: scalequest, scalequest-profiles, ")
    remove_chart(settings, helm)
    assert asked == ["upgrade", "uninstall"]


def test_what_is_missing_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("E2E_NAMESPACE", "E2E_HOST", "E2E_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("E2E_HOST", "http://localhost:8888")
    with pytest.raises(ValueError, match=r"make e2e-cluster needs E2E_NAMESPACE \(.*\), E2E_WORKSPACE \("):
        read_settings()
    monkeypatch.setenv("E2E_NAMESPACE", "n")
    monkeypatch.setenv("E2E_WORKSPACE", "s3://b/x")
    assert read_settings().profile == "local"
