"""A stand-in for what Kubeflow Pipelines does before and after a step's process: its driver and its launcher.

kfp.local walks the graph, and the steps are processes as ever. Between them stand the rules by which a cluster goes on
or ends a run, from the source of KFP 2.17.0 (backend/src/v2: driver, component, objectstore, metadata) and, for
metrics, of what comes after it:

1. The driver resolves the container's arguments, and its image, from the values that the task gives, without defaults.
2. The launcher puts the defaults in, and its own artifact ``executor-logs`` among the outputs.
3. The executor output is read by a strict parser: no unknown keys, no other types, no NaN.
4. Each output's uri lies below the run's root; what lies at its local path is uploaded there.
5. Metadata holds no null, and of metrics numbers alone.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.compiler.pipeline_spec_builder import to_protobuf_value
from kfp.local import executor_output_utils, subprocess_task_handler, task_dispatcher
from kfp.local.status import Status
from kfp.pipeline_spec.pipeline_spec_pb2 import ExecutorInput, ExecutorOutput, ParameterType

from pipelines.nested import walk

ROOT = "minio://mlpipeline/v2/artifacts"  # Kubeflow's default
LOGS = "executor-logs"
_PLACEHOLDER = re.compile(r"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}")
_KINDS = {
    ParameterType.STRING: "string_value",
    ParameterType.BOOLEAN: "bool_value",
    ParameterType.NUMBER_INTEGER: "number_value",
    ParameterType.NUMBER_DOUBLE: "number_value",
    ParameterType.LIST: "list_value",
    ParameterType.STRUCT: "struct_value",
}


class KubeflowError(Exception):
    """What ends a run on a cluster, in about its words."""


class Launcher:
    """Runs tasks as a cluster would; ``place`` gets the bucket, the mounts, and a line a task in ``tasks.jsonl``."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._lock = threading.Lock()  # a loop's tasks have threads

    @contextlib.contextmanager
    def in_place_of_kfp(self) -> Iterator[None]:
        """Let kfp.local's tasks run here."""
        original = task_dispatcher.run_single_task_implementation
        task_dispatcher.run_single_task_implementation = self.run_task
        try:
            yield
        finally:
            task_dispatcher.run_single_task_implementation = original

    def run_task(self, *, component_name: str, **task: Any) -> tuple[dict[str, Any], Status]:
        """Drive and launch one task; say what ended it, which kfp keeps to itself."""
        try:
            return self._run_task(component_name=component_name, **task)
        except KubeflowError as error:
            sys.stderr.write(f"{component_name}: {error}\n")
            raise

    def _run_task(
        self, *, pipeline_resource_name: str, component_name: str, component_spec: Any, executor_spec: Any,
        arguments: Mapping[str, Any], **_: Any,
    ) -> tuple[dict[str, Any], Status]:  # fmt: skip
        root = f"{ROOT}/{pipeline_resource_name}"
        executor_input = self._executor_input(root, component_name, component_spec)
        given = driven_inputs(component_spec, arguments)
        container = executor_spec.container
        image = resolve_argument(container.image, given)
        words = [resolve_argument(word, given) for word in (*container.command, *container.args)]
        for name, value in given.items():
            executor_input.inputs.parameter_values[name].CopyFrom(value)
        for name, declared in component_spec.input_definitions.parameters.items():
            if declared.HasField("default_value") and name not in given:
                executor_input.inputs.parameter_values[name].CopyFrom(declared.default_value)
        told = json_format.MessageToJson(executor_input, indent=None)
        self._prepare(executor_input)
        command = [word.replace("{{$}}", told) for word in words]
        status: Status = subprocess_task_handler.SubprocessTaskHandler(full_command=command).run()
        output = accept_output(Path(executor_input.outputs.output_file).read_bytes(), executor_input, root)
        self._upload(executor_input)
        self._record(component_name, image, executor_input, output)
        outputs: dict[str, Any] = executor_output_utils.get_outputs_from_executor_output(
            output, executor_input, component_spec
        )
        return outputs, status

    def local_path(self, uri: str) -> Path:
        """Return where the launcher looks for what is to be uploaded to a uri."""
        scheme, _, rest = uri.partition("://")
        return self.place / {"gs": "gcs"}.get(scheme, scheme) / rest

    def uploaded(self, uri: str) -> Path:
        """Return the object at a uri."""
        return self.place / "bucket" / uri.partition("://")[2]

    def _executor_input(self, root: str, component_name: str, component_spec: Any) -> ExecutorInput:
        task = f"{component_name.removeprefix('comp-')}/{uuid.uuid4()}"
        kinds = {name: item.artifact_type for name, item in component_spec.output_definitions.artifacts.items()}
        titles = {name: kind.schema_title for name, kind in kinds.items()} | {LOGS: "system.Artifact"}
        artifacts = {
            name: {"artifacts": [{"name": name, "type": {"schemaTitle": title}, "uri": f"{root}/{task}/{name}"}]}
            for name, title in titles.items()
        }
        pod = self.place / "pods" / task
        files = {name: {"outputFile": str(pod / name)} for name in component_spec.output_definitions.parameters}
        outputs = {"artifacts": artifacts, "parameters": files, "outputFile": str(pod / "output_metadata.json")}
        return json_format.ParseDict({"inputs": {}, "outputs": outputs}, ExecutorInput())

    def _prepare(self, executor_input: ExecutorInput) -> None:
        for name, listing in executor_input.outputs.artifacts.items():
            path = self.local_path(listing.artifacts[0].uri)
            path.parent.mkdir(parents=True, exist_ok=True)
            if name == LOGS:
                path.write_text("what the step logged")

    def _upload(self, executor_input: ExecutorInput) -> None:
        """Upload what lies there; the launcher only warns where nothing does."""
        for listing in executor_input.outputs.artifacts.values():
            source, target = (place(listing.artifacts[0].uri) for place in (self.local_path, self.uploaded))
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.exists():
                shutil.copyfile(source, target)

    def _record(self, component_name: str, image: str, executor_input: ExecutorInput, output: ExecutorOutput) -> None:
        line = {
            "task": component_name,
            "image": image,
            "inputs": json_format.MessageToDict(executor_input.inputs),
            "outputs": json_format.MessageToDict(executor_input.outputs),
            "parameters": json_format.MessageToDict(output)["parameterValues"],
        }
        with self._lock, (self.place / "tasks.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def driven_inputs(component_spec: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a task gives, as the driver passes them on: text where text is declared, no defaults."""
    given = {name: to_protobuf_value(value) for name, value in arguments.items()}
    for name, declared in component_spec.input_definitions.parameters.items():
        if name not in given:
            if not declared.is_optional and not declared.HasField("default_value"):
                raise KubeflowError(f"neither value nor default value provided for non-optional parameter {name!r}")
            continue
        wanted, kind = _KINDS[declared.parameter_type], given[name].WhichOneof("kind")
        if wanted == "string_value" and kind != wanted:
            given[name] = to_protobuf_value(json.dumps(json_format.MessageToDict(given[name])))
        elif kind != wanted:
            raise KubeflowError(f"input parameter {name!r} type mismatch: expect {wanted}, got {kind}")
    return given


def resolve_argument(word: str, given: Mapping[str, Any]) -> str:
    """Return an argument with values in place of inputs; the executor input is left to the launcher."""
    for name in _PLACEHOLDER.findall(word):
        if name not in given:
            raise KubeflowError(f"failed to resolve container args: parameter {name!r} not found in executor input")
    return _PLACEHOLDER.sub(lambda found: _text(given[found[1]]), word)


def accept_output(written: bytes, executor_input: ExecutorInput, root: str) -> ExecutorOutput:
    """Read what a step wrote, and merge it into the outputs; KubeflowError where the launcher would end the task."""
    try:
        json.loads(written.decode("utf-8"), parse_constant=_refuse)
        output = json_format.Parse(written, ExecutorOutput())
    except (ValueError, json_format.ParseError) as error:
        raise KubeflowError(f"failed to unmarshall ExecutorOutput: {error}") from error
    for name, listing in executor_input.outputs.artifacts.items():
        (artifact,) = listing.artifacts
        for reported in output.artifacts[name].artifacts[:1] if name in output.artifacts else []:
            artifact.uri = reported.uri or artifact.uri
            artifact.metadata.update(json_format.MessageToDict(reported.metadata))
        if not artifact.uri.startswith(f"{root}/"):
            raise KubeflowError(
                f"failed to upload output artifact {name!r}: URI {artifact.uri!r} does not have expected bucket prefix "
                f"{root!r}"
            )
        _check_metadata(name, artifact)
    return output


def _check_metadata(name: str, artifact: Any) -> None:
    if any(value is None for _, value in walk(json_format.MessageToDict(artifact.metadata))):
        raise KubeflowError(f"unable to produce MLMD artifact for output {name!r}: null in {artifact.metadata}")
    for key, value in artifact.metadata.fields.items():
        if artifact.type.schema_title == "system.Metrics" and value.WhichOneof("kind") != "number_value":
            raise KubeflowError(f"metric value {key!r} must be a number, got {value.WhichOneof('kind')}")


def _refuse(constant: str) -> None:
    raise ValueError(f"invalid value {constant}")


def _text(value: Any) -> str:
    content = json_format.MessageToDict(value)
    return content if isinstance(content, str) else json.dumps(content)


def main() -> None:
    """Run ``scalequest`` through the stand-in: ``python -m tests.kubeflow.launcher PLACE run smoke …``."""
    from pipelines.cli import main as scalequest

    launcher = Launcher(Path(sys.argv.pop(1)))
    with launcher.in_place_of_kfp():
        scalequest()


if __name__ == "__main__":
    main()
