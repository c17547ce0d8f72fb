from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from components.shared.images import NAMES_FILE
from pipelines.cli import app
from pipelines.cluster.kubernetes_checks import NEEDED
from pipelines.parameters import Common
from pipelines.resources import QUEUE as QUEUE_OF_PIPELINES
from tests.helm.matrix import IMAGES, QUEUE, RECURRING
from tests.helm.objects import find_one, judge_of
from tests.manifests.tools import CHART, Objects, Tools, copy_chart


@pytest.mark.parametrize(
    ("settings", "workspace", "preset"),
    [
        ("profile=eks-p4d", "s3://bucket/runs", "paper"),
        ("profile=gke-a100-40g,spot=true", "gs://bucket/runs", "paper"),
        ("profile=local", "s3://bucket/runs", "smoke"),
    ],
)
def test_the_notes_say_commands_that_the_command_line_takes(
    settings: str, workspace: str, preset: str, tools: Tools
) -> None:
    notes = tools.notes("--set", settings)
    commands = [line.split()[1:] for line in notes.splitlines() if line.startswith("  scalequest ")]
    assert [words[0] for words in commands] == ["doctor", "submit"]
    for words in commands:
        context = _parsed(words)
        assert context.params["profile"] == settings.split(",")[0].removeprefix("profile=")
        assert context.params["spot"] == ("spot" in settings)
        assert context.params["service_account"] == "scalequest"
        assert context.params["queue"] is False
        assert context.params["workspace"] == workspace
    assert context.params["preset"] == preset
    assert "kueue.enabled is false" in notes
    assert "images.cpu.digest" in notes


def test_the_notes_say_how_to_rewrite_with_the_judge(tools: Tools) -> None:
    digest = f"images.registry=r,images.vllm.digest={IMAGES['images__vllm__digest']}"
    notes = tools.notes("--set", f"judge.enabled=true,judge.model=org/name,{digest}")
    assert "--set rewriter=openai:org/name" in notes
    assert "--set rewriter_endpoint=http://scalequest-judge.scalequest.svc:8000/v1" in notes


def test_the_notes_say_how_to_give_a_stores_keys_and_tell_a_run_where_they_are(tools: Tools) -> None:
    notes = tools.notes("--set", "secrets.store.name=minio")
    assert "kubectl create secret generic minio --namespace scalequest" in notes
    (submit,) = [line.split()[1:] for line in notes.splitlines() if line.startswith("  scalequest submit ")]
    assert _parsed(submit).params["settings"] == ["store_secret=minio"]
    assert "store_secret" not in tools.notes()


def test_where_pipelines_are_registered_the_notes_say_how_to_start_one_in_kubeflows_page(tools: Tools) -> None:
    digests = [f"images.{name}.digest={IMAGES[f'images__{name}__digest']}" for name in ("cpu", "vllm", "train")]
    settings = ",".join(["pipelines.enabled=true,serviceAccount.name=alice,images.registry=r", *digests])
    notes = " ".join(tools.notes("--set", settings).split())
    assert "docs/from-the-ui.md): the pipeline scalequest-smoke" in notes
    assert "alice as Service Account, which the page leaves empty" in notes
    assert "from-the-ui" not in tools.notes()


@pytest.mark.parametrize("gpu_work", ["job", "task"])
def test_the_notes_say_who_does_the_gpu_work_where_it_is_not_jobs(gpu_work: str, tools: Tools) -> None:
    notes = tools.notes("--set", f"gpuWork={gpu_work}")
    commands = [line.split()[1:] for line in notes.splitlines() if line.startswith("  scalequest ")]
    assert [_parsed(words).params["gpu_work"] for words in commands] == [gpu_work, gpu_work]


def test_with_a_queue_the_notes_use_it(tools: Tools) -> None:
    assert "--no-queue" not in tools.notes("--set", "kueue.enabled=true")


def test_a_recurring_run_is_a_command_that_the_command_line_takes(tools: Tools) -> None:
    objects = tools.render(**RECURRING, spot=True, recurring__settings=["seed=7"]).objects
    (container,) = find_one(objects, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    context = _parsed([*container["command"][1:], *container["args"]])
    assert context.params["preset"] == "paper"
    assert context.params["spot"] is True
    assert context.params["settings"] == ["seed=7"]
    assert context.params["queue"] is False


def test_queue_secrets_and_account_are_those_that_the_pipelines_name(rendered: dict[str, Objects]) -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    parameters = {parameter.name: parameter.default for parameter in get_command(app).commands["submit"].params}  # type: ignore[attr-defined]
    assert find_one(rendered["gke"], "LocalQueue")["metadata"]["name"] == QUEUE_OF_PIPELINES
    assert values["secrets"]["hubToken"]["name"] == Common.hub_secret
    assert values["secrets"]["store"]["name"] == Common.store_secret
    assert values["serviceAccount"]["name"] == parameters["service_account"]
    assert values["profile"] == parameters["profile"]


def test_who_submits_may_do_what_the_doctor_asks_for(rendered: dict[str, Objects]) -> None:
    rules = find_one(rendered["default"], "Role", "scalequest-submit")["rules"]
    allowed = {(v, g, r) for rule in rules for v in rule["verbs"] for g in rule["apiGroups"] for r in rule["resources"]}
    looked_at = {("get", "", "serviceaccounts"), ("get", "", "namespaces"), ("get", "kueue.x-k8s.io", "localqueues")}
    assert {(right.verb, right.group, right.resource) for right in NEEDED} | looked_at <= allowed


def test_a_release_names_its_images_itself_and_values_name_others(tools: Tools, tmp_path: Path) -> None:
    names = ("cpu", "vllm", "train")
    released = {name: f"sha256:{index:064x}" for index, name in enumerate(names)}
    release = Tools(tools.folder, copy_chart(tmp_path / "chart", released))
    own = {"images__registry": "mirror.example.com", "images__vllm__digest": IMAGES["images__vllm__digest"]}
    for settings, judge in (
        ({}, f"registry.example.com/released/vllm@{released['vllm']}"),
        (own, f"mirror.example.com/vllm@{own['images__vllm__digest']}"),
    ):
        objects = release.render(judge__enabled=True, judge__model="a/b", **settings).objects
        assert judge_of(objects)[0]["image"] == judge
        assert find_one(objects, "Pod")["spec"]["containers"][0]["image"].endswith(f"/cpu@{released['cpu']}")


def test_the_chart_reads_the_images_of_the_pipelines() -> None:
    assert (CHART / "files/images.json").resolve() == NAMES_FILE


def test_the_package_holds_profiles_and_pipelines_and_nothing_of_ours(tools: Tools, tmp_path: Path) -> None:
    names = {name.removeprefix("scalequest/") for name in tools.package(tmp_path)}
    assert names >= {"README.md", "values.yaml", "values.schema.json", "files/profiles/gke-a100-80g.yaml"}
    assert "files/pipelines/scalequest-paper.yaml" in names
    assert not [name for name in names if name.endswith(".py") or "examples" in name]


def test_two_releases_make_the_same_objects(tools: Tools) -> None:
    one, other = (tools.render(release=release, **QUEUE).objects for release in ("one", "other"))
    assert [item["metadata"]["name"] for item in one] == [item["metadata"]["name"] for item in other]


def _parsed(words: list[str]) -> Any:
    """Return what the command line understands; it refuses what it does not know."""
    name, *arguments = words
    return get_command(app).commands[name].make_context(name, arguments)  # type: ignore[attr-defined]
