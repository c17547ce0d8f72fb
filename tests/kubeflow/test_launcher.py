"""The whole compiled run through the stand-in of Kubeflow's launcher, and that it ends what a cluster ends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec.pipeline_spec_pb2 import ExecutorInput

from components.kubeflow import component_of
from components.shared.images import image
from components.steps import config_of, step_names
from pipelines.compiled_pipeline import COMPILED, read_documents
from tests.kubeflow.launcher import (
    LOGS,
    ROOT,
    KubeflowError,
    Launcher,
    accept_output,
    driven_inputs,
    resolve_argument,
)
from tests.smoke_runs import Finished

URI = f"{ROOT}/run/task"


def tasks_of(run: Finished) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.kubeflow / "tasks.jsonl").read_text().splitlines()]


def artifacts_of(task: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: listing["artifacts"][0] for name, listing in task["outputs"]["artifacts"].items()}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_task_of_the_compiled_run_ends_well_and_names_its_folder(undisturbed: Finished) -> None:
    tasks = tasks_of(undisturbed)
    assert len(tasks) - 1 == int(undisturbed.output.splitlines()[0].split(", ")[1].split()[0])  # but the check
    others = {task["task"]: task["parameters"] for task in tasks if "folder" not in task["parameters"]}
    assert others.keys() == {"comp-check-run", "comp-import-models"}
    (imported,) = json.loads(others["comp-import-models"]["models"]).values()
    assert "/".join(imported.split("/")[-2:]) in undisturbed.folders
    for task in tasks:
        if task["task"] in others:
            continue
        folder = task["parameters"]["folder"]
        assert "/".join(folder.split("/")[-2:]) in undisturbed.folders
        for name, artifact in artifacts_of(task).items():
            assert artifact["uri"].startswith(f"{ROOT}/")
            says_folder = name not in (LOGS, "metrics", "summary")
            assert artifact.get("metadata", {}).get("folder") == (folder if says_folder else None)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_report_is_uploaded_as_the_page_that_kubeflow_shows_and_needs_no_other_file(undisturbed: Finished) -> None:
    (task,) = [task for task in tasks_of(undisturbed) if task["task"] == "comp-package-dataset"]
    page = Launcher(undisturbed.kubeflow).uploaded(artifacts_of(task)["report"]["uri"]).read_text()
    assert page == Path(task["parameters"]["folder"], "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert not [word for word in ("<script", "<link", "<img", "src=", "@import", "url(") if word in page]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_is_made_for_kubeflows_page_is_uploaded_and_figures_are_metadata(undisturbed: Finished) -> None:
    launcher, begins = Launcher(undisturbed.kubeflow), {"system.HTML": "<!doctype html>", "system.Markdown": "# "}
    shown, figures = dict[str, int](), dict[str, float]()
    for task in tasks_of(undisturbed):
        for name, artifact in artifacts_of(task).items():
            title = artifact["type"]["schemaTitle"]
            if title in begins:
                assert launcher.uploaded(artifact["uri"]).read_text().startswith(begins[title])
                shown[name] = shown.get(name, 0) + 1
            if name == "summary":
                figures = artifact["metadata"]
    assert shown == {"distribution": 3, "overview": 1, "report": 2}, "the dataset's page, and that of the check"
    made = {manifest.step: manifest for manifest in undisturbed.manifests().values()}
    language = made["filter_language"]
    assert figures["rows"] == made["package_dataset"].rows_out
    assert figures["yield_filter_language"] == pytest.approx(language.rows_out / language.rows_in)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_kubeflow_logged_itself_stays_as_it_was(undisturbed: Finished) -> None:
    launcher = Launcher(undisturbed.kubeflow)
    for task in tasks_of(undisturbed):
        log = artifacts_of(task)[LOGS]
        assert "metadata" not in log
        assert launcher.uploaded(log["uri"]).read_text() == "what the step logged"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_each_task_runs_the_image_of_its_step_and_one_that_passes_a_folder_on_the_smallest(
    undisturbed: Finished,
) -> None:
    alike = {"check-run": "package_dataset", "import-models": "import_model"}
    steps = {step.replace("_", "-"): step for step in step_names()} | alike
    passing = 0
    for task in tasks_of(undisturbed):
        step = steps[re.sub(r"-\d+$", "", task["task"].removeprefix("comp-"))]
        made = task["parameters"].get("folder", f"{step}/").split("/")[-2]
        passing += made != step
        assert task["image"] == image(config_of(step).IMAGE if made == step else "cpu")
    assert passing == 1, "the reward model is given, not trained"


def test_no_compiled_task_has_an_argument_that_the_driver_has_to_resolve() -> None:
    for path in COMPILED.glob("*.yaml"):
        for executor in read_documents(path)[0]["deploymentSpec"]["executors"].values():
            assert [resolve_argument(word, {}) for word in executor["container"]["args"]] == [
                "--executor-input",
                "{{$}}",
            ]


# --- what the stand-in ends, as a cluster does --------------------------------------------------------------------


def test_an_argument_at_its_default_is_unknown_to_the_driver() -> None:
    given = driven_inputs(_component("import_questions"), {"workspace": "w", "source": "a.jsonl"})
    word = "{{$.inputs.parameters['answer_marker']}}"
    with pytest.raises(KubeflowError, match="parameter 'answer_marker' not found in executor input"):
        resolve_argument(word, given)


def test_the_driver_makes_text_of_a_list_and_refuses_a_number_that_is_none() -> None:
    component = _component("generate_questions")
    required = {"workspace": "w", "model": ["a", "b"], "generator": "g", "num_questions": 3}
    assert driven_inputs(component, required)["model"].string_value == '["a", "b"]'
    with pytest.raises(KubeflowError, match="'seed' type mismatch"):
        driven_inputs(component, required | {"seed": "seven"})
    with pytest.raises(KubeflowError, match="neither value nor default value provided"):
        driven_inputs(component, {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda output: output | {"colour": "red"}, "failed to unmarshall ExecutorOutput"),
        (lambda output: output | {"parameterValues": ["folder"]}, "failed to unmarshall ExecutorOutput"),
        (lambda output: _artifact(output, "dataset", uri="s3://bucket/runs/x"), "does not have expected bucket prefix"),
        (lambda output: _artifact(output, LOGS, uri="s3://bucket/runs/x"), "does not have expected bucket prefix"),
        (lambda output: _artifact(output, "dataset", custom_path="/x", path="/x"), "failed to unmarshall"),
        (lambda output: _artifact(output, "dataset", metadata={"a": {"b": None}}), "null in"),
        (lambda output: _artifact(output, "metrics", metadata={"loss": float("nan")}), "invalid value NaN"),
        (lambda output: _artifact(output, "metrics", metadata={"loss": None}), "null in"),
        (
            lambda output: _artifact(output, "metrics", metadata={"folder": "a"}),
            "metric value 'folder' must be a number",
        ),
    ],
)
def test_an_executor_output_that_the_launcher_refuses_is_refused(
    change: Callable[[dict[str, Any]], dict[str, Any]], message: str
) -> None:
    with pytest.raises(KubeflowError, match=message):
        accept_output(json.dumps(change(_output())).encode(), _executor_input(), f"{ROOT}/run")


def test_an_executor_output_as_our_steps_write_it_is_accepted() -> None:
    executor_input = _executor_input()
    accept_output(json.dumps(_output()).encode(), executor_input, f"{ROOT}/run")
    assert executor_input.outputs.artifacts["metrics"].artifacts[0].metadata["rows_in"] == 2


def _component(step: str) -> Any:
    return component_of(step).pipeline_spec.components[f"comp-{step.replace('_', '-')}"]


def _executor_input() -> ExecutorInput:
    titles = {"dataset": "system.Dataset", "metrics": "system.Metrics", LOGS: "system.Artifact"}
    artifacts = {
        name: {"artifacts": [{"name": name, "type": {"schemaTitle": title}, "uri": f"{URI}/{name}"}]}
        for name, title in titles.items()
    }
    return json_format.ParseDict({"outputs": {"artifacts": artifacts}}, ExecutorInput())


def _output() -> dict[str, Any]:
    output: dict[str, Any] = {"parameterValues": {"folder": "runs/a"}, "artifacts": {}}
    _artifact(output, "dataset", uri=f"{URI}/dataset", metadata={"folder": "runs/a", "rejected": {}})
    return _artifact(output, "metrics", uri=f"{URI}/metrics", metadata={"rows_in": 2, "seconds": 0.5})


def _artifact(output: dict[str, Any], name: str, **values: Any) -> dict[str, Any]:
    output["artifacts"][name] = {"artifacts": [{"name": name, "uri": f"{URI}/{name}"} | values]}
    return output
