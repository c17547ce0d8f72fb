"""What the tasks of a run ask for, resolved from its hardware profile: what the task that checks the run tells them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from components.shared.errors import InputError
from components.shared.images import image
from components.shared.jobs.job_profiles import JobProfile, is_name, profile_of_json, profile_of_name
from pipelines.arguments import Run
from pipelines.cluster.hardware import (
    RESOURCES,
    SIZES,
    arguments_of,
    check_fits,
    check_nodes_at_once,
    check_placement,
    check_quantities,
    check_tensor_parallel,
    hardware_value,
    with_jobs,
    with_shared_pods,
)
from pipelines.hardware_profiles import Profile


@dataclass(frozen=True, kw_only=True)
class CheckedHardware:
    """What pods of each size ask for, by name.

    Text, because Kubeflow's backend reads a whole number as "" and starts without a GPU. The values are those of a run
    without a profile, as on a laptop, where nothing reads them.
    """

    profile: str = ""  # in JSON, of the Jobs that do the work of steps with a model; "": no Jobs
    inference_gpus: str = "0"
    inference_cpu: str = "2"
    inference_memory: str = "8Gi"
    training_gpus: str = "0"
    training_cpu: str = "2"
    training_memory: str = "8Gi"
    training_nodes: int = 1
    inference_image: str = image("vllm")
    training_image: str = image("train")
    waiting_image: str = image("cpu")  # of tasks of steps with a model that have none of its work to do
    cpu_step_cpu: str = "2"
    cpu_step_memory: str = "8Gi"
    accelerator: str = "nvidia.com/gpu"
    gpu_node_selector: dict[str, str] = field(default_factory=dict)
    gpu_tolerations: list[dict[str, str]] = field(default_factory=list)
    gpu_hours_limit: float = 0.0  # that the workspace may take, of max_gpu_hours and max_cost the lower; 0: no limit
    gpu_hour_price: float = 0.0  # US dollars; 0: not known


IMAGES = ("inference_image", "training_image", "waiting_image")  # of the outputs, those that nobody sets either
BUDGET = ("gpu_hours_limit", "gpu_hour_price")  # of the outputs, those that are worked out, and nobody sets


@dataclass(frozen=True, kw_only=True)
class AskedBudget:
    """What a run may take, by the parameters of the same names; 0: not said."""

    max_gpu_hours: float = 0.0
    max_cost: float = 0.0
    price_per_gpu_hour: float = 0.0


def budget_in(arguments: Mapping[str, Any]) -> AskedBudget:
    """Return what a run's parameters say of its budget."""
    names = [each.name for each in dataclasses.fields(AskedBudget)]
    return AskedBudget(**{name: float(arguments.get(name, 0.0)) for name in names})


@dataclass(frozen=True, kw_only=True)
class AskedHardware:
    """What a run says of its hardware, and the images of the pipeline's release."""

    profile: str  # a name in the ConfigMap scalequest-profiles, JSON of the same shape, or "" where no cluster is
    gpu_work: str
    pods: str
    cpu_image: str
    vllm_image: str
    train_image: str
    budget: AskedBudget = field(default_factory=AskedBudget)


def asked_hardware(
    profile: Profile, settings: Iterable[str], *, spot: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Return what a run asks for, its profile's or what ``name=value`` settings say, and the other settings."""
    asked = dataclasses.asdict(CheckedHardware()) | arguments_of(profile, spot=spot)
    others = []
    for setting in settings:
        name, equals, text = setting.partition("=")
        if equals and name in IMAGES:
            raise InputError(
                f"--set {name}: a run's images are those of its compiled pipeline; others stand in `images` of a "
                "profile in the ConfigMap scalequest-profiles"
            )
        if equals and name in asked and name not in ("profile", *BUDGET):
            asked[name] = hardware_value(name, text, type(asked[name]))
        else:
            others.append(setting)
    return asked, others


def resolve_hardware(asked: AskedHardware, files: Callable[[], Mapping[str, str]]) -> CheckedHardware:
    """Return what the tasks ask for; InputError names the parameter that is wrong.

    ``files`` reads the namespace's ConfigMap, and is called only for a profile that is a name.
    """
    if not asked.profile:
        ours = CheckedHardware(
            inference_image=asked.vllm_image, training_image=asked.train_image, waiting_image=asked.cpu_image
        )
        return _within_budget(ours, asked.budget, 0.0)
    profile = read_job_profile(asked.profile, files)
    return _within_budget(_of_profile(profile, asked), asked.budget, profile.price_per_gpu_hour or 0.0)


def _of_profile(profile: JobProfile, asked: AskedHardware) -> CheckedHardware:
    wanted = _wanted(profile, asked)
    check_placement(wanted)
    check_quantities(wanted)
    if asked.gpu_work == "task":
        return _from(with_shared_pods(wanted | {"pods": asked.pods}) | {"profile": ""})
    return _from(
        with_jobs(
            profile,
            wanted,
            image=profile.images.get("cpu", asked.cpu_image),
            queue=profile.queue,
            priority_class=profile.priority_class,
            own_images=profile.images,
        )
    )


def check_steps_fit(asked: AskedHardware, files: Callable[[], Mapping[str, str]], run: Run) -> None:
    """Raise InputError where a step of a run needs more than its profile gives it, or could wait forever for more."""
    if not asked.profile:
        return
    profile = read_job_profile(asked.profile, files)
    wanted = _wanted(profile, asked)
    check_tensor_parallel(run.steps, wanted)
    if not profile.queue and not profile.parallel_trainings:
        check_nodes_at_once(wanted | run.arguments)


def check_hardware(profile: Profile, asked: Mapping[str, Any], run: Run) -> None:
    """Raise InputError for what a run's first task would refuse, and for what fits no node of the profile.

    ``run``: with the profile, and what is ``asked`` in place of its own, in its parameter ``profile``.
    """
    images = {"cpu_image": "", "vllm_image": "", "train_image": ""}  # which nothing here looks at
    arguments = {name: str(run.arguments[name]) for name in ("profile", "gpu_work", "pods")}
    of_run = AskedHardware(**arguments, **images, budget=budget_in(run.arguments))
    resolved = resolve_hardware(of_run, dict)
    check_steps_fit(of_run, dict, run)
    is_task = run.arguments["gpu_work"] == "task"
    check_fits(profile, dataclasses.asdict(resolved) if is_task else asked)


def hardware_here(arguments: Mapping[str, Any]) -> CheckedHardware:
    """Return what tasks ask for on this machine; InputError for a limit in US dollars where no price is given."""
    return _within_budget(CheckedHardware(), budget_in(arguments), 0.0)


def _within_budget(hardware: CheckedHardware, asked: AskedBudget, price_of_profile: float) -> CheckedHardware:
    """Add the price of a GPU-hour, and the limit in GPU-hours: the lower one, where money has one, too."""
    price = asked.price_per_gpu_hour or price_of_profile
    if asked.max_cost and not price:
        raise InputError(
            f"max_cost {asked.max_cost:g} needs the price of a GPU-hour, which is not known here; give "
            "price_per_gpu_hour, or max_gpu_hours instead"
        )
    return replace(hardware, gpu_hours_limit=gpu_hours_limit(asked, price), gpu_hour_price=price)


def gpu_hours_limits(asked: AskedBudget, price: float) -> dict[str, float]:
    """Return how many GPU-hours a workspace may take by each parameter that limits them, also by money."""
    limits = {"max_gpu_hours": asked.max_gpu_hours, "max_cost": asked.max_cost / price if price else 0.0}
    return {name: limit for name, limit in limits.items() if limit}


def gpu_hours_limit(asked: AskedBudget, price: float) -> float:
    """Return how many GPU-hours a workspace may take: the lower limit; 0: no limit."""
    return min(gpu_hours_limits(asked, price).values(), default=0.0)


def read_job_profile(text: str, files: Callable[[], Mapping[str, str]]) -> JobProfile:
    """Return the profile that a run names or holds."""
    return profile_of_name(text, files()) if is_name(text) else profile_of_json(text)


def _wanted(profile: JobProfile, asked: AskedHardware) -> dict[str, Any]:
    """Return what the tasks would ask for if they did all work themselves."""
    sizes = {
        f"{prefix}_{resource}": getattr(profile.task(size), resource)
        for size, prefix in SIZES.items()
        for resource in RESOURCES
        if (size != "cpu" or size in profile.tasks) and (size, resource) != ("cpu", "gpus")
    }
    return dataclasses.asdict(CheckedHardware()) | {
        **sizes,
        "training_nodes": profile.training_nodes,
        "accelerator": profile.accelerator,
        "inference_image": profile.images.get("vllm", asked.vllm_image),
        "training_image": profile.images.get("train", asked.train_image),
        "waiting_image": profile.images.get("cpu", asked.cpu_image),
        "gpu_node_selector": profile.placement.node_selector,
        "gpu_tolerations": profile.placement.tolerations,
    }


def _from(arguments: Mapping[str, Any]) -> CheckedHardware:
    names = {each.name for each in dataclasses.fields(CheckedHardware)}
    return CheckedHardware(**{name: value for name, value in arguments.items() if name in names})
