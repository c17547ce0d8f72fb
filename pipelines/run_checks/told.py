"""What Kubeflow tells the task that checks a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.shared.errors import InputError
from components.shared.images import ImageName

ASKED_PROFILE = "asked_profile"  # the parameter ``profile``, which is the name of an output, too
IMAGES: dict[str, ImageName] = {"cpu_image": "cpu", "vllm_image": "vllm", "train_image": "train"}
REPORT = "report"
LAST_STEP_INPUT = "last_step"  # an input that only the file of a submitted run has that ends before its pipeline does
REPORT_METADATA = {"display_name": "Checked run", "description": "what will run, what is reused and why"}


@dataclass(frozen=True, kw_only=True)
class Told:
    """The task's executor input."""

    pipeline: str
    preset: str
    preset_values: Mapping[str, Any]  # what of the preset no run can change
    images: Mapping[str, str]  # full names of the release's, or those that a chart put in their place
    arguments: Mapping[str, Any]  # of the pipeline
    last_step: str  # behind which nothing starts; "" for all of the pipeline
    outputs: Mapping[str, Any]


def read_told(executor_input: str) -> Told:
    """Read what Kubeflow passes as ``{{$}}``; InputError if it is something else."""
    try:
        content = json.loads(executor_input)
        values = dict(content["inputs"]["parameterValues"])
        images = {name: str(values.pop(name, "")) for name in IMAGES}
        values["profile"] = values.pop(ASKED_PROFILE, "")
        pipeline, preset = str(values.pop("pipeline")), str(values.pop("preset", ""))
        last_step = str(values.pop(LAST_STEP_INPUT, ""))
        return Told(
            pipeline=pipeline,
            preset=preset,
            preset_values=json.loads(values.pop("preset_values", "{}")),
            images=images,
            arguments=values,
            last_step=last_step,
            outputs=content["outputs"],
        )
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise InputError(
            f"--executor-input {executor_input[:200]!r} is not what Kubeflow Pipelines passes as {{{{$}}}} to the task "
            "that checks a run"
        ) from error
