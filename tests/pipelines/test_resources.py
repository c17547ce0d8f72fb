from collections.abc import Iterator
from typing import Any

import pytest

from pipelines.compiled_pipeline import COMPILED, executors_on_kubernetes, read_documents

FILES = sorted(COMPILED.glob("*.yaml"))


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


def test_every_pod_asks_for_processors_and_memory_by_parameter(executors: Executors) -> None:
    for label, container, _ in executors:
        for name in ("resourceCpuRequest", "resourceMemoryRequest", "resourceMemoryLimit"):
            assert container["resources"][name].startswith("{{$.inputs.parameters['pipelinechannel--"), label


def test_pods_with_accelerators_have_their_nodes_shared_memory_and_queue(executors: Executors) -> None:
    accelerated = [(container, settings) for _, container, settings in executors if _accelerator(container)]
    assert accelerated
    for container, settings in accelerated:
        assert _accelerator(container)["resourceCount"].startswith("{{$.inputs.parameters['pipelinechannel--")
        assert "nodeSelectorJson" in settings["nodeSelector"]
        assert "tolerationJson" in settings["tolerations"][0]
        assert settings["emptyDirMounts"][0]["mountPath"] == "/dev/shm"
        assert settings["podMetadata"]["labels"] == {"kueue.x-k8s.io/queue-name": "scalequest-gpu"}


def test_pods_without_accelerators_go_to_any_node_at_once(executors: Executors) -> None:
    plain = [settings for _, container, settings in executors if not _accelerator(container)]
    assert plain
    for settings in plain:
        assert not {"nodeSelector", "tolerations"} & set(settings)
        assert "labels" not in settings["podMetadata"]


def test_only_who_fetches_from_the_hub_or_asks_the_endpoint_sees_a_secret(executors: Executors) -> None:
    seen = {(_step_of(container), variable) for _, container, settings in executors for variable in _secrets(settings)}
    allowed = {("import_model", "HF_TOKEN"), ("import_questions", "HF_TOKEN"), ("build_preferences", "OPENAI_API_KEY")}
    assert seen <= allowed
    assert seen


def _accelerator(container: dict[str, Any]) -> dict[str, Any]:
    accelerator: dict[str, Any] = container["resources"].get("accelerator", {})
    return accelerator


def _step_of(container: dict[str, Any]) -> str:
    return str(container["command"][-1]).removeprefix("components.")


def _secrets(settings: dict[str, Any]) -> Iterator[str]:
    for secret in settings.get("secretAsEnv", []):
        assert secret["optional"]
        yield from (entry["envVar"] for entry in secret["keyToEnv"])
