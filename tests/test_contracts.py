"""What every step promises: its files, its command line, its component, its answer to bad input."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import json
import re
import subprocess
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.shared.command.step_command import run_step
from components.shared.config import METRICS, StepConfig, flag_of, info_of, options_of
from components.shared.config.values import STEP_OPTIONS
from components.shared.images import image
from components.shared.jobs import JobRequest
from components.steps import config_of
from tests.processor_time import cpu_seconds
from tests.source_tree import ROOT, STEPS, name_of, parsed
from tests.test_layers import HEAVY

REQUIRED_FILES = {"__init__.py", "__main__.py", "config.py", "step.py", "README.md"}
KFP_TYPES = {str: "STRING", int: "NUMBER_INTEGER", float: "NUMBER_DOUBLE", bool: "BOOLEAN"}
HELP_SECONDS = 5  # of processor time; measured 0.4 s

_PRINT_HEAVY_LOADED = """
import json, runpy, sys
seen, loaded = set(), {}
for step in sys.argv[1].split(","):
    sys.argv = [step, "--help"]
    try:
        runpy.run_module(f"components.{step}", run_name="__main__", alter_sys=True)
    except SystemExit as left:
        assert left.code == 0, (step, left.code)
    top = {name.split(".")[0] for name in sys.modules}
    loaded[step], seen = sorted(top - seen), seen | top
sys.stderr.write(json.dumps(loaded))
"""

# --- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
def test_a_step_folder_holds_what_every_step_has(step: str) -> None:
    folder = ROOT / "components" / step
    assert {path.name for path in folder.iterdir()} >= REQUIRED_FILES
    assert (folder / "__init__.py").read_text() == ""
    assert (ROOT / "tests" / "components" / step / "test_step.py").exists()


@pytest.mark.parametrize("step", STEPS)
def test_the_readme_gives_the_command_and_every_reason_to_reject(step: str) -> None:
    readme = (ROOT / "components" / step / "README.md").read_text(encoding="utf-8")
    assert f"python -m components.{step}" in readme
    missing = [reason for reason in _reasons(step) if f"`{reason}`" not in readme]
    assert not missing, f"README.md does not name {missing}"


def test_a_prompt_names_its_source_first() -> None:
    kinds = ("*prompt*.txt", "*_examples.yaml")
    prompts = [path for kind in kinds for path in sorted((ROOT / "components").rglob(kind))]
    assert prompts
    without = [name_of(path) for path in prompts if not re.match(r"# source: \S", path.read_text(encoding="utf-8"))]
    assert not without


# --- command line ------------------------------------------------------------------------------------------------


def test_help_loads_no_heavy_library() -> None:
    command = [sys.executable, "-c", _PRINT_HEAVY_LOADED, ",".join(STEPS)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = json.loads(result.stderr)
    heavy = HEAVY | {"kfp", "gcsfs", "s3fs", "botocore", "google", "matplotlib", "requests", "aiohttp", "kubernetes"}
    assert {step: found for step, names in loaded.items() if (found := heavy & set(names))} == {}


def test_help_is_fast_and_names_every_option() -> None:
    before = cpu_seconds()
    command = [sys.executable, "-m", f"components.{STEPS[0]}", "--help"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert cpu_seconds() - before < HELP_SECONDS
    config, _ = _step(STEPS[0])
    assert all(flag_of(field.name) in result.stdout for field in options_of(config))


@pytest.mark.parametrize("step", STEPS)
def test_every_option_is_of_a_simple_type_and_says_what_it_is(step: str) -> None:
    config, _ = _step(step)
    hints = typing.get_type_hints(config)
    assert config.__doc__
    for field in options_of(config):
        assert hints[field.name] in KFP_TYPES, field.name
        assert info_of(field).help, field.name
        assert field.default is dataclasses.MISSING or type(field.default) is hints[field.name], field.name


# --- the Kubeflow component --------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
def test_the_component_has_name_type_and_default_of_every_option(step: str) -> None:
    config, _ = _step(step)
    hints = typing.get_type_hints(config)
    wanted = {
        field.name: {"parameterType": KFP_TYPES[hints[field.name]]}
        | ({} if field.default is dataclasses.MISSING else {"defaultValue": field.default, "isOptional": True})
        for field in options_of(config)
    }
    besides = {STEP_OPTIONS: ""}
    if config.IMAGE != "cpu" and step != "import_model":
        besides |= {"profile": "", "pods": "1", "image": image(config.IMAGE)}
        besides |= dict.fromkeys(("models", "result", "result_without_model"), "")
    wanted |= {
        name: {"parameterType": "STRING", "defaultValue": text, "isOptional": True} for name, text in besides.items()
    }
    assert _component(step)["inputDefinitions"]["parameters"] == wanted


@pytest.mark.parametrize("step", STEPS)
def test_no_option_has_the_name_of_what_a_task_says_of_its_job(step: str) -> None:
    config, _ = _step(step)
    said_of_a_job = {field.name for field in dataclasses.fields(JobRequest)} | {STEP_OPTIONS}
    assert not said_of_a_job & {field.name for field in options_of(config)}


@pytest.mark.parametrize("step", STEPS)
def test_the_component_runs_the_steps_command_with_the_executor_input_alone(step: str) -> None:
    config, _ = _step(step)
    container = _container(step)
    assert container["command"] == ["python3", "-m", f"components.{step}"]
    assert container["args"] == ["--executor-input", "{{$}}"]
    assert container["image"] == image(config.IMAGE)


@pytest.mark.parametrize("step", STEPS)
def test_the_component_gives_out_its_folder_an_artifact_and_metrics(step: str) -> None:
    config, _ = _step(step)
    outputs = _component(step)["outputDefinitions"]
    artifacts = {name: spec["artifactType"]["schemaTitle"] for name, spec in outputs["artifacts"].items()}
    assert outputs["parameters"] == {"folder": {"parameterType": "STRING"}}
    assert artifacts == {name: f"system.{artifact.kind}" for name, artifact in config.ARTIFACTS.items()} | {
        METRICS: "system.Metrics"
    }
    assert next(artifact.kind for artifact in config.ARTIFACTS.values()) in ("Dataset", "Model")


@pytest.mark.parametrize("step", STEPS)
def test_an_artifact_is_named_for_what_it_holds_and_described_in_a_few_words(step: str) -> None:
    config, _ = _step(step)
    assert ("dataset" in config.ARTIFACTS) == (step == "package_dataset")
    for artifact in config.ARTIFACTS.values():
        assert artifact.title[0].isupper()
        assert len(artifact.title) <= 40
        assert artifact.title.lower() != artifact.description.lower() != ""


@pytest.mark.parametrize("step", STEPS)
def test_a_step_makes_what_it_declares_to_show(step: str) -> None:
    """Of HTML there may be the page in the folder instead."""
    config, _ = _step(step)
    views = getattr(importlib.import_module(f"components.{step}.step"), "VIEWS", {})
    kinds = {name: artifact.kind for name, artifact in config.ARTIFACTS.items()}
    shown = {name for name, kind in kinds.items() if kind in ("HTML", "Markdown", "Metrics")}
    assert views.keys() <= shown
    assert all(kinds[name] == "HTML" and name == "report" for name in shown - views.keys())
    main = (ROOT / "components" / step / "__main__.py").read_text(encoding="utf-8")
    assert ("views=VIEWS" in main) == bool(views)


# --- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
def test_a_value_that_is_not_accepted_ends_with_code_2_and_nothing_written(
    step: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = _step(step)
    for flag, value in _bad_values(config):
        message = _refused(step, {**_given(config, tmp_path), flag: value}, capsys)
        assert flag in message, (flag, value, message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", STEPS)
def test_a_workspace_of_an_unknown_scheme_ends_with_code_2(
    step: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = _step(step)
    message = _refused(step, {**_given(config, tmp_path), "--workspace": "ftp://host/x"}, capsys)
    assert "unknown scheme 'ftp'" in message


@pytest.mark.parametrize("step", STEPS)
def test_a_folder_without_a_manifest_ends_with_code_2_and_nothing_written(
    step: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = _step(step)
    (tmp_path / "empty").mkdir()
    _refused(step, _given(config, tmp_path, folder=str(tmp_path / "empty")), capsys)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty"]


@pytest.mark.parametrize("step", STEPS)
def test_an_input_that_is_not_there_ends_with_code_2_and_nothing_written(
    step: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = _step(step)
    message = _refused(step, _given(config, tmp_path), capsys)
    assert str(tmp_path / "nowhere") in message
    assert list(tmp_path.iterdir()) == []


# --- helpers -----------------------------------------------------------------------------------------------------


def _step(step: str) -> tuple[type[StepConfig], Callable[..., str]]:
    return config_of(step), importlib.import_module(f"components.{step}.step").run


def _component(step: str) -> Any:
    return _spec(step)["components"][f"comp-{step.replace('_', '-')}"]


def _container(step: str) -> Any:
    return _spec(step)["deploymentSpec"]["executors"][f"exec-{step.replace('_', '-')}"]["container"]


def _spec(step: str) -> Any:
    from google.protobuf import json_format

    from components.kubeflow import component_of

    return json_format.MessageToDict(component_of(step).pipeline_spec)


def _reasons(step: str) -> list[str]:
    """Return the reasons that stand as text in a step's files.

    As reason="x", reason = "x", REASON = "x", Verdict("x"), and return "x" in a function that judges.
    """
    found: set[str] = set()
    for path in (ROOT / "components" / step).glob("*.py"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.keyword | ast.Assign):
                name = node.arg or "" if isinstance(node, ast.keyword) else ast.unparse(node.targets[0])
                found |= _texts(node.value) if name.lower().startswith("reason") else set()
            elif isinstance(node, ast.FunctionDef) and re.search("judge|reason", node.name):
                found |= {
                    text for inner in ast.walk(node) if isinstance(inner, ast.Return) for text in _texts(inner.value)
                }
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("Verdict", "filters.Verdict") and node.args:
                found |= _texts(node.args[0])
    return sorted(text for text in found if re.fullmatch(r"[a-z0-9_]+", text))


def _texts(node: ast.expr | None) -> set[str]:
    if isinstance(node, ast.IfExp):
        return _texts(node.body) | _texts(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def _given(config: type[StepConfig], place: Path, folder: str = "") -> dict[str, str]:
    """Return a value for each required option, folders that are not there by default."""
    given = {}
    for field in options_of(config):
        if field.default is dataclasses.MISSING or (info_of(field).is_folder and folder):
            is_folder = info_of(field).is_folder
            given[flag_of(field.name)] = (folder or str(place / "nowhere")) if is_folder else "1"
    return given | {"--workspace": str(place / "workspace")}


def _bad_values(config: type[StepConfig]) -> list[tuple[str, str]]:
    """Return values that a step has to refuse: of the wrong type, out of range, unknown."""
    bad = [("--no-such-option", "1")]
    hints = typing.get_type_hints(config)
    for field in options_of(config):
        info, flag = info_of(field), flag_of(field.name)
        if hints[field.name] is not str:
            bad.append((flag, "many"))
        if info.choices:
            bad.append((flag, "no-such-choice"))
        bad += [(flag, "nan")] if hints[field.name] is float else []
        bad += [(flag, str(int(info.minimum) - 1))] if info.minimum != float("-inf") else []
        bad += [(flag, str(int(info.maximum) + 1))] if info.maximum != float("inf") else []
    return bad


def _refused(step: str, given: dict[str, str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a step as its command does; return the last line of its error output."""
    config, run = _step(step)
    argv = [word for flag, value in given.items() for word in (flag, value)]
    with pytest.raises(SystemExit) as left:
        run_step(config, run, argv)
    error = capsys.readouterr().err
    assert left.value.code == 2, error
    last = error.strip().splitlines()[-1]
    assert last.startswith(f"{step}: error: "), error
    return last
