"""The hardware of a Job: from the ConfigMap of the namespace, or from the request itself.

A file of the ConfigMap ``scalequest-profiles``, and a request in JSON, look as those of ``pipelines/profiles`` do::

    node_selector: {cloud.google.com/gke-accelerator: nvidia-a100-80gb}
    tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
    spot: {node_selector: {cloud.google.com/gke-spot: "true"}, tolerations: []}  # added for NAME-spot
    tasks: # one pod each; of cpu, only cpu and memory count
      cpu: {gpus: "0", cpu: "2", memory: 8Gi, ephemeral_storage: 20Gi, shm: 1Gi}
      inference: {gpus: "1", cpu: "11", memory: 144Gi, ephemeral_storage: 120Gi, shm: 16Gi}
      training: {gpus: "8", cpu: "88", memory: 1100Gi, ephemeral_storage: 1000Gi, shm: 64Gi}
    queue: scalequest-gpu  # of Kueue; "": none
    priority_class: ""  # the queue's; without a queue, the pods'
    training_nodes: 1  # machines of a training
    parallel_trainings: false  # whether, without a queue, there are nodes for all trainings at once
    accelerator: nvidia.com/gpu  # its resource name; another one only where tasks do the work themselves
    images: {cpu: …, vllm: …, train: …}  # others than the release's, by their full names
    service_account: scalequest  # that runs were meant to have
    price_per_gpu_hour: 2.5  # US dollars for one GPU; null or left out: not known

What else stands there is for others. An entry may be like another one, which it names, but for what it says itself; so
the entry ``default`` is, which a run takes that names none:

    like: gke-a100-80g-spot
    queue: scalequest-gpu
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from components.shared.errors import InputError
from components.shared.jobs.body import ACCELERATOR
from components.shared.jobs.pod_hardware import Placement, Task

CONFIG_MAP = "scalequest-profiles"
SPOT = "-spot"
LIKE = "like"
# What such an entry may say itself.
OWN = (
    "queue",
    "priority_class",
    "training_nodes",
    "parallel_trainings",
    "accelerator",
    "images",
    "service_account",
    "price_per_gpu_hour",
)
SIZES = ("cpu", "inference", "training")
IMAGES = ("cpu", "vllm", "train")
_QUANTITIES = [each.name for each in dataclasses.fields(Task)]


@dataclass(frozen=True, kw_only=True)
class JobProfile:
    """What the pods of Jobs ask for, where they go, and in which queue they wait."""

    name: str  # for messages
    placement: Placement
    tasks: Mapping[str, Task]
    queue: str = ""
    priority_class: str = ""
    training_nodes: int = 1
    parallel_trainings: bool = False  # without a queue, there are nodes for all trainings at once
    accelerator: str = ACCELERATOR
    images: Mapping[str, str] = field(default_factory=dict)  # full names, by ours
    service_account: str = ""
    price_per_gpu_hour: float | None = None  # US dollars for one GPU; None: not known

    def task(self, size: str) -> Task:
        """Return what a pod of a size asks for; InputError where the profile does not say."""
        if size not in self.tasks:
            raise InputError(
                f"profile {self.name} has no task {size!r}; it has {_listed(self.tasks)}: add {size} to its tasks"
            )
        return self.tasks[size]


def is_name(profile: str) -> bool:
    """Tell whether a request names a profile of the namespace, and does not hold one itself."""
    return not profile.lstrip().startswith("{")


def profile_of_json(text: str) -> JobProfile:
    """Read a request that holds its profile; InputError for what is none."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InputError(f"profile {text[:80]!r} is no JSON ({error}); expected a name, or {{…}}") from error
    return _profile("in JSON", document, spot=False)


def profile_of_name(name: str, files: Mapping[str, str]) -> JobProfile:
    """Return a profile of the namespace's ConfigMap; InputError names those that there are."""
    stem, spot = (name, False) if f"{name}.yaml" in files else (name.removesuffix(SPOT), name.endswith(SPOT))
    if f"{stem}.yaml" not in files:
        raise InputError(
            f"profile {name!r} is unknown; the ConfigMap {CONFIG_MAP} has "
            f"{_listed(key.removesuffix('.yaml') for key in files)} (and each with {SPOT}, where it has spot nodes)"
        )
    try:
        document = yaml.safe_load(files[f"{stem}.yaml"])
    except yaml.YAMLError as error:
        raise InputError(f"profile {stem}: {stem}.yaml of the ConfigMap {CONFIG_MAP} is no YAML: {error}") from error
    if isinstance(document, Mapping) and document.get(LIKE):
        others = {key: text for key, text in files.items() if key != f"{stem}.yaml"}
        own = _profile(name, {key: value for key, value in document.items() if key != LIKE}, spot=False)
        changed = {key: getattr(own, key) for key in OWN if key in document}
        return dataclasses.replace(profile_of_name(str(document[LIKE]), others), **changed)
    return _profile(name, document, spot=spot)


def _profile(name: str, document: Any, *, spot: bool) -> JobProfile:
    if not isinstance(document, Mapping):
        raise InputError(f"profile {name} is {type(document).__name__}; expected a mapping with tasks")
    extra = _mapping(name, document, "spot") if spot else {}
    if spot and not (extra.get("node_selector") or extra.get("tolerations")):
        raise InputError(f"profile {name}: {name.removesuffix(SPOT)} has no spot nodes; leave {SPOT} out")
    selector = {**_mapping(name, document, "node_selector"), **_mapping(name, extra, "node_selector")}
    tolerations = [*_list(name, document, "tolerations"), *_list(name, extra, "tolerations")]
    tasks = _mapping(name, document, "tasks")
    return JobProfile(
        name=name,
        placement=Placement(node_selector=selector, tolerations=tolerations),
        tasks={size: _task(name, size, tasks[size]) for size in SIZES if size in tasks},
        queue=str(document.get("queue") or ""),
        priority_class=str(document.get("priority_class") or ""),
        training_nodes=_training_nodes(name, document),
        parallel_trainings=_parallel_trainings(name, document),
        accelerator=str(document.get("accelerator") or ACCELERATOR),
        images=_images(name, document),
        service_account=str(document.get("service_account") or ""),
        price_per_gpu_hour=_price(name, document),
    )


def _price(name: str, document: Mapping[str, Any]) -> float | None:
    price = document.get("price_per_gpu_hour")
    if price is None:
        return None
    if not isinstance(price, int | float) or isinstance(price, bool) or not 0 <= price < math.inf:
        raise InputError(
            f"profile {name}: price_per_gpu_hour is {price!r}; expected US dollars for one GPU, or null where it is "
            "not known"
        )
    return float(price)


def _training_nodes(name: str, document: Mapping[str, Any]) -> int:
    number = document.get("training_nodes") or 1
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise InputError(f"profile {name}: training_nodes is {number!r}; expected a whole number, at least 1")
    return number


def _parallel_trainings(name: str, document: Mapping[str, Any]) -> bool:
    value = document.get("parallel_trainings", False)
    if not isinstance(value, bool):
        raise InputError(f"profile {name}: parallel_trainings is {value!r}; expected true or false")
    return value


def _images(name: str, document: Mapping[str, Any]) -> dict[str, str]:
    images = _mapping(name, document, "images")
    if others := sorted(set(images) - set(IMAGES)):
        raise InputError(f"profile {name}: images names {_listed(others)}; expected any of {', '.join(IMAGES)}")
    return {image: str(full_name) for image, full_name in images.items() if full_name}


def _task(name: str, size: str, given: Any) -> Task:
    lacking = [key for key in _QUANTITIES if not isinstance(given, Mapping) or given.get(key) in (None, "")]
    if lacking:
        raise InputError(
            f"profile {name}: its task {size} lacks {', '.join(lacking)}; expected {', '.join(_QUANTITIES)}"
        )
    return Task(**{key: str(given[key]) for key in _QUANTITIES})


def _mapping(name: str, document: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = document.get(key) or {}
    if not isinstance(value, Mapping):
        raise InputError(f"profile {name}: {key} is {value!r}; expected a mapping")
    return dict(value)


def _list(name: str, document: Mapping[str, Any], key: str) -> list[dict[str, str]]:
    value = document.get(key) or []
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise InputError(f"profile {name}: {key} is {value!r}; expected a list of mappings")
    return [dict(each) for each in value]


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"
