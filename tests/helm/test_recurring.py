from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.shared.errors import FINAL, ExitCode
from pipelines import compiled_pipeline, compiled_secrets
from pipelines.cluster.options import Cluster
from pipelines.cluster.submission import Submission, prepare_submission
from pipelines.compiled_checks import images_of
from pipelines.compiled_pipeline import COMPILED
from tests.helm.matrix import DIGEST, IMAGES, RECURRING
from tests.helm.objects import find_one, granted
from tests.manifests.tools import CHART, Objects, Tools, copy_chart
from tests.pipelines.cluster.conftest import Server, kept_pipelines, kubeflow, no_keys, server
from tests.pipelines.test_compiled_secrets import TOKENS
from tests.source_tree import ROOT

__all__ = ["kubeflow", "no_keys", "server"]

READING = ("get", "list", "watch")
MEBIBYTE = 1_048_576  # of a ConfigMap, at most


def test_a_recurring_run_is_submitted_by_an_account_that_may_do_only_that(rendered: dict[str, Objects]) -> None:
    objects = rendered["everything"]
    job = find_one(objects, "CronJob")["spec"]
    assert job["concurrencyPolicy"] == "Forbid"
    *_, for_good = job["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    codes = [ExitCode.BUG, *FINAL]
    assert (for_good["action"], for_good["onExitCodes"]["values"]) == ("FailJob", codes)
    pod = job["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert [*container["command"], *container["args"]] == [
        "scalequest", "submit", "paper",
        "--host=http://ml-pipeline.kubeflow.svc.cluster.local:8888", "--namespace=scalequest",
        "--workspace=gs://my-bucket/runs", "--profile=gke-a100-80g", "--gpu-work=job", "--yes",
        "--service-account=scalequest", "--set=seed=7", "--set=source=a, b",
    ]  # fmt: skip
    assert pod["serviceAccountName"] == "scalequest-submit"
    subjects = find_one(objects, "RoleBinding", "scalequest-submit")["subjects"]
    assert [(subject["kind"], subject["name"]) for subject in subjects] == [
        ("Group", "data-team"), ("ServiceAccount", "ci"), ("ServiceAccount", "scalequest-submit"),
    ]  # fmt: skip
    writing = {right for right in granted(objects, "scalequest-submit") if right[2] not in READING}
    assert {(resource, verb) for group, resource, verb in writing if group == "pipelines.kubeflow.org"} == {
        ("runs", "create"), ("runs", "retry"), ("runs", "terminate"), ("experiments", "create"),
        ("pipelines", "create"), ("pipelines/versions", "create"),
    }  # fmt: skip
    assert {each for each in writing if each[0] != "pipelines.kubeflow.org"} == {
        ("trainer.kubeflow.org", "trainjobs", "delete"),  # what a terminated run leaves
        ("batch", "jobs", "delete"),
        ("batch", "jobs", "patch"),  # a Job's account, image and command cannot be changed
        ("authorization.k8s.io", "localsubjectaccessreviews", "create"),  # asks what the steps' account may do
    }


def test_a_recurring_run_waits_for_kubeflow_and_says_in_the_end_why_it_failed(rendered: dict[str, Objects]) -> None:
    job = find_one(rendered["everything"], "CronJob")["spec"]["jobTemplate"]["spec"]
    pauses = [min(10 * 2**number, 360) for number in range(job["backoffLimit"])]  # at least, between two pods
    assert 40 * 60 < sum(pauses) < job["activeDeadlineSeconds"]
    (container,) = job["template"]["spec"]["containers"]
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_a_recurring_run_is_told_of_a_secret_with_another_name(tools: Tools) -> None:
    objects = tools.render(**RECURRING, secrets__store__name="minio", recurring__settings=["seed=7"]).objects
    (container,) = _recurring_pod(objects)["containers"]
    assert container["args"][-2:] == ["--set=store_secret=minio", "--set=seed=7"]


def test_kubernetes_expands_nothing_in_the_settings_of_a_recurring_run(tools: Tools) -> None:
    objects = tools.render(**RECURRING, recurring__settings=["rewriter=$(HOME)$$"]).objects
    (container,) = _recurring_pod(objects)["containers"]
    assert container["args"][-1] == "--set=rewriter=$$(HOME)$$$$"  # which `submit` is then told as it was written


def test_kubeflows_client_finds_the_token_that_a_recurring_run_mounts(rendered: dict[str, Objects]) -> None:
    from kfp.client import KF_PIPELINES_SA_TOKEN_ENV, KF_PIPELINES_SA_TOKEN_PATH

    pod = find_one(rendered["everything"], "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "pipelines-token"]
    (source,) = volume["projected"]["sources"]
    (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == "pipelines-token"]
    path = f"{mount['mountPath']}/{source['serviceAccountToken']['path']}"
    assert source["serviceAccountToken"]["audience"] == "pipelines.kubeflow.org"
    assert path == KF_PIPELINES_SA_TOKEN_PATH
    assert {"name": KF_PIPELINES_SA_TOKEN_ENV, "value": path} in container["env"]


def test_a_recurring_run_submits_the_pipelines_that_the_chart_was_released_with(
    tools: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = Tools(tools.folder, copy_chart(tmp_path / "chart", dict.fromkeys(("cpu", "vllm", "train"), DIGEST)))
    settings = {name: value for name, value in RECURRING.items() if not name.startswith("images__")}
    mounted = _mounted_in_recurring_run(released.render(**settings).objects)
    assert mounted == {path.name: path.read_text(encoding="utf-8") for path in released.chart.glob("files/pipelines/*")}
    assert sorted(mounted) == sorted(path.name for path in COMPILED.glob("*.yaml"))
    (folder := tmp_path / "mounted").mkdir()
    for name, text in mounted.items():
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(compiled_pipeline, "COMPILED", folder)  # as the mount covers it in the pod
    cluster = Cluster(namespace="kubeflow")
    run = prepare_submission(Submission(preset="paper", workspace="gs://my-bucket/runs", cluster=cluster))
    assert run.pipeline.path.parent == folder


def test_a_recurring_run_submits_pipelines_that_name_the_charts_own_images(
    rendered: dict[str, Objects], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = _mounted_in_recurring_run(rendered["everything"])
    for name, text in mounted.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(compiled_pipeline, "COMPILED", tmp_path)
    spec = compiled_pipeline.find("scalequest").spec
    images = images_of([spec])
    registry = IMAGES["images__registry"]
    assert images <= {f"{registry}/{name}@{DIGEST}" for name in ("cpu", "vllm", "train")}
    cluster = Cluster(namespace="kubeflow")
    assert prepare_submission(Submission(preset="paper", workspace="gs://my-bucket/runs", cluster=cluster)).steps


def test_the_pipelines_are_mounted_where_the_images_command_reads_them(rendered: dict[str, Objects]) -> None:
    dockerfile = (ROOT / "images/cpu/Dockerfile").read_text(encoding="utf-8")
    (installed,) = re.findall(r"--target (\S+)", dockerfile)
    (container,) = _recurring_pod(rendered["everything"])["containers"]
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "pipelines"]
    assert mount["mountPath"] == f"{installed}/{COMPILED.relative_to(ROOT)}"
    assert mount["readOnly"] is True


OWN = "extends: smoke\ngenerator_num_questions: 12\ngenerate_questions.max_tokens: 48\n"


def test_a_preset_file_is_kept_in_a_config_map_and_its_run_has_the_charts_images(
    tools: Tools, kubeflow: Server, tmp_path: Path
) -> None:
    done = _submitted(tools, OWN, kubeflow, tmp_path)
    assert done.returncode == 0, done.stderr
    run = kubeflow.body_of("POST /apis/v2beta1/runs")
    assert run["display_name"].startswith("recurring ")
    assert run["runtime_config"]["parameters"]["generator_num_questions"] == 12
    documents = kept_pipelines(kubeflow).documents_of(run)
    assert "max_tokens: {runtimeValue: {constant: 48" in yaml.safe_dump(documents, default_flow_style=True, width=1e9)
    registry = IMAGES["images__registry"]
    assert images_of([documents[0]]) == {f"{registry}/{name}@{DIGEST}" for name in ("cpu", "vllm", "train")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "extends: smoke\ngenerator_num_question: 12\n",
            "recurring.yaml:2: unknown parameter 'generator_num_question'; did you mean 'generator_num_questions'?",
        ),
        ("extends: papper\n", "recurring.yaml:1: extends: unknown preset 'papper'; did you mean 'paper'?"),
        ("extends: ./other.yaml\n", "recurring.yaml:1: extends: unknown preset './other.yaml': there is no such file"),
        ("extends: smoke\nseed: [\n", "recurring.yaml:3: is not YAML"),
    ],
)
def test_what_is_wrong_with_a_preset_file_is_told_with_its_line_and_nothing_is_sent(
    text: str, message: str, tools: Tools, kubeflow: Server, tmp_path: Path
) -> None:
    done = _submitted(tools, text, kubeflow, tmp_path)
    assert done.returncode == ExitCode.BAD_INPUT, done.stderr
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1, "the pod's last words, which FallbackToLogsOnError shows"
    assert kubeflow.asked == []


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token[:5])
def test_a_preset_file_with_a_secret_is_refused_and_it_is_not_repeated(token: str, tools: Tools) -> None:
    rendering = tools.render(**RECURRING, recurring__presetFile=f"extends: paper\nrewriter: {token}\n")
    assert rendering.objects == []
    assert "was found there, and everyone who may read a ConfigMap would see it" in rendering.error
    assert token not in rendering.error


def test_the_chart_refuses_by_the_patterns_that_submit_refuses_by() -> None:
    helpers = (CHART / "templates" / "_helpers.tpl").read_text(encoding="utf-8")
    for what, pattern in compiled_secrets._TOKENS.items():
        escaped = pattern.replace("\\", "\\\\")
        assert f'"{what}" "{escaped}"' in helpers


def _submitted(tools: Tools, text: str, kubeflow: Server, folder: Path) -> subprocess.CompletedProcess[str]:
    """Render the chart with a preset's file, and run the CronJob's command as its pod would; mounts are folders."""
    objects = tools.render(**RECURRING, recurring__presetFile=text, recurring__host=kubeflow.url).objects
    pod = _recurring_pod(objects)
    (container,) = pod["containers"]
    (volume,) = [each for each in pod["volumes"] if each["name"] == "preset"]
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "preset"]
    (mounted := folder / "mounted").mkdir()
    for name, content in find_one(objects, "ConfigMap", volume["configMap"]["name"])["data"].items():
        (mounted / name).write_text(content, encoding="utf-8")
    program, *command = [word.replace(mount["mountPath"], str(mounted)) for word in container["command"]]
    assert program == "scalequest"
    given = {each["name"]: each["value"] for each in container["env"] if each["name"].startswith("SCALEQUEST_")}
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), **given}
    environment["KUBECONFIG"] = os.devnull  # no other cluster
    return subprocess.run(
        [sys.executable, "-c", "from pipelines.cli import main; main()", *command, *container["args"]],
        env=environment, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def _recurring_pod(objects: Objects) -> Any:
    return find_one(objects, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def _mounted_in_recurring_run(objects: Objects) -> dict[str, str]:
    """Return the files of the volume ``pipelines``, as the kubelet puts them together."""
    (volume,) = [volume for volume in _recurring_pod(objects)["volumes"] if volume["name"] == "pipelines"]
    names = [source["configMap"]["name"] for source in volume["projected"]["sources"]]
    parts = [find_one(objects, "ConfigMap", name)["data"] for name in names]
    assert all(len(text.encode()) < MEBIBYTE for part in parts for text in part.values())
    return {name: text for part in parts for name, text in part.items()}
