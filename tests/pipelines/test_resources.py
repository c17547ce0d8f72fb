import re
from collections.abc import Iterator
from typing import Any

import pytest

from components.shared.images import image
from components.shared.model_imports import COMMAND
from components.steps import config_of
from pipelines import store_secret
from pipelines.compiled_pipeline import COMPILED, executors_on_kubernetes, read_documents, step_of_command
from tests.manifests.pod_security import violations

FILES = sorted(COMPILED.glob("*.yaml"))
# What Kubeflow 2.17 puts on every container of a run by itself, and lets no pipeline set (its argocompiler).
# What it neither sets nor lets set: a read-only root file system, which "restricted" does not ask for.
SET_BY_KUBEFLOW: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def executors(request: pytest.FixtureRequest) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Each executor of a compiled pipeline: its label, its container, its settings for Kubernetes."""
    documents = read_documents(request.param)
    settings = executors_on_kubernetes(documents)
    containers = documents[0]["deploymentSpec"]["executors"]
    return [(label, executor["container"], settings[label]) for label, executor in containers.items()]


Executors = list[tuple[str, dict[str, Any], dict[str, Any]]]


def test_every_pod_runs_as_the_images_user_and_ends_some_day(executors: Executors) -> None:
    for label, _, settings in executors:
        assert settings["securityContext"] == {"runAsUser": "1000", "runAsGroup": "0", "runAsNonRoot": True}, label
        assert int(settings["activeDeadlineSeconds"]) >= 7 * 86_400, label


def test_every_pod_is_restricted_by_what_the_pipeline_and_kubeflow_set(executors: Executors) -> None:
    for label, _, settings in executors:
        assert violations(_pod(settings, SET_BY_KUBEFLOW)) == [], label


def test_only_what_kubeflow_sets_is_left_to_it(executors: Executors) -> None:
    for label, _, settings in executors:
        assert violations(_pod(settings, {})) == [
            "main: allowPrivilegeEscalation is not false",
            "main: capabilities are not dropped",
            "main: no seccomp profile",
        ], label


def test_every_pod_asks_for_processors_and_memory_by_parameter(executors: Executors) -> None:
    """Kubernetes takes the limit for memory as what is requested, too."""
    for label, container, _ in executors:
        if label == "exec-check-run":
            continue  # it finds out what the others ask for
        for name in ("resourceCpuRequest", "resourceMemoryLimit"):
            assert container["resources"][name].startswith("{{$.inputs.parameters['pipelinechannel--"), label


def test_pods_with_accelerators_have_their_nodes_and_shared_memory(executors: Executors) -> None:
    accelerated = [(container, settings) for _, container, settings in executors if _accelerator(container)]
    assert accelerated
    for container, settings in accelerated:
        assert _accelerator(container)["resourceCount"].startswith("{{$.inputs.parameters['pipelinechannel--")
        assert "nodeSelectorJson" in settings["nodeSelector"]
        assert "tolerationJson" in settings["tolerations"][0]
        assert settings["emptyDirMounts"][0]["mountPath"] == "/dev/shm"
        assert "labels" not in settings["podMetadata"], "which queue there is, who submits knows"


def test_the_image_of_a_pod_with_an_accelerator_is_a_parameter_and_of_no_other(executors: Executors) -> None:
    for label, container, _ in executors:
        if _accelerator(container):
            told = re.fullmatch(
                r"\{\{\$\.inputs\.parameters\['pipelinechannel--check-run-(\w+)_image'\]\}\}", container["image"]
            )
            assert told, label
            gpus = f"pipelinechannel--check-run-{told[1]}_gpus"
            assert gpus in _accelerator(container)["resourceCount"], "all that a task asks for is told by its title"
        else:
            step = {"check_run": "package_dataset", COMMAND: "import_model"}.get(
                _step_of(container), _step_of(container)
            )
            assert container["image"] == image(config_of(step).IMAGE), label


def test_pods_without_accelerators_go_to_any_node_at_once(executors: Executors) -> None:
    plain = [settings for _, container, settings in executors if not _accelerator(container)]
    assert plain
    for settings in plain:
        assert not {"nodeSelector", "tolerations"} & set(settings)
        assert "labels" not in settings["podMetadata"]


def test_only_who_fetches_from_the_hub_or_asks_the_endpoint_sees_a_secret(executors: Executors) -> None:
    variables = ((container, variable) for _, container, settings in executors for variable in _secrets(settings))
    seen = {(_step_of(container), variable) for container, variable in variables if variable not in store_secret.KEYS}
    asking = ("build_preferences", "filter_solvability", "generate_responses")
    allowed = {
        *((step, "HF_TOKEN") for step in (COMMAND, "import_questions", "check_run")),
        *((step, "OPENAI_API_KEY") for step in (*asking, "check_run")),
    }
    assert seen <= allowed
    assert seen


def test_every_pod_takes_the_stores_endpoint_and_keys_from_a_secret_that_may_be_missing(executors: Executors) -> None:
    for label, _, settings in executors:
        (secret,) = [each for each in settings["secretAsEnv"] if each["keyToEnv"][0]["envVar"] in store_secret.KEYS]
        assert secret["keyToEnv"] == [{"secretKey": key, "envVar": key} for key in store_secret.KEYS], label
        (files,) = settings["secretAsVolume"]
        assert files["mountPath"] == store_secret.FOLDER
        for each in (secret, files):
            assert each["optional"] is True, label
            assert each["secretNameParameter"]["componentInputParameter"].endswith("store_secret"), label


def test_temporary_keys_of_a_store_are_taken_with_their_token() -> None:
    assert set(store_secret.KEYS) >= {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}


def _pod(settings: dict[str, Any], kubeflows: dict[str, Any]) -> dict[str, Any]:
    """Return the pod that Kubeflow makes of an executor's settings, as far as "restricted" looks at it."""
    own = settings["securityContext"]
    context = {"runAsNonRoot": own["runAsNonRoot"], "runAsUser": int(own["runAsUser"]), **kubeflows}
    mounts = {name: settings[name] for name in settings if name.endswith(("Mount", "Mounts", "AsVolume"))}
    assert set(mounts) <= {"emptyDirMounts", "secretAsVolume"}, "another kind of volume: say here what it becomes"
    volumes = [{"name": each["volumeName"], "emptyDir": {}} for each in mounts.get("emptyDirMounts", [])]
    volumes += [{"name": "secret", "secret": {"optional": each["optional"]}} for each in mounts["secretAsVolume"]]
    return {"containers": [{"name": "main", "securityContext": context}], "volumes": volumes}


def _accelerator(container: dict[str, Any]) -> dict[str, Any]:
    accelerator: dict[str, Any] = container["resources"].get("accelerator", {})
    return accelerator


def _step_of(container: dict[str, Any]) -> str:
    return step_of_command(container["command"])


def _secrets(settings: dict[str, Any]) -> Iterator[str]:
    for secret in settings.get("secretAsEnv", []):
        assert secret["optional"]
        yield from (entry["envVar"] for entry in secret["keyToEnv"])
