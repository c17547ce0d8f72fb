"""Real runs of the preset ``answer-smoke``, each step in this process: seconds instead of a minute."""

from __future__ import annotations

import importlib
from typing import Any

from components.shared.workspace import Workspace
from pipelines.arguments import Run, config_of_step, prepare_run
from pipelines.cluster.package import package
from pipelines.compiled_pipeline import PlannedStep, walk_steps


def answer_run(workspace: str, *settings: str) -> Run:
    """A run that answers four questions."""
    return prepare_run("answer-smoke", ["import_questions.num_questions=4", *settings], workspace)


def run_to_its_end(run: Run) -> None:
    """Do all steps of the trimmed pipeline."""
    with package(run, queued=False) as packed:
        walk_steps(packed.pipeline.spec, packed.arguments, do_step)


def do_step(step: PlannedStep) -> dict[str, Any]:
    """Do a step's work in this process."""
    config = config_of_step(step)
    return {"folder": importlib.import_module(f"components.{step.name}.step").run(config, Workspace(config.workspace))}
