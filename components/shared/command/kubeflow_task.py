"""What Kubeflow Pipelines tells a step, and what the step tells it: where its folder is, what is shown of it.

A task passes the executor input (``{{$}}``) alone: JSON with the options' values, and where each output goes. In the
answer the folder's address is metadata, since no ``uri`` may be changed; the launcher takes neither null nor a metric
that is no number.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.shared.command.kubeflow_answer import write_answer
from components.shared.command.kubeflow_artifacts import ShownFolder
from components.shared.config import METRICS
from components.shared.config.values import STEP_OPTIONS, text_of
from components.shared.errors import InputError
from components.shared.jobs import JobRequest
from components.shared.passing_on import MODELS, RESULTS, passed_on

# What a task asks of Kubernetes stands among its inputs, too, under names that kfp gives it.
_OF_KUBERNETES = re.compile(r"pipelinechannel--.*|base_image|(cpu|memory)_(request|limit)|accelerator_(type|count)")


@dataclass(frozen=True, kw_only=True)
class KubeflowTask:
    """A task of a run, as its executor input tells of it."""

    given: Mapping[str, str]  # options, as a command line would have them
    step_options: str  # what a person set for single steps of the run
    request: JobRequest  # of the Job that is to do the work; without a profile, this process is to do it
    models: Mapping[str, str]  # the folders of the models that the run imported, by what they were called
    result: str  # a folder that the task only names, for it is the result already; "" where there is work
    outputs: Mapping[str, Any]  # where each goes

    def report(self, shown: ShownFolder) -> None:
        """Tell where the folder is, with a small file for each output that the component declared."""
        names = [name for name in self.outputs.get("artifacts", {}) if name in (*shown.artifacts, METRICS)]
        write_answer(self.outputs, {"folder": shown.folder}, {name: shown.output(name) for name in names})


def read_task(executor_input: str) -> KubeflowTask:
    """Read what a component passes as ``{{$}}``; InputError if it is something else."""
    try:
        content = json.loads(executor_input)
        values, outputs = content.get("inputs", {}).get("parameterValues", {}), content["outputs"]
        given = {name: text_of(value) for name, value in values.items() if not _OF_KUBERNETES.fullmatch(name)}
        models = {name: str(folder) for name, folder in json.loads(given.pop(MODELS, "") or "{}").items()}
        result = str(passed_on(given))
        for name in RESULTS:
            given.pop(name, None)
        request = JobRequest(**{field.name: given.pop(field.name, "") for field in dataclasses.fields(JobRequest)})
        return KubeflowTask(
            request=request,
            models=models,
            result=models.get(result, result),
            step_options=given.pop(STEP_OPTIONS, ""),
            given=given,
            outputs={**outputs, "outputFile": outputs["outputFile"]},
        )
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise InputError(
            f"--executor-input {executor_input[:200]!r} is not what Kubeflow Pipelines passes as {{{{$}}}}; on a "
            "command line, give options by name"
        ) from error


def values_of(executor_input: str) -> dict[str, Any]:
    """Return the inputs of a task that is no step, as Kubeflow passes them."""
    return dict(json.loads(executor_input).get("inputs", {}).get("parameterValues", {}))


def report_text(executor_input: str, name: str, text: str) -> None:
    """Tell the one output of a task that makes no folder, a text."""
    write_answer(json.loads(executor_input)["outputs"], {name: text})
