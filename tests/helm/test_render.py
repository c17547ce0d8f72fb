from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from components.shared.images import NAMES_FILE
from manifests.generate import COMPILED, pipeline_objects
from manifests.profiles import profile_names, read_profile
from pipelines.cli import app
from pipelines.cluster.kubernetes_checks import NEEDED
from pipelines.parameters import Hardware
from pipelines.resources import QUEUE as QUEUE_OF_PIPELINES
from tests.helm.matrix import IMAGES, JUDGE, MATRIX, QUEUE, RECURRING
from tests.manifests.pod_security import pods_of, violations
from tests.manifests.schemas import kubernetes_versions, problems_of
from tests.manifests.tools import CHART, Objects, Tools, copy_chart
from tests.source_tree import ROOT

OPTIONAL = ("kueue", "networkPolicy", "modelCache", "judge", "trainer", "pipelines", "recurring")


@pytest.fixture(scope="module")
def rendered(tools: Tools) -> dict[str, Objects]:
    renderings = {name: tools.render(**settings) for name, settings in MATRIX.items()}
    assert {name: rendering.error for name, rendering in renderings.items() if not rendering.objects} == {}
    return {name: rendering.objects for name, rendering in renderings.items()}


# --- whatever the values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [None, *sorted((CHART / "examples").glob("*.yaml"))], ids=str)
def test_the_strict_lint_is_content(values: Path | None, tools: Tools) -> None:
    assert tools.lint(*([values] if values else [])) == ""


@pytest.mark.parametrize("version", kubernetes_versions())
def test_every_supported_kubernetes_takes_what_is_rendered(version: str, rendered: dict[str, Objects]) -> None:
    assert {name: found for name, objects in rendered.items() if (found := problems_of(objects, version))} == {}


@pytest.mark.parametrize("name", MATRIX)
def test_every_pod_template_is_restricted_with_a_read_only_root(name: str, rendered: dict[str, Objects]) -> None:
    for owner, pod in pods_of(rendered[name]):
        assert violations(pod) == [], owner
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, owner
            assert {"mountPath": "/tmp", "name": "tmp"} in container["volumeMounts"], owner
            assert container["resources"]["requests"]["ephemeral-storage"], owner


@pytest.mark.parametrize("name", MATRIX)
def test_images_are_named_by_registry_and_digest(name: str, rendered: dict[str, Objects]) -> None:
    images = [container["image"] for _, pod in pods_of(rendered[name]) for container in pod["containers"]]
    registry, digest = IMAGES["images__registry"], IMAGES["images__cpu__digest"]
    assert set(images) <= {f"{registry}/{image}@{digest}" for image in ("cpu", "vllm", "train")}


@pytest.mark.parametrize("name", MATRIX)
def test_only_what_submits_runs_holds_a_token_of_the_cluster(name: str, rendered: dict[str, Objects]) -> None:
    holders = {owner for owner, pod in pods_of(rendered[name]) if pod["automountServiceAccountToken"] is not False}
    assert holders <= {"CronJob scalequest-submit"}


@pytest.mark.parametrize("name", MATRIX)
def test_secrets_are_named_and_never_made(name: str, rendered: dict[str, Objects]) -> None:
    assert not _all(rendered[name], "Secret")


@pytest.mark.parametrize("name", MATRIX)
def test_no_role_grants_everything_or_writes_what_is_not_its_own(name: str, rendered: dict[str, Objects]) -> None:
    for role in _all(rendered[name], "Role"):
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert "secrets" not in rule["resources"] or rule["resourceNames"]
            assert not {"pods/exec", "roles", "rolebindings", "serviceaccounts/token"} & set(rule["resources"])
    assert not _all(rendered[name], "ClusterRole")


# --- what each value is for --------------------------------------------------------------------------------------


def test_the_default_makes_no_pod_and_asks_for_no_custom_resource(rendered: dict[str, Objects]) -> None:
    assert sorted(document["kind"] for document in rendered["default"]) == [
        "ConfigMap", "LimitRange", "Role", "Role", "RoleBinding", "ServiceAccount",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "annotation"),
    [
        ("gke", {"iam.gke.io/gcp-service-account": "scalequest@my-project.iam.gserviceaccount.com"}),
        ("eks", {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/scalequest"}),
        ("default", None),
    ],
)
def test_the_account_is_bound_to_the_clouds_identity(
    name: str, annotation: dict[str, str] | None, rendered: dict[str, Objects]
) -> None:
    assert _one(rendered[name], "ServiceAccount")["metadata"].get("annotations") == annotation


def test_an_existing_account_is_bound_and_not_made(rendered: dict[str, Objects]) -> None:
    objects = rendered["existing-account"]
    assert not _all(objects, "ServiceAccount")
    assert _one(objects, "RoleBinding")["subjects"][0]["name"] == "default-editor"
    assert _one(objects, "Pod")["spec"]["serviceAccountName"] == "default-editor"
    secrets = [rule for rule in _one(objects, "Role", "scalequest-step")["rules"] if rule["resources"] == ["secrets"]]
    assert [rule["resourceNames"] for rule in secrets] == [["mlpipeline-minio-artifact"]]


def test_the_profiles_are_there_as_they_are_written(rendered: dict[str, Objects]) -> None:
    data = _one(rendered["default"], "ConfigMap")["data"]
    assert sorted(data) == [f"{name}.yaml" for name in profile_names()]
    for name, text in data.items():
        assert text == (ROOT / "pipelines/profiles" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "flavor"), [("gke", "gke-a100-80g"), ("spot", "gke-a100-40g-spot"), ("eks", "eks-p4de")]
)
def test_the_queue_has_room_for_whole_nodes_of_the_profile(
    name: str, flavor: str, rendered: dict[str, Objects]
) -> None:
    objects = rendered[name]
    profile = read_profile(flavor.removesuffix("-spot"))
    placement = profile.spot if flavor.endswith("-spot") else profile.on_demand
    local, cluster, found = (_one(objects, kind) for kind in ("LocalQueue", "ClusterQueue", "ResourceFlavor"))
    assert local["metadata"]["name"] == "scalequest-gpu"
    assert local["spec"]["clusterQueue"] == cluster["metadata"]["name"]
    assert found["spec"] == {"nodeLabels": placement.node_selector, "tolerations": placement.tolerations}
    (group,) = cluster["spec"]["resourceGroups"]
    (quota,) = group["flavors"]
    assert (quota["name"], found["metadata"]["name"]) == (flavor, flavor)
    nominal = {resource["name"]: resource["nominalQuota"] for resource in quota["resources"]}
    # Kueue wants each resource listed that a pod asks for, in the order of the flavour's.
    assert list(nominal) == group["coveredResources"] == ["nvidia.com/gpu", "cpu", "memory", "ephemeral-storage"]
    assert nominal["nvidia.com/gpu"] == str(2 * profile.node.gpus)
    assert nominal["cpu"] == f"{2 * int(profile.node.cpu.removesuffix('m'))}m"


def test_a_queue_may_lead_to_a_cluster_queue_that_exists(tools: Tools) -> None:
    objects = tools.render(kueue__enabled=True, kueue__clusterQueue__name="all-gpus").objects
    assert _one(objects, "LocalQueue")["spec"]["clusterQueue"] == "all-gpus"
    assert not _all(objects, "ClusterQueue")


def test_a_spot_profile_is_where_gpu_pods_go(rendered: dict[str, Objects]) -> None:
    pod = _one(rendered["spot"], "Deployment")["spec"]["template"]["spec"]
    spot = read_profile("gke-a100-40g").spot
    assert (pod["nodeSelector"], pod["tolerations"]) == (spot.node_selector, spot.tolerations)


@pytest.mark.parametrize(
    ("name", "addresses"),
    [("gke", {"169.254.169.252/32", "169.254.169.254/32"}), ("eks", {"169.254.170.23/32"})],
)
def test_steps_reach_names_pipelines_stores_and_their_clouds_identity(
    name: str, addresses: set[str], rendered: dict[str, Objects]
) -> None:
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in _all(rendered[name], "NetworkPolicy")}
    for policy in ("scalequest-pipeline", "scalequest-jobs"):
        spec = policies[policy]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        assert "ingress" not in spec
        blocks = [to["ipBlock"] for rule in spec["egress"] for to in rule.get("to", []) if "ipBlock" in to]
        assert {block["cidr"] for block in blocks} == {"0.0.0.0/0"} | addresses
        assert [block["except"] for block in blocks if "except" in block] == [["169.254.0.0/16"]]
        ports = {port["port"] for rule in spec["egress"] for port in rule["ports"]}
        assert ports >= {53, 443, 8887, 8888, 8080}
    assert policies["scalequest-pipeline"]["podSelector"]["matchLabels"] == {
        "pipelines.kubeflow.org/v2_component": "true"
    }


def test_further_egress_is_added_to_the_policies_of_steps(rendered: dict[str, Objects]) -> None:
    for policy in ("scalequest-pipeline", "scalequest-jobs"):
        spec = _one(rendered["everything"], "NetworkPolicy", policy)["spec"]
        assert spec["egress"][-1] == {"ports": [{"protocol": "TCP", "port": 8333}]}


def test_without_a_network_policy_the_judge_still_answers_this_namespace_only(rendered: dict[str, Objects]) -> None:
    (policy,) = _all(rendered["no-network-policy"], "NetworkPolicy")
    assert policy["spec"]["ingress"] == [{"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": 8000}]}]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= _judge(rendered["no-network-policy"])[1].items()


def test_the_judge_is_a_vllm_server_with_probes_behind_a_service_of_the_cluster(rendered: dict[str, Objects]) -> None:
    objects = rendered["judge"]
    container, labels = _judge(objects)
    service = _one(objects, "Service")["spec"]
    assert service["type"] == "ClusterIP"
    assert service["selector"].items() <= labels.items()
    assert not _all(objects, "Ingress")
    assert container["command"] == ["python3", "-m", "vllm.entrypoints.openai.api_server"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/health", "port": "http"}
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] == 3600
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    pod = _one(objects, "Deployment")["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "registry"}]


def test_a_profile_without_gpus_asks_for_none(rendered: dict[str, Objects]) -> None:
    container, _ = _judge(rendered["local"])
    assert "nvidia.com/gpu" not in container["resources"]["limits"]
    assert "nodeSelector" not in _one(rendered["local"], "Deployment")["spec"]["template"]["spec"]


def test_only_a_trainer_lets_steps_start_trainings(rendered: dict[str, Objects]) -> None:
    def groups(name: str) -> set[str]:
        rules = _one(rendered[name], "Role", "scalequest-step")["rules"]
        return {group for rule in rules for group in rule["apiGroups"]}

    assert groups("default") == {"", "argoproj.io"}
    assert groups("everything") == {"", "argoproj.io", "trainer.kubeflow.org"}


def test_the_training_runtime_fills_a_node_and_keeps_to_fields_that_lasted(rendered: dict[str, Objects]) -> None:
    spec = _one(rendered["everything"], "TrainingRuntime")["spec"]
    assert spec["mlPolicy"] == {"numNodes": 2, "torch": {}}
    (job,) = spec["template"]["spec"]["replicatedJobs"]
    assert job["template"]["metadata"]["labels"] == {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
    (container,) = job["template"]["spec"]["template"]["spec"]["containers"]
    assert (job["name"], container["name"]) == ("node", "node")
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "8"


def test_the_pipelines_are_registered_as_the_manifests_register_them(rendered: dict[str, Objects]) -> None:
    found = {
        (document["kind"], document["metadata"]["name"]): document["spec"]
        for document in rendered["everything"]
        if document["apiVersion"].startswith("pipelines.kubeflow.org/")
    }
    wanted = [document for path in COMPILED.glob("*.yaml") for document in pipeline_objects(path)]
    assert found == {(document["kind"], document["metadata"]["name"]): document["spec"] for document in wanted}


def test_a_recurring_run_is_submitted_by_an_account_that_may_do_only_that(rendered: dict[str, Objects]) -> None:
    objects = rendered["everything"]
    job = _one(objects, "CronJob")["spec"]
    assert job["concurrencyPolicy"] == "Forbid"
    pod = job["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert [*container["command"], *container["args"]] == [
        "scalequest", "submit", "paper",
        "--host=http://ml-pipeline.kubeflow.svc.cluster.local:8888", "--namespace=scalequest",
        "--workspace=gs://my-bucket/runs", "--profile=gke-a100-80g", "--service-account=scalequest",
        "--set=seed=7", "--set=source=a, b",
    ]  # fmt: skip
    assert pod["serviceAccountName"] == "scalequest-submit"
    subjects = _one(objects, "RoleBinding", "scalequest-submit")["subjects"]
    assert [(subject["kind"], subject["name"]) for subject in subjects] == [
        ("Group", "data-team"), ("ServiceAccount", "ci"), ("ServiceAccount", "scalequest-submit"),
    ]  # fmt: skip
    assert {subject["name"] for subject in _one(objects, "RoleBinding", "scalequest-step")["subjects"]} == {
        "scalequest"
    }


def test_kubeflows_client_finds_the_token_that_a_recurring_run_mounts(rendered: dict[str, Objects]) -> None:
    from kfp.client import KF_PIPELINES_SA_TOKEN_ENV, KF_PIPELINES_SA_TOKEN_PATH

    pod = _one(rendered["everything"], "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "pipelines-token"]
    (source,) = volume["projected"]["sources"]
    (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == "pipelines-token"]
    path = f"{mount['mountPath']}/{source['serviceAccountToken']['path']}"
    assert source["serviceAccountToken"]["audience"] == "pipelines.kubeflow.org"
    assert path == KF_PIPELINES_SA_TOKEN_PATH
    assert {"name": KF_PIPELINES_SA_TOKEN_ENV, "value": path} in container["env"]


def test_the_cache_outlives_the_release(rendered: dict[str, Objects]) -> None:
    claim = _one(rendered["everything"], "PersistentVolumeClaim")
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim["spec"]["storageClassName"] == "filestore"


def test_helm_test_runs_a_real_step_that_succeeds(rendered: dict[str, Objects], tmp_path: Path) -> None:
    pod = _one(rendered["gke"], "Pod")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    (container,) = pod["spec"]["containers"]
    arguments = [word.replace("/tmp/runs", str(tmp_path)) for word in container["args"]]
    command = [sys.executable, *container["command"][1:], *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip(), "_manifest.json").exists()


def test_helm_test_writes_into_the_workspace_that_is_given(rendered: dict[str, Objects]) -> None:
    (container,) = _one(rendered["everything"], "Pod")["spec"]["containers"]
    assert "--workspace=gs://my-bucket/runs" in container["args"]


@pytest.mark.parametrize("part", OPTIONAL)
def test_each_part_can_be_had_alone(part: str, tools: Tools) -> None:
    needed: dict[str, Any] = {
        **IMAGES,
        **(JUDGE if part == "judge" else {}),
        **(RECURRING if part == "recurring" else {}),
    }
    rendering = tools.render(**{**needed, f"{part}__enabled": True})
    assert rendering.objects, rendering.error
    assert problems_of(rendering.objects, kubernetes_versions()[0]) == []


# --- what a user sees --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", ["profile=eks-p4d", "profile=gke-a100-40g,spot=true"])
def test_the_notes_say_commands_that_the_command_line_takes(settings: str, tools: Tools) -> None:
    notes = tools.notes("--set", settings)
    commands = [line.split()[1:] for line in notes.splitlines() if line.startswith("  scalequest ")]
    assert [words[0] for words in commands] == ["doctor", "submit"]
    for words in commands:
        context = _parsed(words)
        assert context.params["profile"] == settings.split(",")[0].removeprefix("profile=")
        assert context.params["spot"] == ("spot" in settings)
        assert context.params["service_account"] == "scalequest"
    assert "kueue.enabled is false" in notes
    assert "images.cpu.digest" in notes


def test_the_notes_say_how_to_rewrite_with_the_judge(tools: Tools) -> None:
    digest = f"images.registry=r,images.vllm.digest={IMAGES['images__vllm__digest']}"
    notes = tools.notes("--set", f"judge.enabled=true,judge.model=org/name,{digest}")
    assert "--set rewriter=openai:org/name" in notes
    assert "--set rewriter_endpoint=http://scalequest-judge.scalequest.svc:8000/v1" in notes


def test_a_recurring_run_is_a_command_that_the_command_line_takes(tools: Tools) -> None:
    objects = tools.render(**RECURRING, spot=True, recurring__settings=["seed=7"]).objects
    (container,) = _one(objects, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    context = _parsed([*container["command"][1:], *container["args"]])
    assert context.params["preset"] == "paper"
    assert context.params["spot"] is True
    assert context.params["settings"] == ["seed=7"]


def test_queue_secrets_and_account_are_those_that_the_pipelines_name(tools: Tools) -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    parameters = {parameter.name: parameter.default for parameter in get_command(app).commands["submit"].params}  # type: ignore[attr-defined]
    assert values["kueue"]["localQueue"] == QUEUE_OF_PIPELINES
    assert values["secrets"]["hubToken"]["name"] == Hardware().hub_secret
    assert values["serviceAccount"]["name"] == parameters["service_account"]
    assert values["profile"] == parameters["profile"]


def test_who_submits_may_do_what_the_doctor_asks_for(rendered: dict[str, Objects]) -> None:
    rules = _one(rendered["default"], "Role", "scalequest-submit")["rules"]
    allowed = {(v, g, r) for rule in rules for v in rule["verbs"] for g in rule["apiGroups"] for r in rule["resources"]}
    looked_at = {("get", "", "serviceaccounts"), ("get", "", "namespaces"), ("get", "kueue.x-k8s.io", "localqueues")}
    assert set(NEEDED) | looked_at <= allowed


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
        assert _judge(objects)[0]["image"] == judge
        assert _one(objects, "Pod")["spec"]["containers"][0]["image"].endswith(f"/cpu@{released['cpu']}")


def test_the_chart_reads_the_images_of_the_pipelines() -> None:
    assert (CHART / "files/images.json").resolve() == NAMES_FILE


def test_the_package_holds_profiles_and_pipelines_and_nothing_of_ours(tools: Tools, tmp_path: Path) -> None:
    names = {name.removeprefix("scalequest/") for name in tools.package(tmp_path)}
    assert names >= {"README.md", "values.yaml", "values.schema.json", "files/profiles/gke-a100-80g.yaml"}
    assert "files/pipelines/scalequest.yaml" in names
    assert not [name for name in names if name.endswith(".py") or "examples" in name]


def test_two_releases_make_the_same_objects(tools: Tools) -> None:
    one, other = (tools.render(release=release, **QUEUE).objects for release in ("one", "other"))
    assert [item["metadata"]["name"] for item in one] == [item["metadata"]["name"] for item in other]


def _all(objects: Objects, kind: str) -> Objects:
    return [document for document in objects if document["kind"] == kind]


def _one(objects: Objects, kind: str, name: str = "") -> dict[str, Any]:
    found = [document for document in _all(objects, kind) if not name or document["metadata"]["name"] == name]
    return found[0] if name or len(found) == 1 else pytest.fail(f"{len(found)} objects of kind {kind}")


def _judge(objects: Objects) -> tuple[dict[str, Any], dict[str, str]]:
    template = _one(objects, "Deployment")["spec"]["template"]
    (container,) = template["spec"]["containers"]
    return container, template["metadata"]["labels"]


def _parsed(words: list[str]) -> Any:
    """Return what the command line understands; it refuses what it does not know."""
    name, *arguments = words
    return get_command(app).commands[name].make_context(name, arguments)  # type: ignore[attr-defined]
