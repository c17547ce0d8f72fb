"""What Kubeflow Pipelines tells a step, and what the step tells it: where its folder is, what is shown of it.

A task passes the executor input (``{{$}}``) alone: JSON with the options' values, and where each output goes. The
answer goes to its ``outputFile``. The launcher reads that with a strict parser (known keys, no NaN), takes neither null
nor a metric that is no number, and fails a step that reports a ``uri`` outside the run's root. So each ``uri`` stays as
it was given, and the folder's address is metadata.

Works without kfp: images need not carry it.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.command.kubeflow_artifacts import ShownFolder
from components.shared.config import METRICS
from components.shared.config.values import STEP_OPTIONS, text_of
from components.shared.errors import InputError
from components.shared.jobs import JobRequest
from components.shared.passing_on import MODELS, RESULTS, passed_on

# Where the launcher looks for the file of an output, which it uploads to the output's uri.
MOUNTS = {"gs": "/gcs", "s3": "/s3", "minio": "/minio"}
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
    output_file: str
    parameter_files: Collection[str]  # of the parameters, which is one: ``folder``
    artifacts: Mapping[str, Any]

    def report(self, shown: ShownFolder) -> None:
        """Write the executor output file, and a small file for each output that the component declared.

        What it did not declare (the launcher's own ``executor-logs``) is not ours to report.
        """
        artifacts = {
            name: {"artifacts": [_reported(item, name, shown) for item in listing["artifacts"]]}
            for name, listing in self.artifacts.items()
            if name in (*shown.artifacts, METRICS)
        }
        for file in self.parameter_files:
            _write(Path(file), shown.folder.encode())
        answer = {"parameterValues": {"folder": shown.folder}, "artifacts": artifacts}
        _write(Path(self.output_file), json.dumps(answer, allow_nan=False).encode())


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
            output_file=outputs["outputFile"],
            parameter_files=[parameter["outputFile"] for parameter in outputs.get("parameters", {}).values()],
            artifacts=outputs.get("artifacts", {}),
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
    """Write the executor output file of a task that makes no folder, and the file of its one output, a text."""
    outputs = json.loads(executor_input)["outputs"]
    _write(Path(outputs["parameters"][name]["outputFile"]), text.encode())
    _write(Path(outputs["outputFile"]), json.dumps({"parameterValues": {name: text}}).encode())


def local_path(uri: str) -> Path | None:
    """Return where the launcher looks for the file of an output, None if it has no place for it.

    On a laptop the uri is a path itself.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return Path(uri)
    return Path(f"{MOUNTS[scheme]}/{rest}") if scheme in MOUNTS else None


def _reported(item: Mapping[str, Any], name: str, shown: ShownFolder) -> dict[str, Any]:
    metadata, content = shown.output(name)
    if path := local_path(item["uri"]):
        _write(path, content)
    return {"name": item["name"], "type": item.get("type", {}), "uri": item["uri"], "metadata": metadata}


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
