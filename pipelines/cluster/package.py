"""The compiled pipeline as a cluster gets it: trimmed, images by digest, and queued only if there is a queue."""

from __future__ import annotations

import contextlib
import copy
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from components.shared.errors import InputError
from components.shared.jobs.body import QUEUE_LABEL
from pipelines.arguments import Run
from pipelines.cluster.findings import Finding
from pipelines.cluster.trimming import trimmed
from pipelines.compiled_checks import images_without_digest
from pipelines.compiled_pipeline import (
    CompiledPipeline,
    checks_of,
    declared_in,
    executors_on_kubernetes,
    find,
    graphs_of,
)
from pipelines.hardware_profiles import Profile
from pipelines.resources import QUEUE
from pipelines.run_checks.told import LAST_STEP_INPUT
from pipelines.task_outputs import called

RELEASE = "release them (make release-images REGISTRY=…)"


def is_queued(profile: Profile, *, queue: bool) -> bool:
    """Return whether GPU steps go through the LocalQueue: not where nobody wants it, nor where there are no GPUs."""
    return queue and profile.node.gpus > 0


def check_pinned(pipeline: CompiledPipeline, profile: Profile) -> None:
    """Raise InputError for images without a digest, but on the one machine of the profile local, which has its own."""
    names = images_without_digest([pipeline.spec])
    if names and profile.platform != "local":
        raise InputError(
            f"the pipeline names images by tag ({', '.join(names)}), which no registry has before a release and "
            f"which may change between two pods of a run; {RELEASE}, or add --allow-tags if your nodes have them"
        )


def check_images(profile: Profile, *, allow_tags: bool) -> Finding:
    """Say whether the images of the whole figure are pinned."""
    names = images_without_digest([find("scalequest").spec])
    if not names:
        return Finding(True, "the pipelines name their images by digest")
    what = f"the pipelines name images by tag ({', '.join(names)})"
    if profile.platform == "local":
        return Finding(True, f"{what}: they have to be on the node")
    return Finding(
        None if allow_tags else False, what, f"{RELEASE}, or submit with --allow-tags if your nodes have them"
    )


def cpu_image() -> str:
    """Return the image of the pipelines' steps without a model."""
    executors = find("scalequest").spec["deploymentSpec"]["executors"].values()
    commands = {tuple(each["container"]["command"]): each["container"]["image"] for each in executors}
    return str(commands["python3", "-m", "components.import_questions"])


@contextlib.contextmanager
def package(run: Run, *, queued: bool, idle: Collection[str] = ()) -> Iterator[Run]:
    """Yield a run as it is submitted: without what it never needs, and with a queue's name only if it is queued.

    ``idle``: what the tasks are called that have nothing to do, and do not wait for it in the queue.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, run.pipeline.path.name)
        documents = trimmed(run.pipeline.documents, run.steps)
        documents = _with_end(documents, run.last_step) if run.last_step else documents
        documents = with_queue(documents, idle) if queued else documents
        path.write_text(yaml.dump_all(documents, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))
        pipeline = CompiledPipeline(path)
        arguments = {name: value for name, value in run.arguments.items() if name in pipeline.parameters}
        yield replace(run, pipeline=pipeline, arguments=arguments)


def _with_end(documents: Sequence[Mapping[str, Any]], last_step: str) -> list[dict[str, Any]]:
    """Return a compiled pipeline that tells its first task, which compiles all of it again, where the run ends."""
    changed: list[dict[str, Any]] = copy.deepcopy([dict(document) for document in documents])
    spec = changed[0]
    for (name,) in checks_of(spec):
        task = spec["root"]["dag"]["tasks"][name]
        task["inputs"]["parameters"][LAST_STEP_INPUT] = {"runtimeValue": {"constant": last_step}}
        declared_in(spec["components"][task["componentRef"]["name"]])[LAST_STEP_INPUT] = {"parameterType": "STRING"}
    return changed


def with_queue(documents: Sequence[Mapping[str, Any]], idle: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return a compiled pipeline whose tasks with accelerators wait in Kueue's LocalQueue, which has to be there.

    But for those that are ``idle``, by what they are called.
    """
    changed: list[dict[str, Any]] = copy.deepcopy([dict(document) for document in documents])
    executors, at_work = changed[0]["deploymentSpec"]["executors"], _executors_at_work(changed[0], idle)
    for label, settings in executors_on_kubernetes(changed).items():
        if label in at_work and "accelerator" in executors[label]["container"].get("resources", {}):
            settings.setdefault("podMetadata", {}).setdefault("labels", {})[QUEUE_LABEL] = QUEUE
    return changed


def _executors_at_work(spec: Mapping[str, Any], idle: Collection[str]) -> set[str]:
    """Return the labels of the executors of tasks that are not idle."""
    components = spec["components"]
    tasks = [task for graph in graphs_of(spec).values() for task in graph["dag"]["tasks"].values()]
    at_work = [task for task in tasks if called(task["taskInfo"]["name"]) not in idle]
    return {components[task["componentRef"]["name"]].get("executorLabel", "") for task in at_work}
