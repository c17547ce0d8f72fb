"""How the objects in a cluster are called that make a folder: whoever comes next finds them by that, and no other."""

from __future__ import annotations

import hashlib

from components.shared.config import StepConfig

STEP_LABEL, RUN_LABEL = "scalequest.dev/step", "scalequest.dev/run"  # the run of Kubeflow Pipelines, by its id
FOLDER_LABEL = "scalequest.dev/folder"  # also the annotation with the whole address
REPLACED_ANNOTATION = "scalequest.dev/replaced"  # runs whose queued Jobs gave way to this one
TASK_ANNOTATION = "scalequest.dev/task"  # for `scalequest status`: two tasks of a run may be the same step


def step_label(step: str) -> str:
    """Return a step's name as Kubernetes takes it."""
    return step.replace("_", "-")


def folder_label(config: StepConfig, fingerprint: str) -> str:
    """Return a name for a folder, of 23 characters: a fingerprint alone stands in each workspace that makes it."""
    place = hashlib.sha256(config.workspace.rstrip("/").encode()).hexdigest()[:6]
    return f"{fingerprint}-{place}"


def object_name(config: StepConfig, fingerprint: str) -> str:
    """Return the name of what makes a folder: the step, and the folder's."""
    return f"{step_label(config.step)}-{folder_label(config, fingerprint)}"
