r"""The profile that a plan is for: a released one, or a file as an entry of a cluster's ConfigMap scalequest-profiles.

Such a file may name another profile that it is like, its queue and images of its own; an entry is saved with::

    kubectl get configmap scalequest-profiles -o jsonpath='{.data.default\.yaml}' > default.yaml
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.config.values import nearest
from components.shared.errors import InputError
from components.shared.jobs.job_profiles import LIKE, OWN, SPOT, JobProfile, profile_of_name
from pipelines.arguments import Run
from pipelines.cluster.hardware import quantity
from pipelines.compiled_pipeline import declared_in
from pipelines.hardware_profiles import PROFILES, Node, Profile, profile_names, read_profile
from pipelines.placed_yaml import read_placed
from pipelines.run_checks.told import IMAGES

SUFFIXES = (".yaml", ".yml")
NODES = ("node", "cpu_node")
TEXTS = ("queue", "priority_class", "accelerator", "service_account")
FULL = (*OWN, *NODES, "platform", "node_selector", "tolerations", "spot", "tasks")  # what one may say that is like none


@dataclass(frozen=True, kw_only=True)
class PlannedProfile:
    """Where a run is planned to go."""

    hardware: Profile
    of_jobs: JobProfile
    is_own: bool  # a file of one's own, which says which queue there is


def read_planned_profile(given: str) -> PlannedProfile:
    """Return the profile of a name or a file; InputError for what is none."""
    released = {f"{name}.yaml": (PROFILES / f"{name}.yaml").read_text(encoding="utf-8") for name in profile_names()}
    if not given.endswith(SUFFIXES):
        if given.removesuffix(SPOT) not in profile_names():
            raise InputError(
                f"--profile {given!r} is unknown; expected one of {', '.join(profile_names())} (with {SPOT} for its "
                "spot nodes), or the path of a .yaml file"
            )
        of_jobs = profile_of_name(given, released)
        return PlannedProfile(hardware=_hardware(of_jobs, given, {}), of_jobs=of_jobs, is_own=False)
    path = Path(given)
    document = read_placed(path, called=f"--profile {given}").values
    name = path.stem
    _check_keys(name, document)
    of_jobs = profile_of_name(name, released | {f"{name}.yaml": path.read_text(encoding="utf-8-sig")})
    of_jobs = dataclasses.replace(of_jobs, name=name)
    hardware = _hardware(of_jobs, str(document.get(LIKE, "")), document)
    return PlannedProfile(hardware=hardware, of_jobs=of_jobs, is_own=True)


def images_of(run: Run, profile: PlannedProfile) -> dict[str, str]:
    """Return which images a run has: the profile's, else those that its compiled pipeline names."""
    told = declared_in(run.pipeline.spec["components"]["comp-check-run"])
    compiled = {name: str(told[parameter]["defaultValue"]) for parameter, name in IMAGES.items()}
    return {name: profile.of_jobs.images.get(name, image) for name, image in compiled.items()}


def _check_keys(name: str, document: Mapping[str, Any]) -> None:
    """Raise InputError for a key that would say nothing, and for what is no text where one is expected."""
    if (like := document.get(LIKE)) and str(like).removesuffix(SPOT) not in profile_names():
        others = f"expected one of {', '.join(profile_names())}"
        raise InputError(f"profile {name}: {LIKE} is {like!r}; {nearest(str(like), profile_names(), otherwise=others)}")
    for key in TEXTS:
        if not isinstance(document.get(key) or "", str):
            raise InputError(f"profile {name}: {key} is {document[key]!r}; expected text")
    known = (LIKE, *OWN, *NODES) if document.get(LIKE) else FULL
    for key in document:
        if key in FULL and key not in known:
            raise InputError(f"profile {name}: {key} says nothing beside {LIKE}; leave one of them out")
        if key not in known:
            raise InputError(f"profile {name}: unknown key {key!r}; {nearest(key, (LIKE, *FULL))}")


def _hardware(of_jobs: JobProfile, base: str, document: Mapping[str, Any]) -> Profile:
    """Return the nodes of a profile and what its tasks ask for; those of ``base`` where it does not say."""
    name = of_jobs.name
    like = read_profile(base.removesuffix(SPOT)) if base else None
    nodes = {key: _node(name, key, document[key]) for key in NODES if key in document}
    if like is None and len(nodes) < len(NODES):
        raise InputError(
            f"profile {name} does not say what its nodes have; add like: PROFILE, or {' and '.join(NODES)}"
        )
    tasks = {size: of_jobs.task(size) for size in ("cpu", "inference", "training")}
    for size, task in tasks.items():
        for resource, text in vars(task).items():
            quantity(f"{name}.tasks.{size}.{resource}", text)
    found = {key: nodes.get(key) or getattr(like, key) for key in NODES}
    return Profile(
        name=name,
        platform=like.platform if like else document.get("platform", "local"),
        **found,
        on_demand=of_jobs.placement,
        spot=of_jobs.placement,
        tasks=tasks,
        price_per_gpu_hour=of_jobs.price_per_gpu_hour,
    )


def _node(name: str, key: str, given: Any) -> Node:
    fields = [each.name for each in dataclasses.fields(Node)]
    if not isinstance(given, Mapping) or set(given) != set(fields):
        raise InputError(f"profile {name}: {key} is {given!r}; expected a mapping with {', '.join(fields)}")
    if not isinstance(given["gpus"], int) or isinstance(given["gpus"], bool) or given["gpus"] < 0:
        raise InputError(f"profile {name}: {key}.gpus is {given['gpus']!r}; expected a whole number, at least 0")
    texts = {resource: str(given[resource]) for resource in ("cpu", "memory", "ephemeral_storage")}
    for resource, text in texts.items():
        quantity(f"{name}.{key}.{resource}", text)
    return Node(machine=str(given["machine"]), gpus=given["gpus"], **texts)
