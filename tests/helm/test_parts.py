from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.shared.errors import ExitCode
from components.shared.jobs.body import QUEUE_LABEL
from manifests.generate import pipeline_objects
from pipelines import store_secret
from pipelines.cluster.package import with_queue
from pipelines.compiled_checks import images_of
from pipelines.compiled_pipeline import COMPILED
from pipelines.hardware_profiles import profile_names, read_profile
from pipelines.resources import QUEUE as QUEUE_OF_PIPELINES
from tests.helm.matrix import IMAGES, JUDGE, MATRIX, QUEUE, RECURRING
from tests.helm.objects import find_all, find_one, judge_of
from tests.manifests.pod_security import pods_of
from tests.manifests.schemas import kubernetes_versions, problems_of
from tests.manifests.tools import Objects, Tools, copy_chart
from tests.source_tree import ROOT

OPTIONAL = ("kueue", "networkPolicy", "modelCache", "judge", "trainer", "pipelines", "plainJobs", "recurring",
            "monitoring__dashboard", "monitoring__rules")  # fmt: skip
READING = ("get", "list", "watch")
MEBIBYTE = 1_048_576  # of a ConfigMap, at most


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
    assert find_one(rendered[name], "ServiceAccount")["metadata"].get("annotations") == annotation


def test_runs_pull_with_the_secrets_of_the_account_that_the_chart_makes(rendered: dict[str, Objects]) -> None:
    assert find_one(rendered["judge"], "ServiceAccount")["imagePullSecrets"] == [{"name": "registry"}]
    assert "imagePullSecrets" not in find_one(rendered["default"], "ServiceAccount")


def test_an_existing_account_is_bound_and_not_made(rendered: dict[str, Objects]) -> None:
    objects = rendered["existing-account"]
    assert not find_all(objects, "ServiceAccount")
    assert find_one(objects, "RoleBinding")["subjects"][0]["name"] == "default-editor"
    assert find_one(objects, "Pod")["spec"]["serviceAccountName"] == "default-editor"
    assert find_one(objects, "Pod")["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    secrets = [
        rule for rule in find_one(objects, "Role", "scalequest-step")["rules"] if rule["resources"] == ["secrets"]
    ]
    assert [rule["resourceNames"] for rule in secrets] == [["mlpipeline-minio-artifact"]]


def test_the_profiles_are_there_as_they_are_written(rendered: dict[str, Objects]) -> None:
    data = find_one(rendered["default"], "ConfigMap")["data"]
    assert yaml.safe_load(data.pop("default.yaml")) == {"like": "gke-a100-80g", "service_account": "scalequest"}
    assert sorted(data) == [f"{name}.yaml" for name in profile_names()]
    for name, text in data.items():
        assert text == (ROOT / "pipelines/profiles" / name).read_text(encoding="utf-8")


def test_runs_that_name_no_profile_count_with_the_price_that_the_chart_was_told(tools: Tools) -> None:
    data = find_one(tools.render(pricePerGpuHour=2.5).objects, "ConfigMap")["data"]
    assert yaml.safe_load(data["default.yaml"])["price_per_gpu_hour"] == 2.5


@pytest.mark.parametrize(
    ("name", "flavor"), [("gke", "gke-a100-80g"), ("spot", "gke-a100-40g-spot"), ("eks", "eks-p4de")]
)
def test_the_queue_has_room_for_whole_nodes_of_the_profile(
    name: str, flavor: str, rendered: dict[str, Objects]
) -> None:
    objects = rendered[name]
    profile = read_profile(flavor.removesuffix("-spot"))
    placement = profile.spot if flavor.endswith("-spot") else profile.on_demand
    local, cluster, found = (find_one(objects, kind) for kind in ("LocalQueue", "ClusterQueue", "ResourceFlavor"))
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


@pytest.mark.parametrize("strategy", ["BestEffortFIFO", "StrictFIFO"])
def test_a_queue_lets_younger_work_pass_or_not_as_asked(strategy: str, tools: Tools) -> None:
    objects = tools.render(**QUEUE, kueue__clusterQueue__queueingStrategy=strategy).objects
    assert find_one(objects, "ClusterQueue")["spec"]["queueingStrategy"] == strategy


def test_a_queue_may_lead_to_a_cluster_queue_that_exists(tools: Tools) -> None:
    objects = tools.render(kueue__enabled=True, kueue__clusterQueue__name="all-gpus").objects
    assert find_one(objects, "LocalQueue")["spec"]["clusterQueue"] == "all-gpus"
    assert not find_all(objects, "ClusterQueue")


def test_a_spot_profile_is_where_gpu_pods_go(rendered: dict[str, Objects]) -> None:
    pod = find_one(rendered["spot"], "Deployment")["spec"]["template"]["spec"]
    spot = read_profile("gke-a100-40g").spot
    assert (pod["nodeSelector"], pod["tolerations"]) == (spot.node_selector, spot.tolerations)


@pytest.mark.parametrize(
    ("name", "addresses"),
    [("gke", {"169.254.169.252/32", "169.254.169.254/32"}), ("eks", {"169.254.170.23/32"})],
)
def test_steps_reach_names_pipelines_stores_and_their_clouds_identity(
    name: str, addresses: set[str], rendered: dict[str, Objects]
) -> None:
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in find_all(rendered[name], "NetworkPolicy")}
    for policy in ("scalequest-pipeline", "scalequest-jobs"):
        spec = policies[policy]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        assert "ingress" not in spec
        blocks = [to["ipBlock"] for rule in spec["egress"] for to in rule.get("to", []) if "ipBlock" in to]
        assert {block["cidr"] for block in blocks} == {"0.0.0.0/0"} | addresses
        assert [block["except"] for block in blocks if "except" in block] == [["169.254.0.0/16"]]
        ports = {port["port"] for rule in spec["egress"] for port in rule["ports"]}
        assert ports >= {53, 443}
        (kubeflow,) = [rule for rule in spec["egress"] if "namespaceSelector" in str(rule)]
        # API, metadata, and the store that Argo archives pods' logs in: where it cannot, the step counts as failed.
        assert {port["port"] for port in kubeflow["ports"]} == {8887, 8888, 8080, 9000, 8333}
        (names,) = [rule for rule in spec["egress"] if 53 in [port["port"] for port in rule["ports"]]]
        assert "to" not in names  # the resolver of a node has a link-local address
    assert policies["scalequest-pipeline"]["podSelector"]["matchLabels"] == {
        "pipelines.kubeflow.org/v2_component": "true"
    }


def test_further_egress_is_added_to_the_policies_of_steps(rendered: dict[str, Objects]) -> None:
    for policy in ("scalequest-pipeline", "scalequest-jobs"):
        spec = find_one(rendered["everything"], "NetworkPolicy", policy)["spec"]
        assert spec["egress"][-1] == {"ports": [{"protocol": "TCP", "port": 8333}]}


def test_without_a_network_policy_the_judge_still_answers_this_namespace_only(rendered: dict[str, Objects]) -> None:
    (policy,) = find_all(rendered["no-network-policy"], "NetworkPolicy")
    assert policy["spec"]["ingress"] == [{"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": 8000}]}]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= judge_of(rendered["no-network-policy"])[1].items()


def test_the_judge_is_a_vllm_server_with_probes_behind_a_service_of_the_cluster(rendered: dict[str, Objects]) -> None:
    objects = rendered["judge"]
    container, labels = judge_of(objects)
    service = find_one(objects, "Service")["spec"]
    assert service["type"] == "ClusterIP"
    assert service["selector"].items() <= labels.items()
    assert not find_all(objects, "Ingress")
    assert container["command"] == ["python3", "-m", "vllm.entrypoints.openai.api_server"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/health", "port": "http"}
    startup = container["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] == 3600
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    pod = find_one(objects, "Deployment")["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "registry"}]


def test_a_profile_without_gpus_asks_for_none(rendered: dict[str, Objects]) -> None:
    container, _ = judge_of(rendered["local"])
    assert "nvidia.com/gpu" not in container["resources"]["limits"]
    assert "nodeSelector" not in find_one(rendered["local"], "Deployment")["spec"]["template"]["spec"]


def test_the_training_runtime_fills_a_node_and_keeps_to_fields_that_lasted(rendered: dict[str, Objects]) -> None:
    spec = find_one(rendered["everything"], "TrainingRuntime")["spec"]
    assert spec["mlPolicy"] == {"numNodes": 2, "torch": {}}
    (job,) = spec["template"]["spec"]["replicatedJobs"]
    assert job["template"]["metadata"]["labels"] == {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
    (container,) = job["template"]["spec"]["template"]["spec"]["containers"]
    assert (job["name"], container["name"]) == ("node", "node")
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "8"


def test_nodes_that_are_lost_begin_again_together_and_what_fails_again_ends_a_training(
    rendered: dict[str, Objects],
) -> None:
    spec = find_one(rendered["everything"], "TrainingRuntime")["spec"]["template"]["spec"]
    assert spec["failurePolicy"]["maxRestarts"] == 2  # times the attempts of the step that follows it
    rules = spec["failurePolicy"]["rules"]
    actions = {reason: rule["action"] for rule in rules for reason in rule["onJobFailureReasons"]}
    assert actions == {"PodFailurePolicy": "FailJobSet", "DeadlineExceeded": "FailJobSet"}
    job = spec["replicatedJobs"][0]["template"]["spec"]
    assert job["backoffLimit"] == 0
    (failing,) = [each["onExitCodes"]["values"] for each in job["podFailurePolicy"]["rules"]]
    assert failing == [ExitCode.BUG, ExitCode.BAD_INPUT, ExitCode.BUDGET_SPENT, ExitCode.GATE_CLOSED]
    assert ExitCode.UNAVAILABLE not in failing  # who lost its peers
    assert job["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize(("name", "queue"), [("everything", QUEUE_OF_PIPELINES), ("no-network-policy", None)])
def test_train_jobs_wait_in_the_queue_where_there_is_one(
    name: str, queue: str | None, rendered: dict[str, Objects]
) -> None:
    assert find_one(rendered[name], "TrainingRuntime")["metadata"]["labels"].get(QUEUE_LABEL) == queue


def test_the_pipelines_are_registered_as_the_manifests_register_them(tools: Tools) -> None:
    found = {
        (document["kind"], document["metadata"]["name"]): document["spec"]
        for document in tools.render(pipelines__enabled=True, kueue__enabled=True, profile="local").objects
        if document["apiVersion"].startswith("pipelines.kubeflow.org/")
    }
    wanted = [document for path in COMPILED.glob("*.yaml") for document in pipeline_objects(path)]
    assert found == {(document["kind"], document["metadata"]["name"]): document["spec"] for document in wanted}


@pytest.mark.parametrize(
    "settings", [IMAGES, {**IMAGES, "profile": "local"}, {"images__registry": "mirror.example.com"}]
)
def test_registered_pipelines_name_the_charts_images(settings: dict[str, Any], tools: Tools, tmp_path: Path) -> None:
    released = {name: f"sha256:{number:064x}" for number, name in enumerate(("cpu", "vllm", "train"))}
    chart = tools
    if "images__cpu__digest" not in settings:  # a release that is mirrored
        chart = Tools(tools.folder, copy_chart(tmp_path / "chart", released))
    versions = find_all(chart.render(pipelines__enabled=True, **settings).objects, "PipelineVersion")
    digests = {name: settings.get(f"images__{name}__digest", digest) for name, digest in released.items()}
    named = {f"{settings['images__registry']}/{name}@{digest}" for name, digest in digests.items()}
    assert versions
    for version in versions:
        found = images_of([version["spec"]["pipelineSpec"]])
        assert found
        assert found <= named


def test_registered_pipelines_are_queued_only_where_their_tasks_do_the_work_and_the_chart_makes_the_queue(
    tools: Tools,
) -> None:
    """Where Jobs do the work, these wait, and not their tasks: Kueue does not queue a Job that a queued pod owns."""

    def versions(**values: Any) -> dict[str, Any]:
        objects = tools.render(pipelines__enabled=True, **values, **IMAGES).objects
        return {each["metadata"]["name"]: each["spec"] for each in find_all(objects, "PipelineVersion")}

    queue = {"kueue__enabled": True, "kueue__clusterQueue__name": "team"}
    unqueued, queued = versions(), versions(gpuWork="task", **queue)
    assert versions(**queue).keys() == unqueued.keys()
    assert QUEUE_LABEL not in str(unqueued)
    assert not set(queued) & set(unqueued)  # a version never changes
    for spec in queued.values():
        (bare,) = [each for each in unqueued.values() if each["pipelineName"] == spec["pipelineName"]]
        assert with_queue([bare["pipelineSpec"], bare["platformSpec"]]) == [spec["pipelineSpec"], spec["platformSpec"]]


def test_the_cache_outlives_the_release(rendered: dict[str, Objects]) -> None:
    claim = find_one(rendered["everything"], "PersistentVolumeClaim")
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim["spec"]["storageClassName"] == "filestore"


def test_helm_test_runs_a_real_step_that_succeeds(rendered: dict[str, Objects], tmp_path: Path) -> None:
    pod = find_one(rendered["gke"], "Pod")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    (container,) = pod["spec"]["containers"]
    arguments = [word.replace("/workspace/runs", str(tmp_path)) for word in container["args"]]
    command = [sys.executable, *container["command"][1:], *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip(), "_manifest.json").exists()


@pytest.mark.parametrize("kind", ["Pod", "CronJob", "TrainingRuntime"])
@pytest.mark.parametrize("name", ["scalequest-store", "123"])
def test_every_pod_that_works_on_a_workspace_takes_the_stores_endpoint_and_keys(
    kind: str, name: str, tools: Tools
) -> None:
    objects = tools.render(**MATRIX["everything"], secrets__store__name=name).objects
    ((_, pod),) = pods_of([find_one(objects, kind)])
    (container,) = pod["containers"]
    variables = [each for each in container["env"] if each["name"] in store_secret.KEYS]
    assert variables == store_secret.variables(name)
    assert store_secret.MOUNT in container["volumeMounts"]
    assert store_secret.volume(name) in pod["volumes"]


def test_helm_test_writes_into_the_workspace_that_is_given(rendered: dict[str, Objects]) -> None:
    (container,) = find_one(rendered["everything"], "Pod")["spec"]["containers"]
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
