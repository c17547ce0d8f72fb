"""Forms of a run, filled and sent as Kubeflow does: the executor input of the task that checks it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.arguments import Run, prepare_run
from pipelines.compiled_pipeline import CompiledPipeline
from pipelines.hardware_profiles import PROFILES
from pipelines.run_checks.check_task import main
from pipelines.run_checks.hardware_outputs import CheckedHardware


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What the task that checks a run left."""

    exit_code: int
    message: str  # its last line
    outputs: Path

    def output(self, name: str) -> str:
        return (self.outputs / name).read_text()

    @property
    def page(self) -> str:
        return self.output("report.md")


def constants_of(pipeline: CompiledPipeline) -> dict[str, Any]:
    """Return what a compiled file itself tells its first task."""
    inputs = pipeline.spec["root"]["dag"]["tasks"]["check-run"]["inputs"]["parameters"].items()
    return {name: value["runtimeValue"]["constant"] for name, value in inputs if "runtimeValue" in value}


def executor_input(pipeline: CompiledPipeline, arguments: dict[str, Any], folder: Path) -> str:
    """Return what Kubeflow passes; a whole number has a fraction, as in its JSON."""
    given = {name: float(value) if type(value) is int else value for name, value in arguments.items()}
    given["asked_profile"] = given.pop("profile", "")
    declared = pipeline.spec["components"]["comp-check-run"]["outputDefinitions"]["parameters"]
    names = {*declared, *(field.name for field in fields(CheckedHardware))}
    told = {
        "inputs": {"parameterValues": given | constants_of(pipeline)},
        "outputs": {
            "parameters": {name: {"outputFile": str(folder / name)} for name in names},
            "artifacts": {
                "report": {"artifacts": [{"name": "report", "uri": str(folder / "report.md")}]},
                "executor-logs": {"artifacts": [{"name": "executor-logs", "uri": str(folder / "logs")}]},
            },
            "outputFile": str(folder / "executor_output.json"),
        },
    }
    return json.dumps(told)


def in_json(profile: str, **changes: Any) -> str:
    """Return a hardware profile of ours with changes, as a form holds it."""
    return json.dumps(yaml.safe_load((PROFILES / f"{profile}.yaml").read_text()) | changes)


@cache
def filled(preset: str) -> Run:
    """Return the run that a preset's form starts if nobody changes anything."""
    return prepare_run(preset, [], "runs", hardware={"profile": ""})


def form_of(preset: str, changes: Mapping[str, Any], tmp_path: Path) -> str:
    """Fill a preset's form and change fields; return what the task is told."""
    run = filled(preset)
    arguments = {**run.arguments, "workspace": str(tmp_path / "runs"), **changes}
    return executor_input(run.pipeline, arguments, tmp_path / "outputs")


def check_form(preset: str, changes: Mapping[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Checked:
    """Fill a preset's form, change fields, and check it."""
    with pytest.raises(SystemExit) as ended:
        main(["--executor-input", form_of(preset, changes, tmp_path)])
    lines = capsys.readouterr().err.splitlines()
    return Checked(
        exit_code=int(ended.value.code or 0), message=lines[-1] if lines else "", outputs=tmp_path / "outputs"
    )
