from typing import Any

import pytest

from pipelines.compiled_pipeline import COMPILED, read_documents
from pipelines.compiled_secrets import find_secrets

EXECUTOR = "exec-generate-responses"
# Put together here, so that no scanner of this repository takes them for real.
TOKENS = [
    "hf_" + "a1B2" * 8,
    "sk-" + "proj-" + "a1B2" * 8,
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "AIza" + "a1B2c3D" * 5,
    "ghp_" + "a1B2c3D4e" * 4,
    "-----BEGIN " + "RSA PRIVATE KEY-----",
    "https://user:" + "passphrase@models.example.com/v1",
]


@pytest.fixture
def documents() -> list[dict[str, Any]]:
    """Our own compiled pipeline, to be spoiled."""
    return read_documents(COMPILED / "scalequest-paper.yaml")


def container_of(documents: list[dict[str, Any]]) -> dict[str, Any]:
    container: dict[str, Any] = documents[0]["deploymentSpec"]["executors"][EXECUTOR]["container"]
    return container


def parameters_of(documents: list[dict[str, Any]]) -> dict[str, Any]:
    parameters: dict[str, Any] = documents[0]["root"]["inputDefinitions"]["parameters"]
    return parameters


@pytest.mark.parametrize("path", sorted(COMPILED.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_compiled_pipelines_hold_no_secret(path: Any) -> None:
    assert find_secrets(read_documents(path)) == []


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token[:5])
def test_a_token_is_found_wherever_it_stands_and_not_repeated(token: str, documents: list[dict[str, Any]]) -> None:
    container_of(documents)["env"] = [{"name": "HARMLESS", "value": f"x {token}"}]
    container_of(documents)["args"].append(token)
    parameters_of(documents)["rewriter_endpoint"]["defaultValue"] = token
    settings = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"][EXECUTOR]
    settings["podMetadata"]["annotations"]["note"] = token
    found = find_secrets(documents)
    executors = "deploymentSpec.executors"
    assert {each.split(":")[0].split("[")[0] for each in found} == {
        f"{executors}.{EXECUTOR}.container.args",
        f"{executors}.{EXECUTOR}.container.env",
        "root.inputDefinitions.parameters.rewriter_endpoint.defaultValue",
        f"platforms.kubernetes.{executors}.{EXECUTOR}.podMetadata.annotations.note",
    }
    assert len(found) == 4
    assert not [each for each in found if token in each]


def test_a_literal_behind_a_name_that_says_secret_is_found(documents: list[dict[str, Any]]) -> None:
    container_of(documents)["env"] = [{"name": "STORE_PASSWORD", "value": "letmein"}]
    container_of(documents)["args"] += ["--api-key", "letmein", "--hub-token=letmein"]
    parameters_of(documents)["openai_api_key"] = {"parameterType": "STRING", "defaultValue": "letmein"}
    found = find_secrets(documents)
    assert [each.partition(" has a value")[0] for each in found] == [
        f"{EXECUTOR}.env: 'STORE_PASSWORD'",
        f"{EXECUTOR}.args: 'api-key'",
        f"{EXECUTOR}.args: 'hub-token'",
        "root: 'openai_api_key'",
    ]
    assert not [each for each in found if "letmein" in each]


def test_a_constant_that_a_task_is_given_is_found(documents: list[dict[str, Any]]) -> None:
    task = documents[0]["root"]["dag"]["tasks"]["generate-responses"]
    task["inputs"]["parameters"]["api_key"] = {"runtimeValue": {"constant": "letmein"}}
    (found,) = find_secrets(documents)
    assert found.startswith("root/generate-responses")
    assert "'api_key' has a value" in found


def test_names_of_secrets_and_of_variables_and_values_of_the_run_are_no_secrets(
    documents: list[dict[str, Any]],
) -> None:
    container_of(documents)["env"] = [{"name": "API_KEY", "value": ""}, {"name": "MAX_TOKENS", "value": "512"}]
    container_of(documents)["args"] += ["--api-key-env", "OPENAI_API_KEY", "--key", "{{$.inputs.parameters['key']}}"]
    parameters_of(documents)["hub_secret"]["defaultValue"] = "huggingface-token"
    assert find_secrets(documents) == []
